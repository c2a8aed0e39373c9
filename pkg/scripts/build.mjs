// Builds dist/, which is what is published: the compiled sources, the wasm with its bindings, and the licences beside
// them. The wasm comes from `make pkg` in the folder above, which calls this.
import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const pkg = fileURLToPath(new URL("..", import.meta.url));
const at = (...path) => join(pkg, ...path);

if (!existsSync(at("src/wasm/hoardb_bg.wasm"))) {
  console.error("src/wasm is not there: run `make pkg` in the repository's root, it builds the engine first");
  process.exit(1);
}
rmSync(at("dist"), { recursive: true, force: true });
const tsc = spawnSync(process.execPath, [at("node_modules/typescript/bin/tsc"), "-p", pkg], { stdio: "inherit" });
if (tsc.status !== 0) process.exit(tsc.status ?? 1);
for (const file of ["hoardb.js", "hoardb.d.ts", "hoardb_bg.wasm"]) cpSync(at("src/wasm", file), at("dist/wasm", file));
for (const file of ["LICENSE-MIT", "LICENSE-APACHE"]) copyFileSync(at("..", file), at(file));
