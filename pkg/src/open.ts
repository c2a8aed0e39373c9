/**
 * Opening a hoard: checks the options, starts the engine and connects to it.
 */
import { Channel, crashed, type Connector, type Port, type PortEvents } from "./channel.js";
import { PageCache } from "./cache.js";
import type { EngineOptions } from "./engine.js";
import { HoardError, checkOptions, invalid } from "./errors.js";
import { Hoard, checkMs, searching } from "./hoard.js";
import { checkId } from "./id.js";
import { watch } from "./lifecycle.js";
import type { WasmSource } from "./protocol.js";
import { QUEUE_BOUNDS, type QueueBounds } from "./queue.js";
import type { AnySchema, HoardOptions, Schema } from "./types.js";
import { describe } from "./value.js";
import { Keeper, forget, lastSeen } from "./witness.js";

/**
 * Opens a hoard, and makes it if there is none of this name. The first call loads the engine; importing loads nothing.
 *
 * ```ts
 * const hoard = await openHoard<Recording>({ name: "recordings" });
 * ```
 *
 * @throws HoardError `InvalidArgument`, `InvalidId`; `Unavailable` when there is no IndexedDB, or the worker or the
 * wasm cannot be loaded (the message says what to change); `Blocked`, `NewerVersion`, `Corrupt`, `StorageFull`;
 * `DataLoss` when there was data and the store is empty.
 */
export async function openHoard<S extends Schema = AnySchema>(options: HoardOptions): Promise<Hoard<S>> {
  checkOptions("options", options);
  const { name, loss = "reject", housekeeping = true } = options;
  if (loss !== "reject" && loss !== "accept") throw invalid("loss", '"reject" or "accept" is needed');
  if (typeof housekeeping !== "boolean") throw invalid("housekeeping", "true or false is needed");
  const { bytes: cacheBytes, ttlMs: cacheTtlMs } = cacheOptions(options.cache);
  const engine: EngineOptions = { ...engineOptions(options), cacheBytes, cacheTtlMs };
  const { worker = true, index } = options;
  const wasm = wasmSource("wasm", options.wasm);
  const pageBytes = Math.min(PAGE_CACHE_BYTES_MAX, cacheBytes * PAGE_CACHE_SHARE);
  const channel = new Channel(
    connector(worker),
    { options: engine, wasm, searchWasm: wasmSource("searchWasm", options.searchWasm), housekeeping },
    {
      queue: queueOptions(options.queue),
      // Without messages of other tabs it would not be known when an entry is old.
      cache: new PageCache(typeof BroadcastChannel === "undefined" ? 0 : pageBytes, cacheTtlMs),
      expected: () => loss === "reject" && (lastSeen(name)?.sessions ?? 0) > 0,
      complete: async (args) => {
        const compiled = worker === true ? compile(wasm) : undefined;
        // Once: the caller's object may be another by the time an engine is started anew.
        if (index !== undefined) args.options.index = engine.index ??= (await searching()).indexJson(index);
        args.compiled = await compiled;
      },
    },
  );
  try {
    await channel.open();
  } catch (error) {
    throw error instanceof HoardError && error.code === "DataLoss" ? withWitness(error, name) : error;
  }
  const keeper = new Keeper(channel, name);
  const hoard = new Hoard<S>(channel, name, watch(channel, name, keeper));
  hoard.addEventListener("change", () => keeper.changed());
  // The hoard is open; whether something is missing shows when it is known.
  keeper.start().catch(() => {});
  return hoard;
}

function withWitness(error: HoardError, name: string): HoardError {
  const witness = lastSeen(name);
  return new HoardError("DataLoss", error.message, { cause: error, ...(witness && { lastSeen: witness }) });
}

/** How long others may take to let go of a database that is to be deleted. */
const DELETED_MS = 10_000;

