// Running out of space, for real, in each of the shapes in which browsers say so. Every shape has to end as StorageFull, with
// nothing lost that was acknowledged; reads, deletes and the collector go on, and what was accepted is kept and goes through
// once there is space.
//
//   node tests/torture/space.mjs [SHAPE...]
//
// A full disk takes a file system of its own, which takes root; without root those shapes are reported as not provoked.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, statSync, symlinkSync, truncateSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { itemBytes } from "./page/bytes.js";
import { Profile } from "./support/browsers.mjs";
import { Report } from "./support/report.mjs";
import { sleep } from "./support/rounds.mjs";
import { serve } from "./support/server.mjs";

const SMALL = 16 << 10;
const LARGE = 200 << 10;
const MIB = 1 << 20;

const SHAPES = {
  "chromium-leveldb-quota": { engine: "chromium-leveldb", size: LARGE, limit: quota(6 * MIB) },
  "chromium-sqlite-quota": { engine: "chromium-sqlite", size: LARGE, limit: quota(6 * MIB) },
  "chromium-leveldb-disk-large": { engine: "chromium-leveldb", size: LARGE, limit: disk(96 << 10) },
  // Without a free byte Chromium cannot even open a LevelDB, which it closes at the first write that does not fit.
  "chromium-leveldb-disk-small": { engine: "chromium-leveldb", size: SMALL, limit: disk(), closes: true },
  // The next page is opened once there is space: nothing but the mark tells it that there was none.
  "chromium-leveldb-disk-restart": { engine: "chromium-leveldb", size: SMALL, limit: disk(), closes: true, restart: true },
  "chromium-sqlite-disk": { engine: "chromium-sqlite", size: LARGE, limit: disk() },
  "firefox-quota": { engine: "firefox", size: LARGE, limit: fixedLimit(12 << 10) },
  "firefox-disk": { engine: "firefox", size: LARGE, limit: disk() },
};

/** The origin's quota, set through DevTools. */
function quota(quotaSize) {
  return {
    devTools: true,
    async apply({ browser, origin, page }) {
      const tab = await browser.devTools.tab(page.address);
      await browser.devTools.toTab(tab, "Storage.overrideQuotaForOrigin", { origin, quotaSize });
    },
  };
}

/** Firefox's limit for what it may evict, all origins together. */
function fixedLimit(kib) {
  return { preferences: { "dom.quotaManager.temporaryStorage.fixedLimit": kib }, apply: async () => {} };
}

/** A small file system for the browser's databases, which somebody else fills but for some bytes. */
function disk(free = 0) {
  return {
    needsRoot: true,
    prepare(profile) {
      const folder = mkdtempSync(join(tmpdir(), "hoardb-disk-"));
      const filler = join(folder, "filler");
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=64m", "tmpfs", folder]);
      for (const place of [profile.storage, profile.caches]) {
        if (place === undefined) continue;
        mkdirSync(join(folder, basename(place)));
        mkdirSync(dirname(place), { recursive: true });
        symlinkSync(join(folder, basename(place)), place);
      }
      return {
        fill() {
          const block = Buffer.alloc(4096);
          const file = openSync(filler, "w");
          try {
            for (;;) writeSync(file, block);
          } catch (error) {
            if (error.code !== "ENOSPC") throw error;
          } finally {
            closeSync(file);
          }
          truncateSync(filler, statSync(filler).size - free);
        },
        free: () => rmSync(filler),
        remove() {
          execFileSync("umount", ["-l", folder]);
          rmSync(folder, { recursive: true });
        },
      };
    },
    apply: async () => {},
  };
}

const hashes = new Map();
function hashOf(n, size) {
  const key = `${n} ${size}`;
  if (!hashes.has(key)) hashes.set(key, createHash("sha256").update(itemBytes(n, size)).digest("hex"));
  return hashes.get(key);
}

function expect(condition, message) {
  if (!condition) throw new Error(message);
}

function expectFull(what, outcome) {
  expect(!outcome.ok, `${what}: succeeded on a full disk`);
  expect(outcome.code === "StorageFull", `${what}: ended as ${outcome.code}: ${outcome.message}`);
  expect(outcome.ms < 10_000, `${what}: took ${outcome.ms} ms`);
}

/** Makes sure that a session holds exactly these items, byte for byte. */
function expectItems(read, id, expected) {
  const items = read.sessions[id]?.lists.items ?? [];
  const found = items.map(({ n }) => n);
  expect(JSON.stringify(found) === JSON.stringify(expected), `session ${id} has items ${found}, not ${expected}`);
  for (const { n, size, bytes } of items) expect(bytes["@"] === hashOf(n, size), `item ${n} has other bytes`);
}

async function until(what, ready, timeoutMs = 10_000) {
  const deadline = Date.now() + timeoutMs;
  while (!(await ready())) {
    expect(Date.now() < deadline, `${what}: not within ${timeoutMs} ms`);
    await sleep(50);
  }
}

