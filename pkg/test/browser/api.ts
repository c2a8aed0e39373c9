// The whole API, end to end: page, worker, wasm, IndexedDB and back.
import { assert } from "chai";
import { AttachmentRef, HoardError, openHoard, type Hoard, type Session } from "hoardb";
import {
  WORKER,
  clean,
  collect,
  eventually,
  fails,
  freshName,
  noise,
  open,
  records,
  sha256,
  type RawRecord,
  wasmSources,
} from "./support.js";

interface Recording {
  session: { title: string; startedAt: Date; status?: string; tags?: string[]; cover?: AttachmentRef };
  lists: { shots: { at: number; image: AttachmentRef }; notes: { n: number; text?: string } };
}

/** The records of sessions and attachments. The index keeps until its next merge what it had of the deleted ones. */
const data = async (name: string): Promise<RawRecord[]> =>
  (await records(name)).filter(({ store }) => store !== "meta" && store !== "segments");

const notes = (count: number): { n: number; text: string }[] =>
  Array.from({ length: count }, (_, n) => ({ n, text: `note ${n}` }));

describe("sessions", () => {
  it("are created, read, changed, replaced and deleted", async () => {
    const hoard = await open<Recording>();
    const startedAt = new Date(1_700_000_000_000);
    const made = await hoard.sessions.create({ title: "One", startedAt, tags: ["a"] });
    assert.match(made.id, /^[0-9a-f-]{36}$/);
    assert.deepEqual(made, { id: made.id, title: "One", startedAt, tags: ["a"] });
    assert.deepEqual(await hoard.sessions.get(made.id), made);
    await hoard.sessions.create({ id: "two", title: "Two", startedAt });
    assert.equal(await hoard.sessions.count(), 2);
    const [two, none, one] = await hoard.sessions.getMany(["two", "none", made.id]);
    assert.deepEqual([two?.title, none, one?.title], ["Two", undefined, "One"]);

    await hoard.list("two", "notes").append({ n: 1 });
    await hoard.sessions.update("two", { status: "done", title: "Zwei" });
    assert.deepEqual(await hoard.sessions.get("two"), { id: "two", title: "Zwei", startedAt, status: "done" });
    await hoard.sessions.update("two", { status: undefined });
    assert.deepEqual(await hoard.sessions.get("two"), { id: "two", title: "Zwei", startedAt });
    await hoard.sessions.put({ id: "two", title: "Deux", startedAt });
    assert.deepEqual(await hoard.sessions.get("two"), { id: "two", title: "Deux", startedAt });
    assert.equal(await hoard.list("two", "notes").length(), 1, "its lists stay");

    assert.equal(await hoard.sessions.delete("two"), true);
    assert.equal(await hoard.sessions.delete("two"), false);
    assert.equal(await hoard.sessions.get("two"), undefined);
    await hoard.sessions.create({ id: "three", title: "3", startedAt });
    assert.equal(await hoard.sessions.deleteMany([made.id, "three", "none", "three"]), 2);
    assert.equal(await hoard.sessions.count(), 0);
    assert.deepEqual(await data(hoard.name), []);
    await clean(hoard);
  });

  it("are listed in an order, by pages, without a gap", async () => {
    const hoard = await open<Recording>();
    const sessions = Array.from({ length: 620 }, (_, n) => ({
      session: { id: `s${n}`, title: `T${String(n % 7)}`, startedAt: new Date((n * 7919) % 10_007), tags: [] },
    }));
    await hoard.saveMany(sessions);
    const byDate = await collect(hoard.sessions.list({ orderBy: "startedAt" }));
    assert.equal(byDate.length, 620);
    assert.isTrue(byDate.every(({ startedAt }, at) => at === 0 || +startedAt >= +byDate[at - 1]!.startedAt));
    const reverse = await collect(hoard.sessions.list({ orderBy: "startedAt", reverse: true, limit: 10 }));
    assert.deepEqual(
      reverse.map(({ id }) => id),
      byDate
        .slice(-10)
        .reverse()
        .map(({ id }) => id),
    );

    const pages: Session<Recording>[] = [];
    let after: string | null = null;
    let rounds = 0;
    do {
      const page = hoard.sessions.list({ orderBy: "title", limit: 100, ...(after === null ? {} : { after }) });
      pages.push(...(await collect(page)));
      after = page.next;
      rounds += 1;
    } while (after !== null);
    assert.equal(rounds, 7);
    assert.equal(new Set(pages.map(({ id }) => id)).size, 620);
    assert.isTrue(pages.every(({ title }, at) => at === 0 || title >= pages[at - 1]!.title));
    const ids = (await collect(hoard.sessions.list())).map(({ id }) => id);
    assert.deepEqual(ids, [...ids].sort());
  });
});

