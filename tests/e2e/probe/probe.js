// A page that writes and reads through the package's API. Its calls are on `globalThis.probe`, so that any driver of any
// browser can use them; what they take and answer is plain JSON.

import { AttachmentRef, openHoard } from "/hoardb/index.js";

const hoards = new Map();

function open(name) {
  if (!hoards.has(name)) hoards.set(name, openHoard({ name }));
  return hoards.get(name);
}

async function sha256(bytes) {
  const response = await fetch("/probe/sha256", { method: "POST", body: bytes });
  return response.text();
}

/** A stored value as plain JSON. An attachment becomes its hash, size, type, and the hash of the bytes that come back. */
async function plain(value) {
  if (value instanceof AttachmentRef) {
    const { hash, size, type } = value;
    return { attachment: hash, size, type, bytes: await sha256(await value.bytes()) };
  }
  if (value instanceof Date) return { date: value.getTime() };
  if (Array.isArray(value)) {
    const all = [];
    for (const one of value) all.push(await plain(one));
    return all;
  }
  if (typeof value === "object" && value !== null) {
    const all = {};
    for (const [key, one] of Object.entries(value)) all[key] = await plain(one);
    return all;
  }
  return value;
}

async function fixtureItems() {
  const manifest = await (await fetch("/fixtures/manifest.json")).json();
  const blob = async (file, type) => new Blob([await (await fetch(`/fixtures/${file}`)).arrayBuffer()], { type });
  const screenshots = [];
  for (const { file, at } of manifest.frames) screenshots.push({ at, width: 1280, height: 800, image: await blob(file, "image/png") });
  const audio = [];
  for (const { file, at, durationMs } of manifest.audio) audio.push({ at, durationMs, peaks: [], sound: await blob(file, "audio/wav") });
  return { startedAt: manifest.startedAt, lists: { screenshots, audio, messages: manifest.messages } };
}

function metadata(title, startedAt, fields = {}) {
  return {
    title,
    category: "Research",
    topics: ["documentation"],
    tags: ["fixture"],
    status: "done",
    startedAt: new Date(startedAt),
    endedAt: null,
    counts: null,
    poster: null,
    ...fields,
  };
}

globalThis.probe = {
  /** Stores the fixtures as a session, item by item and in arrays. */
  async appendFixtures(name, id, title) {
    const hoard = await open(name);
    const { startedAt, lists } = await fixtureItems();
    await hoard.sessions.create({ id, ...metadata(title, startedAt) });
    for (const shot of lists.screenshots) await hoard.list(id, "screenshots").append(shot);
    await hoard.list(id, "audio").append(lists.audio);
    await hoard.list(id, "messages").append(lists.messages);
  },

  /** Stores the fixtures as a session, at once. */
  async saveFixtures(name, id, title) {
    const hoard = await open(name);
    const { startedAt, lists } = await fixtureItems();
    await hoard.save({ session: { id, ...metadata(title, startedAt) }, lists });
  },

  async save(name, session, lists) {
    const hoard = await open(name);
    const { startedAt, ...rest } = session;
    return hoard.save({ session: { ...metadata("", startedAt), ...rest }, lists });
  },

  /** Ids of all sessions. */
  async ids(name) {
    const hoard = await open(name);
    const ids = [];
    for await (const { id } of hoard.sessions.list()) ids.push(id);
    return ids;
  },

  async metadata(name, id) {
    const hoard = await open(name);
    return plain(await hoard.sessions.get(id));
  },

  async lengths(name, id) {
    const hoard = await open(name);
    const lengths = {};
    for (const list of ["screenshots", "audio", "notes", "messages", "files"]) lengths[list] = await hoard.list(id, list).length();
    return lengths;
  },

  /** Everything of a session, each attachment read back and hashed by the server. */
  async contents(name, id) {
    const hoard = await open(name);
    const { session, lists, damaged } = await hoard.load(id);
    return { session: await plain(session), lists: await plain(lists), damaged: damaged.length };
  },

  /** An attachment's bytes in base64. */
  async bytes(name, hash) {
    const hoard = await open(name);
    const bytes = await (await hoard.attachments.get(hash)).bytes();
    let text = "";
    for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
    return btoa(text);
  },

  /** How loud a stored sound is (root mean square) and how long, decoded by the browser. */
  async loudness(name, hash) {
    const hoard = await open(name);
    const bytes = await (await hoard.attachments.get(hash)).bytes();
    const decoded = await new OfflineAudioContext(1, 1, 16000).decodeAudioData(bytes.slice().buffer);
    const samples = decoded.getChannelData(0);
    let sum = 0;
    for (const sample of samples) sum += sample * sample;
    return { rms: Math.sqrt(sum / Math.max(1, samples.length)), seconds: decoded.duration };
  },

  async remove(name, id) {
    return (await open(name)).sessions.delete(id);
  },

  async stat(name, hash) {
    return (await open(name)).attachments.stat(hash);
  },

  async stats(name) {
    return (await open(name)).stats();
  },

  async collect(name, options) {
    return (await open(name)).collect(options).done;
  },

  async verify(name, options) {
    return (await open(name)).verify(options).done;
  },

  async close(name) {
    const hoard = await open(name);
    hoards.delete(name);
    await hoard.close();
  },
};
