// What becomes of writes: acknowledgements, the journal, events between hoards, the page's cache, the witness.
import { assert } from "chai";
import { HoardError, deleteHoard, openHoard, type Hoard, type HoardEvents, type HoardOptions } from "hoardb";
import { WORKER, clean, eventually, fails, freshName, noise, open, records } from "./support.js";

interface Note {
  n: number;
}

/** What a hoard reports. */
function heard<K extends keyof HoardEvents>(hoard: Hoard, type: K): HoardEvents[K][] {
  const details: HoardEvents[K][] = [];
  hoard.addEventListener(type, ({ detail }) => details.push(detail));
  return details;
}

const numbers = async (hoard: Hoard, list = "notes"): Promise<number[]> =>
  ((await hoard.list("a", list).slice()) as Note[]).map(({ n }) => n);

const journaled = async (name: string): Promise<number> =>
  (await records(name)).filter(({ store }) => store === "journal").length;

describe("acknowledgements", () => {
  it("say when a write is queued, stored, and safe from loss of power", async () => {
    const name = freshName();
    const hoard = await open({ name });
    assert.deepEqual(await hoard.sessions.create({ id: "a", title: "A" }, { ack: "accepted" }), { id: "a" });
    const list = hoard.list("a", "notes");
    assert.equal(await list.append({ n: 0 }, { ack: "accepted" }), undefined);
    assert.equal(await list.append({ n: 1 }, { ack: "committed" }), 1);
    assert.equal(await list.append([{ n: 2 }, { n: 3, image: noise(5000) }], { ack: "durable" }), 2);
    await list.set(0, { n: -1 }, { ack: "accepted" });
    await hoard.sessions.update("a", { title: "B" }, { ack: "accepted" });
    assert.equal(await hoard.save({ session: { id: "b" }, lists: { notes: [{ n: 1 }] } }, { ack: "accepted" }), "b");
    await hoard.saveMany([{ session: { id: "c" } }], { ack: "durable" });
    await hoard.attachments.put(noise(3 << 20), { ack: "durable" });
    assert.equal(await hoard.sessions.delete("c", { ack: "accepted" }), undefined);
    assert.equal((await hoard.sessions.get("a"))?.["title"], "B", "a read sees what is queued");
    await hoard.close();
    const again = await open({ name });
    assert.deepEqual(await numbers(again), [-1, 1, 2, 3]);
    assert.equal(await again.list("b", "notes").length(), 1);
    assert.deepEqual([await again.sessions.count(), (await again.sessions.get("a"))?.["title"]], [2, "B"]);
    await clean(again);
  });

  it("of a thousand appends in a burst take at most twenty transactions", async () => {
    const hoard = await open();
    await hoard.sessions.create({ id: "a" });
    const before = (await hoard.stats()).queue.transactions;
    const list = hoard.list("a", "notes");
    await Promise.all(Array.from({ length: 1000 }, (_, n) => list.append({ n }, n % 2 ? { ack: "accepted" } : {})));
    await hoard.flush();
    const { queue, page } = await hoard.stats();
    assert.isAtMost(queue.transactions - before, 20);
    assert.deepEqual([queue.waiting, queue.kept, page.waiting, page.waitingBytes], [0, 0, 0, 0]);
    assert.deepEqual(
      await numbers(hoard),
      Array.from({ length: 1000 }, (_, n) => n),
    );
  });

  it("accepted by mistake are reported when the store refuses the write", async () => {
    const hoard = await open();
    const failed = heard(hoard, "failed");
    await hoard.list("gone", "notes").append({ n: 1 }, { ack: "accepted" });
    await hoard.flush();
    await eventually(() => assert.equal(failed.length, 1));
    assert.deepEqual([failed[0]?.error.code, failed[0]?.session, failed[0]?.list], ["NotFound", "gone", "notes"]);
  });
});

describe("two hoards of one name", () => {
  it("tell each other what they commit", async () => {
    const name = freshName();
    const [one, two] = [await open({ name }), await open({ name })];
    const [here, there] = [heard(one, "change"), heard(two, "change")];
    await one.sessions.create({ id: "a" });
    await one.list("a", "notes").append([{ n: 0 }, { n: 1 }]);
    await one.list("a", "notes").set(1, { n: 2 });
    await one.save({ session: { id: "b" } });
    await one.sessions.delete("b");
    const wanted = [
      { session: "a", kind: "metadata" },
      { session: "a", kind: "appended", list: "notes", from: 0, to: 2 },
      { session: "a", kind: "set", list: "notes", from: 1, to: 2 },
      { session: "b", kind: "saved" },
      { session: "b", kind: "deleted" },
    ];
    for (const [changes, remote] of [
      [here, false],
      [there, true],
    ] as const) {
      const told = (): HoardEvents["change"][] => changes.filter(({ changes }) => changes.length > 0);
      await eventually(() => assert.deepEqual(told().flatMap(({ changes }) => changes) as unknown[], wanted));
      assert.isTrue(told().every((change) => change.remote === remote));
      const generations = told().map(({ generation }) => generation);
      assert.deepEqual(
        generations,
        [...generations].sort((one, two) => one - two),
      );
    }
  });

  it("see each other's writes soon after they are acknowledged", async () => {
    const name = freshName();
    const [one, two] = [await open({ name }), await open({ name })];
    await one.sessions.create({ id: "a", n: 0 });
    const late: number[] = [];
    for (let n = 1; n <= 40; n += 1) {
      await two.sessions.get("a");
      await one.sessions.update("a", { n });
      await one.list("a", "notes").append({ n });
      const begun = performance.now();
      await eventually(async () => {
        assert.equal((await two.sessions.get("a"))?.["n"], n);
        assert.equal(await two.list("a", "notes").length(), n);
      });
      late.push(performance.now() - begun);
    }
    // Goal: 100 ms at the 99th percentile, measured by the benchmark. A shared machine stutters by itself.
    assert.isBelow(late.sort((a, b) => a - b)[20]!, 100);
  });
});

