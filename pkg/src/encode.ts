/**
 * Values as JSON text with a table of attachments.
 *
 * Stored is JSON, and beside it `Date` as `{"$date": ms}`, negative zero as `{"$number": "-0"}`, and binary as
 * `{"$attachment": n}`, entry n of the table. A key of the caller's own that starts with `$` gets one more in front.
 * A property that is `undefined` is absent. Anything else that JSON has no form for is refused with the path to it.
 *
 * Most values hold none of these, so a walk finds out first ({@link survey}); they then go to `JSON.stringify` as they
 * are. Only the others are copied ({@link marked}), and only refused ones are walked with their path (`refuse.ts`).
 */
import { HoardError } from "./errors.js";
import type { AttachmentSource } from "./protocol.js";
import { refuse } from "./refuse.js";
import {
  DEPTH_MAX,
  VALUES_MAX,
  hasSymbols,
  hasToJson,
  isArray,
  isBinary,
  isDate,
  isPlain,
  timeOf,
  toSource,
} from "./value.js";

const PLAIN = 0;
const MARKED = 1;
const REFUSED = 2;
const DOLLAR = 36;

const { getPrototypeOf, is, keys } = Object;

type Plain = Record<string, unknown>;

/** How many more values {@link survey} may visit. */
let valuesLeft = 0;

/** Whether a value is plain JSON, needs marks, or has to be refused. `depth` counts the objects around it. */
function survey(value: unknown, depth: number): number {
  switch (typeof value) {
    case "string":
    case "boolean":
      return PLAIN;
    case "number":
      if (value === 0) return is(value, -0) ? MARKED : PLAIN;
      return Number.isFinite(value) ? PLAIN : REFUSED;
    case "object":
      break;
    default:
      return REFUSED;
  }
  if (value === null) return PLAIN;
  if (depth === DEPTH_MAX) return REFUSED;
  const prototype: unknown = getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return surveyObject(value as Plain, depth);
  if (isArray(value)) return surveyArray(value, depth);
  if (isPlain(value)) return surveyObject(value, depth);
  const storable = isDate(value) ? Number.isFinite(timeOf(value)) : isBinary(value);
  return storable ? MARKED : REFUSED;
}

function surveyArray(array: readonly unknown[], depth: number): number {
  const { length } = array;
  // A property beside the elements would be lost.
  if (hasToJson(array) || (valuesLeft -= length) < 0 || keys(array).length !== length) return REFUSED;
  let found = PLAIN;
  for (let at = 0; at < length; at += 1) {
    found |= survey(array[at], depth + 1);
    // Not one step further: what follows may be the other branches of a cycle.
    if (found >= REFUSED) return REFUSED;
  }
  return found;
}

function surveyObject(object: Plain, depth: number): number {
  const names = keys(object);
  if (hasToJson(object) || hasSymbols(object) || (valuesLeft -= names.length) < 0) return REFUSED;
  let found = PLAIN;
  for (const name of names) {
    if (name.charCodeAt(0) === DOLLAR) found |= MARKED;
    const inner = object[name];
    if (inner !== undefined) found |= survey(inner, depth + 1);
    if (found >= REFUSED) return REFUSED;
  }
  return found;
}

/** A copy with marks in place of what JSON has no form for. What is binary goes to the table. */
function marked(value: unknown, table: AttachmentSource[]): unknown {
  if (typeof value === "number") return is(value, -0) ? { $number: "-0" } : value;
  if (typeof value !== "object" || value === null) return value;
  if (isArray(value)) return value.map((inner) => marked(inner, table));
  if (!isPlain(value)) {
    if (isDate(value)) return { $date: timeOf(value) };
    const source = toSource(value);
    return source && { $attachment: table.push(source) - 1 };
  }
  const copy: Record<string, unknown> = {};
  for (const name of keys(value)) {
    const inner = marked(value[name], table);
    if (name === "__proto__") {
      // Assigning it would set the prototype.
      Object.defineProperty(copy, name, { value: inner, enumerable: true });
    } else {
      copy[name.charCodeAt(0) === DOLLAR ? `$${name}` : name] = inner;
    }
  }
  return copy;
}

/**
 * The JSON text of a value. Its attachments are added to the table.
 *
 * @param root What the value is called in the path of an error: `item`, `lists.notes[3]`.
 * @throws HoardError `NotStorable` with the path, `TooLarge` above {@link VALUES_MAX}.
 */
export function encode(value: unknown, root: string, table: AttachmentSource[]): string {
  const attachments = table.length;
  let thrown: unknown;
  valuesLeft = VALUES_MAX;
  try {
    const found = survey(value, 0);
    if (found === PLAIN) return JSON.stringify(value);
    if (found === MARKED) return JSON.stringify(marked(value, table));
  } catch (error) {
    table.length = attachments;
    thrown = error;
  }
  if (valuesLeft < 0) throw new HoardError("TooLarge", `${root} holds more than ${VALUES_MAX} values`, { path: root });
  refuse(value, root, thrown);
}
