/**
 * One list of a session: appended at its end, read anywhere.
 */
import { untilAborted } from "./abort.js";
import { ACCEPTED, ackOf, type Ack, type AckLevel, type WriteOptions } from "./ack.js";
import type { Channel } from "./channel.js";
import { decodeChunk } from "./decode.js";
import { encode } from "./encode.js";
import { checkOptions, invalid } from "./errors.js";
import { checkId } from "./id.js";
import { bytesHeld, isKept, readBlobs, sizeOfAll } from "./keep.js";
import { attachmentBuffers, type Prepared } from "./outbox.js";
import { Packer } from "./pack.js";
import { Pace } from "./pace.js";
import type { Args, AttachmentSource } from "./protocol.js";
import { decodedChunks, rawChunks, readSome, type Stretch } from "./read.js";
import type { Abortable, ListChunk } from "./types.js";
import { describe } from "./value.js";

/** A stretch of a list, read chunk by chunk. */
export interface ChunkRange extends Abortable {
  /** Index of the first item; 0 by default. */
  from?: number;
  /** Index after the last item; the end of the list by default. */
  to?: number;
}

function checkIndex(name: string, value: unknown, orInfinity = false): number {
  if ((Number.isSafeInteger(value) && (value as number) >= 0) || (orInfinity && value === Infinity))
    return value as number;
  throw invalid(name, `a whole number from 0 up is needed, ${describe(value)} was given`);
}

/** See {@link Hoard.list}. `Item` is what comes back, `Given` what goes in. */
export class List<Item, Given> implements AsyncIterable<Item> {
  /** The session's id. */
  readonly session: string;
  /** The list's name. */
  readonly name: string;
  readonly #channel: Channel;

  /** @internal */
  constructor(channel: Channel, session: string, name: string) {
    this.#channel = channel;
    this.session = checkId("session id", session);
    this.name = checkId("list name", name);
  }

  /**
   * Adds one item, or each of an array, at the end. Resolves when they are committed, with the index of the first; or as
   * `ack` says, with nothing when they are just accepted. The items are read before this returns, except for a long
   * array: leave it unchanged until the promise resolves. To append an item that is itself an array, wrap it in one.
   *
   * @throws HoardError `NotFound` (no such session, or an attachment that is not there), `NotStorable`, `TooLarge`,
   * `StorageFull`, `QueueFull`, `Closed`. Nothing of an array is stored then.
   */
  append(items: Given | readonly Given[], options: WriteOptions & { ack: "accepted" }): Promise<undefined>;
  append(
    items: Given | readonly Given[],
    options?: WriteOptions & { ack?: Exclude<Ack, "accepted"> },
  ): Promise<number>;
  append(items: Given | readonly Given[], options?: WriteOptions): Promise<number | undefined>;
  append(items: Given | readonly Given[], options: WriteOptions = {}): Promise<number | undefined> {
    const pace = new Pace();
    const texts: string[] = [];
    const attachments: AttachmentSource[] = [];
    const { session, name: list } = this;
    let ack: AckLevel;
    try {
      ack = ackOf(options, this.#channel.ack);
      if (!Array.isArray(items)) {
        texts.push(encode(items, "item", attachments));
      } else {
        if (items.length === 0) return ack === ACCEPTED ? Promise.resolve(undefined) : this.length();
        for (const item of items) {
          texts.push(encode(item, `items[${texts.length}]`, attachments));
          if (pace.due && texts.length < items.length) {
            const rest = items.slice(texts.length) as unknown[];
            return this.#channel.later("append", { session, list }, ack, () =>
              prepareAppend({ session, list }, texts, rest, attachments, pace),
            );
          }
        }
      }
    } catch (error) {
      return Promise.reject(error as Error);
    }
    return this.#channel.write("append", { session, list }, texts, attachments, ack);
  }

  /**
   * How many items it has; 0 when it was never written.
   *
   * @throws HoardError `NotFound` (no such session), `Corrupt`, `Closed`.
   */
  async length(): Promise<number> {
    const lists = await this.#channel.call("lists", { session: this.session });
    return lists.find(({ name }) => name === this.name)?.items ?? 0;
  }

