// Runs the suites in one browser's page and reports what mocha counted there.
import { BROWSERS } from "./browsers.mjs";
import { serve } from "./server.mjs";

/** Pages, each loaded anew: a suite, where the engine runs, and the policy. */
const PAGES = [
  { suite: "api", worker: true, policy: "usual" },
  { suite: "api", worker: false, policy: "usual" },
  { suite: "writes", worker: true, policy: "usual" },
  { suite: "writes", worker: false, policy: "usual" },
  { suite: "input", worker: true, policy: "usual" },
  { suite: "input", worker: false, policy: "usual" },
  { suite: "search", worker: true, policy: "usual" },
  { suite: "search", worker: false, policy: "usual" },
  { suite: "policy", worker: true, policy: "no-worker" },
  { suite: "policy", worker: true, policy: "no-wasm" },
  { suite: "policy", worker: false, policy: "no-wasm" },
];

const PAGE_MINUTES_MAX = 10;

async function runPage(driver, address, { suite, worker, policy }, grep) {
  const query = new URLSearchParams({ suite, worker, policy, ...(grep === undefined ? {} : { grep }) });
  await driver.get(`${address}/page?${query}`);
  const deadline = Date.now() + PAGE_MINUTES_MAX * 60_000;
  let report;
  do {
    await new Promise((resolve) => setTimeout(resolve, 250));
    report = await driver.executeScript("return window.report && { ...window.report }");
  } while (!report?.finished && Date.now() < deadline);
  const tests = report?.tests ?? [];
  const failures = tests.filter(({ error }) => error !== undefined && error !== null);
  for (const problem of report?.problems ?? []) failures.push({ title: "the page", error: problem });
  if (!report?.finished) failures.push({ title: "the page", error: `did not finish; last: ${report?.running}` });
  // A page whose tests did not load has failed.
  else if (tests.length === 0 && grep === undefined) failures.push({ title: "the page", error: "ran no test" });
  return { tests, failures };
}

/** Runs every page in a browser; resolves to how many tests passed and failed. */
export async function runBrowser(name, grep) {
  const counts = { passed: 0, failed: 0 };
  const server = await serve();
  let browser;
  try {
    browser = await BROWSERS[name]();
    for (const page of PAGES) {
      const where = `${name}, ${page.suite}, worker: ${page.worker}, policy: ${page.policy}`;
      const began = Date.now();
      const { tests, failures } = await runPage(browser.driver, server.address, page, grep);
      const passed = tests.length - failures.filter(({ title }) => tests.some((test) => test.title === title)).length;
      counts.passed += passed;
      counts.failed += failures.length;
      for (const { title, error } of failures)
        console.log(`  FAILED ${title}\n    ${String(error).replaceAll("\n", "\n    ")}`);
      console.log(`${where}: ${passed} passed, ${failures.length} failed (${Date.now() - began} ms)`);
    }
  } catch (error) {
    counts.failed += 1;
    console.log(`${name}: ${error.stack ?? error}`);
  } finally {
    await browser?.stop().catch(() => {});
    server.stop();
  }
  return counts;
}
