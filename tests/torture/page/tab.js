// One of several tabs on the same hoard: writes, deletes, collects, and reads what the others say they have written.
import { attachmentBytes, random } from "./plan.js";
import { log } from "./remote.js";
import { current } from "./store.js";

/** What a promise may take. */
const SETTLE_MS_MAX = 10_000;
/** What one tick counts at most: a page that was frozen, or a machine that stood still, has not been waiting. */
const TICK_MS_MAX = 1000;
const UNDER_WAY_MAX = 6;
const STOCK = 12;

const now = () => performance.timeOrigin + performance.now();

let stopped;

/** Time as this page lived it. */
let lived = 0;
const pending = new Map();
let slowest = 0;

/** Follows a promise until it settles. */
async function follow(what, promise) {
  const entry = { what, since: lived, told: false };
  pending.set(entry, entry);
  try {
    return await promise;
  } catch (error) {
    // What a frozen tab does to the others: it keeps its transaction open, and theirs end at their deadline.
    log(error?.code === "Blocked" ? { blocked: what } : { problem: `${what}: ${error?.code}: ${error?.message}` });
    throw error;
  } finally {
    pending.delete(entry);
    slowest = Math.max(slowest, lived - entry.since);
    if (entry.told) log({ settled: `${what}: after ${Math.round(lived - entry.since)} ms` });
  }
}

function lookAfter(elapsed) {
  lived += Math.min(elapsed, TICK_MS_MAX);
  for (const entry of pending.values()) {
    if (entry.told || lived - entry.since < SETTLE_MS_MAX) continue;
    entry.told = true;
    log({ hang: entry.what });
  }
}

const channel = new MessageChannel();
const turns = [];
channel.port1.onmessage = () => turns.shift()();
const turn = () =>
  new Promise((resolve) => {
    turns.push(resolve);
    channel.port2.postMessage(undefined);
  });

/**
 * Reads what another tab says it has written, until it is there. Tells how long after the other's acknowledgement the last read
 * began that did not see it; 0 if the first one did.
 */
async function check(hoard, { what, tab, n, index, at }) {
  let stale = 0;
  for (;;) {
    const began = now();
    let seen;
    if (what === "update") seen = ((await follow("get", hoard.sessions.get("shared")))?.[tab] ?? -1) >= n;
    else {
      const item = await follow("get item", hoard.list("shared", "log").get(index));
      seen = item?.tab === tab && item.n === n;
    }
    if (seen) break;
    stale = Math.max(stale, began - at);
    // The page answers what it has by itself: asking again at once would keep it from hearing anything.
    await turn();
    if (stale > SETTLE_MS_MAX) {
      log({ problem: `${what} ${n} of ${tab} was acknowledged ${Math.round(stale)} ms ago and is not seen` });
      break;
    }
  }
  log({ stale, what });
}

/** Writes until {@link stopTab}. Everything that was acknowledged is told to the test. */
export function startTab({ name, seed, everyMs = 40 }) {
  const hoard = current();
  const shared = hoard.list("shared", "log");
  const chance = random(seed);
  const below = (end) => Math.floor(chance() * end);
  const peers = new BroadcastChannel("torture");
  const checks = new Set();
  peers.onmessage = ({ data }) => {
    // What is not read at once is not read: a pile of late reads would tell nothing of the early ones.
    if (checks.size >= 4 || stopped) return;
    const checked = check(hoard, data).catch(() => {});
    checks.add(checked);
    void checked.finally(() => checks.delete(checked));
  };

  const ticker = new Worker("/page/ticker.js");
  let last = performance.now();
  let wake = () => {};
  ticker.onmessage = () => {
    const at = performance.now();
    lookAfter(at - last);
    last = at;
    wake();
  };
  const tick = () => new Promise((resolve) => (wake = resolve));

  let appends = 0;
  let updates = 0;
  let scratches = 0;
  const kept = [];
  const append = async () => {
    const first = appends;
    const items = Array.from({ length: 1 + below(3) }, () => ({ tab: name, n: appends++, text: "x".repeat(below(200)) }));
    const index = await follow("append", shared.append(items));
    const at = now();
    log({ appended: { first, count: items.length } });
    peers.postMessage({ what: "append", tab: name, n: first, index, at });
  };
  const update = async () => {
    const n = updates++;
    await follow("update", hoard.sessions.update("shared", { [name]: n }, below(10) === 0 && typeof hoard.addEventListener === "function" ? { ack: "durable" } : undefined));
    const at = now();
    log({ updated: n });
    peers.postMessage({ what: "update", tab: name, n, at });
  };
  const scratch = async () => {
    const id = `${name}-${scratches++}`;
    // All tabs take from one stock, so that they store and collect the same attachments.
    await follow("create", hoard.sessions.create({ id, tab: name }));
    const image = new Blob([attachmentBytes(below(STOCK) * 6 + 3)], { type: "image/png" });
    await follow("append image", hoard.list(id, "images").append({ image }));
    log({ created: id });
    kept.push(id);
  };
  const remove = async () => {
    const id = kept.splice(below(kept.length), 1)[0];
    // The test has to know before it happens: the tab may be closed at once, and its delete be in the journal.
    await log({ removing: id });
    const was = await follow("delete", hoard.sessions.delete(id));
    if (!was) log({ problem: `${id} was deleted by nobody and is not there` });
    log({ removed: id });
  };
  const collect = () => follow("collect", hoard.collect({ graceMs: 0 }).done);

  const underWay = new Set();
  const start = (work) => {
    const done = work().catch(() => {});
    underWay.add(done);
    void done.finally(() => underWay.delete(done));
  };
  stopped = undefined;
  const finished = (async () => {
    let next = lived;
    while (!stopped) {
      await tick();
      if (lived < next || underWay.size >= UNDER_WAY_MAX) continue;
      next = lived + everyMs;
      const choice = below(100);
      if (choice < 50) start(append);
      else if (choice < 75) start(update);
      else if (choice < 87) start(scratch);
      else if (choice < 98) start(kept.length > 0 ? remove : scratch);
      else start(collect);
    }
    await Promise.all([...underWay, ...checks]);
    peers.close();
    ticker.terminate();
    stopped({ slowest, appends, updates });
  })();
  finished.catch((error) => log({ problem: `tab: ${error?.stack}` }));
}

/** Lets everything under way settle. */
export function stopTab() {
  return new Promise((resolve) => (stopped = resolve));
}

/** Keeps the page's thread busy. */
export function busy(ms) {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

export async function prepareTabs() {
  await current().sessions.create({ id: "shared" });
}
