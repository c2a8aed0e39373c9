/**
 * A stored attachment as documents and `attachments.put` give it: what it is, and its bytes when they are asked for.
 */
import type { Channel } from "./channel.js";
import type { Attachment } from "./engine.js";
import { checkOptions, invalid } from "./errors.js";

/** Bytes of the parts that an attachment is stored in. */
const PART_BYTES = 1 << 20;

/** Bytes that the engine reads at once. When these are all of an attachment, it checks their SHA-256 too. */
const READ_BYTES_MAX = 4 << 20;

/** Ranges that are asked for ahead of the one in use. */
const READ_AHEAD = 2;

/**
 * Media types that an object URL keeps. Any other becomes `application/octet-stream`: an address of HTML, SVG or XML
 * that is opened runs its scripts as the page's own.
 */
const SAFE_TYPE = /^((image|audio|video|font)\/[\w.-]+|text\/plain|application\/(json|pdf))(;|$)/i;

/** A stretch of bytes. */
export interface ByteRange {
  /** First byte; 0 by default. */
  start?: number;
  /** Byte after the last; the attachment's size by default. More is cut to that. */
  end?: number;
}

/**
 * A stored attachment. Its bytes are read when they are asked for. Each stored part carries a checksum that is
 * verified; what is read whole and has up to 4 MiB is also hashed and compared with {@link AttachmentRef.hash}.
 */
export class AttachmentRef {
  /** SHA-256 of its bytes, 64 hexadecimal digits: its identity in this hoard. */
  readonly hash: string;
  /** Bytes. */
  readonly size: number;
  /** Media type as it was given; may be empty. */
  readonly type: string;
  readonly #channel: Channel;

  /** @internal */
  constructor(channel: Channel, { hash, size, type }: Attachment) {
    this.#channel = channel;
    this.hash = hash;
    this.size = size;
    this.type = type;
  }

  /**
   * Its bytes, or a stretch of them.
   *
   * @throws HoardError `InvalidArgument` for a range that is negative or ends before it starts; `NotFound` when the
   * attachment was collected; `Corrupt` or `Missing` when it is damaged.
   */
  async bytes(range: ByteRange = {}): Promise<Uint8Array<ArrayBuffer>> {
    const [start, end] = this.#range(range);
    const bytes = new Uint8Array(end - start);
    let at = 0;
    for await (const part of this.#parts(start, end)) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  /** Its bytes as a Blob of its type. Errors as with {@link bytes}. */
  async blob(): Promise<Blob> {
    return this.#blob(this.type);
  }

  /** Its bytes as a stream that reads on as it is read. Errors as with {@link bytes}. */
  stream(range: ByteRange = {}): ReadableStream<Uint8Array<ArrayBuffer>> {
    const [start, end] = this.#range(range);
    const parts = this.#parts(start, end);
    return new ReadableStream(
      {
        async pull(controller) {
          const { done, value } = await parts.next();
          if (done) controller.close();
          else controller.enqueue(value);
        },
        async cancel() {
          await parts.return(undefined);
        },
      },
      { highWaterMark: 0 },
    );
  }

  /**
   * An object URL of its bytes, for `src` and `href`. It holds the bytes in memory until you give it back with
   * `URL.revokeObjectURL(url)`. Types that could run scripts when opened (HTML, SVG, XML, unknown ones) become
   * `application/octet-stream`; `blob()` keeps them. Errors as with {@link bytes}.
   */
  async url(): Promise<string> {
    const safe = SAFE_TYPE.test(this.type) && !/svg|xml/i.test(this.type);
    return URL.createObjectURL(await this.#blob(safe ? this.type : "application/octet-stream"));
  }

  async #blob(type: string): Promise<Blob> {
    const parts: BlobPart[] = [];
    for await (const part of this.#parts(0, this.size)) parts.push(part);
    return new Blob(parts, { type });
  }

  #range(range: ByteRange): [number, number] {
    checkOptions("range", range);
    const { start = 0, end = this.size } = range;
    for (const [name, value] of Object.entries({ start, end })) {
      if (typeof value !== "number" || !(value >= 0) || (value !== Infinity && !Number.isInteger(value))) {
        throw invalid(name, "a whole number of bytes from 0 up is needed");
      }
    }
    if (end < start) throw invalid("end", `it lies before start, ${end} before ${start}`);
    return [Math.min(start, this.size), Math.min(end, this.size)];
  }

  async *#parts(start: number, end: number): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
    const ahead: Promise<Uint8Array>[] = [];
    const whole = start === 0 && end === this.size && end <= READ_BYTES_MAX;
    for (let at = start; at < end || ahead.length > 0;) {
      while (at < end && ahead.length <= READ_AHEAD) {
        // On the borders of stored parts, so that none is read twice.
        const until = whole ? end : Math.min(end, (Math.floor(at / PART_BYTES) + 1) * PART_BYTES);
        const part = this.#channel.call("readAttachment", { hash: this.hash, start: at, end: until });
        part.catch(() => {});
        ahead.push(part);
        at = until;
      }
      const part = await ahead.shift();
      if (part !== undefined) yield part as Uint8Array<ArrayBuffer>;
    }
  }
}
