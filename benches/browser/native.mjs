// What criterion measured last, as a table. It leaves its figures in target/criterion/<group>/<name>/new.

import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { short } from "./figures.mjs";

const UNITS = [
  [1e9, "s"],
  [1e6, "ms"],
  [1e3, "µs"],
  [1, "ns"],
];

function time(nanoseconds) {
  const [unit, name] = UNITS.find(([size]) => nanoseconds >= size) ?? UNITS.at(-1);
  return `${short(nanoseconds / unit)} ${name}`;
}

function rate(throughput, nanoseconds) {
  if (throughput?.Bytes) return `${short((throughput.Bytes / nanoseconds) * 1e3)} MB/s`;
  if (throughput?.Elements) return `${short((throughput.Elements / nanoseconds) * 1e6)} thousand/s`;
  return "";
}

/** The table, or nothing when criterion has not run. */
export async function nativeTable(folder) {
  let paths;
  try {
    paths = await readdir(folder, { recursive: true });
  } catch {
    return "";
  }
  const rows = [];
  for (const path of paths.filter((path) => path.endsWith(join("new", "benchmark.json")))) {
    const { full_id: id, throughput } = JSON.parse(await readFile(join(folder, path), "utf8"));
    const { median } = JSON.parse(await readFile(join(folder, path, "../estimates.json"), "utf8"));
    const { lower_bound: low, upper_bound: high } = median.confidence_interval;
    rows.push(`| ${id.replace("/", ": ")} | ${time(median.point_estimate)} (${time(low)}–${time(high)}) | ${rate(throughput, median.point_estimate)} |`);
  }
  if (!rows.length) return "";
  return `| | median (95 % interval) | |\n| --- | ---: | ---: |\n${rows.sort().join("\n")}`;
}
