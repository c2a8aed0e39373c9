// Whoever records is in another tab or window. There a page's timers are held back to one a second and less; the recording
// has to go on at its own pace.

import { By } from "selenium-webdriver";
import { openChromium } from "./support/drivers.ts";
import { probeOf } from "./support/probe.ts";
import { expect, recorderHoard, test } from "./support/test.ts";

test("a recording goes on at its pace while its tab is in the background", async ({ server }) => {
  const { driver, close } = await openChromium();
  try {
    await driver.manage().setTimeouts({ script: 60_000, implicit: 15_000 });
    await driver.get(`${server.origin}/probe/player.html`);
    await driver.findElement(By.css("html[data-frame]"));

    await driver.switchTo().newWindow("tab");
    const recorder = await driver.getWindowHandle();
    await driver.get(`${server.origin}/#/new`);
    const [picture, segment] = await driver.findElements(By.css("input[type=number]"));
    await picture?.sendKeys("\b\b\b0.3");
    await segment?.sendKeys("\b\b\b1");
    await driver.findElement(By.css("button[type=submit]")).click();
    await driver.findElement(By.css(".dock"));
    await driver.executeScript("document.addEventListener('visibilitychange', () => document.documentElement.classList.add('was-hidden'))");

    // A tab in front, of the same origin, to look into the storage from.
    await driver.switchTo().newWindow("tab");
    await driver.get(`${server.origin}/probe/index.html`);
    const { call } = probeOf(driver);
    const [id = ""] = await call("ids", recorderHoard);
    const before = await call("lengths", recorderHoard, id);
    await driver.sleep(8000);
    const after = await call("lengths", recorderHoard, id);
    const since = (list: string) => (after[list] ?? 0) - (before[list] ?? 0);
    // 26 pictures and 8 segments at full pace; timers of one a second would give 8 pictures.
    expect(since("screenshots")).toBeGreaterThanOrEqual(14);
    expect(since("audio")).toBeGreaterThanOrEqual(5);

    await driver.switchTo().window(recorder);
    await driver.findElement(By.css("html.was-hidden"));
    await driver.findElement(By.css(".dock-controls .primary")).click();
    await driver.findElement(By.css(".shell:not(:has(.dock))"));
  } finally {
    await close();
  }
});
