// The codes are the engine's, each with its place in the README.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { CLIENT_CODES, ENGINE_CODES, HoardError, fromFields } from "../../src/errors.js";
import { toFields } from "../../src/thrown.js";

const rust = readFileSync("../src/error.rs", "utf8");
const readme = readFileSync("README.md", "utf8");

test("the engine's codes are those of its error enum, in its order", () => {
  const body = /pub fn code\(&self\)[^{]*\{\s*match self \{([\s\S]*?)\n {8}\}/.exec(rust)?.[1] ?? "";
  const codes = Array.from(body.matchAll(/=> "(\w+)"/g), ([, code]) => code);
  assert.ok(codes.length > 10, "the list in src/error.rs was found");
  assert.deepEqual(codes, [...ENGINE_CODES]);
});

test("no code of the client's is one of the engine's", () => {
  for (const code of CLIENT_CODES) assert.ok(!(ENGINE_CODES as readonly string[]).includes(code));
});

test("the README's table of errors has every code, and no other", () => {
  const rows = Array.from(readme.matchAll(/^\| `(\w+)` \| [^|]+ \| [^|]+ \| [^|]+ \|$/gm), ([, code]) => code);
  assert.deepEqual([...rows].sort(), [...ENGINE_CODES, ...CLIENT_CODES].sort());
});

test("the page on troubleshooting has every code, and no other", () => {
  const guide = readFileSync("../docs/troubleshooting.md", "utf8");
  const headings = Array.from(guide.matchAll(/^### (\w+)$/gm), ([, code]) => code);
  assert.deepEqual([...headings].sort(), [...ENGINE_CODES, ...CLIENT_CODES].sort());
});

test("an engine's report becomes a HoardError with its fields", () => {
  const error = fromFields({ code: "Blocked", message: "another tab", retryable: true, needsReload: false });
  assert.ok(error instanceof HoardError && error instanceof Error);
  const { name, code, message, retryable, needsReload } = error;
  assert.deepEqual(
    { name, code, message, retryable, needsReload },
    {
      name: "HoardError",
      code: "Blocked",
      message: "another tab",
      retryable: true,
      needsReload: false,
    },
  );
  assert.ok(!("path" in error));
});

test("the place in a query goes with its error", () => {
  const fields = { code: "InvalidQuery", message: "query: m", retryable: false, needsReload: false, at: 3, length: 1 };
  assert.deepEqual(toFields({ ...fields, more: 1 }), fields);
  const error = fromFields(fields);
  assert.deepEqual([error.code, error.position], ["InvalidQuery", { at: 3, length: 1 }]);
  assert.ok(!("position" in fromFields({ ...fields, code: "Blocked", at: undefined as never })));
});

test("a code that this client does not know keeps its words and becomes Backend", () => {
  const error = fromFields({ code: "Later", message: "something new", retryable: false, needsReload: true });
  assert.equal(error.code, "Backend");
  assert.equal(error.message, "Later: something new");
  assert.equal(error.needsReload, true);
});

test("whatever is thrown can be posted", () => {
  for (const thrown of [new TypeError("x"), "text", undefined, null, 5, Symbol("s"), { code: 5, message: "m" }]) {
    const fields = toFields(thrown);
    assert.equal(fields.code, "Backend");
    assert.deepEqual(structuredClone(fields), fields);
  }
  const cyclic: Record<string, unknown> = { code: "Corrupt", message: "m", retryable: true, needsReload: false };
  cyclic["extra"] = () => cyclic;
  assert.deepEqual(toFields(cyclic), { code: "Corrupt", message: "m", retryable: true, needsReload: false });
});
