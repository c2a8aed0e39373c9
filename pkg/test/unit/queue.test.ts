// Acknowledgements, numbers, bounds, and what becomes of writes when the engine crashes.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { Channel, Journal } from "../../src/channel.js";
import { HoardError } from "../../src/errors.js";
import type { Hoard } from "../../src/hoard.js";
import { newEntry, type Entry } from "../../src/outbox.js";
import type { Call } from "../../src/protocol.js";
import { Queue } from "../../src/queue.js";
import { connect, type Fake, type FakeOptions } from "./connect.js";
import { Disk, type FakeEngine } from "./fake-engine.js";

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

async function session(t: TestContext, options?: FakeOptions): Promise<Fake & { disk: Disk }> {
  const disk = new Disk();
  const fake = await connect({ disk, ...options });
  t.after(() => {
    for (const { engine } of fake.connections) release(engine);
    return fake.hoard.close().catch(() => {});
  });
  await fake.hoard.sessions.create({ id: "a" });
  await settled();
  fake.messages.length = 0;
  fake.engine.log.length = 0;
  fake.engine.numbered.length = 0;
  return Object.assign(fake, { disk });
}

const gates = new WeakMap<FakeEngine, () => void>();

/** Holds back what every write resolves with. */
function gate(engine: FakeEngine): void {
  engine.gate = new Promise((resolve) => gates.set(engine, resolve));
}

function release(engine: FakeEngine): void {
  gates.get(engine)?.();
}

/** How a promise stands. */
async function state(promise: Promise<unknown>): Promise<unknown> {
  const pending = Symbol();
  const outcome = await Promise.race([promise.catch((error: HoardError) => error.code), settled().then(() => pending)]);
  return outcome === pending ? "pending" : outcome;
}

function heard(hoard: Hoard, type: "failed" | "healed" | "quota" | "change" | "blocked"): unknown[] {
  const events: unknown[] = [];
  hoard.addEventListener(type, ({ detail }) => events.push(detail));
  return events;
}

const callsOf = (fake: Fake): Call[] => fake.messages.flatMap(({ calls }) => calls);

test("an accepted write resolves before the engine has answered, and with nothing", async (t) => {
  const fake = await session(t);
  const { hoard, engine } = fake;
  gate(engine);
  const list = hoard.list("a", "notes");
  const ack = "accepted";
  assert.equal(await list.append({ n: 1 }, { ack }), undefined);
  assert.equal(await list.append([{ n: 2 }, { image: new Uint8Array(3) }], { ack }), undefined);
  assert.equal(await list.append([], { ack }), undefined);
  assert.equal(await list.set(0, { n: 3 }, { ack }), undefined);
  assert.deepEqual(await hoard.sessions.create({ id: "b", title: "B" }, { ack }), { id: "b" });
  assert.equal(await hoard.sessions.update("b", { title: "C" }, { ack }), undefined);
  assert.equal(await hoard.sessions.put({ id: "c" }, { ack }), undefined);
  assert.equal(await hoard.save({ session: { id: "d" }, lists: { notes: [{ n: 1 }] } }, { ack }), "d");
  assert.equal(await hoard.sessions.delete("c", { ack }), undefined);
  assert.equal(await hoard.sessions.deleteMany(["d"], { ack }), undefined);
  assert.equal(await state(hoard.sessions.put({ id: "e" })), "pending", "nothing was answered so far");
  assert.deepEqual(await hoard.sessions.get("b"), { id: "b", title: "C" });
});

test("a committed write waits for the engine, and a durable one tells it so", async (t) => {
  const { hoard, engine } = await session(t);
  const list = hoard.list("a", "notes");
  assert.equal(await list.append({ n: 1 }), 0);
  assert.equal(await list.append({ n: 2 }, { ack: "committed" }), 1);
  assert.equal(await list.append({ n: 3 }, { ack: "durable" }), 2);
  await hoard.save({ session: { id: "b" } }, { ack: "durable" });
  await hoard.saveMany([{ session: { id: "c" } }], { ack: "durable" });
  await hoard.attachments.put(new Uint8Array(3), { ack: "durable" });
  await list.append({ n: 4 }, { ack: "accepted" });
  await settled();
  assert.deepEqual(
    engine.numbered.map(([, ack]) => ack),
    [1, 1, 2, 2, 2, 2, 0],
  );
});

