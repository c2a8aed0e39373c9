/**
 * The engine's end of the line: takes calls, makes them of the engine in their order, and gathers the replies. It also
 * passes on what the engine reports: to the page, and what was committed to the other tabs.
 *
 * A call that has to wait for something (a Blob to be read, the engine to open) holds back the calls after it. Calls
 * that concern attachments by their hash, uploads and jobs keep no order and hold nothing back.
 */
import { ACCEPTED, COMMITTED, type AckLevel } from "./ack.js";
import type { Document, Documents, Engine, EngineEvent, EngineJob, EngineModule } from "./engine.js";
import type { ErrorFields } from "./errors.js";
import { Housekeeping } from "./housekeeping.js";
import { Peers, canTell, type Commit } from "./peers.js";
import {
  FREE,
  PROTOCOL,
  type Args,
  type AttachmentSource,
  type Call,
  type DocumentsSource,
  type FromEngine,
  type HostEvent,
  type Op,
  type Reply,
  type Result,
  type ToEngine,
  type WasmSource,
  type WholeSource,
} from "./protocol.js";
import { toFields } from "./thrown.js";
import { Uploads } from "./upload.js";

/** Calls that concern jobs. */
type JobOp = "collect" | "verify" | "optimize" | "reindex" | "step" | "cancel";

/** Sends a message to the page. The buffers listed change hands. */
export type Send = (message: FromEngine, transfer: Transferable[]) => void;

/** Loads the wasm, from these sources. `compiled` is the first, if somebody has compiled it. */
export type Load = (
  wasm: WasmSource,
  searchWasm: WasmSource,
  compiled: WebAssembly.Module | undefined,
) => Promise<EngineModule>;

/** Calls that read what other tabs may have changed. */
const READS: ReadonlySet<Op> = new Set<Op>(["get", "list", "count", "lists", "read", "load", "search", "suggest"]);

/** A write's number and when it is answered. */
interface Numbered {
  seq: number;
  ack: AckLevel;
}

/** What each call makes of the engine. Attachments were prepared by then: no Blob is left in a table. */
const HANDLERS: {
  [K in Exclude<Op, "open" | "idle" | JobOp>]: (
    engine: Engine,
    args: Args<K>,
    numbered: Numbered,
    uploads: Uploads,
  ) => Result<K> | Promise<Result<K>>;
} = {
  create: (engine, { session, documents }, { seq, ack }) => engine.create(session, document(documents), seq, ack),
  put: (engine, { session, documents }, { seq, ack }) => engine.put(session, document(documents), seq, ack),
  update: (engine, { session, documents, remove }, { seq, ack }) =>
    engine.update(session, document(documents), remove, seq, ack),
  delete: (engine, { sessions }, { seq, ack }) => engine.delete(sessions, seq, ack),
  save,
  saveMany,
  append: (engine, { session, list, documents }, { seq, ack }) =>
    engine.append(session, list, documents as Documents, seq, ack),
  set: (engine, { session, list, index, documents }, { seq, ack }) =>
    engine.set(session, list, index, document(documents), seq, ack),
  get: (engine, { sessions }) => engine.get(sessions),
  list: (engine, query) => engine.list(query),
  count: (engine) => engine.count(),
  lists: (engine, { session }) => engine.lists(session),
  read: (engine, { session, list, from, to, bytesMax }) => engine.read(session, list, from, to, bytesMax),
  load: (engine, { session, lists, bytesMax }) => engine.load(session, lists, bytesMax),
  search: (engine, { request }) => engine.search(request),
  suggest: (engine, { request }) => engine.suggest(request),
  attach: (engine, { source, ack }, _, uploads) => uploads.store(engine, source, ack),
  uploadBegin: (engine) => engine.uploadBegin(),
  uploadPart: (engine, { upload, bytes }) => engine.uploadPart(upload, bytes),
  uploadFinish: (engine, { upload, type }) => engine.uploadFinish(upload, type),
  uploadCancel: (engine, { upload }) => engine.uploadCancel(upload),
  readAttachment: (engine, { hash, start, end }) => engine.readAttachment(hash, start, end),
  stat: (engine, { hash }) => engine.stat(hash),
  stats: (engine, { index }) => engine.stats(index),
  distrust: (engine) => engine.distrust(),
  invalidate: (engine, { target }) => engine.invalidate(target),
  flush: (engine) => engine.flush(),
  close: (engine) => engine.close(),
};

