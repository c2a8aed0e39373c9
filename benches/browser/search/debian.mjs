// The documents to search in: Debian's packages, read from this machine's own package lists, so nothing is copied into the repository.
//
// The title is the synopsis, the body the package's name and its description. Machines often keep no descriptions
// (`Acquire::Languages "none"`); then the body is the name and the lines of what the package depends on.
// BENCH_APT_UPDATE=1 has apt fetch the lists with English descriptions into a folder of the bench; the machine's lists stay as they are.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { random } from "../workload.mjs";

const LISTS = "/var/lib/apt/lists";
const HELPER = "/usr/lib/apt/apt-helper";
const FIRST_START = Date.UTC(2024, 0, 8, 9);
const SEED = 20240108;

const run = (program, ...args) => execFileSync(program, args, { encoding: "utf8", maxBuffer: 1 << 30, stdio: ["ignore", "pipe", "pipe"] });

/** The stanzas of a control file, each an object of its fields; a field's further lines keep their breaks. */
function* stanzas(text) {
  for (const stanza of text.split("\n\n")) {
    const fields = {};
    let last;
    for (const line of stanza.split("\n")) {
      if (line.startsWith(" ")) {
        if (last) fields[last] += `\n${line.slice(1)}`;
        continue;
      }
      const colon = line.indexOf(":");
      if (colon > 0) fields[(last = line.slice(0, colon))] = line.slice(colon + 1).trim();
    }
    if (fields.Package) yield fields;
  }
}

/** Lists with English descriptions, fetched by apt into `folder`. */
function fetched(folder) {
  const lists = join(folder, "lists");
  mkdirSync(join(lists, "partial"), { recursive: true });
  mkdirSync(join(folder, "cache", "archives", "partial"), { recursive: true });
  const options = [`Dir::State::Lists=${lists}`, `Dir::Cache=${join(folder, "cache")}`, "Acquire::Languages=en", "Debug::NoLocking=1"];
  run("apt-get", "update", "-qq", ...options.flatMap((option) => ["-o", option]));
  return lists;
}

/** Every stanza of the lists in `folder` whose names match. */
function* read(folder, names) {
  if (!existsSync(folder) || !existsSync(HELPER)) return;
  const files = readdirSync(folder).filter((name) => names.test(name));
  for (const file of files.sort()) yield* stanzas(run(HELPER, "cat-file", join(folder, file)));
}

function* available() {
  try {
    yield* stanzas(run("apt-cache", "dumpavail"));
  } catch {
    // No apt here. `documents` says what to do.
  }
}

// A blank line of a description is written as a dot.
const prose = (lines) => lines.map((line) => (line === "." ? "" : line.trim())).join("\n");

function hash(text) {
  let state = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) state = Math.imul(state ^ text.charCodeAt(at), 0x01000193) >>> 0;
  return state;
}

function document(fields, descriptions) {
  const id = fields.Package;
  const long = descriptions.get(`${id} ${fields["Description-md5"]}`) ?? fields["Description-en"] ?? fields.Description ?? "";
  const [title, ...lines] = long.split("\n");
  const body = lines.length ? prose(lines) : [fields.Depends, fields.Recommends].filter(Boolean).join("\n");
  return {
    id,
    title,
    body: `${id}\n${body}`,
    described: lines.length > 0,
    category: fields.Section ?? "unknown",
    status: fields.Priority ?? "unknown",
    tags: fields.Tag?.split(/,\s*/).filter(Boolean) ?? [],
    // Nothing in the lists is a date.
    startedAt: FIRST_START + (hash(id) % 63_072_000) * 1000,
    size: Number(fields.Size ?? 0),
  };
}

/**
 * At least `wanted` documents, always in the same shuffled order, and whether they have descriptions: `{ documents, described }`.
 * `folder` is where lists are fetched to.
 */
export function documents(wanted, folder) {
  const lists = process.env.BENCH_APT_UPDATE ? fetched(folder) : LISTS;
  const descriptions = new Map();
  for (const fields of read(lists, /_Translation-en(\.|$)/)) {
    descriptions.set(`${fields.Package} ${fields["Description-md5"]}`, fields["Description-en"] ?? "");
  }
  const packages = new Map();
  const take = (all) => {
    for (const fields of all) if (!packages.has(fields.Package)) packages.set(fields.Package, fields);
  };
  take(read(lists, /_Packages(\.|$)/));
  if (packages.size === 0) take(available());
  if (packages.size < wanted) {
    throw new Error(
      `the package lists of this machine name ${packages.size} packages and the bench needs ${wanted}: ` +
        "run `apt-get update` on a Debian system, or set BENCH_APT_UPDATE=1, or choose smaller BENCH_SIZES",
    );
  }
  const all = [...packages.keys()].sort().map((id) => document(packages.get(id), descriptions));
  const next = random(SEED);
  for (let at = all.length - 1; at > 0; at--) {
    const other = Math.floor(next() * (at + 1));
    [all[at], all[other]] = [all[other], all[at]];
  }
  const described = all.filter((each) => each.described).length > all.length / 2;
  for (const each of all) delete each.described;
  return { documents: all, described };
}
