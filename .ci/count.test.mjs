// What the last line of `make test` says rests on this: closing lines as the runners print them.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { count } from "./count.mjs";

const sums = (log, exitCode = 0, gate = false) => {
  const { passed, failed } = count(log, exitCode, gate);
  return [passed, failed];
};

test("every binary of a cargo test run is summed, and no other line of it", () => {
  const log = `running 2 tests
test a ... ok
test prints_test_result ... ok

test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s

     Running tests/model.rs
test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s

error: 1 target failed
`;
  assert.deepEqual(sums(log, 101), [5, 1]);
});

test("wasm-bindgen-test says it in the same words, in colour or not", () => {
  assert.deepEqual(sums("test result: \x1b[32mok\x1b[0m. 7 passed; 0 failed; 0 ignored; 0 filtered out\n"), [7, 0]);
});

test("node:test as TAP and as spec", () => {
  const closing = (mark) =>
    ["tests 6", "suites 1", "pass 3", "fail 1", "cancelled 1", "skipped 1", "todo 0"].map((l) => `${mark} ${l}\n`).join("");
  assert.deepEqual(sums(closing("#"), 1), [3, 2]);
  assert.deepEqual(sums(closing("ℹ"), 1), [3, 2]);
});

test("what a test prints under node:test is not taken for a result", () => {
  assert.deepEqual(sums("# pass 40\n# tests 1\n# suites 0\n# pass 1\n# fail 0\n# cancelled 0\n"), [1, 0]);
});

test("node:test prints what this reads", () => {
  const folder = mkdtempSync(join(tmpdir(), "count-"));
  try {
    const file = join(folder, "two.test.mjs");
    writeFileSync(file, 'import test from "node:test"; test("a", () => {}); test("b", () => { throw 1 });\n');
    const { NODE_TEST_CONTEXT: _inner, ...env } = process.env;
    for (const reporter of ["tap", "spec"]) {
      const run = spawnSync(process.execPath, ["--test", `--test-reporter=${reporter}`, file], { encoding: "utf8", env });
      assert.deepEqual(sums(run.stdout, run.status), [1, 1], reporter);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("Playwright: interrupted and never started tests are failures, and one that passed in the end is named", () => {
  const log = "  1 failed\n    [chromium] › a.spec.ts:3 › b\n  1 flaky\n  2 did not run\n  3 skipped\n  12 passed (5.3s)\n";
  assert.deepEqual(count(log, 1), { passed: 13, failed: 3, problems: ["1 passed only when run once more"] });
});

test("mocha and vitest", () => {
  assert.deepEqual(sums("  5 passing (30ms)\n  2 pending\n  1 failing\n", 1), [5, 1]);
  assert.deepEqual(sums(" Test Files  1 failed (1)\n      Tests  1 failed | 2 passed (3)\n", 1), [2, 1]);
  assert.deepEqual(sums(" Test Files  1 passed (1)\n      Tests  3 passed | 1 skipped (4)\n"), [3, 0]);
});

test("the plain line", () => assert.deepEqual(sums("12 passed, 0 failed\n"), [12, 0]));

test("a bad end without a failed test is one failure", () => {
  assert.deepEqual(sums("test result: ok. 4 passed; 0 failed; 0 ignored\nthe browser went away\n", 1), [4, 1]);
  assert.deepEqual(sums("", 124), [0, 1]);
  assert.deepEqual(sums("", 1, true), [0, 1]);
});

test("a failed test counts once, whatever the exit code", () => {
  assert.deepEqual(sums("3 passed, 2 failed\n", 1), [3, 2]);
  assert.deepEqual(sums("3 passed, 2 failed\n", 0), [3, 2]);
});

test("a step that runs no test is one failure, a gate is not", () => {
  assert.deepEqual(sums("test result: ok. 0 passed; 0 failed; 0 ignored\n"), [0, 1]);
  assert.deepEqual(sums("all up to date\n"), [0, 1]);
  assert.deepEqual(sums("all up to date\n", 0, true), [0, 0]);
});
