export const about = {
  name: "SQLite FTS5 (wasm)",
  package: "@sqlite.org/sqlite-wasm",
  how:
    "In a worker, in OPFS through its `opfs-sahpool` VFS; `fts5` without content, `unicode61`, `bm25(2, 1)`, the filters in an ordinary table joined by rowid, " +
    "prepared statements; no edit distance. With positions. Bytes: the pages of the FTS5 tables and of the filters' table, by `dbstat`.",
};

export async function open(name, hits) {
  const worker = new Worker("/sqlite-worker.js", { type: "module" });
  const waiting = new Map();
  let number = 0;
  worker.onmessage = ({ data: { number: answered, result, error } }) => {
    const { resolve, reject } = waiting.get(answered);
    waiting.delete(answered);
    if (error) reject(new Error(error));
    else resolve(result);
  };
  worker.onerror = ({ message }) => {
    for (const { reject } of waiting.values()) reject(new Error(message));
  };
  const call = (name, ...args) =>
    new Promise((resolve, reject) => {
      waiting.set(++number, { resolve, reject });
      worker.postMessage({ number, call: name, args });
    });
  await call("open", name, hits);
  return {
    build: (documents) => call("build", documents),
    store: (documents) => call("store", documents),
    bytes: () => call("bytes"),
    term: ({ text }) => call("words", text),
    terms: ({ text }) => call("words", text),
    prefix: ({ text }) => call("prefix", text),
    filter: (query) => call("filter", query),
    add: (document) => call("add", document),
    async close() {
      await call("close");
      worker.terminate();
    },
  };
}
