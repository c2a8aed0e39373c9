/**
 * When the promise of a write resolves.
 */
import { checkOptions, invalid } from "./errors.js";

/**
 * - `accepted`: the write is in the page's queue, checked and encoded. From then on it is not given up: it is kept while
 *   storage is full, is sent again to an engine that crashed, and is written to the journal when the page goes away. If
 *   the store refuses it later (there is no such session…), a `failed` event tells.
 * - `committed`: it is stored and survives the death of the tab, the browser and the process.
 * - `durable`: it survives loss of power too.
 */
export type Ack = "accepted" | "committed" | "durable";

/** An {@link Ack} as it crosses to the engine. */
export type AckLevel = 0 | 1 | 2;
export const ACCEPTED = 0;
export const COMMITTED = 1;
export const DURABLE = 2;

/** How a write is acknowledged. */
export interface WriteOptions {
  /** `committed` by default, `durable` in a hoard that was opened with the durability `strict`. */
  ack?: Ack;
}

/** How a write is acknowledged that is too large to be kept by the page. */
export interface StoreOptions {
  /** `committed` by default, `durable` in a hoard that was opened with the durability `strict`. */
  ack?: Exclude<Ack, "accepted">;
}

const LEVELS: Record<Ack, AckLevel> = { accepted: ACCEPTED, committed: COMMITTED, durable: DURABLE };

/** The level that options ask for. */
export function ackOf(options: WriteOptions, otherwise: AckLevel): AckLevel {
  checkOptions("options", options);
  const { ack } = options;
  if (ack === undefined) return otherwise;
  if (typeof ack === "string" && Object.hasOwn(LEVELS, ack)) return LEVELS[ack];
  throw invalid("ack", '"accepted", "committed" or "durable" is needed');
}

/** The same where there is no `accepted`. */
export function storeAckOf(options: StoreOptions, otherwise: AckLevel): AckLevel {
  const level = ackOf(options, otherwise);
  if (level === ACCEPTED) throw invalid("ack", '"committed" or "durable" is needed');
  return level;
}
