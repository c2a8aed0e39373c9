/**
 * Opening a hoard: checks the options, starts the engine and connects to it.
 */
import { Channel, crashed, type Connector, type Port, type PortEvents } from "./channel.js";
import type { EngineOptions } from "./engine.js";
import { HoardError, checkOptions, invalid } from "./errors.js";
import { Hoard, checkMs } from "./hoard.js";
import { checkId } from "./id.js";
import type { WasmSource } from "./protocol.js";
import type { AnySchema, HoardOptions, Schema } from "./types.js";
import { describe } from "./value.js";

/**
 * Opens a hoard, and makes it if there is none of this name. The first call loads the engine; importing loads nothing.
 *
 * ```ts
 * const hoard = await openHoard<Recording>({ name: "recordings" });
 * ```
 *
 * @throws HoardError `InvalidArgument`, `InvalidId`; `Unavailable` when there is no IndexedDB, or the worker or the
 * wasm cannot be loaded (the message says what to change); `Blocked`, `NewerVersion`, `Corrupt`, `StorageFull`.
 */
export async function openHoard<S extends Schema = AnySchema>(options: HoardOptions): Promise<Hoard<S>> {
  checkOptions("options", options);
  const channel = new Channel(connector(options.worker ?? true), {
    options: engineOptions(options),
    wasm: wasmSource(options.wasm),
  });
  await channel.open();
  return new Hoard<S>(channel, options.name);
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

function wasmSource(wasm: HoardOptions["wasm"]): WasmSource {
  if (
    wasm === undefined ||
    wasm instanceof WebAssembly.Module ||
    wasm instanceof ArrayBuffer ||
    wasm instanceof Uint8Array
  ) {
    return wasm;
  }
  if (typeof wasm !== "string" && !(wasm instanceof URL)) {
    throw invalid("wasm", `an address, a WebAssembly.Module or bytes are needed, ${describe(wasm)} was given`);
  }
  try {
    // The worker's own address is another base than the page's.
    return new URL(wasm, globalThis.document?.baseURI ?? globalThis.location?.href).href;
  } catch (error) {
    throw invalid("wasm", `${String(wasm)} is no address`);
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
