import { create, insert, insertMultiple, load, save, search as find } from "@orama/orama";
import { words } from "../words.mjs";
import { bytesOf, openStored } from "./stored.mjs";

export const about = {
  name: "Orama",
  package: "@orama/orama",
  how:
    "`insertMultiple`, enums and a number for the filters, `where`, `boost`, `threshold: 0` for AND (within one field); `exact: true` " +
    "where no prefix is asked for, on texts in lower case, for it compares case. It keeps the documents itself. " +
    "`save()` and `load()` as JSON in IndexedDB. No positions. Bytes: that JSON as UTF-8, less the documents' texts in it.",
};

const KEY = "orama";
const SCHEMA = { title: "string", body: "string", category: "enum", status: "enum", tags: "enum[]", size: "number" };

const fresh = () =>
  create({
    schema: SCHEMA,
    components: { tokenizer: { language: "english", normalizationCache: new Map(), tokenize: words } },
  });

const lower = ({ id, title, body, category, status, tags, size }) => ({
  id,
  title: title.toLowerCase(),
  body: body.toLowerCase(),
  category,
  status,
  tags,
  size,
});

async function built(documents) {
  const index = fresh();
  // The last argument is how long it pauses between batches.
  await insertMultiple(index, documents.map(lower), 1000, undefined, true, 0);
  return index;
}

export async function open(name, hits) {
  const stored = await openStored(name);
  let index = null;
  const json = (await stored.index())?.[KEY];
  if (json) load((index = fresh()), JSON.parse(json));

  const search = async (params) => {
    const found = await find(index, { limit: hits, properties: ["title", "body"], boost: { title: 2 }, threshold: 0, exact: true, ...params });
    return found.hits.map(({ id }) => id);
  };
  const keep = (documents) => stored.put(documents, { [KEY]: JSON.stringify(save(index)) });
  return {
    build: async (documents) => void (await built(documents)),
    async store(documents) {
      index = await built(documents);
      await keep(documents);
    },
    async bytes() {
      const json = (await stored.index())[KEY];
      const texts = Object.values(JSON.parse(json).docs.docs).map(({ title, body }) => bytesOf(JSON.stringify(title) + JSON.stringify(body)));
      return texts.reduce((bytes, text) => bytes - text, bytesOf(json));
    },
    term: ({ text }) => search({ term: text }),
    terms: ({ text }) => search({ term: text }),
    prefix: ({ text }) => search({ term: text, exact: false }),
    fuzzy: ({ text }) => search({ term: text, exact: false, tolerance: 1 }),
    filter: ({ text, category, status, from, to }) =>
      search({ term: text, where: { category: { eq: category }, status: { eq: status }, size: { between: [from, to] } } }),
    async add(document) {
      await insert(index, lower(document));
      await keep([document]);
    },
    close: () => stored.close(),
  };
}
