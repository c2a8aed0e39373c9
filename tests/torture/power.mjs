// Loss of power in the middle of a mixed load: the browser is killed, and its files lose what was never synced. Nothing that
// was acknowledged as durable may be gone: before a flush() that resolved, or everything in a hoard of durability "strict". What
// else is gone is the end of what was committed, in its order, and how much that was is printed.
//
//   node tests/torture/power.mjs [CUTS] [ENGINE...]      SEED=n for other operations
import { random } from "./page/plan.js";
import { ENGINES, Profile } from "./support/browsers.mjs";
import { Power } from "./support/power.mjs";
import { Report } from "./support/report.mjs";
import { examine, Heard, sleep } from "./support/rounds.mjs";
import { serve } from "./support/server.mjs";

const [cuts = "2", ...wanted] = process.argv.slice(2);
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
const report = new Report("power");
const verbose = Boolean(process.env.VERBOSE);

async function torture(engine, durability) {
  const chance = random(seed);
  const server = await serve();
  const profile = await Profile.make(engine);
  const power = new Power();
  const figures = { browser: profile.version, durability, cuts: 0, committed: 0, durable: 0, flushes: 0, syncs: 0, lost: 0, lostMost: 0, lostMostMs: 0 };
  let browser;
  let page;
  const start = async () => {
    page = server.page();
    browser = profile.start(page.address, { environment: power.environment });
    // That committed writes are gone is what is to be seen here.
    return page.call("open", { durability, loss: "accept" });
  };
  try {
    let sessions = {};
    await start();
    for (let nth = 1; nth <= Number(cuts); nth += 1) {
      const passed = await report.test(`${engine}, ${durability}, power cut ${nth}`, async () => {
        const heard = new Heard(page);
        const round = { seed: seed + nth, sessions };
        await page.call("load", { ...round, flushEvery: 40 });
        await sleep(500 + chance() * 2000);
        await browser.killed();
        page.end();
        if (page.problems.length > 0) throw new Error(page.problems.join("\n"));
        const durable = durability === "strict" ? heard.committed : heard.durable;
        figures.syncs += power.syncs;
        const cut = power.cut(profile.storage);
        if (verbose) console.log(`committed ${heard.committed}, durable ${durable}`, cut);
        await start();
        const state = await examine(page, { ...round, least: durable });
        ({ sessions } = state);
        const lost = Math.max(0, heard.committed - state.stored);
        const lostMs = lost === 0 ? 0 : Math.round(heard.at[heard.committed - 1] - heard.at[state.stored]);
        figures.cuts += 1;
        figures.committed += heard.committed;
        figures.durable += durable;
        figures.flushes += heard.flushes;
        figures.lost += lost;
        figures.lostMost = Math.max(figures.lostMost, lost);
        figures.lostMostMs = Math.max(figures.lostMostMs, lostMs);
        return `${heard.committed} committed, ${durable} of them durable, ${state.stored} kept; lost the last ${lost}, those of ${lostMs} ms`;
      });
      if (!passed) break;
    }
    await report.test(`${engine} was recorded`, () => {
      if (!profile.isExpected) throw new Error(`${profile.storage} holds something else`);
      if (figures.syncs === 0) throw new Error("no sync was seen: nothing was proven");
    });
  } finally {
    await browser?.killed();
    server.stop();
    profile.remove();
    power.remove();
  }
  return figures;
}

const engines = {};
for (const engine of wanted.length > 0 ? wanted : Object.keys(ENGINES)) {
  await report.each([`${engine}, relaxed`, `${engine}, strict`], async (name) => {
    engines[name] = await torture(engine, name.slice(engine.length + 2));
  });
}
report.record("seed", seed);
report.record("engines", engines);
report.end();
