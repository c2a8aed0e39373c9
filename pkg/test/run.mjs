// Every test of the package, or the runners named: unit (Node), types (the compiler), chromium, firefox, webkit.
//
//   node test/run.mjs [RUNNER...] [--grep=TEXT]
//
// The browsers need `make pkg` to have built dist. The last line is the sum; the exit code is 1 when anything failed,
// and when a runner had nothing to run.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { compiledExamples, examplesOf } from "./docs.mjs";
import { runBrowser } from "./harness/browser-run.mjs";

const pkg = fileURLToPath(new URL("..", import.meta.url));
process.chdir(pkg);

const sources = (folder, ending) =>
  readdirSync(folder)
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name));

async function unit() {
  const out = "test/.out/unit";
  rmSync(out, { recursive: true, force: true });
  await build({
    absWorkingDir: pkg,
    entryPoints: sources("test/unit", ".test.ts"),
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    outdir: out,
    outExtension: { ".js": ".mjs" },
    sourcemap: "inline",
    logLevel: "warning",
    // The engine itself needs a browser.
    external: ["*/engine-local.js"],
  });
  const args = ["--enable-source-maps", "--test", "--test-timeout=60000", "--test-reporter=tap", ...sources(out, ".mjs")];
  const { stdout, status } = spawnSync(process.execPath, args, { encoding: "utf8", maxBuffer: 1 << 28 });
  const count = (name) => Number(new RegExp(`^# ${name} (\\d+)$`, "m").exec(stdout)?.[1] ?? 0);
  const failed = count("fail") + count("cancelled");
  if (failed > 0 || status !== 0)
    console.log(stdout.replace(/^# (tests|suites|pass|fail|cancelled|skipped|todo) /gm, "#   $1 "));
  return { passed: count("pass"), failed: failed || (status === 0 ? 0 : 1) };
}

function types() {
  mkdirSync("test/.out/docs", { recursive: true });
  writeFileSync("test/.out/docs/search.ts", compiledExamples("../docs/search.md"));
  const { status, stdout } = spawnSync(
    process.execPath,
    ["node_modules/typescript/bin/tsc", "-p", "test", "--pretty", "false"],
    {
      encoding: "utf8",
    },
  );
  const assertions = sources("test/types", ".test-d.ts")
    .map((file) => readFileSync(file, "utf8").match(/assertType<|@ts-expect-error/g)?.length ?? 0)
    .reduce((sum, count) => sum + count, 0);
  const errors = stdout.split("\n").filter((line) => line.includes("error TS"));
  for (const error of errors) console.log(`  FAILED ${error}`);
  const failed = errors.length || (status === 0 ? 0 : 1);
  return { passed: Math.max(0, assertions - failed), failed };
}

async function bundleForBrowsers() {
  const out = "test/.out/browser";
  rmSync(out, { recursive: true, force: true });
  await build({
    absWorkingDir: pkg,
    entryPoints: sources("test/browser", ".ts"),
    bundle: true,
    format: "esm",
    target: "es2022",
    outdir: out,
    logLevel: "warning",
    plugins: [
      {
        // The package itself is tested as it is published, unbundled.
        name: "built-package",
        setup({ onResolve }) {
          onResolve({ filter: /^hoardb$/ }, () => ({ path: "/dist/index.js", external: true }));
          onResolve({ filter: /^hoardb\/engine-worker$/ }, () => ({
            path: "/dist/engine-worker.js",
            external: true,
            sideEffects: true,
          }));
        },
      },
      {
        // `docs:search` is what stands in docs/search.md.
        name: "guides",
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /^docs:/ }, ({ path }) => ({ path: path.slice("docs:".length), namespace: "docs" }));
          onLoad({ filter: /./, namespace: "docs" }, ({ path }) => ({
            contents: examplesOf(join("../docs", `${path}.md`)),
            loader: "ts",
          }));
        },
      },
    ],
  });
}

const RUNNERS = { unit, types, chromium: runBrowser, firefox: runBrowser, webkit: runBrowser };
const options = process.argv.slice(2).filter((argument) => argument.startsWith("--"));
const grep = options.find((option) => option.startsWith("--grep="))?.slice("--grep=".length);
const asked = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const unknown = asked.filter((name) => !Object.hasOwn(RUNNERS, name));
if (unknown.length > 0)
  throw new Error(`no runner ${unknown.join(", ")}; there are ${Object.keys(RUNNERS).join(", ")}`);
const names = asked.length > 0 ? asked : Object.keys(RUNNERS);

if (names.some((name) => RUNNERS[name] === runBrowser)) await bundleForBrowsers();
const totals = { passed: 0, failed: 0 };
const lines = [];
for (const name of names) {
  const began = Date.now();
  const { passed, failed } = await RUNNERS[name](name, grep);
  const nothing = passed + failed === 0;
  const seconds = Math.round((Date.now() - began) / 1000);
  totals.passed += passed;
  totals.failed += failed + (nothing ? 1 : 0);
  lines.push(`${name}: ${passed} passed, ${failed} failed${nothing ? ", RAN NO TEST" : ""} (${seconds} s)`);
  console.log(lines.at(-1));
}
console.log(`\n${lines.join("\n")}\n${totals.passed} passed, ${totals.failed} failed`);
process.exitCode = totals.failed > 0 ? 1 : 0;
