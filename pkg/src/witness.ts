/**
 * What this browser last saw in a hoard, kept outside its database: in the page's localStorage. Browsers empty a database
 * without a word: after damage, on eviction, in a "clean up". With the witness that shows.
 */
import type { Channel } from "./channel.js";

/** What was in a hoard. */
export interface Witness {
  /** Of this very store: another one under the same name has another. */
  storeId: string;
  /** Rises with every transaction that writes. */
  generation: number;
  /** How many sessions there were. */
  sessions: number;
  /** When it was written, in milliseconds since 1970. */
  at: number;
}

/** How long after a commit it is written, at most. */
const WRITTEN_MS = 2000;

const keyOf = (name: string): string => `hoardb:${name}`;

/** Calls back with the page's storage; there may be none, it may be forbidden, and it may be full. */
function inStorage<T>(use: (storage: Storage) => T): T | undefined {
  try {
    return use(globalThis.localStorage);
  } catch {
    return undefined;
  }
}

/** What was last seen of a hoard. */
export function lastSeen(name: string): Witness | undefined {
  return inStorage((storage) => {
    const found: unknown = JSON.parse(storage.getItem(keyOf(name)) ?? "null");
    const { storeId, generation, sessions, at } = (found ?? {}) as Partial<Witness>;
    const whole =
      typeof storeId === "string" &&
      typeof generation === "number" &&
      typeof sessions === "number" &&
      typeof at === "number";
    return whole ? { storeId, generation, sessions, at } : undefined;
  });
}

/** Forgets a hoard that was deleted on purpose. */
export function forget(name: string): void {
  inStorage((storage) => storage.removeItem(keyOf(name)));
}

function remember(name: string, witness: Witness): void {
  inStorage((storage) => storage.setItem(keyOf(name), JSON.stringify(witness)));
}

/** Keeps the witness of an open hoard. */
export class Keeper {
  readonly #channel: Channel;
  readonly #name: string;
  #seen: Witness | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(channel: Channel, name: string) {
    this.#channel = channel;
    this.#name = name;
  }

  /** Compares the hoard, which was just opened, with what was last seen, and remembers what is there. */
  async start(): Promise<void> {
    if (inStorage((storage) => storage.length) === undefined) return;
    const before = lastSeen(this.#name);
    const found = (this.#seen = await this.#look());
    remember(this.#name, found);
    if (before === undefined) return;
    const { storeId, generation, sessions } = before;
    // Without sessions there was nothing to lose.
    const another = storeId !== found.storeId && sessions > 0;
    // Writes that were not flushed are lost with the power.
    const older = storeId === found.storeId && found.generation < generation;
    if (!another && !older) return;
    const nothing = another && found.sessions === 0;
    this.#channel.report("loss", { lastSeen: before, found: nothing ? null : found });
  }

  async #look(): Promise<Witness> {
    const { storeId, generation, sessions } = await this.#channel.call("stats", { index: false });
    return { storeId, generation, sessions, at: Date.now() };
  }

  /** Something was committed. */
  changed(): void {
    if (this.#seen === undefined) return;
    this.#timer ??= setTimeout(() => void this.#write(), WRITTEN_MS);
  }

  async #write(): Promise<void> {
    try {
      this.#seen = await this.#look();
      this.now();
    } catch {
      // The hoard is closed: what was seen last stands.
    }
    this.#timer = undefined;
  }

  /** Writes what is known. */
  now(): void {
    const seen = this.#seen;
    // Who deleted the hoard removed its witness: it is not made again.
    if (seen === undefined || lastSeen(this.#name)?.storeId !== seen.storeId) return;
    const generation = Math.max(seen.generation, this.#channel.generation);
    remember(this.#name, { ...seen, generation, at: Date.now() });
  }

  /** Stops. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#seen = undefined;
  }
}
