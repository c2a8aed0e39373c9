// What the drivers call on the page. Everything crosses as JSON. Figures are milliseconds unless the name says otherwise.

import { percentile } from "../page/workloads.mjs";
import { ndcg } from "./ndcg.mjs";

const contenders = {
  hoardb: () => import("./contenders/hoardb.mjs"),
  "hoardb-no-positions": () => import("./contenders/hoardb-no-positions.mjs"),
  "hoardb-page": () => import("./contenders/hoardb-page.mjs"),
  "hoardb-en": () => import("./contenders/hoardb-en.mjs"),
  "hoardb-engine": () => import("./contenders/hoardb-engine.mjs"),
  "hoardb-engine-no-positions": () => import("./contenders/hoardb-engine-no-positions.mjs"),
  "hoardb-unindexed": () => import("./contenders/hoardb-unindexed.mjs"),
  minisearch: () => import("./contenders/minisearch.mjs"),
  "minisearch-even": () => import("./contenders/minisearch-even.mjs"),
  flexsearch: () => import("./contenders/flexsearch.mjs"),
  "flexsearch-forward": () => import("./contenders/flexsearch-forward.mjs"),
  "flexsearch-db": () => import("./contenders/flexsearch-db.mjs"),
  orama: () => import("./contenders/orama.mjs"),
  lunr: () => import("./contenders/lunr.mjs"),
  sqlite: () => import("./contenders/sqlite.mjs"),
  bm25: () => import("./contenders/bm25.mjs"),
  "bm25-fields": () => import("./contenders/bm25-fields.mjs"),
};

const DATABASE = "bench";
const WARM = 10;
const WARM_MS = 1000;
const PASSES = 5;
const AGAIN = 3;
const AGAIN_MS = 10_000;
const READING_MS = 0.5;
const TICK_MS = 0.005;
const ASK_MS = 8000;
const ASK_MS_MAX = 30_000;
const ADD_MS = 5000;
const FOUND_MS = 30_000;
const RANKED = 10;

const fetched = new Map();
const json = (path) =>
  fetched.get(path) ??
  fetched
    .set(
      path,
      fetch(path).then((response) => response.json()),
    )
    .get(path);

const clock = async (work) => {
  const from = performance.now();
  await work();
  return performance.now() - from;
};

/** Lets the page's other tasks run. Timers are too slow for that. */
const task = () =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });

let module;
let searcher;