function save(engine: Engine, { session, documents, lists }: WholeSource, { seq, ack }: Numbered): Promise<void> {
  const inputs = lists.map(({ name, items }) => ({ name, items: items as Documents }));
  return engine.save(session, document(documents), inputs, seq, ack);
}

async function saveMany(engine: Engine, { sessions, ack }: Args<"saveMany">): Promise<Result<"saveMany">> {
  const saved = sessions.map((whole) => save(engine, whole, { seq: 0, ack }));
  const outcomes = await Promise.allSettled(saved);
  return outcomes.map((outcome) => (outcome.status === "rejected" ? toFields(outcome.reason) : null));
}

function document({ json, attachments }: DocumentsSource): Document {
  return { json, attachments: attachments as Document["attachments"] };
}

/** The attachment tables of a call that are to be made fit for the engine. */
function tablesOf({ op, args, seq }: Call): AttachmentSource[][] {
  // What the page keeps it has read and bounded. The engine takes it in one piece, so that nothing of it can fail of
  // storage that is full before the engine has it.
  if (seq !== undefined && seq > 0) return [];
  const wholes =
    op === "saveMany" ? (args as Args<"saveMany">).sessions
    : op === "save" ? [args as WholeSource]
    : [];
  if (wholes.length === 0) {
    const { documents } = args as Partial<Args<"append">>;
    return documents === undefined ? [] : [documents.attachments];
  }
  return wholes.flatMap(({ documents, lists }) => [
    documents.attachments,
    ...lists.map(({ items }) => items.attachments),
  ]);
}

/** The buffers of an answer. The engine copied their bytes for it, so they may change hands. */
function buffersOf(op: Op, result: unknown): ArrayBufferLike[] {
  switch (op) {
    case "get":
    case "list":
      return [(result as Result<"get">).json.buffer];
    case "read":
      return (result as Result<"read">).map(({ json }) => json.buffer);
    case "load": {
      const { meta, lists } = result as Result<"load">;
      return [meta.json.buffer, ...lists.flatMap(({ read }) => read.map(({ json }) => json.buffer))];
    }
    case "search": {
      const { meta } = result as Result<"search">;
      return meta === null ? [] : [meta.json.buffer];
    }
    case "readAttachment":
      return [(result as Result<"readAttachment">).buffer];
    default:
      return [];
  }
}

/** One hoard's engine. See the module. */
export class EngineHost {
  readonly #hoard: number;
  readonly #sendMessage: Send;
  readonly #load: Load;
  readonly #ended: () => void;
  readonly #uploads = new Uploads();
  readonly #jobs = new Map<number, EngineJob>();
  #lastJob = 0;
  #engine: Engine | undefined;
  /** Settles when the engine was opened or could not be. */
  readonly #opened: Promise<void>;
  #settleOpened = (_opening: Promise<void>): void => {};
  #crashed = false;
  #peers: Peers | undefined;
  #housekeeping: Housekeeping | undefined;
  /** Whether others committed something before the engine was there to hear it. */
  #missed = false;
  /** Calls in their order, from the first that waits for something. */
  readonly #line: { call: Call; ready: Promise<void> | undefined }[] = [];
  /** Calls without a reply: those that keep no order, and the others. */
  readonly #free = new Set<Promise<void>>();
  readonly #ordered = new Set<Promise<void>>();
  #replies: Reply[] = [];
  #events: HostEvent[] = [];
  #transfer: ArrayBufferLike[] = [];

  /** `ended` is called when the hoard was closed and no more calls will come. */
  constructor(hoard: number, send: Send, load: Load, ended: () => void = () => {}) {
    this.#hoard = hoard;
    this.#sendMessage = send;
    this.#load = load;
    this.#ended = ended;
    this.#opened = new Promise((resolve) => (this.#settleOpened = resolve));
    // Each call that waits for it looks at it itself.
    this.#opened.catch(() => {});
  }

