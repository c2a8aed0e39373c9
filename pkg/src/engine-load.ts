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

/**
 * Whether a trap is this engine's. A page may run other wasm beside it, whose file the stack names in most browsers.
 */
function isOurs(trap: WebAssembly.RuntimeError): boolean {
  const [file] = /[^/\s]+\.wasm/.exec((trap as Error).stack ?? "") ?? [];
  return file === undefined || file.includes("hoardb");
}

/** Calls back when the engine of this context has stopped: a trap in wasm is an error that nobody catches. */
export function onCrash(crashed: (problem: string) => void): void {
  const report = (error: unknown): void => {
    if (error instanceof WebAssembly.RuntimeError && isOurs(error)) crashed(String(error));
  };
  globalThis.addEventListener("error", (event) => report((event as ErrorEvent).error));
  globalThis.addEventListener("unhandledrejection", (event) => report((event as PromiseRejectionEvent).reason));
}
