/**
 * Texts as UTF-8, end to end in one buffer, for transfer.
 */

const UTF8 = new TextEncoder();

/** Bytes of a first buffer, when nothing is known of what comes. */
const BYTES_FIRST = 64 * 1024;

/** UTF-16 units that are encoded in one go. */
const RUN_UNITS = 256 * 1024;

/** Collects texts. What {@link take} returned stays where it is. */
export class Packer {
  #bytes: Uint8Array<ArrayBuffer>;
  /** Where the texts begin that were not taken yet, and where those end that are encoded. */
  #begin = 0;
  #end = 0;
  #lengths: number[] = [];
  /** Texts that are not encoded yet, in one piece: a call of the encoder costs as much as some hundred bytes. */
  #run = "";
  #runTexts: string[] = [];
  readonly #full: ArrayBuffer[] = [];

  /** `bytes` is how many there will be, if that can be guessed. */
  constructor(bytes = BYTES_FIRST) {
    this.#bytes = new Uint8Array(bytes);
  }

  /** Adds a text. */
  add(text: string): void {
    this.#run += text;
    this.#runTexts.push(text);
    if (this.#run.length >= RUN_UNITS) this.#encode();
  }

  #encode(): void {
    const units = this.#run.length;
    if (units === 0 && this.#runTexts.length === 0) return;
    // Mostly one byte for a unit; never more than three.
    if (this.#bytes.length - this.#end < units) this.#grow(units);
    let { read, written } = UTF8.encodeInto(this.#run, this.#bytes.subarray(this.#end));
    if (read < units) {
      this.#grow(units * 3);
      ({ read, written } = UTF8.encodeInto(this.#run, this.#bytes.subarray(this.#end)));
    }
    const ascii = written === units;
    for (const text of this.#runTexts) this.#lengths.push(ascii ? text.length : utf8Length(text));
    this.#end += written;
    this.#run = "";
    this.#runTexts = [];
  }

  /** Makes room for so many more bytes, in a new buffer with the texts that were not taken yet at its beginning. */
  #grow(bytes: number): void {
    const begun = this.#bytes.subarray(this.#begin, this.#end);
    if (this.#begin > 0) this.#full.push(this.#bytes.buffer);
    this.#bytes = new Uint8Array(Math.max(2 * this.#bytes.length, begun.length + bytes));
    this.#bytes.set(begun);
    this.#begin = 0;
    this.#end = begun.length;
  }

  /** The texts since the last call, as one stretch of bytes and the length of each. */
  take(): { json: Uint8Array<ArrayBuffer>; lengths: Uint32Array<ArrayBuffer> } {
    this.#encode();
    const json = this.#bytes.subarray(this.#begin, this.#end);
    const lengths = new Uint32Array(this.#lengths);
    this.#begin = this.#end;
    this.#lengths = [];
    return { json, lengths };
  }

  /** Every buffer that something taken lies in. Nothing may be added afterwards. */
  buffers(): ArrayBuffer[] {
    return [...this.#full, this.#bytes.buffer];
  }
}

/** Bytes of a well-formed text in UTF-8. JSON texts are: `JSON.stringify` escapes lone surrogates. */
function utf8Length(text: string): number {
  let bytes = text.length;
  // One such character makes the whole run longer than its units; most texts of it have none.
  if (!/[^\x00-\x7f]/.test(text)) return bytes;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    // The two halves of a surrogate pair have four bytes together.
    if (unit > 0x7f) bytes += unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1;
  }
  return bytes;
}
