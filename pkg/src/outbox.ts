/**
 * Calls on their way to the engine, in their order, until they are gathered into a message.
 *
 * Documents wait here as texts and are packed into one transferred buffer for the whole message. Appends to the same
 * list in a row share one call. A call whose arguments are still being encoded keeps its place and holds back those
 * after it.
 */
import { ACCEPTED, type AckLevel } from "./ack.js";
import { bytesHeld, sizeOfAll } from "./keep.js";
import { Packer } from "./pack.js";
import type { Args, AttachmentSource, Call, DocumentsSource, Op, WholeSource, WriteOp } from "./protocol.js";

/** What one message takes, unless a single call has more. */
const MESSAGE_BYTES_MAX = 1 << 20;
const MESSAGE_CALLS_MAX = 1024;

/** What appends that share a call may have. An item is then far below any limit of the engine's. */
const SHARED_ITEMS_MAX = 1024;
const SHARED_UNITS_MAX = 32 * 1024;

/** Who waits for a call. `offset` is added to a number that comes back: where this caller's items begin. */
export interface Caller {
  readonly offset: number;
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** A call in the outbox or on its way. */
export interface Entry {
  readonly op: Op;
  /** Undefined while they are being encoded. */
  args: Args<Op> | undefined;
  /** Texts that become the argument `documents`. */
  readonly texts: string[] | undefined;
  /** Whether the arguments are complete. */
  ready: boolean;
  /** Bytes that the call makes the other end hold, about. */
  bytes: number;
  /** The buffers that change hands, of a call that is not kept. */
  transfer: Transferable[];
  readonly callers: Caller[];
  /** Of a write: when it is answered. */
  readonly ack: AckLevel | undefined;
  /** Whether the page keeps all of it until its reply comes: it can be sent again and go into the journal. */
  kept: boolean;
  /** Its number among the writes that are kept; 0 before it was sent or written to the journal for the first time. */
  seq: number;
  /** When it was accepted, in milliseconds since 1970; 0 before. */
  acceptedAt: number;
  /** Whether its callers were told that it is accepted. */
  told: boolean;
  /** Whether its reply came, or never will. */
  settled: boolean;
  /** How often it was sent again. */
  resent: number;
  /** Whether the journal has it. */
  journaled: boolean;
}

/** A call's arguments once they are complete. */
export interface Prepared<K extends Op> {
  args: Args<K>;
  bytes: number;
  /** The buffers that change hands, unless the page keeps it. */
  transfer: Transferable[];
  /** Whether the page keeps it. */
  kept: boolean;
}

/** A call before anybody waits for it. */
export function newEntry(op: Op, parts: Partial<Entry>): Entry {
  return {
    op,
    args: undefined,
    texts: undefined,
    ready: true,
    bytes: 0,
    transfer: [],
    callers: [],
    ack: undefined,
    kept: false,
    seq: 0,
    acceptedAt: 0,
    told: false,
    settled: false,
    resent: 0,
    journaled: false,
    ...parts,
  };
}

/** The buffers that attachments bring along. */
export function attachmentBuffers(attachments: readonly AttachmentSource[]): Transferable[] {
  return attachments.flatMap((source) => ("bytes" in source ? [source.bytes.buffer] : []));
}

/** A call with documents, which are packed when it leaves. */
export function documentsEntry(
  op: WriteOp,
  args: object,
  texts: string[],
  attachments: AttachmentSource[],
  ack: AckLevel,
  kept: boolean,
): Entry {
  const documents: Pick<DocumentsSource, "attachments"> = { attachments };
  return newEntry(op, {
    args: { ...args, documents } as Args<Op>,
    texts,
    bytes: unitsOf(texts) + (kept ? sizeOfAll(attachments) : bytesHeld(attachments)),
    transfer: kept ? [] : attachmentBuffers(attachments),
    ack,
    kept,
  });
}

/** UTF-16 units of texts. */
export function unitsOf(texts: readonly string[]): number {
  let units = 0;
  for (const text of texts) units += text.length;
  return units;
}

/** The sessions that a write changes. */
export function sessionsOf({ op, args }: Pick<Entry, "op" | "args">): string[] {
  if (args === undefined) return [];
  if (op === "delete") return (args as Args<"delete">).sessions;
  if (op === "saveMany") return (args as Args<"saveMany">).sessions.map(({ session }) => session);
  const { session } = args as Partial<Args<"put">>;
  return session === undefined ? [] : [session];
}

/** Settles everybody who waits for a call. */
export function resolve(entry: Entry, result: unknown): void {
  for (const caller of entry.callers) {
    // Who asked for no more than `accepted` learns the same, whenever it is.
    if (entry.ack === ACCEPTED) caller.resolve(undefined);
    else caller.resolve(typeof result === "number" ? result + caller.offset : result);
  }
}

/** See {@link resolve}. */
export function reject(entry: Entry, error: unknown): void {
  for (const caller of entry.callers) caller.reject(error);
}

/** See the module. */
export class Outbox {
  #entries: Entry[] = [];
  #bytes = 0;

