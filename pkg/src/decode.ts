/**
 * What comes back from the engine as values: the inverse of `encode.ts`.
 */
import { AttachmentRef } from "./attachment.js";
import type { CachedMetadata } from "./cache.js";
import type { Channel } from "./channel.js";
import type { Attachment, ChunkOut, DocumentsOut } from "./engine.js";
import { HoardError, fromFields } from "./errors.js";
import { DEPTH_MAX } from "./value.js";

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const DOLLAR = 36;

/** An error for a text that passed the engine's checks and yet is no document. */
function damaged(problem: string, cause?: unknown): HoardError {
  return new HoardError("Corrupt", `a stored document is damaged: ${problem}`, cause === undefined ? {} : { cause });
}

/** Parses the text of a JSON array. Says whether anything in it is marked. */
function parse(json: Uint8Array): { text: string; values: unknown[]; marked: boolean } {
  let text: string;
  let values: unknown;
  try {
    text = UTF8.decode(json);
    values = JSON.parse(text);
  } catch (error) {
    throw damaged("it is not JSON", error);
  }
  if (!Array.isArray(values)) throw damaged("it is not an array");
  return { text, values, marked: text.includes('"$') };
}

/** Replaces the marks in a value, in place where it can. */
function revive(value: unknown, table: readonly Attachment[] | null, channel: Channel, depth = 0): unknown {
  if (typeof value !== "object" || value === null) return value;
  // A mark is an object of its own, one level below what was nested.
  if (depth > DEPTH_MAX) throw damaged("it is nested too deeply");
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at += 1) value[at] = revive(value[at], table, channel, depth + 1);
    return value;
  }
  const object = value as Record<string, unknown>;
  let escaped = false;
  for (const name of Object.keys(object)) {
    if (name.charCodeAt(0) === DOLLAR) {
      if (name.charCodeAt(1) !== DOLLAR) return mark(name, object[name], table, channel);
      escaped = true;
    }
    const inner = object[name];
    const revived = revive(inner, table, channel, depth + 1);
    if (revived !== inner) define(object, name, revived);
  }
  return escaped ? unescape(object) : object;
}

/** Sets a property, `__proto__` like any other. */
function define(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name === "__proto__") {
    Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
  } else {
    object[name] = value;
  }
}

/** The same object with the extra `$` taken off its keys, in the same order. */
function unescape(object: Record<string, unknown>): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const name of Object.keys(object))
    define(copy, name.charCodeAt(0) === DOLLAR ? name.slice(1) : name, object[name]);
  return copy;
}

function mark(name: string, value: unknown, table: readonly Attachment[] | null, channel: Channel): unknown {
  if (name === "$date" && typeof value === "number") return new Date(value);
  if (name === "$number" && value === "-0") return -0;
  if (name === "$attachment" && typeof value === "number") {
    const attachment = table?.[value];
    if (attachment !== undefined) return new AttachmentRef(channel, attachment);
  }
  throw damaged(`${name} is marked in a way that this version does not know`);
}

/** Documents by position, `undefined` where there is none. The text of each is handed to `keep`. */
export function decodeDocuments(
  { json, tables }: DocumentsOut,
  channel: Channel,
  keep?: (at: number, metadata: CachedMetadata) => void,
): unknown[] {
  const { text, values, marked } = parse(json);
  return values.map((value, at) => {
    if (value === null) return undefined;
    keep?.(at, { text: values.length === 1 ? text.slice(1, -1) : JSON.stringify(value), table: tables?.[at] ?? null });
    return marked ? revive(value, tables?.[at] ?? null, channel) : value;
  });
}

/** The items of a chunk. Throws what the engine found wrong with it. */
export function decodeChunk({ json, count, attachments, error }: ChunkOut, channel: Channel): unknown[] {
  if (error !== null) throw fromFields(error);
  const { values, marked } = parse(json);
  if (values.length !== count) throw damaged(`${values.length} items are where ${count} should be`);
  return marked ? (revive(values, attachments, channel, -1) as unknown[]) : values;
}

/** The value of a single document's text: one that was just made by `encode`, without attachments, or a cached one. */
export function decodeText(text: string, channel: Channel, table: readonly Attachment[] | null = null): unknown {
  const value: unknown = JSON.parse(text);
  return text.includes('"$') ? revive(value, table, channel) : value;
}
