// Searching in the demo: as one types, by facets and dates, to the item that was found, and back.

import type { Page } from "@playwright/test";
import { openFirefox, openWebKit, type Driven } from "./support/drivers.ts";
import { manifest } from "./support/fixtures.ts";
import { probeOf, type Probe } from "./support/probe.ts";
import { dock, startRecording, stopRecording, writeNote } from "./support/recorder.ts";
import { expect, recorderHoard, test } from "./support/test.ts";

const minute = 60_000;

function field(page: Page) {
  return page.getByRole("search").getByRole("searchbox");
}

function hits(page: Page) {
  return page.getByRole("list", { name: "What was found" }).locator(".hit");
}

function titles(page: Page) {
  return hits(page).getByRole("link");
}

async function expectFound(page: Page, count: number): Promise<void> {
  await expect(page.locator('[data-fact="found"]')).toHaveText(count === 1 ? "1 session" : `${count} sessions`);
}

/** The item that a hit led to, in the middle of the window. */
async function expectJumpedTo(page: Page, text: string): Promise<void> {
  const item = page.locator("[data-sought]");
  await expect(item).toContainText(text);
  await expect(item).toBeInViewport();
  await expect(item).toBeFocused();
}

/** Four sessions about logging in, of four months. */
async function seed(probe: Probe): Promise<void> {
  const sessions = [
    { id: "a", title: "Login fails", category: "Support", topics: ["login"], tags: ["urgent", "checkout"], month: 0, notes: ["The customer cannot log in", "A stale cookie was it"] },
    { id: "b", title: "Weekly meeting", category: "Meeting", topics: ["planning"], tags: ["team"], month: 1, notes: ["The login page gets a new look"] },
    { id: "c", title: "Interview about logins", category: "Interview", topics: ["login"], tags: ["checkout"], month: 2, notes: [] },
    { id: "d", title: "Holiday pictures", category: "Personal", topics: [], tags: [], month: 3, notes: ["Nothing but sea"] },
  ];
  for (const { month, notes, ...session } of sessions) {
    const startedAt = new Date(2026, month, 10, 12).getTime();
    await probe.call("save", recorderHoard, { ...session, startedAt }, { notes: notes.map((text, i) => ({ at: startedAt + i * minute, text })) });
  }
}

test("what is found follows each key, with the words marked", async ({ page, server, probe }) => {
  await seed(probe);
  await page.goto(`${server.origin}/#/search`);
  await expect(field(page)).toBeFocused();
  await expectFound(page, 4);
  for (const [key, count] of [["l", 3], ["o", 3], ["g", 3], ["i", 3], ["n", 3], ["s", 1]] as const) {
    await field(page).press(key);
    await expectFound(page, count);
  }
  await field(page).press("Backspace");
  await expectFound(page, 3);
  // The title counts twice.
  await expect(titles(page).first()).toHaveText("Login fails");
  await expect(titles(page).first().locator("mark")).toHaveText("Login");
  const meeting = hits(page).filter({ hasText: "Weekly meeting" });
  await expect(meeting.locator(".snippet")).toHaveText("Note 1 The login page gets a new look");
  await expect(meeting.locator("mark")).toHaveText("login");

  await field(page).fill("stale cook");
  await expect(hits(page)).toHaveCount(1);
  await expect(hits(page).locator(".snippet mark")).toHaveText(["stale", "cookie"]);
  await expect(page.locator(".search-took")).toHaveText(/^in [\d.,]+ ms$/);
  await expect(page.getByRole("status").filter({ hasText: "1 session found." })).toBeAttached();
});

test("an answer that comes late replaces nothing", async ({ page, server, probe }) => {
  await seed(probe);
  // What the worker answers is held back, the first answer the longest.
  await page.addInitScript(() => {
    const listen = Worker.prototype.addEventListener;
    Worker.prototype.addEventListener = function (this: Worker, type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions) {
      const later = (event: Event) => {
        const wait = (globalThis as unknown as { holdBackMs?: () => number }).holdBackMs?.() ?? 0;
        const give = () => (typeof listener === "function" ? listener.call(this, event) : listener?.handleEvent(event));
        if (wait > 0 && type === "message") setTimeout(give, wait);
        else give();
      };
      listen.call(this, type, later, options);
    } as typeof listen;
  });
  await page.goto(`${server.origin}/#/search`);
  await expectFound(page, 4);
  await page.evaluate(() => {
    let held = 0;
    Object.assign(globalThis, { holdBackMs: () => Math.max(0, 700 - 300 * held++) });
  });
  // Two sessions have words with p, one of them with pi.
  await field(page).pressSequentially("pict", { delay: 20 });
  await expectFound(page, 1);
  await page.waitForTimeout(1200);
  await expect(titles(page)).toHaveText(["Holiday pictures"]);
});

