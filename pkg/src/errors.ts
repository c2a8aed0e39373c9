/**
 * What every failure of this package looks like.
 *
 * The codes are the variants of the engine's error enum (`src/error.rs`) and some that only the client can meet.
 * They are stable: none is renamed or used again for something else.
 */

import type { Witness } from "./witness.js";

/** Codes that the engine reports, one for each variant of its error enum. */
export const ENGINE_CODES = [
  "InvalidArgument",
  "InvalidQuery",
  "InvalidId",
  "TooLarge",
  "NotFound",
  "AlreadyExists",
  "Corrupt",
  "Missing",
  "NewerVersion",
  "DataLoss",
  "Closed",
  "Blocked",
  "StorageFull",
  "ConnectionLost",
  "Unavailable",
  "Conflict",
  "Cancelled",
  "SearchUnavailable",
  "Backend",
] as const;

/** Codes that arise on the page. */
export const CLIENT_CODES = ["NotStorable", "EngineCrashed", "QueueFull", "Aborted"] as const;

/**
 * What went wrong. The package's README says for each code what happened, what is safe and what to do.
 */
export type HoardErrorCode = (typeof ENGINE_CODES)[number] | (typeof CLIENT_CODES)[number];

/** An error as plain fields: how the engine reports it and how it crosses from the worker. */
export interface ErrorFields {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly needsReload: boolean;
  /** Only with `InvalidQuery`: where in the query, in UTF-16 units. */
  readonly at?: number;
  readonly length?: number;
}

/** A place in the text of a query, in UTF-16 units as JavaScript counts. */
export interface QueryPosition {
  readonly at: number;
  readonly length: number;
}

interface HoardErrorOptions {
  readonly retryable?: boolean;
  readonly needsReload?: boolean;
  readonly path?: string;
  readonly position?: QueryPosition | undefined;
  readonly lastSeen?: Witness;
  readonly cause?: unknown;
}

/**
 * The one error that this package throws or rejects with.
 *
 * ```ts
 * try {
 *   await hoard.sessions.create({ id: "a" });
 * } catch (error) {
 *   if (error instanceof HoardError && error.code === "AlreadyExists") …
 * }
 * ```
 */
export class HoardError extends Error {
  override readonly name = "HoardError";
  /** What went wrong, for programs. */
  readonly code: HoardErrorCode;
  /** Whether the same call may succeed later without a change by the caller. */
  readonly retryable: boolean;
  /** Whether the page has to be reloaded before the hoard works again. */
  readonly needsReload: boolean;
  /** Where in the given value the problem is, such as `item.image[2]`; only with `NotStorable` and `TooLarge`. */
  declare readonly path?: string;
  /** Where in `query` the problem is; only with `InvalidQuery`. */
  declare readonly position?: QueryPosition;
  /** What was stored when this browser last looked; only with `DataLoss`. */
  declare readonly lastSeen?: Witness;

  /** @internal */
  constructor(code: HoardErrorCode, message: string, options: HoardErrorOptions = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.needsReload = options.needsReload ?? false;
    if (options.path !== undefined) this.path = options.path;
    if (options.position !== undefined) this.position = options.position;
    if (options.lastSeen !== undefined) this.lastSeen = options.lastSeen;
  }
}

/** A wrong argument: what it is called, and what is wrong with it and allowed. */
export function invalid(argument: string, problem: string): HoardError {
  return new HoardError("InvalidArgument", `${argument}: ${problem}`);
}

/** The path of a property. */
export function property(path: string, name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`;
}

/** Makes sure that options are an object, before anything is taken out of it. */
export function checkOptions(name: string, options: unknown): void {
  if (typeof options !== "object" || options === null) throw invalid(name, "an object is needed");
}

/** The error of an operation whose AbortSignal fired. */
export function aborted(signal: AbortSignal): HoardError {
  return new HoardError("Aborted", "the operation was aborted by its signal", { cause: signal.reason });
}

/** What a caller of a closed hoard gets. */
export function closed(): HoardError {
  return new HoardError("Closed", "the hoard is closed; open it again");
}

const KNOWN: ReadonlySet<string> = new Set([...ENGINE_CODES, ...CLIENT_CODES]);

/** Turns what came from the engine into what the caller gets. */
export function fromFields(fields: ErrorFields): HoardError {
  // An engine of another version than this client may know more codes. Its words are kept, the union stays closed.
  const known = KNOWN.has(fields.code);
  const { at, length = 0 } = fields;
  return new HoardError(
    known ? (fields.code as HoardErrorCode) : "Backend",
    known ? fields.message : `${fields.code}: ${fields.message}`,
    {
      retryable: fields.retryable === true,
      needsReload: fields.needsReload === true,
      position: at === undefined ? at : { at, length },
    },
  );
}
