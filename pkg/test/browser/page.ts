// Sets mocha up in the page and keeps what it reports where the driver reads it. Loaded before a suite.

interface Report {
  tests: { title: string; error?: string }[];
  /** What nobody caught. */
  problems: string[];
  running: string;
  finished: boolean;
}

const report: Report = { tests: [], problems: [], running: "loading", finished: false };
Object.assign(window, { report });

const describeError = (error: unknown): string =>
  error instanceof Error ? `${error.name}: ${error.message}\n${error.stack}` : String(error);

mocha.setup({
  ui: "bdd",
  timeout: 60_000,
  reporter: class {
    constructor(runner: Mocha.Runner) {
      runner.on("test", (test) => (report.running = test.fullTitle()));
      runner.on("pass", (test) => report.tests.push({ title: test.fullTitle() }));
      runner.on("fail", (test, error) => report.tests.push({ title: test.fullTitle(), error: describeError(error) }));
      runner.on("end", () => (report.finished = true));
    }
  } as unknown as Mocha.ReporterConstructor,
});

const grep = new URLSearchParams(location.search).get("grep");
if (grep !== null) mocha.grep(grep);

// A promise that nobody looks at is a failure of the package or of a test.
addEventListener("unhandledrejection", (event) =>
  report.problems.push(`unhandled rejection: ${describeError(event.reason)}`),
);
addEventListener("error", (event) => {
  if (event.message) report.problems.push(`${event.message} (${event.filename}:${event.lineno})`);
});
