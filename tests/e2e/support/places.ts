// Where things are.

import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

export const top = fileURLToPath(new URL("../../..", import.meta.url));
export const www = join(top, "www");
export const packageDist = join(top, "pkg/dist");
export const target = process.env["CARGO_TARGET_DIR"] ?? join(top, "target");
export const fixtures = join(target, "fixtures");
export const probe = fileURLToPath(new URL("../probe", import.meta.url));

/** A program on PATH, or in the per-user cache that the Makefile fills, or where Debian puts it. */
export function program(name: string, ...elsewhere: string[]): string {
  const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "hoardb");
  const cached = existsSync(cache) ? readdirSync(cache).filter((folder) => folder.startsWith(`${name}-`)) : [];
  const places = [
    ...(process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, name)),
    ...cached.map((folder) => join(cache, folder, "bin", name)),
    ...elsewhere,
  ];
  const found = places.find((place) => existsSync(place));
  if (!found) throw new Error(`${name} is not installed; .ci/install browsers geckodriver installs it`);
  return found;
}
