// Leaving the page: what goes into the journal and when it goes out again, and what a page that comes back trusts.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { journalKey } from "../../src/journal.js";
import { Leaving } from "../../src/leave.js";
import { watch } from "../../src/lifecycle.js";
import { Keeper } from "../../src/witness.js";
import { connect, type Fake } from "./connect.js";
import { Disk } from "./fake-engine.js";

const settled = (ms = 20): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const hex = (key: ArrayBuffer): string => Buffer.from(key).toString("hex");

/** As much of IndexedDB as the journal takes: one database with one object store, which changes when it commits. */
class FakeDatabase {
  readonly rows = new Map<string, ArrayBuffer>();
  readonly log: string[] = [];
  readonly connections: { onversionchange?: () => void; closed: boolean }[] = [];
  stores = ["journal", "sessions"];
  exists = true;
  full = false;

  open = (name: string, ...more: unknown[]): object => {
    assert.deepEqual(more, [], "no version is named");
    this.log.push(`open ${name}`);
    const request: Record<string, unknown> = {};
    setImmediate(() => {
      if (!this.exists) {
        request["transaction"] = { abort: () => this.log.push("abort upgrade") };
        (request["onupgradeneeded"] as () => void)();
        return (request["onerror"] as (event: unknown) => void)({ preventDefault: () => {} });
      }
      request["result"] = this.#connection();
      (request["onsuccess"] as () => void)();
    });
    return request;
  };

  #connection(): object {
    const connection = {
      closed: false,
      objectStoreNames: { contains: (name: string) => this.stores.includes(name) },
      close: () => {
        connection.closed = true;
        this.log.push("close");
      },
      transaction: (store: string, mode: string, options: { durability: string }) => {
        if (connection.closed) throw new DOMException("closing", "InvalidStateError");
        assert.deepEqual([store, mode, options.durability], ["journal", "readwrite", "relaxed"]);
        const changes: (() => void)[] = [];
        const transaction = {
          oncomplete: () => {},
          onabort: () => {},
          objectStore: () => ({
            put: (value: ArrayBuffer, key: ArrayBuffer) => changes.push(() => this.rows.set(hex(key), value)),
            delete: (key: ArrayBuffer) => changes.push(() => this.rows.delete(hex(key))),
          }),
          commit: () => {
            this.log.push(`commit ${changes.length}`);
            setImmediate(() => {
              if (this.full) return transaction.onabort();
              for (const change of changes) change();
              transaction.oncomplete();
            });
          },
          abort: () => setImmediate(() => transaction.onabort()),
        };
        return transaction;
      },
    };
    this.connections.push(connection);
    return connection;
  }
}

interface Page extends Fake {
  database: FakeDatabase;
  document: EventTarget & { visibilityState: string };
  window: EventTarget;
  show(state: "hidden" | "visible"): void;
  /** Keys of the journal's rows. */
  keys(): string[];
  key(seq: number): string;
}

/** A hoard in a page that can be hidden and left; its engine answers no write until it is let go. */
async function page(t: TestContext, ready = true): Promise<Page> {
  const fake = await connect({ disk: new Disk() });
  const database = new FakeDatabase();
  const before = globalThis.indexedDB;
  Object.assign(globalThis, { indexedDB: { open: database.open } });
  const document = Object.assign(new EventTarget(), { visibilityState: "visible" });
  const window = new EventTarget();
  const stop = watch(fake.channel, fake.hoard.name, new Keeper(fake.channel, fake.hoard.name), {
    document: document as never,
    window,
    leaving: async (channel, name) => new Leaving(channel, name),
  });
  t.after(async () => {
    release();
    await fake.hoard.close().catch(() => {});
    stop();
    Object.assign(globalThis, { indexedDB: before });
  });
  await fake.hoard.sessions.create({ id: "a" });
  let release = (): void => {};
  fake.engine.gate = new Promise((resolve) => (release = resolve));
  Object.assign(fake.engine, { release });
  if (ready) {
    await settled(250);
    assert.deepEqual(database.log.splice(0), [`open ${fake.hoard.name}`]);
  }
  return Object.assign(fake, {
    database,
    document,
    window,
    show(state: "hidden" | "visible"): void {
      document.visibilityState = state;
      document.dispatchEvent(new Event("visibilitychange"));
    },
    keys: () => [...database.rows.keys()].sort(),
    key: (seq: number) => hex(journalKey(fake.channel.writer, seq)),
  });
}

