// The page's own cache of metadata: what it answers without a message, and that it is never old.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { AttachmentRef } from "../../src/attachment.js";
import { PageCache } from "../../src/cache.js";
import { connect, type Fake, type FakeOptions } from "./connect.js";
import { Disk } from "./fake-engine.js";

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

async function session(t: TestContext, options?: FakeOptions): Promise<Fake> {
  const fake = await connect({ disk: new Disk(), ...options });
  t.after(() => fake.hoard.close().catch(() => {}));
  for (const id of ["a", "b"]) await fake.hoard.sessions.create({ id, n: 1 });
  await fake.hoard.sessions.getMany(["a", "b"]);
  fake.engine.log.length = 0;
  return fake;
}

/** Until the engine was told something, however busy the machine is. */
async function told(fake: Fake, what: string): Promise<void> {
  while (!fake.engine.log.some((entry) => entry.startsWith(what))) await settled();
  // The page is told in the same moment, by a message of its own.
  await settled();
}

const gets = ({ engine }: Fake): number => engine.log.filter((entry) => entry.startsWith("get")).length;

test("what was read is answered again without a message, to each caller as objects of its own", async (t) => {
  const fake = await session(t);
  const [one, two] = await Promise.all([fake.hoard.sessions.get("a"), fake.hoard.sessions.get("a")]);
  assert.deepEqual(one, { id: "a", n: 1 });
  assert.notEqual(one, two);
  one!["n"] = 5;
  assert.deepEqual(await fake.hoard.sessions.getMany(["b", "a", "none", "a"]), [
    { id: "b", n: 1 },
    { id: "a", n: 1 },
    undefined,
    { id: "a", n: 1 },
  ]);
  assert.deepEqual(fake.engine.log, ["get 1"], "only what is not there was asked for");
  assert.equal(fake.messages.at(-1)?.calls.length, 1);
});

test("dates, marks and attachments come out of the cache as out of the engine", async (t) => {
  const fake = await session(t);
  const made = { id: "c", at: new Date(5), zero: -0, $x: 1, cover: new Uint8Array(3), nested: JSON.parse('{"__proto__":1}') };
  await fake.hoard.sessions.create(made);
  const first = await fake.hoard.sessions.get("c");
  fake.engine.log.length = 0;
  const again = (await fake.hoard.sessions.get("c")) as unknown as typeof made & { cover: AttachmentRef };
  assert.deepEqual(again, first);
  assert.ok(again.at instanceof Date && Object.is(again.zero, -0) && again.$x === 1);
  assert.ok(again.cover instanceof AttachmentRef && again.cover.size === 3);
  assert.ok(Object.hasOwn(again.nested, "__proto__"));
  assert.deepEqual(fake.engine.log, []);
});

test("a get sees every write before it that nobody awaited", async (t) => {
  const fake = await session(t);
  const { sessions } = fake.hoard;
  const read = async (): Promise<unknown> => (await sessions.get("a"))?.["n"];
  void sessions.update("a", { n: 2 });
  assert.equal(await read(), 2);
  void sessions.put({ id: "a", n: 3 }, { ack: "accepted" });
  assert.equal(await read(), 3);
  void fake.hoard.save({ session: { id: "a", n: 4 } });
  assert.equal(await read(), 4);
  void fake.hoard.saveMany([{ session: { id: "a", n: 5 } }]);
  await settled();
  assert.equal(await read(), 5);
  void sessions.delete("a");
  assert.equal(await read(), undefined);
  void sessions.create({ id: "a", n: 6 });
  assert.equal(await read(), 6);
  void sessions.deleteMany(["b", "a"]);
  assert.deepEqual(await sessions.getMany(["a", "b"]), [undefined, undefined]);
});

test("appending leaves a session's metadata where it is", async (t) => {
  const fake = await session(t);
  await fake.hoard.list("a", "x").append({ n: 1 });
  await fake.hoard.list("a", "x").set(0, { n: 2 });
  fake.engine.log.length = 0;
  await fake.hoard.sessions.get("a");
  assert.equal(gets(fake), 0);
});

test("an answer that was asked for before a write is not taken in after it", async (t) => {
  const fake = await session(t);
  const { sessions } = fake.hoard;
  await sessions.update("a", { n: 2 });
  const old = sessions.get("a");
  const written = sessions.update("a", { n: 3 });
  assert.equal((await old)?.["n"], 2);
  await written;
  assert.equal((await sessions.get("a"))?.["n"], 3);
});

