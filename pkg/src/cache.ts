/**
 * Metadata that the page has read, as JSON text: a session that is asked for again is answered without a message to the
 * engine, and each caller gets objects of its own.
 *
 * What is dropped here is dropped at the moment of the call or message that makes it old. An answer that was asked for
 * before that is not taken in when it comes: it may be of before.
 */
import type { Attachment } from "./engine.js";

/** Bytes of a unit of text, and of what is around an entry, about. */
const UNIT_BYTES = 2;
const ENTRY_BYTES = 200;
const ATTACHMENT_BYTES = 300;

/** A session's metadata as the engine answered it. */
export interface CachedMetadata {
  readonly text: string;
  readonly table: readonly Attachment[] | null;
}

interface Held extends CachedMetadata {
  readonly bytes: number;
  readonly at: number;
}

/** What the cache of the page holds and what it did. */
export interface PageCacheStats {
  /** Sessions whose metadata it holds. */
  entries: number;
  /** Bytes that they take, about. */
  bytes: number;
  /** Bytes that they may take. */
  bytesMax: number;
  /** Sessions that were answered by it. */
  hits: number;
  /** Sessions that the engine was asked for. */
  misses: number;
  /** Hits of all, 0 to 1. */
  hitRate: number;
}

/** See the module. */
export class PageCache {
  readonly #bytesMax: number;
  readonly #ttlMs: number;
  readonly #now: () => number;
  /** In the order in which they were used, the latest last. */
  readonly #entries = new Map<string, Held>();
  #bytes = 0;
  #hits = 0;
  #misses = 0;
  /** Raised with everything that is dropped. */
  #moment = 0;
  #clearedAt = 0;
  /** When single sessions were dropped, while reads are under way. */
  readonly #droppedAt = new Map<string, number>();
  #reads = 0;

  constructor(bytesMax: number, ttlMs: number, now: () => number = Date.now) {
    this.#bytesMax = bytesMax;
    this.#ttlMs = ttlMs;
    this.#now = now;
  }

  get stats(): PageCacheStats {
    const [hits, misses] = [this.#hits, this.#misses];
    return {
      entries: this.#entries.size,
      bytes: this.#bytes,
      bytesMax: this.#bytesMax,
      hits,
      misses,
      hitRate: hits === 0 ? 0 : hits / (hits + misses),
    };
  }

  /** A session's metadata, if it is here. */
  get(id: string): CachedMetadata | undefined {
    const held = this.#entries.get(id);
    const age = held === undefined ? 0 : this.#now() - held.at;
    // A clock that was set back says nothing about age.
    if (held === undefined || age > this.#ttlMs || age < 0) {
      this.#misses += 1;
      return undefined;
    }
    this.#hits += 1;
    this.#entries.delete(id);
    this.#entries.set(id, held);
    return held;
  }

  /** A read begins. What it answers is handed to the function returned, once. */
  read(): (found: Iterable<readonly [id: string, metadata: CachedMetadata]>) => void {
    const begun = this.#moment;
    this.#reads += 1;
    return (found) => {
      for (const [id, metadata] of found) {
        if (this.#clearedAt <= begun && (this.#droppedAt.get(id) ?? 0) <= begun) this.#hold(id, metadata);
      }
      this.#reads -= 1;
      if (this.#reads === 0) this.#droppedAt.clear();
    };
  }

  #hold(id: string, { text, table }: CachedMetadata): void {
    const bytes = ENTRY_BYTES + UNIT_BYTES * (id.length + text.length) + ATTACHMENT_BYTES * (table?.length ?? 0);
    this.#remove(id);
    // One that pushes out many others is not worth it.
    if (4 * bytes > this.#bytesMax) return;
    this.#entries.set(id, { text, table, bytes, at: this.#now() });
    this.#bytes += bytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#bytesMax) break;
      this.#remove(oldest);
    }
  }

  #remove(id: string): void {
    const held = this.#entries.get(id);
    if (held === undefined) return;
    this.#entries.delete(id);
    this.#bytes -= held.bytes;
  }

  /** Drops a session. */
  drop(id: string): void {
    this.#moment += 1;
    if (this.#reads > 0) this.#droppedAt.set(id, this.#moment);
    this.#remove(id);
  }

  /** Drops the sessions whose id begins so. */
  dropPrefix(prefix: string): void {
    this.#clearedAt = this.#moment += 1;
    for (const id of this.#entries.keys()) if (id.startsWith(prefix)) this.#remove(id);
  }

  /** Drops everything. */
  clear(): void {
    this.#clearedAt = this.#moment += 1;
    this.#entries.clear();
    this.#bytes = 0;
  }
}