  /** Bytes of all calls in it. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The calls in it. */
  get entries(): readonly Entry[] {
    return this.#entries;
  }

  /** Adds a call. */
  add(entry: Entry): void {
    this.#entries.push(entry);
    this.#bytes += entry.bytes;
  }

  /**
   * The append at the end that small items without attachments may join. They succeed or fail together, which is no
   * different from alone: all that they can fail of is the missing session, or the store as a whole.
   */
  sharable(args: Omit<Args<"append">, "documents">, texts: readonly string[], ack: AckLevel): Entry | undefined {
    const last = this.#entries.at(-1);
    // What has a number is in the journal as it is.
    if (last?.op !== "append" || last.texts === undefined || last.seq > 0 || last.ack !== ack) return undefined;
    const { session, list, documents } = last.args as Args<"append">;
    if (session !== args.session || list !== args.list || documents.attachments.length > 0) return undefined;
    if (last.bytes + unitsOf(texts) > SHARED_UNITS_MAX) return undefined;
    return last.texts.length + texts.length > SHARED_ITEMS_MAX ? undefined : last;
  }

  /** Adds texts to a call in it. */
  join(entry: Entry, texts: readonly string[], units: number): void {
    for (const text of texts) entry.texts?.push(text);
    entry.bytes += units;
    this.#bytes += units;
  }

  /** Puts a call before all others. */
  addFirst(entry: Entry): void {
    this.#entries.unshift(entry);
    this.#bytes += entry.bytes;
  }

  /** Brings the arguments of a call that was added without. Says whether it is still here. */
  complete<K extends Op>(entry: Entry, prepared: Prepared<K>): boolean {
    if (!this.#entries.includes(entry)) return false;
    this.#bytes += prepared.bytes - entry.bytes;
    Object.assign(entry, prepared, { ready: true });
    return true;
  }

  /** Takes a call out again, whose arguments could not be encoded. */
  remove(entry: Entry): void {
    if (!this.#entries.includes(entry)) return;
    this.#bytes -= entry.bytes;
    this.#entries = this.#entries.filter((other) => other !== entry);
  }

  /** Empties it. */
  clear(): Entry[] {
    this.#bytes = 0;
    return this.#entries.splice(0);
  }

  /** Whether the first call was sent before. */
  get resends(): boolean {
    return (this.#entries[0]?.resent ?? 0) > 0;
  }

  /** Takes out the calls of the next message; none when the first is still being encoded. */
  next(callsMax = MESSAGE_CALLS_MAX): Entry[] {
    let bytes = 0;
    let count = 0;
    for (const entry of this.#entries) {
      if (!entry.ready || count === callsMax) break;
      if (count > 0 && bytes + entry.bytes > MESSAGE_BYTES_MAX) break;
      bytes += entry.bytes;
      count += 1;
    }
    this.#bytes -= bytes;
    return this.#entries.splice(0, count);
  }
}

/** The calls of a message, with their texts packed, numbered from `firstId` up, and the buffers that change hands. */
export function toCalls(entries: readonly Entry[], firstId: number): { calls: Call[]; transfer: Transferable[] } {
  let units = 0;
  for (const { texts } of entries) units += unitsOf(texts ?? []);
  const packer = new Packer(units);
  const transfer: Transferable[] = [];
  const calls = entries.map((entry, at): Call => {
    const { op, texts, seq, ack } = entry;
    let args = entry.args as Args<Op>;
    transfer.push(...entry.transfer);
    if (texts !== undefined) {
      for (const text of texts) packer.add(text);
      const { attachments } = (args as { documents: DocumentsSource }).documents;
      const sent = entry.kept ? attachments.map((source) => copyOf(source, transfer)) : attachments;
      args = { ...args, documents: { ...packer.take(), attachments: sent } } as Args<Op>;
    } else if (entry.kept) {
      args = { ...args, ...copiesOf(args as Partial<WholeSource>, transfer) } as Args<Op>;
    }
    return ack === undefined ? { id: firstId + at, op, args } : { id: firstId + at, op, args, seq, ack };
  });
  if (units > 0) transfer.push(...packer.buffers());
  return { calls, transfer };
}

/** What changes hands in place of what the page keeps. */
function copyOf(source: AttachmentSource, transfer: Transferable[]): AttachmentSource {
  if (!("bytes" in source)) return source;
  const bytes = source.bytes.slice();
  transfer.push(bytes.buffer);
  return { type: source.type, bytes };
}

function copyOfDocuments({ json, lengths, attachments }: DocumentsSource, transfer: Transferable[]): DocumentsSource {
  const copy = json.slice();
  transfer.push(copy.buffer);
  return { json: copy, lengths, attachments: attachments.map((source) => copyOf(source, transfer)) };
}

function copiesOf({ documents, lists }: Partial<WholeSource>, transfer: Transferable[]): Partial<WholeSource> {
  return {
    ...(documents && { documents: copyOfDocuments(documents, transfer) }),
    ...(lists && {
      lists: lists.map(({ name, items }) => ({ name, items: copyOfDocuments(items, transfer) })),
    }),
  };
}
