/**
 * What a hoard reports by itself.
 */
import type { Change } from "./engine.js";
import type { HoardError } from "./errors.js";
import type { Witness } from "./witness.js";

/** The events of a hoard, each with what its `detail` is. */
export interface HoardEvents {
  /** Something was committed: by this hoard, or (`remote`) by another tab or another hoard of the same name. */
  change: { changes: Change[]; generation: number; remote: boolean };
  /** Storage is full, and so many accepted writes are kept; with the error `null` they went through. */
  quota: { error: HoardError | null; waiting: number };
  /** The connection or the engine was lost and works again. */
  healed: { cause: string };
  /** What was stored when this browser last looked is not there. `found` is `null` when nothing is. */
  loss: { lastSeen: Witness; found: Witness | null };
  /** Another tab keeps the database from being opened. */
  blocked: { error: HoardError };
  /** An accepted write was refused. The session is `null` where it is not known. */
  failed: { error: HoardError; session: string | null; list?: string };
}

/** Reports an event. */
export type Emit = <K extends keyof HoardEvents>(type: K, detail: HoardEvents[K]) => void;