describe("lists", () => {
  it("are appended to, read anywhere and changed", async () => {
    const hoard = await open<Recording>({ chunk: { items: 10 } });
    await hoard.sessions.create({ id: "a", title: "A", startedAt: new Date(0) });
    const list = hoard.list("a", "notes");
    assert.equal(await list.length(), 0);
    assert.deepEqual(await list.slice(), []);
    assert.equal(await list.append({ n: 0, text: "note 0" }), 0);
    assert.equal(await list.append(notes(25).slice(1)), 1);
    for (let n = 25; n < 37; n += 1) assert.equal(await list.append({ n, text: `note ${n}` }), n);
    const expected = notes(37);
    assert.equal(await list.length(), 37);
    assert.deepEqual(await list.slice(), expected);
    assert.deepEqual(await collect(list), expected);
    for (const index of [0, 9, 10, 24, 25, 36]) assert.deepEqual(await list.get(index), expected[index]);
    assert.equal(await list.get(37), undefined);
    for (const [from, to] of [
      [0, 1],
      [5, 15],
      [30, 99],
      [37, 40],
      [8, 8],
    ] as const) {
      assert.deepEqual(await list.slice(from, to), expected.slice(from, to));
    }
    let next = 7;
    for await (const { from, to, items, error } of list.chunks({ from: 7 })) {
      assert.equal(error, undefined);
      assert.equal(from, next);
      assert.deepEqual(items, expected.slice(from, to));
      next = to;
    }
    assert.equal(next, 37);
    await list.set(36, { n: -1 });
    await list.set(3, { n: -2, text: "changed" });
    expected[36] = { n: -1 } as never;
    expected[3] = { n: -2, text: "changed" };
    assert.deepEqual(await list.slice(), expected);
    assert.equal(await list.append([]), 37);
    await clean(hoard);
  });

  it("are there again after closing and opening", async () => {
    const name = freshName();
    const first = await open<Recording>({ name });
    await first.save({ session: { id: "a", title: "A", startedAt: new Date(5) }, lists: { notes: notes(120) } });
    await first.close();
    const second = await open<Recording>({ name });
    const { session, lists, damaged } = await second.load("a");
    assert.deepEqual(session, { id: "a", title: "A", startedAt: new Date(5) });
    assert.deepEqual(lists.notes, notes(120));
    assert.deepEqual(damaged, []);
  });

  it("keep the order of appends that nobody awaited, and reads see all of them", async () => {
    const hoard = await open<Recording>();
    void hoard.sessions.create({ id: "a", title: "A", startedAt: new Date(0) });
    const list = hoard.list("a", "notes");
    const appends = Array.from({ length: 500 }, (_, n) =>
      n % 50 === 7 ? hoard.list("a", "shots").append({ at: n, image: new Blob([`${n}`]) }) : list.append({ n }),
    );
    const read = list.slice();
    const seen = await read;
    assert.deepEqual(
      seen.map(({ n }) => n),
      Array.from({ length: 500 }, (_, n) => n).filter((n) => n % 50 !== 7),
    );
    await Promise.all(appends);
    assert.equal(await hoard.list("a", "shots").length(), 10);
  });

  it("return from append at once", async () => {
    const hoard = await open<Recording>();
    await hoard.sessions.create({ id: "a", title: "A", startedAt: new Date(0) });
    const list = hoard.list("a", "notes");
    const item = { n: 1, text: "some words of a note as they are written, ".repeat(6) };
    const run = async (): Promise<number> => {
      const began = performance.now();
      const appends = Array.from({ length: 1000 }, () => list.append(item));
      const took = performance.now() - began;
      await Promise.all(appends);
      return took;
    };
    const times: number[] = [];
    for (let round = 0; round < 5; round += 1) times.push(await run());
    // Goal: 50 µs each. The browser's clock is coarse, so a thousand are timed together.
    assert.isBelow(Math.min(...times), 50);
  });

  it("can be read while they are written, chunk by chunk, until the signal fires", async () => {
    const hoard = await open<Recording>({ chunk: { items: 5 } });
    await hoard.save({ session: { id: "a", title: "A", startedAt: new Date(0) }, lists: { notes: notes(4000) } });
    const abort = new AbortController();
    let seen = 0;
    const error = await fails("Aborted", async () => {
      for await (const { items } of hoard.list("a", "notes").chunks({ signal: abort.signal })) {
        seen += items.length;
        if (seen === 50) abort.abort();
      }
    });
    assert.equal(seen, 50);
    assert.instanceOf(error, HoardError);
  });
});

