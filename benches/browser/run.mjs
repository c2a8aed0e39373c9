// Runs every contender through every workload in every browser, and writes what it measured.
//
// Within a browser the contenders take turns: all of them once, then all of them again. A turn starts from an empty
// profile of its own, so no contender meets another's compaction, cache or file. What the machine does besides is the
// same for all, and is written down (`load`).
//
//   BENCH_QUICK=1            one repetition instead of five
//   BENCH_REPETITIONS=n
//   BENCH_BROWSERS=chromium,firefox         also: chromium-sqlite
//   BENCH_CONTENDERS=hoardb,floor,…         a part only prints; the documentation is left as it was
//   BENCH_WORKLOADS=save,load,…             likewise; search and relevance have contenders and tables of their own (search/run.mjs)
//   BENCH_SIZES=1000,10000,50000            documents to search in
//   BENCH_APT_UPDATE=1                      they are fetched with their descriptions (search/debian.mjs)

import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSearchEngine, bundle } from "./build.mjs";
import * as chromium from "./drivers/chromium.mjs";
import * as firefox from "./drivers/firefox.mjs";
import { serve } from "./serve.mjs";
import { median } from "./figures.mjs";
import { nativeTable } from "./native.mjs";
import { RANKERS, CONTENDERS as SEARCHERS, SIZES, prepare, searchBench } from "./search/run.mjs";
import { searchSummary } from "./search/tables.mjs";
import { document, searchDocument, summary } from "./tables.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, "../..");
const target = resolve(root, process.env.CARGO_TARGET_DIR ?? "target");
const out = join(target, "bench");
const hoardb = join(root, "pkg/dist");

const CONTENDERS = ["hoardb", "floor", "floor-page", "write-behind", "records", "dexie", "dexie-ranges", "idb", "pouchdb", "rxdb"];
const STORING = ["save", "load", "hits", "list", "delete", "append", "attachments", "collect"];
const SEARCHING = ["search", "relevance"];
const BROWSERS = {
  chromium: { ...chromium },
  firefox: { ...firefox },
  "chromium-sqlite": { ...chromium, switches: ["--enable-features=IdbSqliteBackingStore"] },
};
const RELOADS = 3;

const chosen = (variable, all, usual = all) => {
  const names = process.env[variable]?.split(",").filter(Boolean) ?? usual;
  for (const name of names) if (!all.includes(name)) throw new Error(`${variable}: ${name} is none of ${all.join(", ")}`);
  return names;
};

const anyone = chosen("BENCH_CONTENDERS", [...new Set([...CONTENDERS, ...SEARCHERS, ...RANKERS])]);
const everything = chosen("BENCH_WORKLOADS", [...STORING, ...SEARCHING]);
const workloads = everything.filter((workload) => STORING.includes(workload));
const contenders = workloads.length ? CONTENDERS.filter((name) => anyone.includes(name)) : [];
const searchers = everything.includes("search") ? SEARCHERS.filter((name) => anyone.includes(name)) : [];
const rankers = everything.includes("relevance") ? RANKERS.filter((name) => anyone.includes(name)) : [];
const sizes = chosen("BENCH_SIZES", SIZES.map(String)).map(Number);
const browsers = chosen("BENCH_BROWSERS", Object.keys(BROWSERS), ["chromium", "firefox"]);
const repetitions = Number(process.env.BENCH_REPETITIONS ?? (process.env.BENCH_QUICK ? 1 : 5));

async function bytesUnder(folder) {
  if (!existsSync(folder)) return 0;
  let bytes = 0;
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}

