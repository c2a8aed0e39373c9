import { openDatabase, transact, under } from "./indexeddb.mjs";

export const about = {
  name: "bare write-behind",
  workloads: ["append"],
  how:
    "The floor of a burst. A loop of 15 lines over raw IndexedDB on the page, one record per item: while a transaction runs, appends gather in an " +
    "array, and the next transaction puts them all. Only appends.",
};

export async function open(name) {
  const db = await openDatabase(name, (created) => {
    created.createObjectStore("sessions", { keyPath: "id" });
    created.createObjectStore("items");
  });
  let waiting = [];
  let running = false;

  async function drain() {
    running = true;
    while (waiting.length > 0) {
      const group = waiting;
      waiting = [];
      try {
        await transact(db, "items", "readwrite", (t) => {
          const records = t.objectStore("items");
          for (const { key, item } of group) records.put(item, key);
        });
        for (const { resolve } of group) resolve();
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    running = false;
  }

  return {
    save: (sessions) =>
      transact(db, "sessions", "readwrite", (t) => {
        for (const { session } of sessions) t.objectStore("sessions").put(session);
      }),
    append: (id, n, item) =>
      new Promise((resolve, reject) => {
        waiting.push({ key: [id, n], item, resolve, reject });
        if (!running) void drain();
      }),
    async load(id) {
      const [meta, items] = await transact(db, ["sessions", "items"], "readonly", (t) => [
        t.objectStore("sessions").get(id),
        t.objectStore("items").getAll(under(id)),
      ]);
      return { session: meta.result, items: items.result };
    },
    close: async () => db.close(),
  };
}
