// What the hoard is doing right now: figures that are read again while somebody looks, and the last changes it told of.

import { signal } from "@preact/signals";
import type { HoardEvents, HoardStats } from "hoardb";
import { opening } from "./hoard";
import { otherTabs } from "./tabs";

/** Often enough to look live, seldom enough to be no load of its own. */
const refreshEveryMs = 500;
const changesShown = 6;

export interface Activity {
  stats: HoardStats;
  /** Other tabs with this page open; null where the browser does not say. */
  tabs: number | null;
}

export const activity = signal<Activity | null>(null);

/** A change as it was told, the newest first. */
export interface ToldChange {
  key: number;
  remote: boolean;
  generation: number;
  words: string;
}

export const toldChanges = signal<readonly ToldChange[]>([]);

let lastKey = 0;

/** Takes note of what the hoard told. */
export function note({ changes, generation, remote }: HoardEvents["change"]): void {
  const told = changes.map(({ kind, list, from, to }): ToldChange => {
    lastKey += 1;
    return { key: lastKey, remote, generation, words: words(kind, list, from, to) };
  });
  if (told.length > 0) toldChanges.value = [...told.reverse(), ...toldChanges.value].slice(0, changesShown);
}

function words(kind: string, list = "", from = 0, to = 0): string {
  switch (kind) {
    case "appended":
      return to - from === 1 ? `${list}: item ${from} added` : `${list}: items ${from} to ${to - 1} added`;
    case "set":
      return `${list}: item ${from} replaced`;
    case "deleted":
      return "session deleted";
    case "saved":
      return "session saved";
    default:
      return "metadata written";
  }
}

/** Reads the figures again and again; returns what stops it. */
export function follow(): () => void {
  let stopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const read = async () => {
    const now = opening.peek();
    if (now.state === "open" && !document.hidden) {
      try {
        const [stats, tabs] = await Promise.all([now.hoard.stats(), otherTabs()]);
        if (!stopped) activity.value = { stats, tabs };
      } catch {
        // Whoever writes or reads meets the same and says so.
      }
    }
    if (!stopped) timer = setTimeout(() => void read(), refreshEveryMs);
  };
  void read();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
