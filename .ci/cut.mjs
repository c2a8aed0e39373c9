// node cut.mjs LINKED ENGINE SEARCH FEATURE...: cuts the search index out of the linked engine, into a module of its own on the same memory.
//
// A store is opened and read without it, so it is loaded after the engine (pkg/src/engine-load.ts). Cut are the functions of the
// index, and all that nothing but these calls. They call the engine's functions by its exports; the engine calls them through a
// table that is empty until the second module fills it. Until then none of them may be called: `Store::need_index` sees to
// that, and the build fails when the engine calls one that is not among ENTRIES, which are those behind it.
//
// Binaryen has a tool for this, wasm-split, which its npm package has not; what is read here is its text format.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";

const [, , linked, engine, search, ...features] = process.argv;

/** The largest function of which the index has a copy of its own: indexing takes a tenth less time, for 4 KB after brotli. */
const COPIED_EXPRESSIONS_MAX = 60;

/** What of the index opening a store needs: what is indexed, and by which analysers. */
const KEPT = /^(schema|entry)::|^analysers::Analysers>::know$|^analysis::Analyser>::named$/;

/** What the store and its surface may call. Each is `#[inline(never)]`, or a part of it would stay with the caller. */
const ENTRIES = new Set(
  [
    "build::build",
    "check::Check>::expect check::Check>::orphans check::Check>::step",
    "extract::item_entry extract::metadata_entry extract::texts",
    "layout::restamp",
    "merge::Merge>::step merge::Merge>::take_parts merge::choose",
    "request::Request>::snippet request::request",
    "schema::Schema>::from_options",
    "segments::Index>::add segments::Index>::figures segments::Index>::has segments::Index>::ids segments::Index>::load",
    "segments::Index>::memory segments::Index>::new segments::Index>::numbers segments::Index>::remove",
    "segments::Index>::replace segments::Index>::search segments::Index>::shed segments::Index>::suggest",
    "suggest::Suggest>::from_request",
    "syntax::problem::Reason>::code syntax::problem::Reason as core::fmt::Display>::fmt",
  ].flatMap((names) => names.split(/ (?!as |core)/)),
);

const tools = new URL("../pkg/node_modules/.bin/", import.meta.url).pathname;
const run = (tool, ...args) => execFileSync(tools + tool, [...args, ...features]);

// One item of the module is what begins with a space and a parenthesis at the beginning of a line.
run("wasm-dis", linked, "-o", `${linked}.wat`);
const wat = readFileSync(`${linked}.wat`, "utf8");
const items = wat.slice(wat.indexOf("\n (") + 1, wat.lastIndexOf("\n)")).split(/\n(?= \()/);
const NAME = String.raw`\$(?:"(?:[^"\\]|\\.)*"|[^\s()]+)`;
const names = (text) => text.match(new RegExp(NAME, "g")) ?? [];
const matches = (text, pattern) => [...text.matchAll(new RegExp(pattern, "g"))].map(([, name]) => name);
const kind = (item) => /^ \((\w+)/.exec(item)[1];
const ofKind = (...kinds) => items.filter((item) => kinds.includes(kind(item)));

const functions = new Map(ofKind("func").map((item) => [names(item)[0], item]));
const imports = new Map(ofKind("import").filter((item) => item.includes("(func ")).map((item) => [names(item)[0], item]));
const called = (name) => matches(functions.get(name) ?? "", String.raw`\((?:call|return_call|ref\.func) (${NAME})`);

/** The path of a function of the index, such as `merge::Merge>::step`. */
const pathOf = (name) => /^\$"?<*(?:hoardb::index|(?=rust_stemmers))(?:::)?(.*?)"?$/.exec(name.replaceAll(/\[\w+\]/g, ""))?.[1];
const isCut = (name) => {
  const path = pathOf(name);
  return path !== undefined && (ENTRIES.has(path) || !KEPT.test(path));
};

// The engine keeps what is reached from outside without passing through the index. The rest is the index's.
const elements = ofKind("elem").map((item) => ({ item, names: names(item.slice(item.search(/ func(?: |\)$)/))) }));
const outside = ofKind("export", "start").flatMap((item) => matches(item, String.raw`(?:\(func |start )(${NAME})`));
const kept = new Set();
const reached = [...outside, ...elements.flatMap(({ names }) => names).filter((name) => !isCut(name))];
for (let name; (name = reached.pop()) !== undefined; ) {
  if (kept.has(name) || (isCut(name) && !outside.includes(name))) continue;
  kept.add(name);
  reached.push(...called(name));
}
const cut = [...functions.keys()].filter((name) => !kept.has(name));

const intoCut = new Set([...kept].flatMap(called).filter((name) => !kept.has(name)));
const strange = [...intoCut].filter((name) => !ENTRIES.has(pathOf(name)));
if (strange.length > 0) {
  console.error(`the engine calls what is cut out and not in ENTRIES of .ci/cut.mjs:\n${strange.join("\n")}`);
  process.exit(1);
}
// Functions in the engine's table that are cut have a slot too, to be called through until the second module replaces them.
const isKept = (name) => kept.has(name) || imports.has(name);
const slots = [...new Set([...intoCut, ...elements.flatMap(({ names }) => names.filter((name) => !isKept(name)))])];
// Small functions of the engine that the index calls are in both: a call from module to module may cost more than what they do.
const isSmall = (item) => item.split("(").length <= COPIED_EXPRESSIONS_MAX && !item.includes("(table.");
const copied = new Set(cut.flatMap(called).filter((name) => kept.has(name) && isSmall(functions.get(name))));
const own = [...cut, ...copied];
const fromCut = [...new Set(own.flatMap(called))].filter((name) => isKept(name) && !copied.has(name));

/** The type of a function or import, as where one is called. */
function signature(item) {
  const [head] = item.split("\n", 1);
  const type = new RegExp(String.raw`\(type ${NAME}\)`).exec(head)?.[0] ?? "";
  const parameters = [...head.matchAll(/\(param ([^)]*)\)/g)].flatMap(([, words]) => words.split(" ").filter((word) => !word.startsWith("$")));
  const result = /\(result [^)]*\)/.exec(head)?.[0] ?? "";
  return { spelled: [type, parameters.length > 0 && `(param ${parameters.join(" ")})`, result].filter(Boolean).join(" "), parameters };
}

