// Texts end up as their UTF-8, whatever their alphabet and however the buffer had to grow.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Packer } from "../../src/pack.js";

function unpack({ json, lengths }: { json: Uint8Array; lengths: Uint32Array }): string[] {
  let at = 0;
  const texts = Array.from(lengths, (length) => new TextDecoder().decode(json.subarray(at, (at += length))));
  assert.equal(at, json.length);
  return texts;
}

for (const capacity of [0, 1, 10, 100_000]) {
  test(`a buffer that began with ${capacity} bytes holds what was added`, () => {
    const packer = new Packer(capacity);
    const runs = [
      ["ascii", "", "é", "日本語", "😀".repeat(50)],
      [],
      ["x".repeat(1000), "日".repeat(1000)],
      ["", ""],
      ["x".repeat(300_000), "é", "y".repeat(600_000), "日".repeat(300_000)],
    ];
    const taken = runs.map((run) => {
      for (const text of run) packer.add(text);
      return packer.take();
    });
    // Only now, when the buffer has grown under what was taken earlier.
    assert.deepEqual(taken.map(unpack), runs);
    const buffers = new Set(packer.buffers());
    for (const { json } of taken) if (json.length > 0) assert.ok(buffers.has(json.buffer));
  });
}
