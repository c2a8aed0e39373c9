// Chromium on a profile of its own, with a screen and a microphone that need no permission prompt.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type BrowserContext, type BrowserContextOptions } from "@playwright/test";
import { fixturePath, manifest } from "./fixtures.ts";
import { program } from "./places.ts";

export const playerTitle = "Fixture player";

export interface Profile {
  folder: string;
  remove(): void;
}

export function newProfile(): Profile {
  const folder = mkdtempSync(join(tmpdir(), "hoardb-e2e-"));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }) };
}

/** Command line of a Chromium that may run as root, calls nobody, and gives out a tab and the fixtures' microphone. */
export function captureArguments(): string[] {
  return [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    `--auto-select-tab-capture-source-by-title=${playerTitle}`,
    // A fake microphone. The screen stays real: --use-fake-ui-for-media-stream would put a test picture in its place.
    "--use-fake-device-for-media-stream",
    `--use-file-for-fake-audio-capture=${fixturePath(manifest().recording)}`,
  ];
}

export async function launch(profile: Profile, origin: string, options: BrowserContextOptions & { microphone?: boolean } = {}): Promise<BrowserContext> {
  const { microphone = true, ...rest } = options;
  const context = await chromium.launchPersistentContext(profile.folder, {
    executablePath: program("chromium"),
    headless: true,
    viewport: { width: 1280, height: 800 },
    args: captureArguments(),
    ...rest,
  });
  if (microphone) await context.grantPermissions(["microphone"], { origin });
  context.setDefaultTimeout(20_000);
  return context;
}

/** SIGKILL to the browser and every process under it: nothing gets to say goodbye. */
export function kill(profile: Profile): void {
  // Chromium's lock names its host and process.
  const browser = Number(readlinkSync(join(profile.folder, "SingletonLock")).split("-").at(-1));
  if (!Number.isSafeInteger(browser) || browser <= 1) throw new Error("the browser's process is not known");
  const children = new Map<number, number[]>();
  for (const line of execFileSync("ps", ["-e", "-o", "pid=,ppid="]).toString().trim().split("\n")) {
    const [pid, parent] = line.trim().split(/\s+/).map(Number) as [number, number];
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const killAll = (pid: number) => {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // Ended meanwhile.
    }
    for (const child of children.get(pid) ?? []) killAll(child);
  };
  killAll(browser);
  rmSync(join(profile.folder, "SingletonLock"), { force: true });
}
