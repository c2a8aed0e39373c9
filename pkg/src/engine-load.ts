/**
 * Loads the engine's wasm, once for a context, when the first hoard in it is opened.
 *
 * It comes in two modules on one memory, for to open a hoard and to read takes nothing of the search index: the second is loaded
 * beside the opening, for whoever writes or searches first (ARCHITECTURE.md, "Two modules").
 */
import type { EngineModule } from "./engine.js";
import type { ErrorFields } from "./errors.js";
import type { WasmSource } from "./protocol.js";
import init, { Engine, type InitOutput } from "./wasm/hoardb.js";

let loading: Promise<InitOutput> | undefined;
let loadingIndex: Promise<void> | undefined;

/**
 * The engine, from the sources given or from beside this script. Only the first call's sources count. `compiled` is what is at
 * `wasm`, if somebody has compiled it.
 */
export async function loadEngine(
  wasm: WasmSource,
  searchWasm: WasmSource,
  compiled?: WebAssembly.Module,
): Promise<EngineModule> {
  loading ??= load(wasm, compiled);
  // A failure may pass: the next call tries again.
  loading.catch(() => (loading = undefined));
  const engine = await loading;
  return {
    open(options, report) {
      const load = (): Promise<void> => loadIndex(engine, searchWasm);
      // Beside the opening, for whoever writes or searches first. That it failed is said to those.
      if (options.index !== "false") load().catch(() => {});
      return Engine.open(options, report, load);
    },
  };
}

function loadIndex(engine: InitOutput, wasm: WasmSource): Promise<void> {
  loadingIndex ??= link(engine, wasm ?? new URL("./wasm/hoardb_search.wasm", import.meta.url));
  loadingIndex.catch(() => (loadingIndex = undefined));
  return loadingIndex;
}

async function load(wasm: WasmSource, compiled: WebAssembly.Module | undefined): Promise<InitOutput> {
  const source = wasm ?? new URL("./wasm/hoardb_bg.wasm", import.meta.url);
  remember(source);
  try {
    return await init({ module_or_path: compiled ?? source });
  } catch (error) {
    const message = `the engine's wasm could not be loaded${help(source, error, "hoardb_bg.wasm", "wasm")}`;
    throw { code: "Unavailable", message, retryable: false, needsReload: false } satisfies ErrorFields;
  }
}

/** Puts the second module on the first one's memory. Its functions go into the first one's table. */
async function link(engine: InitOutput, source: URL | NonNullable<WasmSource>): Promise<void> {
  const imports = { engine } as unknown as WebAssembly.Imports;
  remember(source);
  try {
    if (isAddress(source)) await stream(await fetch(source), imports);
    else await WebAssembly.instantiate(source as BufferSource, imports);
  } catch (error) {
    // Of another build it does not link.
    throw new Error(`its wasm could not be loaded${help(source, error, "hoardb_search.wasm", "searchWasm")}`);
  }
}

async function stream(response: Response, imports: WebAssembly.Imports): Promise<void> {
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  // Under another type browsers do not compile what is still arriving.
  const streams = response.headers.get("Content-Type")?.startsWith("application/wasm") ?? false;
  if (streams) await WebAssembly.instantiateStreaming(response, imports);
  else await WebAssembly.instantiate(await response.arrayBuffer(), imports);
}

function isAddress(source: URL | NonNullable<WasmSource>): source is URL | string {
  return typeof source === "string" || source instanceof URL;
}

function remember(source: URL | NonNullable<WasmSource>): void {
  const [file] = (isAddress(source) && WASM_FILE.exec(String(source))) || [];
  if (file !== undefined) files.add(file);
}

function help(source: URL | NonNullable<WasmSource>, error: unknown, file: string, option: string): string {
  const from = isAddress(source) ? ` from ${String(source)}` : "";
  const problem = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return (
    `${from}: ${problem}. Serve ${file}, of the same version as the scripts, allow it with ` +
    `script-src 'wasm-unsafe-eval', or say where it is with the option ${option}`
  );
}

/** The names of the files that were loaded. Bundlers have names of their own. */
const files = new Set<string>();

const WASM_FILE = /[^/\s]+\.wasm/;

/**
 * Whether a trap is this engine's. A page may run other wasm beside it, whose file the stack names in most browsers.
 */
function isOurs(trap: WebAssembly.RuntimeError): boolean {
  const [file] = WASM_FILE.exec((trap as Error).stack ?? "") ?? [];
  return file === undefined || files.has(file);
}

/** Calls back when the engine of this context has stopped: a trap in wasm is an error that nobody catches. */
export function onCrash(crashed: (problem: string) => void): void {
  const report = (error: unknown): void => {
    if (error instanceof WebAssembly.RuntimeError && isOurs(error)) crashed(String(error));
  };
  globalThis.addEventListener("error", (event) => report((event as ErrorEvent).error));
  globalThis.addEventListener("unhandledrejection", (event) => report((event as PromiseRejectionEvent).reason));
}
