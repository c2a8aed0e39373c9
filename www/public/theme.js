// Applies the stored theme before the first paint. src/theme.ts owns the choice.
try {
  const theme = localStorage.getItem("hoardb-recorder.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is refused: the system's preference holds.
}
