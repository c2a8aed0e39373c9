/**
 * The page's end of the line to the engine: posts what is in the outbox, settles the promises of its calls, and deals
 * with an engine that crashed.
 *
 * What is in the outbox is posted as one message at the next microtask, so that a loop of appends costs its caller no
 * message each. While enough is on its way the outbox gathers until replies come: a thousand appends become a few
 * messages, and what is under way stays bounded.
 *
 * Writes are numbered in the order in which they are sent. The engine stores with a write how far it is with the numbers
 * of its writer, so one that is sent twice is stored once.
 */
import { ACCEPTED, COMMITTED, DURABLE, type AckLevel } from "./ack.js";
import { PageCache } from "./cache.js";
import { HoardError, closed, fromFields } from "./errors.js";
import type { Emit, HoardEvents } from "./events.js";
import { hasBlobs, isKept, readBlobs } from "./keep.js";
import {
  Outbox,
  documentsEntry,
  newEntry,
  reject,
  resolve,
  sessionsOf,
  toCalls,
  unitsOf,
  type Caller,
  type Entry,
  type Prepared,
} from "./outbox.js";
import { Pace } from "./pace.js";
import {
  FREE,
  PROTOCOL,
  isFromEngine,
  type Args,
  type AttachmentSource,
  type HostEvent,
  type Op,
  type Result,
  type ToEngine,
} from "./protocol.js";
import { QUEUE_BOUNDS, Queue, tell, type QueueBounds } from "./queue.js";

/** What may be on its way before the outbox gathers: calls, and the bytes that they make the other end hold. */
const CALLS_MAX = 64;
const BYTES_MAX = 12 << 20;

/** How long a worker that was given may take to answer at all. */
const SIGN_OF_LIFE_MS = 30_000;

/** How often an accepted write is sent again because the engine crashed. */
const RESENT_MAX = 3;

/** How long until an engine that is needed for accepted writes is started again, each time that it could not. */
const RESTARTS_MS = [0, 1000, 5000, 30_000];

/** The other end: a worker, or the engine in this context. */
export interface Port {
  /** Sends a message. The buffers listed change hands. */
  post(message: ToEngine, transfer: Transferable[]): void;
  /** Lets go of the other end. */
  release(): void;
}

/** What a port reports. */
export interface PortEvents {
  /** A message came. */
  message(message: unknown): void;
  /** The other end does not work, or no more. */
  failed(error: HoardError): void;
}

/** Makes connections. */
export interface Connector {
  /** `hoard` is the number under which messages go back and forth. */
  connect(hoard: number, events: PortEvents): Port | Promise<Port>;
  /** Whether a new connection is worth making after a crash: the engine then starts anew. */
  readonly again: boolean;
  /** Whether the other end is of somebody else's making and may never answer. */
  readonly foreign: boolean;
}

/** Where writes go that are not stored when the page goes away. */
export interface Journal {
  /** Writes those that it does not have. Resolves to whether it has them all. */
  write(entries: readonly Entry[]): Promise<boolean>;
  /** Removes one that was refused. */
  erase(entry: Entry): Promise<void>;
  /** One that it has was stored. */
  stored(entry: Entry): void;
}

/** How a channel is set up, besides what the engine is opened with. */
export interface ChannelOptions {
  queue?: QueueBounds;
  cache?: PageCache;
  /** Whether there was data when this browser last looked. */
  expected?: () => boolean;
  /** Adds what the engine is opened with that takes time to get ready. Meanwhile the other end starts. */
  complete?: (args: Args<"open">) => Promise<void>;
}

