// The prose that the workload is cut from: the readmes of the packages this bench pins, so the lockfile fixes the text
// and nothing has to be copied into the repository. Code, tables, links and changelogs are left out.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const WORDS_MIN = 20_000;

function* markdown(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* markdown(path);
    else if (/\.md$/i.test(entry.name) && !/change|history|licen/i.test(entry.name)) yield path;
  }
}

/** The words of the documentation under `folder`, in a fixed order. */
export function corpus(folder) {
  const words = [];
  for (const path of markdown(folder)) {
    const prose = readFileSync(path, "utf8")
      .replace(/```[\s\S]*?```/g, " ")
      .replace(/<[^>]*>/g, " ")
      .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
      .split("\n")
      .filter((line) => /^[A-Z*-].*[a-z] [a-z].*/.test(line) && !/https?:|[|{}<>=]/.test(line))
      .join(" ")
      .replace(/[*_`#]/g, "");
    for (const word of prose.split(/\s+/)) if (word && word.length < 24) words.push(word);
  }
  if (words.length < WORDS_MIN) throw new Error(`only ${words.length} words of documentation under ${folder}: run npm ci first`);
  return words;
}