globalThis.bench = {
  about: async (contender) => (await contenders[contender]()).about,

  /** Loads the contender's code. */
  async load(contender) {
    module = await contenders[contender]();
  },

  async open() {
    const { hits } = await json("/queries.json");
    searcher = await module.open(DATABASE, hits);
  },

  close: () => searcher.close(),

  /**
   * Index in memory, thrown away; who stores nothing is asked it. The first time browsers compile the code meanwhile, so it is done some
   * more times where that takes no longer than a few seconds. Who gets texts reads them before.
   */
  async build(size) {
    if (!searcher.build) return null;
    const documents = await json(`/documents-${size}.json`);
    const given = searcher.given ? searcher.given(documents) : documents;
    const reading = searcher.read && (await clock(() => searcher.read(given)));
    const build = () => clock(() => searcher.build(given));
    const memory = await build();
    const again = [];
    const begun = performance.now();
    while (again.length < AGAIN && performance.now() - begun + memory < AGAIN_MS) again.push(await build());
    return {
      memory,
      ...(again.length && { again: percentile(again, 50) }),
      ...(searcher.read && { reading, readingAgain: await clock(() => searcher.read(given)) }),
    };
  },

  /** Documents and index stored, ready to be asked. */
  async store(size) {
    if (!searcher.store) return null;
    const documents = await json(`/documents-${size}.json`);
    return { stored: await clock(() => searcher.store(documents)) };
  },

  /** The index alone, from what is stored. */
  async rebuild() {
    return searcher.rebuild ? { ms: await clock(() => searcher.rebuild()) } : null;
  },

  /** What the index takes, once whatever tidies it in the background has done so. */
  async bytes() {
    await searcher.settle?.();
    return searcher.bytes ? { index: await searcher.bytes() } : null;
  },

  /**
   * All queries of one kind, each different, one after the other, and all of them again: of each the mean time. The clock ticks slower
   * than some answer, so who was quick at first is asked the same some more times per reading of the clock. The median and the mean
   * of the queries; the slowest, by the median of its times; and for how many (in percent) it found as many documents as a plain
   * evaluation does.
   */
  async ask(size, kind) {
    const { hits, sizes } = await json("/queries.json");
    const ask = searcher[kind];
    if (!ask) return null;
    const queries = sizes[size][kind === "whole" ? "term" : kind];
    const all = searcher.prepare ? queries.map(searcher.prepare[kind]) : queries;
    const warming = performance.now();
    for (const query of all.slice(-WARM)) if (performance.now() - warming < WARM_MS) await ask(query);
    const times = all.map(() => []);
    let agreed = 0;
    const begun = performance.now();
    let asked = 0;
    for (let pass = 0; pass < PASSES && (pass === 0 || performance.now() - begun < ASK_MS); pass++) {
      for (const [n, query] of all.entries()) {
        if (performance.now() - begun > ASK_MS_MAX) break;
        const repeats = pass === 0 ? 1 : Math.ceil(READING_MS / Math.max(times[n][0], TICK_MS));
        let ids;
        const from = performance.now();
        for (let nth = 0; nth < repeats; nth++) ids = await ask(query);
        times[n].push((performance.now() - from) / repeats);
        if (pass > 0) continue;
        asked++;
        if (ids.length === Math.min(hits, queries[n].total)) agreed++;
      }
    }
    // The first time tells how often to ask, and counts where there is no other.
    const readings = times.slice(0, asked).map(([first, ...later]) => (later.length ? later : [first]));
    const means = readings.map((each) => each.reduce((sum, ms) => sum + ms, 0) / each.length);
    const max = Math.max(...readings.map((each) => percentile(each, 50)));
    const mean = means.reduce((sum, ms) => sum + ms, 0) / asked;
    return { p50: percentile(means, 50), mean, p95: percentile(means, 95), max, asked, agreed: (100 * agreed) / asked };
  },

  /** A page that has just loaded, its code included: open what is stored, and the first answer. */
  async first(size, nth) {
    const { hits, sizes } = await json("/queries.json");
    const query = sizes[size].term[nth];
    const from = performance.now();
    searcher = await module.open(DATABASE, hits);
    const opened = performance.now() - from;
    const ids = await (searcher.term ?? searcher.prefix)(query);
    const answer = performance.now() - from;
    if (ids.length === 0) throw new Error(`wrong result: nothing found for ${query.text} after a reload`);
    return { open: opened, answer };
  },

  /** One document at a time, until it is found and until it is stored. As many as there is time for. */
  async add(size) {
    const { extra } = await json("/queries.json");
    const ask = searcher.term ?? searcher.prefix;
    const [found, stored] = [[], []];
    const begun = performance.now();
    for (const { word, ...document } of extra) {
      const from = performance.now();
      const keeping = Promise.resolve(searcher.add(document)).then(() => stored.push(performance.now() - from));
      while (!(await ask({ text: word })).includes(document.id)) {
        await task();
        if (performance.now() - from > FOUND_MS) throw new Error(`wrong result: ${document.id} is not found after it was added`);
      }
      found.push(performance.now() - from);
      await keeping;
      if (performance.now() - begun > ADD_MS) break;
    }
    return { found: percentile(found, 50), stored: percentile(stored, 50), added: found.length };
  },

  /** How well it ranks a judged set: the mean nDCG@10 over its queries. */
  async judge(set) {
    const { documents, queries } = await json(`/judged-${set}.json`);
    searcher = await module.open(`${DATABASE}-${set}`, RANKED);
    await searcher.store(documents);
    const gains = [];
    for (const { text, relevant } of queries) gains.push(ndcg(await searcher.ranked({ text }), new Set(relevant), RANKED));
    await searcher.close();
    return { ndcg: gains.reduce((sum, gain) => sum + gain, 0) / gains.length, gains };
  },
};
