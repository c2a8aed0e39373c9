/**
 * What tabs tell each other: who commits says what changed. Anybody on the origin can write such messages, so they are
 * hints: they lead to something being read again, never to something being believed.
 */
import type { Change } from "./engine.js";

/** Version of these messages. */
const VERSION = 1;

/** Changes that one message may name. */
const CHANGES_MAX = 10_000;

const KINDS: ReadonlySet<string> = new Set(["metadata", "deleted", "saved", "appended", "set"]);

/** What was committed. */
export interface Commit {
  generation: number;
  changes: Change[];
}

/** See the module. */
export class Peers {
  readonly #channel: BroadcastChannel;

  /** `heard` gets what others commit; it is `undefined` for a message that makes no sense here, from a newer version. */
  constructor(name: string, heard: (commit: Commit | undefined) => void) {
    this.#channel = new BroadcastChannel(`hoardb:${name}`);
    this.#channel.onmessage = ({ data }: MessageEvent<unknown>) => heard(toCommit(data));
    this.#channel.onmessageerror = () => heard(undefined);
  }

  /** Tells others. */
  tell({ generation, changes }: Commit): void {
    this.#channel.postMessage({ hoardb: VERSION, generation, changes });
  }

  /** Ends it. */
  close(): void {
    this.#channel.close();
  }
}

/** Whether tabs can tell each other. */
export function canTell(): boolean {
  return typeof BroadcastChannel !== "undefined";
}

function toCommit(message: unknown): Commit | undefined {
  const { hoardb, generation, changes } = (message ?? {}) as Partial<Commit & { hoardb: number }>;
  if (hoardb !== VERSION || !Number.isSafeInteger(generation) || !Array.isArray(changes)) return undefined;
  if (changes.length > CHANGES_MAX || !changes.every(isChange)) return undefined;
  return { generation: generation as number, changes };
}

function isChange(change: unknown): change is Change {
  const { session, kind, list, from, to } = (change ?? {}) as Partial<Change>;
  return (
    typeof session === "string" &&
    KINDS.has(kind as string) &&
    ["string", "undefined"].includes(typeof list) &&
    [from, to].every((index) => index === undefined || Number.isSafeInteger(index))
  );
}
