// Documents, questions and which documents answer them.
//
// `semanlink`: 7,300 bookmarks and papers, each tagged by a person, who has chosen among 4,600 tags. A tag's name is the question,
// and what he tagged with it answers it. The data is in the Python package `cherche` (MIT), from which pip fetches it
// here; nothing of it is in this repository. Tags were not given for any search engine's sake, so they favour none. But nobody tags all
// that fits, and many titles are the only text: the figures are low, and only their differences mean something.
//
// `packages`: finding a known package. Its synopsis is the question, the descriptions of 10,000 packages are the documents, its own is the
// only answer. Needs lists with descriptions (debian.mjs).

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { random } from "../workload.mjs";
import { words } from "./words.mjs";

const here = dirname(fileURLToPath(import.meta.url));

const SOURCE = "cherche-2.2.1";
const ANSWERS_MIN = 5;
const PACKAGES = 10_000;
const ASKED = 300;
const SEED = 11;

const empty = { category: "", status: "", tags: [], size: 0 };

function semanlink(folder) {
  const data = join(folder, SOURCE, "cherche/data/semanlink");
  if (!existsSync(data)) {
    mkdirSync(folder, { recursive: true });
    const pip = ["-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--require-hashes"];
    execFileSync("python3", [...pip, "-d", folder, "-r", join(here, "judged.txt")], { stdio: ["ignore", "ignore", "pipe"] });
    execFileSync("tar", ["-xzf", join(folder, `${SOURCE}.tar.gz`), "-C", folder]);
  }
  const read = (name) => JSON.parse(readFileSync(join(data, name), "utf8"));
  const tagged = new Map();
  const documents = new Map();
  for (const { document, tag, title, comment, arxiv_summary: summary, creationTime } of read("docs.json")) {
    const id = document.slice(0, 400);
    if (documents.has(id)) continue;
    documents.set(id, { ...empty, id, title, body: `${comment}\n${summary}`, startedAt: Date.parse(creationTime) || 0 });
    for (const each of tag) (tagged.get(each) ?? tagged.set(each, []).get(each)).push(id);
  }
  const tags = read("tags.json");
  const queries = [];
  for (const [tag, relevant] of [...tagged].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const text = tags[tag]?.prefLabel[0];
    if (text && words(text).length > 0 && relevant.length >= ANSWERS_MIN) queries.push({ text, relevant });
  }
  return { documents: [...documents.values()], queries };
}

function packages(all) {
  // Packages of one source often share their description: then there is not one answer.
  const described = new Map();
  for (const document of all.slice(0, PACKAGES)) {
    const text = document.body.slice(document.id.length + 1);
    if (text.length > 100) described.set(text, described.has(text) ? null : document);
  }
  const documents = [...described]
    .filter(([, document]) => document)
    .map(([body, document]) => ({ ...document, title: "", asked: document.title, body }));
  const next = random(SEED);
  const queries = [];
  while (queries.length < ASKED) {
    const { id, asked } = documents[Math.floor(next() * documents.length)];
    if (asked && words(asked).length > 1) queries.push({ text: asked, relevant: [id] });
  }
  return { documents: documents.map(({ asked: _, ...document }) => document), queries };
}

/** `{ name: { documents, queries: { text, relevant }[] } }`, without those that cannot be had here; says which. */
export function judged({ documents, described }, folder) {
  const sets = {};
  try {
    sets.semanlink = semanlink(folder);
  } catch (error) {
    console.log(`no judged set "semanlink": ${error.message.split("\n")[0]}`);
  }
  if (described) sets.packages = packages(documents);
  else console.log('no judged set "packages": the package lists have no descriptions (BENCH_APT_UPDATE=1)');
  return sets;
}
