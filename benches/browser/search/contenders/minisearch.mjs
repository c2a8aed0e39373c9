import MiniSearch from "minisearch";
import { SEPARATOR } from "../words.mjs";
import { bytesOf, openStored } from "./stored.mjs";

export const about = {
  name: "MiniSearch",
  package: "minisearch",
  how:
    "`addAll`, the filters' columns as `storeFields` and its `filter` function, `boost: { title: 2 }`; kept as its documentation says, " +
    "`JSON.stringify` and `loadJSON`, in IndexedDB. No positions. Bytes: that JSON as UTF-8.",
};

const KEY = "minisearch";

const options = (boost) => ({
  fields: ["title", "body"],
  storeFields: ["category", "status", "size"],
  tokenize: (text) => text.split(SEPARATOR),
  searchOptions: { boost, combineWith: "AND", prefix: false, fuzzy: false },
});

export const opener = (boost) =>
  async function open(name, hits) {
    const built = (documents) => {
      const index = new MiniSearch(options(boost));
      index.addAll(documents);
      return index;
    };
    const stored = await openStored(name);
    const json = (await stored.index())?.[KEY];
    let index = json && MiniSearch.loadJSON(json, options(boost));
    const search = (text, options) =>
      index
        .search(text, options)
        .slice(0, hits)
        .map(({ id }) => id);
    const keep = (documents) => stored.put(documents, { [KEY]: JSON.stringify(index) });
    return {
      build: (documents) => void built(documents),
      store(documents) {
        index = built(documents);
        return keep(documents);
      },
      bytes: async () => bytesOf((await stored.index())[KEY]),
      term: ({ text }) => search(text),
      terms: ({ text }) => search(text),
      prefix: ({ text }) => search(text, { prefix: true }),
      fuzzy: ({ text }) => search(text, { fuzzy: 1 }),
      filter: ({ text, category, status, from, to }) =>
        search(text, { filter: (hit) => hit.category === category && hit.status === status && hit.size >= from && hit.size <= to }),
      ranked: ({ text }) => search(text, { combineWith: "OR" }),
      add(document) {
        index.add(document);
        return keep([document]);
      },
      close: () => stored.close(),
    };
  };

export const open = opener({ title: 2 });
