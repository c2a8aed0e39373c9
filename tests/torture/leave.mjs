// Pages that are left, by navigation and by closing the tab, while writes are accepted and not yet committed, some of them in
// the very handler of `pagehide`. The next page opens the hoard at once; there each accepted write is exactly once.
//
//   node tests/torture/leave.mjs [LEAVES] [ENGINE...]     as many navigations and as many closes
//
// In WebKitGTK what is kept is measured, not asserted.
import { random } from "./page/plan.js";
import { Report } from "./support/report.mjs";
import { serve } from "./support/server.mjs";
import { sleep } from "./support/rounds.mjs";
import { OPENERS } from "./support/tabs.mjs";

const [leaves = "5", ...wanted] = process.argv.slice(2);
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);

const KINDS = {
  /** The page goes elsewhere by itself, in the task of its last write. */
  "navigation by the page": async ({ browser, tab, page, server, id, settled }) => {
    const next = server.page();
    // It answers nothing any more.
    page.call("leave", { id, settled, address: next.address }).catch(() => {});
    await next.call("open");
    return { tab, next };
  },
  /** The browser is sent elsewhere while the page writes. */
  navigation: async ({ browser, tab, page, server, id, settled, chance }) => {
    await page.call("leave", { id, settled });
    await sleep(20 + chance() * 150);
    const next = server.page();
    await browser.navigate(tab, next.address);
    await next.call("open");
    return { tab, next };
  },
  /** The tab is closed while the page writes, and the hoard opened in another one at once. */
  close: async ({ browser, tab, page, server, id, settled, chance }) => {
    await page.call("leave", { id, settled });
    await sleep(20 + chance() * 150);
    const next = server.page();
    await browser.close(tab);
    const opened = await browser.open(next.address);
    await next.call("open");
    return { tab: opened, next };
  },
};

/** What of the accepted writes is not among the stored items. */
function missing(accepted, items) {
  const stored = new Set(items);
  return accepted.filter(([n]) => !stored.has(n));
}

async function torture(engine, report, figures) {
  const asserted = engine !== "webkit";
  const chance = random(seed);
  const server = await serve();
  let browser;
  let page;
  let tab;
  const start = async () => {
    browser = await OPENERS[engine](engine);
    figures.browser = browser.version;
    page = server.page();
    tab = await browser.open(page.address);
    await page.call("open");
  };
  try {
    await start();
    let round = 0;
    for (const kind of ["navigation", "close"]) {
      const figure = { leaves: 0, complete: 0, accepted: 0, kept: 0, late: 0, lost: 0, lostWritten: {}, doubled: 0, empty: 0, ended: [] };
      figures[kind] = figure;
      const wrong = [];
      const one = async () => {
        const id = `r${(round += 1)}`;
        const accepted = [];
        const problems = page.problems;
        page.on("entry", (entry) => {
          if (entry.accepted) accepted.push(...entry.accepted);
        });
        const way = kind === "navigation" && round % 2 ? "navigation by the page" : kind;
        // Every fourth page is left before it has had a moment to get ready for that.
        const left = page;
        const moved = await KINDS[way]({ browser, tab, page, server, id, settled: round % 4 !== 0, chance });
        ({ tab, next: page } = moved);
        // Beacons may take their time.
        await sleep(50);
        let items = await page.call("itemsOf", id);
        let lost = missing(accepted, items);
        if (lost.length > 0) {
          // The page may have gone on for longer than the next one took to open. Then it is the turn of the one after that.
          await page.call("close");
          await page.call("open");
          const late = lost.length;
          items = await page.call("itemsOf", id);
          lost = missing(accepted, items);
          figure.late += late - lost.length;
        }
        left.end();
        const counted = new Map();
        for (const n of items) counted.set(n, (counted.get(n) ?? 0) + 1);
        for (const [, phase] of lost) figure.lostWritten[phase] = (figure.lostWritten[phase] ?? 0) + 1;
        const doubled = [...counted].filter(([, times]) => times > 1);
        const strange = [...counted.keys()].filter((n) => typeof n !== "number");
        const ordered = items.every((n, at) => at === 0 || n > items[at - 1]);
        // A page on a busy machine may be left before anything was accepted, which proves nothing.
        if (accepted.length === 0 && items.length === 0 && problems.length === 0) {
          figure.empty += 1;
          return;
        }
        figure.leaves += 1;
        figure.accepted += accepted.length;
        figure.kept += accepted.length - lost.length;
        figure.lost += lost.length;
        figure.doubled += doubled.length;
        const told = [];
        if (lost.length > 0) told.push(`lost ${lost.length} of ${accepted.length}: ${lost.slice(0, 6).map(([n, phase]) => `${n}, written ${phase}`).join("; ")}`);
        if (doubled.length > 0) told.push(`doubled: ${JSON.stringify(doubled.slice(0, 10))}`);
        if (strange.length > 0) told.push(`strange: ${strange.slice(0, 10)}`);
        if (!ordered) told.push("in another order");
        told.push(...problems);
        if (told.length > 0) wrong.push(`${way} ${id}${round % 4 === 0 ? ", at once" : ""}: ${told.join("; ")}`);
        else figure.complete += 1;
      };
      await report.test(`${engine}, ${leaves} times ${kind}`, async () => {
        while (figure.leaves < Number(leaves)) {
          if (figure.empty > Number(leaves)) throw new Error(`${figure.empty} pages were left before anything was accepted`);
          try {
            await one();
          } catch (error) {
            if (asserted) throw error;
            // It counts as a leave that was not complete, and nothing of it is carried on.
            figure.leaves += 1;
            figure.ended.push(error.message);
            page.end();
            await browser.quit();
            await start();
          }
        }
        const said = `${figure.complete} of ${figure.leaves} complete; of ${figure.accepted} accepted writes ${figure.kept} kept, ${figure.lost} lost ${JSON.stringify(figure.lostWritten)}, ${figure.doubled} doubled; ${figure.empty} more were left before anything was accepted`;
        if (wrong.length > 0 && asserted) throw new Error([said, ...wrong].join("\n"));
        return asserted ? said : [`measured: ${said}`, ...figure.ended, ...wrong].join("\n  ");
      });
    }
    await report.test(`${engine}: verify`, async () => {
      const { clean, findings } = await page.callWithin(300_000, "verify");
      if (!clean) throw new Error(JSON.stringify(findings));
    });
  } finally {
    await browser?.quit();
    server.stop();
  }
}

const report = new Report("leave");
const engines = {};
await report.each(wanted.length > 0 ? wanted : Object.keys(OPENERS), (engine) => {
  engines[engine] = {};
  return torture(engine, report, engines[engine]);
});
report.record("seed", seed);
report.record("engines", engines);
report.end();
