// What is asked, drawn from the documents, and how many documents a plain evaluation finds for each.
//
// Words are of letters only, so that all contenders agree on where they end. One third each are of few, of some and of many
// documents. Everything follows from one seed.

import { random } from "../workload.mjs";
import { words } from "./words.mjs";

export const QUERIES = 210;
export const HITS = 20;

const SEED = 7;
const WORD = /^[a-z]{4,14}$/;
const BANDS = [
  [2, 9],
  [10, 99],
  [100, Infinity],
];

function shuffled(next, all) {
  for (let at = all.length - 1; at > 0; at--) {
    const other = Math.floor(next() * (at + 1));
    [all[at], all[other]] = [all[other], all[at]];
  }
  return all;
}

/** Whether two words are at most one edit apart: a letter more, fewer, or another. */
function near(a, b) {
  if (Math.abs(a.length - b.length) > 1) return false;
  let from = 0;
  while (from < a.length && a[from] === b[from]) from++;
  let [left, right] = [a.length, b.length];
  while (left > from && right > from && a[left - 1] === b[right - 1]) {
    left--;
    right--;
  }
  return left - from <= 1 && right - from <= 1;
}

function misspelt(next, word) {
  const at = Math.floor(next() * word.length);
  const letter = String.fromCharCode(97 + Math.floor(next() * 26));
  const kind = Math.floor(next() * 3);
  return word.slice(0, at) + (kind === 0 ? "" : letter) + word.slice(kind === 1 ? at : at + 1);
}

/** `{ term, terms, prefix, fuzzy, filter }`, each a list of `{ … what is asked, total }`. */
export function queries(documents) {
  const next = random(SEED);
  const postings = new Map();
  const each = documents.map(({ title, body }, n) => {
    const set = new Set(words(`${title} ${body}`));
    for (const word of set) (postings.get(word) ?? postings.set(word, []).get(word)).push(n);
    return set;
  });
  const vocabulary = [...postings.keys()].sort();

  // A band that has too few words leaves its share to the others.
  const bands = BANDS.map(([least, most]) =>
    shuffled(
      next,
      vocabulary.filter((word) => WORD.test(word) && postings.get(word).length >= least && postings.get(word).length <= most),
    ),
  );
  const turns = Math.max(...bands.map(({ length }) => length));
  const mixed = Array.from({ length: turns }, (_, turn) => bands.map((band) => band[turn]).filter(Boolean)).flat();
  const drawn = mixed.slice(0, QUERIES);
  const prefixes = [...new Set(mixed.map((word) => word.slice(0, 3)))].slice(0, QUERIES);
  if (prefixes.length < QUERIES) throw new Error(`only ${drawn.length} words and ${prefixes.length} prefixes to ask for`);

  const term = shuffled(next, [...drawn]).map((word) => ({ text: word, total: postings.get(word).length }));

  const bodies = new Map();
  const bodyOf = (n) =>
    bodies.get(n) ??
    bodies
      .set(
        n,
        [...new Set(words(documents[n].body))].filter((word) => WORD.test(word)),
      )
      .get(n);
  const any = (all) => all[Math.floor(next() * all.length)];
  // Both in one body: some contenders find two words only within one field.
  const both = (a, b) => postings.get(a).filter((n) => each[n].has(b)).length;
  const terms = [];
  const pairs = new Set();
  for (let n = 0; terms.length < QUERIES; n++) {
    if (n > QUERIES * 100) throw new Error("too few pairs of words");
    const first = drawn[n % QUERIES];
    const body = bodyOf(any(postings.get(first)));
    const other = any(body);
    if (!body.includes(first) || other === first || pairs.has(`${first} ${other}`)) continue;
    pairs.add(`${first} ${other}`);
    terms.push({ text: `${first} ${other}`, total: both(first, other) });
  }

  const union = (found) => new Set(found.flatMap((word) => postings.get(word))).size;
  const prefix = shuffled(next, prefixes).map((text) => ({ text, total: union(vocabulary.filter((word) => word.startsWith(text))) }));

  const long = drawn.filter((word) => word.length >= 5);
  const fuzzy = Array.from({ length: QUERIES }, (_, n) => {
    const text = misspelt(next, long[n % long.length]);
    return { text, total: union(vocabulary.filter((word) => near(word, text))) };
  });

  const filter = Array.from({ length: QUERIES }, (_, n) => {
    const text = drawn[n];
    const { category, status, size } = documents[any(postings.get(text))];
    const [from, to] = [Math.floor(size / 4), size * 4];
    const fits = (document) => document.category === category && document.status === status && document.size >= from && document.size <= to;
    return { text, category, status, from, to, total: postings.get(text).filter((n) => fits(documents[n])).length };
  });
  return { term, terms, prefix, fuzzy, filter };
}
