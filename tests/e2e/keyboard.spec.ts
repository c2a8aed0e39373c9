// Everything a person does with the demo, done with the keyboard alone. The mouse is not touched in these tests.

import type { Page } from "@playwright/test";
import { dock, openPlayer, row } from "./support/recorder.ts";
import { expect, recorderHoard, test } from "./support/test.ts";

/** Presses Tab until the element with this accessible name has the focus. */
async function tabTo(page: Page, name: string, key = "Tab"): Promise<void> {
  for (let presses = 0; presses < 60; presses += 1) {
    const focused = await page.evaluate(() => {
      const element = document.activeElement;
      if (!(element instanceof HTMLElement)) return "";
      const label = element instanceof HTMLInputElement ? element.labels?.[0]?.textContent : undefined;
      return (element.getAttribute("aria-label") ?? label ?? element.textContent ?? "").trim();
    });
    if (focused === name) return;
    await page.keyboard.press(key);
  }
  throw new Error(`Tab does not come to ${name}`);
}

/** Whoever has the focus shows it. */
async function expectVisibleFocus(page: Page): Promise<void> {
  const shown = await page.evaluate(() => {
    for (let element: Element | null = document.activeElement; element && element !== document.body; element = element.parentElement) {
      const style = getComputedStyle(element);
      if (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2) return true;
    }
    return false;
  });
  expect(shown, "the focus is visible").toBe(true);
}

test("record, note, stop, open, look through, delete: by keyboard only", async ({ context, page, server, probe }) => {
  await openPlayer(context, server.origin);
  await page.bringToFront();
  await page.goto(server.origin);
  await expect(page.getByRole("heading", { name: "New recording" })).toBeVisible();

  // The form has the focus on its title.
  await page.keyboard.type("Typed, not clicked");
  await tabTo(page, "Tags");
  await expectVisibleFocus(page);
  await page.keyboard.type("keys,only");
  await page.keyboard.press("Enter");
  await tabTo(page, "Screen");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Control+A");
  await page.keyboard.type("0.4");
  await tabTo(page, "Start recording");
  await expectVisibleFocus(page);
  await page.keyboard.press("Enter");
  await expect(dock(page)).toBeVisible();

  await page.keyboard.press("n");
  await page.keyboard.type("First note");
  await page.keyboard.press("Enter");
  await page.keyboard.type("Second note, n and s are letters here");
  await page.keyboard.press("Enter");
  await expect(page.locator('[data-fact="notes"]')).toHaveText("2 notes");
  await page.keyboard.press("Escape");
  await page.keyboard.press("p");
  await expect(dock(page).getByRole("button", { name: "Resume" })).toBeVisible();
  await page.keyboard.press("p");
  await expect(dock(page).getByRole("button", { name: "Pause" })).toBeVisible();
  await expect.poll(async () => parseInt(await page.locator('[data-fact="frames"]').innerText(), 10)).toBeGreaterThan(8);
  await page.keyboard.press("s");
  await expect(dock(page)).toBeHidden();

  // From somewhere else, through the list, to the session.
  await page.keyboard.press("u");
  await expect(page.getByRole("heading", { name: "Storage" })).toBeVisible();
  await page.keyboard.press("l");
  await expect(row(page, "Typed, not clicked")).toBeFocused();
  await expectVisibleFocus(page);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Typed, not clicked" })).toBeVisible();
  await expect(page.getByText("Second note, n and s are letters here")).toBeVisible();

  // Pictures: one stop for Tab, arrows from there, Enter to look.
  await expect(page.locator("button.frame img").nth(1)).toBeVisible();
  await tabTo(page, (await page.locator("button.frame").first().getAttribute("aria-label")) ?? "");
  await expectVisibleFocus(page);
  await page.keyboard.press("ArrowRight");
  await expect(page.locator("button.frame").nth(1)).toBeFocused();
  await page.keyboard.press("Enter");
  const viewer = page.getByRole("dialog", { name: "Picture viewer" });
  await expect(viewer.getByText(/^2 of \d+$/)).toBeVisible();
  await page.keyboard.press("ArrowLeft");
  await expect(viewer.getByText(/^1 of \d+$/)).toBeVisible();
  await page.keyboard.press("+");
  await page.keyboard.press("+");
  await expect(viewer.getByLabel("Zoom", { exact: true })).toHaveText("156 %");
  await page.keyboard.press("0");
  await expect(viewer.getByLabel("Zoom", { exact: true })).toHaveText("100 %");
  await expect(viewer.getByText(/stored once, used in \d+ place/)).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(viewer).toBeHidden();
  await expect(page.locator("button.frame").nth(1)).toBeFocused();

  // The overview is a slider.
  const overview = page.getByRole("slider", { name: "Position in the recording" });
  await tabTo(page, "Position in the recording", "Shift+Tab");
  await page.keyboard.press("End");
  expect(Number(await overview.getAttribute("aria-valuenow"))).toBe(Number(await overview.getAttribute("aria-valuemax")));

  // Change the title.
  await page.keyboard.press("e");
  await expect(page.getByRole("dialog", { name: "Edit session" })).toBeVisible();
  await page.keyboard.press("Control+A");
  await page.keyboard.type("Renamed by keys");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Renamed by keys" })).toBeVisible();

  // Deleting asks; Enter alone keeps it.
  await page.keyboard.press("Delete");
  const question = page.getByRole("dialog", { name: "Delete this session?" });
  await expect(question).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(question).toBeHidden();
  await expect(row(page, "Renamed by keys")).toBeVisible();
  await page.keyboard.press("Delete");
  await expect(question).toBeVisible();
  await tabTo(page, "Delete");
  await page.keyboard.press("Enter");
  await expect(question).toBeHidden();
  await expect(row(page, "Renamed by keys")).toBeHidden();
  expect(await probe.call("ids", recorderHoard)).toEqual([]);
});

test("the shortcuts are listed, and can be switched off", async ({ page, server }) => {
  await page.goto(server.origin);
  await page.locator("h1").waitFor();
  await page.keyboard.press("Tab");
  await page.evaluate(() => (document.activeElement as HTMLElement).blur());
  await page.keyboard.press("?");
  const help = page.getByRole("dialog", { name: "Keyboard" });
  for (const what of ["New recording", "Write a note", "Stop the recording", "Delete the session shown", "zoom in, out, fit"]) {
    await expect(help.getByText(what)).toBeVisible();
  }
  await page.keyboard.press("Space");
  await page.keyboard.press("Escape");
  await expect(help).toBeHidden();
  await page.keyboard.press("u");
  await expect(page.getByRole("heading", { name: "Storage" })).toBeHidden();
  await page.reload();
  await page.locator("h1").waitFor();
  await page.evaluate(() => (document.activeElement as HTMLElement).blur());
  await page.keyboard.press("u");
  await expect(page.getByRole("heading", { name: "Storage" })).toBeHidden();
});
