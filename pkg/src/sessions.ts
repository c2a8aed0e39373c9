/**
 * Sessions by their metadata. What their lists hold is not read or written here.
 */
import { untilAborted } from "./abort.js";
import { ACCEPTED, ackOf, type Ack, type WriteOptions } from "./ack.js";
import type { CachedMetadata } from "./cache.js";
import type { Channel } from "./channel.js";
import { decodeDocuments, decodeText } from "./decode.js";
import { encode } from "./encode.js";
import type { ListQuery } from "./engine.js";
import { aborted, checkOptions, fromFields, invalid, property, type HoardError } from "./errors.js";
import { LONE_SURROGATE, checkId, makeId } from "./id.js";
import { Pace } from "./pace.js";
import type { AttachmentSource, Result } from "./protocol.js";
import { checkObject, notStorable } from "./refuse.js";
import type { Abortable, Schema, Session, SessionInput, SessionPatch } from "./types.js";
import { describe } from "./value.js";

/** Sessions that are asked of the engine at once: what is parsed in one go stays within a few milliseconds. */
const PAGE = 250;

/** Ids in one call. */
const IDS = 1000;

/** How sessions are listed. */
export interface SessionQuery extends Abortable {
  /**
   * The top-level field of the metadata to order by: numbers and dates first, then texts, then sessions without it. By
   * id when absent.
   */
  orderBy?: string;
  /** From the other end. */
  reverse?: boolean;
  /** At most so many sessions; all by default. */
  limit?: number;
  /** Where an earlier listing with the same order ended: its {@link SessionList.next}. */
  after?: string;
  /**
   * Called for each session that cannot be read. Without it, the listing ends with the first such error, after all
   * sessions that can be read.
   */
  onDamaged?: (damaged: DamagedSession) => void;
}

/** A session that cannot be read. */
export interface DamagedSession {
  /** Its id. */
  id: string;
  /** `Corrupt`, with the record. */
  error: HoardError;
}

/** A metadata document as text, its id in it. */
export interface MetadataText {
  id: string;
  text: string;
  attachments: AttachmentSource[];
}

/** Encodes metadata. Makes an id where there is none, if that is allowed. */
export function encodeMetadata(meta: unknown, root: string, idNeeded: boolean): MetadataText {
  checkObject(meta, root);
  const attachments: AttachmentSource[] = [];
  const given = Object.hasOwn(meta, "id") ? meta["id"] : undefined;
  if (given === undefined && idNeeded) throw invalid("session id", "the metadata needs one");
  const id = given === undefined ? makeId() : checkId("session id", given);
  const text = encode(meta, root, attachments);
  checkFieldNames(meta, text, root);
  if (given !== undefined) return { id, text, attachments };
  const rest = text.slice(1);
  return { id, text: `{"id":${JSON.stringify(id)}${rest === "}" ? "" : ","}${rest}`, attachments };
}

/** Refuses metadata whose top-level fields the engine could not name: it reads those keys. */
function checkFieldNames(meta: Record<string, unknown>, text: string, root: string): void {
  // A lone surrogate is escaped in the text: where there is no such escape, there is none.
  if (!/\\ud[89a-f]/.test(text)) return;
  const name = Object.keys(meta).find((name) => LONE_SURROGATE.test(name));
  if (name !== undefined)
    throw notStorable(property(root, name), "a field of the metadata has a lone surrogate in its name");
}

/** See {@link Hoard.sessions}. */
export class Sessions<S extends Schema> {
  readonly #channel: Channel;

