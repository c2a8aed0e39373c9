// Runs every contender for search, at every size, and has the rankings judged.
//
// As in the other workloads contenders take turns, all of them once, then all of them again, each turn from an empty profile.
// A step that takes longer than a minute is given up.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { loadavg } from "node:os";
import { join } from "node:path";
import { median } from "../figures.mjs";
import { documents as debian } from "./debian.mjs";
import { judged } from "./judged.mjs";
import { HITS, queries } from "./queries.mjs";
import { FAILED, LATE } from "./tables.mjs";

export const CONTENDERS = [
  "hoardb",
  "hoardb-no-positions",
  "hoardb-page",
  "hoardb-engine",
  "hoardb-engine-no-positions",
  "hoardb-unindexed",
  "minisearch",
  "flexsearch",
  "flexsearch-forward",
  "flexsearch-db",
  "orama",
  "lunr",
  "sqlite",
];
export const SIZES = [1000, 10_000, 50_000];
export const RANKERS = ["hoardb", "hoardb-en", "minisearch", "minisearch-even", "bm25", "bm25-fields"];

const KINDS = ["term", "terms", "prefix", "fuzzy", "filter", "whole"];
const ADDED = 20;
const RELOADS = 3;
const STEP_MS = 60_000;

/** Writes what the page asks for into `out`: documents and queries of each size, and the judged sets. */
export async function prepare({ out, page, sizes, search, relevance }) {
  const source = debian(sizes.length ? Math.max(...sizes) + ADDED : 0, join(out, "apt"));
  const { documents, described } = source;
  const write = (name, value) => writeFile(join(page, name), JSON.stringify(value));
  if (search) {
    const last = Math.max(...sizes);
    // A word of its own tells when a new document is found.
    const extra = documents.slice(last, last + ADDED).map((document, n) => {
      const word = `quizzical${String.fromCharCode(97 + n)}`;
      return { ...document, body: `${document.body} ${word}`, word };
    });
    for (const size of sizes) await write(`documents-${size}.json`, documents.slice(0, size));
    await write("queries.json", { hits: HITS, extra, sizes: Object.fromEntries(sizes.map((size) => [size, queries(documents.slice(0, size))])) });
  }
  const sets = relevance ? judged(source, join(out, "judged")) : {};
  for (const [name, set] of Object.entries(sets)) await write(`judged-${name}.json`, set);
  const about = (set) => ({ documents: set.documents.length, queries: set.queries.length });
  return {
    described,
    characters: documents.reduce((sum, { title, body }) => sum + title.length + body.length, 0) / documents.length,
    sets: Object.fromEntries(Object.entries(sets).map(([name, set]) => [name, about(set)])),
  };
}

class Late extends Error {}

/** A page on a profile, whose calls end after a minute. */
async function launch(browser, profile, origin) {
  const page = await browser.launch(profile, `${origin}/search.html`, browser.switches);
  return {
    ...page,
    async call(...args) {
      let timer;
      const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Late()), STEP_MS)));
      try {
        return await Promise.race([page.call(...args), late]);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** One contender's turn at one size. Returns `{ "1000.store.stored": 669, … }`. */
async function turn(browser, contender, size, { origin, out }) {
  const profile = await mkdtemp(join(out, "profile-"));
  const figures = {};
  let doing;
  let page = await launch(browser, profile, origin);
  const note = (figure, value) => (figures[`${size}.${doing}.${figure}`] ??= []).push(value);
  const step = async (name, ...args) => {
    doing = name === "ask" ? args[1] : name;
    try {
      for (const [figure, value] of Object.entries((await page.call(name, ...args)) ?? {})) note(figure, value);
    } catch (error) {
      // Whoever has stored everything can go on with the rest, in a browser that is not busy.
      if (!(error instanceof Late) || name === "store") throw error;
      note("missing", LATE);
      await page.close();
      page = await launch(browser, profile, origin);
      await page.call("load", contender);
      await page.call("open");
    }
  };
  try {
    await page.call("load", contender);
    await page.call("open");
    await step("build", size);
    await step("store", size);
    await step("bytes");
    const [kept, asked] = [figures[`${size}.store.stored`], figures[`${size}.bytes.index`]];
    if (kept) await page.call("close");
    if (kept && asked) {
      for (let n = 0; n < RELOADS; n++) {
        if (n > 0) await page.call("close");
        await page.reload();
        await page.call("load", contender);
        await step("first", size, n);
      }
    }
    // A contender that only saves is done.
    if (asked) for (const kind of KINDS) await step("ask", size, kind);
    if (kept && asked) {
      await step("add", size);
      await step("rebuild");
    }
    if (asked) await page.call("close");
  } catch (error) {
    // Some do not get through the most documents. That is a result too; the others go on.
    const late = error instanceof Late;
    if (!late) console.error(`${contender} with ${size} documents, ${doing}: ${error.message}`);
    note("missing", late ? LATE : FAILED);
  } finally {
    await page.close().catch(() => {});
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
  return Object.fromEntries(Object.entries(figures).map(([name, values]) => [name, typeof values[0] === "string" ? values[0] : median(values)]));
}

/** How well each ranks each judged set: `{ set: { contender: { ndcg, gains } } }`. It is the same each time. */
async function relevance(browser, rankers, sets, { origin, out }) {
  const judgements = {};
  for (const set of Object.keys(sets)) {
    judgements[set] = {};
    for (const ranker of rankers) {
      const profile = await mkdtemp(join(out, "profile-"));
      const page = await browser.launch(profile, `${origin}/search.html`, browser.switches);
      try {
        await page.call("load", ranker);
        judgements[set][ranker] = await page.call("judge", set);
        console.log(`relevance ${set} ${ranker.padEnd(16)} nDCG@10 ${judgements[set][ranker].ndcg.toFixed(4)}`);
      } finally {
        await page.close().catch(() => {});
        await rm(profile, { recursive: true, force: true, maxRetries: 5 });
      }
    }
  }
  return judgements;
}

/** The run of one browser; `own` is what all runs say of themselves (run.mjs). */
export async function searchBench({ browser, contenders, rankers, sizes, repetitions, prepared, origin, out, versionOf, own }) {
  const names = [...new Set([...contenders, ...rankers])];
  const about = {};
  const profile = await mkdtemp(join(out, "profile-"));
  const page = await browser.launch(profile, `${origin}/search.html`, browser.switches);
  for (const name of names) about[name] = await page.call("about", name);
  const { version } = page;
  await page.close();
  await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  for (const name of names) about[name].version = await versionOf(name, about[name]);

  const samples = Object.fromEntries(contenders.map((contender) => [contender, {}]));
  const load = [];
  for (let n = 0; n < repetitions; n++) {
    for (const size of sizes) {
      for (const contender of contenders) {
        load.push(Number(loadavg()[0].toFixed(2)));
        const from = Date.now();
        const figures = await turn(browser, contender, size, { origin, out });
        for (const [figure, value] of Object.entries(figures)) (samples[contender][figure] ??= []).push(value);
        const missing = Object.entries(figures).find(([figure]) => figure.endsWith(".missing"));
        const seconds = ((Date.now() - from) / 1000).toFixed(1).padStart(5);
        console.log(
          `search ${n + 1}/${repetitions} ${String(size).padStart(5)} ${contender.padEnd(20)} ${seconds} s${missing ? `, ${missing.join(": ")}` : ""}`,
        );
      }
    }
  }
  const judgements = await relevance(browser, rankers, prepared.sets, { origin, out });
  return { ...own(version, load), repetitions, sizes, corpus: prepared, about, samples, judgements };
}
