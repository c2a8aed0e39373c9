// What a stranger gets: the tarball that `npm pack` makes, installed in a project outside this tree, built by the tools
// people use, and opened in Chromium under a strict content security policy.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import test, { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";
import { build, createServer } from "vite";
import webpack from "webpack";
import { POLICY, serve } from "./static-server.mjs";

const run = promisify(execFile);
const here = dirname(fileURLToPath(import.meta.url));
const pkg = join(here, "..", "..");
const template = join(here, "template");

let outside; // a folder from which nothing of this tree can be resolved
let tarball;
let packed; // what npm says is in it
let browser;

before(async () => {
  outside = await mkdtemp(join(tmpdir(), "hoardb-pack-"));
  const { stdout } = await run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", outside], { cwd: pkg });
  const report = JSON.parse(stdout);
  // npm 12 keys the report by the package's name, older ones list it.
  [packed] = Array.isArray(report) ? report : Object.values(report);
  tarball = join(outside, packed.filename);
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update"],
  });
});

after(async () => {
  await browser?.close();
  if (outside) await rm(outside, { recursive: true });
});

/** A new project with the tarball installed and the template's files in it. */
async function project(name) {
  const folder = join(outside, name);
  await mkdir(folder);
  await cp(template, folder, { recursive: true });
  await writeFile(join(folder, "package.json"), JSON.stringify({ name, private: true, type: "module" }));
  await run("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--offline", tarball], { cwd: folder });
  return folder;
}

const WORKED = { title: "Packed", startedAt: 86_400_000, note: "first", found: ["Packed"], type: "image/png", same: true };

/** Opens the address and requires that the app did its work, and that nothing asked for more than the policy allows. */
async function works(url) {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    const complaints = [];
    const fetched = new Set();
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("request", (request) => request.url().endsWith(".wasm") && fetched.add(request.url()));
    page.on("response", (response) => response.status() >= 400 && complaints.push(`${response.status()} ${response.url()}`));
    // Asked for by the browser itself, not by the app.
    await page.route("**/favicon.ico", (route) => route.fulfill({ status: 204 }));
    await page.goto(url);
    const html = page.locator("html[data-outcome]");
    await html.waitFor({ state: "attached", timeout: 60_000 }).catch((error) => {
      throw new Error([error.message, ...complaints].join("\n"));
    });
    const outcome = JSON.parse(await html.getAttribute("data-outcome"));
    assert.deepEqual({ complaints, ...outcome }, { complaints: [], "in a worker": WORKED, "on the page": WORKED });
    assert.equal(fetched.size, 2, "the engine, and what the index needs of it");
  } finally {
    await context.close();
  }
}

async function worksIn(folder) {
  const server = await serve(folder);
  try {
    await works(server.url);
  } finally {
    await server.close();
  }
}

test("the tarball holds the built files, the licences and the readme, and nothing else", () => {
  const allowed = [
    /^package\.json$/,
    /^README\.md$/,
    /^LICENSE-(MIT|APACHE)$/,
    /^dist\/[a-z0-9-]+(\/[a-z0-9-]+)*\.(js|d\.ts)$/,
    /^dist\/wasm\/hoardb(_bg|_search)?\.(js|d\.ts|wasm|wasm\.d\.ts)$/,
  ];
  const paths = packed.files.map(({ path }) => path);
  assert.deepEqual(paths.filter((path) => !allowed.some((pattern) => pattern.test(path))), []);
  for (const path of ["README.md", "LICENSE-MIT", "LICENSE-APACHE", "dist/index.js", "dist/index.d.ts", "dist/wasm/hoardb_bg.wasm", "dist/wasm/hoardb_search.wasm"]) {
    assert.ok(paths.includes(path), path);
  }
});

