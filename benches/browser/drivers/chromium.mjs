import { chromium } from "playwright-core";
import { join } from "node:path";

// The switches only keep the browser from using the network or a display that is not there.
const SWITCHES = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const storage = (profile) => join(profile, "Default", "IndexedDB");

/** A browser on `profile` with `origin` open; `call("run", "save")` is `bench.run("save")` on the page. */
export async function launch(profile, origin, extra = []) {
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: [...SWITCHES, ...extra],
  });
  const page = context.pages()[0] ?? (await context.newPage());
  page.setDefaultTimeout(600_000);
  page.on("pageerror", (error) => console.error(`page: ${error.message}`));
  const visit = () => page.goto(origin, { waitUntil: "load" });
  await visit();
  return {
    version: `Chromium ${context.browser()?.version() ?? (await page.evaluate(() => navigator.userAgent.match(/Chrome\/([\d.]+)/)[1]))}`,
    call: (method, ...args) => page.evaluate(([name, rest]) => globalThis.bench[name](...rest), [method, args]),
    reload: visit,
    close: () => context.close(),
  };
}
