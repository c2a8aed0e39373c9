/**
 * Loads the engine's wasm, once for a context, when the first hoard in it is opened.
 */
import type { EngineModule } from "./engine.js";
import type { ErrorFields } from "./errors.js";
import type { WasmSource } from "./protocol.js";
import init, { Engine } from "./wasm/hoardb.js";

let loading: Promise<EngineModule> | undefined;

/** The engine, from the source given or from beside this script. Only the first call's source counts. */
export function loadEngine(wasm: WasmSource): Promise<EngineModule> {
  loading ??= load(wasm);
  // A failure may pass: the next call tries again.
  loading.catch(() => (loading = undefined));
  return loading;
}

async function load(wasm: WasmSource): Promise<EngineModule> {
  const source = wasm ?? new URL("./wasm/hoardb_bg.wasm", import.meta.url);
  try {
    await init({ module_or_path: source });
  } catch (error) {
    throw unavailable(source, error);
  }
  return Engine;
}

function unavailable(source: URL | NonNullable<WasmSource>, error: unknown): ErrorFields {
  const from = typeof source === "string" || source instanceof URL ? ` from ${String(source)}` : "";
  const problem = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return {
    code: "Unavailable",
    message:
      `the engine's wasm could not be loaded${from}: ${problem}. Serve hoardb_bg.wasm, allow it with ` +
      `script-src 'wasm-unsafe-eval', or say where it is with the option wasm`,
    retryable: false,
    needsReload: false,
  };
}

/** What a stack shows of this engine's wasm, or of wasm whose address is not known. */
const OURS = /hoardb|wasm:\/\/|\[wasm code\]/;

/** Calls back when the engine of this context has stopped: a trap in wasm is an error that nobody catches. */
export function onCrash(crashed: (problem: string) => void): void {
  const report = (error: unknown): void => {
    // A page may run other wasm beside this. Where the stack tells, only what is ours counts.
    const ours = error instanceof WebAssembly.RuntimeError && OURS.test(error.stack ?? "wasm://");
    if (ours) crashed(`${error.name}: ${error.message}`);
  };
  globalThis.addEventListener("error", (event) => report((event as ErrorEvent).error));
  globalThis.addEventListener("unhandledrejection", (event) => report((event as PromiseRejectionEvent).reason));
}
