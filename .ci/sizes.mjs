// Prints what a page downloads, and fails where it is more than was promised.
//
// The client is what a bundler puts into the page: the package's entry with everything it imports statically, minified.
// The engine worker's script is printed without a promise of its own: it is fetched beside the page, with the wasm.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

// The client answers metadata from a cache of its own, bounds and keeps the writes that it has accepted, sends them again
// after a crash and holds the database against a witness: that is 4,700 of it. The journal and searching are chunks of their own.
// 150 of it compile the wasm while the worker starts, which brings the first answer 20 ms nearer.
const CLIENT_BROTLI_BYTES_MAX = 16_100;
// What a page may download before the first session is there. 119.4 KB without the queue that keeps, the cache, the journal's
// replay, deadlines and reopening; 158.1 before every write had to be decided by a commit; 3.5 keep a full disk from making
// Chromium destroy the database. 153.7 before the store kept an index; what computes it is the second module.
const ENGINE_BROTLI_BYTES_MAX = 205_000;
const SEARCH_BROTLI_BYTES_MAX = 101_000;

const pkg = join(dirname(fileURLToPath(import.meta.url)), "..", "pkg");
const { build } = createRequire(join(pkg, "package.json"))("esbuild");

// The entry and its static imports; a dynamic import becomes a chunk that is not counted.
async function minified(file) {
  const { outputFiles, metafile } = await build({
    entryPoints: [file],
    bundle: true,
    minify: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    outdir: "out",
    write: false,
    metafile: true,
    absWorkingDir: pkg,
    logLevel: "error",
  });
  const outputs = Object.entries(metafile.outputs);
  const counted = new Set();
  const visit = (name) => {
    if (counted.has(name)) return;
    counted.add(name);
    for (const { path, kind } of metafile.outputs[name].imports) if (kind === "import-statement") visit(path);
  };
  visit(outputs.find(([, { entryPoint }]) => entryPoint === file)[0]);
  return Buffer.concat([...counted].map((name) => outputFiles.find(({ path }) => path === join(pkg, name)).contents));
}

const measured = [
  ["engine (wasm)", readFileSync(join(pkg, "dist/wasm/hoardb_bg.wasm")), ENGINE_BROTLI_BYTES_MAX],
  ["search (wasm)", readFileSync(join(pkg, "dist/wasm/hoardb_search.wasm")), SEARCH_BROTLI_BYTES_MAX],
  ["client (page)", await minified("dist/index.js"), CLIENT_BROTLI_BYTES_MAX],
  ["engine worker's script", await minified("dist/engine-worker.js"), undefined],
];

const cell = (value) => String(value).padStart(9);
console.log(`${"bytes".padEnd(24)}${["raw", "gzip", "brotli", "at most"].map(cell).join("")}`);
let tooLarge = false;
for (const [name, bytes, max] of measured) {
  const brotli = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }).length;
  const row = [bytes.length, gzipSync(bytes, { level: 9 }).length, brotli, max ?? ""];
  console.log(`${name.padEnd(24)}${row.map(cell).join("")}${brotli > max ? "  TOO LARGE" : ""}`);
  tooLarge ||= brotli > max;
}
process.exitCode = tooLarge ? 1 : 0;
