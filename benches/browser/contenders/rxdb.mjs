import { addRxPlugin, createRxDatabase } from "rxdb/plugins/core";
import { RxDBAttachmentsPlugin } from "rxdb/plugins/attachments";
import { getRxStorageDexie } from "rxdb/plugins/storage-dexie";
import { batches } from "../batch.mjs";

export const about = {
  name: "RxDB (Dexie storage)",
  package: "rxdb",
  how:
    "The free persistent storage, `getRxStorageDexie()`, `multiInstance: false`, no validation; collections of sessions and of items (indexed by " +
    "`[session, n]`); `bulkInsert`, `insert` for an append, `find()` to read, `bulkRemove` and `find().remove()` to delete, its attachments plugin.",
};

addRxPlugin(RxDBAttachmentsPlugin);

const text = (maxLength) => ({ type: "string", maxLength });
const integer = { type: "number", multipleOf: 1, minimum: 0, maximum: 1e13 };

const sessions = {
  version: 0,
  primaryKey: "id",
  type: "object",
  properties: {
    id: text(64),
    title: { type: "string" },
    startedAt: integer,
    endedAt: { type: "number" },
    status: { type: "string" },
    category: { type: "string" },
    subCategory: { type: "string" },
    topics: { type: "array", items: { type: "string" } },
    tags: { type: "array", items: { type: "string" } },
    participants: { type: "array", items: { type: "object" } },
    device: { type: "object" },
    summary: { type: "string" },
  },
  required: ["id", "startedAt"],
  indexes: ["startedAt"],
};

const items = {
  version: 0,
  primaryKey: "key",
  type: "object",
  properties: {
    key: text(80),
    session: text(64),
    n: { ...integer, maximum: 1e6 },
    at: { type: "number" },
    kind: { type: "string" },
    app: { type: "string" },
    window: { type: "string" },
    url: { type: "string" },
    text: { type: "string" },
    x: { type: "number" },
    y: { type: "number" },
    idle: { type: "number" },
  },
  required: ["key", "session", "n"],
  indexes: [["session", "n"]],
};

const attachments = { version: 0, primaryKey: "id", type: "object", properties: { id: text(64) }, required: ["id"], attachments: {} };

const record = (session, n, item) => ({ key: `${session}|${String(n).padStart(6, "0")}`, session, n, ...item });

function checked({ error }) {
  if (error.length) throw new Error(JSON.stringify(error[0]).slice(0, 300));
}

export async function open(name) {
  const db = await createRxDatabase({ name, storage: getRxStorageDexie(), multiInstance: false });
  await db.addCollections({ sessions: { schema: sessions }, items: { schema: items }, attachments: { schema: attachments } });
  return {
    async save(all) {
      for (const batch of batches(all)) {
        const results = await Promise.all([
          db.sessions.bulkInsert(batch.map(({ session }) => session)),
          db.items.bulkInsert(batch.flatMap(({ session, items }) => items.map((item, n) => record(session.id, n, item)))),
        ]);
        results.forEach(checked);
      }
    },
    append: (id, n, item) => db.items.insert(record(id, n, item)),
    async load(id) {
      const [session, found] = await Promise.all([
        db.sessions.findOne(id).exec(),
        db.items.find({ selector: { session: id }, sort: [{ session: "asc" }, { n: "asc" }] }).exec(),
      ]);
      return { session: session.toJSON(), items: found.map((document) => document.toJSON()) };
    },
    async list() {
      const found = await db.sessions.find({ sort: [{ startedAt: "desc" }] }).exec();
      return found.map((document) => document.toJSON());
    },
    async delete(ids) {
      await Promise.all([db.sessions.bulkRemove(ids).then(checked), db.items.find({ selector: { session: { $in: ids } } }).remove()]);
    },
    async put(blob) {
      const document = await db.attachments.insert({ id: crypto.randomUUID() });
      await document.putAttachment({ id: "file", data: blob, type: blob.type });
      return document.id;
    },
    async fetch(key) {
      const document = await db.attachments.findOne(key).exec();
      return new Uint8Array(await (await document.getAttachment("file").getData()).arrayBuffer());
    },
    discard: (keys) => db.attachments.bulkRemove(keys).then(checked),
    close: () => db.close(),
  };
}
