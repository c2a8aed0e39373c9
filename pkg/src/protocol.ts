/**
 * What the page and the engine's context say to each other. Both ends are of one package, but a cached worker script
 * can be of another version than the page: so every message carries the version, and a message of another one is
 * refused.
 *
 * The page sends calls, several in one message, and gets one reply for each. Documents cross as UTF-8 JSON in
 * transferred buffers, in both directions.
 */
import type { AckLevel } from "./ack.js";
import type {
  AttachmentStat,
  Attachment,
  CacheTarget,
  Change,
  ChunkOut,
  CollectOptions,
  DocumentsOut,
  EngineEvent,
  EngineOptions,
  EngineStats,
  JobStep,
  ListQuery,
  ListStat,
  SearchOut,
  SessionLoad,
  SessionPage,
  SuggestionOut,
  VerifyOptions,
} from "./engine.js";
import type { ErrorFields } from "./errors.js";

/** Version of the messages. Raised whenever a message changes its meaning or shape. */
export const PROTOCOL = 3;

/** Where the wasm comes from; `undefined` is beside the scripts. */
export type WasmSource = string | WebAssembly.Module | ArrayBuffer | Uint8Array | undefined;

/** An attachment as the page hands it over. A Blob is read on the engine's side. */
export type AttachmentSource = { type: string; bytes: Uint8Array } | { type: string; blob: Blob } | { hash: string };

/** JSON texts end to end, the bytes of each, and the attachments that they use. */
export interface DocumentsSource {
  json: Uint8Array;
  lengths: Uint32Array;
  attachments: AttachmentSource[];
}

/** A session with all its lists. */
export interface WholeSource {
  session: string;
  documents: DocumentsSource;
  lists: { name: string; items: DocumentsSource }[];
}

/** Every call: what it takes and what it answers. */
export interface Calls {
  open: {
    args: { options: EngineOptions; wasm: WasmSource; compiled?: WebAssembly.Module | undefined; searchWasm?: WasmSource; housekeeping?: boolean };
    result: void;
  };
  create: { args: { session: string; documents: DocumentsSource }; result: void };
  put: { args: { session: string; documents: DocumentsSource }; result: void };
  update: { args: { session: string; documents: DocumentsSource; remove: string[] }; result: void };
  delete: { args: { sessions: string[] }; result: number };
  save: { args: WholeSource; result: void };
  /** Each session on its own; answers for each with its error, if any. */
  saveMany: { args: { sessions: WholeSource[]; ack: AckLevel }; result: (ErrorFields | null)[] };
  append: { args: { session: string; list: string; documents: DocumentsSource }; result: number };
  set: { args: { session: string; list: string; index: number; documents: DocumentsSource }; result: void };
  get: { args: { sessions: string[] }; result: DocumentsOut };
  list: { args: ListQuery; result: SessionPage };
  count: { args: object; result: number };
  lists: { args: { session: string }; result: ListStat[] };
  read: { args: { session: string; list: string; from: number; to: number; bytesMax: number }; result: ChunkOut[] };
  load: { args: { session: string; lists: string[] | null; bytesMax: number }; result: SessionLoad };
  attach: { args: { source: AttachmentSource; ack: AckLevel }; result: Attachment };
  uploadBegin: { args: object; result: string };
  uploadPart: { args: { upload: string; bytes: Uint8Array }; result: void };
  uploadFinish: { args: { upload: string; type: string }; result: Attachment };
  uploadCancel: { args: { upload: string }; result: void };
  readAttachment: { args: { hash: string; start: number; end: number }; result: Uint8Array };
  stat: { args: { hash: string }; result: AttachmentStat };
  stats: { args: { index: boolean }; result: EngineStats };
  search: { args: { request: string }; result: SearchOut };
  suggest: { args: { request: string }; result: SuggestionOut[] };
  /** These four answer with the job's number. */
  collect: { args: CollectOptions; result: number };
  verify: { args: VerifyOptions; result: number };
  optimize: { args: object; result: number };
  reindex: { args: object; result: number };
  step: { args: { job: number }; result: JobStep };
  cancel: { args: { job: number }; result: void };
  /** Messages of other tabs may have been missed. */
  distrust: { args: object; result: void };
  invalidate: { args: { target: CacheTarget | null }; result: number };
  /** The page has nothing to do: it is a good time for housekeeping. */
  idle: { args: object; result: void };
  flush: { args: object; result: void };
  close: { args: object; result: void };
}

export type Op = keyof Calls;
export type Args<K extends Op> = Calls[K]["args"];
export type Result<K extends Op> = Calls[K]["result"];

/** Writes that are numbered: to be sent again, and to be written to the journal. */
export type WriteOp = "create" | "put" | "update" | "delete" | "append" | "set" | "save";

/** Calls that keep no order and hold nothing back: they concern attachments by their hash, uploads and jobs. */
export const FREE: ReadonlySet<Op> = new Set<Op>([
  "attach",
  "uploadBegin",
  "uploadPart",
  "uploadFinish",
  "uploadCancel",
  "readAttachment",
  "step",
  "cancel",
  "idle",
]);

/** One call. The number comes back with the reply. */
export interface Call<K extends Op = Op> {
  id: number;
  op: K;
  args: Args<K>;
  /** Of a {@link WriteOp}: its number, 0 when the page keeps nothing of it. */
  seq?: number;
  /** Of a {@link WriteOp}: when it is answered. */
  ack?: AckLevel;
}

/** What the page sends. `hoard` tells hoards that share a worker apart. */
export interface ToEngine {
  hoardb: number;
  hoard: number;
  calls: Call[];
}

/** What became of a call. */
export type Reply = { id: number; result: unknown } | { id: number; error: ErrorFields };

/** What the engine's side reports by itself. */
export type HostEvent =
  | EngineEvent
  /** Another tab, or another hoard of this one, committed this. */
  | { type: "peer"; generation: number; changes: Change[] }
  /** Somebody committed something unknown. */
  | { type: "missed" }
  /** There is housekeeping to do when the page is idle: it is to say so. */
  | { type: "due" };

/** What the engine's side sends: replies, events, or that it has crashed and answers nothing more. */
export type FromEngine = { hoardb: number; hoard: number } & (
  | { replies: Reply[] }
  | { events: HostEvent[] }
  | { crashed: string }
);

function isMessage(message: unknown): message is { hoardb: number; hoard: number } {
  return (
    typeof message === "object" &&
    message !== null &&
    typeof (message as ToEngine).hoardb === "number" &&
    typeof (message as ToEngine).hoard === "number"
  );
}

/** Whether a message is for the engine's side, whatever its version. Anything else is none of our business. */
export function isToEngine(message: unknown): message is ToEngine {
  return (
    isMessage(message) &&
    Array.isArray((message as ToEngine).calls) &&
    (message as ToEngine).calls.every((call) => typeof call?.id === "number" && typeof call.op === "string")
  );
}

/** Whether a message is for this hoard's page side, whatever its version. */
export function isFromEngine(message: unknown, hoard: number): message is FromEngine {
  return (
    isMessage(message) &&
    message.hoard === hoard &&
    (Array.isArray((message as { replies?: unknown }).replies) ||
      Array.isArray((message as { events?: unknown }).events) ||
      typeof (message as { crashed?: unknown }).crashed === "string")
  );
}
