// The way to the engine: order, gathering, bounds, crashes, closing.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { Channel } from "../../src/channel.js";
import { EngineHost } from "../../src/engine-host.js";
import { HoardError } from "../../src/errors.js";
import { PROTOCOL } from "../../src/protocol.js";
import { connect, type Fake } from "./connect.js";
import { FakeEngine } from "./fake-engine.js";

/** Holds back what every write resolves with, until the function is called or the test ends. */
function gated(t: TestContext, fake: Fake): () => void {
  let release = (): void => {};
  fake.engine.gate = new Promise((resolve) => (release = resolve));
  releases.set(t, release);
  return release;
}

const releases = new WeakMap<TestContext, () => void>();

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

async function session(t: TestContext, options?: Parameters<typeof connect>[0]): Promise<Fake> {
  const fake = await connect(options);
  t.after(() => {
    releases.get(t)?.();
    return fake.hoard.close().catch(() => {});
  });
  await fake.hoard.sessions.create({ id: "a" });
  fake.messages.length = 0;
  fake.engine.log.length = 0;
  return fake;
}

test("a loop of appends is one message and one append, and each caller gets its own index", async (t) => {
  const fake = await session(t);
  const list = fake.hoard.list("a", "notes");
  const indexes = await Promise.all(
    Array.from({ length: 1000 }, (_, n) => list.append(n % 3 === 0 ? [{ n }, { n }] : { n })),
  );
  assert.equal(fake.messages.length, 1);
  let next = 0;
  for (const [n, index] of indexes.entries()) {
    assert.equal(index, next);
    next += n % 3 === 0 ? 2 : 1;
  }
  const items = (await list.slice()) as { n: number }[];
  assert.deepEqual(
    items.map(({ n }) => n),
    Array.from({ length: 1000 }, (_, n) => (n % 3 === 0 ? [n, n] : [n])).flat(),
  );
});

test("appends from many tasks are gathered while enough is on its way", async (t) => {
  const fake = await session(t);
  const release = gated(t, fake);
  const list = fake.hoard.list("a", "notes");
  const appends: Promise<number>[] = [];
  for (let n = 0; n < 500; n += 1) {
    appends.push(list.append({ n }));
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(fake.messages.length <= 64, `${fake.messages.length} messages`);
  release();
  assert.deepEqual(
    await Promise.all(appends),
    Array.from({ length: 500 }, (_, n) => n),
  );
});

test("a call that waits for a Blob holds back the calls after it", async (t) => {
  const { hoard, engine } = await session(t);
  const image = new Blob([new Uint8Array(300_000)], { type: "image/png" });
  const created = hoard.sessions.create({ id: "b", image });
  const appended = hoard.list("b", "shots").append({ image });
  const read = hoard.sessions.get("b");
  const small = hoard.list("b", "notes").append({ n: 1 });
  await Promise.all([created, appended, small]);
  assert.equal((await read)?.id, "b");
  assert.deepEqual(engine.log.slice(0, 4), ["create b", "append b/shots 1", "get 1", "append b/notes 1"]);
});

test("a call whose encoding takes long keeps its place", async (t) => {
  const { hoard, engine } = await session(t);
  const notes = Array.from({ length: 40_000 }, (_, n) => ({ n, text: "some words that take a moment to be encoded" }));
  let turns = 0;
  const timer = setInterval(() => (turns += 1), 0);
  t.after(() => clearInterval(timer));
  const saved = hoard.save({ session: { id: "b" }, lists: { notes } });
  const length = hoard.list("b", "notes").length();
  const appended = hoard.list("b", "notes").append(notes);
  const last = hoard.list("b", "notes").append({ n: -1 });
  assert.equal(await saved, "b");
  assert.equal(await length, 40_000);
  assert.equal(await appended, 40_000);
  assert.equal(await last, 80_000);
  clearInterval(timer);
  assert.ok(turns > 3, `other tasks ran ${turns} times meanwhile`);
  assert.deepEqual(
    engine.log.filter((entry) => /^(save|append)/.test(entry)),
    ["save b", "append b/notes 40000", "append b/notes 1"],
  );
});

test("a long append and a long save each give the page its turns", async (t) => {
  const fake = await session(t);
  const notes = Array.from({ length: 60_000 }, (_, n) => ({ n, text: "some words that take a moment to be encoded" }));
  let turns = 0;
  // Until the call is posted it is being encoded.
  const timer = setInterval(() => (turns += fake.messages.length === 0 ? 1 : 0), 0);
  t.after(() => clearInterval(timer));
  for (const write of [
    () => fake.hoard.list("a", "notes").append(notes),
    () => fake.hoard.save({ session: { id: "b" }, lists: { notes } }),
  ]) {
    fake.messages.length = 0;
    turns = 0;
    await write();
    assert.ok(turns > 3, `${turns} turns`);
  }
});

test("a crash ends a bulk save that waits for room", async (t) => {
  const fake = await session(t);
  gated(t, fake);
  const text = "x".repeat(1 << 20);
  const saved = fake.hoard.saveMany(Array.from({ length: 60 }, (_, n) => ({ session: { id: `s${n}`, text } })));
  saved.catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 300));
  fake.connections[0]!.host.crash("x");
  await assert.rejects(saved, { code: "EngineCrashed" });
});