test("where durability is strict, writes are durable unless they say otherwise", async (t) => {
  const { hoard, engine } = await session(t, { opening: { durability: "strict" } });
  await hoard.sessions.put({ id: "b" });
  await hoard.sessions.put({ id: "b" }, { ack: "committed" });
  await hoard.attachments.put(new Uint8Array(3));
  assert.deepEqual(
    engine.numbered.map(([, ack]) => ack),
    [2, 1, 2],
  );
});

test("a large upload that is to be durable ends with a barrier", async (t) => {
  const { hoard, engine } = await session(t);
  await hoard.attachments.put(new Blob([new Uint8Array(3 << 20)]), { ack: "durable" });
  assert.equal(engine.log.at(-1), "flush");
  await hoard.attachments.put(new Blob([new Uint8Array(5 << 20)]).stream(), { ack: "durable" });
  assert.equal(engine.log.at(-1), "flush");
  await hoard.attachments.put(new Blob([new Uint8Array(2 << 20)]));
  assert.notEqual(engine.log.at(-1), "flush");
});

test("an acknowledgement that does not exist is refused", async (t) => {
  const { hoard } = await session(t);
  const list = hoard.list("a", "x");
  const wrong = { ack: "soon" as never };
  const accepted = { ack: "accepted" as never };
  for (const call of [
    () => list.append({}, wrong),
    () => list.append({}, 5 as never),
    () => list.set(0, {}, wrong),
    () => hoard.sessions.create({}, wrong),
    () => hoard.sessions.put({ id: "b" }, wrong),
    () => hoard.sessions.update("a", {}, wrong),
    () => hoard.sessions.delete("a", wrong),
    () => hoard.sessions.deleteMany(["a"], { ack: "toString" as never }),
    () => hoard.save({ session: {} }, wrong),
    () => hoard.saveMany([], accepted),
    () => hoard.attachments.put(new Uint8Array(1), accepted),
  ]) {
    await assert.rejects(call(), { code: "InvalidArgument" });
  }
});

test("writes are numbered in the order in which they are sent, and what the page does not keep has no number", async (t) => {
  const fake = await session(t);
  const { hoard, engine } = fake;
  await Promise.all([
    hoard.sessions.create({ id: "b" }),
    hoard.list("b", "x").append({ image: new Blob([new Uint8Array(10)]) }),
    hoard.list("b", "x").append({ n: 1 }),
    hoard.list("b", "x").append({ n: 2 }),
    hoard.list("b", "x").append({ image: new Blob([new Uint8Array((4 << 20) + 1)]) }),
    hoard.save({ session: { id: "c" }, lists: { x: [{ image: new Blob(["x"]) }] } }),
    hoard.saveMany([{ session: { id: "d" } }]),
    hoard.sessions.delete("d"),
  ]);
  const writes = callsOf(fake).filter(({ seq }) => seq !== undefined);
  assert.deepEqual(
    writes.map(({ op, seq }) => [op, seq]),
    [
      ["create", 2],
      ["append", 3],
      ["append", 4],
      ["append", 0],
      ["save", 5],
      ["delete", 6],
    ],
  );
  assert.match(engine.options.writer ?? "", /^[0-9a-f]{32}$/);
});

test("writes of different acknowledgements share no call", async (t) => {
  const fake = await session(t);
  const list = fake.hoard.list("a", "x");
  gate(fake.engine);
  const accepted = [list.append({ n: 0 }, { ack: "accepted" }), list.append({ n: 1 }, { ack: "accepted" })];
  const others = [
    list.append({ n: 2 }),
    list.append({ n: 3 }),
    list.append({ n: 4 }, { ack: "durable" }),
    list.append({ n: 5 }, { ack: "durable" }),
  ];
  await Promise.all(accepted);
  assert.equal(await state(others[0]!), "pending", "the engine has answered nothing");
  release(fake.engine);
  const results = await Promise.all([...accepted, ...others]);
  assert.deepEqual(results, [undefined, undefined, 2, 3, 4, 5]);
  assert.equal(callsOf(fake).length, 3);
});

