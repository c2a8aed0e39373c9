// Recording in the demo: what can get in its way, and what is seen of it.

import { captured, dock, openPlayer, row, startRecording, stopRecording, writeNote } from "./support/recorder.ts";
import { attachmentsOf } from "./support/probe.ts";
import { expect, recorderHoard, test } from "./support/test.ts";

test("an unchanged screen is recorded as items and stored once", async ({ context, page, server, probe }) => {
  const still = await context.newPage();
  await still.goto(`${server.origin}/probe/still.html`);
  await page.bringToFront();
  await startRecording(page, server.origin, { title: "Nothing moves", segmentSeconds: null });
  await expect.poll(async () => (await captured(page)).screenshots).toBeGreaterThanOrEqual(12);
  await stopRecording(page);
  const [id = ""] = await probe.call("ids", recorderHoard);
  const { lists, session } = await probe.call("contents", recorderHoard, id);
  const pictures = attachmentsOf(lists["screenshots"]).map(({ attachment }) => attachment);
  expect(pictures.length).toBeGreaterThanOrEqual(12);
  // A first picture may come before the page had drawn.
  expect(new Set(pictures).size).toBeLessThanOrEqual(2);
  expect(session).toMatchObject({ status: "done", counts: { screenshots: pictures.length, audio: 0, notes: 0 } });
  await expect(page.locator(".frame-count").last()).toHaveText(/^×\d+$/);
  // Stored once, with the small one for the list.
  expect((await probe.call("stats", recorderHoard)).attachments).toBe(new Set(pictures).size + 1);
});

test("a recording that meets a reload is found again, interrupted and whole", async ({ context, page, server, probe }) => {
  await openPlayer(context, server.origin);
  await page.bringToFront();
  await startRecording(page, server.origin, { title: "Interrupted by a reload", segmentSeconds: 1 });
  await writeNote(page, "Before the reload");
  await expect.poll(async () => (await captured(page)).screenshots).toBeGreaterThanOrEqual(8);
  await expect.poll(async () => (await captured(page)).audio).toBeGreaterThanOrEqual(2);
  await dock(page).getByRole("button", { name: "Pause" }).click();
  await page.waitForTimeout(700);
  const counts = await captured(page);
  const [id = ""] = await probe.call("ids", recorderHoard);
  await expect.poll(() => probe.call("lengths", recorderHoard, id)).toMatchObject(counts);
  // Another tab sees that it is being recorded, and leaves it alone.
  const other = await context.newPage();
  await other.goto(server.origin);
  await expect(row(other, "Interrupted by a reload")).toContainText("Recording in another tab");
  await other.close();
  const before = await probe.call("contents", recorderHoard, id);

  await page.reload();
  await expect(row(page, "Interrupted by a reload")).toContainText("Interrupted");
  const after = await probe.call("contents", recorderHoard, id);
  expect(after.lists).toEqual(before.lists);
  expect(after.session).toMatchObject({ status: "interrupted", counts });
  await row(page, "Interrupted by a reload").click();
  await expect(page.getByText("Before the reload")).toBeVisible();
  await expect(page.locator(".status.interrupted").first()).toBeVisible();
});

test("a microphone that is refused is explained, and recording goes on without it", async ({ context, page, server }) => {
  await context.clearPermissions();
  await openPlayer(context, server.origin);
  await page.bringToFront();
  // Without the permission and without anyone to ask, the browser refuses.
  await context.grantPermissions([], { origin: server.origin });
  await page.goto(`${server.origin}/#/new`);
  await page.getByRole("button", { name: "Start recording" }).click();
  const alert = page.getByRole("alert").filter({ hasText: "The microphone was not allowed." });
  await expect(alert).toContainText("turn Microphone off");
  await expect(dock(page)).toBeHidden();
  await alert.getByRole("button", { name: "Dismiss" }).click();
  await page.getByRole("switch", { name: "Microphone" }).uncheck();
  await page.getByRole("button", { name: "Start recording" }).click();
  await expect(dock(page)).toBeVisible();
  await stopRecording(page);
});

test("a screen that is refused is explained", async ({ page, server }) => {
  // No flag makes Chromium's own chooser say no; this is what it then throws.
  await page.addInitScript(() => {
    navigator.mediaDevices.getDisplayMedia = () => Promise.reject(new DOMException("Permission denied", "NotAllowedError"));
  });
  await page.goto(`${server.origin}/#/new`);
  await page.getByRole("button", { name: "Start recording" }).click();
  await expect(page.getByRole("alert").filter({ hasText: "The screen was not shared." })).toContainText("choose a tab, a window or a screen");
  await expect(dock(page)).toBeHidden();
});

