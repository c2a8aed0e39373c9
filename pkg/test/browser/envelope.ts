// The envelope around every stored record (src/record/mod.rs), to write damaged and hostile ones.
import { xxhash64 } from "hash-wasm";

const HEADER_BYTES = 17;
export const STORED = 0;
export const DEFLATE = 1;

/** What an envelope says, and its payload without the codec. */
export interface Envelope {
  version: number;
  kind: number;
  codec: number;
  rawLength: number;
  payload: Uint8Array<ArrayBuffer>;
}

async function through(
  bytes: Uint8Array<ArrayBuffer>,
  stream: GenericTransformStream,
): Promise<Uint8Array<ArrayBuffer>> {
  const piped = new Blob([bytes])
    .stream()
    .pipeThrough(stream as unknown as ReadableWritablePair<Uint8Array, Uint8Array<ArrayBuffer>>);
  return new Uint8Array(await new Response(piped).arrayBuffer());
}

export const deflate = (bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> =>
  through(bytes, new CompressionStream("deflate-raw"));
const inflate = (bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> =>
  through(bytes, new DecompressionStream("deflate-raw"));

/** Reads an envelope without checking it. */
export async function parse(record: ArrayBuffer): Promise<Envelope> {
  const view = new DataView(record);
  const codec = view.getUint8(4);
  const body = new Uint8Array(record.slice(HEADER_BYTES));
  return {
    version: view.getUint8(2),
    kind: view.getUint8(3),
    codec,
    rawLength: view.getUint32(5, true),
    payload: codec === DEFLATE ? await inflate(body) : body,
  };
}

async function xxh64(bytes: Uint8Array, seed: bigint): Promise<bigint> {
  return BigInt(`0x${await xxhash64(bytes, Number(seed & 0xffff_ffffn), Number(seed >> 32n))}`);
}

/** Makes a record whose checksum is right, whatever else it says. `body` is what follows the header, as it is. */
export async function seal(
  store: string,
  key: ArrayBuffer,
  body: Uint8Array,
  { version = 1, kind, codec = STORED, rawLength = body.length }: Partial<Envelope> & { kind: number },
): Promise<ArrayBuffer> {
  const record = new Uint8Array(HEADER_BYTES + body.length);
  const view = new DataView(record.buffer);
  record.set([0x89, 0x48, version, kind, codec]);
  view.setUint32(5, rawLength, true);
  const name = new TextEncoder().encode(store);
  const identity = new Uint8Array([...name, 0, ...new Uint8Array(key), ...record.subarray(0, 9)]);
  view.setBigUint64(9, await xxh64(body, await xxh64(identity, 0n)), true);
  record.set(body, HEADER_BYTES);
  return record.buffer;
}
