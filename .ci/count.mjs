// Counts the tests of one step from what their own runners printed.
//
//   node .ci/count.mjs LOG EXIT-CODE [--gate]      prints `PASSED FAILED` and, on stderr, what is to be said of the step
//
// A step that ends badly without having counted a failure has one failure. So has a step that ran no test, except a
// gate (`--gate`): a build or a lint has nothing to count, only an exit code.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ESCAPES = /\x1b\[[0-9;?]*[A-Za-z]/g;

/** Tests that passed when they were run once more, which is said in the summary. */
const FLAKY = /^ {2}(\d+) flaky$/gm;

// Each runner's closing lines: a pattern over the whole log, and what one match counts.
const RUNNERS = [
  // libtest (cargo test) and wasm-bindgen-test
  {
    pattern: /^test result: (?:ok|FAILED)\. (\d+) passed; (\d+) failed; /gm,
    count: ([, passed, failed]) => [passed, failed],
  },
  // node:test, as TAP (`# pass 3`) and as the spec reporter prints it (`ℹ pass 3`)
  {
    pattern: /^[#ℹ] tests \d+\n[#ℹ] suites \d+\n[#ℹ] pass (\d+)\n[#ℹ] fail (\d+)\n[#ℹ] cancelled (\d+)\n/gmu,
    count: ([, passed, failed, cancelled]) => [passed, Number(failed) + Number(cancelled)],
  },
  // Playwright: one line for each outcome that occurred.
  { pattern: /^ {2}(\d+) passed \([\d.]+(?:ms|s|m|h)\)$/gm, count: ([, passed]) => [passed, 0] },
  { pattern: FLAKY, count: ([, flaky]) => [flaky, 0] },
  { pattern: /^ {2}(\d+) (?:failed|interrupted|did not run)$/gm, count: ([, failed]) => [0, failed] },
  // Mocha
  { pattern: /^ {2}(\d+) passing \(\d+(?:ms|s|m|h)\)$/gm, count: ([, passed]) => [passed, 0] },
  { pattern: /^ {2}(\d+) failing$/gm, count: ([, failed]) => [0, failed] },
  // Vitest: `      Tests  1 failed | 2 passed (3)`
  {
    pattern: /^ +Tests +(?:(\d+) failed)?(?: \| )?(?:(\d+) passed)?.* \(\d+\)$/gm,
    count: ([, failed = 0, passed = 0]) => [passed, failed],
  },
  // The plain line, which this project's own scripts print
  { pattern: /^(\d+) passed, (\d+) failed$/gm, count: ([, passed, failed]) => [passed, failed] },
];

export function count(log, exitCode, gate = false) {
  const text = log.replace(ESCAPES, "").replaceAll("\r\n", "\n");
  let passed = 0;
  let failed = 0;
  for (const runner of RUNNERS) {
    for (const match of text.matchAll(runner.pattern)) {
      const [more, bad] = runner.count(match);
      passed += Number(more);
      failed += Number(bad);
    }
  }
  const problems = [...text.matchAll(FLAKY)].map(([, flaky]) => `${flaky} passed only when run once more`);
  if (exitCode !== 0 && failed === 0) {
    problems.push(`ended with ${exitCode} and no failed test`);
    failed = 1;
  } else if (!gate && passed + failed === 0) {
    problems.push("ran no test");
    failed = 1;
  }
  return { passed, failed, problems };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [log, exitCode, gate] = process.argv.slice(2);
  const { passed, failed, problems } = count(readFileSync(log, "utf8"), Number(exitCode), gate === "--gate");
  for (const problem of problems) console.error(problem);
  console.log(`${passed} ${failed}`);
}
