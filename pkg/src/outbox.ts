/**
 * Calls on their way to the engine, in their order, until they are gathered into a message.
 *
 * Documents wait here as texts and are packed into one transferred buffer for the whole message. Appends to the same
 * list in a row share one call. A call whose arguments are still being encoded keeps its place and holds back those
 * after it.
 */
import { Packer } from "./pack.js";
import type { Args, AttachmentSource, Call, DocumentsSource, Op } from "./protocol.js";

/** What one message takes, unless a single call has more. */
const MESSAGE_BYTES_MAX = 1 << 20;
const MESSAGE_CALLS_MAX = 1024;

/** What appends that share a call may have. An item is then far below any limit of the engine's. */
const SHARED_ITEMS_MAX = 1024;
const SHARED_UNITS_MAX = 32 * 1024;

/** Bytes of an attachment beyond which the engine's side takes it in parts. */
const WHOLE_BYTES_MAX = 1 << 20;

/** Who waits for a call. `offset` is added to a number that comes back: where this caller's items begin. */
interface Caller {
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
  /** Bytes that the call makes the other end hold, about. */
  bytes: number;
  transfer: Transferable[];
  readonly callers: Caller[];
}

/** A call's arguments once they are complete. */
export interface Prepared<K extends Op> {
  args: Args<K>;
  bytes: number;
  transfer: Transferable[];
}

/** Bytes that attachments make the other end hold at once, about. */
export function attachmentBytes(attachments: readonly AttachmentSource[]): number {
  let bytes = 0;
  for (const source of attachments) {
    if ("bytes" in source) bytes += source.bytes.length;
    else if ("blob" in source) bytes += Math.min(source.blob.size, WHOLE_BYTES_MAX);
  }
  return bytes;
}

/** The buffers that attachments bring along. */
export function attachmentBuffers(attachments: readonly AttachmentSource[]): Transferable[] {
  return attachments.flatMap((source) => ("bytes" in source ? [source.bytes.buffer] : []));
}

/** Settles everybody who waits for a call. */
export function resolve(entry: Entry, result: unknown): void {
  for (const caller of entry.callers) caller.resolve(typeof result === "number" ? result + caller.offset : result);
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

  /** Adds a call with complete arguments, or without any: {@link complete} brings them. */
  add<K extends Op>(op: K, prepared: Prepared<K> | undefined, caller: Omit<Caller, "offset">): Entry {
    return this.#push({
      op,
      args: prepared?.args,
      texts: undefined,
      bytes: prepared?.bytes ?? 0,
      transfer: prepared?.transfer ?? [],
      callers: [{ offset: 0, ...caller }],
    });
  }

  /** Adds a call with documents, which are packed when it leaves. */
  addTexts(
    op: "create" | "put" | "update" | "set" | "append",
    args: object,
    texts: string[],
    attachments: AttachmentSource[],
    caller: Omit<Caller, "offset">,
  ): void {
    const documents: Pick<DocumentsSource, "attachments"> = { attachments };
    let units = 0;
    for (const text of texts) units += text.length;
    if (op === "append" && attachments.length === 0 && this.#share(args as Args<"append">, texts, units, caller))
      return;
    this.#push({
      op,
      args: { ...args, documents } as Args<Op>,
      texts,
      bytes: units + attachmentBytes(attachments),
      transfer: attachmentBuffers(attachments),
      callers: [{ offset: 0, ...caller }],
    });
  }

  /**
   * Lets small items without attachments join the append before them. They succeed or fail together, which is no
   * different from alone: all that they can fail of is the missing session, or the store as a whole.
   */
  #share(args: Args<"append">, texts: string[], units: number, caller: Omit<Caller, "offset">): boolean {
    const last = this.#entries.at(-1);
    if (last?.op !== "append" || last.texts === undefined || last.transfer.length > 0) return false;
    const { session, list, documents } = last.args as Args<"append">;
    if (session !== args.session || list !== args.list || documents.attachments.length > 0) return false;
    if (last.bytes + units > SHARED_UNITS_MAX || last.texts.length + texts.length > SHARED_ITEMS_MAX) return false;
    last.callers.push({ offset: last.texts.length, ...caller });
    for (const text of texts) last.texts.push(text);
    last.bytes += units;
    this.#bytes += units;
    return true;
  }

  #push(entry: Entry): Entry {
    this.#entries.push(entry);
    this.#bytes += entry.bytes;
    return entry;
  }

  /** Puts a call before all others. */
  addFirst<K extends Op>(op: K, args: Args<K>, caller: Omit<Caller, "offset">): void {
    this.#entries.unshift({ op, args, texts: undefined, bytes: 0, transfer: [], callers: [{ offset: 0, ...caller }] });
  }

  /** Brings the arguments of a call that was added without. */
  complete<K extends Op>(entry: Entry, prepared: Prepared<K>): void {
    if (!this.#entries.includes(entry)) return;
    entry.args = prepared.args;
    entry.bytes = prepared.bytes;
    entry.transfer = prepared.transfer;
    this.#bytes += prepared.bytes;
  }

  /** Takes a call out again, whose arguments could not be encoded. */
  remove(entry: Entry): void {
    this.#entries = this.#entries.filter((other) => other !== entry);
  }

  /** Empties it, for calls that will never leave. */
  clear(): Entry[] {
    this.#bytes = 0;
    return this.#entries.splice(0);
  }

  /** Takes out the calls of the next message; none when the first is still being encoded. */
  next(): Entry[] {
    let bytes = 0;
    let count = 0;
    for (const entry of this.#entries) {
      if (entry.args === undefined || count === MESSAGE_CALLS_MAX) break;
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
  for (const { texts } of entries) for (const text of texts ?? []) units += text.length;
  const packer = new Packer(units);
  const transfer: Transferable[] = [];
  const calls = entries.map(({ op, args, texts, transfer: own }, at): Call => {
    transfer.push(...own);
    if (texts !== undefined) {
      for (const text of texts) packer.add(text);
      Object.assign((args as { documents: DocumentsSource }).documents, packer.take());
    }
    return { id: firstId + at, op, args: args as Args<Op> };
  });
  if (units > 0) transfer.push(...packer.buffers());
  return { calls, transfer };
}
