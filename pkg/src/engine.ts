/**
 * The wasm engine as this package sees it. The generated declarations (`wasm/hoardb.d.ts`) are checked against this one
 * by `test/types`, so that the two cannot drift apart.
 *
 * JSON texts cross as UTF-8 bytes. `{"$attachment": n}` in a text is entry n of the table that comes with it. Byte
 * arrays that the engine returns are copies of their own, so their buffers may be transferred.
 */
import type { ErrorFields } from "./errors.js";

export interface EngineOptions {
  name: string;
  durability?: "relaxed" | "strict";
  chunkItems?: number;
  chunkBytes?: number;
  graceMs?: number;
}

/** An attachment to store with a document: its bytes, or the hash of one that is there. */
export type AttachmentInput = { type: string; bytes: Uint8Array } | { hash: string };

/** What identifies a stored attachment. */
export interface Attachment {
  /** SHA-256 of the bytes, 64 hexadecimal digits. */
  hash: string;
  /** Bytes. */
  size: number;
  /** MIME type. */
  type: string;
}

/** One JSON text. */
export interface Document {
  json: Uint8Array;
  attachments: AttachmentInput[];
}

/** JSON texts end to end without separators, the bytes of each, and one table for all. */
export interface Documents {
  json: Uint8Array;
  lengths: Uint32Array;
  attachments: AttachmentInput[];
}

export interface ListInput {
  name: string;
  items: Documents;
}

/** The text of a JSON array, `null` for what is missing, and a table for each entry that has attachments. */
export interface DocumentsOut {
  json: Uint8Array;
  tables: (Attachment[] | null)[] | null;
}

/** A session that cannot be read. */
export interface DamagedSession {
  id: string;
  error: ErrorFields;
}

export interface SessionPage extends DocumentsOut {
  /** Sessions that stand on the page and cannot be read; `null` when there are none. */
  damaged: DamagedSession[] | null;
  /** For {@link ListQuery.after}; `null` when nothing follows. */
  next: string | null;
}

export interface ListQuery {
  /** A top-level field of the metadata; the id when absent. */
  orderBy?: string;
  reverse?: boolean;
  limit: number;
  after?: string;
}

/** A stored chunk, cut to the range asked for. */
export interface ChunkOut {
  /** Index of the first item. */
  first: number;
  count: number;
  /** The text of a JSON array; empty when there is an error. */
  json: Uint8Array;
  attachments: Attachment[] | null;
  error: ErrorFields | null;
}

export interface ListStat {
  name: string;
  items: number;
  chunks: number;
  bytes: number;
}

/** A list with its first chunks. */
export interface ListLoad extends ListStat {
  /** Whoever loads reads on from where they end. */
  read: ChunkOut[];
}

/** A session with the beginning of its lists. */
export interface SessionLoad {
  /** The metadata, as an array of one. */
  meta: DocumentsOut;
  lists: ListLoad[];
}

export interface AttachmentStat extends Attachment {
  /** Bytes that its parts take. */
  storedSize: number;
  /** How the bytes are stored; `identity` is as they were given. */
  encoding: string;
  /** How many chunks and sessions refer to it. */
  references: number;
}

export interface EngineStats {
  sessions: number;
  items: number;
  chunks: number;
  attachments: number;
  logicalBytes: number;
  storedBytes: number;
  jsonBytes: number;
  jsonStoredBytes: number;
  attachmentBytes: number;
  attachmentStoredBytes: number;
  referencedBytes: number;
  savedByDeduplication: number;
  savedByCompression: number;
  generation: number;
}

export interface CollectOptions {
  dryRun?: boolean;
  graceMs?: number;
}

export interface CollectReport {
  dryRun: boolean;
  marked: number;
  attachments: number;
  bytes: number;
  uploads: number;
}

export interface VerifyOptions {
  full?: boolean;
  repair?: boolean;
}

export interface Finding {
  code: string;
  record: string;
  problem: string;
  repaired: boolean;
}

export interface VerifyReport {
  full: boolean;
  clean: boolean;
  sessions: number;
  chunks: number;
  attachments: number;
  findings: Finding[];
  findingsLeftOut: number;
}

export interface Progress {
  phase: string;
  done: number;
  total: number;
  unit: string;
}

export interface JobStep<Report = CollectReport | VerifyReport> {
  done: boolean;
  progress: Progress;
  report?: Report;
}

export interface EngineJob {
  step(): Promise<JobStep>;
  cancel(): void;
}

export interface Engine {
  create(id: string, meta: Document): Promise<void>;
  put(id: string, meta: Document): Promise<void>;
  update(id: string, patch: Document, remove: string[]): Promise<void>;
  delete(ids: string[]): Promise<number>;
  save(id: string, meta: Document, lists: ListInput[]): Promise<void>;
  append(id: string, list: string, items: Documents): Promise<number>;
  set(id: string, list: string, index: number, item: Document): Promise<void>;
  attach(attachment: AttachmentInput): Promise<Attachment>;
  uploadBegin(): Promise<string>;
  uploadPart(upload: string, bytes: Uint8Array): Promise<void>;
  uploadFinish(upload: string, type: string): Promise<Attachment>;
  uploadCancel(upload: string): Promise<void>;
  get(ids: string[]): Promise<DocumentsOut>;
  list(query: ListQuery): Promise<SessionPage>;
  count(): Promise<number>;
  lists(id: string): Promise<ListStat[]>;
  read(id: string, list: string, from: number, to: number, bytesMax: number): Promise<ChunkOut[]>;
  load(id: string, lists: string[] | null, bytesMax: number): Promise<SessionLoad>;
  readAttachment(hash: string, start: number, end: number): Promise<Uint8Array>;
  stat(hash: string): Promise<AttachmentStat>;
  stats(): Promise<EngineStats>;
  collect(options: CollectOptions): EngineJob;
  verify(options: VerifyOptions): EngineJob;
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** What the wasm module gives to whoever loads it. */
export interface EngineModule {
  open(options: EngineOptions): Promise<Engine>;
}
