// Reading lists, listings and whole sessions, and jobs.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { Progress } from "../../src/engine.js";
import { connect, type Fake } from "./connect.js";

async function open(t: TestContext, items = 0): Promise<Fake> {
  const fake = await connect();
  t.after(() => fake.hoard.close().catch(() => {}));
  if (items > 0) {
    const notes = Array.from({ length: items }, (_, n) => ({ n }));
    await fake.hoard.save({ session: { id: "a", title: "A" }, lists: { notes, empty: [] } });
    fake.engine.log.length = 0;
  }
  return fake;
}

test("items are read by index, by range, one by one and chunk by chunk", async (t) => {
  const { hoard } = await open(t, 10);
  const list = hoard.list("a", "notes");
  assert.deepEqual(await list.get(7), { n: 7 });
  assert.equal(await list.get(10), undefined);
  assert.deepEqual(await list.slice(2, 5), [{ n: 2 }, { n: 3 }, { n: 4 }]);
  assert.deepEqual(await list.slice(8), [{ n: 8 }, { n: 9 }]);
  assert.deepEqual(await list.slice(4, 4), []);
  assert.equal((await list.slice()).length, 10);
  const seen: unknown[] = [];
  for await (const item of list) seen.push(item);
  assert.equal(seen.length, 10);
  const chunks: [number, number, number][] = [];
  for await (const { from, to, items } of list.chunks({ from: 1 })) chunks.push([from, to, items.length]);
  assert.deepEqual(chunks, [
    [1, 3, 2],
    [3, 6, 3],
    [6, 9, 3],
    [9, 10, 1],
  ]);
  assert.equal(await hoard.list("a", "never").length(), 0);
  assert.deepEqual(await hoard.list("a", "never").slice(), []);
  await assert.rejects(hoard.list("gone", "notes").slice(3, 3), { code: "NotFound" });
});

test("the next chunks are asked for while the present ones are used", async (t) => {
  const { hoard, engine } = await open(t, 10_000);
  const chunks = hoard.list("a", "notes").chunks();
  await chunks.next();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(engine.log.length, 2, "one request ahead, no more");
  await chunks.return();
  let count = 0;
  for await (const { items } of hoard.list("a", "notes").chunks()) count += items.length;
  assert.equal(count, 10_000);
});

test("a chunk that cannot be read is an error in its place", async (t) => {
  const { hoard } = await open(t, 9);
  const list = hoard.list("a", "notes");
  await list.set(4, { text: "damaged" });
  const chunks: [number, number, string | undefined][] = [];
  for await (const { from, to, error } of list.chunks()) chunks.push([from, to, error?.code]);
  assert.deepEqual(chunks, [
    [0, 3, undefined],
    [3, 6, "Corrupt"],
    [6, 9, undefined],
  ]);
  await assert.rejects(list.get(3), { code: "Corrupt" });
  await assert.rejects(list.slice(0, 9), { code: "Corrupt" });
  assert.equal((await list.slice(6)).length, 3);
  const seen: unknown[] = [];
  await assert.rejects(
    (async () => {
      for await (const item of list) seen.push(item);
    })(),
    { code: "Corrupt" },
  );
  assert.equal(seen.length, 3);

  const { lists, damaged } = await hoard.load("a");
  const notes = lists["notes"] as ({ n: number } | undefined)[];
  assert.equal(notes.length, 9);
  assert.deepEqual(notes[8], { n: 8 }, "indexes hold");
  assert.deepEqual([3 in notes, 4 in notes, 5 in notes, 6 in notes], [false, false, false, true]);
  assert.deepEqual(
    damaged.map(({ list, from, to, error }) => [list, from, to, error.code]),
    [["notes", 3, 6, "Corrupt"]],
  );
  await assert.rejects(hoard.save({ session: { id: "b" }, lists }), { code: "NotStorable", path: "lists.notes[3]" });
});

test("a whole session comes back as it went in, with progress", async (t) => {
  const { hoard, engine } = await open(t, 10_000);
  const progress: number[] = [];
  const { session, lists, damaged } = await hoard.load("a", {
    onProgress: ({ done, total }) => progress.push(done / total),
  });
  assert.deepEqual(session, { id: "a", title: "A" });
  assert.deepEqual(Object.keys(lists), ["notes", "empty"]);
  assert.equal(lists["notes"]?.length, 10_000);
  assert.deepEqual(lists["empty"], []);
  assert.deepEqual(damaged, []);
  assert.equal(progress.at(-1), 1);
  assert.ok(progress.every((value, at) => at === 0 || value >= progress[at - 1]!));
  engine.log.length = 0;
  const some = await hoard.load("a", { lists: ["empty", "__proto__"] });
  assert.deepEqual(Object.keys(some.lists), ["empty", "__proto__"]);
  assert.ok(!engine.log.some((entry) => entry.includes("notes")));
  assert.equal(await hoard.save({ ...(await hoard.load("a")), session: { id: "copy" } }), "copy");
  await assert.rejects(hoard.load("gone"), { code: "NotFound" });
});

test("reading stops when its signal fires", async (t) => {
  const { hoard } = await open(t, 10_000);
  const list = hoard.list("a", "notes");
  const abort = new AbortController();
  let chunks = 0;
  await assert.rejects(
    (async () => {
      for await (const _ of list.chunks({ signal: abort.signal })) if ((chunks += 1) === 5) abort.abort();
    })(),
    { code: "Aborted" },
  );
  assert.equal(chunks, 5);
  await assert.rejects(hoard.load("a", { signal: AbortSignal.abort("why") }), { code: "Aborted", cause: "why" });
  await assert.rejects(
    (async () => {
      for await (const _ of hoard.sessions.list({ signal: AbortSignal.abort() }));
    })(),
    { code: "Aborted" },
  );
});

