/**
 * A hoard: what `openHoard` resolves to.
 */
import { untilAborted } from "./abort.js";
import { ackOf, storeAckOf, type StoreOptions, type WriteOptions } from "./ack.js";
import { Attachments } from "./attachments.js";
import type { PageCacheStats } from "./cache.js";
import type { Channel } from "./channel.js";
import { decodeDocuments } from "./decode.js";
import type {
  CacheStats,
  CacheTarget,
  CollectOptions,
  CollectReport,
  EngineStats,
  OptimizeReport,
  ReindexReport,
  VerifyOptions,
  VerifyReport,
} from "./engine.js";
import { HoardError, checkOptions, invalid } from "./errors.js";
import type { HoardEvents } from "./events.js";
import { Job } from "./job.js";
import { List } from "./list.js";
import type { SearchOptions, SearchResult, SuggestOptions, Suggestion } from "./search-types.js";
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
  /** What this page does by itself. */
  page: PageStats;
}

/** The page's own cache of metadata, and the writes that wait on the page. */
export interface PageStats extends PageCacheStats {
  /** Writes that wait for their replies. */
  waiting: number;
  /** Bytes that the page keeps of them, about. */
  waitingBytes: number;
  /** Writes that were sent again because the engine crashed. */
  resent: number;
}

/** What is cached: by the engine, and on the page. */
export interface HoardCacheStats extends CacheStats {
  /** The page's own cache of metadata. */
  page: PageCacheStats;
}

/**
 * The cache. It never has to be managed: what this hoard or another tab changes is dropped from it at once.
 */
export class HoardCache {
  readonly #channel: Channel;

  /** @internal */
  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** What is cached, and how often that helped. */
  async stats(): Promise<HoardCacheStats> {
    const { cache } = await this.#channel.call("stats", { index: false });
    return { ...cache, page: this.#channel.cache.stats };
  }

  /**
   * Drops what is cached of one session, of those whose id begins with `prefix`, or of those whose id matches `pattern`,
   * in which `*` stands for any characters and `?` for any one. Resolves to how many entries of the engine's it were.
   *
   * @throws HoardError `InvalidArgument`, `Closed`.
   */
  async invalidate(target: string | { prefix: string } | { pattern: string }): Promise<number> {
    const { cache } = this.#channel;
    const wanted: CacheTarget = typeof target === "string" ? { id: target } : target;
    checkOptions("target", wanted);
    const { id, prefix, pattern } = wanted;
    if ([id, prefix, pattern].filter((text) => typeof text === "string").length !== 1)
      throw invalid("target", "an id, a prefix or a pattern is needed");
    if (id !== undefined) cache.drop(id);
    else if (prefix !== undefined) cache.dropPrefix(prefix);
    // The engine matches patterns; the page's cache fills again at no more than a message an entry.
    else cache.clear();
    return this.#channel.call("invalidate", { target: wanted });
  }

  /** Drops everything. */
  async clear(): Promise<void> {
    this.#channel.cache.clear();
    await this.#channel.call("invalidate", { target: null });
  }
}

/**
 * An open hoard. A promise of a write resolves when the write is committed: it then survives the death of the tab, the
 * browser and the process. The option `ack` of a write asks for less (`accepted`: it is queued, and kept whatever
 * happens) or more (`durable`: it survives loss of power too, as after `flush()`). A promise that rejects says that the
 * write is not stored and will not be, except that after `EngineCrashed` and
 * `ConnectionLost` it may be unknown.
 *
 * Calls take effect in the order in which they are made, and a read sees every write before it, awaited or not. Only
 * `saveMany` and `attachments.put` let other calls go between.
 *
 * Every call can fail with `Closed`, `ConnectionLost`, `EngineCrashed` and `Backend`; what else, it says itself.
 *
 * It is an EventTarget; see {@link HoardEvents} for what it reports.
 */
export class Hoard<S extends Schema = AnySchema> extends EventTarget {
  /** Name of the database. */
  readonly name: string;
  /** Sessions by their metadata. */
  readonly sessions: Sessions<S>;
  /** Attachments on their own. */
  readonly attachments: Attachments;
  /** What is kept in memory. */
  readonly cache: HoardCache;
  readonly #channel: Channel;
  readonly #ended: () => void;

  /** @internal */
  constructor(channel: Channel, name: string, ended: () => void = () => {}) {
    super();
    this.#channel = channel;
    this.#ended = ended;
    this.name = name;
    this.sessions = new Sessions(channel);
    this.attachments = new Attachments(channel);
    this.cache = new HoardCache(channel);
    // What was reported until now is dispatched when whoever opened the hoard could listen.
    setTimeout(() => channel.listen((type, detail) => void this.dispatchEvent(new CustomEvent(type, { detail }))));
  }