/** A function of the engine's that calls the one in a slot. */
function stub(name) {
  const { spelled, parameters } = signature(functions.get(name));
  const args = parameters.map((_, n) => `(local.get ${n})`).join(" ");
  return ` (func ${name} ${spelled} (call_indirect $cut ${spelled} ${args} (i32.const ${slots.indexOf(name)})))`;
}

const [memory] = ofKind("memory");
const table = ofKind("table").find((item) => item.endsWith(" funcref)"));
const globals = ofKind("global").filter((item) => own.some((name) => functions.get(name).includes(` ${names(item)[0]}`)));
const globalType = (item) => new RegExp(String.raw`\(global ${NAME} (\(mut \w+\)|\w+)`).exec(item)[1];
// Both halves of one build, or they do not link.
const build = `build ${createHash("sha256").update(wat).digest("hex").slice(0, 16)}`;

const first = [
  ...items.filter((item) => kind(item) !== "func" && kind(item) !== "elem"),
  ...[...functions].filter(([name]) => kept.has(name)).map(([, item]) => item),
  ...slots.map(stub),
  ...elements.map(({ item }) => item),
  ` (table $cut ${slots.length} ${slots.length} funcref)`,
  ` (global $build i32 (i32.const 0))`,
  ` (export "${build}" (global $build))`,
  ` (export "cut" (table $cut))`,
  ` (export "table" (table ${names(table)[0]}))`,
  ...globals.map((item, n) => ` (export "g${n}" (global ${names(item)[0]}))`),
  ...fromCut.map((name, n) => ` (export "f${n.toString(36)}" (func ${name}))`),
];
const second = [
  ...ofKind("type", "rec"),
  ` (import "engine" "${build}" (global $build i32))`,
  ` (import "engine" "memory" ${memory.trim()})`,
  ` (import "engine" "table" ${table.trim()})`,
  ` (import "engine" "cut" (table $cut ${slots.length} ${slots.length} funcref))`,
  ...globals.map((item, n) => ` (import "engine" "g${n}" (global ${names(item)[0]} ${globalType(item)}))`),
  ...fromCut.map((name, n) => ` (import "engine" "f${n.toString(36)}" (func ${name} ${signature(functions.get(name) ?? imports.get(name)).spelled}))`),
  ...own.map((name) => functions.get(name)),
  ` (elem (table $cut) (i32.const 0) func ${slots.join(" ")})`,
  ...elements.flatMap(({ item, names }) => {
    const base = Number(/\(i32\.const (\d+)\)/.exec(item)?.[1]);
    return names.flatMap((name, n) => (isKept(name) ? [] : [` (elem (table ${table.trim().split(" ")[1]}) (i32.const ${base + n}) func ${name})`]));
  }),
];
for (const [half, output] of [
  [first, engine],
  [second, search],
]) {
  writeFileSync(`${output}.wat`, `(module\n${half.join("\n")}\n)\n`);
  run("wasm-as", "-g", `${output}.wat`, "-o", output);
  rmSync(`${output}.wat`);
}
rmSync(`${linked}.wat`);
console.log(`the index: ${cut.length} of ${functions.size} functions, ${intoCut.size} called by the engine, ${fromCut.length} of it called, ${copied.size} of it copied`);
