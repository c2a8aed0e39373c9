// From samples to the tables of docs/benchmarks.md.

import { readFile, writeFile } from "node:fs/promises";
import { median, short } from "./figures.mjs";
import { searchSummary } from "./search/tables.mjs";

const MEGABYTE = 1e6;

const TABLES = [
  {
    title: "Save 1,000 sessions, list them, delete 100 (ms)",
    columns: [
      ["save 1,000", "save.ms"],
      ["list 1,000, newest first", "list.ms"],
      ["delete 100", "delete.ms"],
    ],
  },
  {
    title: "Append 1,000 items one by one",
    columns: [
      ["caller, median (µs)", "burst.callerP50"],
      ["caller, p99 (µs)", "burst.callerP99"],
      ["burst, all committed (ms)", "burst.ms"],
      ["awaiting each, all committed (ms)", "append.ms"],
      ["awaiting each, one, median (ms)", "append.committedP50"],
      ["p99 (ms)", "append.committedP99"],
    ],
  },
  {
    title: "Load one session (ms)",
    columns: [
      ["open, page just loaded", "load.open"],
      ["first load", "load.cold"],
      ["again", "load.warm"],
    ],
  },
  {
    title: "Read one session's metadata, 20,000 times, 4 of 5 times one of the same 200 of 1,000",
    columns: [
      ["all (ms)", "hits.ms"],
      ["one, p99 (ms)", "hits.p99"],
      ["answered from memory (%)", "hits.rate"],
      ["by the page (µs)", "hits.page"],
      ["an item, by the engine (ms)", "hits.worker"],
    ],
  },
  {
    title: "Attachments of 150 KB (ms each), collecting 2,000 (ms)",
    columns: [
      ["put a new one", "attachments.put"],
      ["put a duplicate", "attachments.duplicate"],
      ["read", "attachments.read"],
      ["delete", "attachments.discard"],
      ["collect 2,000", "collect.ms"],
    ],
  },
  {
    title: "Longest gap of the page (ms)",
    worst: true,
    columns: [
      ["save", "save.gap"],
      ["load", "load.gap"],
      ["list", "list.gap"],
      ["delete", "delete.gap"],
      ["append, each", "append.gap"],
      ["append, burst", "burst.gap"],
      ["attachments", "attachments.gap"],
      ["collect", "collect.gap"],
    ],
  },
  {
    title: "Stored bytes (MB) after the save",
    scale: MEGABYTE,
    columns: [
      ["values", "stored.values"],
      ["files on disk", "stored.disk"],
      ["`storage.estimate()`", "stored.usage"],
    ],
  },
];

const cell = (values, scale = 1) => {
  if (!values?.length || values.some((value) => value == null)) return "–";
  const [low, high] = [Math.min(...values) / scale, Math.max(...values) / scale];
  const range = values.length > 1 ? ` (${short(low)}–${short(high)})` : "";
  return short(median(values) / scale) + range;
};

const title = ({ name, version }) => (version ? `${name} ${version}` : name);

function table({ title: heading, columns, scale }, run) {
  const measured = Object.entries(run.samples).filter(([, samples]) => columns.some(([, figure]) => samples[figure]?.length));
  if (measured.length === 0) return "";
  const rows = measured.map(([contender, samples]) => [title(run.about[contender]), ...columns.map(([, figure]) => cell(samples[figure], scale))]);
  const lines = [["", ...columns.map(([column]) => column)], ["---", ...columns.map(() => "---:")], ...rows];
  return `**${heading}**\n\n${lines.map((line) => `| ${line.join(" | ")} |`).join("\n")}\n`;
}

const times = (own, other) => other / own;
const against = (own, other) => own / other;

