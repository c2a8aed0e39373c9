/**
 * The writes that wait on the page for their replies, and how many may.
 *
 * A write is accepted when it and all before it are encoded and it is within the bound. Beyond the bound it waits for
 * others to be answered; beyond twice the bound it is refused.
 */
import { ACCEPTED } from "./ack.js";
import { HoardError } from "./errors.js";
import type { Entry } from "./outbox.js";

/** How much may wait. */
export interface QueueBounds {
  bytes: number;
  writes: number;
}

export const QUEUE_BOUNDS: QueueBounds = { bytes: 64 << 20, writes: 10_000 };

/** Tells the callers of a write that it is accepted. */
export function tell(entry: Entry): void {
  entry.told = true;
  for (const { resolve } of entry.callers) resolve(undefined);
}

/** See the module. */
export class Queue {
  readonly #bounds: QueueBounds;
  /** All that wait. */
  #writes = 0;
  #bytes = 0;
  /** Those of them that were accepted. */
  #acceptedWrites = 0;
  #acceptedBytes = 0;
  /** Those that were not, from `#first` on. */
  #line: Entry[] = [];
  #first = 0;

  readonly #announce: (entry: Entry) => void;

  /** `announce` tells the callers of a write that is to be acknowledged as accepted. */
  constructor(bounds: QueueBounds, announce: (entry: Entry) => void = tell) {
    this.#bounds = bounds;
    this.#announce = announce;
  }

  /** Writes that wait for their replies. */
  get writes(): number {
    return this.#writes;
  }

  /** Their bytes, about. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The error of a write for which there is no room at all. One that is alone always has. */
  refusal(bytes: number): HoardError | undefined {
    const { bytes: bytesMax, writes: writesMax } = this.#bounds;
    if (this.#writes === 0) return undefined;
    if (this.#writes < 2 * writesMax && this.#bytes + bytes <= 2 * bytesMax) return undefined;
    return new HoardError(
      "QueueFull",
      `${this.#writes} writes with ${this.#bytes} bytes wait to be stored; wait for some of their promises, ` +
        "or raise the option queue",
      { retryable: true },
    );
  }

  /** A write joins. */
  enter(entry: Entry): void {
    this.#writes += 1;
    this.#bytes += entry.bytes;
    if (this.#first < this.#line.length || !this.#accept(entry)) this.#line.push(entry);
  }

  /** Whether one more write with so many bytes can share a call: the call stays as accepted as it was. */
  canGrow(entry: Entry, bytes: number): boolean {
    return entry.acceptedAt === 0 || this.#fits(1, bytes);
  }

  /** One more write shares a call. */
  grow(entry: Entry, bytes: number): void {
    this.#writes += 1;
    this.#bytes += bytes;
    if (entry.acceptedAt === 0) return;
    this.#acceptedWrites += 1;
    this.#acceptedBytes += bytes;
  }

  /** A write's bytes are known: `before` were guessed. */
  complete(entry: Entry, before: number): void {
    this.#bytes += entry.bytes - before;
    this.#advance();
  }

  /** A write was answered, or never will be. */
  leave(entry: Entry): void {
    const writes = entry.callers.length;
    this.#writes -= writes;
    this.#bytes -= entry.bytes;
    if (entry.acceptedAt > 0) {
      this.#acceptedWrites -= writes;
      this.#acceptedBytes -= entry.bytes;
    }
    this.#advance();
  }

  #fits(writes: number, bytes: number): boolean {
    if (this.#acceptedWrites === 0) return true;
    return (
      this.#acceptedWrites + writes <= this.#bounds.writes && this.#acceptedBytes + bytes <= this.#bounds.bytes
    );
  }

  #accept(entry: Entry): boolean {
    const writes = entry.callers.length;
    if (!entry.ready || !this.#fits(writes, entry.bytes)) return false;
    entry.acceptedAt = Date.now();
    this.#acceptedWrites += writes;
    this.#acceptedBytes += entry.bytes;
    // What is not kept would be lost with the page: it is accepted when it is committed.
    if (entry.ack === ACCEPTED && entry.kept) this.#announce(entry);
    return true;
  }

  #advance(): void {
    for (;;) {
      const next = this.#line[this.#first];
      if (next === undefined) break;
      if (!next.settled && !this.#accept(next)) return this.#compact();
      this.#first += 1;
    }
    this.#line = [];
    this.#first = 0;
  }

  #compact(): void {
    if (2 * this.#first < this.#line.length) return;
    this.#line = this.#line.slice(this.#first);
    this.#first = 0;
  }
}
