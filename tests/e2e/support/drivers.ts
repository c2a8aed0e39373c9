// Browsers through WebDriver, headless. Each gets the program and the driver by path: nothing is downloaded.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Builder, Capabilities, type WebDriver } from "selenium-webdriver";
import chrome from "selenium-webdriver/chrome.js";
import firefox from "selenium-webdriver/firefox.js";
import { captureArguments } from "./chromium.ts";
import { program } from "./places.ts";

export interface Driven {
  driver: WebDriver;
  close(): Promise<void>;
}

/** Chromium as a person has it: Playwright makes every tab believe that it is in front, this does not. */
export async function openChromium(): Promise<Driven> {
  const options = new chrome.Options();
  options.setBinaryPath(program("chromium"));
  options.addArguments("--headless=new", "--window-size=1280,900", ...captureArguments());
  options.setUserPreferences({ "profile.default_content_setting_values.media_stream_mic": 1 });
  const service = new chrome.ServiceBuilder(program("chromedriver"));
  const driver = await new Builder().forBrowser("chrome").setChromeOptions(options).setChromeService(service).build();
  return { driver, close: () => driver.quit() };
}

export async function openFirefox(): Promise<Driven> {
  const options = new firefox.Options().addArguments("-headless").setBinary(program("firefox-esr", "/usr/bin/firefox"));
  const service = new firefox.ServiceBuilder(program("geckodriver"));
  const driver = await new Builder().forBrowser("firefox").setFirefoxOptions(options).setFirefoxService(service).build();
  return { driver, close: () => driver.quit() };
}

export async function openWebKit(): Promise<Driven> {
  const port = await freePort();
  const home = mkdtempSync(join(tmpdir(), "hoardb-webkit-"));
  // MiniBrowser needs a display. In a group of its own, so that everything started here can be ended.
  const driverProcess = spawn("xvfb-run", ["-a", program("WebKitWebDriver"), `--port=${port}`, "--host=127.0.0.1"], {
    detached: true,
    stdio: "ignore",
    env: { ...process.env, HOME: home, WEBKIT_DISABLE_COMPOSITING_MODE: "1", WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1", LIBGL_ALWAYS_SOFTWARE: "1" },
  });
  const end = () => {
    try {
      if (driverProcess.pid !== undefined) process.kill(-driverProcess.pid, "SIGTERM");
    } catch {
      // Ended already.
    }
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const server = `http://127.0.0.1:${port}`;
    await untilReady(server);
    const capabilities = new Capabilities({
      browserName: "MiniBrowser",
      "webkitgtk:browserOptions": {
        binary: program("MiniBrowser", "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser", "/usr/lib/aarch64-linux-gnu/webkit2gtk-4.1/MiniBrowser"),
        args: ["--automation"],
      },
    });
    const driver = await new Builder().usingServer(server).withCapabilities(capabilities).disableEnvironmentOverrides().build();
    return {
      driver,
      close: async () => {
        try {
          await driver.quit();
        } finally {
          end();
        }
      },
    };
  } catch (error) {
    end();
    throw error;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}

async function untilReady(server: string): Promise<void> {
  const until = Date.now() + 20_000;
  for (;;) {
    try {
      await fetch(`${server}/status`);
      return;
    } catch (error) {
      if (Date.now() > until) throw error;
      await new Promise((passed) => setTimeout(passed, 100));
    }
  }
}
