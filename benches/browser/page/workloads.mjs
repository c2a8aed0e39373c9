// The workloads. Each takes an open store and returns plain figures: milliseconds unless the name says otherwise. Each
// checks what it got, so that a contender cannot be fast by being wrong.

import {
  APPENDS,
  ATTACHMENT_BYTES,
  COLLECTED,
  COLLECTED_BYTES,
  DELETES,
  ITEMS,
  READS,
  SESSIONS,
  attachment,
  flat,
  item,
  random,
  session,
} from "../workload.mjs";
import { watched } from "./gap.mjs";

const ATTACHMENTS = 20;
const COLLECTED_SESSIONS = COLLECTED / ITEMS;
const WARM_LOADS = 20;
const HOT_SESSIONS = SESSIONS / 5;
const HOT_READS = 0.8;
const PAGE_HITS = 1000;
const PAGE_ROUNDS = 20;
const WORKER_HITS = 500;

function check(holds, what) {
  if (!holds) throw new Error(`wrong result: ${what}`);
}

const sum = (values) => values.reduce((a, b) => a + b, 0);

export function percentile(values, p) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * p) / 100))];
}

function checkLoaded(words, n, { session: meta, items }) {
  const expected = session(words, n);
  check(meta.id === expected.session.id && meta.summary === expected.session.summary, "the session's metadata");
  check(items.length === ITEMS, `${items.length} items instead of ${ITEMS}`);
  for (const at of [0, ITEMS - 1]) check(items[at].text === expected.items[at].text && items[at].idle === expected.items[at].idle, `item ${at}`);
}

/** Saves 1,000 sessions of about 2 KB and 50 items of about 300 B. */
export async function save(store, words) {
  const sessions = Array.from({ length: SESSIONS }, (_, n) => session(words, n));
  const { ms, gap } = await watched(() => store.save(sessions));
  return { ms, gap };
}

/** Bytes of JSON that `save` stores: what the figures for stored bytes are compared with. */
export function logicalBytes(words) {
  let bytes = 0;
  const encoder = new TextEncoder();
  for (let n = 0; n < SESSIONS; n++) {
    const { session: meta, items } = session(words, n);
    bytes += encoder.encode(JSON.stringify(meta)).length + encoder.encode(JSON.stringify(items)).length;
  }
  return bytes;
}

/** The first session read after `open`, on a page that was just loaded; then the same one again. */
export async function load(store, words, n) {
  const { session: meta } = session(words, n);
  const { result, ms, gap } = await watched(() => store.load(meta.id, meta.startedAt));
  checkLoaded(words, n, result);
  const warm = [];
  for (let i = 0; i < WARM_LOADS; i++) {
    const from = performance.now();
    const again = await store.load(meta.id, meta.startedAt);
    warm.push(performance.now() - from);
    check(again.items.length === ITEMS, "a warm load");
  }
  return { cold: ms, gap, warm: percentile(warm, 50) };
}

/** Metadata of all 1,000 sessions, newest first. */
export async function list(store) {
  const { result, ms, gap } = await watched(() => store.list());
  check(result.length === SESSIONS, `${result.length} sessions listed`);
  check(result.every((meta, n) => n === 0 || meta.startedAt <= result[n - 1].startedAt), "the order of the list");
  check(typeof result[0].summary === "string", "the list's metadata");
  return { ms, gap };
}

/**
 * Reads the metadata of one session after the other, on a page that was just loaded: of five reads four go to one of the same
 * 200 sessions. `rate` is the part that a cache answered, in percent. Then only such reads: `page` is one that the page answers
 * itself, in microseconds, `worker` an item that the engine answers from memory.
 *
 * No longest gap is measured: what is in memory comes without a task in between, so the loop itself would hold the page.
 */
