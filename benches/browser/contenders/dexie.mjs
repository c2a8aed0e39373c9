import Dexie from "dexie";
import { batches } from "../batch.mjs";

export const about = {
  name: "Dexie",
  package: "dexie",
  how:
    "`sessions: \"id, startedAt\"`, `items: \"[session+n]\"`, `attachments: \"++id\"`; `bulkAdd` of 50 sessions and of their items in one " +
    "`transaction()`, `add` for an append, `where(\"[session+n]\").between()` to read and to delete, Blobs as attachments.",
};

export async function open(name) {
  const db = new Dexie(name, { chromeTransactionDurability: "relaxed" });
  db.version(1).stores({ sessions: "id, startedAt", items: "[session+n]", attachments: "++id" });
  await db.open();
  const of = (id) => db.items.where("[session+n]").between([id, Dexie.minKey], [id, Dexie.maxKey]);
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
        const [session, items] = await Promise.all([db.sessions.get(id), of(id).toArray()]);
        return { session, items };
      }),
    list: () => db.sessions.orderBy("startedAt").reverse().toArray(),
    delete: (ids) =>
      db.transaction("rw", db.sessions, db.items, async () => {
        await Promise.all([db.sessions.bulkDelete(ids), ...ids.map((id) => of(id).delete())]);
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
