// The engine's worker, with wasm beside it that traps when told to, as an engine's bug would: in a task of its own. Or the engine's
// own wasm does.
import "hoardb/engine-worker";

const TRAP = Uint8Array.from([
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x04, 0x01, 0x60, 0x00, 0x00, 0x03, 0x02, 0x01, 0x00, 0x07,
  0x05, 0x01, 0x01, 0x66, 0x00, 0x00, 0x0a, 0x05, 0x01, 0x03, 0x00, 0x00, 0x0b,
]);

let engine: WebAssembly.Exports | undefined;
for (const name of ["instantiate", "instantiateStreaming"] as const) {
  const instantiate = WebAssembly[name] as (...given: unknown[]) => Promise<unknown>;
  WebAssembly[name] = async (...given: unknown[]) => {
    const made = await instantiate(...given);
    const { exports } = made instanceof WebAssembly.Instance ? made : (made as { instance: WebAssembly.Instance }).instance;
    if ("engine_count" in exports) engine = exports;
    return made as never;
  };
}

addEventListener("message", ({ data }) => {
  if (data === "trap in the engine") {
    const count = engine?.["engine_count"] as (nowhere: number) => void;
    queueMicrotask(() => count(0x7ffffff0));
  }
  if (data !== "trap") return;
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(TRAP));
  queueMicrotask(exports["f"] as () => void);
});
