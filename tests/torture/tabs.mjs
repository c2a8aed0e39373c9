// Four tabs on one hoard: each appends numbered items to the same list, updates its own field of the same session, makes and
// deletes sessions whose attachments the others make too, and collects; tabs are frozen, closed and opened meanwhile. No update
// may be lost, every promise settles within 10 s, and a read 100 ms after another tab's acknowledgement sees what was
// acknowledged (99 of 100). A tab that is frozen in the middle of a transaction holds up the others', which end as `Blocked`.
//
//   node tests/torture/tabs.mjs SECONDS [ENGINE...]
//
// In WebKitGTK a tab finishes what it does before it is closed (support/tabs.mjs says why).
//
// Freezing is Chromium's (Page.setWebLifecycleState). In Firefox and WebKitGTK, which have no such command, the page's thread is
// kept busy instead.
import { random } from "./page/plan.js";
import { Report } from "./support/report.mjs";
import { sleep } from "./support/rounds.mjs";
import { serve } from "./support/server.mjs";
import { OPENERS } from "./support/tabs.mjs";

const TABS = 4;
const STALE_MS_MAX = 100;

const [seconds = "10", ...wanted] = process.argv.slice(2);
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);

/** What the test knows of one tab, from its own words. */
class Tab {
  /** Numbers of its items that were acknowledged. */
  appended = new Set();
  updated = -1;
  created = new Set();
  removing = new Set();
  removed = new Set();

  constructor(name, page, all) {
    this.name = name;
    this.page = page;
    page.on("entry", (entry) => {
      if (entry.appended !== undefined) {
        const { first, count } = entry.appended;
        for (let n = first; n < first + count; n += 1) this.appended.add(n);
      }
      if (entry.blocked !== undefined) all.blocked += 1;
      if (entry.updated !== undefined) this.updated = Math.max(this.updated, entry.updated);
      if (entry.created !== undefined) this.created.add(entry.created);
      if (entry.removing !== undefined) this.removing.add(entry.removing);
      if (entry.removed !== undefined) this.removed.add(entry.removed);
      if (entry.stale !== undefined) all.stale.push(entry.stale);
      if (entry.hang !== undefined) all.hangs.push(`${name}: ${entry.hang}`);
      if (entry.settled !== undefined) all.late.push(`${name}: ${entry.settled}`);
      if (entry.problem !== undefined) all.problems.push(`${name}: ${entry.problem}`);
    });
  }
}

function quantile(sorted, share) {
  return sorted.length === 0 ? 0 : sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

/** Compares what is stored with what the tabs were told. */
function lostUpdates(tabs, read) {
  const lost = [];
  const { meta, lists } = read.sessions.shared;
  const last = new Map(tabs.map(({ name }) => [name, -1]));
  const missing = new Map(tabs.map(({ name, appended }) => [name, new Set(appended)]));
  for (const [index, { tab, n }] of lists.log.entries()) {
    // Numbers of appends that were refused are left out.
    if (last.get(tab) >= n) lost.push(`item ${index} is number ${n} of ${tab}, and comes after ${last.get(tab)}`);
    last.set(tab, n);
    missing.get(tab)?.delete(n);
  }
  for (const tab of tabs) {
    for (const n of missing.get(tab.name)) lost.push(`number ${n} of ${tab.name} was acknowledged and is not there`);
    if ((meta[tab.name] ?? -1) < tab.updated) lost.push(`${tab.name} updated to ${tab.updated}, it is ${meta[tab.name]}`);
    for (const id of tab.removed) if (id in read.sessions) lost.push(`${id} was deleted and is there`);
    for (const id of tab.created) {
      if (tab.removing.has(id)) continue;
      const images = read.sessions[id]?.lists.images?.length;
      if (images !== 1) lost.push(`${id} was created and is ${id in read.sessions ? `there with ${images ?? 0} images` : "not there"}`);
    }
  }
  return lost;
}

/** WebKitGTK now and then leaves an open unanswered after a tab was closed. It ends as `Blocked`, and is made again. */
async function opened(page, figures) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await page.call("open", { graceMs: 0 });
    } catch (error) {
      if (!String(error).includes("Blocked") || attempt === 3) throw error;
      figures.opensBlocked += 1;
    }
  }
}