test("at the bound an accepted write waits until there is room", async (t) => {
  const fake = await session(t, { channel: { queue: { bytes: 1 << 20, writes: 3 } } });
  gate(fake.engine);
  const put = (n: number): Promise<void> => fake.hoard.sessions.put({ id: `s${n}` }, { ack: "accepted" });
  const puts = [1, 2, 3, 4, 5].map(put);
  assert.deepEqual(await Promise.all(puts.map(state)), [undefined, undefined, undefined, "pending", "pending"]);
  release(fake.engine);
  await Promise.all(puts);
  assert.equal(fake.disk.sessions.size, 6);
});

test("appends that share a call count one by one", async (t) => {
  const fake = await session(t, { channel: { queue: { bytes: 1 << 20, writes: 3 } } });
  gate(fake.engine);
  const appends = [0, 1, 2, 3, 4].map((n) => fake.hoard.list("a", "x").append({ n }, { ack: "accepted" }));
  assert.deepEqual(await Promise.all(appends.map(state)), [undefined, undefined, undefined, "pending", "pending"]);
  release(fake.engine);
  await Promise.all(appends);
});

test("the queue's room is what was taken from it, whatever comes and goes", () => {
  const queue = new Queue({ bytes: 1000, writes: 10 });
  const write = (bytes: number, ready = true): Entry => {
    const entry = newEntry("put", { bytes, ready, ack: 1, kept: true });
    entry.callers.push({ offset: 0, resolve: () => {}, reject: () => {} });
    queue.enter(entry);
    return entry;
  };
  const leave = (entry: Entry): void => {
    entry.settled = true;
    queue.leave(entry);
  };
  const rest = write(100);
  for (let round = 0; round < 5; round += 1) {
    const one = write(400);
    const encoded = write(0, false);
    const behind = write(100);
    assert.equal(behind.acceptedAt, 0, "behind one that is being encoded");
    Object.assign(encoded, { bytes: 450, ready: true });
    queue.complete(encoded, 0);
    assert.ok(encoded.acceptedAt > 0);
    assert.equal(behind.acceptedAt, 0, "there are 950 of 1000 bytes");
    assert.equal(queue.bytes, 1050);
    leave(one);
    assert.ok(behind.acceptedAt > 0);
    leave(behind);
    leave(encoded);
    assert.deepEqual([queue.writes, queue.bytes], [1, 100]);
  }
  leave(rest);
  assert.deepEqual([queue.writes, queue.bytes], [0, 0]);
});

test("what the page does not keep is accepted when it is committed", async (t) => {
  const fake = await session(t);
  gate(fake.engine);
  const image = new Blob([new Uint8Array((4 << 20) + 1)]);
  const large = fake.hoard.list("a", "x").append({ image }, { ack: "accepted" });
  const many = Array.from({ length: 3 }, () => new Blob([new Uint8Array(3 << 20)]));
  const together = fake.hoard.save({ session: { id: "b", many } }, { ack: "accepted" });
  assert.deepEqual(await Promise.all([large, together].map(state)), ["pending", "pending"]);
  release(fake.engine);
  assert.deepEqual(await Promise.all([large, together]), [undefined, "b"]);
});

test("what the page keeps reaches the engine in one piece: nothing of it can fail alone", async (t) => {
  const fake = await session(t);
  const image = new Uint8Array(3 << 20);
  await fake.hoard.list("a", "x").append({ image, other: new Blob([image]) });
  await fake.hoard.sessions.put({ id: "b", image });
  assert.deepEqual(fake.engine.log, ["append a/x 1", "put b"]);
});

test("the bound counts bytes too, of attachments as well", async (t) => {
  const fake = await session(t, { channel: { queue: { bytes: 1000, writes: 100 } } });
  gate(fake.engine);
  const append = (bytes: number): Promise<undefined> =>
    fake.hoard.list("a", "x").append({ image: new Uint8Array(bytes) }, { ack: "accepted" });
  const [one, two, three] = [append(600), append(600), append(600)];
  assert.deepEqual(await Promise.all([one, two, three].map(state)), [undefined, "pending", "pending"]);
  await assert.rejects(append(600), { code: "QueueFull", retryable: true });
  release(fake.engine);
  await Promise.all([two, three]);
  await append(600);
});