  /** Takes a message of the page's. */
  receive(message: ToEngine): void {
    if (message.hoardb !== PROTOCOL) {
      // The page sees from the version of this answer that it cannot go on.
      this.#send({ replies: [] });
      return;
    }
    for (const call of message.calls) {
      if (call.op !== "idle") this.#housekeeping?.called();
      if (FREE.has(call.op)) this.#runFree(call);
      else this.#lineUp(call);
    }
  }

  /** Tells the page that the engine has stopped and answers nothing more. */
  crash(problem: string): void {
    if (this.#crashed) return;
    this.#crashed = true;
    this.#line.length = 0;
    this.release();
    this.#send({ crashed: problem });
  }

  /** Nobody will call any more: what does not end by itself is ended. */
  release(): void {
    this.#peers?.close();
    this.#peers = undefined;
    void this.#housekeeping?.stop();
  }

  #runFree(call: Call): void {
    const run = async (): Promise<void> => {
      if (this.#engine === undefined) await this.#opened.catch(() => {});
      await this.#run(call);
    };
    track(run(), this.#free);
  }

  #lineUp(call: Call): void {
    const ready = this.#prepare(call);
    const barrier = call.op === "flush" || call.op === "close";
    if (ready === undefined && !barrier && this.#line.length === 0) {
      this.#runOrdered(call);
      return;
    }
    // Whether it fails is looked at when its turn has come.
    ready?.catch(() => {});
    this.#line.push({ call, ready });
    if (this.#line.length === 1) void this.#advance();
  }

  async #advance(): Promise<void> {
    for (let first = this.#line[0]; first !== undefined; first = this.#line[0]) {
      try {
        if (first.ready !== undefined) await first.ready;
        // A barrier covers what is being stored out of order; closing leaves no call without its reply.
        if (first.call.op === "flush") await Promise.all(this.#free);
        if (first.call.op === "close") {
          await Promise.all([...this.#free, ...this.#ordered, this.#housekeeping?.stop()]);
        }
        this.#runOrdered(first.call);
      } catch (error) {
        this.#fail(first.call, error);
      }
      this.#line.shift();
    }
  }

  #runOrdered(call: Call): void {
    const running = this.#run(call);
    // An accepted write may wait for storage to have room: closing does not wait for that.
    if (call.ack !== ACCEPTED) track(running, this.#ordered);
  }

  /** What a call has to wait for before it can be made, besides those before it. */
  #prepare(call: Call): Promise<void> | undefined {
    const { op, args } = call;
    if (op === "open") {
      this.#settleOpened(this.#open(args as Args<"open">));
      return this.#opened;
    }
    const engine = this.#engine;
    if (engine !== undefined) return this.#uploads.prepare(engine, tablesOf(call));
    return this.#opened.then(() => this.#engine && this.#uploads.prepare(this.#engine, tablesOf(call)));
  }

  async #open({ options, wasm, compiled, searchWasm, housekeeping }: Args<"open">): Promise<void> {
    // The page learns that somebody is here, however long opening takes.
    this.#send({ replies: [] });
    const module = await this.#load(wasm, searchWasm, compiled);
    // Before the engine reads the first record, so that no change to it goes unheard.
    if (canTell()) this.#peers = new Peers(options.name, (commit) => this.#heard(commit));
    try {
      const engine = await module.open(options, (event) => this.#notice(event));
      if (this.#missed) engine.distrust();
      this.#engine = engine;
      if (housekeeping !== false) {
        this.#housekeeping = new Housekeeping(engine, options.name, () => this.#report({ type: "due" }));
      }
    } catch (error) {
      this.release();
      throw error;
    }
  }

  /** Another tab has committed something. */
  #heard(commit: Commit | undefined): void {
    if (this.#engine === undefined) {
      this.#missed = true;
    } else if (commit === undefined) {
      this.#engine.distrust();
      this.#report({ type: "missed" });
    } else {
      this.#engine.peer(commit.generation, [...new Set(commit.changes.map(({ session }) => session))]);
      this.#report({ type: "peer", ...commit });
    }
  }

  /** The engine reports something. */
  #notice(event: EngineEvent): void {
    if (event.type === "committed" && !this.#crashed) this.#peers?.tell(event);
    this.#report(event);
  }

  async #run(call: Call): Promise<void> {
    try {
      this.#reply({ id: call.id, result: await this.#make(call) }, call.op);
    } catch (error) {
      this.#fail(call, error);
    }
    if (call.op === "close") {
      this.release();
      this.#ended();
    }
  }

  #make({ op, args, seq = 0, ack = COMMITTED }: Call): unknown {
    if (op === "open") return undefined;
    if (op === "idle") return this.#housekeeping?.idle();
    const engine = this.#engine;
    if (engine === undefined) throw fields("Closed", "the hoard is closed; open it again");
    switch (op) {
      case "collect":
        return this.#begin(engine.collect(args as Args<"collect">));
      case "verify":
        return this.#begin(engine.verify(args as Args<"verify">));
      case "optimize":
        return this.#begin(engine.optimize());
      case "reindex":
        return this.#begin(engine.reindex());
      case "step":
        return this.#step((args as Args<"step">).job);
      case "cancel":
        return this.#jobs.get((args as Args<"cancel">).job)?.cancel();
    }
    if (!Object.hasOwn(HANDLERS, op)) throw fields("InvalidArgument", `the engine has no call ${JSON.stringify(op)}`);
    // Nobody tells what other tabs do.
    if (this.#peers === undefined && READS.has(op)) engine.distrust();
    const handler = HANDLERS[op] as (engine: Engine, args: unknown, numbered: Numbered, uploads: Uploads) => unknown;
    return handler(engine, args, { seq, ack }, this.#uploads);
  }

  #begin(job: EngineJob): number {
    this.#jobs.set((this.#lastJob += 1), job);
    return this.#lastJob;
  }

  async #step(number: number): Promise<Result<"step">> {
    const job = this.#jobs.get(number);
    // A page whose engine crashed asks the new one for a job of the old one's.
    if (job === undefined) throw fields("EngineCrashed", "the job ended with the engine that ran it; start it again");
    try {
      const step = await job.step();
      if (step.done) this.#jobs.delete(number);
      return step;
    } catch (error) {
      this.#jobs.delete(number);
      throw error;
    }
  }

  #fail({ id, op }: Call, error: unknown): void {
    // A trap leaves the engine's memory in no state to go on with. Whoever listens for it ends every hoard in it.
    if (error instanceof WebAssembly.RuntimeError) reportError(error);
    else this.#reply({ id, error: toFields(error) }, op);
  }

