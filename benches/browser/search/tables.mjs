// From samples to the tables of search.

import { median, short } from "../figures.mjs";

/** Stand for figures that there are none of. */
export const LATE = "more than 60 s";
export const FAILED = "failed";

const MEGABYTE = 1e6;
const KINDS = ["term", "terms", "prefix", "fuzzy", "filter"];
// These order by how rare a word is. FlexSearch does not.
const RANKING = ["minisearch", "orama", "lunr", "sqlite"];

const BUILDS = [
  ["the first time", "build.memory", "build.reading"],
  ["again", "build.again", "build.readingAgain"],
];

const TABLES = [
  {
    title: (size) => `${size} documents: build, keep, reload`,
    columns: [
      ["build in memory (ms)", "build.memory"],
      ["again (ms)", "build.again"],
      ["store documents and index (ms)", "store.stored"],
      ["index from what is stored (ms)", "rebuild.ms"],
      ["index (MB)", "bytes.index", MEGABYTE],
      ["reload: open (ms)", "first.open"],
      ["first answer (ms)", "first.answer"],
      ["add one: found (ms)", "add.found"],
      ["stored (ms)", "add.stored"],
    ],
  },
  {
    title: (size) => `${size} documents: ask (ms, the median of 210 queries)`,
    columns: [
      ["one term", "term.p50"],
      ["two terms, AND", "terms.p50"],
      ["prefix of 3", "prefix.p50"],
      ["fuzzy, 1 edit", "fuzzy.p50"],
      ["four filters", "filter.p50"],
      ["one term, hits with their documents", "whole.p50"],
    ],
  },
  {
    title: (size) => `${size} documents: the slowest of 210 queries (ms)`,
    columns: KINDS.map((kind, n) => [["one term", "two terms, AND", "prefix of 3", "fuzzy, 1 edit", "four filters"][n], `${kind}.max`]),
  },
  {
    title: (size) => `${size} documents: queries that find as many as a plain evaluation does (%)`,
    columns: KINDS.map((kind, n) => [["one term", "two terms, AND", "prefix of 3", "fuzzy, 1 edit", "four filters"][n], `${kind}.agreed`]),
  },
];

function cell(values, scale = 1) {
  if (!values?.length) return "–";
  const missing = values.find((value) => typeof value === "string");
  if (missing) return missing;
  const [low, high] = [Math.min(...values) / scale, Math.max(...values) / scale];
  const range = values.length > 1 && low !== high ? ` (${short(low)}–${short(high)})` : "";
  return short(median(values) / scale) + range;
}

const title = ({ name, version }) => (version ? `${name} ${version}` : name);
const count = (size) => size.toLocaleString("en");
const lined = (rows) => rows.map((row) => `| ${row.join(" | ")} |`).join("\n");

function table({ title: heading, columns }, size, { samples, about }) {
  const of = (figures, figure) => figures[`${size}.${figure}`] ?? figures[`${size}.${figure.split(".")[0]}.missing`];
  const measured = Object.entries(samples).filter(([, figures]) => columns.some(([, figure]) => of(figures, figure)));
  if (measured.length === 0) return "";
  const rows = measured.map(([contender, figures]) => [
    title(about[contender]),
    ...columns.map(([, figure, scale]) => cell(of(figures, figure), scale)),
  ]);
  return `**${heading(count(size))}**\n\n${lined([["", ...columns.map(([column]) => column)], ["---", ...columns.map(() => "---:")], ...rows])}\n`;
}

