// Exits 0 when DIR/node_modules holds what DIR/package-lock.json names. Times of files say nothing here: `npm install`
// and a checkout both touch the lock file without changing what is installed.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const read = (...path) => JSON.parse(readFileSync(join(process.argv[2], ...path), "utf8")).packages;
try {
  const wanted = read("package-lock.json");
  const installed = read("node_modules", ".package-lock.json");
  for (const [path, entry] of Object.entries(wanted)) {
    if (!path.startsWith("node_modules/")) continue; // the project itself, and the folders it links to
    const there = installed[path];
    // An optional package for another system is left out by npm.
    if (there ? there.version !== entry.version || there.integrity !== entry.integrity : !entry.optional) process.exit(1);
  }
} catch {
  process.exit(1);
}
