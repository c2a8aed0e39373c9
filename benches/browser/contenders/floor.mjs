import { batches } from "../batch.mjs";

export const about = {
  name: "raw chunks, worker",
  how:
    "The floor. Raw IndexedDB in a dedicated worker, `items` in records of 50, one transaction and one message for 50 sessions, " +
    "two messages under way; an append rewrites the tail record, remembered in the worker; explicit `commit()`.",
};

// One message is being stored while the next is cloned; more only lengthens the page's gaps.
const UNDER_WAY = 2;

export async function open(name) {
  const worker = new Worker("/floor-worker.js", { type: "module" });
  const waiting = new Map();
  let calls = 0;
  worker.onmessage = ({ data: [call, result, error] }) => {
    const { resolve, reject } = waiting.get(call);
    waiting.delete(call);
    error ? reject(new Error(error)) : resolve(result);
  };
  const ask = (method, args, transfer = []) =>
    new Promise((resolve, reject) => {
      const call = calls++;
      waiting.set(call, { resolve, reject });
      worker.postMessage([call, method, args], transfer);
    });

  await ask("open", [name]);
  return {
    async save(sessions) {
      const under_way = [];
      for (const batch of batches(sessions)) {
        if (under_way.length === UNDER_WAY) await under_way.shift();
        under_way.push(ask("save", [batch]));
      }
      await Promise.all(under_way);
    },
    append: (id, n, item) => ask("append", [id, n, item]),
    load: (id) => ask("load", [id]),
    get: (id) => ask("get", [id]),
    list: () => ask("list", []),
    delete: (ids) => ask("delete", [ids]),
    async put(blob) {
      const buffer = await blob.arrayBuffer();
      return ask("put", [buffer], [buffer]);
    },
    fetch: async (key) => new Uint8Array(await ask("fetch", [key])),
    discard: (keys) => ask("discard", [keys]),
    async link(sessions) {
      for (const { session, items, blobs } of sessions) {
        const buffers = await Promise.all(blobs.map((blob) => blob.arrayBuffer()));
        await ask("link", [[{ session, items, blobs: buffers }]], buffers);
      }
    },
    collect: () => ask("collect", []),
    async close() {
      await ask("close", []);
      worker.terminate();
    },
  };
}
