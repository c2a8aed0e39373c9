// The mixed load, as a function of a seed: which operation comes nth, given what is stored, and what it makes of that.
// The page runs the operations on a hoard, the test runs them on plain maps, and the two are compared.
//
// A session is `{ meta, lists }`, all plain JSON. `{ "@": n }` stands for attachment n, `{ date: ms }` for a Date.

const SESSIONS = 10;
const ITEMS_MAX = 60;
const LISTS = ["screenshots", "notes", "events"];

/** Numbers from 0 up to, not including, 1: mulberry32. */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const SIZES = [40, 900, 5_000, 30_000, 70_000, 160_000];

/** The bytes of attachment n; every other one compresses well. */
export function attachmentBytes(n) {
  const next = random(Math.imul(n + 1, 0x9e3779b1));
  // Now and then more than one part.
  const size = n % 40 === 39 ? 1_300_000 + (n % 1000) : SIZES[n % SIZES.length] + (n % 97);
  const words = new Uint32Array(Math.ceil(size / 4));
  for (let at = 0; at < words.length; at += 1) words[at] = n % 2 ? next() * 2 ** 32 : n ^ (at >> 6);
  return new Uint8Array(words.buffer, 0, size);
}

/** Operation n on what is stored, a Map of sessions by id. */
export function operation(seed, n, sessions) {
  const next = random(Math.imul(seed, 0x85ebca6b) ^ Math.imul(n + 1, 0xc2b2ae35));
  const below = (end) => Math.floor(next() * end);
  // From a small stock, so that most attachments are stored already; from another one in each run.
  const attachment = () => ({ "@": (seed % 1000) * 60 + below(60) });
  const text = () => `${"text of some length, ".repeat(below(20))}${n}`;
  const meta = (id) => ({
    id,
    title: `Session ${n}`,
    startedAt: { date: 1.7e12 + n },
    tags: Array.from({ length: below(4) }, () => `tag${below(9)}`),
    ...(below(3) === 0 ? { poster: attachment() } : {}),
    nested: { round: seed, empty: [], nothing: null, minus: -n },
  });
  const item = (list) =>
    list === "screenshots" ? { at: n, image: attachment(), ...(below(4) === 0 ? { thumb: attachment() } : {}) }
    : list === "notes" ? { at: { date: 1.7e12 + n }, text: text() }
    : [n, below(1000), text()];
  const items = (list, end) => Array.from({ length: 1 + below(end) }, () => item(list));

  const id = `s${below(SESSIONS)}`;
  const session = sessions.get(id);
  const choice = below(100);
  if (choice < 3) {
    const lists = {};
    for (const list of LISTS) if (below(3) > 0) lists[list] = items(list, 6);
    return { kind: "save", id, meta: meta(id), lists };
  }
  if (!session) return { kind: below(3) ? "create" : "put", id, meta: meta(id) };
  if (choice < 6) return { kind: "delete", ids: [id] };
  if (choice < 7) return { kind: "delete", ids: [id, `s${below(SESSIONS)}`] };
  if (choice < 10) return { kind: "put", id, meta: meta(id) };
  if (choice < 22) {
    const patch = { changed: n, tags: [`tag${below(9)}`], ...(below(3) === 0 ? { poster: attachment() } : {}) };
    return { kind: "update", id, patch, remove: below(3) === 0 ? ["poster", "nested"].filter((key) => !(key in patch)) : [] };
  }
  const list = LISTS[below(LISTS.length)];
  const length = session.lists[list]?.length ?? 0;
  if (length > ITEMS_MAX) return { kind: "delete", ids: [id] };
  if (choice < 32 && length > 0) return { kind: "set", id, list, index: below(length), item: item(list) };
  return { kind: "append", id, list, items: items(list, below(5) === 0 ? 8 : 2) };
}

/** Does to the sessions what the operation does to those in a hoard. Returns the ids of what it touched. */
export function apply(sessions, op) {
  const session = sessions.get(op.id);
  switch (op.kind) {
    case "create":
      sessions.set(op.id, { meta: op.meta, lists: {} });
      return [op.id];
    case "put":
      sessions.set(op.id, { meta: op.meta, lists: session?.lists ?? {} });
      return [op.id];
    case "save":
      sessions.set(op.id, { meta: op.meta, lists: op.lists });
      return [op.id];
    case "delete":
      for (const id of op.ids) sessions.delete(id);
      return op.ids;
    case "update": {
      const meta = { ...session.meta, ...op.patch };
      for (const key of op.remove) delete meta[key];
      sessions.set(op.id, { ...session, meta });
      return [op.id];
    }
    case "append":
      sessions.set(op.id, { ...session, lists: { ...session.lists, [op.list]: [...(session.lists[op.list] ?? []), ...op.items] } });
      return [op.id];
    case "set":
      sessions.set(op.id, { ...session, lists: { ...session.lists, [op.list]: replaced(session.lists[op.list], op) } });
      return [op.id];
    default:
      throw new Error(`no such operation: ${op.kind}`);
  }
}

function replaced(items, { index, item }) {
  const copy = [...items];
  copy[index] = item;
  return copy;
}

/** One text for one value, whatever the order of its keys. `leaf` may put something else in place of an object. */
export function canonical(value, leaf = () => undefined) {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const instead = leaf(value);
  if (instead !== undefined) return JSON.stringify(instead);
  if (Array.isArray(value)) return `[${value.map((inner) => canonical(inner, leaf)).join()}]`;
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key], leaf)}`).join()}}`;
}

/** The canonical text of a session. A list without items is as good as none. */
export function canonicalSession({ meta, lists }, leaf) {
  const filled = Object.fromEntries(Object.entries(lists).filter(([, items]) => items.length > 0));
  return canonical({ meta, lists: filled }, leaf);
}
