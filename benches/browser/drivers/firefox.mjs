import { Builder } from "selenium-webdriver";
import { Options, ServiceBuilder } from "selenium-webdriver/firefox.js";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

const TIMEOUT_MS = 600_000;

export const storage = (profile) => join(profile, "storage", "default");

function geckodriver() {
  const onPath = (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, "geckodriver"));
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "hoardb");
  const cached = existsSync(cache)
    ? readdirSync(cache).filter((name) => name.startsWith("geckodriver-")).map((name) => join(cache, name, "bin", "geckodriver"))
    : [];
  const found = [...onPath, ...cached].find(existsSync);
  if (!found) throw new Error("geckodriver is neither on PATH nor in the cache: cargo install geckodriver --locked");
  return found;
}

/** A browser on `profile` with `origin` open; `call("run", "save")` is `bench.run("save")` on the page. */
export async function launch(profile, origin) {
  mkdirSync(profile, { recursive: true });
  const options = new Options()
    .setBinary(process.env.FIREFOX ?? "/usr/bin/firefox-esr")
    .addArguments("-headless", "-profile", profile)
    .setPreference("privacy.reduceTimerPrecision", false)
    .setPreference("app.update.enabled", false)
    .setPreference("datareporting.policy.dataSubmissionEnabled", false);
  const driver = await new Builder()
    .forBrowser("firefox")
    .setFirefoxOptions(options)
    .setFirefoxService(new ServiceBuilder(geckodriver()))
    .build();
  await driver.manage().setTimeouts({ script: TIMEOUT_MS, pageLoad: TIMEOUT_MS });
  const visit = () => driver.get(origin);
  await visit();
  const version = (await driver.getCapabilities()).get("browserVersion");
  return {
    version: `Firefox ${version}`,
    async call(method, ...args) {
      const { result, error } = await driver.executeAsyncScript(
        `const [name, rest, done] = arguments;
         Promise.resolve().then(() => globalThis.bench[name](...rest)).then(
           (result) => done({ result: result ?? null }), (error) => done({ error: String(error?.stack ?? error) + " " + String(error) }));`,
        method,
        args,
      );
      if (error) throw new Error(error);
      return result;
    },
    reload: visit,
    close: () => driver.quit(),
  };
}
