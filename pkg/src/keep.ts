/**
 * What the page keeps of a write until its reply comes, so that it can send it again and write it to the journal:
 * the texts, and the bytes of its attachments. Blobs are read for that, unless they are large: such a write is not kept,
 * and counts as accepted when it is committed.
 */
import { HoardError } from "./errors.js";
import type { AttachmentSource } from "./protocol.js";

/** The largest Blob that is read on the page. */
const BLOB_BYTES_MAX = 4 << 20;

/** The most bytes of a write that is kept: they are copied at once to be sent, and the engine takes them at once. */
export const KEPT_BYTES_MAX = 8 << 20;

/** Bytes of an attachment beyond which the engine's side takes it in parts. */
const WHOLE_BYTES_MAX = 1 << 20;

/** Bytes of an attachment; 0 of one that is stored already. */
export function sizeOf(source: AttachmentSource): number {
  return (
    "bytes" in source ? source.bytes.length
    : "blob" in source ? source.blob.size
    : 0
  );
}

/** Bytes of attachments. */
export function sizeOfAll(attachments: readonly AttachmentSource[]): number {
  let bytes = 0;
  for (const source of attachments) bytes += sizeOf(source);
  return bytes;
}

/** Bytes that attachments make the other end hold at once, about: it reads a large Blob in parts. */
export function bytesHeld(attachments: readonly AttachmentSource[]): number {
  let bytes = 0;
  for (const source of attachments) {
    bytes += "blob" in source ? Math.min(source.blob.size, WHOLE_BYTES_MAX) : sizeOf(source);
  }
  return bytes;
}

/** Whether the page keeps a write with so many bytes of JSON and these attachments. */
export function isKept(bytes: number, attachments: readonly AttachmentSource[]): boolean {
  if (attachments.some((source) => "blob" in source && source.blob.size > BLOB_BYTES_MAX)) return false;
  return bytes + sizeOfAll(attachments) <= KEPT_BYTES_MAX;
}

/** Whether there are Blobs to read. */
export function hasBlobs(attachments: readonly AttachmentSource[]): boolean {
  return attachments.some((source) => "blob" in source);
}

/** Puts the bytes of Blobs in their place. */
export async function readBlobs(attachments: AttachmentSource[]): Promise<void> {
  const read = async (source: AttachmentSource, at: number): Promise<void> => {
    if ("blob" in source) attachments[at] = { type: source.type, bytes: await readBlob(source.blob) };
  };
  await Promise.all(attachments.map(read));
}

/** The bytes of a Blob. */
export async function readBlob(blob: Blob): Promise<Uint8Array> {
  try {
    return new Uint8Array(await blob.arrayBuffer());
  } catch (error) {
    // A file that was changed, moved or deleted since it was chosen.
    const problem = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    throw new HoardError("NotStorable", `the Blob cannot be read: ${problem}`);
  }
}