  #reply(reply: Reply, op: Op): void {
    if (this.#crashed) return;
    if (this.#replies.length === 0) queueMicrotask(() => this.#sendReplies());
    this.#replies.push(reply);
    if ("result" in reply) this.#transfer.push(...buffersOf(op, reply.result));
  }

  #report(event: HostEvent): void {
    if (this.#crashed) return;
    if (this.#events.length === 0) {
      queueMicrotask(() => {
        const events = this.#events;
        this.#events = [];
        this.#send({ events });
      });
    }
    this.#events.push(event);
  }

  /** What settled together goes in one message. */
  #sendReplies(): void {
    const replies = this.#replies;
    const transfer = new Set(this.#transfer);
    this.#replies = [];
    this.#transfer = [];
    this.#send({ replies }, [...transfer] as ArrayBuffer[]);
  }

  #send(
    message: { replies: Reply[] } | { events: HostEvent[] } | { crashed: string },
    transfer: ArrayBuffer[] = [],
  ): void {
    this.#sendMessage({ hoardb: PROTOCOL, hoard: this.#hoard, ...message }, transfer);
  }
}

/** Keeps a promise in a set while it is pending. */
function track(running: Promise<void>, set: Set<Promise<void>>): void {
  set.add(running);
  void running.finally(() => set.delete(running));
}

function fields(code: string, message: string): ErrorFields {
  return { code, message, retryable: false, needsReload: false };
}