test("what a write that failed would have changed is read anew", async (t) => {
  const fake = await session(t);
  const full = { code: "StorageFull", message: "full", retryable: true, needsReload: false };
  // As with the engine's overlay, a read before the failure sees the write.
  let reject = (): void => {};
  fake.engine.update = async (id) => {
    const held = fake.engine.disk.sessions.get(id)!;
    const before = held.meta;
    held.meta = { json: '{"id":"a","n":9}', attachments: [] };
    await new Promise<void>((resolve) => (reject = resolve));
    held.meta = before;
    throw full;
  };
  const update = fake.hoard.sessions.update("a", { n: 9 });
  assert.equal((await fake.hoard.sessions.get("a"))?.["n"], 9);
  reject();
  await assert.rejects(update, { code: "StorageFull" });
  assert.equal((await fake.hoard.sessions.get("a"))?.["n"], 1);
});

test("what another hoard commits is dropped, and what it appends is not", async (t) => {
  const fake = await session(t);
  const other = new BroadcastChannel(`hoardb:${fake.hoard.name}`);
  t.after(() => other.close());
  const changes: unknown[] = [];
  fake.hoard.addEventListener("change", ({ detail }) => detail.remote && changes.push(detail));
  const tell = async (message: unknown): Promise<void> => {
    other.postMessage(message);
    await told(fake, "peer");
    fake.engine.log.length = 0;
    await fake.hoard.sessions.getMany(["a", "b"]);
  };
  await tell({ hoardb: 1, generation: 9, changes: [{ session: "a", kind: "appended", list: "x", from: 0, to: 1 }] });
  assert.equal(gets(fake), 0);
  await tell({ hoardb: 1, generation: 10, changes: [{ session: "a", kind: "metadata" }] });
  assert.deepEqual(fake.engine.log, ["get 1"]);
  await tell({ hoardb: 1, generation: 11, changes: [{ session: "a", kind: "deleted" }, { session: "b", kind: "saved" }] });
  assert.deepEqual(fake.engine.log, ["get 2"]);
  assert.deepEqual(changes, [
    { changes: [{ session: "a", kind: "appended", list: "x", from: 0, to: 1 }], generation: 9, remote: true },
    { changes: [{ session: "a", kind: "metadata" }], generation: 10, remote: true },
    {
      changes: [
        { session: "a", kind: "deleted" },
        { session: "b", kind: "saved" },
      ],
      generation: 11,
      remote: true,
    },
  ]);
});

test("a message that makes no sense only leads to reading again", async (t) => {
  const fake = await session(t);
  const other = new BroadcastChannel(`hoardb:${fake.hoard.name}`);
  t.after(() => other.close());
  let changes = 0;
  fake.hoard.addEventListener("change", ({ detail }) => (changes += detail.remote ? 1 : 0));
  const good = { session: "a", kind: "metadata" };
  for (const message of [
    null,
    5,
    {},
    { hoardb: 2, generation: 1, changes: [good] },
    { hoardb: 1, generation: "x", changes: [good] },
    { hoardb: 1, generation: 1, changes: good },
    { hoardb: 1, generation: 1, changes: [null] },
    { hoardb: 1, generation: 1, changes: [{ ...good, kind: "toString" }] },
    { hoardb: 1, generation: 1, changes: [{ ...good, from: {} }] },
    { hoardb: 1, generation: 1, changes: [{ ...good, list: 5 }] },
    { hoardb: 1, generation: 1, changes: Array.from({ length: 10_001 }, () => good) },
  ]) {
    fake.engine.log.length = 0;
    other.postMessage(message);
    await told(fake, "distrust");
    assert.deepEqual(fake.engine.log, ["distrust"]);
    await fake.hoard.sessions.get("a");
    assert.equal(gets(fake), 1);
  }
  assert.equal(changes, 0);
});

test("a hoard hears what another one commits, by name, and not itself", async (t) => {
  const one = await session(t);
  const two = await connect({ disk: one.engine.disk, opening: { name: one.hoard.name } });
  t.after(() => two.hoard.close());
  const heard: unknown[] = [];
  for (const { hoard } of [one, two])
    hoard.addEventListener("change", ({ detail }) => heard.push([hoard === one.hoard, detail.remote, detail.generation]));
  await two.hoard.sessions.get("a");
  await settled();
  await one.hoard.sessions.update("a", { n: 7 });
  await told(two, "peer 3");
  assert.deepEqual(heard.sort(), [
    [false, true, 3],
    [true, false, 3],
  ]);
  assert.deepEqual(two.engine.log.slice(-1), ["peer 3 a"]);
  assert.equal((await two.hoard.sessions.get("a"))?.["n"], 7);
});

test("where tabs cannot tell each other, the engine looks before every read", async (t) => {
  const { BroadcastChannel } = globalThis;
  t.after(() => Object.assign(globalThis, { BroadcastChannel }));
  Object.assign(globalThis, { BroadcastChannel: undefined });
  const fake = await connect({ channel: { cache: new PageCache(0, 0) } });
  t.after(() => fake.hoard.close());
  await fake.hoard.sessions.create({ id: "a" });
  await fake.hoard.sessions.get("a");
  await fake.hoard.list("a", "x").length();
  assert.deepEqual(fake.engine.log, ["create a", "distrust", "get 1", "distrust"]);
});