describe("values", () => {
  it("come back as they went in, whatever they hold", async () => {
    const name = freshName();
    const hoard = await open({ name });
    const value = {
      text: "é 日本語 😀 \u2028 \ud800 lone",
      date: new Date(-12345),
      zero: -0,
      numbers: [1.5, -1e300, 5e-324, 0],
      $date: 5,
      $attachment: 0,
      $$x: { $number: "-0" },
      "": "empty key",
      nested: JSON.parse('{"__proto__":{"a":[1]},"constructor":2}'),
      deep: [[[{ d: [new Date(1)] }]]],
      nothing: null,
    };
    await hoard.sessions.create({ id: "a", ...value });
    await hoard.list("a", "items").append([value, "text", 5, null, [1, [2]], true, -0, new Date(3)]);
    await hoard.close();
    const again = await open({ name });
    const session = (await again.sessions.get("a")) as unknown as typeof value & { id: string };
    const items = await again.list("a", "items").slice();
    assert.deepEqual(session, { id: "a", ...value });
    assert.isTrue(Object.is(session.zero, -0));
    assert.isTrue(Object.hasOwn(session.nested, "__proto__"));
    assert.equal(Object.getPrototypeOf(session.nested), Object.prototype);
    assert.deepEqual(items.slice(1), ["text", 5, null, [1, [2]], true, -0, new Date(3)]);
    assert.deepEqual(items[0], value);
    assert.equal(JSON.stringify((items[0] as typeof value).nested), JSON.stringify(value.nested));
  });

  it("nest as deep as is allowed", async () => {
    const hoard = await open();
    let value: unknown = 1;
    for (let level = 0; level < 255; level += 1) value = [value];
    await hoard.sessions.create({ id: "a", value });
    assert.deepEqual((await hoard.sessions.get("a"))?.["value"], value);
    await hoard.list("a", "x").append([[value]]);
    assert.deepEqual(await hoard.list("a", "x").get(0), [value]);
    await fails("NotStorable", () => hoard.list("a", "x").append([[[value]]]));
  });
});

