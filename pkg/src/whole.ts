/**
 * Whole sessions: metadata and all lists, in and out in the same shape.
 */
import { untilAborted } from "./abort.js";
import type { AckLevel } from "./ack.js";
import type { Channel } from "./channel.js";
import { decodeDocuments } from "./decode.js";
import { encode } from "./encode.js";
import { checkOptions, fromFields, invalid } from "./errors.js";
import { checkId } from "./id.js";
import { bytesHeld, isKept, readBlobs, sizeOfAll } from "./keep.js";
import { attachmentBuffers, type Prepared } from "./outbox.js";
import { Packer } from "./pack.js";
import { Pace } from "./pace.js";
import type { AttachmentSource, DocumentsSource, Result, WholeSource } from "./protocol.js";
import { decodedChunks, rawChunks } from "./read.js";
import { checkObject, notStorable } from "./refuse.js";
import { encodeMetadata } from "./sessions.js";
import type { Abortable, DamagedRange, ListName, Schema, WholeSession } from "./types.js";
import { describe, isArray } from "./value.js";

/** What one message of `saveMany` takes. */
const BATCH_SESSIONS_MAX = 50;
const BATCH_BYTES_MAX = 2 << 20;

/** Bytes of JSON that the first answer of a load brings of each list. */
const LOAD_BYTES = 512 * 1024;

/** How far a load is. */
export interface LoadProgress {
  /** The list being read. */
  list: string;
  /** Items read so far, of all lists. */
  done: number;
  /** Items of all lists. */
  total: number;
}

/** How a session is loaded. */
export interface LoadOptions<S extends Schema> extends Abortable {
  /** The lists to load; all by default. One that was never written comes back empty. */
  lists?: readonly ListName<S>[];
  /** Called after each chunk. */
  onProgress?: (progress: LoadProgress) => void;
}

/** Encodes whole sessions for one message, whatever their size, without keeping the page from anything else. */
class Batch {
  readonly sessions: WholeSource[] = [];
  /** Bytes that it makes the other end hold, and those of them that are JSON. */
  bytes = 0;
  jsonBytes = 0;
  readonly #pace: Pace;
  readonly #packer = new Packer();
  readonly #transfer: Transferable[] = [];

  constructor(pace: Pace) {
    this.#pace = pace;
  }

  get full(): boolean {
    return this.sessions.length >= BATCH_SESSIONS_MAX || this.bytes >= BATCH_BYTES_MAX;
  }

