/**
 * Hoardb keeps thousands of recorded sessions in a browser: documents, append-only lists and attachments over
 * IndexedDB.
 *
 * @packageDocumentation
 */
export { deleteHoard, openHoard } from "./open.js";
export { HoardError, type HoardErrorCode, type QueryPosition } from "./errors.js";
export { AttachmentRef, type ByteRange } from "./attachment.js";
export type { Ack, StoreOptions, WriteOptions } from "./ack.js";
export type { PageCacheStats } from "./cache.js";
export type { HoardEvents } from "./events.js";
export type { Hoard, HoardCache, HoardCacheStats, HoardStats, PageStats } from "./hoard.js";
export type { Witness } from "./witness.js";
export type { DamagedSession, Sessions, SessionList, SessionQuery } from "./sessions.js";
export type { ChunkRange, List } from "./list.js";
export type { Attachments, PutOptions } from "./attachments.js";
export type { Job } from "./job.js";
export type {
  Analyser,
  Condition,
  Conditions,
  Facet,
  FieldKind,
  FieldName,
  FieldOptions,
  IndexOptions,
  ItemOptions,
  ItemPosition,
  QueryProblem,
  SearchHit,
  SearchOptions,
  SearchResult,
  Snippet,
  SuggestOptions,
  Suggestion,
  Where,
  Words,
} from "./search-types.js";
export type { LoadOptions, LoadProgress } from "./whole.js";
export type {
  AttachmentStat,
  CacheStats,
  Change,
  CollectOptions,
  CollectReport,
  Finding,
  IndexField,
  IndexStats,
  OptimizeReport,
  Progress,
  QueueStats,
  ReindexReport,
  VerifyOptions,
  VerifyReport,
} from "./engine.js";
export type {
  Abortable,
  AnySchema,
  Binary,
  DamagedRange,
  HoardOptions,
  Input,
  Item,
  ItemInput,
  ListChunk,
  ListName,
  Schema,
  Session,
  SessionInput,
  SessionPatch,
  Stored,
  WholeSession,
  WholeSessionInput,
} from "./types.js";
