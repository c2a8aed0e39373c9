// Serves the pages and the package to browsers on this machine, tells each page what to do, and hears what it has to say.
import { EventEmitter, once } from "node:events";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const torture = fileURLToPath(new URL("..", import.meta.url));
const top = join(torture, "../..");

const ROOTS = { "/dist/": join(top, "pkg/dist"), "/page/": join(torture, "page") };
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".wasm": "application/wasm" };
const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'";

const POLL_MS = 20_000;

/** A page that asks this server for commands. Emits `entry` for each thing that it logs. */
class Page extends EventEmitter {
  /** Everything that it said was wrong. */
  problems = [];
  #address;
  #commands = [];
  #answers = new Map();
  #ids = 0;
  #poll;

  constructor(address) {
    super();
    this.#address = address;
  }

  /** Where a browser finds it. */
  get address() {
    return this.#address;
  }

  /** What an action of the page answers. Fails after `timeoutMs`: nothing may hang. */
  call(action, ...args) {
    return this.callWithin(60_000, action, ...args);
  }

  callWithin(timeoutMs, action, ...args) {
    const id = (this.#ids += 1);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#answers.delete(id);
        reject(new Error(`the page did not answer ${action} within ${timeoutMs} ms`));
      }, timeoutMs);
      this.#answers.set(id, { resolve, reject, timer });
      this.#commands.push({ id, action, args });
      this.#hand();
    });
  }

  /** Nobody will answer any more. */
  end() {
    for (const { reject, timer } of this.#answers.values()) {
      clearTimeout(timer);
      reject(new Error("the page is gone"));
    }
    this.#answers.clear();
    this.#commands = [];
    this.#poll?.();
  }

  /** @param answer Takes a command, or nothing. */
  polled(answer) {
    this.#poll?.();
    const timer = setTimeout(() => this.#poll?.(), POLL_MS);
    const poll = (command = null) => {
      clearTimeout(timer);
      this.#poll = undefined;
      answer(command);
    };
    this.#poll = poll;
    this.#hand();
    return () => {
      clearTimeout(timer);
      if (this.#poll === poll) this.#poll = undefined;
    };
  }

  answered({ id, result, error }) {
    const waiting = this.#answers.get(id);
    if (!waiting) return;
    this.#answers.delete(id);
    clearTimeout(waiting.timer);
    if (error) waiting.reject(Object.assign(new Error(`${error.code ?? error.name}: ${error.message}`), { code: error.code, inPage: error.stack }));
    else waiting.resolve(result);
  }

  logged(entries) {
    for (const entry of entries) {
      if (entry.problem !== undefined) this.problems.push(entry.problem);
      this.emit("entry", entry);
    }
  }

  #hand() {
    if (this.#poll && this.#commands.length > 0) this.#poll(this.#commands.shift());
  }
}

async function bodyOf(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return JSON.parse(Buffer.concat(parts).toString());
}

/** Starts the server on a free port, which is part of the origin: keep it for as long as a profile is used. */
export async function serve() {
  const pages = new Map();

  const respond = async (request, response) => {
    const url = new URL(request.url, "http://localhost");
    if (request.method === "POST") {
      const body = await bodyOf(request);
      const page = pages.get(body.page);
      if (url.pathname === "/answer") page?.answered(body);
      if (url.pathname === "/log") page?.logged(body.entries);
      response.writeHead(page ? 204 : 410).end();
      return;
    }
    if (url.pathname === "/next") {
      const page = pages.get(url.searchParams.get("page"));
      if (!page) {
        // A page of a test that is over: it may ask again, but not at once.
        setTimeout(() => response.end("null"), 5_000).unref();
        return;
      }
      const forget = page.polled((command) => {
        response.setHeader("Cache-Control", "no-store");
        response.end(JSON.stringify(command));
      });
      response.once("close", forget);
      return;
    }
    const root = Object.keys(ROOTS).find((prefix) => url.pathname.startsWith(prefix));
    const file = root && join(ROOTS[root], normalize(`/${url.pathname.slice(root.length) || "index.html"}`));
    if (!file || !(await stat(file).catch(() => undefined))?.isFile()) {
      response.writeHead(404, { "Content-Security-Policy": POLICY }).end();
      return;
    }
    response.writeHead(200, {
      "Content-Security-Policy": POLICY,
      "Content-Type": TYPES[extname(file)] ?? "application/octet-stream",
      // Not no-store: it would keep pages out of the back-forward cache, where some of them belong.
      "Cache-Control": "no-cache",
    });
    createReadStream(file).pipe(response);
  };

  const server = createServer((request, response) => {
    respond(request, response).catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://127.0.0.1:${server.address().port}`;
  let names = 0;
  return {
    origin,
    /** A page that some browser is about to open at its `address`. */
    page(more = {}) {
      const name = `p${(names += 1)}`;
      const page = new Page(`${origin}/page/?${new URLSearchParams({ page: name, ...more })}`);
      pages.set(name, page);
      return page;
    },
    stop() {
      for (const page of pages.values()) page.end();
      server.closeAllConnections();
      server.close();
    },
  };
}
