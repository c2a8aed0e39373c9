import { defineConfig, type Plugin } from "vite";

/**
 * What the page may do. Nothing comes from elsewhere and nothing inline runs. `wasm-unsafe-eval` lets the engine's
 * WebAssembly compile; `blob:` is how a stored picture or sound reaches an element.
 */
const policy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "connect-src 'self'",
  "img-src 'self' blob:",
  "media-src 'self' blob:",
  "style-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types default",
];

const headers = {
  // A header can also forbid framing, which a meta element cannot.
  "Content-Security-Policy": [...policy, "frame-ancestors 'none'"].join("; "),
  "Cross-Origin-Opener-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};

/** Writes the policy into the built page too, so that it holds wherever the files are served from. */
function contentSecurityPolicy(): Plugin {
  return {
    name: "content-security-policy",
    // The development server injects inline styles and an eval-free but inline client, so only the built page carries it.
    apply: "build",
    transformIndexHtml: () => [
      {
        tag: "meta",
        attrs: { "http-equiv": "Content-Security-Policy", content: policy.join("; ") },
        injectTo: "head-prepend",
      },
    ],
  };
}

/** Before the first paint, so that a chosen theme does not flash: a plain file, since inline scripts are refused. */
function theme(): Plugin {
  return {
    name: "theme",
    transformIndexHtml: () => [{ tag: "script", attrs: { src: "./theme.js" }, injectTo: "head" }],
  };
}

export default defineConfig({
  base: "./",
  plugins: [contentSecurityPolicy(), theme()],
  worker: { format: "es" },
  build: {
    target: "es2023",
    // An inlined asset would be a data: address, which the policy refuses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  preview: { host: "127.0.0.1", headers },
  server: { host: "127.0.0.1" },
});