test("nothing published tells of the machine it was built on, runs on installation or brings other packages", async () => {
  const folder = await project("contents");
  const installed = join(folder, "node_modules", "hoardb");
  for (const entry of await readdir(installed, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const text = await readFile(join(entry.parentPath, entry.name), "latin1");
    for (const trace of [`${homedir()}/`, join(pkg, ".."), ".cargo/registry", "crates.io-"]) {
      assert.ok(!text.includes(trace), `${entry.name} contains ${trace}`);
    }
  }
  const manifest = JSON.parse(await readFile(join(installed, "package.json"), "utf8"));
  assert.deepEqual(manifest.dependencies ?? {}, {});
  for (const script of ["preinstall", "install", "postinstall"]) assert.equal(manifest.scripts?.[script], undefined);
  assert.deepEqual((await readdir(join(folder, "node_modules"))).filter((name) => !name.startsWith(".")), ["hoardb"]);
});

test("each end of the engine is one file, so that a worker waits for no other", async () => {
  for (const end of ["engine-worker", "engine-local"]) {
    const text = await readFile(join(pkg, "dist", `${end}.js`), "utf8");
    assert.doesNotMatch(text, /^import |\bimport\(/m, end);
  }
});

test("importing it on a server does nothing and does not throw", async () => {
  const folder = await project("server");
  const { stdout } = await run(
    process.execPath,
    [
      "--input-type=module",
      "--eval",
      `const before = Object.getOwnPropertyNames(globalThis).sort().join();
       const { openHoard, HoardError } = await import("hoardb");
       const after = Object.getOwnPropertyNames(globalThis).sort().join();
       console.log(typeof openHoard, typeof HoardError, before === after);`,
    ],
    // A thread or a timer that the import started would keep the process from ending.
    { cwd: folder, timeout: 20_000 },
  );
  assert.equal(stdout.trim(), "function function true");
});

for (const [module, moduleResolution] of [["preserve", "bundler"], ["nodenext", "nodenext"]]) {
  test(`its types hold in a strict project with moduleResolution ${moduleResolution}`, async () => {
    const folder = await project(`types-${moduleResolution}`);
    await writeFile(
      join(folder, "tsconfig.json"),
      JSON.stringify({
        compilerOptions: {
          module,
          moduleResolution,
          target: "es2022",
          lib: ["es2022", "dom", "dom.iterable", "dom.asynciterable"],
          types: [],
          strict: true,
          noUncheckedIndexedAccess: true,
          exactOptionalPropertyTypes: true,
          skipLibCheck: false,
          noEmit: true,
        },
        files: ["consumer.ts"],
      }),
    );
    await run(join(here, "node_modules", ".bin", "tsc"), ["-p", folder, "--pretty", "false"]).catch(({ stdout, stderr }) => {
      assert.fail(stdout + stderr);
    });
  });
}

test("a page without a bundler", async () => {
  const folder = await project("plain");
  const app = join(folder, "app.js");
  const source = await readFile(app, "utf8");
  // An import map would have to stand in the page, where the policy allows no script.
  await writeFile(app, source.replace('from "hoardb"', 'from "./node_modules/hoardb/dist/index.js"'));
  await worksIn(folder);
});

test("Vite's development server", async () => {
  const root = await project("vite-dev");
  const server = await createServer({
    root,
    configFile: false,
    logLevel: "error",
    server: { host: "127.0.0.1", port: 0, headers: { "Content-Security-Policy": POLICY } },
  });
  try {
    await server.listen();
    await works(`http://127.0.0.1:${server.httpServer.address().port}/`);
  } finally {
    await server.close();
  }
});

test("Vite's production build", async () => {
  const root = await project("vite-build");
  await build({ root, configFile: false, logLevel: "error", build: { target: "es2022" } });
  await worksIn(join(root, "dist"));
});

test("webpack's production build", async () => {
  const context = await project("webpack");
  const output = { path: join(context, "dist") };
  // Its size hints look at bytes before compression; what the engine may weigh is checked where it is built.
  const performance = { hints: false };
  const compiler = webpack({ context, mode: "production", entry: "./app.js", output, performance });
  const stats = await new Promise((resolve, reject) => {
    compiler.run((error, result) => (error ? reject(error) : resolve(result)));
  });
  await new Promise((resolve) => compiler.close(resolve));
  assert.ok(!stats.hasErrors() && !stats.hasWarnings(), stats.toString({ all: false, errors: true, warnings: true }));
  const html = await readFile(join(context, "index.html"), "utf8");
  await writeFile(join(context, "dist", "index.html"), html.replace('type="module" src="./app.js"', 'defer src="./main.js"'));
  await worksIn(join(context, "dist"));
});