describe("attachments", () => {
  it("of every kind and size come back byte for byte, stored once", async () => {
    const hoard = await open();
    await hoard.sessions.create({ id: "a" });
    for (const size of [0, 1, 5000, 1 << 20, (1 << 20) + 1, 3_500_000]) {
      const bytes = noise(size, size);
      const hash = await sha256(bytes);
      const stream = new Blob([bytes]).stream();
      for (const content of [new Blob([bytes], { type: "image/png" }), bytes, bytes.buffer, stream]) {
        const ref = await hoard.attachments.put(content, { type: "image/png" });
        assert.deepEqual([ref.hash, ref.size, ref.type], [hash, size, "image/png"]);
      }
      await hoard.list("a", "shots").append([{ image: new Blob([bytes], { type: "image/png" }) }, { image: bytes }]);
      const { references, encoding, size: stored } = await hoard.attachments.stat(hash);
      assert.deepEqual([encoding, stored], ["identity", size]);
      assert.isAtLeast(references, 1);
      const [first, second] = (await hoard
        .list("a", "shots")
        .slice(-2 + (await hoard.list("a", "shots").length()))) as { image: AttachmentRef }[];
      assert.deepEqual([first?.image.hash, second?.image.hash], [hash, hash]);
      assert.deepEqual(await first!.image.bytes(), bytes);
      assert.equal(first?.image.type, "image/png");
      const blob = await first!.image.blob();
      assert.equal(blob.type, "image/png");
      assert.deepEqual(new Uint8Array(await blob.arrayBuffer()), bytes);
      assert.deepEqual(
        await first!.image.bytes({ start: 10, end: size - 10 > 10 ? size - 10 : 10 }),
        bytes.slice(10, Math.max(10, size - 10)),
      );
      const parts = await collect(streamed(first!.image.stream()));
      assert.deepEqual(new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer()), bytes);
    }
    const { attachments } = await hoard.stats();
    assert.equal(attachments, 6);
    await clean(hoard);
  });

  it("have object URLs that run no scripts", async () => {
    const hoard = await open();
    const svg = new Blob(['<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>'], {
      type: "image/svg+xml",
    });
    const png = new Blob([noise(100)], { type: "image/png" });
    for (const [blob, type] of [
      [svg, "application/octet-stream"],
      [png, "image/png"],
    ] as const) {
      const url = await (await hoard.attachments.put(blob)).url();
      const response = await fetch(url);
      assert.equal(response.headers.get("content-type"), type);
      assert.equal((await response.arrayBuffer()).byteLength, blob.size);
      URL.revokeObjectURL(url);
    }
  });

  it("in metadata and in whole sessions are references that can be stored again", async () => {
    const hoard = await open<Recording>();
    const image = new Blob([noise(2000)], { type: "image/png" });
    const made = await hoard.sessions.create({ id: "a", title: "A", startedAt: new Date(0), cover: image });
    assert.instanceOf(made.cover, AttachmentRef);
    assert.equal(made.cover?.size, 2000);
    await hoard.list("a", "shots").append([
      { at: 1, image },
      { at: 2, image: made.cover! },
    ]);
    const whole = await hoard.load("a");
    assert.equal(await hoard.save({ ...whole, session: { ...whole.session, id: "b" } }), "b");
    const copy = await hoard.load("b");
    assert.deepEqual(
      copy.lists.shots?.map(({ image }) => image.hash),
      whole.lists.shots?.map(({ image }) => image.hash),
    );
    assert.equal((await hoard.stats()).attachments, 1);
    await hoard.sessions.update("b", { cover: undefined });
    await clean(hoard);
    await hoard.sessions.deleteMany(["a", "b"]);
    assert.equal((await hoard.attachments.stat(made.cover!.hash)).references, 0);
  });

  it("are collected when nothing refers to them any more, and not before", async () => {
    const hoard = await open({ graceMs: 0 });
    const image = new Blob([noise(1_500_000)], { type: "image/png" });
    await hoard.saveMany(["a", "b"].map((id) => ({ session: { id }, lists: { shots: [{ image }] } })));
    const [{ image: ref }] = (await hoard.list("a", "shots").slice()) as [{ image: AttachmentRef }];
    const run = async (options?: { dryRun?: boolean }): Promise<number> =>
      (await hoard.collect(options).done).attachments;
    await hoard.sessions.delete("a");
    assert.equal(await run(), 0);
    assert.equal((await ref.bytes()).length, 1_500_000);
    await hoard.sessions.delete("b");
    const steps: string[] = [];
    const dry = hoard.collect({ dryRun: true });
    for await (const { phase } of dry.progress) steps.push(phase);
    assert.equal((await dry.done).dryRun, true);
    assert.isAtLeast(steps.length, 1);
    assert.equal((await hoard.stats()).attachments, 1, "a dry run removes nothing");
    // The first run finds it unreferenced, the next one removes it when its grace period is over.
    await run();
    await new Promise((resolve) => setTimeout(resolve, 5));
    await run();
    assert.equal((await hoard.stats()).attachments, 0);
    await fails("NotFound", () => ref.bytes());
    assert.deepEqual(await data(hoard.name), []);
    await clean(hoard);
  });

  it("of a cancelled stream leave nothing behind", async () => {
    const hoard = await open();
    const abort = new AbortController();
    let given = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(noise(300_000, (given += 1)));
        if (given === 12) abort.abort();
      },
    });
    await fails("Aborted", () => hoard.attachments.put(endless, { signal: abort.signal }));
    await hoard.flush();
    assert.deepEqual(await records(hoard.name).then((all) => all.filter(({ store }) => store === "parts")), []);
  });
});