test("what the engine answers is transferred, not copied", async (t) => {
  const engine = new FakeEngine({ name: "x" });
  const sent: { replies: number; transferred: number }[] = [];
  const host = new EngineHost(
    1,
    (message, transfer) => {
      if ("replies" in message) sent.push({ replies: message.replies.length, transferred: transfer.length });
    },
    async () => ({ open: async () => engine }),
  );
  t.after(() => host.release());
  const json = new TextEncoder().encode('{"a":1}');
  const documents = { json, lengths: Uint32Array.of(json.length), attachments: [] };
  host.receive({
    hoardb: PROTOCOL,
    hoard: 1,
    calls: [
      { id: 1, op: "open", args: { options: { name: "x" }, wasm: undefined } },
      { id: 2, op: "create", args: { session: "a", documents } },
      { id: 3, op: "append", args: { session: "a", list: "x", documents } },
      { id: 4, op: "get", args: { sessions: ["a"] } },
      { id: 5, op: "list", args: { limit: 5 } },
      { id: 6, op: "read", args: { session: "a", list: "x", from: 0, to: 9, bytesMax: 9 } },
      { id: 7, op: "load", args: { session: "a", lists: null, bytesMax: 9 } },
    ],
  });
  await settled();
  assert.equal(
    sent.reduce((sum, { replies }) => sum + replies, 0),
    7,
  );
  assert.equal(
    sent.reduce((sum, { transferred }) => sum + transferred, 0),
    5,
    "metadata twice, chunks once, both once more",
  );
});

test("a long array with a bad item at its end stores nothing", async (t) => {
  const { hoard, engine } = await session(t);
  const items: unknown[] = Array.from({ length: 40_000 }, (_, n) => ({ n, text: "some words that take a moment" }));
  items.push({ n: NaN });
  await assert.rejects(hoard.list("a", "notes").append(items), { code: "NotStorable", path: "items[40000].n" });
  await assert.rejects(hoard.save({ session: { id: "b" }, lists: { notes: items } }), { path: "lists.notes[40000].n" });
  assert.equal(await hoard.list("a", "notes").append({}), 0, "calls after them go on");
  assert.deepEqual(engine.log, ["append a/notes 1"]);
});

test("appends that share a call fail together, others do not", async (t) => {
  const { hoard } = await session(t);
  const results = await Promise.allSettled([
    hoard.list("a", "notes").append({ n: 1 }),
    hoard.list("gone", "notes").append({ n: 1 }),
    hoard.list("gone", "notes").append({ n: 2 }),
    hoard.list("a", "notes").append({ n: 2 }),
    hoard.list("a", "other").append({ n: 1 }),
    hoard.list("a", "other").append({ image: new Uint8Array(3) }),
    hoard.list("a", "other").append({ n: 3 }),
  ]);
  const outcome = results.map((result) =>
    result.status === "fulfilled" ? result.value : (result.reason as HoardError).code,
  );
  assert.deepEqual(outcome, [0, "NotFound", "NotFound", 1, 0, 1, 2]);
});