test("facets, days and the order narrow and sort, and are in the address", async ({ page, server, probe }) => {
  await seed(probe);
  await page.goto(`${server.origin}/#/search?q=login`);
  await expect(field(page)).toHaveValue("login");
  await expectFound(page, 3);
  const tags = page.getByRole("group", { name: "Tags" });
  await expect(tags.getByRole("button")).toHaveText(["checkout 2", "team 1", "urgent 1"]);
  await tags.getByRole("button", { name: "checkout" }).click();
  await expectFound(page, 2);
  await expect(tags.getByRole("button", { name: "checkout" })).toHaveAttribute("aria-pressed", "true");
  await page.getByRole("group", { name: "Category" }).getByRole("button", { name: "Support" }).click();
  await expectFound(page, 1);
  await expect(page).toHaveURL(/category=Support&tags=checkout/);
  await page.goBack();
  await expectFound(page, 2);
  await page.getByRole("combobox", { name: "Order" }).selectOption("Newest first");
  await expect(titles(page)).toHaveText(["Interview about logins", "Login fails"]);
  await page.getByRole("combobox", { name: "Order" }).selectOption("Oldest first");
  await expect(titles(page)).toHaveText(["Login fails", "Interview about logins"]);

  // Both days are included.
  await page.getByLabel("From", { exact: true }).fill("2026-03-10");
  await expect(titles(page)).toHaveText(["Interview about logins"]);
  await page.getByLabel("To", { exact: true }).fill("2026-03-10");
  await expect(titles(page)).toHaveText(["Interview about logins"]);
  await page.getByLabel("To", { exact: true }).fill("2026-03-09");
  await expectFound(page, 0);
  await expect(page.getByText("The first day is after the last one.")).toBeVisible();

  await expect(page).toHaveURL(/q=login&tags=checkout&from=2026-03-10&to=2026-03-09&order=oldest$/);
  await page.reload();
  await expectFound(page, 0);
  await expect(page.getByLabel("To", { exact: true })).toHaveValue("2026-03-09");
  // What was chosen can be taken back although nothing has it.
  await expect(tags.getByRole("button", { name: "checkout 0" })).toHaveAttribute("aria-pressed", "true");
  await page.locator(".nothing-found").getByRole("button", { name: "Clear filters" }).click();
  await expectFound(page, 3);
  await expect(field(page)).toBeFocused();
  await field(page).fill("nowhere");
  await page.getByRole("button", { name: "Clear the words" }).click();
  await expectFound(page, 4);
});

