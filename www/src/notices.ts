// Messages to the person at the screen: passing ones, and problems that stay until they are dismissed.

import { signal } from "@preact/signals";
import { explain, type Explanation } from "./errors";

export interface Notice {
  key: number;
  kind: "info" | "problem";
  title: string;
  advice: string;
}

export const notices = signal<readonly Notice[]>([]);

const infoShownMs = 5000;
let lastKey = 0;

function show(kind: Notice["kind"], { title, advice }: Explanation): number {
  // The same problem again (a failing disk repeats itself) replaces the one on show instead of piling up.
  const others = notices.value.filter((notice) => notice.title !== title);
  lastKey += 1;
  notices.value = [...others, { key: lastKey, kind, title, advice }];
  return lastKey;
}

export function dismiss(key: number): void {
  notices.value = notices.value.filter((notice) => notice.key !== key);
}

/** Says that something happened; goes away by itself. */
export function tell(title: string): void {
  const key = show("info", { title, advice: "" });
  setTimeout(() => dismiss(key), infoShownMs);
}

/** Reports a problem with what to do about it; stays until dismissed. */
export function report(explanation: Explanation): void {
  show("problem", explanation);
}

export function reportError(error: unknown): void {
  report(explain(error));
}
