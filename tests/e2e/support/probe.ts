// The calls of probe/probe.js, from a test.

import type { BrowserContext } from "@playwright/test";
import type { WebDriver } from "selenium-webdriver";

/** A stored attachment as the probe tells of it. `bytes` is the SHA-256 of what was read back, taken by the server. */
export interface PlainAttachment {
  attachment: string;
  size: number;
  type: string;
  bytes: string;
}

export interface Contents {
  session: Record<string, unknown>;
  lists: Record<string, Record<string, unknown>[]>;
  damaged: number;
}

export interface ProbeCalls {
  appendFixtures(name: string, id: string, title: string): void;
  saveFixtures(name: string, id: string, title: string): void;
  save(name: string, session: { id: string; startedAt: number } & Record<string, unknown>, lists: Record<string, unknown[]>): string;
  ids(name: string): string[];
  metadata(name: string, id: string): Record<string, unknown>;
  lengths(name: string, id: string): Record<string, number>;
  contents(name: string, id: string): Contents;
  bytes(name: string, hash: string): string;
  loudness(name: string, hash: string): { rms: number; seconds: number };
  remove(name: string, id: string): boolean;
  stat(name: string, hash: string): { size: number; references: number };
  stats(name: string): { sessions: number; attachments: number; attachmentBytes: number; referencedBytes: number; items: number };
  collect(name: string, options: { dryRun?: boolean; graceMs?: number }): { attachments: number; bytes: number };
  verify(name: string, options: { full?: boolean; repair?: boolean }): { clean: boolean; findings: unknown[]; attachments: number };
  close(name: string): void;
}

export type Call = <Name extends keyof ProbeCalls>(name: Name, ...args: Parameters<ProbeCalls[Name]>) => Promise<ReturnType<ProbeCalls[Name]>>;

export interface Probe {
  call: Call;
}

/** The probe in a tab of its own, beside the demo's. */
export async function probeIn(context: BrowserContext, origin: string): Promise<Probe> {
  const page = await context.newPage();
  await page.goto(`${origin}/probe/index.html`);
  await page.waitForFunction(() => "probe" in globalThis);
  const call: Call = (name, ...args) =>
    page.evaluate(
      ([name, args]) => (globalThis as unknown as { probe: Record<string, (...args: unknown[]) => never> }).probe[name]?.(...args) as never,
      [name, args] as [string, unknown[]],
    );
  return { call };
}

/** The probe in the page that a WebDriver shows. */
export function probeOf(driver: WebDriver): Probe {
  const call: Call = async (name, ...args) => {
    const answer: { result: never; error?: string } = await driver.executeAsyncScript(
      `const [name, args, done] = arguments;
       const call = () => globalThis.probe
         ? Promise.resolve(globalThis.probe[name](...args)).then((result) => done({ result }), (error) => done({ error: String(error) + " " + error?.code }))
         : setTimeout(call, 20);
       call();`,
      name,
      args,
    );
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer.result;
  };
  return { call };
}

/** Every attachment in what the probe told. */
export function attachmentsOf(value: unknown): PlainAttachment[] {
  if (Array.isArray(value)) return value.flatMap(attachmentsOf);
  if (typeof value !== "object" || value === null) return [];
  if ("attachment" in value) return [value as PlainAttachment];
  return Object.values(value).flatMap(attachmentsOf);
}
