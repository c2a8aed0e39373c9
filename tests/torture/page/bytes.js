// Bytes that can be made again, by the page and by the test.
import { random } from "./plan.js";

/** Bytes of item n, which do not compress. */
export function itemBytes(n, size) {
  const next = random(n + 1);
  const words = new Uint32Array(Math.ceil(size / 4));
  for (let at = 0; at < words.length; at += 1) words[at] = next() * 2 ** 32;
  return new Uint8Array(words.buffer, 0, size);
}
