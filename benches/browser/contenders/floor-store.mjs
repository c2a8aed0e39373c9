// Raw IndexedDB, a session's items in records of 50: the least that a store of sessions can do. No checks, no
// checksums, no compression, no deduplication, one tab only (the tails of lists are remembered between appends).

import { openDatabase, transact, under } from "./indexeddb.mjs";

const CHUNK_ITEMS = 50;

export async function openStore(name) {
  const db = await openDatabase(name, (created) => {
    created.createObjectStore("sessions", { keyPath: "id" }).createIndex("startedAt", "startedAt");
    created.createObjectStore("chunks");
    created.createObjectStore("attachments", { autoIncrement: true });
  });
  const tails = new Map();

  return {
    save(sessions) {
      return transact(db, ["sessions", "chunks"], "readwrite", (t) => {
        const [metas, chunks] = [t.objectStore("sessions"), t.objectStore("chunks")];
        for (const { session, items } of sessions) {
          metas.put(session);
          for (let at = 0; at < items.length; at += CHUNK_ITEMS) chunks.put(items.slice(at, at + CHUNK_ITEMS), [session.id, at]);
        }
      });
    },

    append(id, n, item) {
      const first = n - (n % CHUNK_ITEMS);
      let tail = tails.get(id);
      if (tail?.first !== first) tails.set(id, (tail = { first, items: [] }));
      tail.items.push(item);
      return transact(db, "chunks", "readwrite", (t) => void t.objectStore("chunks").put(tail.items, [id, first]));
    },

    async load(id) {
      const [meta, chunks] = await transact(db, ["sessions", "chunks"], "readonly", (t) => [
        t.objectStore("sessions").get(id),
        t.objectStore("chunks").getAll(under(id)),
      ]);
      return { session: meta.result, items: chunks.result.flat() };
    },

    async get(id) {
      const request = await transact(db, "sessions", "readonly", (t) => t.objectStore("sessions").get(id));
      return request.result;
    },

    async list() {
      const all = await transact(db, "sessions", "readonly", (t) => t.objectStore("sessions").index("startedAt").getAll());
      return all.result.reverse();
    },

    delete(ids) {
      return transact(db, ["sessions", "chunks"], "readwrite", (t) => {
        const [metas, chunks] = [t.objectStore("sessions"), t.objectStore("chunks")];
        for (const id of ids) {
          metas.delete(id);
          chunks.delete(under(id));
        }
      });
    },

    async put(buffer) {
      const request = await transact(db, "attachments", "readwrite", (t) => t.objectStore("attachments").put(buffer));
      return request.result;
    },

    async fetch(key) {
      const request = await transact(db, "attachments", "readonly", (t) => t.objectStore("attachments").get(key));
      return request.result;
    },

    discard(keys) {
      return transact(db, "attachments", "readwrite", (t) => {
        for (const key of keys) t.objectStore("attachments").delete(key);
      });
    },

    link(sessions) {
      return transact(db, ["sessions", "chunks", "attachments"], "readwrite", (t) => {
        for (const { session, items, blobs } of sessions) {
          const linked = items.map((item, n) => ({ ...item, image: `${session.id}/${n}` }));
          blobs.forEach((buffer, n) => t.objectStore("attachments").put(buffer, linked[n].image));
          t.objectStore("sessions").put(session);
          t.objectStore("chunks").put(linked, [session.id, 0]);
        }
      });
    },

    // The naive collector: read every item to learn what is referred to, delete the rest.
    async collect() {
      const used = new Set();
      const keys = await transact(db, "chunks", "readonly", (t) => t.objectStore("chunks").getAllKeys());
      for (let at = 0; at < keys.result.length; at += 100) {
        const [from, to] = [keys.result[at], keys.result[Math.min(at + 99, keys.result.length - 1)]];
        const read = await transact(db, "chunks", "readonly", (t) => t.objectStore("chunks").getAll(IDBKeyRange.bound(from, to)));
        for (const items of read.result) for (const item of items) if (item.image) used.add(item.image);
      }
      const stored = await transact(db, "attachments", "readonly", (t) => t.objectStore("attachments").getAllKeys());
      const unused = stored.result.filter((key) => !used.has(key));
      await this.discard(unused);
      return unused.length;
    },

    close: async () => db.close(),
  };
}