/**
 * Deletes a hoard with everything in it, and what is remembered of it. Hoards that are open under this name are closed;
 * their calls fail with `Closed`.
 *
 * @throws HoardError `InvalidId`, `Unavailable`, `Backend`; `Blocked` when a tab does not let go of it within 10 seconds:
 * it is then deleted as soon as that tab is closed.
 */
export async function deleteHoard(name: string): Promise<void> {
  checkId("name", name);
  if (typeof indexedDB === "undefined") throw new HoardError("Unavailable", "there is no IndexedDB here");
  const deleted = new Promise<void>((resolve, reject) => {
    const request = indexedDB.deleteDatabase(name);
    request.onsuccess = () => resolve();
    request.onerror = (event) => {
      event.preventDefault();
      const cause = request.error;
      reject(new HoardError("Backend", `the database could not be deleted: ${String(cause)}`, { cause }));
    };
  }).then(() => forget(name));
  let patience: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    patience = setTimeout(() => {
      const problem = `another tab keeps the database "${name}" open; it is deleted as soon as that is closed`;
      reject(new HoardError("Blocked", problem, { retryable: true }));
    }, DELETED_MS);
  });
  try {
    await Promise.race([deleted, late]);
  } finally {
    clearTimeout(patience);
    deleted.catch(() => {});
    late.catch(() => {});
  }
}

/** The page's own cache: a share of the whole, within a bound. */
const PAGE_CACHE_SHARE = 1 / 16;
const PAGE_CACHE_BYTES_MAX = 16 << 20;

/** The size of the cache where nothing is known of the device, and its bounds, in bytes. */
const CACHE_BYTES = 64e6;
const CACHE_BYTES_MIN = 10e6;
const CACHE_BYTES_MAX = 500e6;

/** A cache takes this share of the device's memory, which is known in GiB and no more exactly than to a power of two. */
const MEMORY_SHARE = 1 / 64;

function cacheOptions(cache: HoardOptions["cache"] = {}): { bytes: number; ttlMs: number } {
  checkOptions("cache", cache);
  const { bytes, ttlMs } = cache;
  const { deviceMemory } = (globalThis.navigator ?? {}) as { deviceMemory?: number };
  const share = deviceMemory === undefined ? CACHE_BYTES : deviceMemory * 2 ** 30 * MEMORY_SHARE;
  return {
    bytes:
      bytes === undefined ?
        Math.round(Math.min(CACHE_BYTES_MAX, Math.max(CACHE_BYTES_MIN, share)))
      : checkCount("cache.bytes", bytes),
    ttlMs: ttlMs === undefined ? 300_000 : checkMs("cache.ttlMs", ttlMs),
  };
}

function queueOptions(queue: HoardOptions["queue"] = {}): QueueBounds {
  checkOptions("queue", queue);
  const { bytes = QUEUE_BOUNDS.bytes, writes = QUEUE_BOUNDS.writes } = queue;
  return { bytes: checkCount("queue.bytes", bytes), writes: checkCount("queue.writes", writes) };
}

function engineOptions({ name, durability, chunk, graceMs }: HoardOptions): EngineOptions {
  const options: EngineOptions = { name: checkId("name", name) };
  if (durability !== undefined) {
    if (durability !== "relaxed" && durability !== "strict")
      throw invalid("durability", '"relaxed" or "strict" is needed');
    options.durability = durability;
  }
  if (chunk !== undefined) {
    checkOptions("chunk", chunk);
    if (chunk.items !== undefined) options.chunkItems = checkCount("chunk.items", chunk.items);
    if (chunk.bytes !== undefined) options.chunkBytes = checkCount("chunk.bytes", chunk.bytes);
  }
  if (graceMs !== undefined) options.graceMs = checkMs("graceMs", graceMs);
  return options;
}

function checkCount(name: string, value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) > 0) return value as number;
  throw invalid(name, `a whole number from 1 up is needed, ${describe(value)} was given`);
}