// The promises of the project, as figures of this run: what is compared, with which figure of whom, how, and the bound.
const PROMISES = [
  ["save, against raw chunks in a worker", "save.ms", ["floor", "save.ms"], against, "at most 1.00"],
  ["save, times faster than Dexie", "save.ms", ["dexie", "save.ms"], times, "at least 6"],
  ["append returns to its caller, median µs", "burst.callerP50", null, null, "at most 20"],
  ["append returns to its caller, p99 µs", "burst.callerP99", null, null, "at most 1,000"],
  ["burst of 1,000 appends, times faster than Dexie awaiting each", "burst.ms", ["dexie", "append.ms"], times, "at least 25"],
  ["burst of 1,000 appends, against a bare write-behind loop", "burst.ms", ["write-behind", "burst.ms"], against, ""],
  ["first load, against raw chunks in a worker", "load.cold", ["floor", "load.cold"], against, "at most 1.50"],
  ["80/20 reads answered from memory, %", "hits.rate", null, null, "more than 90"],
  ["a read that the page answers itself, µs", "hits.page", null, null, "at most 10"],
  ["a read that the engine answers from memory, ms", "hits.worker", null, null, "at most 0.5"],
  ["stored values, against raw chunks", "stored.values", ["floor", "stored.values"], against, "at most 0.50"],
  ["files on disk, against raw chunks", "stored.disk", ["floor", "stored.disk"], against, "at most 0.50"],
  ["delete 100, times faster than Dexie", "delete.ms", ["dexie", "delete.ms"], times, "at least 10"],
  ["delete 100, times faster than Dexie with a compound key", "delete.ms", ["dexie-ranges", "delete.ms"], times, ""],
];

function promises({ samples }) {
  if (!samples.hoardb) return "";
  const rows = PROMISES.flatMap(([what, figure, other, compared, bound]) => {
    const own = samples.hoardb[figure];
    const beside = other && samples[other[0]]?.[other[1]];
    if (!own || (other && !beside)) return [];
    return [`| ${what} | ${short(compared ? compared(median(own), median(beside)) : median(own))} | ${bound} |`];
  });
  const gaps = Object.entries(samples.hoardb).filter(([figure]) => figure.endsWith(".gap"));
  const [workload, worst] = gaps.map(([figure, values]) => [figure.slice(0, -4), Math.max(...values)]).sort((a, b) => b[1] - a[1])[0];
  rows.push(`| longest gap of the page in any workload and repetition, ms (${workload}) | ${short(worst)} | at most 16 |`);
  return `**hoardb against its bounds**\n\n| | measured | bound |\n| --- | ---: | --- |\n${rows.join("\n")}\n`;
}

export function summary(run) {
  const { machine, repetitions } = run;
  const head =
    `${run.browser}, ${machine.cores} cores (${machine.cpu}), ${machine.platform}, ${run.date.slice(0, 10)}, ` +
    `${repetitions} repetitions, load of the machine ${Math.min(...machine.load)} to ${Math.max(...machine.load)}; ` +
    `an idle page's longest gap is ${short(run.idleGap)} ms; the sessions are ${short(run.logicalBytes / MEGABYTE)} MB of JSON.`;
  return [`### ${run.browser}`, head, promises(run), ...TABLES.map((each) => table(each, run))].filter(Boolean).join("\n\n");
}

const list = (about) =>
  Object.values(about)
    .map((each) => `- **${title(each)}**: ${each.how}`)
    .join("\n");

/** Replaces what stands between the markers of `path`. */
async function replace(path, parts) {
  const page = await readFile(path, "utf8");
  await writeFile(
    path,
    Object.entries(parts).reduce((text, [name, part]) => {
      const [from, to] = [`<!-- ${name}:start -->`, `<!-- ${name}:end -->`];
      if (!text.includes(from) || !text.includes(to)) throw new Error(`${path} has no ${from} … ${to}`);
      return text.slice(0, text.indexOf(from) + from.length) + `\n\n${part}\n\n` + text.slice(text.indexOf(to));
    }, page),
  );
}

/** Writes the tables of storing into the documentation. */
export const document = (path, runs, native) =>
  replace(path, { contenders: list(runs[0].about), figures: runs.map(summary).join("\n\n"), ...(native && { native }) });

/** Writes the tables of search into the documentation. */
export const searchDocument = (path, run) => replace(path, { "search-contenders": list(run.about), search: searchSummary(run) });
