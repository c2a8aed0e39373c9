// Work in the background: by one tab, when nobody waits for anything.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { Housekeeping } from "../../src/housekeeping.js";
import { FakeEngine } from "./fake-engine.js";

/** Lets everything happen that waits for no timer. */
const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

interface Setup {
  engine: FakeEngine;
  keeping: Housekeeping;
  /** How often the page was asked to say when it is idle. */
  due: () => number;
  pass(ms: number): Promise<void>;
}

function setup(t: TestContext, locks?: object): Setup {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const before = Object.getOwnPropertyDescriptor(globalThis, "navigator");
  Object.defineProperty(globalThis, "navigator", { value: { locks }, configurable: true });
  t.after(() => before && Object.defineProperty(globalThis, "navigator", before));
  const engine = new FakeEngine({ name: "x" });
  let due = 0;
  const keeping = new Housekeeping(engine, "x", () => (due += 1));
  t.after(() => void keeping.stop());
  const pass = async (ms: number): Promise<void> => {
    await turns();
    t.mock.timers.tick(ms);
    await turns();
  };
  return { engine, keeping, due: () => due, pass };
}

test("it begins after a minute, goes on every ten, and takes over once", async (t) => {
  const { engine, pass, due } = setup(t);
  await pass(59_999);
  assert.deepEqual(engine.log, []);
  await pass(1);
  assert.deepEqual(engine.log.splice(0), ["background", "housekeeping fence", "step 0", "step 1", "step 2"]);
  await pass(599_999);
  assert.deepEqual(engine.log, []);
  await pass(1);
  assert.deepEqual(engine.log.splice(0), ["housekeeping fence", "step 0", "step 1", "step 2"]);
  assert.equal(due(), 0, "nobody called: the page need not be asked");
});

test("while there are calls it waits until the page is idle or nobody has called for five seconds", async (t) => {
  const { engine, keeping, pass, due } = setup(t);
  await pass(59_000);
  keeping.called();
  await pass(1000);
  assert.equal(due(), 1);
  assert.deepEqual(engine.log, []);
  keeping.idle();
  await pass(0);
  assert.equal(engine.log.length, 5);
  await pass(599_000);
  engine.log.length = 0;
  keeping.called();
  await pass(1000);
  keeping.called();
  await pass(4000);
  assert.deepEqual(engine.log, []);
  await pass(5000);
  assert.equal(engine.log.length, 4);
});

test("a call in the middle of a round goes before the next step", async (t) => {
  const { engine, keeping, pass } = setup(t);
  await pass(58_000);
  const background = engine.background.bind(engine);
  engine.background = async () => {
    keeping.called();
    return background();
  };
  await pass(2000);
  assert.deepEqual(engine.log, ["background", "housekeeping fence", "step 0"]);
  await pass(5000);
  assert.equal(engine.log.at(-1), "step 2");
});

test("a step that fails ends it, for another tab has taken over or the store cannot do it", async (t) => {
  const { engine, pass } = setup(t);
  engine.housekeeping = () => ({
    cancel: () => {},
    step: async () => {
      engine.log.push("failed");
      throw { code: "Conflict" };
    },
  });
  await pass(60_000);
  assert.deepEqual(engine.log, ["background", "failed"]);
  for (let round = 0; round < 3; round += 1) await pass(600_000);
  assert.equal(engine.log.length, 2);
});

test("only who holds the lock does it, until it stops", async (t) => {
  const held: string[] = [];
  let grant = (): void => {};
  let released = false;
  const locks = {
    request: async (name: string, own: () => Promise<void>) => {
      held.push(name);
      await new Promise<void>((resolve) => (grant = resolve));
      await own();
      released = true;
    },
  };
  const { engine, keeping, pass } = setup(t, locks);
  assert.deepEqual(held, ["hoardb:x:background"]);
  await pass(100_000);
  assert.deepEqual(engine.log, []);
  grant();
  await pass(0);
  await pass(60_000);
  assert.equal(engine.log.length, 5);
  assert.equal(released, false);
  await keeping.stop();
  await turns();
  assert.equal(released, true);
});

test("stopping waits for the step under way and cancels the rest", async (t) => {
  const { engine, keeping, pass } = setup(t);
  let end = (): void => {};
  let cancelled = false;
  engine.housekeeping = () => ({
    cancel: () => (cancelled = true),
    step: () => new Promise((resolve) => (end = () => resolve({ done: false, progress: {} as never }))),
  });
  await pass(60_000);
  let stopped = false;
  const stopping = keeping.stop().then(() => (stopped = true));
  await turns();
  assert.equal(stopped, false);
  end();
  await stopping;
  assert.equal(cancelled, true);
});
