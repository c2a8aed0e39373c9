/**
 * Texts as UTF-8, end to end in few buffers, for transfer.
 */

const UTF8 = new TextEncoder();

/** Bytes of a first buffer, when nothing is known of what comes. */
const BYTES_FIRST = 16 * 1024;

/** Collects texts into one growing buffer. What {@link take} returned stays where it is. */
export class Packer {
  #bytes: Uint8Array<ArrayBuffer>;
  /** Where the texts begin that were not taken yet, and where they end. */
  #begin = 0;
  #end = 0;
  #lengths: number[] = [];
  readonly #full: ArrayBuffer[] = [];

  /** `characters` is how many UTF-16 units will come, if that is known. */
  constructor(characters = BYTES_FIRST) {
    this.#bytes = new Uint8Array(characters);
  }

  /** Adds a text. */
  add(text: string): void {
    let target = this.#bytes.subarray(this.#end);
    // Mostly one byte for a unit; never more than three.
    if (target.length < text.length) target = this.#grow(text.length);
    let { read, written } = UTF8.encodeInto(text, target);
    if (read < text.length) {
      target = this.#grow(text.length * 3);
      ({ read, written } = UTF8.encodeInto(text, target));
    }
    this.#lengths.push(written);
    this.#end += written;
  }

  /** A buffer with room for so many more bytes, with the texts that were not taken yet at its beginning. */
  #grow(bytes: number): Uint8Array<ArrayBuffer> {
    const begun = this.#bytes.subarray(this.#begin, this.#end);
    if (this.#begin > 0) this.#full.push(this.#bytes.buffer);
    this.#bytes = new Uint8Array(Math.max(2 * this.#bytes.length, begun.length + bytes));
    this.#bytes.set(begun);
    this.#begin = 0;
    this.#end = begun.length;
    return this.#bytes.subarray(this.#end);
  }

  /** Bytes of the texts that were not taken yet. */
  get bytes(): number {
    return this.#end - this.#begin;
  }

  /** The texts since the last call, as one stretch of bytes and the length of each. */
  take(): { json: Uint8Array<ArrayBuffer>; lengths: Uint32Array<ArrayBuffer> } {
    const json = this.#bytes.subarray(this.#begin, this.#end);
    const lengths = Uint32Array.from(this.#lengths);
    this.#begin = this.#end;
    this.#lengths = [];
    return { json, lengths };
  }

  /** Every buffer that something taken lies in. Nothing may be added afterwards. */
  buffers(): ArrayBuffer[] {
    return [...this.#full, this.#bytes.buffer];
  }
}
