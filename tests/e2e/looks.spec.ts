// The demo with a real session in it, light and dark, wide and narrow: nothing spills over the side, and axe-core has
// nothing serious to say.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "@playwright/test";
import type { AxeResults } from "axe-core";
import type { Probe } from "./support/probe.ts";
import { expect, recorderHoard, test } from "./support/test.ts";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const id = "fixtures";
const title = "Reading the documentation";

const places: [name: string, address: string, ready: (page: Page) => Promise<void>][] = [
  ["the form", "#/new", async (page) => expect(page.getByLabel("Title")).toBeVisible()],
  [
    "a session",
    `#/session/${id}`,
    async (page) => {
      await expect(page.locator("button.frame img").first()).toBeVisible();
      await expect(page.getByRole("feed")).toHaveAttribute("aria-busy", "false");
    },
  ],
  [
    "the search",
    "#/search?q=session&category=Research",
    async (page) => {
      await expect(page.locator(".hit mark").first()).toBeVisible();
      // Where they are folded.
      if ((await page.locator(".filters:not([open])").count()) > 0) await page.locator(".filters summary").click();
      await expect(page.getByRole("button", { name: "Research", pressed: true })).toBeVisible();
    },
  ],
  ["a search with problems that finds nothing", `#/search?q=${encodeURIComponent('quizzicalness "and')}`, async (page) => expect(page.getByText("Nothing found.")).toBeVisible()],
  ["the storage", "#/storage", async (page) => expect(page.getByText("It would take")).toBeVisible()],
  ["the sessions", "#/", async (page) => expect(page.getByRole("link", { name: title })).toBeVisible()],
];

async function seed(probe: Probe): Promise<void> {
  await probe.call("saveFixtures", recorderHoard, id, title);
  await probe.call("save", recorderHoard, { id: "long", title: `A title without a place to break: ${"x".repeat(200)}`, startedAt: Date.now() }, {
    notes: [{ at: Date.now(), text: `https://example.org/${"y".repeat(300)}` }],
  });
}

async function expectNoSpill(page: Page, where: string): Promise<void> {
  const { content, width } = await page.evaluate(() => ({ content: document.documentElement.scrollWidth, width: innerWidth }));
  expect(content, `${where} fits the window`).toBeLessThanOrEqual(width);
}

async function expectAccessible(page: Page, where: string): Promise<void> {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => (globalThis as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run());
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  expect(
    serious.map((violation) => `${where}: ${violation.id}: ${violation.nodes.map((node) => node.html).join(" | ")}`),
    "accessibility",
  ).toEqual([]);
}

for (const scheme of ["light", "dark"] as const) {
  for (const [window, size] of [
    ["wide", { width: 1440, height: 900 }],
    ["narrow", { width: 390, height: 844 }],
    ["very narrow", { width: 320, height: 568 }],
  ] as const) {
    test(`${scheme}, ${window}: fits and is accessible`, async ({ page, server, probe }) => {
      await seed(probe);
      await page.setViewportSize(size);
      await page.emulateMedia({ colorScheme: scheme });
      await page.goto(server.origin);
      for (const [name, address, ready] of places) {
        await page.goto(`${server.origin}/${address}`);
        await ready(page);
        await expectNoSpill(page, name);
        await expectAccessible(page, name);
      }
      await page.goto(`${server.origin}/#/search?q=example`);
      await expect(page.locator(".snippet mark").first()).toBeVisible();
      await expectNoSpill(page, "a long snippet");
      await page.goto(`${server.origin}/#/session/long`);
      await expect(page.getByRole("heading", { name: /A title without/ })).toBeVisible();
      await expectNoSpill(page, "a long title");

      const ground = await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
      const [red = 0] = (ground.match(/\d+/g) ?? []).map(Number);
      expect(red < 128 ? "dark" : "light").toBe(scheme);
    });
  }
}

test("dialogs, the viewer and a running recording are accessible", async ({ page, server, probe }) => {
  await seed(probe);
  await page.goto(`${server.origin}/#/session/${id}`);
  await expect(page.locator("button.frame img").first()).toBeVisible();
  await page.locator("button.frame").first().press("Enter");
  await expect(page.getByRole("dialog", { name: "Picture viewer" }).locator("img")).toBeVisible();
  await expectAccessible(page, "the viewer");
  await page.keyboard.press("Escape");
  for (const [key, name] of [
    ["e", "Edit session"],
    ["Delete", "Delete this session?"],
    ["?", "Keyboard"],
  ] as const) {
    await page.keyboard.press(key);
    await expect(page.getByRole("dialog", { name })).toBeVisible();
    await expectAccessible(page, name);
    await page.keyboard.press("Escape");
    await expect(page.getByRole("dialog", { name })).toBeHidden();
  }
  await page.goto(`${server.origin}/#/new`);
  await page.getByRole("switch", { name: "Screen" }).uncheck();
  await page.getByRole("button", { name: "Start recording" }).click();
  await expect(page.getByRole("region", { name: "Recording in progress" })).toBeVisible();
  await expectAccessible(page, "a running recording");
  await page.keyboard.press("s");
  await expect(page.getByRole("region", { name: "Recording in progress" })).toBeHidden();
});

test("the theme that was chosen holds over a reload, against the system's", async ({ page, server }) => {
  await page.emulateMedia({ colorScheme: "light" });
  await page.goto(server.origin);
  await page.getByRole("button", { name: "Light or dark" }).click();
  const scheme = () => page.evaluate(() => getComputedStyle(document.documentElement).colorScheme);
  expect(await scheme()).toBe("dark");
  await page.reload();
  expect(await scheme()).toBe("dark");
  await page.getByRole("button", { name: "Light or dark" }).click();
  expect(await scheme()).toBe("light");
});
