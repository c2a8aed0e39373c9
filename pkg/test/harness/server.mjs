// Serves the built package and the bundled tests to a browser on this machine, under the policy that a page may have.
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const pkg = fileURLToPath(new URL("../..", import.meta.url));

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".wasm": "application/wasm",
};

// What the README tells a strict page to allow, and two that forbid what the package needs.
const POLICIES = {
  usual: "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self' blob:",
  "no-worker": "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'none'; connect-src 'self'",
  "no-wasm": "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'",
};

const ROOTS = { "/dist/": "dist", "/tests/": "test/.out/browser", "/mocha/": "node_modules/mocha" };

// As webpack names it.
const ALIASES = { "/0c1d2e3f4a5b.wasm": "/dist/wasm/hoardb_bg.wasm" };

function page(suite) {
  return `<!doctype html><title>${suite}</title><script src="/mocha/mocha.js"></script>
<script src="/tests/page.js"></script><script type="module" src="/tests/${suite}.js"></script>`;
}

/** Starts the server. Resolves to its address and a function that stops it. */
export async function serve() {
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, "http://localhost");
    // A worker has the policy of its own response.
    const policy = POLICIES[url.searchParams.get("policy") ?? "usual"] ?? POLICIES.usual;
    const headers = { "Content-Security-Policy": policy, "Cache-Control": "no-store" };
    if (url.pathname === "/page") {
      response.writeHead(200, { ...headers, "Content-Type": TYPES[".html"] });
      response.end(page(url.searchParams.get("suite").replace(/\W/g, "")));
      return;
    }
    const path = ALIASES[url.pathname] ?? url.pathname;
    const root = Object.keys(ROOTS).find((prefix) => path.startsWith(prefix));
    const file = root && join(pkg, ROOTS[root], normalize("/" + path.slice(root.length)));
    if (!file || !(await stat(file).catch(() => undefined))?.isFile()) {
      response.writeHead(404, headers).end();
      return;
    }
    // The engine's worker compiles wasm: where the page may not, the worker may not either.
    const referrer = new URL(request.headers.referer ?? url, url).searchParams.get("policy");
    if (referrer in POLICIES) headers["Content-Security-Policy"] = POLICIES[referrer];
    response.writeHead(200, { ...headers, "Content-Type": TYPES[extname(file)] ?? "application/octet-stream" });
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `http://127.0.0.1:${server.address().port}`,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
