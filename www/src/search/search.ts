// What was found, and keeping it so: it is asked again at every key, at every change of what is stored, and while the index
// is being built.

import { signal } from "@preact/signals";
import type { SearchHit, SearchResult } from "hoardb";
import { changes, theHoard } from "../hoard";
import type { RecordingSchema } from "../schema";
import { nothingAsked, toOptions, toParameters, type Asked } from "./asked";

export type Result = SearchResult<RecordingSchema>;
export type Hit = SearchHit<RecordingSchema>;

export interface Found extends Result {
  /** What this is the answer to: what is in the field may be newer. */
  asked: Asked;
  tookMs: number;
}

const pageSize = 20;
/** The hoard gives no more at once. */
export const hitsMax = 1000;
/** Changes come with every captured frame; what was found need not follow each. */
const followEveryMs = 400;

/** The last answer; it stays until there is the next one. */
export const found = signal<Found | null>(null);
export const failure = signal<unknown>(null);
/** What was asked last; the way back to it. */
export const lastAsked = signal<Asked>(nothingAsked);
/** The session that was opened from what was found. */
export const opened = signal<string | null>(null);

let wanted = pageSize;
let running: AbortController | undefined;

/** Searches. An answer that comes after a newer question is nobody's. */
export function search(asked: Asked): Promise<void> {
  if (toParameters(asked) !== toParameters(lastAsked.peek())) wanted = pageSize;
  lastAsked.value = asked;
  return again();
}

export function showMore(): Promise<void> {
  wanted = Math.min(hitsMax, wanted + pageSize);
  return again();
}

async function again(): Promise<void> {
  running?.abort();
  const controller = new AbortController();
  running = controller;
  const asked = lastAsked.peek();
  const began = performance.now();
  try {
    const result = await theHoard().search({ ...toOptions(asked), limit: wanted, signal: controller.signal });
    if (controller.signal.aborted) return;
    found.value = { ...result, asked, tookMs: performance.now() - began };
    failure.value = null;
  } catch (error) {
    if (!controller.signal.aborted) failure.value = error;
  }
}

/** Asks again whenever the answer may be another; returns what stops it. */
export function follow(): () => void {
  let asked: ReturnType<typeof setTimeout> | undefined;
  const soon = () => {
    asked ??= setTimeout(() => {
      asked = undefined;
      void again();
    }, followEveryMs);
  };
  let first = true;
  const stops = [
    changes.subscribe(() => {
      // Subscribing calls at once.
      if (!first) soon();
      first = false;
    }),
    found.subscribe((now) => {
      if (now?.incomplete) soon();
    }),
  ];
  return () => {
    for (const stop of stops) stop();
    clearTimeout(asked);
  };
}