/** See the module. */
export class Channel {
  /** Who numbers the writes. */
  readonly writer = makeWriter();
  /** The acknowledgement of a write that asks for none. */
  readonly ack: AckLevel;
  /** Metadata that was read. */
  readonly cache: PageCache;
  /** The writes that wait for their replies. */
  readonly queue: Queue;
  /** The newest generation that was heard of. */
  generation = 0;
  /** Writes that were sent again. */
  resent = 0;
  /** Where writes go that are not stored when the page goes away, once there is such a place. */
  journal: Journal | undefined;
  /** The page had `pagehide` and was not shown since. */
  gone = false;
  readonly #connector: Connector;
  readonly #opening: Args<"open">;
  readonly #expected: () => boolean;
  readonly #complete: ChannelOptions["complete"];
  readonly #hoard = Math.floor(Math.random() * Number.MAX_SAFE_INTEGER);
  /** Raised with every connection and every end of one, so that what an earlier one still reports is known for that. */
  #connection = 0;
  #connected = false;
  #port: Port | undefined;
  readonly #ordered = new Outbox();
  readonly #free = new Outbox();
  readonly #onTheirWay = new Map<number, Entry>();
  #ordinary = 0;
  #bytes = 0;
  /** Whether a call is on its way that no other is to join. */
  #alone = false;
  #lastId = 0;
  #lastSeq = 0;
  #scheduled = false;
  /** Makes the error of every further call, once there is one. */
  #end: (() => HoardError) | undefined;
  #closing: Promise<void> | undefined;
  /** The way to the journal is not there yet; accepted writes that nobody was told of, then. */
  #held: Entry[] | undefined;
  /** Accepted writes are on their way to the journal; resolves to whether all of them got there. */
  #leaving: Promise<boolean> | undefined;
  /** Numbers of writes that may be decided without anything that says so. */
  #unrecorded: readonly number[] = [];
  /** What was refused is on its way out of the journal. */
  #erased: Promise<void> | undefined;
  #forRoom: (() => void)[] = [];
  /** Why the engine was lost, until it works again. */
  #lost: string | undefined;
  #restarts = 0;
  #restart: ReturnType<typeof setTimeout> | undefined;
  /** Events that came before anybody could listen. */
  #unheard: Parameters<Emit>[] = [];
  #emit: Emit = (...event) => void this.#unheard.push(event);