/** One contender's turn. Returns `{ "save.ms": 669, … }`. */
async function turn(browser, contender, about, origin) {
  const takes = (workload) => about.workloads?.includes(workload) ?? true;
  const runs = (workload) => workloads.includes(workload) && takes(workload);
  const profile = await mkdtemp(join(out, "profile-"));
  const figures = {};
  const note = (workload, measured) => {
    for (const [name, value] of Object.entries(measured ?? {})) (figures[`${workload}.${name}`] ??= []).push(value);
  };
  let page = await browser.launch(profile, origin, browser.switches);
  try {
    // Most workloads need what is saved here, so it is not a matter of choice.
    if (takes("save")) {
      const before = await page.call("usage");
      await page.call("open", contender);
      note("save", await page.call("run", "save"));
      await page.call("close");
      note("stored", { values: await page.call("valueBytes"), usage: (await page.call("usage")) - before });

      // What lies on the disk is counted once the browser has let go of it.
      await page.close();
      note("stored", { disk: await bytesUnder(browser.storage(profile)) });
      page = await browser.launch(profile, origin, browser.switches);
    }

    if (runs("load")) {
      await page.call("open", contender);
      await page.call("run", "load", 1);
      await page.call("close");
      for (let n = 0; n < RELOADS; n++) {
        await page.reload();
        note("load", { open: await page.call("open", contender), ...(await page.call("run", "load", 500 + n)) });
        await page.call("close");
      }
      await page.reload();
    }
    if (runs("hits")) {
      await page.call("open", contender);
      note("hits", await page.call("run", "hits"));
      await page.call("close");
      await page.reload();
    }
    await page.call("open", contender);
    if (runs("list")) note("list", await page.call("run", "list"));
    if (runs("delete")) note("delete", await page.call("run", "remove"));
    if (runs("append")) {
      note("append", await page.call("run", "append", false));
      note("burst", await page.call("run", "append", true));
    }
    if (runs("attachments")) note("attachments", await page.call("run", "attachments"));
    if (runs("collect")) note("collect", await page.call("run", "collect"));
    await page.call("close");
  } catch (error) {
    throw new Error(`${contender} in ${page.version}: ${error.message}`, { cause: error });
  } finally {
    await page.close().catch(() => {});
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
  // Workloads that ran several times in this turn count once, so that every repetition weighs the same.
  return Object.fromEntries(Object.entries(figures).map(([name, values]) => [name, median(values)]));
}

async function versionOf(contender, about) {
  const manifest = contender.startsWith("hoardb") ? join(hoardb, "../package.json") : about.package && join(here, "node_modules", about.package, "package.json");
  return manifest ? JSON.parse(await readFile(manifest, "utf8")).version : null;
}

/** What each run says of itself. */
function own(browser, load) {
  return {
    browser,
    date: new Date().toISOString(),
    machine: { cpu: cpus()[0]?.model.trim(), cores: cpus().length, memory: totalmem(), platform: `${process.platform} ${process.arch}`, load },
  };
}

async function bench(name, origin) {
  const browser = BROWSERS[name];
  const profile = await mkdtemp(join(out, "profile-"));
  const page = await browser.launch(profile, origin, browser.switches);
  const about = {};
  for (const contender of contenders) {
    // Never two contenders on a page: RxDB brings a Dexie of its own, which refuses to share one.
    await page.reload();
    about[contender] = await page.call("about", contender);
    about[contender].version = await versionOf(contender, about[contender]);
  }
  const logicalBytes = await page.call("logicalBytes");
  const idle = await page.call("idle");
  await page.close();
  await rm(profile, { recursive: true, force: true, maxRetries: 5 });

  const samples = Object.fromEntries(contenders.map((contender) => [contender, {}]));
  const load = [];
  for (let n = 0; n < repetitions; n++) {
    for (const contender of contenders) {
      load.push(Number(loadavg()[0].toFixed(2)));
      const from = Date.now();
      const figures = await turn(browser, contender, about[contender], origin);
      for (const [figure, value] of Object.entries(figures)) (samples[contender][figure] ??= []).push(value);
      const [figure, value] = Object.entries(figures)[0] ?? ["nothing", 0];
      const seconds = ((Date.now() - from) / 1000).toFixed(1).padStart(5);
      console.log(`${name} ${n + 1}/${repetitions} ${contender.padEnd(12)} ${seconds} s, ${figure} ${value.toFixed(0)}`);
    }
  }
  return {
    ...own(page.version + (name === "chromium-sqlite" ? " (SQLite)" : ""), load),
    repetitions,
    logicalBytes,
    idleGap: idle.gap,
    about,
    samples,
  };
}

/** Search is measured in Chromium. */
async function search(origin, page) {
  const prepared = await prepare({ out, page, sizes: searchers.length ? sizes : [], search: searchers.length > 0, relevance: rankers.length > 0 });
  const browser = BROWSERS.chromium;
  const run = await searchBench({ browser, contenders: searchers, rankers, sizes: searchers.length ? sizes : [], repetitions, prepared, origin, out, versionOf, own });
  const whole = searchers.length === SEARCHERS.length && sizes.length === SIZES.length && rankers.length === RANKERS.length;
  await writeFile(join(out, `search${whole ? "" : "-part"}.json`), JSON.stringify(run, null, 1));
  console.log(searchSummary(run));
  if (whole && repetitions > 1) await searchDocument(join(root, "docs/benchmarks.md"), run);
  else console.log("a part, or a single repetition: docs/benchmarks.md is left as it was");
}

const someHoard = [...contenders, ...searchers, ...rankers].some((name) => name.startsWith("hoardb"));
if (someHoard && !existsSync(join(hoardb, "index.js"))) throw new Error("pkg/dist is missing: make pkg");
await mkdir(out, { recursive: true });
const page = join(out, "page");
await bundle(here, page);
const engine = join(out, "search-engine");
if (searchers.some((name) => name.startsWith("hoardb-engine"))) buildSearchEngine(here, engine);
const server = await serve({ "/hoardb/": hoardb, "/search-engine/": engine, "/": page });
const whole = contenders.length === CONTENDERS.length && workloads.length === STORING.length;
try {
  const runs = [];
  for (const name of contenders.length ? browsers : []) {
    const run = await bench(name, server.origin);
    runs.push(run);
    await writeFile(join(out, `${name}${whole ? "" : "-part"}.json`), JSON.stringify(run, null, 1));
    console.log(summary(run));
  }
  if (whole && repetitions > 1) await document(join(root, "docs/benchmarks.md"), runs, await nativeTable(join(target, "criterion")));
  else if (contenders.length) console.log("a part, or a single repetition: docs/benchmarks.md is left as it was");
  if (searchers.length || rankers.length) await search(server.origin, page);
} finally {
  server.close();
}
