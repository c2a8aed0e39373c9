import { build } from "esbuild";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { corpus } from "./corpus.mjs";

/** Bundles the page, the floor's worker and the corpus into `out`. `hoardb` stays what it is published as: files served beside it. */
export async function bundle(here, out) {
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  await build({
    entryPoints: { main: join(here, "page/main.mjs"), "floor-worker": join(here, "contenders/floor-worker.mjs") },
    outdir: out,
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    minify: true,
    keepNames: false,
    define: { "process.env.NODE_ENV": '"production"', global: "globalThis" },
    external: ["/hoardb/index.js"],
    logLevel: "warning",
  });
  await writeFile(join(out, "index.html"), '<!doctype html><meta charset="utf-8"><title>bench</title><script type="module" src="/main.js"></script>');
  await writeFile(join(out, "corpus.json"), JSON.stringify(corpus(join(here, "node_modules"))));
}