/** What the project promises of search, as figures of this run. Rows whose figures are missing are left out. */
function promises({ samples, about }) {
  const figure = (contender, name) => {
    const values = samples[contender]?.[name];
    return values?.length && values.every(Number.isFinite) ? median(values) : null;
  };
  const rows = [];
  const row = (what, value, bound) => value != null && Number.isFinite(value) && rows.push([what, short(value), bound]);
  const ratio = (a, b) => (a == null || b == null ? null : a / b);
  const size = 10_000;
  const at = (contender, name) => figure(contender, `${size}.${name}`);

  for (const [other, bound] of [
    ["minisearch", "at least 5"],
    ["flexsearch", "at least 3"],
  ]) {
    const name = about[other]?.name;
    for (const [when, build, reading] of BUILDS) {
      const [theirs, ours] = [at(other, build), at("hoardb-engine", build)];
      row(`10,000: index built inside the engine, ${when}, times faster than ${name} in memory`, ratio(theirs, ours), bound);
      const read = at("hoardb-engine", reading);
      row("10,000: the same with reading the documents' JSON", read && ratio(theirs, ours + read), "");
    }
    row(`10,000: documents and index stored, times faster than ${name}`, ratio(at(other, "store.stored"), at("hoardb", "store.stored")), bound);
    row(
      `10,000: index built from what is stored and stored, times faster than ${name} in memory`,
      ratio(at(other, "build.memory"), at("hoardb", "rebuild.ms")),
      "",
    );
    row(
      `10,000: bytes of the index, against ${name}`,
      ratio(at("hoardb", "bytes.index"), at(other, "bytes.index")),
      other === "minisearch" ? "at most 0.33" : "",
    );
    row(
      `10,000: bytes of the index without positions, against ${name}`,
      ratio(at("hoardb-no-positions", "bytes.index"), at(other, "bytes.index")),
      other === "minisearch" ? "at most 0.20" : "",
    );
  }
  const ranking = RANKING.map((contender) => [contender, at(contender, "first.answer")]).filter(([, ms]) => ms != null);
  if (ranking.length) {
    const [best, ms] = ranking.sort((a, b) => a[1] - b[1])[0];
    row(
      `10,000: first answer after a reload, times sooner than the best that ranks (${about[best].name})`,
      ratio(ms, at("hoardb", "first.answer")),
      "at least 10",
    );
    row("10,000: the same, on the page", ratio(ms, at("hoardb-page", "first.answer")), "");
  }
  for (const [kind, name, bound] of [
    ["term", "one term", "at least 10"],
    ["terms", "two terms, AND", "at least 10"],
    ["prefix", "prefix", "at least 10"],
    ["fuzzy", "fuzzy", "at least 1"],
    ["filter", "four filters", ""],
  ]) {
    const other = at("minisearch", `${kind}.p50`);
    row(`10,000: ${name}, inside the engine, times faster than MiniSearch`, ratio(other, at("hoardb-engine", `${kind}.p50`)), bound);
    const together = ratio(at("minisearch", `${kind}.mean`), at("hoardb-engine", `${kind}.mean`));
    row("10,000: the same, all 210 queries together and not their median", together, bound);
    row(`10,000: ${name}, on the page, times faster than MiniSearch`, ratio(other, at("hoardb-page", `${kind}.p50`)), "");
    row(`10,000: ${name}, through the worker, ms`, at("hoardb", `${kind}.p50`), "at most 0.5");
  }
  for (const [size, bound] of [
    [1000, "at most 1"],
    [50_000, "at most 2"],
  ]) {
    for (const contender of ["hoardb-engine", "hoardb"]) {
      const slowest = KINDS.map((kind) => figure(contender, `${size}.${kind}.max`)).filter((value) => value != null);
      if (slowest.length)
        row(
          `${count(size)}: the slowest of all queries, ${contender === "hoardb" ? "through the worker" : "inside the engine"}, ms`,
          Math.max(...slowest),
          bound,
        );
    }
  }
  for (const [when, build, reading] of BUILDS) {
    const ms = figure("hoardb-engine", `1000.${build}`);
    row(`1,000: index built inside the engine, ${when}, ms`, ms, "under 13");
    row("1,000: the same with reading the documents' JSON", ms && ms + figure("hoardb-engine", `1000.${reading}`), "");
  }
  row("1,000: index built from what is stored and stored, ms", figure("hoardb", "1000.rebuild.ms"), "under 13");
  row(
    "1,000: what the index adds to saving the documents, ms",
    minus(figure("hoardb", "1000.store.stored"), figure("hoardb-unindexed", "1000.store.stored")),
    "",
  );
  if (rows.length === 0) return "";
  return `**hoardb's search against its bounds**\n\n${lined([["", "measured", "bound"], ["---", "---:", "---"], ...rows])}\n`;
}

const minus = (a, b) => (a == null || b == null ? null : a - b);

/** The mean of the differences and what it may be off by, 19 times of 20. */
function difference(own, other) {
  const all = own.map((gain, n) => gain - other[n]);
  const mean = all.reduce((sum, each) => sum + each, 0) / all.length;
  const variance = all.reduce((sum, each) => sum + (each - mean) ** 2, 0) / (all.length - 1);
  return [mean, 1.96 * Math.sqrt(variance / all.length)];
}

const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(3)}`;

function relevance({ judgements, about, corpus }) {
  const parts = Object.entries(judgements).map(([set, rankers]) => {
    const { documents, queries } = corpus.sets[set];
    const rows = Object.entries(rankers).map(([ranker, { ndcg, gains }]) => {
      const beside = rankers.hoardb && ranker !== "hoardb" ? difference(rankers.hoardb.gains, gains) : null;
      return [title(about[ranker]), ndcg.toFixed(3), beside ? `${signed(beside[0])} ± ${beside[1].toFixed(3)}` : ""];
    });
    const heading = `**Ranking, judged set "${set}": nDCG@10 of ${count(queries)} queries on ${count(documents)} documents**`;
    return `${heading}\n\n${lined([["", "nDCG@10", "hoardb's is better by"], ["---", "---:", "---:"], ...rows])}\n`;
  });
  return parts.join("\n\n");
}

/** What is printed, and what stands in the documentation. */
export function searchSummary(run) {
  const { browser, machine, repetitions, date, corpus, sizes } = run;
  const head =
    `${browser}, ${machine.cores} cores (${machine.cpu}), ${machine.platform}, ${date.slice(0, 10)}, ${repetitions} repetitions, ` +
    `load of the machine ${machine.load.length ? `${Math.min(...machine.load)} to ${Math.max(...machine.load)}` : "unknown"}; ` +
    `a document has ${short(corpus.characters)} characters on average, ${corpus.described ? "with" : "without"} the packages' descriptions.`;
  return [head, promises(run), ...sizes.flatMap((size) => TABLES.map((each) => table(each, size, run))), relevance(run)].filter(Boolean).join("\n\n");
}