  /**
   * The item at an index; `undefined` past the end.
   *
   * @throws HoardError `NotFound` (no such session), `InvalidArgument`, `Corrupt` or `Missing` (the item's record),
   * `Closed`.
   */
  async get(index: number): Promise<Item | undefined> {
    checkIndex("index", index);
    const [chunk] = await readSome(this.#channel, this.#stretch(index, index + 1), 1);
    return chunk && (decodeChunk(chunk, this.#channel)[0] as Item);
  }

  /**
   * The items from one index up to, not including, another; those that are there.
   *
   * @throws HoardError as with {@link get}.
   */
  async slice(from = 0, to = Infinity): Promise<Item[]> {
    const items: Item[] = [];
    for await (const chunk of this.chunks({ from, to })) {
      if (chunk.error !== undefined) throw chunk.error;
      // One by one: an array of a chunk's size could be too long for the arguments of a call.
      for (const item of chunk.items) items.push(item);
    }
    return items;
  }

  /**
   * Replaces the item at an index. Resolves when it is committed, or as `ack` says.
   *
   * @throws HoardError `NotFound` (no such session, item or attachment), `NotStorable`, `TooLarge`, `InvalidArgument`,
   * `StorageFull`, `QueueFull`, `Closed`.
   */
  async set(index: number, item: Given, options: WriteOptions = {}): Promise<void> {
    const ack = ackOf(options, this.#channel.ack);
    checkIndex("index", index);
    const attachments: AttachmentSource[] = [];
    const text = encode(item, "item", attachments);
    return this.#channel.write("set", { session: this.session, list: this.name, index }, [text], attachments, ack);
  }

  /**
   * Chunk by chunk, as they are stored: the first comes soon, the next ones are read while you use it. A chunk that
   * cannot be read has an `error` in place of its items, and the chunks after it still come.
   *
   * @throws HoardError `NotFound` (no such session), `InvalidArgument`, `Aborted`, `Closed`.
   */
  async *chunks(range: ChunkRange = {}): AsyncGenerator<ListChunk<Item>, void, undefined> {
    checkOptions("range", range);
    const { from = 0, to = Infinity, signal } = range;
    checkIndex("from", from);
    checkIndex("to", to, true);
    if (to < from) throw invalid("to", `it lies before from, ${to} before ${from}`);
    if (from === to) return void (await untilAborted(this.length(), signal));
    const channel = this.#channel;
    yield* decodedChunks<Item>(channel, rawChunks(channel, this.#stretch(from, to), signal), signal);
  }

  /**
   * Item by item, from the first. Ends with an error at a chunk that cannot be read; {@link chunks} goes on.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Item, void, undefined> {
    for await (const chunk of this.chunks()) {
      if (chunk.error !== undefined) throw chunk.error;
      yield* chunk.items;
    }
  }

  #stretch(from: number, to: number): Stretch {
    return { session: this.session, list: this.name, from, to };
  }
}

/** Encodes the rest of an array that is too long to be encoded at once. */
async function prepareAppend(
  args: Omit<Args<"append">, "documents">,
  texts: readonly string[],
  rest: readonly unknown[],
  attachments: AttachmentSource[],
  pace: Pace,
): Promise<Prepared<"append">> {
  const packer = new Packer();
  for (const text of texts) packer.add(text);
  for (const [at, item] of rest.entries()) {
    if (pace.due) await pace.turn();
    packer.add(encode(item, `items[${texts.length + at}]`, attachments));
  }
  const packed = packer.take();
  const kept = isKept(packed.json.length, attachments);
  if (kept) await readBlobs(attachments);
  const bytes = packed.json.length + (kept ? sizeOfAll(attachments) : bytesHeld(attachments));
  const transfer = kept ? [] : [...packer.buffers(), ...attachmentBuffers(attachments)];
  return { args: { ...args, documents: { ...packed, attachments } }, bytes, transfer, kept };
}
