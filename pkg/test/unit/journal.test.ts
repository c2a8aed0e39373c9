// The bytes of a journal's record, which the engine reads in another language, and how the page writes and removes them.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { createXXHash32 } from "hash-wasm";
import { journalKey, journalRecord } from "../../src/journal.js";
import { newEntry, type Entry } from "../../src/outbox.js";
import type { DocumentsSource, Op, WholeSource } from "../../src/protocol.js";
import { xxh32 } from "../../src/xxh32.js";

const FIXTURE = "test/unit/journal.hex";
const WRITER = "000102030405060708090a0b0c0d0eff";
const HASH = "ab".repeat(31) + "cd";
const hex = (bytes: ArrayBuffer): string => Buffer.from(bytes).toString("hex");
const utf8 = new TextEncoder();

test("XXH32 has the values of its specification", () => {
  const vectors: [string, number, number][] = [
    ["", 0, 0x02cc5d05],
    ["", 0x9e3779b1, 0x36b78ae7],
    ["a", 0, 0x550d7456],
    ["abc", 0, 0x32d153ff],
    ["Nobody inspects the spammish repetition", 0, 0xe2293b2f],
  ];
  for (const [text, seed, value] of vectors) assert.equal(xxh32(utf8.encode(text), seed), value, text);
});

test("XXH32 is that of another implementation, for every length and seed", async () => {
  const bytes = Uint8Array.from({ length: 300 }, (_, at) => (at * 167 + 13) & 255);
  for (const seed of [0, 1, 0x7fffffff, 0x80000000, 0xffffffff]) {
    const other = await createXXHash32(seed);
    for (let length = 0; length <= bytes.length; length += 1) {
      for (const begin of [0, 3]) {
        const part = bytes.subarray(begin, length);
        other.init();
        assert.equal(xxh32(part, seed), parseInt(other.update(part).digest(), 16), `${length} bytes, seed ${seed}`);
      }
    }
  }
});

const documents = (texts: string[], attachments: DocumentsSource["attachments"] = []): DocumentsSource => ({
  json: utf8.encode(texts.join("")),
  lengths: Uint32Array.from(texts, (text) => utf8.encode(text).length),
  attachments,
});

/** Examples: `name` tells them apart in the fixture. */
function examples(): [name: string, seq: number, entry: Entry][] {
  const acceptedAt = 1_700_000_000_123;
  const made = (op: Op, args: object, texts?: string[]): Entry =>
    newEntry(op, { args: args as never, texts, ack: 0, kept: true, acceptedAt } as Partial<Entry>);
  const attachments = [{ type: "image/png", bytes: Uint8Array.of(1, 2, 255) }, { hash: HASH }];
  const lists = [
    { name: "notes", items: documents(['{"n":1}', '"é😀"']) },
    { name: "shots", items: documents(['{"image":{"$attachment":0}}'], [{ hash: HASH }]) },
  ];
  const whole: WholeSource = { session: "d", documents: documents(['{"id":"d"}']), lists };
  return [
    ["create", 1, made("create", { session: "a", documents: { attachments: [] } }, ['{"id":"a","title":"é"}'])],
    ["put", 2, made("put", { session: "a", documents: { attachments } }, ['{"id":"a","cover":{"$attachment":0}}'])],
    [
      "update",
      127,
      made("update", { session: "a", remove: ["x", "$$y"], documents: { attachments: [] } }, ['{"b":2}']),
    ],
    ["delete", 128, made("delete", { sessions: ["a", "日本"] })],
    [
      "append",
      2 ** 32 + 5,
      made("append", { session: "a", list: "shots", documents: { attachments } }, [
        '{"image":{"$attachment":0}}',
        '{"image":{"$attachment":1}}',
      ]),
    ],
    ["append-packed", 300, made("append", { session: "a", list: "notes", documents: documents(["1", "22"]) })],
    [
      "set",
      301,
      made("set", { session: "a", list: "shots", index: 70_000, documents: { attachments: [] } }, ['{"n":1}']),
    ],
    ["save", 302, made("save", whole)],
  ];
}

test("a record has the bytes that the engine expects", () => {
  const lines = examples().map(([name, seq, entry]) => {
    const key = journalKey(WRITER, seq);
    return `${name} ${hex(key)} ${hex(journalRecord(entry, key))}`;
  });
  const wanted = `${lines.join("\n")}\n`;
  if (process.env["JOURNAL_FIXTURE"] === "write") writeFileSync(FIXTURE, wanted);
  assert.equal(wanted, readFileSync(FIXTURE, "utf8"));
});

test("a record's envelope and fields are those that its description says", () => {
  const entry = new Map(examples().map(([name, , entry]) => [name, entry])).get("append")!;
  const key = journalKey(WRITER, 2 ** 32 + 5);
  assert.equal(hex(key), `${WRITER}0000000100000005`);
  const record = Buffer.from(journalRecord(entry, key));
  const payload = record.subarray(17);
  assert.deepEqual([...record.subarray(0, 5)], [0x89, 0x48, 1, 10, 2]);
  assert.equal(record.readUInt32LE(5), payload.length);
  const identity = Buffer.concat([Buffer.from(key), record.subarray(0, 9)]);
  assert.equal(record.readUInt32LE(9), xxh32(payload, xxh32(identity, 0)));
  assert.equal(record.readUInt32LE(13), 0);

  let at = 0;
  const number = (): number => {
    for (let value = 0, scale = 1; ; scale *= 128) {
      const byte = payload[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  const bytes = (length = number()): Buffer => payload.subarray(at, (at += length));
  const text = (): string => bytes().toString("utf8");
  const many = <T>(read: () => T): T[] => Array.from({ length: number() }, read);
  assert.deepEqual([number(), number(), number()], [1, 4, 1_700_000_000_123]);
  assert.deepEqual([many(text), text(), number(), many(text)], [["a"], "shots", 0, []]);
  assert.equal(text(), '{"image":{"$attachment":0}}{"image":{"$attachment":1}}');
  assert.deepEqual(many(number), [27, 27]);
  const attachment = (): unknown => (number() === 0 ? [text(), [...bytes()]] : bytes(32).toString("hex"));
  assert.deepEqual(many(attachment), [["image/png", [1, 2, 255]], HASH]);
  assert.equal(number(), 0);
  assert.equal(at, payload.length);
});

test("a record of some megabytes is written whole", () => {
  const bytes = new Uint8Array(5 << 20).fill(7);
  const [, , entry] = examples()[1]!;
  (entry.args as { documents: DocumentsSource }).documents.attachments = [{ type: "x", bytes }];
  const record = Buffer.from(journalRecord(entry, journalKey(WRITER, 1)));
  assert.ok(record.includes(Buffer.from(bytes)));
  assert.equal(record.readUInt32LE(5), record.length - 17);
});