export async function hits(store, words) {
  if (!store.get) return null;
  const ids = Array.from({ length: SESSIONS }, (_, n) => session(words, n, 0).session.id);
  const next = random(5);
  const any = (from, to) => from + Math.floor(next() * (to - from));
  // The hot ones lie anywhere among the others.
  for (let n = 0; n < SESSIONS; n++) {
    const other = any(n, SESSIONS);
    [ids[n], ids[other]] = [ids[other], ids[n]];
  }
  const wanted = Array.from({ length: READS }, () => ids[next() < HOT_READS ? any(0, HOT_SESSIONS) : any(HOT_SESSIONS, SESSIONS)]);
  const before = await store.caches?.();
  const each = new Float64Array(READS);
  const begun = performance.now();
  for (let n = 0; n < READS; n++) {
    const from = performance.now();
    const meta = await store.get(wanted[n]);
    each[n] = performance.now() - from;
    check(meta.id === wanted[n], `read ${n}`);
  }
  const figures = { ms: performance.now() - begun, p99: percentile(each, 99) };
  if (!before) return figures;

  const since = (from, to) => ({ hits: to.hits - from.hits, misses: to.misses - from.misses });
  const after = await store.caches();
  const [page, engine] = [since(before.page, after.page), since(before.engine, after.engine)];
  check(page.hits + page.misses === READS, `${page.hits} hits and ${page.misses} misses on the page`);
  check(engine.hits + engine.misses >= page.misses, `${engine.hits} hits and ${engine.misses} misses in the engine`);
  figures.rate = 100 * (1 - Math.min(page.misses, engine.misses) / READS);

  // One by one they are faster than the clock ticks.
  const hot = ids.slice(0, HOT_SESSIONS);
  for (const id of hot) await store.get(id);
  const warm = await store.caches();
  const rounds = [];
  for (let round = 0; round < PAGE_ROUNDS; round++) {
    const from = performance.now();
    for (let n = 0; n < PAGE_HITS; n++) await store.get(hot[n % HOT_SESSIONS]);
    rounds.push(((performance.now() - from) * 1000) / PAGE_HITS);
  }
  figures.page = percentile(rounds, 50);
  const here = since(warm.page, (await store.caches()).page);
  check(here.misses === 0 && here.hits === PAGE_HITS * PAGE_ROUNDS, `${here.hits} hits and ${here.misses} misses of reads for the page`);

  for (const id of hot) await store.getItem(id, 0);
  const read = await store.caches();
  const there = [];
  for (let n = 0; n < WORKER_HITS; n++) {
    const from = performance.now();
    const item = await store.getItem(hot[n % HOT_SESSIONS], n % ITEMS);
    there.push(performance.now() - from);
    check(typeof item.window === "string", `item ${n}`);
  }
  figures.worker = percentile(there, 50);
  const answered = since(read.engine, (await store.caches()).engine);
  check(answered.misses === 0 && answered.hits >= WORKER_HITS, `${answered.hits} hits and ${answered.misses} misses of reads for the engine`);
  return figures;
}

/** Deletes 100 of the 1,000, spread over all. */
export async function remove(store, words) {
  const doomed = Array.from({ length: DELETES }, (_, n) => session(words, n * (SESSIONS / DELETES), 0).session);
  const { ms, gap } = await watched(() =>
    store.delete(
      doomed.map(({ id }) => id),
      doomed,
    ),
  );
  check((await store.list()).length === SESSIONS - DELETES, "the number of sessions left");
  return { ms, gap };
}

/**
 * Appends 1,000 items one by one. `caller` is how long the call itself held the page, in microseconds; `ms` is until
 * all 1,000 were committed. `each` awaits every append before the next, `burst` only the last.
 */
export async function append(store, words, burst) {
  const next = random(burst ? 2 : 1);
  const { session: meta } = session(words, SESSIONS + (burst ? 2 : 1), 0);
  const items = flat(Array.from({ length: APPENDS }, (_, n) => item(next, words, meta.startedAt + n * 4000)));
  await store.save([{ session: meta, items: [] }]);
  const caller = new Float64Array(APPENDS);
  const committed = new Float64Array(APPENDS);
  const { ms, gap } = await watched(async () => {
    const pending = [];
    for (let n = 0; n < APPENDS; n++) {
      const from = performance.now();
      const appended = store.append(meta.id, n, items[n]);
      caller[n] = (performance.now() - from) * 1000;
      if (burst) pending.push(appended.then(() => void (committed[n] = performance.now() - from)));
      else {
        await appended;
        committed[n] = performance.now() - from;
      }
    }
    await Promise.all(pending);
  });
  const stored = await store.load(meta.id, meta.startedAt);
  check(stored.items.length === APPENDS, `${stored.items.length} of ${APPENDS} appends`);
  check(stored.items.every(({ at }, n) => at === items[n].at), "the order of the appends");
  return {
    ms,
    gap,
    callerP50: percentile(caller, 50),
    callerP99: percentile(caller, 99),
    committedP50: percentile(committed, 50),
    committedP99: percentile(committed, 99),
  };
}

