// Browsers as plain processes on a profile of their own: started at an address, killed, and started again on the same
// profile. No driver sits in between, so what is killed is what a user has.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DevTools } from "./cdp.mjs";
import { display, find, miniBrowser } from "../../../pkg/test/harness/browsers.mjs";

export const CHROMIUM_SWITCHES = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--no-default-browser-check",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const SQLITE = "--enable-features=IdbSqliteBackingStore";

/** Nothing that goes to the network, asks a question, or opens a page by itself. */
export const FIREFOX_PREFERENCES = {
  "app.normandy.enabled": false,
  "app.update.enabled": false,
  "browser.aboutwelcome.enabled": false,
  "browser.safebrowsing.update.enabled": false,
  "browser.sessionstore.resume_from_crash": false,
  "browser.shell.checkDefaultBrowser": false,
  "browser.startup.homepage_override.mstone": "ignore",
  "browser.startup.page": 0,
  "datareporting.policy.dataSubmissionEnabled": false,
  "extensions.update.enabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "toolkit.startup.max_resumed_crashes": -1,
};

function firefoxProfile(folder, preferences) {
  const lines = Object.entries({ ...FIREFOX_PREFERENCES, ...preferences }).map(
    ([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`,
  );
  writeFileSync(join(folder, "user.js"), lines.join(""));
}

/** What has to be known of a browser: how it is started on a profile, and where its databases are in there. */
export const ENGINES = {
  "chromium-leveldb": {
    command: (profile) => [find("chromium", "chromium-browser", "google-chrome"), ["--headless=new", `--user-data-dir=${profile}`, ...CHROMIUM_SWITCHES]],
    storage: ["Default", "IndexedDB"],
    caches: ["Default", "Service Worker"],
    prepare: chromiumProfile,
    // Any backend but the one that is meant would pass the tests as well.
    expect: (names) => names.some((name) => name.endsWith(".indexeddb.leveldb")),
  },
  "chromium-sqlite": {
    command: (profile) => [find("chromium", "chromium-browser", "google-chrome"), ["--headless=new", `--user-data-dir=${profile}`, ...CHROMIUM_SWITCHES, SQLITE]],
    storage: ["Default", "IndexedDB"],
    caches: ["Default", "Service Worker"],
    prepare: chromiumProfile,
    expect: (names) => names.length > 0 && !names.some((name) => name.endsWith(".indexeddb.leveldb")),
  },
  firefox: {
    command: (profile) => [find("firefox-esr", "firefox"), ["-headless", "-no-remote", "-profile", profile]],
    storage: ["storage", "default"],
    prepare: firefoxProfile,
    expect: (names) => names.length > 0,
  },
  webkit: {
    command: () => [miniBrowser(), []],
    storage: ["data", "webkitgtk-4.1", "MiniBrowser", "databases", "indexeddb"],
    prepare: (folder) => mkdirSync(join(folder, "run"), { recursive: true, mode: 0o700 }),
    expect: (names) => names.length > 0,
    needsDisplay: true,
    environment: (profile) => ({
      HOME: profile,
      XDG_DATA_HOME: join(profile, "data"),
      XDG_CACHE_HOME: join(profile, "cache"),
      XDG_CONFIG_HOME: join(profile, "config"),
      XDG_RUNTIME_DIR: join(profile, "run"),
      LIBGL_ALWAYS_SOFTWARE: "1",
      WEBKIT_DISABLE_COMPOSITING_MODE: "1",
      WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1",
    }),
  },
};

function chromiumProfile(folder) {
  // Chromium notices by itself that the process in the lock is gone, unless another one has its number by now.
  rmSync(join(folder, "SingletonLock"), { force: true });
}

/** A process and all under it, parents first. */
function tree(root) {
  const children = new Map();
  for (const line of execFileSync("ps", ["-e", "-o", "pid=,ppid="]).toString().trim().split("\n")) {
    const [pid, parent] = line.trim().split(/\s+/).map(Number);
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const all = [];
  const visit = (pid) => {
    all.push(pid);
    for (const child of children.get(pid) ?? []) visit(child);
  };
  visit(root);
  return all;
}

const alive = new Set();
process.on("exit", () => {
  for (const browser of alive) browser.kill();
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => process.exit(1));

/** A browser that runs. */
class Browser {
  /** The way into a Chromium that was started with it. */
  devTools;
  #process;
  #ended;

  constructor(program, switches, environment, devTools) {
    const stdio = ["ignore", "ignore", "ignore", ...(devTools ? ["pipe", "pipe"] : [])];
    this.#process = spawn(program, switches, { env: { ...process.env, ...environment }, stdio, detached: true });
    if (devTools) this.devTools = new DevTools(this.#process);
    this.#ended = new Promise((resolve) => {
      this.#process.once("exit", resolve);
      this.#process.once("error", resolve);
    });
    alive.add(this);
  }

  /** SIGKILL to it and every process under it: nothing gets to say goodbye. */
  kill() {
    alive.delete(this);
    if (this.#process.pid === undefined) return;
    for (const pid of tree(this.#process.pid)) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // Ended meanwhile.
      }
    }
    try {
      // What was born since the list was made.
      process.kill(-this.#process.pid, "SIGKILL");
    } catch {
      // None was.
    }
  }

  /** {@link kill}, and waits until it is gone. */
  async killed() {
    this.kill();
    await this.#ended;
  }

  /** Ends it as a user's session does. */
  async quit() {
    if (this.#process.pid !== undefined) this.#process.kill("SIGTERM");
    const late = setTimeout(() => this.kill(), 10_000);
    await this.#ended;
    clearTimeout(late);
    this.kill();
  }
}

/** A profile of its own, on which a browser is started again and again. */
export class Profile {
  #engine;
  #folder;
  #display;

  static async make(engine, { preferences = {} } = {}) {
    const profile = new Profile();
    profile.#engine = ENGINES[engine];
    profile.#folder = mkdtempSync(join(tmpdir(), `hoardb-${engine}-`));
    profile.#display = profile.#engine.needsDisplay ? await display() : undefined;
    profile.preferences = preferences;
    return profile;
  }

  get folder() {
    return this.#folder;
  }

  /** The folder with the databases; it need not exist yet. */
  get storage() {
    return join(this.#folder, ...this.#engine.storage);
  }

  /** The folder of the Cache API, where the engine looks for room on a disk that was full. */
  get caches() {
    return this.#engine.caches && join(this.#folder, ...this.#engine.caches);
  }

  /** The browser's name and version. */
  get version() {
    const [program] = this.#engine.command(this.#folder);
    const said = execFileSync(program, ["--version"], { env: { ...process.env, ...this.#environment }, stdio: ["ignore", "pipe", "ignore"] });
    return said.toString().trim().split("\n").at(-1);
  }

  get #environment() {
    return { ...this.#engine.environment?.(this.#folder), ...(this.#display && { DISPLAY: this.#display.name }) };
  }

  /** Starts the browser at an address; with `devTools`, a Chromium has {@link Browser.devTools}. */
  start(address, { environment = {}, devTools = false } = {}) {
    this.#engine.prepare(this.#folder, this.preferences);
    const [program, switches] = this.#engine.command(this.#folder);
    const more = devTools ? ["--remote-debugging-pipe"] : [];
    return new Browser(program, [...switches, ...more, address], { ...this.#environment, ...environment }, devTools);
  }

  /** Whether the databases are where the engine's backend keeps them. */
  get isExpected() {
    return existsSync(this.storage) && this.#engine.expect(readdirSync(this.storage));
  }

  remove() {
    this.#display?.stop();
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}
