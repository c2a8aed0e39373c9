/**
 * Finds the place at which a value cannot be stored, and says why. Only called with values that are refused, so it may
 * take its time.
 */
import { HoardError, property } from "./errors.js";
import {
  DEPTH_MAX,
  describe,
  hasSymbols,
  hasToJson,
  isArray,
  isBinary,
  isDate,
  isPlain,
  timeOf,
  toSource,
} from "./value.js";

/** The objects around a value, from the outermost in, with their paths. */
type Ancestors = readonly { readonly object: object; readonly path: string }[];

/** The error for a value that cannot be stored. */
export function notStorable(path: string, problem: string, cause?: unknown): HoardError {
  return new HoardError("NotStorable", `${path}: ${problem}`, cause === undefined ? { path } : { path, cause });
}

/** Why a value that is no object cannot be stored; `undefined` when it can. */
function scalarProblem(value: unknown): string | undefined {
  switch (typeof value) {
    case "number":
      return Number.isFinite(value) ? undefined : `${value} has no form in JSON`;
    case "bigint":
      return "a BigInt has no form in JSON; store it as a string";
    case "undefined":
      return "undefined can only be the value of an object's property, which is then absent";
    case "function":
    case "symbol":
      return `a ${typeof value} cannot be stored`;
    default:
      return undefined;
  }
}

/** Why an object itself cannot be stored, whatever it holds; `undefined` when it can. */
function objectProblem(object: object): string | undefined {
  if (isArray(object) || isPlain(object)) {
    if (hasToJson(object)) return "it has a toJSON function, whose result would be stored in its place";
    return hasSymbols(object) ? "a property whose key is a symbol cannot be stored" : undefined;
  }
  if (isDate(object)) return Number.isFinite(timeOf(object)) ? undefined : "the Date is invalid";
  if (!isBinary(object)) return `${describe(object)} cannot be stored; give a plain object`;
  toSource(object);
  return undefined;
}

/** Runs a reader of the caller's objects, whose getters and proxies may throw. */
function reading<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw notStorable(path, "reading it threw an error", error);
  }
}

function walk(value: unknown, path: string, ancestors: Ancestors): void {
  const problem = scalarProblem(value);
  if (problem !== undefined) throw notStorable(path, problem);
  if (typeof value !== "object" || value === null) return;
  const cycle = ancestors.find(({ object }) => object === value);
  if (cycle !== undefined) throw notStorable(path, `it is a cycle back to ${cycle.path}`);
  if (ancestors.length === DEPTH_MAX) throw notStorable(path, `it is nested deeper than ${DEPTH_MAX} levels`);
  const wrong = reading(path, () => objectProblem(value));
  if (wrong !== undefined) throw notStorable(path, wrong);
  const inside: Ancestors = [...ancestors, { object: value, path }];
  if (reading(path, () => isArray(value))) {
    const array = value as readonly unknown[];
    for (let at = 0; at < array.length; at += 1) {
      const place = `${path}[${at}]`;
      if (!(at in array)) throw notStorable(place, "the array has a hole here; give null");
      walk(
        reading(place, () => array[at]),
        place,
        inside,
      );
    }
    const beside = Object.keys(array).find((name, at) => name !== String(at));
    if (beside !== undefined)
      throw notStorable(property(path, beside), "an array's elements are stored, and nothing beside them");
  } else if (isPlain(value)) {
    for (const name of Object.keys(value)) {
      const place = property(path, name);
      const inner = reading(place, () => value[name]);
      if (inner !== undefined) walk(inner, place, inside);
    }
  }
}

/**
 * Throws the error for a value that was refused.
 *
 * @param thrown What was thrown when the value was first read, if anything.
 * @throws HoardError `NotStorable`, always.
 */
export function refuse(value: unknown, path: string, thrown: unknown): never {
  walk(value, path, []);
  // This walk met nothing: the text was too long for a string, or a getter or proxy answers differently each time.
  if (thrown instanceof RangeError) throw new HoardError("TooLarge", `${path} is too large`, { path, cause: thrown });
  throw notStorable(path, "it changes while it is read", thrown);
}

/** Makes sure that a document is a plain object. */
export function checkObject(value: unknown, path: string): asserts value is Record<string, unknown> {
  const plain = typeof value === "object" && value !== null && reading(path, () => !isArray(value) && isPlain(value));
  if (!plain) throw notStorable(path, `a plain object is needed, ${describe(value)} was given`);
}