const release = (fake: Fake): void => (fake.engine as unknown as { release: () => void }).release();
const transition = (type: string, persisted: boolean): Event => Object.assign(new Event(type), { persisted });

test("hiding the page writes what is not stored, in one transaction, and nothing twice", async (t) => {
  const left = await page(t);
  const { hoard, database } = left;
  void hoard.list("a", "x").append({ n: 1 });
  void hoard.sessions.update("a", { n: 1 }, { ack: "accepted" });
  void hoard.save({ session: { id: "b" }, lists: { x: [{ image: new Uint8Array(5) }] } });
  await settled();
  // Never posted: the worker would be gone before it reads this.
  void hoard.sessions.delete("c");
  left.show("hidden");
  assert.deepEqual(database.log, ["commit 4"], "sent before the event is over");
  left.window.dispatchEvent(transition("pagehide", false));
  assert.deepEqual(database.log, ["commit 4"]);
  await settled();
  assert.deepEqual(left.keys(), [2, 3, 4, 5].map(left.key));
  release(left);
});

test("once the page is gone a write is accepted when the journal has it", async (t) => {
  const left = await page(t);
  left.window.dispatchEvent(transition("pagehide", false));
  let accepted = false;
  // In a handler of `pagehide` that runs after ours, for instance.
  const append = left.hoard.list("a", "x").append({ n: 1 }, { ack: "accepted" });
  void append.then(() => (accepted = true));
  assert.deepEqual(left.database.log, ["commit 1"], "sent before the call returns");
  await Promise.resolve();
  assert.equal(accepted, false);
  await append;
  assert.deepEqual(left.keys(), [left.key(2)]);
  left.window.dispatchEvent(transition("pageshow", true));
  await left.hoard.list("a", "y").append({ n: 2 }, { ack: "accepted" });
  assert.equal(left.keys().length, 1, "a page that is back has its queue");
  release(left);
});

test("once the page is gone and there is no journal yet, a write is accepted when it is stored", async (t) => {
  const left = await page(t, false);
  left.window.dispatchEvent(transition("pagehide", false));
  let accepted = false;
  const append = left.hoard.list("a", "x").append({ n: 1 }, { ack: "accepted" });
  void append.then(() => (accepted = true));
  await settled();
  assert.equal(accepted, false);
  release(left);
  await append;
});

test("until the way to the journal is there a write is not accepted before it is stored", async (t) => {
  const left = await page(t, false);
  let accepted = false;
  const append = left.hoard.list("a", "x").append({ n: 1 }, { ack: "accepted" });
  void append.then(() => (accepted = true));
  await settled();
  assert.equal(accepted, false);
  await settled(250);
  assert.equal(accepted, true, "leaving no longer loses it");
  release(left);
});

test("leaving with nothing to do writes nothing", async (t) => {
  const left = await page(t);
  release(left);
  await left.hoard.list("a", "x").append({ n: 1 });
  void left.hoard.sessions.get("a");
  left.show("hidden");
  left.window.dispatchEvent(transition("pagehide", false));
  assert.deepEqual(left.database.log, []);
});

test("what is stored after all is removed from the journal again, together", async (t) => {
  const left = await page(t);
  const writes = Promise.all([1, 2, 3].map((n) => left.hoard.list("a", `x${n}`).append({ n })));
  left.show("hidden");
  await settled();
  assert.equal(left.keys().length, 3);
  release(left);
  await writes;
  await settled();
  assert.equal(left.keys().length, 3, "not at once");
  left.show("visible");
  await settled();
  assert.deepEqual(left.keys(), []);
  assert.deepEqual(left.database.log, ["commit 3", "commit 3"]);
  void left.hoard.list("a", "y").append({});
  left.show("hidden");
  await left.hoard.flush();
  await settled(1100);
  assert.deepEqual(left.keys(), [], "nor does it have to be shown");
});

test("a refused write's record is gone before its promise rejects", async (t) => {
  const left = await page(t);
  const append = left.hoard.list("gone", "x").append({ n: 1 });
  left.show("hidden");
  let rows = -1;
  await assert.rejects(append.finally(() => (rows = left.keys().length)), { code: "NotFound" });
  assert.equal(rows, 0);
});

