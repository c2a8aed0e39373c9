// The one hoard of this page: opening it, and putting recordings right that no page is recording any more.

import { signal } from "@preact/signals";
import { openHoard, type Hoard } from "hoardb";
import { note } from "./activity";
import { report, reportError, tell } from "./notices";
import { index, listNames, type ListName, type RecordingSchema, type SessionMeta } from "./schema";

export type RecorderHoard = Hoard<RecordingSchema>;

export type Opening = { state: "opening" } | { state: "open"; hoard: RecorderHoard } | { state: "failed"; error: unknown };

export const opening = signal<Opening>({ state: "opening" });

/** Raised at every change of what is stored, by this tab or another one. */
export const changes = signal(0);

/** Opens the hoard; `accept` an empty one though there were recordings before. */
export async function open(loss: "reject" | "accept" = "reject"): Promise<void> {
  opening.value = { state: "opening" };
  try {
    const hoard = await openHoard<RecordingSchema>({ name: "hoardb-recorder", loss, index });
    listen(hoard);
    await settleInterrupted(hoard);
    opening.value = { state: "open", hoard };
  } catch (error) {
    opening.value = { state: "failed", error };
  }
}

/** What the hoard tells by itself goes to the pages and to the person at the screen. */
function listen(hoard: RecorderHoard): void {
  hoard.addEventListener("change", ({ detail }) => {
    changes.value += 1;
    note(detail);
  });
  hoard.addEventListener("quota", ({ detail: { error } }) => {
    if (error) reportError(error);
    else tell("There is room again, and everything is stored.");
  });
  hoard.addEventListener("failed", ({ detail }) => reportError(detail.error));
  hoard.addEventListener("blocked", ({ detail }) => reportError(detail.error));
  hoard.addEventListener("healed", () => tell("The storage was interrupted and works again."));
  hoard.addEventListener("loss", ({ detail: { found } }) => {
    if (found) report({ title: "The last moments before the computer went off are missing.", advice: "Everything that was marked as kept is there." });
  });
}

/** The open hoard. Only what is shown after opening may call this. */
export function theHoard(): RecorderHoard {
  if (opening.value.state !== "open") throw new Error("the hoard is not open");
  return opening.value.hoard;
}

/** The lock a page holds while it records a session; who cannot get it knows that someone is recording. */
export function recordingLock(id: string): string {
  return `hoardb-recorder/recording/${id}`;
}

async function isBeingRecorded(id: string): Promise<boolean> {
  // Without locks only this page can be asked, and it has just started.
  if (!navigator.locks) return false;
  const { held = [] } = await navigator.locks.query();
  return held.some((lock) => lock.name === recordingLock(id));
}

/**
 * A page that went away while recording left its session with the status `recording`. Everything it had appended is
 * there; what is missing is the end, which is taken from the last item of each list.
 */
async function settleInterrupted(hoard: RecorderHoard): Promise<void> {
  const left: SessionMeta[] = [];
  // Of the three statuses `recording` sorts last, so in reverse order they all come first.
  for await (const meta of hoard.sessions.list({ orderBy: "status", reverse: true, limit: 100 })) {
    if (meta.status !== "recording") break;
    if (!(await isBeingRecorded(meta.id))) left.push(meta);
  }
  for (const meta of left) await hoard.sessions.update(meta.id, { status: "interrupted", ...(await endOf(hoard, meta)) });
}

async function endOf(hoard: RecorderHoard, meta: SessionMeta): Promise<Pick<SessionMeta, "counts" | "endedAt">> {
  const lengths: Partial<Record<ListName, number>> = {};
  let end = meta.startedAt.getTime();
  for (const name of listNames) {
    const list = hoard.list(meta.id, name);
    const length = await list.length();
    lengths[name] = length;
    const last = length > 0 ? await list.get(length - 1) : undefined;
    if (last) end = Math.max(end, last.at + ("durationMs" in last ? last.durationMs : 0));
  }
  return {
    endedAt: new Date(end),
    counts: { screenshots: lengths.screenshots ?? 0, audio: lengths.audio ?? 0, notes: lengths.notes ?? 0 },
  };
}
