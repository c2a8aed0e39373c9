import { defineConfig } from "@playwright/test";

export default defineConfig({
  testDir: ".",
  testMatch: "*.spec.ts",
  outputDir: "../../target/e2e",
  globalSetup: "./support/prepare.ts",
  // Each test has a browser with a screen capture and a microphone: side by side they would only slow each other down.
  workers: 1,
  fullyParallel: false,
  // Several times what the slowest takes on an idle machine of two cores.
  timeout: 180_000,
  expect: { timeout: 15_000 },
  // Screens, microphones and three browsers are real here, and now and then one does not come up in time. What passes only in
  // the second run is counted apart in the summary of `make test`.
  retries: 1,
  forbidOnly: Boolean(process.env["CI"]),
  reporter: [["list"]],
});
