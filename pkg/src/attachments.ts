/**
 * Attachments on their own: stored before a document refers to them, and looked up by their hash.
 */
import { DURABLE, storeAckOf, type AckLevel, type StoreOptions } from "./ack.js";
import { AttachmentRef } from "./attachment.js";
import type { Channel } from "./channel.js";
import type { AttachmentStat } from "./engine.js";
import { aborted, checkOptions, invalid } from "./errors.js";
import { Pace } from "./pace.js";
import type { Abortable, Binary } from "./types.js";
import { describe, isBlob, isBytes, toSource } from "./value.js";

/** Bytes of a part of an upload from the page. */
const PART_BYTES = 1 << 20;

/** Bytes up to which an array is copied at once: about a millisecond. What is larger is sent in parts. */
const COPY_BYTES_MAX = 4 << 20;

const HASH = /^[0-9a-f]{64}$/;

/** How an attachment is stored. */
export interface PutOptions extends Abortable, StoreOptions {
  /** Media type; by default a Blob's own, else `application/octet-stream`. At most 255 bytes. */
  type?: string;
}

/** See {@link Hoard.attachments}. */
export class Attachments {
  readonly #channel: Channel;

  /** @internal */
  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /**
   * Stores bytes, unless they are there already, and resolves when they are committed. Put the returned reference into
   * a document to keep them: what nothing refers to is removed by `collect()` after the grace period.
   *
   * A stream and a Blob are read in parts, in bounded memory. So is an array above 4 MiB: leave it unchanged until the
   * promise resolves.
   *
   * @throws HoardError `InvalidArgument`, `TooLarge` (the type), `StorageFull`, `Aborted`, `Closed`; `NotStorable` when
   * a Blob can no longer be read. An error of the stream itself is passed on as it is.
   */
  async put(content: Binary | ReadableStream<Uint8Array>, options: PutOptions = {}): Promise<AttachmentRef> {
    checkOptions("options", options);
    const { type, signal } = options;
    const ack = storeAckOf(options, this.#channel.ack);
    if (type !== undefined && typeof type !== "string") throw invalid("type", "a string is needed");
    if (signal?.aborted) throw aborted(signal);
    if (isStream(content)) return this.#upload(partsOfStream(content), type ?? "application/octet-stream", signal, ack);
    if (typeof content !== "object" || content === null || !(isBlob(content) || isBytes(content))) {
      throw invalid("content", `a Blob, bytes or a stream is needed, ${describe(content)} was given`);
    }
    if (!isBlob(content) && content.byteLength > COPY_BYTES_MAX) {
      return this.#upload(partsOfBytes(content), type ?? "application/octet-stream", signal, ack);
    }
    const source = toSource(content, type)!;
    const transfer = "bytes" in source ? [source.bytes.buffer] : [];
    return new AttachmentRef(this.#channel, await this.#channel.call("attach", { source, ack }, 0, transfer));
  }

  /**
   * The stored attachment with this hash.
   *
   * @throws HoardError `NotFound`, `InvalidArgument`, `Closed`.
   */
  async get(hash: string): Promise<AttachmentRef> {
    return new AttachmentRef(this.#channel, await this.stat(hash));
  }

  /**
   * What is known of a stored attachment: `size` and `storedSize` in bytes, `type`, `encoding`, and how many chunks and
   * sessions refer to it.
   *
   * @throws HoardError `NotFound`, `InvalidArgument`, `Closed`.
   */
  async stat(hash: string): Promise<AttachmentStat> {
    if (typeof hash !== "string" || !HASH.test(hash))
      throw invalid("hash", "64 lower-case hexadecimal digits are needed");
    return this.#channel.call("stat", { hash });
  }

  async #upload(
    parts: AsyncIterable<Uint8Array<ArrayBuffer>>,
    type: string,
    signal: AbortSignal | undefined,
    ack: AckLevel,
  ): Promise<AttachmentRef> {
    const channel = this.#channel;
    const upload = await channel.call("uploadBegin", {});
    try {
      let stored: Promise<void> | undefined;
      for await (const bytes of parts) {
        // One part is stored while the next is read.
        await stored;
        if (signal?.aborted) throw aborted(signal);
        stored = channel.call("uploadPart", { upload, bytes }, 0, [bytes.buffer]);
        stored.catch(() => {});
      }
      await stored;
      if (signal?.aborted) throw aborted(signal);
      const attachment = await channel.call("uploadFinish", { upload, type });
      if (ack === DURABLE) await channel.call("flush", {});
      return new AttachmentRef(channel, attachment);
    } catch (error) {
      // What is left behind if this fails too is removed by collect().
      channel.call("uploadCancel", { upload }).catch(() => {});
      throw error;
    }
  }
}

function isStream(content: unknown): content is ReadableStream<Uint8Array> {
  return typeof content === "object" && content !== null && typeof (content as ReadableStream).getReader === "function";
}

async function* partsOfBytes(content: ArrayBuffer | ArrayBufferView): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const pace = new Pace();
  const bytes =
    ArrayBuffer.isView(content) ?
      new Uint8Array(content.buffer, content.byteOffset, content.byteLength)
    : new Uint8Array(content);
  for (let at = 0; at < bytes.length; at += PART_BYTES) {
    if (pace.due) await pace.turn();
    yield new Uint8Array(bytes.subarray(at, at + PART_BYTES));
  }
}

/** A stream's bytes in parts of one size, the last one excepted. */
async function* partsOfStream(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const reader = stream.getReader();
  let part = new Uint8Array(PART_BYTES);
  let filled = 0;
  let finished = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (!(value instanceof Uint8Array))
        throw invalid("content", `the stream gave ${describe(value)}, not a Uint8Array`);
      for (let at = 0; at < value.length;) {
        const taken = value.subarray(at, at + PART_BYTES - filled);
        part.set(taken, filled);
        filled += taken.length;
        at += taken.length;
        if (filled === PART_BYTES) {
          yield part;
          part = new Uint8Array(PART_BYTES);
          filled = 0;
        }
      }
    }
    finished = true;
    if (filled > 0) yield part.slice(0, filled);
  } finally {
    if (!finished) await reader.cancel().catch(() => {});
    reader.releaseLock();
  }
}
