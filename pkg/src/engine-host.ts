/**
 * The engine's end of the line: takes calls, makes them of the engine in their order, and gathers the replies.
 *
 * A call that has to wait for something (a Blob to be read, the engine to open) holds back the calls after it. Calls
 * that concern attachments by their hash, uploads and jobs keep no order and hold nothing back.
 */
import type { Document, Documents, Engine, EngineJob, EngineModule } from "./engine.js";
import { toFields, type ErrorFields } from "./errors.js";
import {
  FREE,
  PROTOCOL,
  type Args,
  type AttachmentSource,
  type Call,
  type DocumentsSource,
  type FromEngine,
  type Op,
  type Reply,
  type Result,
  type ToEngine,
  type WasmSource,
} from "./protocol.js";
import { Uploads } from "./upload.js";

/** Calls that concern jobs. */
type JobOp = "collect" | "verify" | "step" | "cancel";

/** Sends a message to the page. The buffers listed change hands. */
export type Send = (message: FromEngine, transfer: Transferable[]) => void;

/** Loads the wasm. */
export type Load = (wasm: WasmSource) => Promise<EngineModule>;

/** What each call makes of the engine. Attachments were prepared by then: no Blob is left in a table. */
const HANDLERS: {
  [K in Exclude<Op, "open" | JobOp>]: (engine: Engine, args: Args<K>, uploads: Uploads) => Promise<Result<K>>;
} = {
  create: (engine, { session, documents }) => engine.create(session, document(documents)),
  put: (engine, { session, documents }) => engine.put(session, document(documents)),
  update: (engine, { session, documents, remove }) => engine.update(session, document(documents), remove),
  delete: (engine, { sessions }) => engine.delete(sessions),
  save,
  append: (engine, { session, list, documents }) => engine.append(session, list, documents as Documents),
  set: (engine, { session, list, index, documents }) => engine.set(session, list, index, document(documents)),
  get: (engine, { sessions }) => engine.get(sessions),
  list: (engine, query) => engine.list(query),
  count: (engine) => engine.count(),
  lists: (engine, { session }) => engine.lists(session),
  read: (engine, { session, list, from, to, bytesMax }) => engine.read(session, list, from, to, bytesMax),
  load: (engine, { session, lists, bytesMax }) => engine.load(session, lists, bytesMax),
  attach: (engine, { source }, uploads) => uploads.store(engine, source),
  uploadBegin: (engine) => engine.uploadBegin(),
  uploadPart: (engine, { upload, bytes }) => engine.uploadPart(upload, bytes),
  uploadFinish: (engine, { upload, type }) => engine.uploadFinish(upload, type),
  uploadCancel: (engine, { upload }) => engine.uploadCancel(upload),
  readAttachment: (engine, { hash, start, end }) => engine.readAttachment(hash, start, end),
  stat: (engine, { hash }) => engine.stat(hash),
  stats: (engine) => engine.stats(),
  flush: (engine) => engine.flush(),
  close: (engine) => engine.close(),
};

async function save(engine: Engine, { sessions }: Args<"save">): Promise<Result<"save">> {
  const saved = sessions.map(({ session, documents, lists }) =>
    engine.save(
      session,
      document(documents),
      lists.map(({ name, items }) => ({ name, items: items as Documents })),
    ),
  );
  const outcomes = await Promise.allSettled(saved);
  return outcomes.map((outcome) => (outcome.status === "rejected" ? toFields(outcome.reason) : null));
}

function document({ json, attachments }: DocumentsSource): Document {
  return { json, attachments: attachments as Document["attachments"] };
}

/** The attachment tables of a call. */
function tablesOf({ op, args }: Call): AttachmentSource[][] {
  if (op !== "save") {
    const { documents } = args as Partial<Args<"append">>;
    return documents === undefined ? [] : [documents.attachments];
  }
  const { sessions } = args as Args<"save">;
  return sessions.flatMap(({ documents, lists }) => [
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
  /** Calls in their order, from the first that waits for something. */
  readonly #line: { call: Call; ready: Promise<void> | undefined }[] = [];
  /** Calls without a reply: those that keep no order, and the others. */
  readonly #free = new Set<Promise<void>>();
  readonly #ordered = new Set<Promise<void>>();
  #replies: Reply[] = [];
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
      if (FREE.has(call.op)) this.#runFree(call);
      else this.#lineUp(call);
    }
  }

  /** Tells the page that the engine has stopped and answers nothing more. */
  crash(problem: string): void {
    if (this.#crashed) return;
    this.#crashed = true;
    this.#line.length = 0;
    this.#send({ crashed: problem });
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
      track(this.#run(call), this.#ordered);
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
        if (first.call.op === "close") await Promise.all([...this.#free, ...this.#ordered]);
        track(this.#run(first.call), this.#ordered);
      } catch (error) {
        this.#fail(first.call, error);
      }
      this.#line.shift();
    }
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

  async #open({ options, wasm }: Args<"open">): Promise<void> {
    // The page learns that somebody is here, however long opening takes.
    this.#send({ replies: [] });
    const module = await this.#load(wasm);
    this.#engine = await module.open(options);
  }

  async #run(call: Call): Promise<void> {
    try {
      this.#reply({ id: call.id, result: await this.#make(call) }, call.op);
      if (call.op === "close") this.#ended();
    } catch (error) {
      this.#fail(call, error);
    }
  }

  #make({ op, args }: Call): unknown {
    if (op === "open") return undefined;
    const engine = this.#engine;
    if (engine === undefined) throw fields("Closed", "the hoard is closed; open it again");
    switch (op) {
      case "collect":
        return this.#begin(engine.collect(args as Args<"collect">));
      case "verify":
        return this.#begin(engine.verify(args as Args<"verify">));
      case "step":
        return this.#step((args as Args<"step">).job);
      case "cancel":
        return this.#jobs.get((args as Args<"cancel">).job)?.cancel();
    }
    if (!Object.hasOwn(HANDLERS, op)) throw fields("InvalidArgument", `the engine has no call ${JSON.stringify(op)}`);
    const handler = HANDLERS[op] as (engine: Engine, args: unknown, uploads: Uploads) => Promise<unknown>;
    return handler(engine, args, this.#uploads);
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

  /** What settled together goes in one message. */
  #sendReplies(): void {
    const replies = this.#replies;
    const transfer = new Set(this.#transfer);
    this.#replies = [];
    this.#transfer = [];
    this.#send({ replies }, [...transfer] as ArrayBuffer[]);
  }

  #send(message: { replies: Reply[] } | { crashed: string }, transfer: ArrayBuffer[] = []): void {
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