async function* streamed(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

describe("whole sessions", () => {
  it("are saved in bulk and loaded with progress", async () => {
    const hoard = await open<Recording>();
    const made = Array.from({ length: 130 }, (_, n) => ({
      session: { id: `s${String(n).padStart(3, "0")}`, title: `T${n}`, startedAt: new Date(n) },
      lists: { notes: notes(n % 60) },
    }));
    assert.deepEqual(
      await hoard.saveMany(made),
      made.map(({ session }) => session.id),
    );
    assert.equal(await hoard.sessions.count(), 130);
    const progress: number[] = [];
    const loaded = await hoard.load("s059", { onProgress: ({ done }) => progress.push(done) });
    assert.deepEqual(loaded, { session: made[59]!.session, lists: { notes: notes(59) }, damaged: [] });
    assert.equal(progress.at(-1), 59);
    assert.deepEqual((await hoard.load("s059", { lists: ["shots"] })).lists, { shots: [] });
    const { sessions, items, logicalBytes, storedBytes, jsonBytes } = await hoard.stats();
    assert.equal(sessions, 130);
    assert.equal(
      items,
      made.reduce((sum, { lists }) => sum + lists.notes.length, 0),
    );
    assert.isAbove(logicalBytes, 1000);
    assert.isAbove(jsonBytes, 1000);
    assert.isAbove(storedBytes, 0);
    await clean(hoard);
  });

  it("replace what was there", async () => {
    const hoard = await open<Recording>();
    const session = { id: "a", title: "A", startedAt: new Date(0) };
    await hoard.save({ session, lists: { notes: notes(200), shots: [{ at: 1, image: new Blob(["x"]) }] } });
    await hoard.save({ session: { ...session, title: "B" }, lists: { notes: notes(3) } });
    const { session: back, lists } = await hoard.load("a");
    assert.equal(back.title, "B");
    assert.deepEqual(lists, { notes: notes(3) });
    await clean(hoard);
  });

  it("do not keep the page from anything else while many are saved", async () => {
    const hoard = await open<Recording>();
    const item = { n: 1, text: "words ".repeat(48) };
    const sessions = Array.from({ length: 200 }, (_, n) => ({
      session: { id: `s${n}`, title: "x".repeat(2000), startedAt: new Date(n) },
      lists: { notes: Array.from({ length: 50 }, (_, at) => ({ ...item, n: at })) },
    }));
    let longest = 0;
    let last = performance.now();
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
      port2.postMessage(0);
    };
    port2.postMessage(0);
    await hoard.saveMany(sessions);
    const between = longest;
    port1.close();
    // Goal: 16 ms, measured by the benchmark. A shared machine stutters by itself.
    if (WORKER) assert.isBelow(between, 120);
    assert.equal(await hoard.sessions.count(), 200);
  });
});