  /**
   * Adds a session. `root` is put before the paths in errors. Returns its id; tells it to `named` as soon as it is
   * known, at once.
   */
  async add(whole: unknown, root: string, named: (id: string) => void = () => {}): Promise<string> {
    checkObject(whole, root === "" ? "session" : root);
    const path = (name: string): string => (root === "" ? name : `${root}.${name}`);
    const { id, text, attachments } = encodeMetadata(whole["session"], path("session"), false);
    named(id);
    this.#packer.add(text);
    const documents = this.#take(attachments);
    const lists: WholeSource["lists"] = [];
    const given = whole["lists"];
    if (given !== undefined) {
      checkObject(given, path("lists"));
      for (const name of Object.keys(given)) {
        checkId("list name", name);
        if (given[name] !== undefined)
          lists.push({ name, items: await this.#items(given[name], path(`lists.${name}`)) });
      }
    }
    this.sessions.push({ session: id, documents, lists });
    return id;
  }

  async #items(items: unknown, root: string): Promise<DocumentsSource> {
    const array = typeof items === "object" && items !== null && isArray(items) ? items : undefined;
    if (array === undefined) throw notStorable(root, `an array of items is needed, ${describe(items)} was given`);
    const attachments: AttachmentSource[] = [];
    for (let at = 0; at < array.length; at += 1) {
      if (this.#pace.due) await this.#pace.turn();
      this.#packer.add(encode(array[at], `${root}[${at}]`, attachments));
    }
    return this.#take(attachments);
  }

  #take(attachments: AttachmentSource[]): DocumentsSource {
    const { json, lengths } = this.#packer.take();
    this.jsonBytes += json.length;
    this.bytes += json.length + bytesHeld(attachments);
    this.#transfer.push(...attachmentBuffers(attachments));
    return { json, lengths, attachments };
  }

  /** The buffers that change hands. */
  get transfer(): Transferable[] {
    return [...this.#packer.buffers(), ...this.#transfer];
  }
}

/** The first error of a save, thrown. */
function check(errors: Result<"saveMany">): void {
  const error = errors.find((error) => error !== null);
  if (error) throw fromFields(error);
}

/** Saves one session. It has its place among the calls from now on. */
export async function save(channel: Channel, whole: unknown, ack: AckLevel): Promise<string> {
  let session = "";
  const named = (id: string): void => {
    session = id;
    channel.cache.drop(id);
  };
  const prepare = async (): Promise<Prepared<"save">> => {
    const batch = new Batch(new Pace());
    await batch.add(whole, "", named);
    const args = batch.sessions[0]!;
    const tables = [args.documents.attachments, ...args.lists.map(({ items }) => items.attachments)];
    const [json, all] = [batch.jsonBytes, tables.flat()];
    const kept = isKept(json, all);
    if (!kept) return { args, bytes: batch.bytes, transfer: batch.transfer, kept };
    await Promise.all(tables.map(readBlobs));
    return { args, bytes: json + sizeOfAll(all), transfer: [], kept };
  };
  await channel.later("save", {}, ack, prepare);
  return session;
}

/** Saves many sessions, some at a time; other calls go between. */
export async function saveMany(
  channel: Channel,
  wholes: Iterable<unknown> | AsyncIterable<unknown>,
  ack: AckLevel,
): Promise<string[]> {
  const pace = new Pace();
  const ids: string[] = [];
  const running = new Set<Promise<void>>();
  let failure: { error: unknown } | undefined;
  const send = ({ sessions, bytes, transfer }: Batch): void => {
    const sent: Promise<void> = channel
      .call("saveMany", { sessions, ack }, bytes, transfer)
      .then(check)
      .catch((error: unknown) => void (failure ??= { error }))
      .finally(() => running.delete(sent));
    running.add(sent);
  };
  let batch = new Batch(pace);
  try {
    for await (const whole of wholes) {
      if (failure !== undefined) break;
      ids.push(await batch.add(whole, `[${ids.length}]`));
      if (batch.full) {
        send(batch);
        batch = new Batch(pace);
        await channel.room();
      }
    }
    if (failure === undefined && batch.sessions.length > 0) send(batch);
  } catch (error) {
    failure ??= { error };
  }
  // Nothing is under way any more when the caller learns how it went.
  await Promise.all(running);
  if (failure !== undefined) throw failure.error;
  return ids;
}

/** Loads a session with its lists. */
export async function load<S extends Schema>(
  channel: Channel,
  id: string,
  options: LoadOptions<S>,
): Promise<WholeSession<S>> {
  checkOptions("options", options);
  const { lists: names, onProgress, signal } = options;
  const session = checkId("session id", id);
  if (names !== undefined && !Array.isArray(names)) throw invalid("lists", "an array of list names is needed");
  const wanted = names?.map((name) => checkId("list name", name)) ?? null;
  const answer = await untilAborted(channel.call("load", { session, lists: wanted, bytesMax: LOAD_BYTES }), signal);
  const lists: Record<string, unknown[]> = {};
  for (const name of wanted ?? []) define(lists, name, []);
  const damaged: DamagedRange[] = [];
  const total = answer.lists.reduce((sum, { items }) => sum + items, 0);
  let done = 0;
  for (const { name, items: to, read } of answer.lists) {
    const items: unknown[] = [];
    define(lists, name, items);
    const stretch = { session, list: name, from: 0, to };
    const chunks = rawChunks(channel, stretch, signal, Promise.resolve(read));
    for await (const chunk of decodedChunks<unknown>(channel, chunks, signal)) {
      if (chunk.error !== undefined) {
        damaged.push({ list: name, from: chunk.from, to: chunk.to, error: chunk.error });
        // Holes, so that what follows keeps its index.
        items.length = chunk.to;
      } else {
        for (const item of chunk.items) items.push(item);
      }
      done += chunk.to - chunk.from;
      onProgress?.({ list: name, done, total });
    }
  }
  const [meta] = decodeDocuments(answer.meta, channel);
  return { session: meta, lists, damaged } as unknown as WholeSession<S>;
}

/** Sets a property, whatever its name. */
function define(object: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
}
