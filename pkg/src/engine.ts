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
  /** Who numbers the writes: 32 lower-case hexadecimal digits. */
  writer?: string;
  cacheBytes?: number;
  cacheTtlMs?: number;
  /** There was data when somebody looked last: that the store is empty is an error. */
  expected?: boolean;
  /** What is indexed: the JSON text of an `IndexOptions`, or `false`. As it was when absent. */
  index?: string;
}

/** What happened to a session. */
export interface Change {
  /** The session's id. */
  session: string;
  /** Its metadata was written, it was deleted, it was saved as a whole, or one of its lists has new or other items. */
  kind: "metadata" | "deleted" | "saved" | "appended" | "set";
  /** The list, with `appended` and `set`. */
  list?: string;
  /** Index of the first item that is new or another, with `appended` and `set`. */
  from?: number;
  /** Index after the last. */
  to?: number;
}

/** What the engine reports by itself. */
export type EngineEvent =
  /** A transaction of this engine was committed. */
  | { type: "committed"; generation: number; changes: Change[] }
  /** Storage is full and accepted writes are kept. */
  | { type: "full"; error: ErrorFields; waiting: number }
  /** They went through. */
  | { type: "room" }
  /**
   * Deletes are about to be committed that need no room and leave nothing of these writes, and nothing can say so: should the
   * engine crash before it answers them, to send them again may be to store them twice. None: it failed.
   */
  | { type: "unrecorded"; seqs: number[] }
  /** The connection was lost and works again. */
  | { type: "healed"; cause: string }
  | { type: "blocked"; error: ErrorFields }
  /** An accepted write was refused; `seq` is 0 when it came from the journal. */
  | { type: "failed"; seq: number; error: ErrorFields; session?: string; list?: string };

/** Which entries of the cache: one, those whose id begins so, or those whose id matches. */
export interface CacheTarget {
  /** A session's id. */
  id?: string;
  /** What their ids begin with. */
  prefix?: string;
  /** A pattern of their ids, in which `*` stands for any characters and `?` for any one. */
  pattern?: string;
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
  /** Of this very store: another one under the same name has another. */
  storeId: string;
  queue: QueueStats;
  cache: CacheStats;
  /** The search index, if one is kept. */
  index?: IndexStats | undefined;
}

/** What the search index holds and takes. */
export interface IndexStats {
  /** Sessions in it. */
  sessions: number;
  /** Metadata and items in it. */
  entries: number;
  /** Entries that were deleted or replaced and still take room. */
  deleted: number;
  /** Stored pieces that make it up. */
  segments: number;
  /** Bytes that it takes in the database. */
  bytes: number;
  /** Bytes of it that are in memory. */
  memory: number;
  /** It is being built or mended: searches are `incomplete`. */
  building: boolean;
  /** What is indexed. */
  fields: IndexField[];
}

/** A field of the search index. */
export interface IndexField {
  name: string;
  /** `keyword`, `keyword[]`, `date`, `number` or `text`. */
  kind: string;
  /** The list, when it is a text of items. */
  list?: string;
  /** Of a text: how it becomes words. */
  analyser?: string;
}

/** A stretch of a text that shows why its session was found. */
export interface SnippetOut {
  field: string;
  text: string;
  /** Start, end, start, end…, in UTF-16 units. */
  highlights: number[];
  /** With `index`, the item whose text it is. */
  list?: string;
  index?: number;
}

/** What a search found. All arrays but `facets` and `problems` go by hit. */
export interface SearchOut {
  total: number;
  cut: boolean;
  incomplete: boolean;
  ids: string[];
  scores: number[];
  at: ({ list: string; index: number } | null)[];
  meta: DocumentsOut | null;
  snippets: SnippetOut[][] | null;
  facets: { field: string; values: string[]; counts: number[]; others: number }[];
  problems: { code: string; message: string; at: number; length: number }[];
}

/** A completion. */
export interface SuggestionOut {
  text: string;
  count: number;
}