test("a query that cannot be read is answered all the same, and its place shown", async ({ page, server, probe }) => {
  await seed(probe);
  await page.goto(`${server.origin}/#/search`);
  await field(page).fill('login OR "new look');
  await expect(page.locator(".search-note.problem u")).toHaveText(/^"/);
  await expect(field(page)).toHaveAccessibleDescription(/quote/);
  await expectFound(page, 3);
  await field(page).press("\"");
  await expect(page.locator(".search-note.problem")).toBeHidden();
  for (const odd of ["(", ")", "a OR", "tag:", "-", "\\", "((((", 'size:>x "', "nofield:x", "before:nonsense", "*", "~~~", "\"\"\"", "AND AND", "\u0000"]) {
    await field(page).fill(odd);
    await expect(page.getByRole("alert").filter({ hasText: /\S/ })).toHaveCount(0);
  }
  await field(page).fill("tag:checkout -urgent");
  await expect(titles(page)).toHaveText(["Interview about logins"]);
  await field(page).fill("after:2026-03-01 before:2026-04-01");
  await expect(titles(page)).toHaveText(["Interview about logins"]);
});

test("a hit deep in a long session is brought into view, and back leads to it", async ({ page, server, probe }) => {
  const startedAt = Date.now() - 60 * minute;
  const notes = Array.from({ length: 20_000 }, (_, i) => ({ at: startedAt + i * 180, text: i === 17_345 ? "Here a heron landed" : `Line ${i} of what was said in this hour` }));
  await probe.call("save", recorderHoard, { id: "long", title: "An hour", startedAt }, { notes });
  await seed(probe);
  await page.goto(`${server.origin}/#/search`);
  await field(page).fill("heron");
  await expect(hits(page).locator(".snippet")).toHaveText("Note 17,346 Here a heron landed");
  await titles(page).first().click();
  await expect(page).toHaveURL(/#\/session\/long\/notes\/17345$/);
  await expectJumpedTo(page, "Here a heron landed");
  await expect(page.getByRole("feed")).toHaveAttribute("aria-busy", "false");
  await expect(page.locator("[data-sought]")).toBeInViewport();
  await expect(page.locator("[data-sought]")).toHaveAttribute("aria-current", "true");
  // Who scrolls away is not brought back.
  await page.mouse.move(800, 500);
  await page.mouse.wheel(0, -5000);
  await expect(page.locator("[data-sought]")).not.toBeInViewport();
  await page.waitForTimeout(500);
  await expect(page.locator("[data-sought]")).not.toBeInViewport();

  await page.goBack();
  await expect(field(page)).toHaveValue("heron");
  await expect(titles(page).first()).toBeFocused();
  // The same place by its address alone.
  await page.goForward();
  await page.reload();
  await expectJumpedTo(page, "Here a heron landed");
});

test("messages, who sent them and files are found by their words", async ({ page, server, probe }) => {
  await probe.call("saveFixtures", recorderHoard, "fixtures", "Reading the documentation");
  await page.goto(`${server.origin}/#/search`);
  const { messages } = manifest();
  const message = messages.at(-1);
  const words = message?.text.split(/\s+/).slice(0, 6).join(" ").replaceAll(/["\\]/g, "") ?? "";
  await field(page).fill(`"${words}"`);
  await expectFound(page, 1);
  await expect(hits(page).locator(".snippet mark").first()).toBeVisible();
  await titles(page).first().click();
  await expectJumpedTo(page, words.split(" ")[0] ?? "");
  // Pictures above it are loaded late; the message stays in view.
  await expect(page.getByRole("feed")).toHaveAttribute("aria-busy", "false");
  await expect(page.locator("[data-sought]")).toBeInViewport();

  await page.getByLabel("Add files").setInputFiles([{ name: "quarterly figures.csv", mimeType: "text/csv", buffer: Buffer.from("1,2") }]);
  await page.goto(`${server.origin}/#/search?q=quarterly`);
  await expect(hits(page).locator(".snippet")).toHaveText("File 1 quarterly figures.csv");
  await titles(page).first().click();
  await expectJumpedTo(page, "quarterly figures.csv");
});

test("by keyboard only: to the field, through what was found, into the session and back", async ({ page, server, probe }) => {
  await seed(probe);
  await page.goto(`${server.origin}/#/storage`);
  await expect(page.getByRole("heading", { name: "Storage" })).toBeVisible();
  await page.keyboard.press("/");
  await expect(field(page)).toBeFocused();
  await page.keyboard.type("login / page");
  await expect(field(page)).toHaveValue("login / page");
  await expect(titles(page)).toHaveText(["Weekly meeting"]);
  await page.keyboard.press("Escape");
  await expect(field(page)).toHaveValue("login / page");
  await expect(field(page)).not.toBeFocused();
  await page.keyboard.press("/");
  await expect(field(page)).toBeFocused();
  await page.keyboard.press("ArrowDown");
  await expect(titles(page).first()).toBeFocused();
  const outlined = await hits(page).first().evaluate((row) => getComputedStyle(row).outlineStyle);
  expect(outlined).toBe("solid");
  await page.keyboard.press("Enter");
  await expectJumpedTo(page, "The login page gets a new look");
  // The browser's own key for it is not the page's.
  await page.goBack();
  await expect(titles(page).first()).toBeFocused();
  await page.keyboard.press("/");
  await page.keyboard.type("login");
  await expectFound(page, 3);
  for (let presses = 0; presses < 20 && !(await page.getByRole("button", { name: "checkout" }).evaluate((button) => button === document.activeElement)); presses += 1) {
    await page.keyboard.press("Tab");
  }
  await page.keyboard.press("Space");
  await expectFound(page, 2);
  await expect(page.getByRole("button", { name: "checkout" })).toBeFocused();
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog", { name: "Keyboard" }).getByText("From the search field to what was found")).toBeVisible();
});

test("many come in pages, and the focus goes on to what comes", async ({ page, server, probe }) => {
  const startedAt = Date.UTC(2026, 1, 1);
  for (let i = 0; i < 45; i += 1) await probe.call("save", recorderHoard, { id: `s${i}`, title: `Session ${i}`, startedAt: startedAt + i * minute }, {});
  await page.goto(`${server.origin}/#/search`);
  await expectFound(page, 45);
  await expect(hits(page)).toHaveCount(20);
  await expect(titles(page).first()).toHaveText("Session 44");
  await page.getByRole("button", { name: "Show more 25 sessions left" }).click();
  await expect(hits(page)).toHaveCount(40);
  await expect(titles(page).nth(20)).toBeFocused();
  await page.getByRole("button", { name: "Show more 5 sessions left" }).click();
  await expect(hits(page)).toHaveCount(45);
  await expect(page.getByRole("main").getByRole("button", { name: /Show more/ })).toHaveCount(0);
});

test("what is found follows what is stored, and leaves the focus alone", async ({ page, server, probe }) => {
  await seed(probe);
  await page.goto(`${server.origin}/#/search?q=login`);
  await expectFound(page, 3);
  await titles(page).nth(1).focus();
  const focused = await titles(page).nth(1).innerText();
  await probe.call("save", recorderHoard, { id: "e", title: "Login again", startedAt: Date.now() }, {});
  await expectFound(page, 4);
  await expect(page.getByRole("link", { name: focused, exact: true }).and(page.locator(".hit a"))).toBeFocused();
  await probe.call("remove", recorderHoard, "e");
  await expectFound(page, 3);
});

test("a note is found while its recording goes on", async ({ page, server }) => {
  await startRecording(page, server.origin, { title: "Being recorded", screenSeconds: null });
  await page.goto(`${server.origin}/#/search?q=pelican`);
  await expectFound(page, 0);
  await writeNote(page, "A pelican went by");
  await expectFound(page, 1);
  await expect(dock(page).getByRole("textbox", { name: "Note" })).toBeFocused();
  await stopRecording(page);
});

test("a store with another index is indexed anew, and what is found is complete then", async ({ page, server, probe }) => {
  // The probe's hoard has the standard index; the demo's is another one.
  await seed(probe);
  await probe.call("close", recorderHoard);
  await page.goto(`${server.origin}/#/search?q=login`);
  await expectFound(page, 3);
  await expect(page.locator(".search-building")).toHaveCount(0);
});

const engines: [name: string, open: () => Promise<Driven>][] = [
  ["Firefox", openFirefox],
  ["WebKitGTK", openWebKit],
];

for (const [name, open] of engines) {
  test(`${name} finds, marks and jumps`, async ({ server }) => {
    const { driver, close } = await open();
    try {
      await driver.manage().setTimeouts({ script: 120_000 });
      const { call } = probeOf(driver);
      await driver.get(`${server.origin}/probe/index.html`);
      const startedAt = Date.now() - 60 * minute;
      const notes = Array.from({ length: 3000 }, (_, i) => ({ at: startedAt + i * 1000, text: i === 2500 ? "Here a heron landed" : `Line ${i} of what was said` }));
      await call("save", recorderHoard, { id: "long", title: "An hour", startedAt, tags: ["birds"] }, { notes });
      await driver.get(`${server.origin}/#/search?q=hero&tags=birds`);
      const hit = () => driver.executeScript(`const hit = document.querySelector(".hit"); return hit && { title: hit.querySelector("a").textContent, marked: [...hit.querySelectorAll("mark")].map((mark) => mark.textContent) };`);
      await expect.poll(hit, { timeout: 30_000 }).toEqual({ title: "An hour", marked: ["heron"] });
      await driver.executeScript(`document.querySelector(".hit a").click()`);
      const jumped = () =>
        driver.executeScript(`
          const item = document.querySelector("[data-sought]");
          const box = item?.getBoundingClientRect();
          return item && document.querySelector("[role=feed][aria-busy=false]") && { text: item.querySelector(".moment-text").textContent, inView: box.top >= 0 && box.bottom <= innerHeight, focused: item === document.activeElement };`);
      await expect.poll(jumped, { timeout: 30_000 }).toEqual({ text: "Here a heron landed", inView: true, focused: true });
    } finally {
      await close();
    }
  });
}
