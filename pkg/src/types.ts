/**
 * The types a schema is made of, and how what goes in differs from what comes out: binary goes in as a Blob, an
 * ArrayBuffer or a view of one, and comes out as an {@link AttachmentRef}; everything else comes out as it went in.
 */
import type { AttachmentRef } from "./attachment.js";
import type { HoardError } from "./errors.js";
import type { IndexOptions } from "./search-types.js";

/**
 * What `openHoard<Schema>()` is told of the stored sessions.
 *
 * ```ts
 * interface Recording {
 *   session: { title: string; startedAt: Date; tags: string[] };
 *   lists: {
 *     screenshots: { at: number; image: AttachmentRef };
 *     notes: { at: number; text: string };
 *   };
 * }
 * ```
 */
export interface Schema {
  /** The metadata of a session, without its id. */
  session: object;
  /** The lists by name, and what an item of each is. */
  lists: object;
}

/** The schema of a hoard that was opened without one: any metadata, any lists of anything. */
export interface AnySchema {
  session: Record<string, unknown>;
  lists: Record<string, unknown>;
}

/** Bytes as they can be given. They become attachments, stored once however often they are used. */
export type Binary = Blob | ArrayBuffer | ArrayBufferView;

type IsAny<T> = 0 extends 1 & T ? true : false;
type Scalar = string | number | boolean | null | undefined | Date;
type NotStorable =
  ((...args: never[]) => unknown) | bigint | symbol | ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>;

/** `T` as it can be given: where it says {@link AttachmentRef} or binary, either will do. */
export type Input<T> =
  IsAny<T> extends true ? T
  : T extends Scalar ? T
  : T extends AttachmentRef | Binary ? AttachmentRef | Binary
  : T extends NotStorable ? never
  : T extends object ? { readonly [K in keyof T]: Input<T[K]> }
  : T;

/** `T` as it comes back: where it says binary, there is an {@link AttachmentRef}. */
export type Stored<T> =
  IsAny<T> extends true ? T
  : T extends Scalar ? T
  : T extends AttachmentRef | Binary ? AttachmentRef
  : T extends object ? { -readonly [K in keyof T]: Stored<T[K]> }
  : T;

type WithoutId<T> = { [K in keyof T as K extends "id" ? never : K]: T[K] };

/** The names of a schema's lists. */
export type ListName<S extends Schema> = keyof S["lists"] & string;

/** A session's metadata as it comes back. */
export type Session<S extends Schema = AnySchema> = { id: string } & Stored<WithoutId<S["session"]>>;

/** A session's metadata as it is given; without an id one is made (a random UUID). */
export type SessionInput<S extends Schema = AnySchema> = { readonly id?: string } & Input<WithoutId<S["session"]>>;

/** Top-level fields to set; `undefined` removes a field. Nested objects are replaced whole. */
export type SessionPatch<S extends Schema = AnySchema> = {
  readonly [K in keyof WithoutId<S["session"]>]?: Input<WithoutId<S["session"]>[K]> | undefined;
};

/** An item of a list as it comes back. */
export type Item<S extends Schema, Name extends ListName<S>> = Stored<S["lists"][Name]>;

/** An item of a list as it is given. */
export type ItemInput<S extends Schema, Name extends ListName<S>> = Input<S["lists"][Name]>;

/** A session with its lists as it is given. What {@link WholeSession} says fits here. */
export interface WholeSessionInput<S extends Schema = AnySchema> {
  readonly session: SessionInput<S>;
  readonly lists?: { readonly [Name in ListName<S>]?: readonly ItemInput<S, Name>[] };
}

/** A session with its lists as `load` returns it. */
export interface WholeSession<S extends Schema = AnySchema> {
  session: Session<S>;
  /**
   * Every list that was ever written, or those asked for, with all items. A position whose record is damaged is
   * `undefined` (a hole), so that indexes hold; {@link damaged} says which.
   */
  lists: { [Name in ListName<S>]?: Item<S, Name>[] };
  /** What could not be read; empty when all is well. */
  damaged: DamagedRange[];
}

/** A stretch of a list that cannot be read. */
export interface DamagedRange {
  /** The list's name. */
  list: string;
  /** Index of the first item. */
  from: number;
  /** Index after the last item. */
  to: number;
  /** `Corrupt` or `Missing`, with the record. */
  error: HoardError;
}

/** What {@link DamagedRange} says of a single list. */
export interface ListChunk<T> {
  /** Index of the first item. */
  from: number;
  /** Index after the last item. */
  to: number;
  /** The items; empty when they cannot be read. */
  items: T[];
  /** Why the items cannot be read; absent when all is well. */
  error?: HoardError;
}

/** How a hoard is opened. */
export interface HoardOptions {
  /** Name of the database, 1 to 512 UTF-16 units. One hoard is one IndexedDB database. */
  name: string;
  /**
   * Where the engine runs: in a worker of its own (`true`, the default), in the calling context (`false`: for a worker
   * of yours, or a test), or in the worker given, which has to import `hoardb/engine-worker`.
   */
  worker?: boolean | Worker;
  /** The engine's wasm: its address, its bytes, or compiled. By default it is found beside the package's scripts. */
  wasm?: string | URL | WebAssembly.Module | ArrayBuffer | Uint8Array;
  /** The same for the part of it that the search index needs. It is loaded while the hoard opens, unless `index` is `false`. */
  searchWasm?: string | URL | WebAssembly.Module | ArrayBuffer | Uint8Array;
  /**
   * What a resolved promise means: `relaxed` (the default) survives the death of the tab, the browser and the process;
   * `strict` also survives loss of power, and makes each write some milliseconds slower. `flush()` gives the same once.
   */
  durability?: "relaxed" | "strict";
  /** When a chunk of a list is full. */
  chunk?: {
    /** Items; 50 by default. */
    items?: number;
    /** Bytes of JSON; 262144 (256 KiB) by default. */
    bytes?: number;
  };
  /** Milliseconds for which an attachment that nothing refers to is kept from `collect()`; 24 hours by default. */
  graceMs?: number;
  /** What of it is kept in memory. */
  cache?: {
    /** Bytes; by default a share of the device's memory where that is known, between 10 and 500 MB. */
    bytes?: number;
    /** Milliseconds after which an entry is read anew; 300000 (5 minutes) by default. */
    ttlMs?: number;
  };
  /**
   * How much may wait on the page to be stored. At the bound a write with the `ack` `accepted` resolves when there is
   * room again; beyond twice the bound a write is refused with `QueueFull`.
   */
  queue?: {
    /** Bytes; 67108864 (64 MiB) by default. */
    bytes?: number;
    /** Writes; 10000 by default. */
    writes?: number;
  };
  /**
   * What is indexed for {@link Hoard.search}, on top of the standard fields. When absent, whatever index the hoard has, or
   * the standard one; `false`: none is kept. An index of other fields is built anew.
   */
  index?: IndexOptions | false;
  /**
   * What to do when a hoard that had data is found empty: `reject` (the default) fails with `DataLoss`, `accept` opens it
   * and reports a `loss` event.
   */
  loss?: "reject" | "accept";
  /** Whether this hoard may collect and merge in the background when there is nothing else to do; true by default. */
  housekeeping?: boolean;
}

/** An operation that can be called off. */
export interface Abortable {
  /** Aborts the operation; it then rejects with the code `Aborted`. */
  signal?: AbortSignal;
}
