import { openStore } from "./dexie-store.mjs";

export const about = {
  name: "Dexie",
  package: "dexie",
  how:
    "`sessions: \"id, startedAt\"`, `items: \"++id, session\"`, `attachments: \"++id\"`, the schema of its documentation; `bulkAdd` of 50 sessions " +
    "and of their items in one `transaction()`, `add` for an append, `where(\"session\")` with `equals()` to read and `anyOf()` to delete, Blobs as attachments.",
};

export const open = (name) =>
  openStore(name, {
    items: "++id, session",
    // The primary key breaks ties within one session, and items are added in order.
    of: (items, id) => items.where("session").equals(id),
    remove: (items, ids) => items.where("session").anyOf(ids).delete(),
  });