  constructor(connector: Connector, opening: Args<"open">, options: ChannelOptions = {}) {
    this.#connector = connector;
    this.#opening = opening;
    this.#expected = options.expected ?? (() => false);
    this.#complete = options.complete;
    this.ack = opening.options.durability === "strict" ? DURABLE : COMMITTED;
    this.queue = new Queue(options.queue ?? QUEUE_BOUNDS, (entry) => this.#announce(entry));
    this.cache = options.cache ?? new PageCache(0, 0);
  }

  /** Sends events to whoever listens from now on, first those that came before. */
  listen(emit: Emit): void {
    this.#emit = emit;
    for (const event of this.#unheard.splice(0)) emit(...event);
  }

  /** Reports an event. */
  report<K extends keyof HoardEvents>(type: K, detail: HoardEvents[K]): void {
    this.#emit(type, detail);
  }

  /** Connects and opens the hoard. Calls made meanwhile wait for it, and fail when it fails. */
  open(): Promise<void> {
    clearTimeout(this.#restart);
    const connection = (this.#connection += 1);
    this.#connected = true;
    const current = (): boolean => connection === this.#connection;
    const { options, ...rest } = this.#opening;
    const args: Args<"open"> = { ...rest, options: { ...options, writer: this.writer, expected: this.#expected() } };
    const events: PortEvents = {
      message: (message) => void (current() && this.#receive(message)),
      failed: (error) => void (current() && this.#fail(error)),
    };
    const connected = async (): Promise<void> => {
      // The engine stores what it finds in the journal.
      if (this.#erased !== undefined) await this.#erased;
      const connecting = this.#connector.connect(this.#hoard, events);
      const completing = this.#complete?.(args);
      // It is looked at when the port is there.
      completing?.catch(() => {});
      const port = await connecting;
      try {
        await completing;
      } catch (error) {
        port.release();
        throw error;
      }
      if (!current()) return port.release();
      this.#port = port;
      this.#post();
    };
    const opened = new Promise<void>((resolve, reject) => {
      const entry = newEntry("open", { args });
      entry.callers.push({ offset: 0, resolve: () => resolve(), reject });
      this.#ordered.addFirst(entry);
    });
    connected().catch((error: unknown) => events.failed(error as HoardError));
    if (this.#connector.foreign) {
      const patience = setTimeout(() => events.failed(silent()), SIGN_OF_LIFE_MS);
      this.#heard = () => clearTimeout(patience);
    }
    // An engine that could not open has nothing to say to the calls that wait behind.
    opened.then(() => this.#opened(), events.failed);
    return opened;
  }

  #opened(): void {
    this.#restarts = 0;
    const cause = this.#lost;
    this.#lost = undefined;
    if (cause !== undefined) this.#emit("healed", { cause });
  }

  /** Called when the other end has shown that it lives. */
  #heard = (): void => {};

  /** Makes a call that stores nothing, or nothing that the page keeps. */
  call<K extends Op>(op: K, args: Args<K>, bytes = 0, transfer: Transferable[] = []): Promise<Result<K>> {
    const entry = newEntry(op, { args, bytes, transfer });
    if (op === "saveMany") this.#forget(entry);
    return this.#enter(entry, FREE.has(op) ? this.#free : this.#ordered);
  }

  /** Deletes sessions. */
  delete(sessions: string[], ack: AckLevel): Promise<number> {
    return this.#write(newEntry("delete", { args: { sessions }, bytes: unitsOf(sessions), ack, kept: true }));
  }

  /** Makes a call with documents, given as texts. */
  write<K extends "create" | "put" | "update" | "set" | "append">(
    op: K,
    args: Omit<Args<K>, "documents">,
    texts: string[],
    attachments: AttachmentSource[],
    ack: AckLevel,
  ): Promise<Result<K>> {
    if (op === "append" && attachments.length === 0) {
      const shared = this.#share(args as Args<"append">, texts, ack);
      if (shared !== undefined) return shared as Promise<Result<K>>;
    }
    const kept = isKept(unitsOf(texts), attachments);
    const entry = documentsEntry(op, args, texts, attachments, ack, kept);
    if (!kept || !hasBlobs(attachments)) return this.#write(entry);
    entry.ready = false;
    const { args: complete, bytes } = entry as { args: Args<K>; bytes: number };
    return this.#later(entry, async () => {
      await readBlobs(attachments);
      return { args: complete, bytes, transfer: [], kept };
    });
  }

  /** Makes a write whose arguments take time to encode. It has its place among the calls from now on. */
  later<K extends "append" | "save">(
    op: K,
    args: Partial<Args<K>>,
    ack: AckLevel,
    prepare: () => Promise<Prepared<K>>,
  ): Promise<Result<K>> {
    return this.#later(newEntry(op, { args: args as Args<K>, ack, ready: false }), prepare);
  }

  #later<K extends Op>(entry: Entry, prepare: () => Promise<Prepared<K>>): Promise<Result<K>> {
    const written = this.#write<Result<K>>(entry);
    if (entry.callers.length === 0) return written;
    const before = entry.bytes;
    prepare().then(
      (prepared) => {
        if (this.#ordered.complete(entry, prepared)) this.queue.complete(entry, before);
        this.#schedule();
      },
      (error: unknown) => {
        this.#ordered.remove(entry);
        this.#left(entry);
        reject(entry, error);
        this.#schedule();
      },
    );
    return written;
  }

  #share(args: Args<"append">, texts: string[], ack: AckLevel): Promise<unknown> | undefined {
    const entry = this.#ordered.sharable(args, texts, ack);
    const units = unitsOf(texts);
    if (entry === undefined || !this.queue.canGrow(entry, units)) return undefined;
    const refusal = this.#end?.() ?? this.queue.refusal(units);
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      entry.callers.push({ offset: entry.texts?.length ?? 0, resolve, reject });
      this.#ordered.join(entry, texts, units);
      this.queue.grow(entry, units);
      if (entry.told) resolve(undefined);
    });
  }

  #write<R>(entry: Entry): Promise<R> {
    const refusal = this.#end === undefined ? this.queue.refusal(entry.bytes) : undefined;
    if (refusal !== undefined) return Promise.reject(refusal);
    this.#forget(entry);
    return this.#enter(entry, this.#ordered);
  }

  /** What is cached of the sessions that a write changes is not what a later read is to find. */
  #forget(entry: Entry): void {
    if (entry.ack === undefined ? entry.op !== "saveMany" : IN_LISTS.has(entry.op)) return;
    for (const session of sessionsOf(entry)) this.cache.drop(session);
  }

  #enter<R>(entry: Entry, outbox: Outbox): Promise<R> {
    if (this.#end !== undefined) return Promise.reject(this.#end());
    return new Promise<R>((resolve, reject) => {
      if (!this.#connected) this.open().catch(() => {});
      entry.callers.push({ offset: 0, resolve: resolve as Caller["resolve"], reject });
      outbox.add(entry);
      if (entry.ack !== undefined) this.queue.enter(entry);
      this.#schedule();
    });
  }

  /**
   * Tells that a write is accepted. Once the page is gone nothing but the journal is left for it: a page runs on for some
   * moments after `pagehide`, and its worker may not.
   */
  #announce(entry: Entry): void {
    if (this.#held !== undefined) return void this.#held.push(entry);
    if (!this.gone) return tell(entry);
    // All is sent before this returns. If there is no journal yet, or it does not take it, the engine's answer tells.
    void this.journal?.write(this.waiting()).then((written) => written && tell(entry));
  }

  /** From now on leaving would lose what is accepted: it counts as accepted once it is stored, or at {@link release}. */
  hold(): void {
    this.#held ??= [];
  }

  /** What is accepted may be told: the way to the journal is there, or there will be none. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const entry of held) if (!entry.settled) this.#announce(entry);
  }

  /** Waits until so little is under way that more may be encoded. */
  async room(): Promise<void> {
    while (this.#bytes + this.#ordered.bytes > BYTES_MAX) {
      await new Promise<void>((resolve) => this.#forRoom.push(resolve));
    }
  }

  /** The page may have missed what other tabs did: nothing that was read is trusted. */
  distrust(): void {
    this.cache.clear();
    if (this.#port !== undefined && this.#end === undefined) this.call("distrust", {}).catch(() => {});
  }

  /** Writes that are not stored as far as is known, in their order, each with its number. */
  waiting(): Entry[] {
    const entries = [...this.#onTheirWay.values()].filter(({ kept }) => kept);
    for (const entry of this.#ordered.entries) {
      // What comes behind was not accepted.
      if (!entry.ready) break;
      if (entry.kept) entries.push(entry);
    }
    entries.forEach((entry) => this.#number(entry));
    return entries;
  }

  #number(entry: Entry): void {
    if (entry.kept && entry.seq === 0) entry.seq = this.#lastSeq += 1;
  }

  /** Lets everything that was called before finish, then closes the hoard. Every further call fails with `Closed`. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    // An engine that crashed has nothing open, and is not started again to be closed.
    const reply = this.#end === undefined && this.#port !== undefined ? this.call("close", {}) : undefined;
    this.#end = closed;
    clearTimeout(this.#restart);
    this.cache.clear();
    const failure = await reply?.then(
      () => undefined,
      (error: HoardError) => error,
    );
    this.#fail(closed());
    // What the engine could not store any more is safe in the journal.
    if (await this.#leaving) return;
    if (failure !== undefined) throw failure;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#post();
    });
  }

  #post(): void {
    // First what keeps no order, so that a barrier made after it covers it.
    while (this.#port !== undefined) {
      const entries = this.#free.next();
      if (entries.length === 0) break;
      this.#send(this.#port, entries);
    }
    const pace = new Pace();
    while (this.#port !== undefined && this.#ordinary < CALLS_MAX && this.#bytes < BYTES_MAX) {
      if (pace.due) {
        // Packing some megabytes takes its time too.
        void pace.turn().then(() => this.#post());
        break;
      }
      // What was under way when the engine crashed goes alone: one of these may be what it crashes of.
      const { resends } = this.#ordered;
      if (this.#alone || (resends && this.#ordinary > 0)) break;
      const entries = this.#ordered.next(resends ? 1 : undefined);
      if (entries.length === 0) break;
      this.#alone = resends;
      this.#ordinary += entries.length;
      this.#send(this.#port, entries);
    }
  }

  #send(port: Port, entries: Entry[]): void {
    for (const entry of entries) this.#number(entry);
    const { calls, transfer } = toCalls(entries, this.#lastId + 1);
    this.#lastId += calls.length;
    calls.forEach(({ id }, at) => {
      const entry = entries[at]!;
      this.#onTheirWay.set(id, entry);
      this.#bytes += entry.bytes;
    });
    try {
      port.post({ hoardb: PROTOCOL, hoard: this.#hoard, calls }, transfer);
    } catch (error) {
      const failure = new HoardError("Backend", "the calls could not be posted to the engine", { cause: error });
      for (const { id } of calls) this.#settle(id, failure);
    }
  }

  #receive(message: unknown): void {
    if (!isFromEngine(message, this.#hoard)) return;
    this.#heard();
    if (message.hoardb !== PROTOCOL) {
      this.#fail(otherVersion());
    } else if ("crashed" in message) {
      this.#fail(crashed(message.crashed, this.#connector.again));
    } else if ("events" in message) {
      for (const event of message.events) this.#notice(event);
    } else {
      for (const reply of message.replies) {
        if ("error" in reply) this.#settle(reply.id, fromFields(reply.error));
        else this.#settle(reply.id, undefined, reply.result);
      }
      this.#makeRoom();
      this.#post();
    }
  }

  #notice(event: HostEvent): void {
    switch (event.type) {
      case "committed":
      case "peer": {
        const { generation, changes } = event;
        const remote = event.type === "peer";
        if (remote) for (const { session, kind } of changes) if (!IN_LISTS.has(kind)) this.cache.drop(session);
        this.generation = Math.max(this.generation, generation);
        return this.#emit("change", { changes, generation, remote });
      }
      case "missed":
        return this.cache.clear();
      case "full":
        return this.#emit("quota", { error: fromFields(event.error), waiting: event.waiting });
      case "room":
        return this.#emit("quota", { error: null, waiting: 0 });
      case "unrecorded":
        this.#unrecorded = event.seqs;
        return;
      case "healed":
        return this.#emit("healed", { cause: event.cause });
      case "blocked":
        return this.#emit("blocked", { error: fromFields(event.error) });
      case "failed":
        return this.#refused(event);
      case "due":
        return whenIdle(() => {
          if (this.#port !== undefined && this.#end === undefined) this.call("idle", {}).catch(() => {});
        }, IDLE_MS);
    }
  }

  #refused({ seq, error, session, list }: HostEvent & { type: "failed" }): void {
    if (seq === 0) {
      const detail: HoardEvents["failed"] = { error: fromFields(error), session: session ?? null };
      return this.#emit("failed", list === undefined ? detail : { ...detail, list });
    }
    // Its reply says the same; whichever comes first counts.
    for (const [id, entry] of this.#onTheirWay) if (entry.seq === seq) return this.#settle(id, fromFields(error));
  }

  #settle(id: number, error: HoardError | undefined, result?: unknown): void {
    const entry = this.#onTheirWay.get(id);
    if (entry === undefined) return;
    // An accepted write for which closing found no room goes to the journal.
    if (this.#end !== undefined && entry.ack === ACCEPTED && error !== undefined && !REFUSALS.has(error.code)) return;
    this.#onTheirWay.delete(id);
    this.#bytes -= entry.bytes;
    if (!FREE.has(entry.op)) this.#ordinary -= 1;
    if (this.#ordinary === 0) this.#alone = false;
    this.#left(entry);
    if (entry.op === "saveMany") this.#forget(entry);
    if (error === undefined) {
      const { journal } = this;
      if (!entry.journaled || journal === undefined) return resolve(entry, result);
      // Without room a delete is stored and nothing more, so nobody would know that the journal's is done.
      if (entry.op === "delete" || this.#unrecorded.includes(entry.seq)) return void journal.erase(entry).finally(() => resolve(entry, result));
      journal.stored(entry);
      resolve(entry, result);
    } else {
      this.#rejected(entry, error);
    }
  }

  #left(entry: Entry): void {
    if (entry.settled) return;
    entry.settled = true;
    if (entry.ack !== undefined) this.queue.leave(entry);
  }

  /** A call failed. */
  #rejected(entry: Entry, error: HoardError): void {
    // A read between saw what is not going to be.
    this.#forget(entry);
    if (entry.ack === ACCEPTED && entry.kept && entry.acceptedAt > 0) {
      // Whenever it is refused, who asked for no more than acceptance hears of it by the event.
      tell(entry);
      const { session, list } = entry.args as Partial<Args<"append">>;
      const detail = { error, session: session ?? sessionsOf(entry)[0] ?? null };
      if (entry.journaled) this.#erased = this.journal?.erase(entry);
      this.#emit("failed", list === undefined ? detail : { ...detail, list });
    } else if (entry.journaled && this.journal !== undefined) {
      // Whoever learns that it is not stored has to be sure that it never will be.
      this.#erased = this.journal.erase(entry).finally(() => reject(entry, error));
    } else {
      reject(entry, error);
    }
  }

  #makeRoom(): void {
    for (const resolve of this.#forRoom.splice(0)) resolve();
  }

  /**
   * Ends the connection and every call on it, but for accepted writes. The next call makes a new connection where that
   * is worth it; accepted writes do so by themselves.
   */
  #fail(error: HoardError): void {
    this.#heard();
    this.#port?.release();
    this.#port = undefined;
    this.#connected = false;
    this.#connection += 1;
    const { again } = this.#connector;
    if (!again) this.#end ??= () => error;
    this.#lost ??= error.message;
    this.cache.clear();
    const sent = [...this.#onTheirWay.values()];
    const entries = [...sent, ...this.#ordered.clear(), ...this.#free.clear()];
    this.#onTheirWay.clear();
    this.#bytes = 0;
    this.#ordinary = 0;
    this.#alone = false;
    if (error.code === "EngineCrashed") for (const entry of sent) entry.resent += 1;
    const lasting = entries.filter(({ ack, kept, ready, resent, seq }) => {
      return ack === ACCEPTED && (kept || !ready) && resent <= RESENT_MAX && !this.#unrecorded.includes(seq);
    });
    this.#unrecorded = [];
    if (lasting.length > 0) {
      if (this.#end === undefined) {
        for (const entry of lasting) this.#ordered.add(entry);
        this.resent += lasting.filter(({ resent }) => resent > 0).length;
        this.#startAgain();
      } else {
        this.#leaving = this.#leaveToJournal(lasting, error);
      }
    }
    const stay = new Set(lasting);
    for (const entry of entries) {
      if (stay.has(entry)) continue;
      this.#left(entry);
      this.#rejected(entry, error);
    }
    this.#makeRoom();
  }

  /** Starts the engine anew for the sake of accepted writes. */
  #startAgain(): void {
    const delay = RESTARTS_MS[this.#restarts];
    // Later the next call does.
    if (delay === undefined) return;
    this.#restarts += 1;
    clearTimeout(this.#restart);
    this.#restart = setTimeout(() => {
      if (!this.#connected && this.#end === undefined) this.open().catch(() => {});
    }, delay);
  }

  /** Accepted writes that this page cannot store any more. Resolves to whether the journal has them. */
  async #leaveToJournal(entries: readonly Entry[], error: HoardError): Promise<boolean> {
    for (const entry of entries) this.#left(entry);
    const encoded = entries.filter(({ ready }) => ready);
    for (const entry of encoded) this.#number(entry);
    const written = (await this.journal?.write(encoded).catch(() => false)) === true;
    for (const entry of entries) if (!written || !entry.ready) this.#rejected(entry, error);
    return written;
  }
}

/** What the store refuses a write for. Anything else may pass. */
const REFUSALS: ReadonlySet<string> = new Set([
  "InvalidArgument",
  "InvalidId",
  "TooLarge",
  "NotFound",
  "AlreadyExists",
  "Corrupt",
  "Missing",
]);

/** Changes, and writes, in lists: a session's metadata stays as it was. */
const IN_LISTS: ReadonlySet<string> = new Set(["appended", "append", "set"]);

/** How long a page that is never idle is left alone, at most. */
const IDLE_MS = 60_000;

/** Calls back when the page has nothing to do, or when the time is over. */
export function whenIdle(callback: () => void, timeout: number): void {
  const { requestIdleCallback } = globalThis as Partial<Pick<Window, "requestIdleCallback">>;
  if (requestIdleCallback !== undefined) requestIdleCallback(callback, { timeout });
  // WebKit does not say when it is idle.
  else setTimeout(callback, Math.min(timeout, 200));
}

function makeWriter(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function silent(): HoardError {
  const seconds = SIGN_OF_LIFE_MS / 1000;
  return new HoardError(
    "Unavailable",
    `the worker that was given did not answer for ${seconds} seconds; it has to import "hoardb/engine-worker"`,
  );
}

function otherVersion(): HoardError {
  return new HoardError("EngineCrashed", "the engine's script is of another version than the page's; reload the page", {
    needsReload: true,
  });
}

/** The error of an engine that has stopped. `again` says whether it starts anew with the next call. */
export function crashed(problem: string, again: boolean): HoardError {
  const next = again ? "it starts anew with the next call" : "reload the page";
  return new HoardError("EngineCrashed", `the engine crashed, ${next}: ${problem}`, {
    retryable: again,
    needsReload: !again,
  });
}
