// The hoard of a page, and what is in it as plain JSON.
import { AttachmentRef, openHoard } from "/dist/index.js";

let hoard;

export const current = () => hoard;

export async function open(options = {}) {
  hoard = await openHoard({ name: "torture", ...options });
}

/** Shows that the page is there. */
export function nothing() {}

export async function close() {
  await hoard.close();
}

export async function verify(options = { full: true }) {
  return hoard.verify(options).done;
}

export async function collect(options = {}) {
  return hoard.collect(options).done;
}

export async function stats() {
  return hoard.stats();
}

export async function flush() {
  return hoard.flush();
}

async function sha256(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Everything that is stored, each attachment as the hash of the bytes that come back, taken by the browser. */
export async function look() {
  const hashes = new Map();
  const plain = async (value) => {
    if (value instanceof AttachmentRef) {
      if (!hashes.has(value.hash)) hashes.set(value.hash, await sha256(await value.bytes()));
      return { "@": hashes.get(value.hash), size: value.size };
    }
    if (value instanceof Date) return { date: value.getTime() };
    if (Array.isArray(value)) {
      const all = [];
      for (const one of value) all.push(await plain(one));
      return all;
    }
    if (typeof value !== "object" || value === null) return value;
    const all = {};
    for (const [key, one] of Object.entries(value)) all[key] = await plain(one);
    return all;
  };
  const sessions = {};
  const damaged = [];
  const counted = await hoard.sessions.count();
  for await (const { id } of hoard.sessions.list()) {
    const whole = await hoard.load(id);
    damaged.push(...whole.damaged.map(({ error, ...range }) => ({ id, ...range, error: error?.code })));
    sessions[id] = { meta: await plain(whole.session), lists: await plain(whole.lists) };
  }
  return { sessions, damaged, counted };
}
