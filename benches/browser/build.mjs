import { build } from "esbuild";
import { execFileSync } from "node:child_process";
import { copyFile, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { corpus } from "./corpus.mjs";

/** Bundles the pages, the contenders' workers and the corpus into `out`. `hoardb` stays what it is published as: files served beside it. */
export async function bundle(here, out) {
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  await build({
    entryPoints: {
      main: join(here, "page/main.mjs"),
      "floor-worker": join(here, "contenders/floor-worker.mjs"),
      search: join(here, "search/page.mjs"),
      "sqlite-worker": join(here, "search/contenders/sqlite-worker.mjs"),
    },
    outdir: out,
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    minify: true,
    keepNames: false,
    define: { "process.env.NODE_ENV": '"production"', global: "globalThis" },
    external: ["/hoardb/index.js", "/search-engine/engine.js"],
    logLevel: "warning",
  });
  const page = (script) => `<!doctype html><meta charset="utf-8"><title>bench</title><script type="module" src="/${script}.js"></script>`;
  await writeFile(join(out, "index.html"), page("main"));
  await writeFile(join(out, "search.html"), page("search"));
  await copyFile(join(here, "node_modules/@sqlite.org/sqlite-wasm/sqlite-wasm/jswasm/sqlite3.wasm"), join(out, "sqlite3.wasm"));
  await writeFile(join(out, "corpus.json"), JSON.stringify(corpus(join(here, "node_modules"))));
}

/** Builds the engine's search without the rest into `out`, served beside the pages. */
export function buildSearchEngine(here, out) {
  execFileSync(join(here, "../search-engine/build"), [out], { stdio: "inherit" });
}