describe("the page's cache", () => {
  it("answers metadata that was read, and never what is old", async () => {
    const hoard = await open();
    for (let n = 0; n < 20; n += 1) await hoard.sessions.create({ id: `s${n}`, n, at: new Date(n), image: noise(10, n) });
    const first = await hoard.sessions.getMany(Array.from({ length: 20 }, (_, n) => `s${n}`));
    const { hits } = (await hoard.stats()).page;
    const again = await hoard.sessions.getMany(Array.from({ length: 20 }, (_, n) => `s${n}`));
    assert.deepEqual(again, first);
    const { page } = await hoard.stats();
    assert.equal(page.hits - hits, 20);
    assert.isAbove(page.bytes, 1000);
    void hoard.sessions.update("s3", { n: 33 });
    assert.equal((await hoard.sessions.get("s3"))?.["n"], 33);
    void hoard.sessions.delete("s3", { ack: "accepted" });
    assert.equal(await hoard.sessions.get("s3"), undefined);
  });

  it("is dropped by id, prefix and pattern, and with it the engine's", async () => {
    const hoard = await open();
    for (const id of ["a1", "a2", "b1"]) await hoard.save({ session: { id }, lists: { notes: [{ n: 1 }] } });
    const read = async (): Promise<void> => {
      await hoard.sessions.getMany(["a1", "a2", "b1"]);
      for (const id of ["a1", "a2", "b1"]) await hoard.list(id, "notes").get(0);
    };
    await read();
    assert.isAbove((await hoard.cache.stats()).entries, 2);
    for (const target of ["a1", { prefix: "a" }, { pattern: "?1" }] as const) {
      assert.isAbove(await hoard.cache.invalidate(target), 0);
      await read();
    }
    await hoard.cache.clear();
    const { entries, bytes, page } = await hoard.cache.stats();
    assert.deepEqual([entries, bytes, page.entries, page.bytes], [0, 0, 0, 0]);
  });
});

/** Lets the page think that it is hidden or shown. */
function show(state: "hidden" | "visible"): void {
  Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}

/** Until the page has its own way to the journal. */
const ready = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 500));