test("a page that may have missed something asks the engine, which looks first", async (t) => {
  const fake = await session(t);
  fake.channel.distrust();
  await fake.hoard.sessions.get("a");
  assert.deepEqual(fake.engine.log, ["distrust", "get 1"]);
});

test("after a crash nothing of before is trusted, and a closed hoard answers nothing", async (t) => {
  const fake = await session(t);
  fake.connections[0]!.host.crash("x");
  await settled();
  await fake.hoard.sessions.get("a");
  assert.equal(gets(fake), 1);
  const closing = fake.hoard.close();
  await assert.rejects(fake.hoard.sessions.get("a"), { code: "Closed" });
  await closing;
  await assert.rejects(fake.hoard.sessions.get("a"), { code: "Closed" });
});

test("entries are dropped by id, by prefix, by pattern and all, on both sides", async (t) => {
  const fake = await session(t);
  const { hoard, engine } = fake;
  const asked = async (): Promise<string[]> => {
    const log = engine.log.splice(0).filter((entry) => entry.startsWith("invalidate"));
    await hoard.sessions.getMany(["a", "b"]);
    return [...log, ...engine.log.splice(0)];
  };
  assert.equal(await hoard.cache.invalidate("a"), 7);
  assert.deepEqual(await asked(), ['invalidate {"id":"a"}', "get 1"]);
  await hoard.cache.invalidate({ prefix: "b" });
  assert.deepEqual(await asked(), ['invalidate {"prefix":"b"}', "get 1"]);
  await hoard.cache.invalidate({ pattern: "?" });
  assert.deepEqual(await asked(), ['invalidate {"pattern":"?"}', "get 2"]);
  await hoard.cache.clear();
  assert.deepEqual(await asked(), ["invalidate null", "get 2"]);
  for (const wrong of [5, null, undefined, {}, { prefix: 5 }, { prefix: "a", pattern: "b" }]) {
    await assert.rejects(hoard.cache.invalidate(wrong as never), { code: "InvalidArgument" });
  }
});

test("statistics count hits, misses, entries and bytes", async (t) => {
  const fake = await session(t);
  await fake.hoard.sessions.getMany(["a", "none"]);
  const { page } = await fake.hoard.stats();
  assert.deepEqual([page.hits, page.misses, page.hitRate, page.entries], [1, 3, 0.25, 2]);
  assert.ok(page.bytes > 400 && page.bytes < 1000);
  assert.equal(page.bytesMax, 1 << 20);
  assert.deepEqual((await fake.hoard.cache.stats()).page.hits, 1);
});

const entry = (units: number): { text: string; table: null } => ({ text: "x".repeat(units), table: null });

test("the least recently used go first, and the bytes are never above the bound", () => {
  const cache = new PageCache(10_000, 1000, () => 0);
  const fill = (id: string, units: number): void => cache.read()([[id, entry(units)]]);
  for (let n = 0; n < 100; n += 1) {
    fill(`s${n}`, 500);
    assert.ok(cache.get("s0") !== undefined, "it is used again and again");
    assert.ok(cache.stats.bytes <= 10_000);
  }
  assert.equal(cache.get("s1"), undefined);
  assert.ok(cache.get("s99") !== undefined);
  fill("large", 5000);
  assert.equal(cache.get("large"), undefined, "it would push out all others");
  for (const id of ["s0", "s99"]) cache.drop(id);
  fill("s50", 10);
  fill("s50", 20);
  cache.dropPrefix("s");
  assert.deepEqual([cache.stats.entries, cache.stats.bytes], [0, 0]);
});

test("an entry is read anew when its time is over, or when the clock was set back", () => {
  let now = 1000;
  const cache = new PageCache(10_000, 500, () => now);
  cache.read()([["a", entry(1)]]);
  now = 1500;
  assert.ok(cache.get("a") !== undefined);
  now = 1501;
  assert.equal(cache.get("a"), undefined);
  now = 999;
  assert.equal(cache.get("a"), undefined);
});

test("a read takes in nothing that was dropped since it began, and the rest", () => {
  const cache = new PageCache(10_000, 500, () => 0);
  const [first, second] = [cache.read(), cache.read()];
  cache.drop("a");
  const third = cache.read();
  first([["a", entry(1)]]);
  assert.equal(cache.get("a"), undefined);
  second([
    ["a", entry(1)],
    ["b", entry(1)],
  ]);
  assert.equal(cache.get("a"), undefined);
  assert.ok(cache.get("b") !== undefined);
  third([["a", entry(1)]]);
  assert.ok(cache.get("a") !== undefined);
  const fourth = cache.read();
  cache.clear();
  fourth([["c", entry(1)]]);
  assert.equal(cache.get("c"), undefined);
});