/** What the engine's queue did since the hoard was opened. */
export interface QueueStats {
  /** Writes that are not committed. */
  waiting: number;
  /** Bytes of these. */
  bytes: number;
  /** Writes that it took. */
  accepted: number;
  /** Writes that were committed or refused. */
  operations: number;
  /** Transactions that this took. */
  transactions: number;
  /** The longest that a write waited, in milliseconds. */
  longestWaitMs: number;
  /** Accepted writes that wait for storage to have room. */
  kept: number;
}

/** What the engine's cache holds, and what it did since the hoard was opened. */
export interface CacheStats {
  entries: number;
  bytes: number;
  bytesMax: number;
  /** Entries that are not stored yet; they are never evicted. */
  dirty: number;
  hits: number;
  misses: number;
  evictions: number;
  /** Entries whose time was over. */
  expirations: number;
  /** Hits of all reads, 0 to 1. */
  hitRate: number;
  /** Age of the oldest entry in milliseconds. */
  oldestMs: number;
  averageAgeMs: number;
  /** The size at which it would have had to evict nothing that was asked for again. */
  recommendedBytes: number;
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

/** What `optimize()` did. */
export interface OptimizeReport {
  segmentsBefore: number;
  segmentsAfter: number;
  /** Bytes that the index took in the database, compressed. */
  bytesBefore: number;
  /** Bytes that it takes there now. */
  bytesAfter: number;
}

/** What `reindex()` built. */
export interface ReindexReport {
  /** Sessions that were read. */
  sessions: number;
  /** Items of lists that were indexed. */
  items: number;
  segments: number;
  /** Bytes that the index takes in the database, compressed. */
  bytes: number;
}

export interface Progress {
  phase: string;
  done: number;
  total: number;
  unit: string;
}

export interface JobStep<Report = CollectReport | VerifyReport | OptimizeReport | ReindexReport> {
  done: boolean;
  progress: Progress;
  report?: Report;
}

export interface EngineJob {
  step(): Promise<JobStep>;
  cancel(): void;
}

export interface Engine {
  // `seq` numbers the writes of a writer, rising from 1; 0 is none. One that was decided is not done again. `ack` says when
  // a write's promise resolves: 0 accepted, 1 committed, 2 durable.
  create(id: string, meta: Document, seq: number, ack: number): Promise<void>;
  put(id: string, meta: Document, seq: number, ack: number): Promise<void>;
  update(id: string, patch: Document, remove: string[], seq: number, ack: number): Promise<void>;
  delete(ids: string[], seq: number, ack: number): Promise<number>;
  save(id: string, meta: Document, lists: ListInput[], seq: number, ack: number): Promise<void>;
  append(id: string, list: string, items: Documents, seq: number, ack: number): Promise<number>;
  set(id: string, list: string, index: number, item: Document, seq: number, ack: number): Promise<void>;
  attach(attachment: AttachmentInput, ack: number): Promise<Attachment>;
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
  /** `index`: of the index, too, which has to be read for that. */
  stats(index: boolean): Promise<EngineStats>;
  collect(options: CollectOptions): EngineJob;
  verify(options: VerifyOptions): EngineJob;
  /** `request` is the JSON text of what is searched for; dates in it are milliseconds since 1970. */
  search(request: string): Promise<SearchOut>;
  suggest(request: string): Promise<SuggestionOut[]>;
  optimize(): EngineJob;
  reindex(): EngineJob;
  /** Another engine committed this: what is cached of it is dropped. */
  peer(generation: number, sessions: string[]): void;
  /** Others may have committed unheard: the generation is compared before the cache is trusted. */
  distrust(): void;
  /** Drops entries of the cache, all with `null`; answers how many. */
  invalidate(target: CacheTarget | null): number;
  /** Takes over the work in the background; answers the number that fences off whoever did it before. */
  background(): Promise<string>;
  /** One round of that work. */
  housekeeping(fence: string): EngineJob;
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** Loads the part of the engine that the search index needs. Rejects with an `Error` that says why it cannot. */
export type LoadIndex = () => Promise<void>;

/** What the wasm module gives to whoever loads it. */
export interface EngineClass {
  open(options: EngineOptions, report: (event: EngineEvent) => void, loadIndex: LoadIndex): Promise<Engine>;
}

/** The same with what it loads later. */
export interface EngineModule {
  open(options: EngineOptions, report: (event: EngineEvent) => void): Promise<Engine>;
}