test("beyond twice the bound a write is refused and nothing of it is stored, and later there is room again", async (t) => {
  const fake = await session(t, { channel: { queue: { bytes: 1 << 20, writes: 4 } } });
  gate(fake.engine);
  const list = fake.hoard.list("a", "x");
  const appends = Array.from({ length: 9 }, (_, n) => list.append({ n }));
  await assert.rejects(appends[8]!, { code: "QueueFull" });
  await assert.rejects(fake.hoard.save({ session: { id: "b" } }), { code: "QueueFull" });
  await assert.rejects(fake.hoard.sessions.delete("a"), { code: "QueueFull" });
  assert.equal((await fake.hoard.stats()).page.waiting, 8);
  release(fake.engine);
  assert.deepEqual(await Promise.all(appends.slice(0, 8)), [0, 1, 2, 3, 4, 5, 6, 7]);
  assert.equal(await list.append({ n: 8 }), 8);
  assert.equal(await list.length(), 9);
  const { waiting, waitingBytes } = (await fake.hoard.stats()).page;
  assert.deepEqual([waiting, waitingBytes], [0, 0]);
});

test("a write that is larger than the bound passes when it is alone", async (t) => {
  const { hoard } = await session(t, { channel: { queue: { bytes: 100, writes: 10 } } });
  await hoard.sessions.put({ id: "b", text: "x".repeat(1000) }, { ack: "accepted" });
  await hoard.flush();
  assert.equal(await hoard.list("a", "x").append({ image: new Uint8Array(5000) }), 0);
});

test("a write behind one that is still being encoded is accepted after it", async (t) => {
  const fake = await session(t);
  let read = (_: ArrayBuffer): void => {};
  const blob = new Blob(["x"]);
  blob.arrayBuffer = () => new Promise((resolve) => (read = resolve));
  const first = fake.hoard.list("a", "x").append({ blob }, { ack: "accepted" });
  const second = fake.hoard.list("a", "x").append({ n: 2 }, { ack: "accepted" });
  assert.deepEqual([await state(first), await state(second)], ["pending", "pending"]);
  assert.deepEqual(fake.channel.waiting(), [], "neither would go into the journal");
  read(new ArrayBuffer(1));
  await Promise.all([first, second]);
  await fake.hoard.flush();
  assert.deepEqual(
    fake.engine.log.filter((entry) => entry.startsWith("append")),
    ["append a/x 1", "append a/x 1"],
  );
});

test("a write whose Blob cannot be read fails, and those behind it are accepted", async (t) => {
  const fake = await session(t);
  const blob = new Blob(["x"]);
  blob.arrayBuffer = () => Promise.reject(new DOMException("it changed", "NotReadableError"));
  const first = fake.hoard.list("a", "x").append({ blob }, { ack: "accepted" });
  const second = fake.hoard.list("a", "x").append({ n: 2 }, { ack: "accepted" });
  await assert.rejects(first, { code: "NotStorable", message: /it changed/ });
  await second;
  const { waiting, waitingBytes } = (await fake.hoard.stats()).page;
  assert.deepEqual([waiting, waitingBytes], [0, 0]);
});

test("what the caller changes after an accepted write does not change the write", async (t) => {
  const fake = await session(t);
  const bytes = new Uint8Array([1, 2, 3]);
  await fake.hoard.list("a", "x").append({ bytes }, { ack: "accepted" });
  bytes.fill(9);
  await fake.hoard.flush();
  const [stored] = [...fake.engine.attachments.values()];
  assert.deepEqual([...(stored?.bytes ?? [])], [1, 2, 3]);
});

