import Dexie from "dexie";
import { batches } from "../batch.mjs";

/**
 * A store on Dexie. Its two contenders differ in how items are keyed: `items` is the table's schema, `of(table, id)` the
 * collection of a session's items in order, `remove(table, ids)` deletes those of several.
 */
export async function openStore(name, { items, of, remove }) {
  const db = new Dexie(name, { chromeTransactionDurability: "relaxed" });
  db.version(1).stores({ sessions: "id, startedAt", items, attachments: "++id" });
  await db.open();
  return {
    async save(sessions) {
      for (const batch of batches(sessions)) {
        await db.transaction("rw", db.sessions, db.items, async () => {
          await Promise.all([
            db.sessions.bulkAdd(batch.map(({ session }) => session)),
            db.items.bulkAdd(batch.flatMap(({ session, items }) => items.map((item, n) => ({ session: session.id, n, ...item })))),
          ]);
        });
      }
    },
    append: (id, n, item) => db.items.add({ session: id, n, ...item }),
    load: (id) =>
      db.transaction("r", db.sessions, db.items, async () => {
        const [session, items] = await Promise.all([db.sessions.get(id), of(db.items, id).toArray()]);
        return { session, items };
      }),
    get: (id) => db.sessions.get(id),
    list: () => db.sessions.orderBy("startedAt").reverse().toArray(),
    delete: (ids) =>
      db.transaction("rw", db.sessions, db.items, async () => {
        await Promise.all([db.sessions.bulkDelete(ids), remove(db.items, ids)]);
      }),
    put: (blob) => db.attachments.add({ blob }),
    async fetch(key) {
      const { blob } = await db.attachments.get(key);
      return new Uint8Array(await blob.arrayBuffer());
    },
    discard: (keys) => db.attachments.bulkDelete(keys),
    close: async () => db.close(),
  };
}
