/**
 * XXH32 (github.com/Cyan4973/xxHash), the checksum of what the page writes by itself: 32-bit arithmetic is what
 * JavaScript has.
 */
const PRIME_1 = 0x9e3779b1 | 0;
const PRIME_2 = 0x85ebca77 | 0;
const PRIME_3 = 0xc2b2ae3d | 0;
const PRIME_4 = 0x27d4eb2f;
const PRIME_5 = 0x165667b1;

const { imul } = Math;

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function round(lane: number, word: number): number {
  return imul(rotate((lane + imul(word, PRIME_2)) | 0, 13), PRIME_1);
}

/** The checksum, 0 to 2^32 - 1. */
export function xxh32(bytes: Uint8Array, seed: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { length } = bytes;
  let at = 0;
  let hash: number;
  if (length >= 16) {
    let one = (seed + PRIME_1 + PRIME_2) | 0;
    let two = (seed + PRIME_2) | 0;
    let three = seed | 0;
    let four = (seed - PRIME_1) | 0;
    for (; at <= length - 16; at += 16) {
      one = round(one, view.getInt32(at, true));
      two = round(two, view.getInt32(at + 4, true));
      three = round(three, view.getInt32(at + 8, true));
      four = round(four, view.getInt32(at + 12, true));
    }
    hash = rotate(one, 1) + rotate(two, 7) + rotate(three, 12) + rotate(four, 18);
  } else {
    hash = seed + PRIME_5;
  }
  hash = (hash + length) | 0;
  for (; at <= length - 4; at += 4) hash = imul(rotate((hash + imul(view.getInt32(at, true), PRIME_3)) | 0, 17), PRIME_4);
  for (; at < length; at += 1) hash = imul(rotate((hash + imul(view.getUint8(at), PRIME_5)) | 0, 11), PRIME_1);
  hash = imul(hash ^ (hash >>> 15), PRIME_2);
  hash = imul(hash ^ (hash >>> 13), PRIME_3);
  return (hash ^ (hash >>> 16)) >>> 0;
}