test("a full storage pauses the recording, and nothing captured is lost", async ({ context, page, server, probe }) => {
  const devtools = await context.newCDPSession(page);
  // Before the database is opened: Chromium asks for the space left and remembers it for a while. A few pictures fit.
  await devtools.send("Storage.overrideQuotaForOrigin", { origin: server.origin, quotaSize: 1_500_000 });
  await openPlayer(context, server.origin);
  await page.bringToFront();
  await startRecording(page, server.origin, { title: "No space", segmentSeconds: null });
  const alert = page.getByRole("alert").filter({ hasText: "no space left" });
  await expect(alert.first()).toContainText("The recording is paused.");
  await expect(alert.first()).toContainText("free their space under Storage");
  await expect(dock(page).getByRole("button", { name: "Resume" })).toBeVisible();
  await expect(dock(page)).toContainText("not stored yet");
  const [id = ""] = await probe.call("ids", recorderHoard);
  const stored = await probe.call("contents", recorderHoard, id);
  expect(stored.damaged).toBe(0);
  await devtools.send("Storage.overrideQuotaForOrigin", { origin: server.origin });
  await dock(page).getByRole("button", { name: "Resume" }).click();
  await expect(dock(page)).not.toContainText("not stored yet");
  await page.waitForTimeout(1000);
  const counts = await captured(page);
  await stopRecording(page);
  const lengths = await probe.call("lengths", recorderHoard, id);
  expect(lengths["screenshots"]).toBeGreaterThanOrEqual(counts.screenshots);
  const { session } = await probe.call("contents", recorderHoard, id);
  expect(session).toMatchObject({ counts: { screenshots: lengths["screenshots"] } });
  expect(await probe.call("verify", recorderHoard, { full: true })).toMatchObject({ clean: true });
});

test("a long session is seen while it is still being read", async ({ page, server, probe }) => {
  const startedAt = Date.now() - 3_600_000;
  const notes = Array.from({ length: 20_000 }, (_, i) => ({ at: startedAt + i * 180, text: `Line ${i} of what was said in this hour` }));
  await probe.call("save", recorderHoard, { id: "long", title: "An hour", startedAt }, { notes });
  await page.goto(server.origin);
  await page.bringToFront();
  await row(page, "An hour").waitFor();
  await page.evaluate(() => {
    const seen: { busy: string | null; sections: number; texts: number; read: string }[] = [];
    Object.assign(globalThis, { seen });
    const look = () => {
      const feed = document.querySelector("[role=feed]");
      if (feed) {
        seen.push({
          busy: feed.getAttribute("aria-busy"),
          sections: feed.querySelectorAll(".section").length,
          texts: feed.querySelectorAll(".moment-text").length,
          read: document.querySelector(".reading .figure")?.textContent ?? "",
        });
      }
      requestAnimationFrame(look);
    };
    look();
  });
  await row(page, "An hour").click();
  await expect(page.getByRole("feed")).toHaveAttribute("aria-busy", "false");
  const seen = await page.evaluate(() => (globalThis as unknown as { seen: { busy: string; sections: number; texts: number; read: string }[] }).seen);
  const early = seen.filter(({ busy, texts }) => busy === "true" && texts > 0);
  expect(early.length, "frames in which text was shown while more was read").toBeGreaterThan(0);
  expect(early.some(({ read }) => /^[\d,]+ of 20,000 items$/.test(read))).toBe(true);
  const sections = seen.map(({ sections }) => sections);
  expect(sections).toEqual([...sections].sort((a, b) => a - b));
  // What is out of sight is not drawn.
  expect(await page.locator(".moment-text").count()).toBeLessThan(5000);
  await expect(page.getByText("Line 0 of what was said", { exact: false }).first()).toBeVisible();
  await page.keyboard.press("End");
  await expect(page.getByText("Line 19999 of what was said")).toBeVisible();
});

