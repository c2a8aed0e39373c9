// Before any test: the demo is built from what is there now, and the fixtures are made unless they are.

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { packageDist, top } from "./places.ts";

export default function prepare(): void {
  if (!existsSync(join(packageDist, "index.js"))) throw new Error("the package is not built; make pkg builds it");
  const run = (command: string, ...args: string[]) => execFileSync(command, args, { cwd: top, stdio: ["ignore", "inherit", "inherit"] });
  run(join(top, ".ci/install"), "node-modules:www");
  run("npm", "--prefix", "www", "run", "--silent", "build", "--", "--logLevel", "warn");
  run(process.execPath, join(top, "tests/fixtures/make.mjs"));
}
