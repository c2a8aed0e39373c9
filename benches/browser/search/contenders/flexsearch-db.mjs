import { Document, IndexedDB } from "flexsearch";
import { openDatabase } from "../../contenders/indexeddb.mjs";
import { fits, merged, numbered, options, row, about as strict } from "./flexsearch.mjs";
import { bytesOf, openStored } from "./stored.mjs";

export const about = {
  ...strict,
  name: "FlexSearch, persistent",
  how:
    "Its own IndexedDB adapter, `mount()` and `commit()`: nothing is loaded, each query reads what it needs. Adds a document without writing the rest. " +
    "Otherwise as above. Bytes: the keys and values of its database as JSON, and the columns.",
};

const all = (request) =>
  new Promise((resolve, reject) => ((request.onsuccess = () => resolve(request.result)), (request.onerror = () => reject(request.error))));

export async function open(name, hits) {
  const stored = await openStored(name);
  const kept = await stored.index();
  let rows = kept ? JSON.parse(kept.rows) : [];
  const index = new Document({ ...options("strict"), commit: false });
  await index.mount(new IndexedDB(`${name}-flexsearch`));

  const keep = async (documents) => {
    await index.commit();
    await stored.put(documents, { rows: JSON.stringify(rows) });
  };
  const search = async (text, accept) => merged(await index.search(text, { limit: accept ? rows.length : hits }), rows, hits, accept);
  return {
    store(documents) {
      rows = documents.map(row);
      documents.forEach((document, n) => index.add(numbered(document, n)));
      return keep(documents);
    },
    async bytes() {
      let bytes = bytesOf((await stored.index()).rows);
      const { name: itsName } = (await indexedDB.databases()).find(({ name }) => name.startsWith("flexsearch"));
      const db = await openDatabase(itsName);
      for (const store of db.objectStoreNames) {
        const objects = db.transaction(store).objectStore(store);
        const [keys, values] = await Promise.all([all(objects.getAllKeys()), all(objects.getAll())]);
        keys.forEach((key, n) => (bytes += bytesOf(JSON.stringify(key)) + bytesOf(JSON.stringify(values[n]) ?? "")));
      }
      db.close();
      return bytes;
    },
    term: ({ text }) => search(text),
    terms: ({ text }) => search(text),
    filter: (query) => search(query.text, fits(query)),
    add(document) {
      rows.push(row(document));
      index.add(numbered(document, rows.length - 1));
      return keep([document]);
    },
    close: () => stored.close(),
  };
}
