// A session of a real screen and a real voice is recorded, and the browser is killed while it is being recorded. On the
// same profile every item and attachment whose append was committed has to be there, byte for byte.

import { PNG } from "pngjs";
import { kill, launch } from "./support/chromium.ts";
import { fixture, manifest } from "./support/fixtures.ts";
import { attachmentsOf, probeIn, type Contents } from "./support/probe.ts";
import { captured, dock, openPlayer, row, startRecording, writeNote } from "./support/recorder.ts";
import { expect, recorderHoard, test, watch } from "./support/test.ts";

const notes = ["The first screen is the documentation.", "Line one\nLine two", "ä ö ü ß € 日本語 🐿️"];

test("a recording survives SIGKILL with every committed item, byte for byte", async ({ profile, server }) => {
  let before: Contents;
  let id: string;
  {
    const context = await launch(profile, server.origin);
    await openPlayer(context, server.origin);
    const page = await context.newPage();
    const problems = watch(page);
    await startRecording(page, server.origin, { title: "Recorded until the end" });
    for (const note of notes) {
      await page.waitForTimeout(2500);
      await writeNote(page, note);
    }
    // Paused, nothing more is appended; what was has to be committed.
    await dock(page).getByRole("button", { name: "Pause" }).click();
    await expect(dock(page).getByRole("button", { name: "Resume" })).toBeVisible();
    const probe = await probeIn(context, server.origin);
    id = (await probe.call("ids", recorderHoard))[0] ?? "";
    await expect
      .poll(() => probe.call("lengths", recorderHoard, id), { timeout: 20_000 })
      .toMatchObject(await captured(page));
    await page.waitForTimeout(700);
    const counted = await captured(page);
    before = await probe.call("contents", recorderHoard, id);
    expect(lengthsOf(before)).toMatchObject(counted);
    expect(problems).toEqual([]);
    console.log(`killing the browser with ${JSON.stringify(counted)} committed`);
    const closed = context.waitForEvent("close");
    kill(profile);
    await closed;
  }
  expect(before.damaged).toBe(0);
  expect(before.lists["screenshots"]?.length).toBeGreaterThanOrEqual(15);
  expect(before.lists["audio"]?.length).toBeGreaterThanOrEqual(3);
  expect(before.lists["notes"]?.map(({ text }) => text)).toEqual(notes);

  const context = await launch(profile, server.origin);
  try {
    const page = await context.newPage();
    const problems = watch(page);
    await page.goto(server.origin);
    await expect(row(page, "Recorded until the end")).toContainText("Interrupted");
    await row(page, "Recorded until the end").click();
    await expect(page.getByRole("article").first()).toContainText(`${before.lists["screenshots"]?.length} frames`);

    const probe = await probeIn(context, server.origin);
    const after = await probe.call("contents", recorderHoard, id);
    expect(after.lists).toEqual(before.lists);
    expect(after.session).toMatchObject({ title: "Recorded until the end", status: "interrupted" });
    const attachments = attachmentsOf(after);
    for (const { attachment, bytes } of attachments) expect(bytes).toBe(attachment);
    const report = await probe.call("verify", recorderHoard, { full: true });
    expect(report).toMatchObject({ clean: true, findings: [] });
    console.log(`${attachments.length} attachments read back, ${new Set(attachments.map(({ attachment }) => attachment)).size} distinct`);

    await expectTheScreen(after, (hash) => probe.call("bytes", recorderHoard, hash));
    await expectTheVoice(after, (hash) => probe.call("loudness", recorderHoard, hash));
    expect(problems).toEqual([]);
  } finally {
    await context.close();
  }
});

function lengthsOf({ lists }: Contents) {
  return { screenshots: lists["screenshots"]?.length ?? 0, audio: lists["audio"]?.length ?? 0, notes: lists["notes"]?.length ?? 0 };
}

/** What was recorded is what was on the screen: each distinct picture is one of the frames that were shown. */
async function expectTheScreen(contents: Contents, bytesOf: (hash: string) => Promise<string>): Promise<void> {
  const shown = [...new Map(manifest().frames.map((frame) => [frame.sha256, frame.file])).values()].map((file) => thumbnail(fixture(file)));
  const recorded = new Set(attachmentsOf(contents.lists["screenshots"]).map(({ attachment }) => attachment));
  expect(recorded.size).toBeGreaterThanOrEqual(5);
  for (const hash of recorded) {
    const picture = thumbnail(Buffer.from(await bytesOf(hash), "base64"));
    const nearest = Math.min(...shown.map((frame) => difference(frame, picture)));
    // Of 255, averaged over the picture: the way through the video's colours costs a little.
    expect(nearest).toBeLessThan(3);
  }
}

/** Lightness in squares of 8 by 8 pixels. */
function thumbnail(png: Buffer): Float64Array {
  const { width, height, data } = PNG.sync.read(png);
  expect([width, height]).toEqual([1280, 800]);
  const small = new Float64Array((width / 8) * (height / 8));
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const at = (y * width + x) * 4;
      const lightness = 0.299 * (data[at] ?? 0) + 0.587 * (data[at + 1] ?? 0) + 0.114 * (data[at + 2] ?? 0);
      const square = (y >> 3) * (width / 8) + (x >> 3);
      small[square] = (small[square] ?? 0) + lightness / 64;
    }
  }
  return small;
}

function difference(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += Math.abs((a[i] ?? 0) - (b[i] ?? 0));
  return sum / a.length;
}

/** What was recorded is a voice, not silence. */
async function expectTheVoice(contents: Contents, loudnessOf: (hash: string) => Promise<{ rms: number; seconds: number }>): Promise<void> {
  const segments = [];
  for (const { attachment } of attachmentsOf(contents.lists["audio"])) segments.push(await loudnessOf(attachment));
  for (const { seconds } of segments) expect(seconds).toBeGreaterThan(0.2);
  expect(Math.max(...segments.map(({ rms }) => rms))).toBeGreaterThan(0.01);
}
