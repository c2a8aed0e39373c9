import { batches } from "../batch.mjs";
import { openDatabase, transact, under } from "./indexeddb.mjs";

export const about = {
  name: "raw records, page",
  how:
    "Raw IndexedDB on the page, one record per item under `[session, n]`, one transaction for 50 sessions, range delete, " +
    "explicit `commit()`, attachments as Blobs.",
};

export async function open(name) {
  const db = await openDatabase(name, (created) => {
    created.createObjectStore("sessions", { keyPath: "id" }).createIndex("startedAt", "startedAt");
    created.createObjectStore("items");
    created.createObjectStore("attachments", { autoIncrement: true });
  });
  return {
    async save(sessions) {
      for (const batch of batches(sessions)) {
        await transact(db, ["sessions", "items"], "readwrite", (t) => {
          const [metas, records] = [t.objectStore("sessions"), t.objectStore("items")];
          for (const { session, items } of batch) {
            metas.put(session);
            items.forEach((item, n) => records.put(item, [session.id, n]));
          }
        });
      }
    },
    append: (id, n, item) => transact(db, "items", "readwrite", (t) => void t.objectStore("items").put(item, [id, n])),
    async load(id) {
      const [meta, items] = await transact(db, ["sessions", "items"], "readonly", (t) => [
        t.objectStore("sessions").get(id),
        t.objectStore("items").getAll(under(id)),
      ]);
      return { session: meta.result, items: items.result };
    },
    async get(id) {
      const request = await transact(db, "sessions", "readonly", (t) => t.objectStore("sessions").get(id));
      return request.result;
    },
    async list() {
      const all = await transact(db, "sessions", "readonly", (t) => t.objectStore("sessions").index("startedAt").getAll());
      return all.result.reverse();
    },
    delete: (ids) =>
      transact(db, ["sessions", "items"], "readwrite", (t) => {
        for (const id of ids) {
          t.objectStore("sessions").delete(id);
          t.objectStore("items").delete(under(id));
        }
      }),
    put: async (blob) =>
      (await transact(db, "attachments", "readwrite", (t) => t.objectStore("attachments").put(blob))).result,
    async fetch(key) {
      const request = await transact(db, "attachments", "readonly", (t) => t.objectStore("attachments").get(key));
      return new Uint8Array(await request.result.arrayBuffer());
    },
    discard: (keys) =>
      transact(db, "attachments", "readwrite", (t) => {
        for (const key of keys) t.objectStore("attachments").delete(key);
      }),
    close: async () => db.close(),
  };
}
