// The recording of the fixtures through the package's API in the two other browser engines: written, the page reloaded,
// read back, every byte compared.

import { manifest } from "./support/fixtures.ts";
import { openFirefox, openWebKit, type Driven } from "./support/drivers.ts";
import { attachmentsOf, probeOf } from "./support/probe.ts";
import { expect, recorderHoard, test } from "./support/test.ts";

const engines: [name: string, open: () => Promise<Driven>][] = [
  ["Firefox", openFirefox],
  ["WebKitGTK", openWebKit],
];
/** The demo's, so that the demo can show it too. */
const hoard = recorderHoard;

for (const [name, open] of engines) {
  test(`${name} gives back the recorded session byte for byte after a reload`, async ({ server }) => {
    const { driver, close } = await open();
    try {
      await driver.manage().setTimeouts({ script: 120_000 });
      const { call } = probeOf(driver);

      await driver.get(`${server.origin}/probe/index.html`);
      await call("appendFixtures", hoard, "session", "Recorded elsewhere");
      const before = await call("contents", hoard, "session");

      await driver.navigate().refresh();
      const after = await call("contents", hoard, "session");
      expect(after).toEqual(before);
      expect(after.damaged).toBe(0);

      const { frames, audio, messages } = manifest();
      expect(attachmentsOf(after.lists["screenshots"]).map(({ bytes }) => bytes)).toEqual(frames.map(({ sha256 }) => sha256));
      expect(attachmentsOf(after.lists["audio"]).map(({ bytes }) => bytes)).toEqual(audio.map(({ sha256 }) => sha256));
      expect(after.lists["screenshots"]?.map(({ at }) => at)).toEqual(frames.map(({ at }) => at));
      expect(after.lists["messages"]).toEqual(messages);
      expect(await call("verify", hoard, { full: true })).toMatchObject({ clean: true, findings: [] });
      expect((await call("stats", hoard)).attachments).toBe(new Set([...frames, ...audio].map(({ sha256 }) => sha256)).size);

      // And the demo shows it, under its own stricter policy.
      await driver.get(`${server.origin}/#/session/session`);
      const shown = () =>
        driver.executeScript(`
          const feed = document.querySelector("[role=feed][aria-busy=false]");
          const pictures = [...document.querySelectorAll("button.frame img")];
          return feed && pictures.length > 0 && pictures.every((picture) => picture.complete)
            ? { title: document.querySelector("h1").textContent, widths: pictures.map((picture) => picture.naturalWidth),
                facts: document.querySelector(".session-facts-row").textContent, problems: document.querySelectorAll(".gap, .notice.problem, .frame-problem").length }
            : null;`);
      await expect.poll(shown, { timeout: 30_000 }).not.toBeNull();
      const demo = (await shown()) as { title: string; widths: number[]; facts: string; problems: number };
      expect(demo.title).toBe("Recorded elsewhere");
      expect(demo.problems).toBe(0);
      expect(new Set(demo.widths)).toEqual(new Set([1280]));
      expect(demo.facts).toContain(`${frames.length} frames, ${new Set(frames.map(({ sha256 }) => sha256)).size} distinct`);
    } finally {
      await close();
    }
  });
}
