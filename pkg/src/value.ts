/**
 * What kind of object a value is. Objects of other realms (frames) count as what they are there.
 */
import { AttachmentRef } from "./attachment.js";
import type { AttachmentSource } from "./protocol.js";

/** The deepest nesting of arrays and objects, the outermost included. */
export const DEPTH_MAX = 256;

/** The most values in one document. Each takes at least two bytes of JSON, and a record has at most 4 MiB. */
export const VALUES_MAX = 2 ** 21;

const { getOwnPropertySymbols, getPrototypeOf } = Object;
const { hasOwnProperty, propertyIsEnumerable, toString } = Object.prototype;

/** Whether it is an array, and of no class of its own. */
export function isArray(value: object): value is readonly unknown[] {
  if (!Array.isArray(value)) return false;
  const prototype: unknown = getPrototypeOf(value);
  return prototype === Array.prototype || (prototype !== null && hasOwnProperty.call(prototype, "copyWithin"));
}

/** Whether it is an object of no class: made by `{}` or with the prototype null. */
export function isPlain(value: object): value is Record<string, unknown> {
  const prototype: unknown = getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || hasOwnProperty.call(prototype, "isPrototypeOf");
}

/** Whether `JSON.stringify` would store something else in its place. */
export function hasToJson(value: object): boolean {
  return typeof (value as { toJSON?: unknown }).toJSON === "function";
}

/** Whether it has properties that JSON would leave out because their keys are symbols. */
export function hasSymbols(value: object): boolean {
  const symbols = getOwnPropertySymbols(value);
  return symbols.length > 0 && symbols.some((symbol) => propertyIsEnumerable.call(value, symbol));
}

function tag(value: object): string {
  return toString.call(value).slice(8, -1);
}

/** Whether it is a Date, valid or not. */
export function isDate(value: object): value is Date {
  return value instanceof Date || tag(value) === "Date";
}

/** Its milliseconds since 1970; NaN when it is invalid. */
export function timeOf(date: Date): number {
  return Date.prototype.getTime.call(date);
}

/** Whether it is a Blob or a File. */
export function isBlob(value: object): value is Blob {
  return value instanceof Blob || /^(Blob|File)$/.test(tag(value));
}

/** Whether it holds bytes that can be copied. */
export function isBytes(value: object): value is ArrayBuffer | ArrayBufferView {
  return ArrayBuffer.isView(value) || value instanceof ArrayBuffer || tag(value) === "ArrayBuffer";
}

/** Whether it becomes an attachment. */
export function isBinary(value: object): boolean {
  return value instanceof AttachmentRef || isBlob(value) || isBytes(value);
}

/**
 * The bytes as they are now, in a buffer of their own: the caller may go on changing theirs, and this one is
 * transferred.
 */
export function snapshot(value: ArrayBuffer | ArrayBufferView): Uint8Array<ArrayBuffer> {
  const bytes =
    ArrayBuffer.isView(value) ?
      new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value);
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  return copy;
}

/** The attachment as it crosses to the engine; `undefined` when the value is none. */
export function toSource(value: object, type?: string): AttachmentSource | undefined {
  if (value instanceof AttachmentRef) return { hash: value.hash };
  if (isBlob(value)) return { type: type ?? value.type, blob: value };
  if (isBytes(value)) return { type: type ?? "application/octet-stream", bytes: snapshot(value) };
  return undefined;
}

/** The value in a few words, for an error's message. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "number") return String(value);
  if (typeof value !== "object") return `a ${typeof value}`;
  if (isArray(value)) return "an array";
  if (isPlain(value)) return "an object";
  const { constructor } = value;
  return `an instance of ${(typeof constructor === "function" && constructor.name) || tag(value)}`;
}
