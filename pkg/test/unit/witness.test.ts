// The witness outside the database: what it says, and what is noticed by it.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { Keeper, forget, lastSeen, type Witness } from "../../src/witness.js";
import { connect, type Fake } from "./connect.js";
import { Disk } from "./fake-engine.js";

const settled = (ms = 20): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Watched extends Fake {
  keeper: Keeper;
  losses: { lastSeen: Witness; found: Witness | null }[];
}

/** As much of localStorage as is used. */
function storage(t: TestContext): Map<string, string> {
  const items = new Map<string, string>();
  const before = Object.getOwnPropertyDescriptor(globalThis, "localStorage");
  const value = {
    get length() {
      return items.size;
    },
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, item: string) => void items.set(key, item),
    removeItem: (key: string) => void items.delete(key),
  };
  Object.defineProperty(globalThis, "localStorage", { value, configurable: true });
  t.after(() => {
    if (before) Object.defineProperty(globalThis, "localStorage", before);
    else delete (globalThis as { localStorage?: unknown }).localStorage;
  });
  return items;
}

async function open(t: TestContext, name: string, disk: Disk): Promise<Watched> {
  const fake = await connect({ disk, opening: { name } });
  t.after(() => fake.hoard.close());
  const losses: Watched["losses"] = [];
  fake.hoard.addEventListener("loss", ({ detail }) => losses.push(detail));
  const keeper = new Keeper(fake.channel, name);
  t.after(() => keeper.stop());
  fake.hoard.addEventListener("change", () => keeper.changed());
  await keeper.start();
  await settled();
  return Object.assign(fake, { keeper, losses });
}

test("a hoard is remembered after it was opened, and two seconds after a commit", async (t) => {
  const items = storage(t);
  const disk = new Disk();
  const { hoard, losses } = await open(t, "w", disk);
  const seen = lastSeen("w");
  assert.deepEqual({ ...seen, at: 0 }, { storeId: "store", generation: 0, sessions: 0, at: 0 });
  assert.ok(Math.abs(Date.now() - seen!.at) < 1000);
  assert.deepEqual([...items.keys()], ["hoardb:w"]);
  await hoard.sessions.create({ id: "a" });
  await hoard.sessions.create({ id: "b" });
  await settled();
  assert.equal(lastSeen("w")?.generation, 0, "not at each commit");
  await settled(2000);
  assert.deepEqual([lastSeen("w")?.generation, lastSeen("w")?.sessions], [2, 2]);
  assert.deepEqual(losses, []);
});

test("leaving the page writes the newest generation that is known", async (t) => {
  storage(t);
  const { hoard, keeper } = await open(t, "w", new Disk());
  await hoard.sessions.create({ id: "a" });
  await settled();
  keeper.now();
  assert.equal(lastSeen("w")?.generation, 1);
});

test("another store, or an older one, is reported with what was seen and what was found", async (t) => {
  const items = storage(t);
  const disk = new Disk();
  disk.generation = 5;
  const remembered = (witness: object): void => {
    items.set("hoardb:w", JSON.stringify({ storeId: "store", generation: 5, sessions: 3, at: 1, ...witness }));
  };
  remembered({});
  assert.deepEqual((await open(t, "w", disk)).losses, []);
  remembered({ generation: 6 });
  const [older] = (await open(t, "w", disk)).losses;
  assert.deepEqual([older?.lastSeen.generation, older?.found?.generation], [6, 5]);
  remembered({ storeId: "other" });
  const [empty] = (await open(t, "w", disk)).losses;
  assert.deepEqual([empty?.lastSeen.storeId, empty?.found], ["other", null]);
  remembered({ storeId: "other", sessions: 0 });
  assert.deepEqual((await open(t, "w", disk)).losses, [], "there was nothing to lose");
  assert.equal(lastSeen("w")?.storeId, "store");
});

test("a witness that was removed with its hoard is not made again by who still has it open", async (t) => {
  storage(t);
  const { hoard, keeper } = await open(t, "w", new Disk());
  await hoard.sessions.create({ id: "a" });
  forget("w");
  keeper.now();
  await settled(2100);
  assert.equal(lastSeen("w"), undefined);
});

test("what is no witness is none, and where nothing can be remembered all goes on", async (t) => {
  const items = storage(t);
  for (const text of ["", "{", "5", "null", "[]", '{"storeId":5}', '{"storeId":"a","generation":"1","sessions":1,"at":1}']) {
    items.set("hoardb:w", text);
    assert.equal(lastSeen("w"), undefined);
  }
  Object.defineProperty(globalThis, "localStorage", {
    configurable: true,
    get: () => {
      throw new DOMException("no", "SecurityError");
    },
  });
  assert.equal(lastSeen("w"), undefined);
  forget("w");
  const { hoard, keeper, losses } = await open(t, "w", new Disk());
  await hoard.sessions.create({ id: "a" });
  keeper.now();
  assert.deepEqual(losses, []);
});