test("an accepted write that the store refuses is reported by an event", async (t) => {
  const fake = await session(t);
  const failed = heard(fake.hoard, "failed") as { error: HoardError; session: string; list?: string }[];
  await fake.hoard.list("gone", "notes").append({ n: 1 }, { ack: "accepted" });
  await fake.hoard.sessions.create({ id: "a" }, { ack: "accepted" });
  await settled();
  assert.deepEqual(
    failed.map(({ error, session, list }) => [error.code, session, list]),
    [
      ["NotFound", "gone", "notes"],
      ["AlreadyExists", "a", undefined],
    ],
  );
});

test("a refusal that the engine reports twice is one event, and one from the journal has no session", async (t) => {
  const fake = await session(t);
  const failed = heard(fake.hoard, "failed") as { error: HoardError; session: string | null }[];
  gate(fake.engine);
  await fake.hoard.list("a", "notes").append({ n: 1 }, { ack: "accepted" });
  await settled();
  const error = { code: "NotFound", message: "gone", retryable: false, needsReload: false };
  fake.engine.report({ type: "failed", seq: 2, error });
  fake.engine.report({ type: "failed", seq: 0, error });
  release(fake.engine);
  await settled();
  assert.deepEqual(
    failed.map(({ error, session }) => [error.code, session]),
    [
      ["NotFound", "a"],
      ["NotFound", null],
    ],
  );
});

test("after a crash accepted writes are sent again by themselves, with their numbers, each stored once", async (t) => {
  const fake = await session(t);
  const healed = heard(fake.hoard, "healed") as { cause: string }[];
  const list = fake.hoard.list("a", "notes");
  gate(fake.engine);
  // Stored, but the reply is lost with the engine.
  await list.append({ n: 0, image: new Uint8Array(100) }, { ack: "accepted" });
  const committed = list.append({ n: 1 });
  const read = fake.hoard.sessions.count();
  await settled();
  // Called before the page has heard of the crash.
  fake.connections[0]!.host.crash("trap");
  await list.append({ n: 2 }, { ack: "accepted" });
  await assert.rejects(committed, { code: "EngineCrashed", retryable: true });
  await read;
  await settled();
  assert.equal(fake.connections.length, 2, "nobody had to call");
  assert.deepEqual(
    fake.engine.numbered.map(([seq]) => seq),
    [2, 4],
  );
  const items = (await list.slice()) as { n: number }[];
  assert.deepEqual(
    items.map(({ n }) => n),
    [0, 1, 2],
    "the second was stored before the crash, which its caller could not know",
  );
  assert.equal(healed.length, 1);
  assert.match(healed[0]!.cause, /trap/);
  assert.equal((await fake.hoard.stats()).page.resent, 2);
});

test("a write that crashes the engine again and again is given up after three times, those behind it are stored", async (t) => {
  const fake = await session(t, {
    started: (engine) => {
      const append = engine.append.bind(engine);
      engine.append = async (id, list, ...rest) => {
        if (list !== "poison") return append(id, list, ...rest);
        setImmediate(() => fake.connections.at(-1)!.host.crash("poison"));
        return new Promise(() => {});
      };
    },
  });
  const failed = heard(fake.hoard, "failed") as { error: HoardError; list: string }[];
  const ack = "accepted";
  await fake.hoard.list("a", "before").append({}, { ack });
  await fake.hoard.list("a", "poison").append({}, { ack });
  await fake.hoard.list("a", "behind").append({}, { ack });
  await fake.hoard.list("a", "more").append({}, { ack });
  for (let tries = 0; failed.length === 0 && tries < 100; tries += 1) await settled();
  assert.deepEqual(
    failed.map(({ error, list }) => [error.code, list]),
    [["EngineCrashed", "poison"]],
  );
  await fake.hoard.flush();
  assert.equal(fake.connections.length, 5, "with the others once, three times alone, and then those behind it");
  for (const list of ["before", "behind", "more"]) assert.equal(await fake.hoard.list("a", list).length(), 1, list);
  assert.equal(failed.length, 1);
});

