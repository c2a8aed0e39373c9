import lunr from "lunr";
import { SEPARATOR } from "../words.mjs";
import { bytesOf, openStored } from "./stored.mjs";

export const about = {
  name: "lunr",
  package: "lunr",
  how:
    "No stemmer and no stop words; `query()` with required terms, trailing wildcards and `editDistance`; its index cannot take " +
    "a document more, so adding one builds it anew; filters are applied to what it found, by columns kept beside it. Its JSON in IndexedDB. " +
    "No positions. Bytes: that JSON and the columns' as UTF-8.",
};

const { REQUIRED } = lunr.Query.presence;
const { TRAILING } = lunr.Query.wildcard;

lunr.tokenizer.separator = SEPARATOR;

function built(documents) {
  return lunr(function () {
    this.pipeline.remove(lunr.stemmer);
    this.pipeline.remove(lunr.stopWordFilter);
    this.searchPipeline.remove(lunr.stemmer);
    this.ref("id");
    this.field("title", { boost: 2 });
    this.field("body");
    for (const document of documents) this.add(document);
  });
}

const columnsOf = (documents) => documents.map(({ id, category, status, size }) => [id, category, status, size]);

export async function open(name, hits) {
  const stored = await openStored(name);
  const kept = await stored.index();
  let index = kept && lunr.Index.load(JSON.parse(kept.lunr));
  let columns = kept && new Map(JSON.parse(kept.columns).map((row) => [row[0], row]));
  let all;

  const search = (text, clause, accept = () => true) => {
    const found = index.query((query) => {
      for (const word of text.split(" ")) query.term(word, { presence: REQUIRED, ...clause });
    });
    const ids = [];
    for (const { ref } of found) {
      if (accept(columns.get(ref))) ids.push(ref);
      if (ids.length === hits) break;
    }
    return ids;
  };
  const keep = (documents) => stored.put(documents, { lunr: JSON.stringify(index), columns: JSON.stringify([...columns.values()]) });
  return {
    build: (documents) => void built(documents),
    store(documents) {
      all = documents;
      index = built(documents);
      columns = new Map(columnsOf(documents).map((row) => [row[0], row]));
      return keep(documents);
    },
    bytes: async () => Object.values(await stored.index()).reduce((bytes, json) => bytes + bytesOf(json), 0),
    term: ({ text }) => search(text),
    terms: ({ text }) => search(text),
    prefix: ({ text }) => search(text, { wildcard: TRAILING }),
    fuzzy: ({ text }) => search(text, { editDistance: 1 }),
    filter: ({ text, category, status, from, to }) =>
      search(text, {}, ([, its, state, size]) => its === category && state === status && size >= from && size <= to),
    async add(document) {
      // A page that has just loaded has to read the documents again.
      all ??= await stored.documents();
      all = [...all, document];
      index = built(all);
      columns.set(document.id, columnsOf([document])[0]);
      await keep([document]);
    },
    close: () => stored.close(),
  };
}
