// Tabs of a browser that runs: opened, navigated and closed as by its user.
import { BROWSERS } from "../../../pkg/test/harness/browsers.mjs";
import { Profile } from "./browsers.mjs";
import { sleep } from "./rounds.mjs";

/** Tabs of a Chromium, through its own pipe. */
async function chromiumTabs(engine) {
  const profile = await Profile.make(engine);
  const browser = profile.start("about:blank", { devTools: true });
  const { devTools } = browser;
  const state = (tab, to) => devTools.toTab(tab, "Page.setWebLifecycleState", { state: to });
  return {
    version: (await devTools.send("Browser.getVersion")).product,
    freezing: "Page.setWebLifecycleState",
    closesAtAnyTime: true,
    open: (address) => devTools.open(address),
    navigate: (tab, address) => devTools.toTab(tab, "Page.navigate", { url: address }),
    close: (tab) => devTools.close(tab),
    freeze: async (tab, _page, ms) => {
      await state(tab, "frozen");
      await sleep(ms);
      await state(tab, "active");
    },
    quit: async () => {
      await browser.killed();
      profile.remove();
    },
  };
}

/** Tabs of a browser with a WebDriver. */
async function driverTabs(engine) {
  const { driver, stop } = await BROWSERS[engine]();
  const capabilities = await driver.getCapabilities();
  const first = await driver.getWindowHandle();
  return {
    version: `${capabilities.get("browserName")} ${capabilities.get("browserVersion")}`,
    freezing: "a busy page",
    // A tab that is closed in the middle of a transaction leaves it open here, and with it the database to nobody: not one of the
    // other tabs gets through again. That is WebKitGTK's.
    closesAtAnyTime: engine !== "webkit",
    async open(address) {
      await driver.switchTo().newWindow("tab");
      await driver.get(address);
      return driver.getWindowHandle();
    },
    async navigate(tab, address) {
      await driver.switchTo().window(tab);
      await driver.get(address);
    },
    async close(tab) {
      await driver.switchTo().window(tab);
      await driver.close();
      await driver.switchTo().window(first);
    },
    freeze: (_tab, page, ms) => page.call("busy", ms),
    quit: stop,
  };
}

/** Starts a browser for each name. */
export const OPENERS = {
  "chromium-leveldb": chromiumTabs,
  "chromium-sqlite": chromiumTabs,
  firefox: driverTabs,
  webkit: driverTabs,
};