function wasmSource(name: string, wasm: HoardOptions["wasm"]): WasmSource {
  if (
    wasm === undefined ||
    wasm instanceof WebAssembly.Module ||
    wasm instanceof ArrayBuffer ||
    wasm instanceof Uint8Array
  ) {
    return wasm;
  }
  if (typeof wasm !== "string" && !(wasm instanceof URL)) {
    throw invalid(name, `an address, a WebAssembly.Module or bytes are needed, ${describe(wasm)} was given`);
  }
  try {
    // The worker's own address is another base than the page's.
    return new URL(wasm, globalThis.document?.baseURI ?? globalThis.location?.href).href;
  } catch (error) {
    throw invalid(name, `${String(wasm)} is no address`);
  }
}

/**
 * The engine, compiled while its worker starts, which takes as long. Where that cannot be done here the worker does it, or
 * says why not.
 */
async function compile(wasm: WasmSource): Promise<WebAssembly.Module | undefined> {
  if (typeof (wasm ?? "") !== "string") return undefined;
  try {
    const source = (wasm as string | undefined) ?? new URL("./wasm/hoardb_bg.wasm", import.meta.url);
    return await WebAssembly.compileStreaming(fetch(source));
  } catch {
    return undefined;
  }
}

function connector(worker: unknown): Connector {
  if (worker === false) return { connect: connectHere, again: false, foreign: false };
  if (worker === true)
    return { connect: (_, events) => connectTo(startWorker(), events, true), again: true, foreign: false };
  if (typeof worker === "object" && worker !== null && typeof (worker as Worker).postMessage === "function") {
    return { connect: (_, events) => connectTo(worker as Worker, events, false), again: false, foreign: true };
  }
  throw invalid("worker", `true, false or a Worker is needed, ${describe(worker)} was given`);
}

async function connectHere(hoard: number, events: PortEvents): Promise<Port> {
  if (typeof indexedDB === "undefined") throw new HoardError("Unavailable", "there is no IndexedDB here");
  const { connectLocally } = await import("./engine-local.js");
  return connectLocally(hoard, events);
}

const WORKER_HELP =
  "Serve the package's engine-worker.js and allow it with worker-src 'self', or pass a worker of your own as worker";

function startWorker(): Worker {
  if (typeof Worker === "undefined") {
    throw new HoardError("Unavailable", "there are no workers here; a hoard is opened in a browser, not on a server");
  }
  try {
    // Bundlers look for this very form.
    return new Worker(new URL("./engine-worker.js", import.meta.url), { type: "module", name: "hoardb" });
  } catch (error) {
    throw new HoardError("Unavailable", `the engine's worker could not be started. ${WORKER_HELP}`, { cause: error });
  }
}

/** Connects to a worker, which is ended with the connection if it is `ours`. */
function connectTo(worker: Worker, events: PortEvents, ours: boolean): Port {
  let answered = false;
  const message = ({ data }: MessageEvent<unknown>): void => {
    answered = true;
    events.message(data);
  };
  const error = (event: ErrorEvent): void => {
    const words = event.message ? `: ${event.message}` : "";
    // Errors of other code in a worker that was given are not ours; a trap in the engine arrives as a message.
    if (!ours && answered) return;
    // It becomes an error of the calls, so the browser need not report it too.
    event.preventDefault();
    // A script that is not there or that a policy forbids is reported without a word.
    events.failed(
      answered ?
        crashed(event.message, ours)
      : new HoardError("Unavailable", `the engine's worker could not be started${words}. ${WORKER_HELP}`, {
          cause: event,
        }),
    );
  };
  const messageerror = (): void => events.failed(crashed("a message could not be read", ours));
  worker.addEventListener("message", message);
  worker.addEventListener("error", error);
  worker.addEventListener("messageerror", messageerror);
  return {
    post: (toEngine, transfer) => worker.postMessage(toEngine, transfer),
    release() {
      worker.removeEventListener("message", message);
      worker.removeEventListener("error", error);
      worker.removeEventListener("messageerror", messageerror);
      if (ours) worker.terminate();
    },
  };
}