  /** Calls back with each event of a type; its `detail` is what {@link HoardEvents} says. */
  override addEventListener<K extends keyof HoardEvents>(
    type: K,
    listener: ((event: CustomEvent<HoardEvents[K]>) => void) | null,
    options?: AddEventListenerOptions | boolean,
  ): void;
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: AddEventListenerOptions | boolean,
  ): void;
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | ((event: CustomEvent) => void) | null,
    options?: AddEventListenerOptions | boolean,
  ): void {
    super.addEventListener(type, listener as EventListenerOrEventListenerObject | null, options);
  }

  /** Ends what {@link addEventListener} began. */
  override removeEventListener<K extends keyof HoardEvents>(
    type: K,
    listener: ((event: CustomEvent<HoardEvents[K]>) => void) | null,
    options?: EventListenerOptions | boolean,
  ): void;
  override removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: EventListenerOptions | boolean,
  ): void;
  override removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | ((event: CustomEvent) => void) | null,
    options?: EventListenerOptions | boolean,
  ): void {
    super.removeEventListener(type, listener as EventListenerOrEventListenerObject | null, options);
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
   * committed, or as `ack` says. A session larger than some megabytes is read in slices: leave it unchanged until then.
   *
   * @throws HoardError `NotStorable`, `InvalidId`, `TooLarge`, `NotFound` (an attachment), `StorageFull`, `QueueFull`,
   * `Closed`.
   */
  async save(whole: WholeSessionInput<S>, options: WriteOptions = {}): Promise<string> {
    return save(this.#channel, whole, ackOf(options, this.#channel.ack));
  }

  /**
   * Stores many whole sessions, each all or nothing, and resolves with their ids when all are committed. They are read
   * in slices as they are needed, so an iterator may make them one by one; leave them unchanged until the promise
   * resolves. Other calls go between them.
   *
   * @throws HoardError the first error, as with {@link save}; sessions before and after the failed one may be stored.
   */
  async saveMany(
    wholes: Iterable<WholeSessionInput<S>> | AsyncIterable<WholeSessionInput<S>>,
    options: StoreOptions = {},
  ): Promise<string[]> {
    const ack = storeAckOf(options, this.#channel.ack);
    const iterable = wholes as Partial<Iterable<unknown> & AsyncIterable<unknown>> | null | undefined;
    if (!iterable?.[Symbol.iterator] && !iterable?.[Symbol.asyncIterator]) {
      throw invalid("sessions", `an array or an iterator of sessions is needed, ${describe(wholes)} was given`);
    }
    return saveMany(this.#channel, wholes, ack);
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

  /**
   * Finds sessions by words, values and dates, the best first. A text alone is what somebody typed into a search box:
   * `{ query: text, lenient: true }`. Sees every write before it, awaited or not.
   *
   * ```ts
   * const { total, hits } = await hoard.search({ text: "login error", where: { tags: ["ui"] }, snippets: true });
   * ```
   *
   * @throws HoardError `InvalidArgument`, `TooLarge`; `InvalidQuery` with `position`; `Aborted`, `Closed`.
   */
  async search(options: string | SearchOptions<S>): Promise<SearchResult<S>> {
    const found = searching().then(({ search }) => search<S>(this.#channel, decodeDocuments, options));
    return untilAborted(found, (options as SearchOptions<S> | undefined)?.signal);
  }

  /**
   * Completes the last word of a text by words of the index, those that the most sessions have first.
   *
   * @throws HoardError `InvalidArgument`, `TooLarge`, `Aborted`, `Closed`.
   */
  async suggest(text: string, options?: SuggestOptions<S>): Promise<Suggestion[]> {
    const found = searching().then(({ suggest }) => suggest(this.#channel, text, options));
    return untilAborted(found, options?.signal);
  }

  /** Merges the search index into one piece, and gives back the room of what was deleted. It is never needed. */
  optimize(): Job<OptimizeReport> {
    return new Job(this.#channel, this.#channel.call("optimize", {}));
  }

  /** Builds the search index anew from what is stored. Meanwhile searches are `incomplete`. */
  reindex(): Job<ReindexReport> {
    return new Job(this.#channel, this.#channel.call("reindex", {}));
  }

  /** What the hoard holds and takes, and the browser's quota. */
  async stats(): Promise<HoardStats> {
    const [stats, quota] = await Promise.all([this.#channel.call("stats", { index: true }), estimate()]);
    const { cache, queue, resent } = this.#channel;
    return { ...stats, quota, page: { ...cache.stats, waiting: queue.writes, waitingBytes: queue.bytes, resent } };
  }

  /**
   * Asks the browser not to remove this origin's data when space runs short (`navigator.storage.persist()`). Says whether
   * it agreed; it may ask the user first. `false` where browsers know no such promise.
   */
  async persist(): Promise<boolean> {
    return (await (globalThis.navigator?.storage as StorageManager | undefined)?.persist?.()) ?? false;
  }

  /** Resolves when everything that was written before survives loss of power. */
  async flush(): Promise<void> {
    return this.#channel.call("flush", {});
  }

  /**
   * Lets everything called before finish, then lets go of the database and ends the worker. Accepted writes for which
   * there is no room go to the journal, and are stored when the hoard is opened next. Can be called again.
   */
  async close(): Promise<void> {
    try {
      await this.#channel.close();
    } finally {
      this.#ended();
    }
  }
}

let searchModule: Promise<typeof import("./search.js")> | undefined;

/**
 * Loads what only a page that searches needs. It is kept: a browser takes longer to import again what it has than the engine to
 * answer.
 */
export async function searching(): Promise<typeof import("./search.js")> {
  try {
    return await (searchModule ??= import("./search.js"));
  } catch (cause) {
    // The next call tries again.
    searchModule = undefined;
    throw new HoardError("Unavailable", "the script search.js could not be loaded", { cause });
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
