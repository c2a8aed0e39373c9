import PouchDB from "pouchdb-browser";
import { batches } from "../batch.mjs";

export const about = {
  name: "PouchDB",
  package: "pouchdb-browser",
  how:
    "`pouchdb-browser`, its `idb` adapter, one document per session and per item with sortable ids; `bulkDocs` for 50 sessions and their items, " +
    "`put` for an append, `allDocs` with a key range to read, `bulkDocs` of `_deleted` to delete, `_attachments`.",
};

const END = "\ufff0";
const itemId = (id, n) => `i:${id}:${String(n).padStart(6, "0")}`;
// Newest first is a range read backwards, because the start time leads the id.
const sessionId = (session) => `s:${String(session.startedAt).padStart(14, "0")}:${session.id}`;

function plain({ _id, _rev, ...document }) {
  return document;
}

function checked(results) {
  const failed = results.find((result) => result.error);
  if (failed) throw new Error(failed.message);
}

export async function open(name) {
  const db = new PouchDB(name, { adapter: "idb" });
  await db.info();
  const range = (prefix, extra) => db.allDocs({ startkey: prefix, endkey: prefix + END, ...extra });
  const revisions = async (ids) => (await db.allDocs({ keys: ids })).rows.map(({ id, value }) => ({ _id: id, _rev: value.rev, _deleted: true }));
  return {
    async save(sessions) {
      for (const batch of batches(sessions)) {
        checked(
          await db.bulkDocs(
            batch.flatMap(({ session, items }) => [
              { _id: sessionId(session), ...session },
              ...items.map((item, n) => ({ _id: itemId(session.id, n), ...item })),
            ]),
          ),
        );
      }
    },
    append: (id, n, item) => db.put({ _id: itemId(id, n), ...item }),
    async load(id, startedAt) {
      const [session, items] = await Promise.all([
        db.get(sessionId({ id, startedAt })),
        range(`i:${id}:`, { include_docs: true }),
      ]);
      return { session: plain(session), items: items.rows.map(({ doc }) => plain(doc)) };
    },
    async list() {
      const { rows } = await db.allDocs({ startkey: "s:" + END, endkey: "s:", descending: true, include_docs: true });
      return rows.map(({ doc }) => plain(doc));
    },
    async delete(ids, sessions) {
      const items = await Promise.all(ids.map((id) => range(`i:${id}:`)));
      checked(
        await db.bulkDocs([
          ...(await revisions(sessions.map(sessionId))),
          ...items.flatMap(({ rows }) => rows.map(({ id, value }) => ({ _id: id, _rev: value.rev, _deleted: true }))),
        ]),
      );
    },
    async put(blob) {
      const { id } = await db.put({ _id: `a:${crypto.randomUUID()}`, _attachments: { file: { content_type: blob.type, data: blob } } });
      return id;
    },
    fetch: async (key) => new Uint8Array(await (await db.getAttachment(key, "file")).arrayBuffer()),
    discard: async (keys) => checked(await db.bulkDocs(await revisions(keys))),
    close: () => db.close(),
  };
}
