/**
 * Attachments on the engine's side: Blobs are read here, and what is large goes to the engine in parts, so that memory
 * stays bounded whatever the size of an attachment or the number of them in one call.
 */
import { COMMITTED, DURABLE, type AckLevel } from "./ack.js";
import type { Attachment, AttachmentInput, Engine } from "./engine.js";
import { readBlob, sizeOf } from "./keep.js";
import type { AttachmentSource } from "./protocol.js";

/** Bytes that the engine takes in one attachment. */
const WHOLE_BYTES_MAX = 1 << 20;

/** Bytes of attachments that one call hands to the engine together with its documents. */
const TOGETHER_BYTES_MAX = 8 << 20;

/** Bytes of a part, as the engine stores them. */
const PART_BYTES = 1 << 20;

/** Large attachments that are read at the same time. */
const UPLOADS_MAX = 2;

/** Small attachments that are stored on their own at the same time. */
const ATTACHES_MAX = 8;

/** Lets a bounded number of tasks run at the same time; the others wait in their order. */
class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(places: number) {
    this.#free = places;
  }

  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next !== undefined) next();
      else this.#free += 1;
    }
  }
}

/** Stores attachments on their own, and prepares those that come with documents. */
export class Uploads {
  readonly #uploads = new Gate(UPLOADS_MAX);
  readonly #attaches = new Gate(ATTACHES_MAX);

  /** Stores one attachment that nothing refers to yet. */
  store(engine: Engine, source: AttachmentSource, ack: AckLevel): Promise<Attachment> {
    if (sizeOf(source) > WHOLE_BYTES_MAX) {
      return this.#uploads.run(async () => {
        const attachment = await this.#upload(engine, source, ack);
        if (ack === DURABLE) await engine.flush();
        return attachment;
      });
    }
    return this.#attaches.run(async () => {
      if ("blob" in source) return engine.attach({ type: source.type, bytes: await readBlob(source.blob) }, ack);
      return engine.attach(source, ack);
    });
  }

  /**
   * Turns the attachments of one call into what the engine takes: bytes when they are few, hashes of what was stored
   * beforehand otherwise. Returns nothing when they are fit already.
   */
  prepare(engine: Engine, tables: readonly AttachmentSource[][]): Promise<void> | undefined {
    const all = tables.flat();
    const bytes = all.reduce((sum, source) => sum + sizeOf(source), 0);
    const large = all.some((source) => sizeOf(source) > WHOLE_BYTES_MAX);
    if (!large && bytes <= TOGETHER_BYTES_MAX && !all.some((source) => "blob" in source)) return undefined;
    const turn = async (source: AttachmentSource): Promise<AttachmentInput> => {
      if ("hash" in source) return source;
      if (large || bytes > TOGETHER_BYTES_MAX) return { hash: (await this.store(engine, source, COMMITTED)).hash };
      return "blob" in source ? { type: source.type, bytes: await readBlob(source.blob) } : source;
    };
    const turned = tables.map(async (table) => {
      const inputs = await Promise.all(table.map(turn));
      table.splice(0, table.length, ...inputs);
    });
    return Promise.all(turned).then(() => {});
  }

  async #upload(engine: Engine, source: AttachmentSource, ack: AckLevel): Promise<Attachment> {
    if ("hash" in source) return engine.attach(source, ack);
    const size = sizeOf(source);
    const read = async (start: number): Promise<Uint8Array> => {
      const end = Math.min(start + PART_BYTES, size);
      return "blob" in source ? readBlob(source.blob.slice(start, end)) : source.bytes.subarray(start, end);
    };
    const upload = await engine.uploadBegin();
    try {
      let part = read(0);
      for (let start = 0; start < size; start += PART_BYTES) {
        const bytes = await part;
        // The next part is read while this one is stored.
        part = start + PART_BYTES < size ? read(start + PART_BYTES) : part;
        part.catch(() => {});
        await engine.uploadPart(upload, bytes);
      }
      return await engine.uploadFinish(upload, source.type);
    } catch (error) {
      await engine.uploadCancel(upload).catch(() => {});
      throw error;
    }
  }
}
