import { openDB } from "idb";
import { batches } from "../batch.mjs";
import { under } from "./indexeddb.mjs";

export const about = {
  name: "idb",
  package: "idb",
  how:
    "One record per item under `[session, n]`; one transaction for 50 sessions, `await Promise.all([...puts, tx.done])` as its readme shows, " +
    "range delete, Blobs as attachments.",
};

const RELAXED = { durability: "relaxed" };

export async function open(name) {
  const db = await openDB(name, 1, {
    upgrade(created) {
      created.createObjectStore("sessions", { keyPath: "id" }).createIndex("startedAt", "startedAt");
      created.createObjectStore("items");
      created.createObjectStore("attachments", { autoIncrement: true });
    },
  });
  const write = (store, work) => {
    const tx = db.transaction(store, "readwrite", RELAXED);
    return Promise.all([work(tx.store), tx.done]).then(([result]) => result);
  };
  return {
    async save(sessions) {
      for (const batch of batches(sessions)) {
        const tx = db.transaction(["sessions", "items"], "readwrite", RELAXED);
        const [metas, records] = [tx.objectStore("sessions"), tx.objectStore("items")];
        await Promise.all([
          ...batch.map(({ session }) => metas.put(session)),
          ...batch.flatMap(({ session, items }) => items.map((item, n) => records.put(item, [session.id, n]))),
          tx.done,
        ]);
      }
    },
    append: (id, n, item) => write("items", (items) => items.put(item, [id, n])),
    async load(id) {
      const tx = db.transaction(["sessions", "items"]);
      const [session, items] = await Promise.all([tx.objectStore("sessions").get(id), tx.objectStore("items").getAll(under(id))]);
      return { session, items };
    },
    list: async () => (await db.getAllFromIndex("sessions", "startedAt")).reverse(),
    async delete(ids) {
      const tx = db.transaction(["sessions", "items"], "readwrite", RELAXED);
      await Promise.all([
        ...ids.map((id) => tx.objectStore("sessions").delete(id)),
        ...ids.map((id) => tx.objectStore("items").delete(under(id))),
        tx.done,
      ]);
    },
    put: (blob) => write("attachments", (attachments) => attachments.put(blob)),
    fetch: async (key) => new Uint8Array(await (await db.get("attachments", key)).arrayBuffer()),
    discard: (keys) => write("attachments", (attachments) => Promise.all(keys.map((key) => attachments.delete(key)))),
    close: async () => db.close(),
  };
}