test("sessions are listed page by page and go on where a listing ended", async (t) => {
  const { hoard, engine } = await open(t);
  await hoard.saveMany(Array.from({ length: 700 }, (_, n) => ({ session: { id: `s${String(n).padStart(4, "0")}` } })));
  engine.log.length = 0;
  const ids = async (list: AsyncIterable<{ id: string }>): Promise<string[]> => {
    const found: string[] = [];
    for await (const { id } of list) found.push(id);
    return found;
  };
  const all = hoard.sessions.list();
  assert.equal((await ids(all)).length, 700);
  assert.equal(all.next, null);
  const first = hoard.sessions.list({ limit: 300 });
  const begun = await ids(first);
  assert.equal(begun.length, 300);
  assert.equal(typeof first.next, "string");
  const rest = hoard.sessions.list({ after: first.next! });
  assert.deepEqual([...begun, ...(await ids(rest))].length, 700);
  assert.deepEqual(await ids(hoard.sessions.list({ reverse: true, limit: 2 })), ["s0699", "s0698"]);
  assert.deepEqual(await ids(hoard.sessions.list({ limit: 0 })), []);
  assert.equal(
    (await hoard.sessions.getMany(Array.from({ length: 600 }, (_, n) => `s${String(n).padStart(4, "0")}`))).length,
    600,
  );
  for (const query of [
    { limit: -1 },
    { limit: 1.5 },
    { orderBy: 5 as never },
    { after: null as never },
    null as never,
  ]) {
    assert.throws(() => hoard.sessions.list(query), { code: "InvalidArgument" });
  }
});

test("a session's id is its own, given, or made", async (t) => {
  const { hoard } = await open(t);
  assert.deepEqual(await hoard.sessions.create({ title: "x", id: "mine" }), { title: "x", id: "mine" });
  const made = await hoard.sessions.create({});
  assert.match(made.id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.deepEqual(await hoard.sessions.get(made.id), { id: made.id });
  const again = await hoard.sessions.create({ id: undefined as never, n: 1 });
  assert.equal(typeof again.id, "string");
  const fromParsed = await hoard.sessions.create(JSON.parse('{"__proto__":{"id":"evil"}}'));
  assert.notEqual(fromParsed.id, "evil");
  Object.assign(Object.prototype, { id: "inherited" });
  try {
    assert.notEqual((await hoard.sessions.create({})).id, "inherited");
  } finally {
    delete (Object.prototype as { id?: string }).id;
  }
  await assert.rejects(hoard.sessions.put({ n: 1 } as never), { code: "InvalidArgument" });
  await assert.rejects(hoard.sessions.update("mine", { id: "other" } as never), { code: "InvalidArgument" });
  await hoard.sessions.update("mine", { id: "mine", title: undefined, $x: 1 } as never);
  assert.deepEqual(await hoard.sessions.get("mine"), { id: "mine", $x: 1 });
  await hoard.sessions.update("mine", { $x: undefined });
  assert.deepEqual(await hoard.sessions.get("mine"), { id: "mine" });
  assert.equal(await hoard.sessions.delete("mine"), true);
  assert.equal(await hoard.sessions.delete("mine"), false);
});

test("a job reports its progress both ways and its report at the end", async (t) => {
  const { hoard } = await open(t);
  const job = hoard.collect({ dryRun: true });
  const events: Progress[] = [];
  job.addEventListener("progress", ({ detail }) => events.push(detail));
  const iterated: Progress[] = [];
  for await (const progress of job.progress) iterated.push(progress);
  assert.equal((await job.done).uploads, 4);
  assert.deepEqual(
    events.map(({ done }) => done),
    [1, 2, 3, 4],
  );
  assert.equal(iterated.at(-1)?.done, 4);
  const late: Progress[] = [];
  for await (const progress of job.progress) late.push(progress);
  assert.equal(late.length, 1);
});

test("a job pauses, resumes and is cancelled", async (t) => {
  const { hoard, engine } = await open(t);
  const job = hoard.collect();
  job.pause();
  await new Promise((resolve) => setTimeout(resolve, 20));
  const steps = engine.log.filter((entry) => entry.startsWith("step")).length;
  assert.ok(steps <= 1);
  assert.equal(job.paused, true);
  job.resume();
  await job.done;

  const paused = hoard.collect();
  paused.pause();
  await new Promise((resolve) => setTimeout(resolve, 20));
  paused.cancel();
  await assert.rejects(paused.done, { code: "Cancelled" });
  await assert.rejects(
    (async () => {
      for await (const _ of paused.progress);
    })(),
    { code: "Cancelled" },
  );
  const ignored = hoard.verify();
  ignored.cancel();
  await new Promise((resolve) => setTimeout(resolve, 20));
});

test("a job of an engine that crashed says so", async (t) => {
  const fake = await open(t);
  const job = fake.hoard.collect();
  job.pause();
  await new Promise((resolve) => setTimeout(resolve, 20));
  fake.connections[0]!.host.crash("x");
  await new Promise((resolve) => setTimeout(resolve, 20));
  job.resume();
  await assert.rejects(job.done, { code: "EngineCrashed" });
});
