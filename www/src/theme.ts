// Light, dark, or what the system prefers. The stored choice is applied before the first paint by public/theme.js.

import { effect, signal } from "@preact/signals";
import { recall, remember } from "./preference";

export type Theme = "system" | "light" | "dark";

const stored = recall("theme");

export const theme = signal<Theme>(stored === "light" || stored === "dark" ? stored : "system");

const systemIsDark = matchMedia("(prefers-color-scheme: dark)");

/** The other of what is shown now; the system's preference is what holds until the first press. */
export function toggleTheme(): void {
  const dark = theme.value === "dark" || (theme.value === "system" && systemIsDark.matches);
  theme.value = dark ? "light" : "dark";
}

effect(() => {
  if (theme.value === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme.value;
  remember("theme", theme.value);
});