async function torture(engine, report, figures) {
  const chance = random(seed);
  const server = await serve();
  const browser = await OPENERS[engine](engine);
  const all = { stale: [], hangs: [], late: [], problems: [], blocked: 0 };
  const tabs = [];
  Object.assign(figures, { freezes: 0, opensBlocked: 0 });
  try {
    const open = async () => {
      const page = server.page();
      const tab = new Tab(`t${tabs.length}`, page, all);
      tab.handle = await browser.open(page.address);
      await opened(page, figures);
      tabs.push(tab);
      return tab;
    };
    const start = (tab) => tab.page.call("startTab", { name: tab.name, seed: seed + tabs.length });
    const first = await open();
    await first.page.call("prepareTabs");
    const living = [first];
    while (living.length < TABS) living.push(await open());
    for (const tab of living) await start(tab);

    figures.browser = browser.version;
    figures.freezing = browser.freezing;
    figures.closes = 0;
    const until = Date.now() + Number(seconds) * 1000;
    while (Date.now() < until) {
      await sleep(Math.min(1000 + chance() * 1500, Math.max(0, until - Date.now())));
      if (Date.now() >= until) break;
      const at = Math.floor(chance() * living.length);
      if (chance() < 0.5) {
        const tab = living[at];
        await browser.freeze(tab.handle, tab.page, Math.min(2000 + chance() * 4000, Number(seconds) * 200));
        figures.freezes += 1;
      } else {
        const [tab] = living.splice(at, 1);
        if (!browser.closesAtAnyTime) {
          await tab.page.call("stopTab");
          await tab.page.call("close");
        }
        await browser.close(tab.handle);
        tab.page.end();
        figures.closes += 1;
        const opened = await open();
        await start(opened);
        living.push(opened);
      }
    }
    const summaries = await Promise.all(living.map((tab) => tab.page.call("stopTab")));
    figures.slowestMs = Math.round(Math.max(...summaries.map(({ slowest }) => slowest)));

    const last = await open();
    const read = await last.page.callWithin(300_000, "look");
    const verified = await last.page.callWithin(300_000, "verify");
    figures.appended = tabs.reduce((sum, tab) => sum + tab.appended.size, 0);
    figures.updated = tabs.reduce((sum, tab) => sum + tab.updated + 1, 0);
    figures.deleted = tabs.reduce((sum, tab) => sum + tab.removed.size, 0);
    const sorted = all.stale.sort((a, b) => a - b);
    figures.reads = sorted.length;
    figures.staleReads = sorted.filter((ms) => ms > 0).length;
    figures.staleMsP99 = Math.round(quantile(sorted, 0.99));
    figures.staleMsMost = Math.round(sorted.at(-1) ?? 0);
    figures.hangs = all.hangs.length;
    figures.blocked = all.blocked;

    const fails = (list) => {
      if (list.length > 0) throw new Error(`${list.length}: ${list.slice(0, 20).join("\n")}`);
    };
    await report.test(`${engine}: nothing refused but what a frozen tab held up`, () => {
      fails(all.problems);
      if (figures.opensBlocked > 0 && engine !== "webkit") throw new Error(`${figures.opensBlocked} times a tab could not open`);
      if (all.blocked > 0 && figures.freezes === 0) throw new Error(`${all.blocked} calls ended as Blocked, and no tab was frozen`);
      return `${all.blocked} calls, and ${figures.opensBlocked} opens, ended as Blocked`;
    });
    await report.test(`${engine}: no lost update`, () => {
      fails(lostUpdates(tabs, read));
      return `${figures.appended} appended, ${figures.updated} updated, ${figures.deleted} deleted, ${figures.closes} tabs closed, ${figures.freezes} times ${figures.freezing === "a busy page" ? "busy" : "frozen"}`;
    });
    await report.test(`${engine}: every promise settled within 10 s`, () => {
      fails([...all.hangs, ...all.late]);
      return `the slowest took ${figures.slowestMs} ms`;
    });
    await report.test(`${engine}: no stale read ${STALE_MS_MAX} ms after an acknowledgement (p99)`, () => {
      if (figures.reads < Number(seconds)) throw new Error(`only ${figures.reads} reads were made`);
      if (figures.staleMsP99 > STALE_MS_MAX) throw new Error(`p99 is ${figures.staleMsP99} ms, the most ${figures.staleMsMost} ms`);
      return `${figures.reads} reads, ${figures.staleReads} stale; p99 ${figures.staleMsP99} ms, most ${figures.staleMsMost} ms`;
    });
    await report.test(`${engine}: verify`, () => {
      if (read.damaged.length > 0) throw new Error(`damaged: ${JSON.stringify(read.damaged)}`);
      if (!verified.clean) throw new Error(JSON.stringify(verified.findings));
    });
  } finally {
    await browser.quit();
    server.stop();
  }
}

const report = new Report("tabs");
const engines = {};
await report.each(wanted.length > 0 ? wanted : Object.keys(OPENERS), (engine) => {
  engines[engine] = {};
  return torture(engine, report, engines[engine]);
});
report.record("seed", seed);
report.record("secondsEach", Number(seconds));
report.record("engines", engines);
report.end();
