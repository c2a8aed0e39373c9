// What a recording is: its metadata and the items of its lists.

import type { AttachmentRef, IndexOptions, Item, ItemInput, Session } from "hoardb";

export type Status = "recording" | "done" | "interrupted";

/** How many items each list held when the recording ended. */
export interface Counts {
  screenshots: number;
  audio: number;
  notes: number;
}

/** What the hoard is told of what it stores. Binary is named as it comes back; Blobs go in. */
export interface RecordingSchema {
  session: {
    title: string;
    category: string;
    topics: string[];
    tags: string[];
    status: Status;
    startedAt: Date;
    endedAt: Date | null;
    counts: Counts | null;
    /** The first frame, small, for the list of sessions. */
    poster: AttachmentRef | null;
  };
  lists: {
    /** One captured frame. An unchanged screen is an item too: its picture is stored once. */
    screenshots: { at: number; width: number; height: number; image: AttachmentRef };
    /** One self-contained stretch of sound. `peaks` is its loudness, 0 to 99, so that it can be drawn without decoding. */
    audio: { at: number; durationMs: number; peaks: number[]; sound: AttachmentRef };
    notes: { at: number; text: string };
    /** Something said by someone: imported conversations have these. */
    messages: { at: number; from: string; text: string };
    /** What was dropped in. */
    files: { at: number; name: string; type: string; size: number; file: AttachmentRef };
  };
}

export type SessionMeta = Session<RecordingSchema>;
export type ListName = keyof RecordingSchema["lists"];
export type ListItem<Name extends ListName> = Item<RecordingSchema, Name>;
export type NewItem<Name extends ListName> = ItemInput<RecordingSchema, Name>;

export const listNames: readonly ListName[] = ["screenshots", "audio", "notes", "messages", "files"];

/** What is searched beside the metadata, notes and messages; and what recordings do not have. */
export const index: IndexOptions = {
  fields: { subCategory: false },
  items: { "messages.from": true, "files.name": true, "transcript.text": false },
};

export const categories = ["Meeting", "Interview", "Research", "Support", "Debugging", "Personal"] as const;
