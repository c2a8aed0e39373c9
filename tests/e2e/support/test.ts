// What the tests of the demo start from: a server, a fresh browser profile, and a page that fails the test on any error.

import { test as base, expect, type BrowserContext, type Page } from "@playwright/test";
import { launch, newProfile, type Profile } from "./chromium.ts";
import { probeIn, type Probe } from "./probe.ts";
import { serve, type Served } from "./server.ts";

/** The demo's database. */
export const recorderHoard = "hoardb-recorder";

interface Fixtures {
  profile: Profile;
  context: BrowserContext;
  page: Page;
  probe: Probe;
}

export const test = base.extend<Fixtures, { server: Served }>({
  server: [
    async ({}, use) => {
      const server = await serve();
      await use(server);
      await server.close();
    },
    { scope: "worker" },
  ],
  profile: async ({}, use) => {
    const profile = newProfile();
    await use(profile);
    profile.remove();
  },
  context: async ({ profile, server }, use) => {
    const context = await launch(profile, server.origin);
    await use(context);
    await context.close();
  },
  page: async ({ context }, use) => {
    const page = await context.newPage();
    const problems = watch(page);
    await use(page);
    expect(problems, "errors in the page").toEqual([]);
  },
  probe: async ({ context, server }, use) => {
    await use(await probeIn(context, server.origin));
  },
});

export { expect };

/** Collects what the page reports as wrong: exceptions, errors on the console (the content policy's among them). */
export function watch(page: Page): string[] {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(message.text());
  });
  // A recording in progress asks before it is left; a dialog of any other kind is nobody's here.
  page.on("dialog", (dialog) => {
    if (dialog.type() !== "beforeunload") problems.push(`dialog: ${dialog.message()}`);
    void dialog.accept();
  });
  return problems;
}