/** Puts 20 new attachments of 150 KB one after the other, the same 20 again, reads them, deletes them; each per attachment. */
export async function attachments(store) {
  const blobs = Array.from({ length: ATTACHMENTS }, (_, n) => new Blob([attachment(n + 1, ATTACHMENT_BYTES)], { type: "image/png" }));
  const putAll = async () => {
    const keys = [];
    for (const blob of blobs) keys.push(await store.put(blob));
    return keys;
  };
  const first = await watched(putAll);
  const duplicate = await watched(putAll);
  const read = await watched(async () => {
    const all = [];
    for (const key of first.result) all.push(await store.fetch(key));
    return all;
  });
  check(read.result.every((bytes) => bytes.byteLength === ATTACHMENT_BYTES), "the attachments' sizes");
  check(read.result[7][999] === attachment(8, ATTACHMENT_BYTES)[999], "an attachment's bytes");
  const discard = await watched(() => store.discard([...first.result, ...duplicate.result]));
  const figures = { gap: Math.max(first.gap, duplicate.gap, read.gap, discard.gap) };
  for (const [name, { ms }] of Object.entries({ put: first, duplicate, read, discard })) figures[name] = ms / ATTACHMENTS;
  return figures;
}

/** Deletes the sessions of 2,000 attachments beside 2,000 that stay in use, then frees those that nothing refers to. */
export async function collect(store, words) {
  if (!store.collect) return null;
  const made = (from) =>
    Array.from({ length: COLLECTED_SESSIONS }, (_, n) => {
      const { session: meta, items } = session(words, from + n);
      const blobs = items.map((_, i) => new Blob([attachment((from + n) * ITEMS + i, COLLECTED_BYTES)], { type: "image/webp" }));
      return { session: meta, items, blobs };
    });
  const doomed = made(2000);
  await store.link(doomed);
  await store.link(made(3000));
  await store.delete(
    doomed.map(({ session: { id } }) => id),
    doomed.map(({ session: meta }) => meta),
  );
  const { result, ms, gap } = await watched(() => store.collect());
  check(result === COLLECTED, `${result} attachments collected instead of ${COLLECTED}`);
  return { ms, gap };
}

/** The bytes of every value in every database of this origin: buffers and Blobs as they are, the rest as JSON. */
export async function valueBytes() {
  const encoder = new TextEncoder();
  const size = (value) => {
    if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return value.byteLength;
    if (value instanceof Blob) return value.size;
    return value === undefined ? 0 : encoder.encode(JSON.stringify(value)).length;
  };
  const of = (request) => new Promise((resolve, reject) => ((request.onsuccess = () => resolve(request.result)), (request.onerror = () => reject(request.error))));
  let bytes = 0;
  for (const { name } of await indexedDB.databases()) {
    const db = await of(indexedDB.open(name));
    for (const store of db.objectStoreNames) {
      const keys = await of(db.transaction(store).objectStore(store).getAllKeys());
      for (let at = 0; at < keys.length; at += 500) {
        const range = IDBKeyRange.bound(keys[at], keys[Math.min(at + 499, keys.length - 1)]);
        bytes += sum((await of(db.transaction(store).objectStore(store).getAll(range))).map(size));
      }
    }
    db.close();
  }
  return bytes;
}

/** The gap that the measure itself shows on a page with nothing to do. */
export async function idle() {
  const { gap } = await watched(() => new Promise((resolve) => setTimeout(resolve, 1000)));
  return { gap };
}
