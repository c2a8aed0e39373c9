// The demo as `make demo` serves it, and beside it on the same origin a page that looks into the same storage through the
// package's API, the package itself, and the fixtures.

import { createHash } from "node:crypto";
import { createReadStream, existsSync, statSync } from "node:fs";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { pathToFileURL } from "node:url";
import { fixtures, packageDist, probe, www } from "./places.ts";

export interface Served {
  origin: string;
  close(): Promise<void>;
}

const types: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".wasm": "application/wasm",
  ".png": "image/png",
  ".wav": "audio/wav",
  ".css": "text/css",
};

const folders: [prefix: string, folder: string][] = [
  ["/probe/", probe],
  ["/hoardb/", packageDist],
  ["/fixtures/", fixtures],
];

/** Answers what is not the demo's; tells whether it did. */
function answer(request: IncomingMessage, response: ServerResponse): boolean {
  const path = decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname);
  if (path === "/probe/sha256" && request.method === "POST") {
    // Hashing here keeps what is tested from vouching for itself.
    const hash = createHash("sha256");
    request.on("data", (part: Buffer) => hash.update(part));
    request.on("end", () => response.end(hash.digest("hex")));
    return true;
  }
  const place = folders.find(([prefix]) => path.startsWith(prefix));
  if (!place) return false;
  const [prefix, folder] = place;
  const file = normalize(join(folder, path.slice(prefix.length) || "index.html"));
  if (!file.startsWith(folder) || !existsSync(file) || !statSync(file).isFile()) {
    response.statusCode = 404;
    response.end();
    return true;
  }
  response.setHeader("content-type", types[extname(file)] ?? "application/octet-stream");
  // The policy that the package is documented to work under; the demo's own is stricter still.
  response.setHeader(
    "content-security-policy",
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; img-src 'self' blob:; style-src 'self'",
  );
  createReadStream(file).pipe(response);
  return true;
}

interface Vite {
  preview(config: object): Promise<{ httpServer: Server; close(): Promise<void> }>;
}

export async function serve(): Promise<Served> {
  // The demo's own Vite, with the demo's own configuration.
  const entry = createRequire(join(www, "package.json")).resolve("vite");
  const { preview } = (await import(pathToFileURL(entry).href)) as Vite;
  const server = await preview({
    root: www,
    logLevel: "warn",
    preview: { port: 0, strictPort: true },
    plugins: [
      {
        name: "probe",
        configurePreviewServer(preview: { middlewares: { use(handle: (request: IncomingMessage, response: ServerResponse, next: () => void) => void): void } }) {
          preview.middlewares.use((request, response, next) => {
            if (!answer(request, response)) next();
          });
        },
      },
    ],
  });
  const { port } = server.httpServer.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, close: () => server.close() };
}