test("an engine that cannot start is tried again for accepted writes, with patience", async (t) => {
  let starts = 0;
  const fake = await session(t, {
    started: () => {
      starts += 1;
      if (starts === 2) throw { code: "Blocked", message: "other tab", retryable: true, needsReload: false };
    },
  });
  gate(fake.engine);
  await fake.hoard.list("a", "notes").append({ n: 1 }, { ack: "accepted" });
  await settled();
  fake.disk.sessions.get("a")?.lists.clear();
  fake.disk.decided.clear();
  fake.connections[0]!.host.crash("x");
  await settled();
  assert.equal(starts, 2);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  assert.equal(starts, 3);
  assert.equal(await fake.hoard.list("a", "notes").length(), 1);
});

test("closing hands accepted writes for which there is no room to the journal", async (t) => {
  const fake = await session(t);
  const full = { code: "StorageFull", message: "full", retryable: true, needsReload: false };
  const journal = fakeJournal(fake.channel);
  const failed = heard(fake.hoard, "failed");
  let keep = (): void => {};
  fake.engine.append = () => new Promise((_, reject) => (keep = () => reject(full)));
  const close = fake.engine.close.bind(fake.engine);
  fake.engine.close = async () => {
    keep();
    await close();
    throw full;
  };
  await fake.hoard.list("a", "notes").append({ n: 1 }, { ack: "accepted" });
  await fake.hoard.close();
  assert.deepEqual(journal.written, [2]);
  assert.deepEqual(failed, []);
});

test("closing fails with what the engine failed of, when something is lost by that", async (t) => {
  const fake = await session(t);
  fake.engine.close = async () => {
    throw { code: "StorageFull", message: "full", retryable: true, needsReload: false };
  };
  await assert.rejects(fake.hoard.close(), { code: "StorageFull" });
  assert.equal(fake.connections[0]!.released, true);
});

test("accepted writes that neither the engine nor the journal takes are reported when the hoard is closed", async (t) => {
  const fake = await session(t);
  const failed = heard(fake.hoard, "failed") as { error: HoardError }[];
  fake.engine.append = () => new Promise(() => {});
  await fake.hoard.list("a", "notes").append({ n: 1 }, { ack: "accepted" });
  await settled();
  await fake.hoard.close();
  assert.deepEqual(
    failed.map(({ error }) => error.code),
    ["Closed"],
  );
});

test("where the engine cannot start anew, accepted writes go to the journal when it crashes", async (t) => {
  const fake = await session(t, { again: false });
  const journal = fakeJournal(fake.channel);
  gate(fake.engine);
  await fake.hoard.list("a", "notes").append({ n: 1 }, { ack: "accepted" });
  const committed = fake.hoard.list("a", "notes").append({ n: 1 });
  await settled();
  fake.connections[0]!.fail(new HoardError("EngineCrashed", "gone", { needsReload: true }));
  await assert.rejects(committed, { code: "EngineCrashed" });
  await settled();
  assert.deepEqual(journal.written, [2]);
});

test("a write that is in the journal and refused rejects when the journal has it no more", async (t) => {
  const fake = await session(t);
  const journal = fakeJournal(fake.channel);
  fake.engine.broken = { code: "StorageFull", message: "full", retryable: true, needsReload: false };
  let erased = (): void => {};
  journal.erase = () => new Promise((resolve) => (erased = resolve));
  const append = fake.hoard.list("a", "notes").append({ n: 1 });
  await fake.channel.journal?.write(fake.channel.waiting());
  assert.equal(await state(append), "pending");
  erased();
  await assert.rejects(append, { code: "StorageFull" });
});

test("a delete that is in the journal is told when the journal has it no more", async (t) => {
  const fake = await session(t);
  const journal = fakeJournal(fake.channel);
  let erased = (): void => {};
  journal.erase = () => new Promise((resolve) => (erased = resolve));
  const deleted = fake.hoard.sessions.delete("a");
  await fake.channel.journal?.write(fake.channel.waiting());
  assert.equal(await state(deleted), "pending");
  erased();
  assert.equal(await deleted, true);
});