test("a page that waits to be shown again holds no connection, and gets a new one when it is shown", async (t) => {
  const left = await page(t);
  void left.hoard.list("a", "x").append({ n: 1 });
  await settled();
  left.window.dispatchEvent(transition("pagehide", true));
  assert.deepEqual(left.database.log.splice(0), ["commit 1", "close"]);
  await settled();
  assert.equal(left.keys().length, 1, "what was committed before it closed is there");
  left.window.dispatchEvent(transition("pageshow", true));
  await settled();
  assert.deepEqual(left.database.log.splice(0), [`open ${left.hoard.name}`]);
  release(left);
  await left.hoard.flush();
  left.show("hidden");
  await settled();
  assert.deepEqual(left.keys(), []);
});

test("a database that others upgrade or delete is let go at once, and never made", async (t) => {
  const left = await page(t);
  left.database.connections[0]!.onversionchange?.();
  assert.deepEqual(left.database.log.splice(0), ["close"]);
  void left.hoard.list("a", "x").append({ n: 1 });
  left.show("hidden");
  assert.deepEqual(left.database.log.splice(0), []);
  left.database.exists = false;
  left.show("visible");
  await settled();
  assert.deepEqual(left.database.log.splice(0), [`open ${left.hoard.name}`, "abort upgrade"]);
  left.database.exists = true;
  left.database.stores = [];
  left.show("hidden");
  left.show("visible");
  await settled();
  assert.deepEqual(left.database.log.splice(0), [`open ${left.hoard.name}`, "close"]);
});

test("a journal that takes nothing changes nothing, and is tried again", async (t) => {
  const left = await page(t);
  left.database.full = true;
  const append = left.hoard.list("a", "x").append({ n: 1 });
  left.show("hidden");
  await settled();
  assert.deepEqual(left.keys(), []);
  left.database.full = false;
  left.window.dispatchEvent(transition("pagehide", false));
  await settled();
  assert.deepEqual(left.keys(), [left.key(2)]);
  release(left);
  assert.equal(await append, 0);
});

test("at most sixteen megabytes are written, the oldest of them", async (t) => {
  const left = await page(t);
  for (let n = 0; n < 6; n += 1) void left.hoard.list("a", "x").append({ image: new Uint8Array(4 << 20) }).catch(() => {});
  left.show("hidden");
  await settled();
  assert.deepEqual(left.keys(), [2, 3, 4].map(left.key));
  release(left);
  await left.hoard.flush();
});

test("a page that is hidden before the way to the journal is there leaves without it", async (t) => {
  const left = await page(t, false);
  void left.hoard.list("a", "x").append({ n: 1 });
  left.show("hidden");
  assert.deepEqual(left.database.log, []);
  release(left);
  await left.hoard.flush();
});

test("a page that comes back trusts nothing that it has read", async (t) => {
  const left = await page(t);
  release(left);
  const { document, window, engine, hoard } = left;
  const back: [string, () => void][] = [
    ["shown", () => (left.show("hidden"), left.show("visible"))],
    ["resumed", () => document.dispatchEvent(new Event("resume"))],
    ["out of the back/forward cache", () => window.dispatchEvent(transition("pageshow", true))],
  ];
  for (const [how, event] of back) {
    await hoard.sessions.get("a");
    engine.log.length = 0;
    event();
    await hoard.sessions.get("a");
    assert.deepEqual(engine.log, ["distrust", "get 1"], how);
  }
  engine.log.length = 0;
  window.dispatchEvent(transition("pageshow", false));
  document.dispatchEvent(new Event("visibilitychange"));
  await hoard.sessions.get("a");
  assert.deepEqual(engine.log, [], "a page that was there all the time goes on");
  document.dispatchEvent(new Event("freeze"));
  await hoard.sessions.get("a");
  assert.deepEqual(engine.log, ["get 1"]);
});

test("a closed hoard listens to the page no more and holds no connection", async (t) => {
  const fake = await connect();
  const listening = new Set<unknown>();
  const document = {
    visibilityState: "visible",
    addEventListener: (_: string, listener: unknown) => listening.add(listener),
    removeEventListener: (_: string, listener: unknown) => listening.delete(listener),
  };
  const stop = watch(fake.channel, "x", new Keeper(fake.channel, "x"), {
    document: document as never,
    window: document as never,
    leaving: () => Promise.reject(new Error("the script is not there")),
  });
  t.after(() => fake.hoard.close());
  assert.equal(listening.size, 5);
  await settled(250);
  stop();
  assert.equal(listening.size, 0);
});
