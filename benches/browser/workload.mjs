// What is stored: the sessions, items and attachments of every contender, the same bytes for each.
//
// The text is prose from documentation (see corpus.mjs), cut at random places, so that it compresses as prose does:
// neither the repetition of a template nor the noise of a random generator. Everything follows from one seed; two runs
// on the same lockfile store the same bytes. This file runs in the page and in Node.

export const SESSIONS = 1000;
export const ITEMS = 50;
export const APPENDS = 1000;
export const DELETES = 100;
export const READS = 20_000;
export const ATTACHMENT_BYTES = 150 * 1024;
export const COLLECTED = 2000;
export const COLLECTED_BYTES = 2 * 1024;

const FIRST_START = Date.UTC(2024, 0, 8, 9);
const SEED = 20240108;

/** Mulberry32: small, seedable, good enough to choose words. */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const pick = (next, from) => from[Math.floor(next() * from.length)];
const whole = (next, from, to) => from + Math.floor(next() * (to - from));

const STATUSES = ["recording", "done", "failed", "archived"];
const CATEGORIES = ["support", "design", "engineering", "interview", "research", "sales"];
const APPS = ["Firefox", "Code", "Terminal", "Slack", "Figma", "Excel", "Mail", "Notes", "Zoom"];
const KINDS = ["screenshot", "click", "scroll", "key", "note", "navigate"];

/** Draws consecutive words of the corpus until there are `length` characters. */
function prose(next, words, length) {
  let at = whole(next, 0, words.length - 400);
  let text = words[at++];
  while (text.length < length) text += " " + words[at++];
  return text;
}

function id(next, prefix, n) {
  return `${prefix}${n.toString(36).padStart(5, "0")}-${Math.floor(next() * 2 ** 48).toString(36)}`;
}

/** One item of about 300 bytes of JSON, as a screen recorder keeps it beside each picture. */
export function item(next, words, at) {
  return {
    at,
    kind: pick(next, KINDS),
    app: pick(next, APPS),
    window: prose(next, words, 34),
    url: `https://example.org/${prose(next, words, 16).toLowerCase().replace(/[^a-z0-9]+/g, "-")}?v=${whole(next, 1000, 99999)}`,
    text: prose(next, words, 96),
    x: whole(next, 0, 1280),
    y: whole(next, 0, 800),
    idle: Math.round(next() * 10000) / 10000,
  };
}

/** Metadata of about 2 KB of JSON. */
export function metadata(next, words, n) {
  const startedAt = FIRST_START + n * 3_700_000 + whole(next, 0, 900_000);
  return {
    id: id(next, "s", n),
    title: prose(next, words, 48),
    startedAt,
    endedAt: startedAt + whole(next, 60_000, 3_600_000),
    status: pick(next, STATUSES),
    category: pick(next, CATEGORIES),
    subCategory: prose(next, words, 14),
    topics: Array.from({ length: 4 }, () => prose(next, words, 12)),
    tags: Array.from({ length: 6 }, () => prose(next, words, 7)),
    participants: Array.from({ length: 3 }, () => ({ name: prose(next, words, 14), role: pick(next, CATEGORIES) })),
    device: { platform: "Linux x86_64", width: 1280, height: 800, scale: 1, agent: "Mozilla/5.0 (X11; Linux x86_64)" },
    summary: prose(next, words, 1320),
  };
}

/** The `n`-th session: `{ session, items }`. Each is its own stream, so any one can be made without the others. */
export function session(words, n, items = ITEMS) {
  const next = random(SEED + n * 7919);
  const meta = metadata(next, words, n);
  const list = [];
  for (let i = 0; i < items; i++) list.push(item(next, words, meta.startedAt + i * 4000 + whole(next, 0, 900)));
  return flat({ session: meta, items: list });
}

/**
 * The same as a page would hold it that got it from somewhere. Strings put together piece by piece stay in pieces until
 * somebody reads them, and whoever is measured would pay for that.
 */
export const flat = (value) => JSON.parse(JSON.stringify(value));

/** An attachment: noise, as the bytes of a PNG or an Opus file are to a store. */
export function attachment(seed, bytes) {
  const next = random(seed);
  const out = new Uint32Array(Math.ceil(bytes / 4));
  for (let i = 0; i < out.length; i++) out[i] = next() * 4294967296;
  return new Uint8Array(out.buffer, 0, bytes).slice();
}
