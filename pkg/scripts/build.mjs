// Builds dist/, which is what is published: the compiled sources, the wasm with its bindings, and the licences beside
// them. The wasm comes from `make pkg` in the folder above, which calls this.
import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, existsSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const pkg = fileURLToPath(new URL("..", import.meta.url));
const at = (...path) => join(pkg, ...path);

if (!existsSync(at("src/wasm/hoardb_bg.wasm"))) {
  console.error("src/wasm is not there: run `make pkg` in the repository's root, it builds the engine first");
  process.exit(1);
}
rmSync(at("dist"), { recursive: true, force: true });
const tsc = spawnSync(process.execPath, [at("node_modules/typescript/bin/tsc"), "-p", pkg], { stdio: "inherit" });
if (tsc.status !== 0) process.exit(tsc.status ?? 1);
for (const file of ["hoardb.js", "hoardb.d.ts", "hoardb_bg.wasm", "hoardb_search.wasm"]) cpSync(at("src/wasm", file), at("dist/wasm", file));
for (const file of ["LICENSE-MIT", "LICENSE-APACHE"]) copyFileSync(at("..", file), at(file));

// Each end of the engine is one file. A worker fetches its modules one generation after the other: where nobody bundles them, a
// worker of a dozen files took 50 ms more to start, and of one file 20 in all.
const bindings = {
  name: "bindings",
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]wasm[\\/]\w+\.js$/ }, ({ path }) => {
      // Nobody has it look for its wasm by itself, and bundlers would look for that beside this file.
      const contents = readFileSync(path, "utf8").replace(/new URL\('\w+\.wasm', import\.meta\.url\)/, "undefined");
      if (contents.includes("import.meta")) throw new Error(`${path} looks for something beside it`);
      return { contents };
    });
  },
};
for (const end of ["engine-worker", "engine-local"]) {
  const file = `dist/${end}.js`;
  await build({
    absWorkingDir: pkg,
    entryPoints: [file],
    outfile: file,
    allowOverwrite: true,
    bundle: true,
    format: "esm",
    target: "es2022",
    plugins: [bindings],
    logLevel: "warning",
  });
}
// What is in them and nowhere else need not be there twice.
const page = await build({
  absWorkingDir: pkg,
  entryPoints: ["dist/index.js"],
  outdir: "out",
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  metafile: true,
  write: false,
});
const kept = new Set(["dist/engine-worker.js", ...Object.keys(page.metafile.inputs)]);
for (const name of readdirSync(at("dist"), { recursive: true })) {
  const file = `dist/${name.replaceAll("\\", "/")}`;
  if (file.endsWith(".js") && !kept.has(file)) rmSync(at(file));
}
