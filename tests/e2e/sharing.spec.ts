// Two sessions of the same recording share every attachment. It is stored once, stays as long as either session does, and
// goes when both are gone.

import { manifest } from "./support/fixtures.ts";
import { attachmentsOf, type Probe } from "./support/probe.ts";
import { expect, test } from "./support/test.ts";

const hoard = "sharing";

async function expectClean(probe: Probe): Promise<void> {
  const report = await probe.call("verify", hoard, { full: true });
  expect(report.findings).toEqual([]);
  expect(report.clean).toBe(true);
}

test("attachments are stored once each, and freed with the last session that has them", async ({ probe }) => {
  const { frames, audio, messages } = manifest();
  const distinct = new Set([...frames, ...audio].map(({ sha256 }) => sha256));
  // The fixtures are worth the test: a real recording repeats itself.
  expect(frames.length).toBeGreaterThanOrEqual(60);
  expect(distinct.size).toBeLessThan(frames.length + audio.length);

  await probe.call("appendFixtures", hoard, "first", "First");
  await expectClean(probe);
  const first = await probe.call("contents", hoard, "first");
  expect(attachmentsOf(first.lists["screenshots"]).map(({ bytes }) => bytes)).toEqual(frames.map(({ sha256 }) => sha256));
  expect(attachmentsOf(first.lists["audio"]).map(({ bytes }) => bytes)).toEqual(audio.map(({ sha256 }) => sha256));
  expect(first.lists["messages"]).toEqual(messages);
  expect(await probe.call("stats", hoard)).toMatchObject({ sessions: 1, attachments: distinct.size, items: frames.length + audio.length + messages.length });

  await probe.call("saveFixtures", hoard, "second", "Second");
  await expectClean(probe);
  const both = await probe.call("stats", hoard);
  expect(both).toMatchObject({ sessions: 2, attachments: distinct.size });
  const total = attachmentsOf(first).reduce((sum, { size }) => sum + size, 0);
  expect(both.referencedBytes).toBe(2 * total);
  expect(both.attachmentBytes).toBe([...new Map(attachmentsOf(first).map(({ attachment, size }) => [attachment, size])).values()].reduce((sum, size) => sum + size, 0));

  expect(await probe.call("remove", hoard, "first")).toBe(true);
  await expectClean(probe);
  expect(await probe.call("collect", hoard, { graceMs: 0 })).toMatchObject({ attachments: 0, bytes: 0 });
  await expectClean(probe);
  const second = await probe.call("contents", hoard, "second");
  expect(second.lists).toEqual(first.lists);
  expect(await probe.call("stats", hoard)).toMatchObject({ sessions: 1, attachments: distinct.size });

  expect(await probe.call("remove", hoard, "second")).toBe(true);
  await expectClean(probe);
  const would = await probe.call("collect", hoard, { dryRun: true, graceMs: 0 });
  expect(would).toMatchObject({ attachments: distinct.size, bytes: both.attachmentBytes });
  expect(await probe.call("stats", hoard)).toMatchObject({ attachments: distinct.size });
  const freed = await probe.call("collect", hoard, { graceMs: 0 });
  expect(freed).toMatchObject({ attachments: distinct.size, bytes: both.attachmentBytes });
  expect(await probe.call("stats", hoard)).toMatchObject({ sessions: 0, attachments: 0, attachmentBytes: 0, items: 0 });
  await expectClean(probe);
});
