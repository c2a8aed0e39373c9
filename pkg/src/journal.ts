/**
 * A record of the object store `journal`: a write that the page accepted and nobody stored yet. The engine that opens the
 * database next reads them (`src/store/journal.rs`) and does what they say, each once.
 *
 * The record's key is the writer and the write's number. Its envelope is that of every record (`src/record/mod.rs`) with
 * the codec 2: the payload as it is, checked by XXH32. The payload is written field by field (`src/record/fields.rs`).
 */
import type { Entry } from "./outbox.js";
import type { AttachmentSource, DocumentsSource, WholeSource, WriteOp } from "./protocol.js";
import { xxh32 } from "./xxh32.js";

/** Version of the payload. */
const VERSION = 1;

const OPS: readonly WriteOp[] = ["create", "put", "update", "delete", "append", "set", "save"];

const MAGIC = [0x89, 0x48];
const FORMAT = 1;
const KIND = 10;
const CODEC = 2;
/** Bytes of an envelope before its checksum, and before its payload. */
const CHECKED_BYTES = 9;
const HEADER_BYTES = 17;

const UTF8 = new TextEncoder();

/** Fields, one after the other. */
class Fields {
  #bytes = new Uint8Array(1024);
  #length = HEADER_BYTES;

  #room(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length + bytes));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }

  /** A whole number: seven bits a byte, lowest first. */
  number(value: number): void {
    this.#room(10);
    // Beyond 32 bits there are no bit operations.
    for (; value >= 0x80; value = Math.floor(value / 0x80)) this.#bytes[this.#length++] = (value % 0x80) | 0x80;
    this.#bytes[this.#length++] = value;
  }

  fixed(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  bytes(bytes: Uint8Array): void {
    this.number(bytes.length);
    this.fixed(bytes);
  }

  text(text: string): void {
    this.bytes(UTF8.encode(text));
  }

  texts(texts: readonly string[]): void {
    this.number(texts.length);
    for (const text of texts) this.text(text);
  }

  documents({ json, lengths, attachments }: DocumentsSource): void {
    this.bytes(json);
    this.number(lengths.length);
    for (const length of lengths) this.number(length);
    this.number(attachments.length);
    for (const source of attachments) this.#attachment(source);
  }

  #attachment(source: AttachmentSource): void {
    if ("bytes" in source) {
      this.number(0);
      this.text(source.type);
      this.bytes(source.bytes);
    } else if ("hash" in source) {
      this.number(1);
      this.fixed(fromHex(source.hash));
    } else {
      // The page has read every Blob of a write that it keeps.
      throw new TypeError("a Blob");
    }
  }

  /** The record, its payload being what was written. */
  sealed(key: Uint8Array): ArrayBuffer {
    const record = this.#bytes.slice(0, this.#length);
    const view = new DataView(record.buffer);
    record.set([...MAGIC, FORMAT, KIND, CODEC]);
    view.setUint32(5, this.#length - HEADER_BYTES, true);
    const identity = new Uint8Array(key.length + CHECKED_BYTES);
    identity.set(key);
    identity.set(record.subarray(0, CHECKED_BYTES), key.length);
    view.setUint32(CHECKED_BYTES, xxh32(record.subarray(HEADER_BYTES), xxh32(identity, 0)), true);
    return record.buffer;
  }
}

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, at) => parseInt(hex.slice(2 * at, 2 * at + 2), 16));
}

/** Texts as the documents that they are sent as. */
function packed(texts: readonly string[], attachments: AttachmentSource[]): DocumentsSource {
  const encoded = texts.map((text) => UTF8.encode(text));
  const lengths = Uint32Array.from(encoded, ({ length }) => length);
  const json = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
  let at = 0;
  for (const bytes of encoded) {
    json.set(bytes, at);
    at += bytes.length;
  }
  return { json, lengths, attachments };
}

const NOTHING: DocumentsSource = { json: new Uint8Array(), lengths: new Uint32Array(), attachments: [] };

/** Every argument that a write may have. */
interface AnyArgs extends Partial<WholeSource> {
  sessions?: string[];
  list?: string;
  index?: number;
  remove?: string[];
}

/** The key of a write. */
export function journalKey(writer: string, seq: number): ArrayBuffer {
  const key = new Uint8Array(24);
  key.set(fromHex(writer));
  new DataView(key.buffer).setBigUint64(16, BigInt(seq));
  return key.buffer;
}

/** The record of a write, for its key. */
export function journalRecord(entry: Entry, key: ArrayBuffer): ArrayBuffer {
  const { session = "", sessions = [session], ...args } = entry.args as AnyArgs;
  const { list = "", index = 0, remove = [], documents = NOTHING, lists = [] } = args;
  const fields = new Fields();
  fields.number(VERSION);
  fields.number(OPS.indexOf(entry.op as WriteOp));
  fields.number(entry.acceptedAt);
  fields.texts(sessions);
  fields.text(list);
  fields.number(index);
  fields.texts(remove);
  fields.documents(entry.texts === undefined ? documents : packed(entry.texts, documents.attachments));
  fields.number(lists.length);
  for (const { name, items } of lists) {
    fields.text(name);
    fields.documents(items);
  }
  return fields.sealed(new Uint8Array(key));
}