describe("leaving the page", () => {
  afterEach(() => {
    delete (document as { visibilityState?: unknown }).visibilityState;
  });

  it("keeps what the engine never got, and the next open stores it, once", async function () {
    // The engine in the page cannot be taken away from it.
    if (!WORKER) return this.skip();
    const name = freshName();
    const worker = new Worker("/dist/engine-worker.js", { type: "module" });
    // Not closed after the test: there is nobody left to answer.
    const left = await openHoard({ name, worker });
    await left.sessions.create({ id: "a", title: "A" });
    await ready();
    const list = left.list("a", "notes");
    const image = noise(200_000);
    void list.append({ n: 0 }, { ack: "accepted" });
    void list.append([{ n: 1 }, { n: 2 }]);
    void list.append({ n: 3, image }, { ack: "accepted" });
    void left.sessions.update("a", { title: "B", gone: undefined }, { ack: "accepted" });
    void list.set(0, { n: -1 }, { ack: "durable" });
    void left.sessions.create({ id: "b", cover: noise(10) }, { ack: "accepted" });
    void left.sessions.put({ id: "c" });
    void left.sessions.delete("c", { ack: "accepted" });
    await left.save({ session: { id: "d" }, lists: { notes: [{ n: 7 }], shots: [{ image }] } }, { ack: "accepted" });
    show("hidden");
    // Whatever the worker was doing, it is over.
    worker.terminate();
    dispatchEvent(Object.assign(new Event("pagehide"), { persisted: false }));
    await eventually(async () => assert.isAbove(await journaled(name), 0));

    const again = await open({ name });
    assert.deepEqual(await numbers(again), [-1, 1, 2, 3]);
    const item = (await again.list("a", "notes").get(3)) as { image: { bytes(): Promise<Uint8Array> } };
    assert.deepEqual(await item.image.bytes(), image);
    assert.equal((await again.sessions.get("a"))?.["title"], "B");
    assert.deepEqual((await again.sessions.getMany(["b", "c", "d"])).map((session) => session?.id), ["b", undefined, "d"]);
    assert.deepEqual((await again.load("d")).lists["notes"], [{ n: 7 }]);
    await again.close();
    assert.equal(await journaled(name), 0);
    const third = await open({ name });
    assert.deepEqual(await numbers(third), [-1, 1, 2, 3]);
    await clean(third);
  });

  it("stores nothing twice when the page lives on and another one replays its journal", async () => {
    const name = freshName();
    const one = await open({ name });
    await one.sessions.create({ id: "a" });
    await ready();
    for (let round = 0; round < 10; round += 1) {
      const appends = Array.from({ length: 10 }, (_, at) =>
        one.list("a", "notes").append({ n: 10 * round + at }, at % 2 ? { ack: "accepted" } : {}),
      );
      show("hidden");
      const two = await open({ name });
      await Promise.all(appends);
      show("visible");
      await two.close();
    }
    await one.flush();
    assert.deepEqual(
      (await numbers(one)).sort((a, b) => a - b),
      Array.from({ length: 100 }, (_, n) => n),
    );
    await eventually(async () => assert.equal(await journaled(name), 0));
    await clean(one);
  });

  it("keeps accepted writes when an engine that cannot start anew crashes", async function () {
    if (!WORKER) return this.skip();
    const name = freshName();
    const worker = new Worker("/tests/trapping-worker.js", { type: "module" });
    const hoard = await openHoard({ name, worker });
    worker.addEventListener("error", (event) => event.preventDefault());
    await hoard.sessions.create({ id: "a" });
    await ready();
    worker.postMessage("trap");
    for (let n = 0; n < 5; n += 1) await hoard.list("a", "notes").append({ n }, { ack: "accepted" });
    await eventually(() => fails("EngineCrashed", () => hoard.sessions.count()).then(() => {}));
    worker.terminate();
    await eventually(async () => assert.equal(await journaled(name), 5));
    await hoard.close().catch(() => {});
    const again = await open({ name });
    assert.deepEqual(await numbers(again), [0, 1, 2, 3, 4]);
  });
});

const deleteBehindItsBack = (name: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(name);
    request.onsuccess = () => resolve();
    request.onerror = () => reject(request.error);
  });

describe("the witness", () => {
  const filled = async (): Promise<string> => {
    const name = freshName();
    const hoard = await open({ name });
    await hoard.sessions.create({ id: "a" });
    await hoard.close();
    const again = await open({ name });
    await eventually(() => assert.include(localStorage.getItem(`hoardb:${name}`) ?? "", '"sessions":1'));
    await again.close();
    return name;
  };
  const reopen = (name: string, options: Partial<HoardOptions> = {}): Promise<Hoard> => open({ name, ...options });

  it("turns a database that was emptied into an error, and names what was seen last", async () => {
    const name = await filled();
    await deleteBehindItsBack(name);
    for (let round = 0; round < 2; round += 1) {
      const error = await fails("DataLoss", () => reopen(name));
      assert.equal(error.lastSeen?.sessions, 1);
      assert.match(error.lastSeen?.storeId ?? "", /^[0-9a-f]{32}$/);
    }
  });

  it("lets it be opened on request, and reports what is lost", async () => {
    const name = await filled();
    await deleteBehindItsBack(name);
    const hoard = await reopen(name, { loss: "accept" });
    const losses = heard(hoard, "loss");
    await eventually(() => assert.equal(losses.length, 1));
    assert.deepEqual([losses[0]?.lastSeen.sessions, losses[0]?.found], [1, null]);
    await hoard.sessions.create({ id: "b" });
    await hoard.close();
    const again = await reopen(name);
    const more = heard(again, "loss");
    assert.equal(await again.sessions.count(), 1);
    assert.deepEqual(more, [], "once it was accepted, it is over");
  });

  it("goes with a hoard that is deleted on purpose, which closes whoever has it open", async () => {
    const name = await filled();
    const hoard = await reopen(name);
    await hoard.sessions.get("a");
    await deleteHoard(name);
    await eventually(() => fails("Closed", () => hoard.sessions.count()).then(() => {}));
    await hoard.close().catch(() => {});
    assert.equal(localStorage.getItem(`hoardb:${name}`), null);
    const again = await reopen(name);
    assert.equal(await again.sessions.count(), 0);
  });
});

describe("persistence", () => {
  it("is asked of the browser, which says yes or no", async () => {
    const hoard = await open();
    // Firefox asks the user, who is not there.
    const answer = await Promise.race([hoard.persist(), new Promise((resolve) => setTimeout(resolve, 1000, false))]);
    assert.isBoolean(answer);
  });

  it("errors of a hoard are HoardErrors, of events too", async () => {
    const hoard = await open();
    const failed = heard(hoard, "failed");
    await hoard.sessions.update("gone", { n: 1 }, { ack: "accepted" });
    await eventually(() => assert.instanceOf(failed[0]?.error, HoardError));
  });
});

mocha.run();
