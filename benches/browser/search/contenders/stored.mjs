// Where contenders that live in memory keep their documents and what they make of their index: IndexedDB, as their users do.

import { openDatabase, transact } from "../../contenders/indexeddb.mjs";

const DOCUMENTS_PER_TRANSACTION = 1000;

const all = (request) =>
  new Promise((resolve, reject) => ((request.onsuccess = () => resolve(request.result)), (request.onerror = () => reject(request.error))));

export const bytesOf = (text) => new TextEncoder().encode(text).length;

export async function openStored(name) {
  const db = await openDatabase(name, (fresh) => {
    fresh.createObjectStore("documents", { keyPath: "id" });
    fresh.createObjectStore("index");
  });
  return {
    /** Puts documents, then replaces the index: `{ key: value }`. */
    async put(documents, index) {
      for (let at = 0; at < documents.length; at += DOCUMENTS_PER_TRANSACTION) {
        const last = at + DOCUMENTS_PER_TRANSACTION >= documents.length;
        await transact(db, ["documents", "index"], "readwrite", (transaction) => {
          const store = transaction.objectStore("documents");
          for (const document of documents.slice(at, at + DOCUMENTS_PER_TRANSACTION)) store.put(document);
          if (!last) return;
          for (const [key, value] of Object.entries(index)) transaction.objectStore("index").put(value, key);
        });
      }
    },
    /** What the index was last replaced by, or nothing. */
    async index() {
      const store = db.transaction("index").objectStore("index");
      const [keys, values] = await Promise.all([all(store.getAllKeys()), all(store.getAll())]);
      return keys.length ? Object.fromEntries(keys.map((key, n) => [key, values[n]])) : null;
    },
    /** Every document. */
    documents: () => all(db.transaction("documents").objectStore("documents").getAll()),
    close: () => db.close(),
  };
}
