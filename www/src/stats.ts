// The figures of the storage, read again when something changed and somebody looks.

import { signal } from "@preact/signals";
import type { HoardStats } from "hoardb";
import { theHoard } from "./hoard";
import { reportError } from "./notices";

/** Changes come with every captured frame; the figures need not follow each. */
const refreshEveryMs = 2000;

export const stats = signal<HoardStats | null>(null);

let readAt = 0;
let asked: ReturnType<typeof setTimeout> | undefined;

/** Reads the figures now, or as soon as the last reading is old enough. */
export function refreshStats(): void {
  if (asked !== undefined) return;
  asked = setTimeout(
    () => {
      asked = undefined;
      readAt = Date.now();
      theHoard().stats().then((read) => (stats.value = read), reportError);
    },
    Math.max(0, readAt + refreshEveryMs - Date.now()),
  );
}
