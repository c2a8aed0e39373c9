import Dexie from "dexie";
import { openStore } from "./dexie-store.mjs";

export const about = {
  name: "Dexie, compound key",
  package: "dexie",
  how:
    "The same with `items: \"[session+n]\"` and `where(\"[session+n]\").between()`: a session's items lie together under the primary key, " +
    "so reading and deleting them is a range. The best schema for this data that we know of.",
};

const of = (items, id) => items.where("[session+n]").between([id, Dexie.minKey], [id, Dexie.maxKey]);

export const open = (name) =>
  openStore(name, {
    items: "[session+n]",
    of,
    remove: (items, ids) => Promise.all(ids.map((id) => of(items, id).delete())),
  });
