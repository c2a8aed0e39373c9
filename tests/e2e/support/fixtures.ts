// What tests/fixtures/make.mjs made.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fixtures } from "./places.ts";

interface Stored {
  file: string;
  sha256: string;
  at: number;
}

export interface Manifest {
  startedAt: number;
  frames: Stored[];
  /** The whole microphone, as a WAV file. */
  recording: string;
  audio: (Stored & { durationMs: number })[];
  messages: { at: number; from: string; text: string }[];
}

export function manifest(): Manifest {
  return JSON.parse(readFileSync(join(fixtures, "manifest.json"), "utf8")) as Manifest;
}

export function fixture(file: string): Buffer {
  return readFileSync(join(fixtures, file));
}

/** The path of a fixture, for programs that read it themselves. */
export function fixturePath(file: string): string {
  return join(fixtures, file);
}
