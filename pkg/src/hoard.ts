/**
 * A hoard: what `openHoard` resolves to.
 */
import { Attachments } from "./attachments.js";
import type { Channel } from "./channel.js";
import type { CollectOptions, CollectReport, EngineStats, VerifyOptions, VerifyReport } from "./engine.js";
import { checkOptions, invalid } from "./errors.js";
import { Job } from "./job.js";
import { List } from "./list.js";
import { Sessions } from "./sessions.js";
import type { AnySchema, Item, ItemInput, ListName, Schema, WholeSession, WholeSessionInput } from "./types.js";
import { describe } from "./value.js";
import { load, save, saveMany, type LoadOptions } from "./whole.js";

/** What the hoard holds and what it takes. Sizes are in bytes. */
export interface HoardStats extends EngineStats {
  /**
   * What the browser says of the whole origin, in bytes, rounded and padded as it likes; `null` where it says nothing.
   */
  quota: { usage: number; quota: number } | null;
}

/**
 * An open hoard. A promise of a write resolves when the write is committed: it then survives the death of the tab, the
 * browser and the process. To survive loss of power too, `await flush()`. What has not resolved is not stored.
 *
 * Calls take effect in the order in which they are made, and a read sees every write before it, awaited or not. Only
 * `saveMany` and `attachments.put` let other calls go between.
 *
 * Every call can fail with `Closed`, `ConnectionLost`, `EngineCrashed` and `Backend`; what else, it says itself.
 */
export class Hoard<S extends Schema = AnySchema> {
  /** Name of the database. */
  readonly name: string;
  /** Sessions by their metadata. */
  readonly sessions: Sessions<S>;
  /** Attachments on their own. */
  readonly attachments: Attachments;
  readonly #channel: Channel;

  /** @internal */
  constructor(channel: Channel, name: string) {
    this.#channel = channel;
    this.name = name;
    this.sessions = new Sessions(channel);
    this.attachments = new Attachments(channel);
  }

  /**
   * A list of a session. Makes no request: whether there is such a session shows at the first use.
   *
   * @throws HoardError `InvalidId`, `InvalidArgument`, at once.
   */
  list<Name extends ListName<S>>(session: string, name: Name): List<Item<S, Name>, ItemInput<S, Name>> {
    return new List(this.#channel, session, name);
  }

  /**
   * Stores a whole session in place of whatever was under its id, all or nothing. Resolves with its id when it is
   * committed. A session larger than some megabytes is read in slices: leave it unchanged until then.
   *
   * @throws HoardError `NotStorable`, `InvalidId`, `TooLarge`, `NotFound` (an attachment), `StorageFull`, `Closed`.
   */
  async save(whole: WholeSessionInput<S>): Promise<string> {
    return save(this.#channel, whole);
  }

  /**
   * Stores many whole sessions, each all or nothing, and resolves with their ids when all are committed. They are read
   * in slices as they are needed, so an iterator may make them one by one; leave them unchanged until the promise
   * resolves. Other calls go between them.
   *
   * @throws HoardError the first error, as with {@link save}; sessions before and after the failed one may be stored.
   */
  async saveMany(wholes: Iterable<WholeSessionInput<S>> | AsyncIterable<WholeSessionInput<S>>): Promise<string[]> {
    const iterable = wholes as Partial<Iterable<unknown> & AsyncIterable<unknown>> | null | undefined;
    if (!iterable?.[Symbol.iterator] && !iterable?.[Symbol.asyncIterator]) {
      throw invalid("sessions", `an array or an iterator of sessions is needed, ${describe(wholes)} was given`);
    }
    return saveMany(this.#channel, wholes);
  }

  /**
   * Loads a session with its lists: `{ session, lists, damaged }`. What cannot be read is a hole in its list and named
   * in `damaged`; the rest still loads.
   *
   * @throws HoardError `NotFound`, `InvalidId`, `Corrupt` (the metadata), `Aborted`, `Closed`.
   */
  async load(id: string, options: LoadOptions<S> = {}): Promise<WholeSession<S>> {
    return load(this.#channel, id, options);
  }

  /**
   * Removes attachments that nothing has referred to for the grace period, and what interrupted uploads left. Safe
   * beside writers in this and other tabs. `dryRun` only counts; `graceMs`, in milliseconds, stands in for the hoard's
   * own.
   */
  collect(options: CollectOptions = {}): Job<CollectReport> {
    checkOptions("options", options);
    const { dryRun, graceMs } = options;
    const args: CollectOptions = {};
    if (dryRun !== undefined) args.dryRun = checkBoolean("dryRun", dryRun);
    if (graceMs !== undefined) args.graceMs = checkMs("graceMs", graceMs);
    return new Job(this.#channel, this.#channel.call("collect", args));
  }

  /**
   * Checks what is stored and reports what is wrong. Quickly by default; `full` reads every record and every
   * attachment. `repair` mends what can be mended: counts, directories, records that nothing leads to.
   */
  verify(options: VerifyOptions = {}): Job<VerifyReport> {
    checkOptions("options", options);
    const { full, repair } = options;
    const args: VerifyOptions = {};
    if (full !== undefined) args.full = checkBoolean("full", full);
    if (repair !== undefined) args.repair = checkBoolean("repair", repair);
    return new Job(this.#channel, this.#channel.call("verify", args));
  }

  /** What the hoard holds and takes, and the browser's quota. */
  async stats(): Promise<HoardStats> {
    const [stats, quota] = await Promise.all([this.#channel.call("stats", {}), estimate()]);
    return { ...stats, quota };
  }

  /** Resolves when everything that was written before survives loss of power. */
  async flush(): Promise<void> {
    return this.#channel.call("flush", {});
  }

  /** Lets everything called before finish, then lets go of the database and ends the worker. Can be called again. */
  async close(): Promise<void> {
    return this.#channel.close();
  }
}

/** Checks a number of milliseconds. */
export function checkMs(name: string, value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw invalid(name, `a whole number of milliseconds from 0 up is needed, ${describe(value)} was given`);
}

function checkBoolean(name: string, value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw invalid(name, `true or false is needed, ${describe(value)} was given`);
}

async function estimate(): Promise<HoardStats["quota"]> {
  try {
    // Not there in insecure contexts and in WebKitGTK.
    const found = await (navigator.storage as StorageManager | undefined)?.estimate();
    if (found?.usage === undefined || found.quota === undefined) return null;
    return { usage: found.usage, quota: found.quota };
  } catch {
    return null;
  }
}
