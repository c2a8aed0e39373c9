// Small choices of this browser. They are conveniences: where storage is refused they last as long as the page.

const prefix = "hoardb-recorder.";

export function recall(name: string): string | null {
  try {
    return localStorage.getItem(prefix + name);
  } catch {
    return null;
  }
}

export function remember(name: string, value: string): void {
  try {
    localStorage.setItem(prefix + name, value);
  } catch {
    // Refused or full: the choice is forgotten at the next load.
  }
}
