import { openHoard } from "/hoardb/index.js";

export const about = {
  name: "hoardb",
  how: "`saveMany`, `list().append()`, `load`, `sessions.get()`, `list().get()`, `sessions.list()`, `deleteMany`, `attachments.put`, `collect()`, all with their defaults.",
};

export async function open(name) {
  const hoard = await openHoard({ name });
  const lists = new Map();
  const list = (id) => lists.get(id) ?? lists.set(id, hoard.list(id, "items")).get(id);
  return {
    save: (sessions) => hoard.saveMany(sessions.map(({ session, items }) => ({ session, lists: { items } }))),
    append: (id, n, item) => list(id).append(item),
    async load(id) {
      const { session, lists } = await hoard.load(id);
      return { session, items: lists.items };
    },
    get: (id) => hoard.sessions.get(id),
    getItem: (id, n) => list(id).get(n),
    async caches() {
      const { page, ...engine } = await hoard.cache.stats();
      return { page, engine };
    },
    async list() {
      const all = [];
      for await (const session of hoard.sessions.list({ orderBy: "startedAt", reverse: true })) all.push(session);
      return all;
    },
    delete: (ids) => hoard.sessions.deleteMany(ids),
    put: (blob) => hoard.attachments.put(blob),
    fetch: (reference) => reference.bytes(),
    // Nothing deletes an attachment by hand: the collector frees what nothing refers to.
    discard: async () => (await hoard.collect({ graceMs: 0 }).done) && undefined,
    link: (sessions) =>
      hoard.saveMany(
        sessions.map(({ session, items, blobs }) => ({ session, lists: { items: items.map((item, n) => ({ ...item, image: blobs[n] })) } })),
      ),
    collect: async () => (await hoard.collect({ graceMs: 0 }).done).attachments,
    close: () => hoard.close(),
  };
}
