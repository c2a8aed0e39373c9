/**
 * Names of sessions and lists, checked before they cross to the engine: a lone surrogate would be replaced on the way
 * and name another session.
 */
import { HoardError, invalid } from "./errors.js";

const UNITS_MAX = 512;

/** Finds half of a character outside the basic plane. */
export const LONE_SURROGATE = /\p{Surrogate}/u;

/** Checks an id or a list's name. `argument` is `session id` or `list name`. */
export function checkId(argument: string, id: unknown): string {
  if (typeof id !== "string")
    throw invalid(argument, `a string is needed, ${id === null ? "null" : typeof id} was given`);
  const problem =
    id.length === 0 ? "it is empty"
    : id.length > UNITS_MAX ? `it has ${id.length} UTF-16 units`
    : id.includes("\0") ? "it holds a NUL"
    : LONE_SURROGATE.test(id) ? "it holds a lone surrogate"
    : undefined;
  if (problem === undefined) return id;
  throw new HoardError(
    "InvalidId",
    `${argument}: ${problem}; an id has 1 to 512 UTF-16 units, no NUL and no lone surrogate`,
  );
}

/** A random UUID (version 4). `crypto.randomUUID` is only there in secure contexts. */
export function makeId(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