test("a damaged stretch is named and the rest of the session is shown", async ({ context, page, server, probe }) => {
  const startedAt = Date.now() - 600_000;
  const notes = Array.from({ length: 200 }, (_, i) => ({ at: startedAt + i * 1000, text: `Line ${i}.` }));
  await probe.call("save", recorderHoard, { id: "damaged", title: "Damaged", startedAt }, { notes });
  await probe.call("close", recorderHoard);
  // A bit of one stored chunk is turned, as a failing disk does.
  const other = await context.newPage();
  await other.goto(`${server.origin}/probe/index.html`);
  const damaged = await other.evaluate(async (name) => {
    const done = <T>(request: IDBRequest<T>) => new Promise<T>((resolve, reject) => ((request.onsuccess = () => resolve(request.result)), (request.onerror = () => reject(request.error))));
    const database = await done(indexedDB.open(name));
    const chunks = database.transaction("chunks", "readwrite").objectStore("chunks");
    const keys = await done(chunks.getAllKeys());
    const key = keys[1] as IDBValidKey;
    const bytes = new Uint8Array((await done(chunks.get(key))) as ArrayBuffer);
    const last = bytes.length - 1;
    bytes[last] = (bytes[last] ?? 0) ^ 1;
    await done(chunks.put(bytes.buffer, key));
    database.close();
    return keys.length;
  }, recorderHoard);
  expect(damaged).toBeGreaterThan(2);
  await other.close();

  await page.bringToFront();
  await page.goto(`${server.origin}/#/session/damaged`);
  await expect(page.getByRole("alert").filter({ hasText: "of notes cannot be read." })).toContainText("The rest of the session is shown.");
  await expect(page.getByText("Line 0.", { exact: true })).toBeVisible();
  await page.keyboard.press("End");
  await expect(page.getByText("Line 199.", { exact: true })).toBeVisible();
  await page.goto(`${server.origin}/#/storage`);
  await page.getByLabel("Also read every attachment").check();
  await page.getByRole("button", { name: "Verify" }).click();
  await expect(page.getByText(/1 problem in 1 session/)).toBeVisible();
});

test("sessions come in pages, newest first", async ({ page, server, probe }) => {
  const startedAt = Date.UTC(2026, 1, 1);
  for (let i = 0; i < 75; i += 1) await probe.call("save", recorderHoard, { id: `s${i}`, title: `Session ${i}`, startedAt: startedAt + i * 60_000 }, {});
  await page.goto(server.origin);
  const links = page.getByRole("navigation", { name: "Sessions" }).getByRole("link");
  await expect(links).toHaveCount(30);
  await expect(links.first()).toContainText("Session 74");
  await page.getByRole("button", { name: /Show more/ }).click();
  await expect(links).toHaveCount(60);
  await page.getByRole("button", { name: /Show more 15 sessions left/ }).click();
  await expect(links).toHaveCount(75);
  await expect(links.last()).toContainText("Session 0");
  await expect(page.getByRole("button", { name: /Show more/ })).toBeHidden();
});

test("the storage page tells what is saved, collects and verifies", async ({ page, server, probe }) => {
  await probe.call("saveFixtures", recorderHoard, "one", "One");
  await probe.call("saveFixtures", recorderHoard, "two", "Two");
  await page.goto(`${server.origin}/#/storage`);
  const figure = async (fact: string) => {
    const [number = "", unit = ""] = (await page.locator(`[data-fact="${fact}"]`).innerText()).split(" ");
    return Number(number) * { B: 1, KB: 1e3, MB: 1e6, GB: 1e9 }[unit]!;
  };
  await expect(page.locator('[data-fact="logical"]')).toBeVisible();
  // Half of the frames repeat, and the second session repeats the first.
  expect(await figure("stored")).toBeLessThan((await figure("logical")) / 2);
  await page.getByLabel("Also read every attachment").check();
  await page.getByRole("button", { name: "Verify" }).click();
  await expect(page.getByText(/All is well: 2 sessions, .* checked, every byte\./)).toBeVisible();

  for (const title of ["One", "Two"]) {
    await row(page, title).click();
    await expect(page.getByRole("heading", { name: title, exact: true })).toBeVisible();
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await expect(row(page, title)).toBeHidden();
  }
  await page.goto(`${server.origin}/#/storage`);
  await page.getByLabel("Keep what was deleted for").selectOption("not at all");
  await page.getByRole("button", { name: "See what would go" }).click();
  await expect(page.getByText(/attachments with .* would be freed\./)).toBeVisible();
  expect((await probe.call("stats", recorderHoard)).attachments).toBeGreaterThan(0);
  await page.getByRole("button", { name: "Collect", exact: true }).click();
  await expect(page.getByText(/attachments with .* freed\./)).not.toContainText("would");
  expect((await probe.call("stats", recorderHoard)).attachments).toBe(0);
});