test("the engine is started anew when the journal no longer has what was given up", async (t) => {
  const fake = await session(t);
  const journal = fakeJournal(fake.channel);
  let erased = (): void => {};
  journal.erase = () => new Promise((resolve) => (erased = resolve));
  gate(fake.engine);
  const append = fake.hoard.list("a", "notes").append({ n: 1 });
  await settled();
  await fake.channel.journal?.write(fake.channel.waiting());
  fake.connections[0]!.fail(new HoardError("EngineCrashed", "gone"));
  const read = fake.hoard.sessions.count();
  await settled();
  assert.equal(fake.connections.length, 1, "it would store what it finds there");
  erased();
  await assert.rejects(append, { code: "EngineCrashed" });
  await read;
  assert.equal(fake.connections.length, 2);
});

test("a write that may be decided without a trace is not sent again after a crash", async (t) => {
  const fake = await session(t);
  const journal = fakeJournal(fake.channel);
  const erased: number[] = [];
  journal.erase = async ({ seq }) => void erased.push(seq);
  const failed = heard(fake.hoard, "failed") as { error: HoardError; list: string }[];
  gate(fake.engine);
  const [first, second] = ["x", "y"].map((list) => fake.hoard.list("a", list).append({ n: 1 }, { ack: "accepted" }));
  await Promise.all([first, second]);
  const [undone, other] = fake.channel.waiting().map(({ seq }) => seq);
  await journal.write(fake.channel.waiting());
  fake.engine.report({ type: "unrecorded", seqs: [undone!] });
  await settled();
  fake.connections[0]!.fail(new HoardError("EngineCrashed", "gone"));
  await fake.hoard.sessions.count();
  assert.deepEqual(
    failed.map(({ error, list }) => [error.code, list]),
    [["EngineCrashed", "x"]],
  );
  assert.deepEqual(erased, [undone]);
  assert.deepEqual(
    fake.engine.numbered.map(([seq]) => seq),
    [other],
  );
});

test("an append that is in the journal is not joined by another", async (t) => {
  const fake = await session(t);
  const list = fake.hoard.list("a", "notes");
  const first = list.append({ n: 1 });
  assert.deepEqual(
    fake.channel.waiting().map(({ seq, texts }) => [seq, texts?.length]),
    [[2, 1]],
  );
  const second = list.append({ n: 2 });
  assert.deepEqual(await Promise.all([first, second]), [0, 1]);
  assert.deepEqual(
    callsOf(fake).map(({ seq }) => seq),
    [2, 3],
  );
});

test("what the engine reports of storage, connection and other tabs becomes events", async (t) => {
  const fake = await session(t);
  const { hoard, engine } = fake;
  const [quota, healed, blocked] = [heard(hoard, "quota"), heard(hoard, "healed"), heard(hoard, "blocked")] as [
    { error: HoardError | null; waiting: number }[],
    unknown[],
    { error: HoardError }[],
  ];
  const fields = { message: "words", retryable: true, needsReload: false };
  engine.report({ type: "full", error: { code: "StorageFull", ...fields }, waiting: 3 });
  engine.report({ type: "room" });
  engine.report({ type: "healed", cause: "lost" });
  engine.report({ type: "blocked", error: { code: "Blocked", ...fields } });
  await settled();
  assert.deepEqual(
    quota.map(({ error, waiting }) => [error?.code, waiting]),
    [
      ["StorageFull", 3],
      [undefined, 0],
    ],
  );
  assert.deepEqual(healed, [{ cause: "lost" }]);
  assert.ok(blocked[0]?.error instanceof HoardError && blocked[0].error.code === "Blocked");
});

test("what was reported while the hoard was opened reaches who listens right after", async (t) => {
  const fake = await connect({
    started: (engine) => engine.report({ type: "healed", cause: "while opening" }),
  });
  t.after(() => fake.hoard.close());
  const healed = heard(fake.hoard, "healed");
  await settled();
  assert.deepEqual(healed, [{ cause: "while opening" }]);
});

/** A journal that takes everything. */
function fakeJournal(channel: Channel): Journal & { written: number[] } {
  const journal = {
    written: [] as number[],
    write: async (entries: readonly Entry[]) => {
      for (const entry of entries) {
        entry.journaled = true;
        journal.written.push(entry.seq);
      }
      return true;
    },
    erase: async () => {},
    stored: () => {},
  };
  channel.journal = journal;
  return journal;
}