  /** @internal */
  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /**
   * Stores a new session and returns its metadata as it comes back, with its id: the one in it, or a new random UUID.
   * Resolves when it is committed, or as `ack` says; with `accepted` just the id is returned.
   *
   * @throws HoardError `AlreadyExists`, `NotStorable`, `InvalidId`, `TooLarge`, `StorageFull`, `QueueFull`, `Closed`.
   */
  async create(meta: SessionInput<S>, options: WriteOptions & { ack: "accepted" }): Promise<{ id: string }>;
  async create(meta: SessionInput<S>, options?: WriteOptions & { ack?: Exclude<Ack, "accepted"> }): Promise<Session<S>>;
  async create(meta: SessionInput<S>, options?: WriteOptions): Promise<{ id: string }>;
  async create(meta: SessionInput<S>, options: WriteOptions = {}): Promise<{ id: string }> {
    const ack = ackOf(options, this.#channel.ack);
    const { id, text, attachments } = encodeMetadata(meta, "session", false);
    await this.#channel.write("create", { session: id }, [text], attachments, ack);
    if (ack === ACCEPTED) return { id };
    // Only the engine knows an attachment's hash.
    if (attachments.length > 0) return (await this.get(id)) as Session<S>;
    return decodeText(text, this.#channel) as Session<S>;
  }

  /**
   * A session's metadata; `undefined` when there is no such session.
   *
   * @throws HoardError `InvalidId`, `Corrupt`, `Closed`.
   */
  async get(id: string): Promise<Session<S> | undefined> {
    const cached = this.#channel.cache.get(checkId("session id", id));
    if (cached !== undefined) return decodeText(cached.text, this.#channel, cached.table) as Session<S>;
    const [session] = await this.#ask([id]);
    return session;
  }

  /**
   * The metadata of several sessions, in the order of the ids; `undefined` where there is no such session.
   *
   * @throws HoardError `InvalidId`, `Corrupt` (any of them), `Closed`.
   */
  async getMany(ids: Iterable<string>): Promise<(Session<S> | undefined)[]> {
    const sessions = checkIds(ids);
    const cached = sessions.map((id) => this.#channel.cache.get(id));
    const asked = this.#ask(sessions.filter((_, at) => cached[at] === undefined));
    // It is looked at when the others are there.
    asked.catch(() => {});
    const pace = new Pace();
    const known: (Session<S> | undefined)[] = [];
    for (const hit of cached) {
      if (pace.due) await pace.turn();
      known.push(hit && (decodeText(hit.text, this.#channel, hit.table) as Session<S>));
    }
    const others = (await asked).values();
    return known.map((session) => session ?? (others.next().value as Session<S> | undefined));
  }

  /** Asks the engine, and keeps the answers. */
  async #ask(sessions: readonly string[]): Promise<(Session<S> | undefined)[]> {
    const channel = this.#channel;
    const pages: [string[], Promise<Result<"get">>][] = [];
    for (let at = 0; at < sessions.length; at += PAGE) {
      const page = sessions.slice(at, at + PAGE);
      pages.push([page, channel.call("get", { sessions: page })]);
    }
    const pace = new Pace();
    const found: (Session<S> | undefined)[] = [];
    const read: [string, CachedMetadata][] = [];
    const keep = channel.cache.read();
    try {
      // One that fails is reported when its turn comes; the others fail unseen.
      for (const [, answer] of pages) answer.catch(() => {});
      for (const [page, answer] of pages) {
        const out = await answer;
        if (pace.due) await pace.turn();
        const take = (at: number, metadata: CachedMetadata): void => void read.push([page[at]!, metadata]);
        for (const session of decodeDocuments(out, channel, take)) found.push(session as Session<S> | undefined);
      }
    } finally {
      keep(read);
    }
    return found;
  }

  /**
   * Sets top-level fields of a session's metadata; `undefined` removes one. Nested objects are replaced whole. Resolves
   * when it is committed, or as `ack` says.
   *
   * @throws HoardError `NotFound`, `NotStorable`, `InvalidArgument` (another id), `InvalidId`, `TooLarge`,
   * `StorageFull`, `QueueFull`, `Closed`.
   */
  async update(id: string, patch: SessionPatch<S>, options: WriteOptions = {}): Promise<void> {
    const ack = ackOf(options, this.#channel.ack);
    checkId("session id", id);
    const fields: unknown = patch;
    checkObject(fields, "patch");
    const names = Object.keys(fields);
    if (names.includes("id") && fields["id"] !== id) throw invalid("patch.id", "a session keeps its id");
    const attachments: AttachmentSource[] = [];
    const text = encode(fields, "patch", attachments);
    checkFieldNames(fields, text, "patch");
    const remove = names
      .filter((name) => fields[name] === undefined)
      .map((name) => (name.startsWith("$") ? `$${name}` : name));
    return this.#channel.write("update", { session: id, remove }, [text], attachments, ack);
  }

  /**
   * Stores a session's metadata, new or in place of what was there; its lists stay as they are. Resolves when it is
   * committed, or as `ack` says.
   *
   * @throws HoardError `NotStorable`, `InvalidArgument` (no id), `InvalidId`, `TooLarge`, `StorageFull`, `QueueFull`,
   * `Closed`.
   */
  async put(meta: SessionInput<S> & { readonly id: string }, options: WriteOptions = {}): Promise<void> {
    const ack = ackOf(options, this.#channel.ack);
    const { id, text, attachments } = encodeMetadata(meta, "session", true);
    return this.#channel.write("put", { session: id }, [text], attachments, ack);
  }

  /**
   * Deletes a session with its lists. Says whether there was one; nothing with the `ack` `accepted`, before it is known.
   * Its attachments stay until `collect()`.
   *
   * @throws HoardError `InvalidId`, `StorageFull`, `QueueFull`, `Closed`.
   */
  async delete(id: string, options: WriteOptions & { ack: "accepted" }): Promise<undefined>;
  async delete(id: string, options?: WriteOptions & { ack?: Exclude<Ack, "accepted"> }): Promise<boolean>;
  async delete(id: string, options?: WriteOptions): Promise<boolean | undefined>;
  async delete(id: string, options: WriteOptions = {}): Promise<boolean | undefined> {
    const count = await this.deleteMany([id], options);
    return count === undefined ? undefined : count === 1;
  }

  /**
   * Deletes sessions with their lists, up to 1,000 of them as one. Says how many there were; nothing with the `ack`
   * `accepted`.
   *
   * @throws HoardError `InvalidId`, `StorageFull`, `QueueFull`, `Closed`.
   */
  async deleteMany(ids: Iterable<string>, options: WriteOptions & { ack: "accepted" }): Promise<undefined>;
  async deleteMany(
    ids: Iterable<string>,
    options?: WriteOptions & { ack?: Exclude<Ack, "accepted"> },
  ): Promise<number>;
  async deleteMany(ids: Iterable<string>, options?: WriteOptions): Promise<number | undefined>;
  async deleteMany(ids: Iterable<string>, options: WriteOptions = {}): Promise<number | undefined> {
    const ack = ackOf(options, this.#channel.ack);
    const sessions = checkIds(ids);
    const counts: Promise<number>[] = [];
    for (let at = 0; at < sessions.length; at += IDS) {
      counts.push(this.#channel.delete(sessions.slice(at, at + IDS), ack));
    }
    const deleted = await Promise.all(counts);
    return ack === ACCEPTED ? undefined : deleted.reduce((sum, count) => sum + count, 0);
  }

  /**
   * How many sessions there are.
   *
   * @throws HoardError `Corrupt`, `Closed`.
   */
  async count(): Promise<number> {
    return this.#channel.call("count", {});
  }

  /**
   * The metadata of sessions in an order, without reading their lists.
   *
   * ```ts
   * for await (const session of hoard.sessions.list({ orderBy: "startedAt", reverse: true, limit: 50 })) …
   * ```
   *
   * @throws HoardError `InvalidArgument`, at once; while listing `Corrupt`, `Aborted`, `Closed`.
   */
  list(query: SessionQuery = {}): SessionList<Session<S>> {
    return new SessionList(this.#channel, query);
  }
}

function checkIds(ids: Iterable<string>): string[] {
  if (typeof ids !== "object" || ids === null || typeof ids[Symbol.iterator] !== "function") {
    throw invalid("ids", `an array of ids is needed, ${describe(ids)} was given`);
  }
  return Array.from(ids, (id) => checkId("session id", id));
}

/** A listing, read page by page as it is iterated. */
export class SessionList<T> implements AsyncIterable<T> {
  /**
   * Where the listing ended, for `after` of the next one; `null` when it came to the last session. Known when a loop
   * over it has run to its end.
   */
  next: string | null = null;
  readonly #channel: Channel;
  readonly #query: SessionQuery;

  /** @internal */
  constructor(channel: Channel, query: SessionQuery) {
    checkOptions("query", query);
    const { orderBy, limit, after } = query;
    if (orderBy !== undefined && typeof orderBy !== "string") throw invalid("orderBy", "the name of a field is needed");
    if (after !== undefined && typeof after !== "string")
      throw invalid("after", "what an earlier listing's next said is needed");
    if (limit !== undefined && limit !== Infinity && !(Number.isSafeInteger(limit) && limit >= 0)) {
      throw invalid("limit", `a whole number from 0 up is needed, ${describe(limit)} was given`);
    }
    this.#channel = channel;
    this.#query = { ...query };
  }

  /** Session by session. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    const { orderBy, reverse, limit = Infinity, after, signal, onDamaged } = this.#query;
    let failure: HoardError | undefined;
    const order = { ...(orderBy === undefined ? {} : { orderBy }), reverse: reverse === true };
    const ask = (left: number, cursor: string | undefined): Promise<Result<"list">> => {
      const query: ListQuery = {
        ...order,
        limit: Math.min(left, PAGE),
        ...(cursor === undefined ? {} : { after: cursor }),
      };
      return this.#channel.call("list", query);
    };
    const pace = new Pace();
    let left = limit;
    this.next = after ?? null;
    let page = left > 0 ? ask(left, after) : undefined;
    while (page !== undefined) {
      const answer: Result<"list"> = await untilAborted(page, signal);
      if (pace.due) await pace.turn();
      const sessions = decodeDocuments(answer, this.#channel) as T[];
      const damaged = answer.damaged ?? [];
      left -= sessions.length + damaged.length;
      // The next page is read while this one is used.
      page = answer.next !== null && left > 0 ? ask(left, answer.next) : undefined;
      page?.catch(() => {});
      for (const session of sessions) {
        if (signal?.aborted) throw aborted(signal);
        yield session;
      }
      for (const { id, error } of damaged) {
        failure ??= fromFields(error);
        onDamaged?.({ id, error: fromFields(error) });
      }
      this.next = answer.next;
    }
    if (failure !== undefined && onDamaged === undefined) throw failure;
  }
}
