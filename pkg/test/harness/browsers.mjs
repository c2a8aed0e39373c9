// The three engines, headless, each through its WebDriver.
import { spawn } from "node:child_process";
import { accessSync, constants, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { Builder, Capabilities } from "selenium-webdriver";
import chrome from "selenium-webdriver/chrome.js";
import firefox from "selenium-webdriver/firefox.js";

/** Where a program is: on PATH, or among the tools that this project's scripts install. */
export function find(...names) {
  const cache = process.env.HOARDB_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "hoardb");
  const cached = existsSync(cache) ? readdirSync(cache).map((tool) => join(cache, tool, "bin")) : [];
  for (const folder of [...process.env.PATH.split(delimiter), ...cached]) {
    for (const name of names) {
      try {
        accessSync(join(folder, name), constants.X_OK);
        return join(folder, name);
      } catch {
        // Not here.
      }
    }
  }
  throw new Error(`${names.join(" or ")} is not installed; .ci/install in the repository's root says how`);
}

export function miniBrowser() {
  for (const arch of readdirSync("/usr/lib")) {
    const found = join("/usr/lib", arch, "webkit2gtk-4.1/MiniBrowser");
    if (existsSync(found)) return found;
  }
  throw new Error("WebKitGTK's MiniBrowser is not installed; .ci/install in the repository's root says how");
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** An X display of our own, for the browser that has no headless mode. */
export async function display() {
  const server = spawn(find("Xvfb"), ["-displayfd", "3", "-screen", "0", "1280x800x24"], {
    stdio: ["ignore", "ignore", "ignore", "pipe"],
  });
  const number = await new Promise((resolve, reject) => {
    server.on("error", reject);
    server.on("exit", () => reject(new Error("Xvfb did not start")));
    server.stdio[3].once("data", (data) => resolve(String(data).trim()));
  });
  return { name: `:${number}`, stop: () => server.kill() };
}

async function chromium() {
  const options = new chrome.Options();
  options.setChromeBinaryPath(find("chromium", "chromium-browser", "google-chrome"));
  options.addArguments(
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  );
  const service = new chrome.ServiceBuilder(find("chromedriver"));
  const driver = await new Builder().forBrowser("chrome").setChromeOptions(options).setChromeService(service).build();
  return { driver, stop: () => driver.quit() };
}

async function firefoxEsr() {
  const options = new firefox.Options();
  options.setBinary(find("firefox-esr", "firefox"));
  options.addArguments("-headless");
  const service = new firefox.ServiceBuilder(find("geckodriver"));
  const driver = await new Builder()
    .forBrowser("firefox")
    .setFirefoxOptions(options)
    .setFirefoxService(service)
    .build();
  return { driver, stop: () => driver.quit() };
}

async function webkit() {
  const home = mkdtempSync(join(tmpdir(), "hoardb-webkit-"));
  const { name, stop } = await display();
  const port = await freePort();
  const server = spawn(find("WebKitWebDriver"), [`--port=${port}`, "--host=127.0.0.1"], {
    stdio: "ignore",
    env: {
      ...process.env,
      DISPLAY: name,
      HOME: home,
      XDG_DATA_HOME: join(home, "data"),
      XDG_CACHE_HOME: join(home, "cache"),
      LIBGL_ALWAYS_SOFTWARE: "1",
      WEBKIT_DISABLE_COMPOSITING_MODE: "1",
      WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1",
    },
  });
  const end = () => {
    server.kill();
    stop();
    rmSync(home, { recursive: true, force: true });
  };
  try {
    const capabilities = new Capabilities({
      browserName: "MiniBrowser",
      "webkitgtk:browserOptions": { binary: miniBrowser(), args: ["--automation"] },
    });
    const address = `http://127.0.0.1:${port}`;
    for (let tries = 0; tries < 100 && !(await fetch(`${address}/status`).catch(() => undefined)); tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const driver = await new Builder().usingServer(address).withCapabilities(capabilities).build();
    return { driver, stop: () => driver.quit().finally(end) };
  } catch (error) {
    end();
    throw error;
  }
}

/** Starts a browser. Resolves to its driver and a function that ends it. */
export const BROWSERS = { chromium, firefox: firefoxEsr, webkit };
