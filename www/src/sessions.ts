// The list of sessions, newest first, and what can be done to one.

import { signal } from "@preact/signals";
import { changes, opening, theHoard } from "./hoard";
import { reportError, tell } from "./notices";
import type { NewItem, SessionMeta } from "./schema";

const pageSize = 30;
/** Changes come with every captured frame; the list need not follow each. */
const refreshEveryMs = 1000;

export const sessions = signal<readonly SessionMeta[]>([]);
export const total = signal(0);
export const loading = signal(true);

let wanted = pageSize;
let asked: ReturnType<typeof setTimeout> | undefined;

/** Reads the list again, as far as it is shown. */
export async function refresh(): Promise<void> {
  const hoard = theHoard();
  try {
    const read: SessionMeta[] = [];
    for await (const meta of hoard.sessions.list({ orderBy: "startedAt", reverse: true, limit: wanted })) read.push(meta);
    total.value = await hoard.sessions.count();
    sessions.value = read;
  } catch (error) {
    reportError(error);
  } finally {
    loading.value = false;
  }
}

export async function showMore(): Promise<void> {
  wanted += pageSize;
  await refresh();
}

changes.subscribe(() => {
  if (opening.peek().state !== "open" || asked !== undefined) return;
  asked = setTimeout(() => {
    asked = undefined;
    void refresh();
  }, refreshEveryMs);
});

/** Deletes the session with its lists. Attachments it shared with others stay. */
export async function remove(meta: SessionMeta): Promise<boolean> {
  try {
    await theHoard().sessions.delete(meta.id);
    tell("Session deleted. Its space is freed when it is collected, under Storage.");
    await refresh();
    return true;
  } catch (error) {
    reportError(error);
    return false;
  }
}

export type Details = Pick<SessionMeta, "title" | "category" | "topics" | "tags">;

export async function describe(id: string, details: Details): Promise<boolean> {
  try {
    await theHoard().sessions.update(id, details);
    await refresh();
    return true;
  } catch (error) {
    reportError(error);
    return false;
  }
}

/** Adds files to a session, or to a new one named after the first of them. Answers with the session's id. */
export async function addFiles(files: readonly File[], id: string | null): Promise<string | null> {
  const [first] = files;
  if (!first) return null;
  const hoard = theHoard();
  try {
    const session = id ?? (await newSessionOf(first, files.length));
    const list = hoard.list(session, "files");
    let stored = 0;
    for (const file of files) {
      const item: NewItem<"files"> = { at: Date.now(), name: file.name, type: file.type, size: file.size, file };
      await list.append(item);
      stored += 1;
    }
    tell(stored === 1 ? `${first.name} was added.` : `${stored} files were added.`);
    await refresh();
    return session;
  } catch (error) {
    reportError(error);
    return null;
  }
}

async function newSessionOf(first: File, files: number): Promise<string> {
  const now = new Date();
  const { id } = await theHoard().sessions.create({
    title: files === 1 ? first.name : `${first.name} and ${files - 1} more`,
    category: "",
    topics: [],
    tags: [],
    status: "done",
    startedAt: now,
    endedAt: now,
    counts: { screenshots: 0, audio: 0, notes: 0 },
    poster: null,
  });
  return id;
}