describe("a hoard", () => {
  it("shares its data with another one of the same name", async () => {
    const name = freshName();
    const [one, two] = [await open({ name }), await open({ name })];
    await one.sessions.create({ id: "a", from: "one" });
    assert.deepEqual(await two.sessions.get("a"), { id: "a", from: "one" });
    await Promise.all(Array.from({ length: 20 }, (_, n) => [one, two][n % 2]!.list("a", "x").append({ n })));
    // Each hears of what the other committed by a message.
    await eventually(async () => assert.equal(await one.list("a", "x").length(), 20));
    await fails("AlreadyExists", () => two.sessions.create({ id: "a" }));
    await clean(two);
  });

  it("flushes, closes once and for all, and says so", async () => {
    const hoard = await open({ durability: "strict" });
    const append = hoard.sessions.create({ id: "a" }).then(() => hoard.list("a", "x").append({}));
    await append;
    await hoard.flush();
    const last = hoard.list("a", "x").append({ image: new Blob(["x"]) });
    await hoard.close();
    assert.equal(await last, 1, "what was called before is finished first");
    await hoard.close();
    await fails("Closed", () => hoard.sessions.get("a"));
    await fails("Closed", () => hoard.collect().done);
  });

  it("takes its wasm by address, as bytes or compiled", async () => {
    for (const wasm of await wasmSources("/dist/wasm/hoardb_bg.wasm")) {
      const hoard = await open({ wasm });
      await hoard.sessions.create({ id: "a" });
      assert.equal(await hoard.sessions.count(), 1);
    }
  });

  it("says what the browser's quota is, or that it does not say", async () => {
    const hoard = await open();
    const { quota } = await hoard.stats();
    if (quota === null) assert.isUndefined(navigator.storage?.estimate);
    else assert.isAbove(quota.quota, quota.usage);
  });

  it("reports its jobs' progress as events, and pauses and cancels them", async () => {
    const hoard = await open();
    await hoard.saveMany(Array.from({ length: 100 }, (_, n) => ({ session: { id: `${n}` }, lists: { x: [{ n }] } })));
    const job = hoard.verify({ full: true });
    job.pause();
    let events = 0;
    job.addEventListener("progress", ({ detail }) => {
      assert.isString(detail.phase);
      events += 1;
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.isAtMost(events, 1);
    job.resume();
    assert.equal((await job.done).sessions, 100);
    assert.isAtLeast(events, 1);
    const cancelled = hoard.verify({ full: true });
    cancelled.cancel();
    await fails("Cancelled", () => cancelled.done);
  });
});

describe("a worker that was given", () => {
  it("serves several hoards", async function () {
    if (!WORKER) this.skip();
    const worker = new Worker("/dist/engine-worker.js", { type: "module" });
    const [one, two] = [await open({ worker }), await open({ worker })];
    await Promise.all([one.sessions.create({ id: "a", n: 1 }), two.sessions.create({ id: "a", n: 2 })]);
    assert.equal((await one.sessions.get("a"))?.["n"], 1);
    assert.equal((await two.sessions.get("a"))?.["n"], 2);
    await one.close();
    assert.equal(await two.sessions.count(), 1, "closing one leaves the other");
    await two.close();
    worker.terminate();
  });

  it("that traps fails everything under way, for good", async function () {
    if (!WORKER) this.skip();
    const worker = new Worker("/tests/trapping-worker.js", { type: "module" });
    const hoard: Hoard = await open({ worker });
    await hoard.sessions.create({ id: "a" });
    worker.addEventListener("error", (event) => event.preventDefault());
    const pending = hoard.list("a", "x").append({ image: new Blob([noise(2_000_000)]) });
    worker.postMessage("trap");
    const error = await fails("EngineCrashed", () => pending);
    assert.equal(error.needsReload, true);
    await fails("EngineCrashed", () => hoard.sessions.count());
    worker.terminate();
  });

  it("whose engine traps is found out, whatever a bundler called its wasm", async function () {
    if (!WORKER) this.skip();
    for (const wasm of ["/dist/wasm/hoardb_bg.wasm", "/0c1d2e3f4a5b.wasm"]) {
      const worker = new Worker("/tests/trapping-worker.js", { type: "module" });
      const hoard: Hoard = await open({ worker, wasm });
      await hoard.sessions.create({ id: "a" });
      worker.addEventListener("error", (event) => event.preventDefault());
      worker.postMessage("trap in the engine");
      await eventually(async () => void (await fails("EngineCrashed", () => hoard.sessions.count())), 10_000);
      // WebKit does not let go of a database whose worker ended within a transaction.
      await new Promise((resolve) => setTimeout(resolve, 500));
      worker.terminate();
    }
  });

  it("whose script is not there is reported", async function () {
    if (!WORKER) this.skip();
    const worker = new Worker("/nowhere.js", { type: "module" });
    const error = await fails("Unavailable", () => openHoard({ name: freshName(), worker }));
    assert.include(error.message, "engine-worker.js");
  });
});

describe("wasm that is not there", () => {
  it("is reported with what to do", async function () {
    // In this page's own context the engine is loaded once and stays.
    if (!WORKER) this.skip();
    const error = await fails("Unavailable", () =>
      openHoard({ name: freshName(), worker: WORKER, wasm: "/nowhere.wasm" }),
    );
    assert.include(error.message, "hoardb_bg.wasm");
    await fails("Unavailable", () => openHoard({ name: freshName(), worker: WORKER, wasm: new Uint8Array([0, 1, 2]) }));
  });
});

mocha.run();
