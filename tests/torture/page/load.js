// The mixed load: operation after operation of the plan, many under way at once, until somebody kills the browser.
import { apply, attachmentBytes, operation, random } from "./plan.js";
import { log } from "./remote.js";
import { current } from "./store.js";

const UNDER_WAY_MAX = 32;

/** A value of the plan as callers of the package give it. */
function input(value) {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(input);
  if ("@" in value) {
    const bytes = attachmentBytes(value["@"]);
    // As a Blob and as bytes: they take different ways to the engine.
    return value["@"] % 3 ? new Blob([bytes], { type: "image/png" }) : bytes;
  }
  if ("date" in value) return new Date(value.date);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, input(inner)]));
}

function perform(hoard, op) {
  switch (op.kind) {
    case "create":
      return hoard.sessions.create(input(op.meta));
    case "put":
      return hoard.sessions.put(input(op.meta));
    case "update":
      return hoard.sessions.update(op.id, { ...input(op.patch), ...Object.fromEntries(op.remove.map((key) => [key, undefined])) });
    case "delete":
      return op.ids.length === 1 ? hoard.sessions.delete(op.ids[0]) : hoard.sessions.deleteMany(op.ids);
    case "append":
      return hoard.list(op.id, op.list).append(op.items.length === 1 && !Array.isArray(op.items[0]) ? input(op.items[0]) : input(op.items));
    case "set":
      return hoard.list(op.id, op.list).set(op.index, input(op.item));
    case "save":
      return hoard.save({ session: input(op.meta), lists: input(op.lists) });
    default:
      throw new Error(op.kind);
  }
}

/**
 * Runs operations `from` and up. Each committed one is told to the test as `{ committed: n }`, a flush as `{ durable: n }`:
 * everything before n survives loss of power. `flushEvery` operations there is a flush, now and then a collection.
 */
export function load({ seed, from = 0, to = Infinity, sessions, flushEvery = 40, collectEvery = 60 }) {
  const stored = new Map(Object.entries(sessions));
  const hoard = current();
  const chance = random(seed + from + 1);
  const underWay = new Set();
  const track = (promise, done) => {
    const settled = promise.then(done, (error) => {
      log({ problem: `${error?.code}: ${error?.message}`, refused: true });
    });
    underWay.add(settled);
    void settled.finally(() => underWay.delete(settled));
  };
  void (async () => {
    for (let n = from; n < to; n += 1) {
      const op = operation(seed, n, stored);
      track(perform(hoard, op), () => log({ committed: n }));
      apply(stored, op);
      if (chance() < 1 / flushEvery) track(hoard.flush(), () => log({ durable: n }));
      if (chance() < 1 / collectEvery) track(hoard.collect({ graceMs: 0 }).done, () => log({ collected: n }));
      // In bursts and one by one.
      const behind = chance();
      if (behind < 0.05) await Promise.all(underWay);
      else if (behind < 0.3 || underWay.size >= UNDER_WAY_MAX) await Promise.race(underWay);
    }
    await Promise.all(underWay);
    log({ finished: to });
  })().catch((error) => log({ problem: `load: ${error?.stack}` }));
}
