// Every crate of Cargo.lock and every package of every package-lock.json has a licence that deny.toml allows.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const allowed = new Set(
  [...readFileSync("deny.toml", "utf8").match(/^allow = \[([^\]]*)\]/m)[1].matchAll(/"([^"]+)"/g)].map(([, name]) => name),
);

// Also allowed for what only runs here and is never shipped: permissive too, but not licences we pass on to others.
// They come in with mocha, webpack and RxDB.
const forTools = new Set(["BlueOak-1.0.0", "CC-BY-4.0", "PSF-2.0", "Python-2.0", "Unlicense"]);

// An SPDX expression; the old `MIT/Apache-2.0` means OR.
function permitted(expression) {
  const tokens = expression.replaceAll("/", " OR ").match(/[()]|[^\s()]+/g) ?? [];
  const either = () => {
    let good = both();
    while (tokens[0] === "OR") {
      tokens.shift();
      good = both() || good;
    }
    return good;
  };
  const both = () => {
    let good = one();
    while (tokens[0] === "AND") {
      tokens.shift();
      good = one() && good;
    }
    return good;
  };
  const one = () => {
    const token = tokens.shift();
    if (token === "(") {
      const good = either();
      tokens.shift();
      return good;
    }
    if (tokens[0] !== "WITH") return allowed.has(token);
    tokens.shift();
    return allowed.has(`${token} WITH ${tokens.shift()}`);
  };
  return either() && tokens.length === 0;
}

for (const [expression, wanted] of [
  ["MIT", true],
  ["GPL-3.0", false],
  ["GPL-2.0 OR MIT", true],
  ["GPL-2.0 AND MIT", false],
  ["(MIT OR GPL-2.0) AND Unicode-3.0", true],
  ["Apache-2.0 WITH LLVM-exception OR GPL-2.0", true],
  ["Unlicense/MIT", true],
  ["", false],
]) {
  if (permitted(expression) !== wanted) throw new Error(`the reader of licence expressions is wrong about ${expression}`);
}

const run = (program, ...args) => execFileSync(program, args, { encoding: "utf8", maxBuffer: 1 << 28 });
const used = []; // [where, name, licence]
for (const { name, license, source } of JSON.parse(run("cargo", "metadata", "--locked", "--format-version=1")).packages) {
  if (source) used.push(["Cargo.lock", name, license ?? ""]);
}
const locks = run("git", "ls-files", "-co", "--exclude-standard", "*package-lock.json").split("\n").filter(Boolean);
for (const lock of locks) {
  for (const [path, { license, link, dev }] of Object.entries(JSON.parse(readFileSync(lock, "utf8")).packages)) {
    const name = path.split("node_modules/").at(-1);
    if (path.includes("node_modules/") && !link && !(dev && forTools.has(license))) used.push([lock, name, license ?? ""]);
  }
}

const refused = used.filter(([, , license]) => !permitted(license));
for (const [where, name, license] of refused) console.error(`${where}: ${name}: ${license || "no licence named"}`);
console.log(`${used.length} dependencies read, ${refused.length} refused`);
process.exitCode = refused.length > 0 ? 1 : 0;