test("an append shares no call with one that has attachments", async (t) => {
  const { hoard, engine } = await session(t);
  const list = hoard.list("a", "x");
  const ref = await hoard.attachments.put(new Uint8Array(1));
  await Promise.all([
    list.append({ n: 1 }),
    list.append({ image: new Blob(["x"]) }),
    list.append({ n: 2 }),
    list.append({ n: 3 }),
    list.append({ ref }),
    list.append({ n: 4 }),
  ]);
  assert.deepEqual(
    engine.log.filter((entry) => entry.startsWith("append")),
    ["append a/x 1", "append a/x 1", "append a/x 2", "append a/x 1", "append a/x 1"],
  );
});

test("what is large goes in messages of bounded size, between which the page has its turn", async (t) => {
  const fake = await session(t);
  let turns = 0;
  const timer = setInterval(() => (turns += 1), 0);
  t.after(() => clearInterval(timer));
  const text = "é".repeat(300_000);
  const release = gated(t, fake);
  const created = Array.from({ length: 60 }, (_, n) => fake.hoard.sessions.create({ id: `s${n}`, text }));
  for (let before = -1; before !== fake.messages.length;) {
    before = fake.messages.length;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const calls = fake.messages.flatMap(({ calls }) => calls);
  assert.ok(calls.length >= 10 && calls.length < 50, `${calls.length} are on their way`);
  release();
  await Promise.all(created);
  clearInterval(timer);
  const sizes = fake.messages.map(({ calls }) =>
    calls.reduce((sum, { args }) => sum + (args as { documents: { json: Uint8Array } }).documents.json.length, 0),
  );
  assert.ok(Math.max(...sizes) <= 2 << 20, `${Math.max(...sizes)} bytes in one message`);
  assert.ok(turns > 2, `${turns} turns`);
  assert.equal(fake.engine.sessions.size, 61);
});

test("saving many takes no more from its iterator than may be under way", async (t) => {
  const fake = await session(t);
  const release = gated(t, fake);
  let made = 0;
  function* sessions(): Generator<{ session: { id: string; text: string } }> {
    for (; made < 100; made += 1) yield { session: { id: `s${made}`, text: "x".repeat(1 << 20) } };
  }
  const saved = fake.hoard.saveMany(sessions());
  await settled();
  const before = made;
  assert.ok(before < 24, `${before} MiB were taken`);
  const between = fake.hoard.list("a", "notes").append({ n: 1 });
  release();
  await between;
  assert.ok(fake.engine.sessions.size < 60, "a call goes between them");
  assert.equal((await saved).length, 100);
  assert.equal(fake.engine.sessions.size, 101);
});

test("at most fifty sessions go in a message", async (t) => {
  const fake = await session(t);
  await fake.hoard.saveMany(Array.from({ length: 120 }, (_, n) => ({ session: { id: `s${n}` } })));
  const sizes = fake.messages.flatMap(({ calls }) =>
    calls.map(({ args }) => (args as { sessions: unknown[] }).sessions.length),
  );
  assert.deepEqual(sizes, [50, 50, 20]);
});

test("saving many stops at a session that cannot be stored, and names it", async (t) => {
  const { hoard, engine } = await session(t);
  const good = (n: number): { session: { id: string } } => ({ session: { id: `s${n}` } });
  const bad = { session: { id: "bad" }, lists: { notes: [{ ok: 1 }, { f: () => 1 }] } };
  await assert.rejects(hoard.saveMany([...Array(60).keys()].map(good).concat(bad as never, good(99))), {
    code: "NotStorable",
    path: "[60].lists.notes[1].f",
  });
  assert.ok(!engine.sessions.has("bad") && !engine.sessions.has("s99"));
  await assert.rejects(hoard.saveMany([good(1), { session: { id: "" } }]), { code: "InvalidId" });
});

test("a crash rejects everything under way, and the next call starts the engine anew", async (t) => {
  const fake = await session(t);
  gated(t, fake);
  const pending = [hoard("create", fake), fake.hoard.list("a", "x").append({}), fake.hoard.sessions.count()];
  const settledAll = Promise.allSettled(pending);
  await settled();
  fake.connections[0]!.host.crash("unreachable");
  for (const result of await settledAll) {
    if (result.status === "fulfilled") continue;
    assert.equal((result.reason as HoardError).code, "EngineCrashed");
    assert.match((result.reason as HoardError).message, /unreachable/);
    assert.equal((result.reason as HoardError).retryable, true);
  }
  assert.ok((await settledAll).filter(({ status }) => status === "rejected").length >= 2);
  assert.equal(fake.connections[0]!.released, true);
  assert.equal(await fake.hoard.sessions.count(), 0);
  assert.equal(fake.connections.length, 2);
});

function hoard(op: "create", fake: Fake): Promise<unknown> {
  return fake.hoard.sessions[op]({ id: "c" });
}

test("the other end starts while what it is opened with becomes ready, each time", async (t) => {
  const started: number[] = [];
  let fake: Fake | undefined;
  const complete = async (args: { options: { index?: string } }): Promise<void> => {
    await settled();
    started.push(fake?.connections.length ?? 1);
    args.options.index = `index ${started.length}`;
  };
  fake = await connect({ channel: { complete } });
  t.after(() => fake?.hoard.close());
  assert.equal(fake.engine.options.index, "index 1");
  fake.connections[0]!.host.crash("unreachable");
  await settled();
  assert.equal(await fake.hoard.sessions.count(), 0);
  assert.equal(fake.engine.options.index, "index 2");
  assert.deepEqual(started, [1, 2]);
});

test("what cannot be got ready is why the hoard does not open, and the other end is let go of", async () => {
  let released = 0;
  const port = { post: () => assert.fail("nothing is said to it"), release: () => void (released += 1) };
  const complete = (): Promise<void> => Promise.reject(new HoardError("InvalidArgument", "no index"));
  for (const connecting of [port, settled().then(() => port)]) {
    const connector = { again: true, foreign: false, connect: () => connecting };
    const channel = new Channel(connector, { options: { name: "x" }, wasm: undefined }, { complete });
    await assert.rejects(channel.open(), { code: "InvalidArgument", message: "no index" });
  }
  assert.equal(released, 2);
});

test("where the engine cannot start anew, a crash is final and says so", async (t) => {
  const fake = await session(t, { again: false });
  fake.connections[0]!.fail(new HoardError("EngineCrashed", "gone", { needsReload: true }));
  for (let round = 0; round < 2; round += 1) {
    await assert.rejects(fake.hoard.sessions.count(), { code: "EngineCrashed", needsReload: true });
  }
  assert.equal(fake.connections.length, 1);
});

test("an engine's script of another version is noticed", async (t) => {
  const fake = await session(t, { again: false });
  fake.connections[0]!.tamper = (message) => ({ ...message, hoardb: PROTOCOL + 1 });
  await assert.rejects(fake.hoard.sessions.count(), { code: "EngineCrashed", needsReload: true });
});

test("a page's script of another version gets an answer of this version", () => {
  const sent: unknown[] = [];
  const host = new EngineHost(
    1,
    (message) => sent.push(message),
    async () => assert.fail(),
  );
  host.receive({ hoardb: 99, hoard: 1, calls: [{ id: 1, op: "count", args: {} }] });
  assert.deepEqual(sent, [{ hoardb: PROTOCOL, hoard: 1, replies: [] }]);
});

test("messages of others and replies to nobody are passed over", async (t) => {
  const fake = await session(t);
  const garbage: unknown[] = [
    null,
    5,
    "x",
    [],
    {},
    { hoardb: PROTOCOL },
    { hoardb: PROTOCOL, hoard: 1, replies: [] },
    { hoardb: PROTOCOL, hoard: NaN, replies: [{}] },
  ];
  for (const message of garbage) {
    fake.connections[0]!.tamper = (real) => {
      fake.connections[0]!.tamper = undefined;
      setImmediate(() => fake.connections[0]!.host.receive({ hoardb: PROTOCOL, hoard: real.hoard, calls: [] }));
      return message;
    };
    const lost = fake.hoard.sessions.count();
    await Promise.race([lost.then(() => assert.fail()), settled()]);
    assert.equal(await fake.hoard.sessions.count(), 1);
  }
});

test("a call that the engine does not know is refused, not left waiting", async (t) => {
  const { channel } = await session(t);
  for (const op of ["nothing", "toString", "__proto__", "constructor"]) {
    await assert.rejects(channel.call(op as "count", {}), { code: "InvalidArgument" });
  }
});

test("closing lets earlier calls finish and refuses later ones", async (t) => {
  const fake = await session(t);
  const append = fake.hoard.list("a", "x").append({ image: new Blob([new Uint8Array(10)]) });
  const closing = fake.hoard.close();
  const late = fake.hoard.sessions.count();
  await assert.rejects(late, { code: "Closed" });
  assert.equal(await append, 0);
  await closing;
  assert.equal(fake.engine.log.at(-1), "close");
  assert.equal(fake.connections[0]!.released, true);
  await fake.hoard.close();
  await assert.rejects(fake.hoard.flush(), { code: "Closed" });
  assert.equal(fake.connections.length, 1, "closing twice starts nothing");
});

test("a hoard that crashed closes without being started again", async (t) => {
  const fake = await session(t);
  fake.connections[0]!.host.crash("x");
  await settled();
  await fake.hoard.close();
  assert.equal(fake.connections.length, 1);
});

test("opening fails with what the engine failed of", async () => {
  const unavailable = { code: "Unavailable", message: "no wasm", retryable: false, needsReload: false };
  await assert.rejects(connect({ unavailable }), { code: "Unavailable", message: "no wasm" });
});

test("a restart that cannot open fails the calls that wait, and is tried again", async (t) => {
  let starts = 0;
  const fake = await session(t, {
    started: () => {
      starts += 1;
      if (starts === 2) throw { code: "Blocked", message: "other tab", retryable: true, needsReload: false };
    },
  });
  fake.connections[0]!.host.crash("x");
  await settled();
  await assert.rejects(fake.hoard.sessions.count(), { code: "Blocked", retryable: true });
  assert.equal(await fake.hoard.sessions.count(), 0);
});

test("a worker that never answers is given up", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let released = false;
  const silent = new Channel(
    { again: false, foreign: true, connect: () => ({ post: () => {}, release: () => (released = true) }) },
    { options: { name: "x" }, wasm: undefined },
  );
  const opening = silent.open();
  opening.catch(() => {});
  await Promise.resolve();
  t.mock.timers.tick(30_000);
  await assert.rejects(opening, { code: "Unavailable", message: /engine-worker/ });
  assert.equal(released, true);
});

test("a message that cannot be posted fails its own calls only", async (t) => {
  const { channel, hoard } = await session(t);
  await assert.rejects(channel.call("get", { sessions: [(() => 1) as never] }), { code: "Backend" });
  assert.equal(await hoard.sessions.count(), 1);
});

test("a flush waits for attachments that are being stored", async (t) => {
  const fake = await session(t);
  const uploadPart = fake.engine.uploadPart.bind(fake.engine);
  fake.engine.uploadPart = async (...part) => {
    await settled();
    return uploadPart(...part);
  };
  const put = fake.hoard.attachments.put(new Blob([new Uint8Array(3 << 20)]));
  await fake.hoard.flush();
  assert.ok(fake.engine.log.indexOf("uploadFinish") >= 0);
  assert.ok(fake.engine.log.indexOf("flush") > fake.engine.log.indexOf("uploadFinish"));
  await put;
});
