/**
 * The page's end of the line to the engine: posts what is in the outbox, settles the promises of its calls, and deals
 * with an engine that crashed.
 *
 * What is in the outbox is posted as one message at the next microtask, so that a loop of appends costs its caller no
 * message each. While enough is on its way the outbox gathers until replies come: a thousand appends become a few
 * messages, and what is under way stays bounded.
 */
import { HoardError, closed, fromFields } from "./errors.js";
import { Outbox, reject, resolve, toCalls, type Entry, type Prepared } from "./outbox.js";
import { Pace } from "./pace.js";
import {
  FREE,
  PROTOCOL,
  isFromEngine,
  type Args,
  type AttachmentSource,
  type Op,
  type Result,
  type ToEngine,
} from "./protocol.js";

/** What may be on its way before the outbox gathers: calls, and the bytes that they make the other end hold. */
const CALLS_MAX = 64;
const BYTES_MAX = 12 << 20;

/** How long a worker that was given may take to answer at all. */
const SIGN_OF_LIFE_MS = 30_000;

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

/** See the module. */
export class Channel {
  readonly #connector: Connector;
  readonly #opening: Args<"open">;
  readonly #hoard = Math.floor(Math.random() * Number.MAX_SAFE_INTEGER);
  /** Raised with every connection and every end of one, so that what an earlier one still reports is known for that. */
  #connection = 0;
  #connected = false;
  #port: Port | undefined;
  #ordered = new Outbox();
  #free = new Outbox();
  #onTheirWay = new Map<number, Entry>();
  #ordinary = 0;
  #bytes = 0;
  #lastId = 0;
  #scheduled = false;
  /** Makes the error of every further call, once there is one. */
  #end: (() => HoardError) | undefined;
  #closing: Promise<void> | undefined;
  #forRoom: (() => void)[] = [];

  constructor(connector: Connector, opening: Args<"open">) {
    this.#connector = connector;
    this.#opening = opening;
  }

  /** Connects and opens the hoard. Calls made meanwhile wait for it, and fail when it fails. */
  open(): Promise<void> {
    const connection = (this.#connection += 1);
    this.#connected = true;
    const current = (): boolean => connection === this.#connection;
    const events: PortEvents = {
      message: (message) => void (current() && this.#receive(message)),
      failed: (error) => void (current() && this.#fail(error)),
    };
    const connected = async (): Promise<void> => {
      const port = await this.#connector.connect(this.#hoard, events);
      if (!current()) return port.release();
      this.#port = port;
      this.#post();
    };
    const opened = new Promise<void>((resolve, reject) => {
      this.#ordered.addFirst("open", this.#opening, { resolve: () => resolve(), reject });
    });
    connected().catch((error: unknown) => events.failed(error as HoardError));
    if (this.#connector.foreign) {
      const patience = setTimeout(() => events.failed(silent()), SIGN_OF_LIFE_MS);
      this.#heard = () => clearTimeout(patience);
    }
    // An engine that could not open has nothing to say to the calls that wait behind.
    opened.catch(events.failed);
    return opened;
  }

  /** Called when the other end has shown that it lives. */
  #heard = (): void => {};

  /** Makes a call. */
  call<K extends Op>(op: K, args: Args<K>, bytes = 0, transfer: Transferable[] = []): Promise<Result<K>> {
    return this.#enter((caller) => this.#outbox(op).add(op, { args, bytes, transfer }, caller));
  }

  /** Makes a call with documents, given as texts. */
  write<K extends "create" | "put" | "update" | "set" | "append">(
    op: K,
    args: Omit<Args<K>, "documents">,
    texts: string[],
    attachments: AttachmentSource[],
  ): Promise<Result<K>> {
    return this.#enter((caller) => this.#ordered.addTexts(op, args, texts, attachments, caller));
  }

  /** Makes a call whose arguments take time to encode. It has its place among the calls from now on. */
  later<K extends Op>(op: K, prepare: () => Promise<Prepared<K>>): Promise<Result<K>> {
    return this.#enter((caller) => {
      const entry = this.#ordered.add(op, undefined, caller);
      prepare().then(
        (prepared) => {
          this.#ordered.complete(entry, prepared);
          this.#schedule();
        },
        (error: unknown) => {
          this.#ordered.remove(entry);
          caller.reject(error);
          this.#schedule();
        },
      );
    });
  }

  /** Waits until so little is under way that more may be encoded. */
  async room(): Promise<void> {
    while (this.#bytes + this.#ordered.bytes > BYTES_MAX) {
      await new Promise<void>((resolve) => this.#forRoom.push(resolve));
    }
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
    try {
      await reply;
    } finally {
      this.#fail(closed());
    }
  }

  #outbox(op: Op): Outbox {
    return FREE.has(op) ? this.#free : this.#ordered;
  }

  #enter<R>(add: (caller: { resolve(result: unknown): void; reject(error: unknown): void }) => void): Promise<R> {
    if (this.#end !== undefined) return Promise.reject(this.#end());
    return new Promise<R>((resolve, reject) => {
      if (!this.#connected) this.open().catch(() => {});
      add({ resolve: resolve as (result: unknown) => void, reject });
      this.#schedule();
    });
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
      const entries = this.#ordered.next();
      if (entries.length === 0) break;
      this.#ordinary += entries.length;
      this.#send(this.#port, entries);
    }
  }

  #send(port: Port, entries: Entry[]): void {
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
      for (const { id } of calls) this.#settle(id, (entry) => reject(entry, failure));
    }
  }

  #receive(message: unknown): void {
    if (!isFromEngine(message, this.#hoard)) return;
    this.#heard();
    if (message.hoardb !== PROTOCOL) {
      this.#fail(otherVersion());
    } else if ("crashed" in message) {
      this.#fail(crashed(message.crashed, this.#connector.again));
    } else {
      for (const reply of message.replies) {
        this.#settle(reply.id, (entry) => {
          if ("error" in reply) reject(entry, fromFields(reply.error));
          else resolve(entry, reply.result);
        });
      }
      this.#makeRoom();
      this.#post();
    }
  }

  #settle(id: number, settle: (entry: Entry) => void): void {
    const entry = this.#onTheirWay.get(id);
    if (entry === undefined) return;
    this.#onTheirWay.delete(id);
    this.#bytes -= entry.bytes;
    if (!FREE.has(entry.op)) this.#ordinary -= 1;
    settle(entry);
  }

  #makeRoom(): void {
    for (const resolve of this.#forRoom.splice(0)) resolve();
  }

  /** Ends the connection and every call on it. The next call makes a new connection where that is worth it. */
  #fail(error: HoardError): void {
    this.#heard();
    this.#port?.release();
    this.#port = undefined;
    this.#connected = false;
    this.#connection += 1;
    if (!this.#connector.again) this.#end ??= () => error;
    const entries = [...this.#onTheirWay.values(), ...this.#ordered.clear(), ...this.#free.clear()];
    this.#onTheirWay.clear();
    this.#bytes = 0;
    this.#ordinary = 0;
    for (const entry of entries) reject(entry, error);
    this.#makeRoom();
  }
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