async function provoke({ engine, size, limit, closes, restart }, figures) {
  const server = await serve();
  const profile = await Profile.make(engine, { preferences: limit.preferences });
  const prepared = limit.prepare?.(profile);
  let browser;
  try {
    let page = server.page();
    const events = [];
    page.on("entry", (entry) => {
      if (entry.event !== undefined) events.push(entry);
    });
    browser = profile.start(page.address, { devTools: limit.devTools });
    // Before anything is opened: Chromium remembers for half a minute how much room there was.
    await page.call("nothing");
    await limit.apply({ browser, page, origin: server.origin });
    await page.call("open", { graceMs: 0, housekeeping: false });
    let watched = await page.call("watch");

    let filled = 0;
    if (prepared) {
      ({ n: filled } = await page.call("fill", { size, from: 0, to: 35 }));
      prepared.fill();
    }
    // A browser may find a little more after each refusal; full is where nothing fits any more.
    for (let refusals = 0, tries = 0; refusals < 2; tries += 1) {
      expect(tries < 50, "it never became full");
      const { n, refused } = await page.callWithin(120_000, "fill", { size, from: filled });
      figures.message ??= refused.message;
      expectFull("the write that did not fit", { ok: false, ...refused });
      refusals = n === filled ? refusals + 1 : 0;
      filled = n;
    }
    figures.committed = filled;
    expect(filled >= 20, `only ${filled} items fitted: nothing can be deleted`);

    // What is there is still there, and can be read.
    const examine = (look) => {
      expect(look.damaged.length === 0, `damaged: ${JSON.stringify(look.damaged)}`);
      for (const [id, items] of expected) expectItems(look, id, items);
    };
    const expected = new Map();
    for (let n = 0; n < filled; n += 1) {
      const id = `f${Math.floor(n / 10)}`;
      expected.set(id, [...(expected.get(id) ?? []), n]);
    }
    try {
      examine(await page.call("look"));
      figures.readsAtFull = true;
    } catch (error) {
      if (!closes || error.code !== "StorageFull") throw error;
      figures.readsAtFull = error.code;
    }

    const last = [...expected.keys()].at(-1);
    expectFull("another write", await page.call("add", { id: last, n: 90_000, size: Math.max(size, LARGE) }));

    if (restart) {
      await browser.killed();
      page.end();
      prepared.free();
      page = server.page();
      browser = profile.start(page.address);
      await page.call("open", { graceMs: 0, housekeeping: false });
      watched = false;
    }

    const kept = [];
    if (watched) {
      for (const n of [91_000, 91_001, 91_002]) {
        const outcome = await page.call("add", { id: last, n, size, ack: "accepted" });
        expect(outcome.ok, `an accepted write was refused: ${outcome.code}: ${outcome.message}`);
        kept.push(n);
      }
      await until("a quota event", () => events.some(({ event, error }) => event === "quota" && error?.code === "StorageFull"));
      expected.get(last).push(...kept);
    }

    // Space is made as a program can make it: by deleting and collecting.
    const victims = [...expected.keys()].filter((id) => id !== last).slice(0, Math.max(1, Math.floor(expected.size / 2)));
    let removed = await page.call("remove", victims);
    let collected = removed.ok ? await page.call("collectNow") : removed;
    figures.deleteAtFull = removed.ok || removed.code;
    figures.collectAtFull = collected.ok || collected.code;
    if (!removed.ok || !collected.ok) {
      // A disk that is full to the last byte takes no record of a deletion either. It has to say so, no more.
      for (const refused of [removed, collected]) if (!refused.ok) expectFull("deleting", refused);
      expect(prepared, "below the quota there is room for a deletion");
      prepared.free();
      figures.madeRoom = "by others";
      removed = await page.call("remove", victims);
      expect(removed.ok, `deleting, with space: ${removed.code}: ${removed.message}`);
      collected = await page.call("collectNow");
      expect(collected.ok, `collecting, with space: ${collected.code}: ${collected.message}`);
    } else {
      figures.madeRoom = "by deleting";
    }
    for (const id of victims) expected.delete(id);
    if (watched) {
      await until("the accepted writes, after space was made", () => {
        const { error } = events.filter(({ event }) => event === "quota").at(-1);
        return error === null;
      });
    }
    expect(collected.result.attachments > 0, "the collector found nothing to remove");

    const again = await page.call("add", { id: last, n: 92_000, size });
    expect(again.ok, `writing, with space: ${again.code}: ${again.message}`);
    expected.get(last).push(92_000);
    const check = async (page, where) => {
      const look = await page.call("look");
      examine(look);
      for (const id of victims) expect(!(id in look.sessions), `session ${id} was deleted and is there`);
      const { clean, findings } = await page.call("verify");
      expect(clean, `verify ${where}: ${JSON.stringify(findings)}`);
    };
    await check(page, "before the restart");
    expect(!events.some(({ event }) => event === "failed"), `an accepted write failed: ${JSON.stringify(events)}`);
    await browser.killed();
    page.end();
    const reopened = server.page();
    browser = profile.start(reopened.address);
    await reopened.call("open", { loss: "accept" });
    await check(reopened, "after the restart");
    return [figures.message, `${filled} items fitted`, `room ${figures.madeRoom}`, `${kept.length} accepted writes kept`].join("; ");
  } finally {
    await browser?.killed();
    server.stop();
    prepared?.remove();
    profile.remove();
  }
}

const report = new Report("space");
const wanted = process.argv.slice(2);
const shapes = {};
for (const [name, shape] of Object.entries(SHAPES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  shapes[name] = {};
  if (shape.limit.needsRoot && process.getuid() !== 0) {
    shapes[name] = "not provoked: a file system of its own takes root";
    console.log(`NOT PROVOKED  ${name}: a file system of its own takes root`);
    continue;
  }
  await report.test(name, () => provoke(shape, shapes[name]));
}
report.record("shapes", shapes);
report.end();
