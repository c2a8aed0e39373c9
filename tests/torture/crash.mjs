// SIGKILL of browsers in the middle of a mixed load. On the same profile everything that was acknowledged as committed has to
// be there byte for byte, no operation by half, none without all before it, and a full verification has to find nothing.
//
//   node tests/torture/crash.mjs [KILLS] [ENGINE...]      SEED=n for other operations
import { random } from "./page/plan.js";
import { ENGINES, Profile } from "./support/browsers.mjs";
import { Report } from "./support/report.mjs";
import { examine, Heard, sleep } from "./support/rounds.mjs";
import { serve } from "./support/server.mjs";

const [kills = "5", ...wanted] = process.argv.slice(2);
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
const report = new Report("crash");

async function torture(engine) {
  const chance = random(seed);
  const server = await serve();
  const profile = await Profile.make(engine);
  const figures = { browser: profile.version, kills: 0, whileRecovering: 0, operations: 0, flushes: 0, collections: 0, committedUnheard: 0 };
  let browser;
  let page;
  const start = async () => {
    page = server.page();
    browser = profile.start(page.address);
    return page.call("open");
  };
  const kill = async () => {
    await browser.killed();
    page.end();
    figures.kills += 1;
  };
  try {
    let sessions = {};
    await start();
    for (let nth = 1; nth <= Number(kills); nth += 1) {
      const passed = await report.test(`${engine}, kill ${nth}`, async () => {
        const heard = new Heard(page);
        const round = { seed: seed + nth, sessions };
        await page.call("load", round);
        // Now and then at once, usually in the thick of it.
        await sleep(chance() < 0.2 ? chance() * 100 : 300 + chance() * 2000);
        await kill();
        if (page.problems.length > 0) throw new Error(page.problems.join("\n"));
        figures.operations += heard.operations;
        figures.collections += heard.collections;
        figures.flushes += heard.flushes;
        if (chance() < 0.2) {
          // And once more, while it comes up again.
          start().catch(() => {});
          await sleep(300 + chance() * 1200);
          await kill();
          figures.whileRecovering += 1;
        }
        await start();
        const state = await examine(page, { ...round, least: heard.committed });
        figures.committedUnheard += state.stored - heard.committed;
        ({ sessions } = state);
        return `${heard.operations} operations acknowledged, ${Object.keys(sessions).length} sessions stored`;
      });
      if (!passed) break;
    }
    await report.test(`${engine} used the storage that is meant`, () => {
      if (!profile.isExpected) throw new Error(`${profile.storage} holds something else`);
    });
  } finally {
    await browser?.killed();
    server.stop();
    profile.remove();
  }
  return figures;
}

const engines = {};
await report.each(wanted.length > 0 ? wanted : Object.keys(ENGINES), async (engine) => {
  engines[engine] = await torture(engine);
});
report.record("seed", seed);
report.record("engines", engines);
report.end();
