// The demo as its user sees it.

import { expect, type BrowserContext, type Page } from "@playwright/test";
import { playerTitle } from "./chromium.ts";

/** Opens the tab that is recorded. */
export async function openPlayer(context: BrowserContext, origin: string): Promise<Page> {
  const player = await context.newPage();
  await player.goto(`${origin}/probe/player.html`);
  await expect(player).toHaveTitle(playerTitle);
  await player.waitForFunction(() => document.documentElement.dataset["frame"] !== undefined);
  return player;
}

export interface Plan {
  title: string;
  screenSeconds?: number | null;
  segmentSeconds?: number | null;
}

/** Fills in the form and starts. */
export async function startRecording(page: Page, origin: string, { title, screenSeconds = 0.3, segmentSeconds = 2 }: Plan): Promise<void> {
  await page.goto(`${origin}/#/new`);
  await page.getByLabel("Title").fill(title);
  await capture(page, "Screen", screenSeconds);
  await capture(page, "Microphone", segmentSeconds);
  await page.getByRole("button", { name: "Start recording" }).click();
  await expect(dock(page)).toBeVisible();
}

async function capture(page: Page, name: "Screen" | "Microphone", seconds: number | null): Promise<void> {
  const chosen = page.getByRole("switch", { name });
  if (seconds === null) await chosen.uncheck();
  else {
    await chosen.check();
    await page.locator(".capture").filter({ has: chosen }).getByRole("spinbutton").fill(String(seconds));
  }
}

export function dock(page: Page) {
  return page.getByRole("region", { name: "Recording in progress" });
}

export async function writeNote(page: Page, text: string): Promise<void> {
  const field = page.getByRole("textbox", { name: "Note" });
  await field.fill(text);
  await field.press("Enter");
  await expect(field).toHaveValue("");
}

/** What the dock says has been captured. */
export async function captured(page: Page): Promise<{ screenshots: number; audio: number; notes: number }> {
  const figure = async (fact: string) => {
    const words = page.locator(`[data-fact="${fact}"]`);
    return (await words.count()) === 0 ? 0 : parseInt((await words.innerText()).replaceAll(",", ""), 10);
  };
  return { screenshots: await figure("frames"), audio: await figure("sound"), notes: await figure("notes") };
}

export async function stopRecording(page: Page): Promise<void> {
  await dock(page).getByRole("button", { name: "Stop" }).click();
  await expect(dock(page)).toBeHidden();
}

export function row(page: Page, title: string) {
  return page.getByRole("navigation", { name: "Sessions" }).getByRole("link", { name: title });
}
