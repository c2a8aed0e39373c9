import { Document, Encoder } from "flexsearch";
import { bytesOf, openStored } from "./stored.mjs";

export const about = {
  name: "FlexSearch",
  package: "flexsearch",
  how:
    '`Document`, `tokenize: "strict"`, an `Encoder` that keeps doubled letters and numbers. Its tags are alternatives, so filters are applied to what it ' +
    "found, by columns kept beside it, which also have the ids: its own are numbers, as its documentation recommends. AND is within one field; it ranks by " +
    "where a word stands, not by how rare it is; no edit distance. `export` and `import`, in IndexedDB. No positions. Bytes: what it exports and the columns, as UTF-8.",
};

export const options = (tokenize) => ({
  document: { id: "n", index: ["title", "body"], store: false },
  tokenize,
  encoder: new Encoder({ dedupe: false, numeric: false }),
});

/** What FlexSearch is given of a document. */
export const numbered = ({ title, body }, n) => ({ n, title, body });

/** The ids of a result: the title's first, as a boost would have it. */
export function merged(result, rows, hits, accept = () => true) {
  const found = new Set();
  for (const { result: ids } of result) {
    for (const n of ids) {
      if (accept(rows[n])) found.add(rows[n][0]);
      if (found.size === hits) return [...found];
    }
  }
  return [...found];
}

export const row = ({ id, category, status, size }) => [id, category, status, size];

export const fits =
  ({ category, status, from, to }) =>
  ([, its, state, size]) =>
    its === category && state === status && size >= from && size <= to;

export const opener = (tokenize) =>
  async function open(name, hits) {
    const stored = await openStored(name);
    let index = null;
    let rows = [];
    const kept = await stored.index();
    if (kept) {
      index = new Document(options(tokenize));
      for (const [key, data] of Object.entries(kept)) {
        if (key === "rows") rows = JSON.parse(data);
        else index.import(key, data);
      }
    }
    const built = (documents) => {
      const fresh = new Document(options(tokenize));
      documents.forEach((document, n) => fresh.add(numbered(document, n)));
      return fresh;
    };
    const keep = async (documents) => {
      const exported = { rows: JSON.stringify(rows) };
      await index.export((key, data) => void (exported[key] = data ?? ""));
      await stored.put(documents, exported);
    };
    const search = (text, accept) => merged(index.search(text, { limit: accept ? rows.length : hits }), rows, hits, accept);
    const searcher = {
      build: (documents) => void built(documents),
      store(documents) {
        index = built(documents);
        rows = documents.map(row);
        return keep(documents);
      },
      bytes: async () => Object.entries(await stored.index()).reduce((bytes, [key, data]) => bytes + bytesOf(key) + bytesOf(data), 0),
      term: ({ text }) => search(text),
      terms: ({ text }) => search(text),
      prefix: ({ text }) => search(text),
      filter: (query) => search(query.text, fits(query)),
      add(document) {
        rows.push(row(document));
        index.add(numbered(document, rows.length - 1));
        return keep([document]);
      },
      close: () => stored.close(),
    };
    // Only one of the two tokenizers knows beginnings of words.
    for (const kind of tokenize === "strict" ? ["prefix"] : ["term", "terms", "filter"]) delete searcher[kind];
    return searcher;
  };

export const open = opener("strict");
