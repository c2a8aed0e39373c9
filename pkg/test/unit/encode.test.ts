// What goes in comes back, and what cannot is refused with the path to it.
import assert from "node:assert/strict";
import { test } from "node:test";
import vm from "node:vm";
import { AttachmentRef } from "../../src/attachment.js";
import type { Channel } from "../../src/channel.js";
import { decodeChunk, decodeDocuments, decodeText } from "../../src/decode.js";
import { encode } from "../../src/encode.js";
import type { Attachment } from "../../src/engine.js";
import { HoardError } from "../../src/errors.js";
import type { AttachmentSource } from "../../src/protocol.js";
import { DEPTH_MAX, VALUES_MAX } from "../../src/value.js";

const channel = {} as Channel;
const utf8 = new TextEncoder();

/** Through the text and the UTF-8 and back, with attachments named by their place in the table. */
function roundTrip(value: unknown): { value: unknown; text: string; table: AttachmentSource[] } {
  const table: AttachmentSource[] = [];
  const text = encode(value, "item", table);
  const attachments = table.map((source, at): Attachment => ({
    hash: `hash ${at}`,
    size: 0,
    type: "type" in source ? source.type : "",
  }));
  const json = utf8.encode(`[${text}]`);
  const [back] = decodeChunk({ first: 0, count: 1, json, attachments, error: null }, channel);
  return { value: back, text, table };
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

const PLAIN: Record<string, unknown> = {
  "an object": { a: 1, b: "two", c: [true, false, null], d: { e: {} } },
  "an empty object": {},
  "an empty array": [],
  "a string": "text",
  "an empty string": "",
  "a number": 1.5,
  "the largest number": Number.MAX_VALUE,
  "the smallest number": Number.MIN_VALUE,
  "a boolean": false,
  null: null,
  "every control character": String.fromCharCode(...Array(32).keys()),
  "quotes and backslashes": '"\\"$date"',
  "a lone high surrogate": "a\ud800b",
  "a lone low surrogate": "\udc00",
  "a key that is a lone surrogate": { "\ud800": 1 },
  "text beyond the basic plane": "😀 日本語 é",
  "line separators": "\u2028\u2029",
  "integer-like keys": { 2: "b", 1: "a", x: 0 },
  "an empty key": { "": 1 },
  "a key constructor": { constructor: 1, prototype: 2, hasOwnProperty: 3 },
  "a null prototype": Object.assign(Object.create(null), { a: 1 }),
  "text that looks like a mark": 'x {"$date":1}',
  "the deepest nesting": nested(DEPTH_MAX),
};

for (const [name, value] of Object.entries(PLAIN)) {
  test(`${name} comes back equal`, () => {
    const { value: back } = roundTrip(value);
    assert.deepEqual(back, value === null || typeof value !== "object" ? value : structuredClone(value));
  });
}

const MARKED: Record<string, unknown> = {
  "a Date": new Date(1234.0),
  "a Date before 1970": new Date(-1),
  "a Date in an object": { at: new Date(5), n: 1 },
  "negative zero": -0,
  "negative zero inside": { a: [-0, 0] },
  "keys that start with $": { $a: 1, $$b: 2, $: 3, b$: 4 },
  "a key $date": { $date: 5 },
  "a key $attachment": { $attachment: 0 },
  "a key $number": { $number: "-0" },
  "a $-key beside a Date": { x: new Date(1), $y: [{ $date: new Date(2) }] },
  "a Date in an array in an array": [[new Date(7)]],
  "the deepest nesting with a mark": (() => {
    let value: unknown = -0;
    for (let level = 0; level < DEPTH_MAX; level += 1) value = [value];
    return value;
  })(),
};

for (const [name, value] of Object.entries(MARKED)) {
  test(`${name} comes back equal`, () => {
    const { value: back } = roundTrip(value);
    assert.deepEqual(back, value);
    assert.deepEqual(Object.is(back, value), Object.is(value, -0));
  });
}

test("own keys __proto__ are plain keys, with and without marks", () => {
  for (const inner of ["1", '{"a":{"b":2}}', "[1]"]) {
    const plain = JSON.parse(`{"__proto__":${inner},"x":{"__proto__":null}}`);
    const { value, text } = roundTrip(plain);
    assert.equal(text, JSON.stringify(plain));
    assert.equal(JSON.stringify(value), JSON.stringify(plain));
    const marked = JSON.parse(`{"__proto__":${inner},"x":1}`);
    marked.x = new Date(3);
    marked["$y"] = -0;
    const back = roundTrip(marked).value as Record<string, unknown>;
    assert.deepEqual(Object.keys(back), ["__proto__", "x", "$y"]);
    assert.equal(Object.getPrototypeOf(back), Object.prototype);
    assert.deepEqual(Object.getOwnPropertyDescriptor(back, "__proto__")?.value, JSON.parse(inner));
    assert.deepEqual(back["x"], new Date(3));
  }
  const date = JSON.parse('{"__proto__":0}');
  Object.defineProperty(date, "__proto__", { value: new Date(9), enumerable: true });
  const back = roundTrip(date).value as object;
  assert.deepEqual(Object.getOwnPropertyDescriptor(back, "__proto__")?.value, new Date(9));
});

test("the order of keys holds", () => {
  const value = { z: 1, $a: -0, b: new Date(0), $$c: 1, a: 2 };
  assert.deepEqual(Object.keys(roundTrip(value).value as object), Object.keys(value));
});

test("undefined properties are absent, not null", () => {
  assert.equal(roundTrip({ a: undefined, b: 1 }).text, '{"b":1}');
  assert.equal(roundTrip({ a: undefined, b: -0, $c: undefined }).text, '{"b":{"$number":"-0"}}');
});

test("binary becomes attachments in the order of its places", () => {
  const bytes = new Uint8Array([1, 2, 3, 4]);
  const blob = new Blob(["x"], { type: "text/plain" });
  const ref = new AttachmentRef(channel, { hash: "f".repeat(64), size: 1, type: "image/png" });
  const value = {
    a: bytes.subarray(1, 3),
    b: [blob, { c: bytes.buffer }],
    d: new DataView(bytes.buffer, 2),
    e: new Float64Array([1]),
    f: ref,
    g: Buffer.from("hi"),
  };
  const { value: back, table, text } = roundTrip(value);
  assert.equal(text.match(/\$attachment/g)?.length, 7);
  const stored = table.map((source) =>
    "bytes" in source ? [...source.bytes]
    : "blob" in source ? source.blob
    : source.hash,
  );
  assert.deepEqual(stored, [
    [2, 3],
    blob,
    [1, 2, 3, 4],
    [3, 4],
    [...new Uint8Array(new Float64Array([1]).buffer)],
    ref.hash,
    [104, 105],
  ]);
  const refs = back as { a: AttachmentRef; b: [AttachmentRef, { c: AttachmentRef }]; g: AttachmentRef };
  assert.ok(refs.a instanceof AttachmentRef);
  assert.equal(refs.b[0].type, "text/plain");
  assert.equal(refs.b[1].c.type, "application/octet-stream");
  assert.equal(refs.g.hash, "hash 6");
});

test("bytes are a snapshot in a buffer of their own", () => {
  const bytes = new Uint8Array([1, 2, 3]);
  const { table } = roundTrip({ bytes: bytes.subarray(1) });
  bytes.fill(9);
  const [source] = table;
  assert.ok(source !== undefined && "bytes" in source);
  assert.deepEqual([...source.bytes], [2, 3]);
  assert.equal(source.bytes.buffer.byteLength, 2);
});

test("objects, arrays, dates and bytes of another realm are what they are there", () => {
  const foreign = vm.runInNewContext("({ a: [1, { b: null }], d: new Date(4), u: new Uint8Array([7]), z: -0 })");
  const { value, table } = roundTrip(foreign);
  const back = value as { a: unknown; d: Date };
  assert.deepEqual(back.a, [1, { b: null }]);
  assert.deepEqual(back.d, new Date(4));
  assert.deepEqual(
    table.map((source) => "bytes" in source && [...source.bytes]),
    [[7]],
  );
});

test("proxies of plain values are read through", () => {
  const proxy = <T extends object>(target: T): T => new Proxy(target, {});
  const { value } = roundTrip(proxy({ a: proxy([1, proxy({ b: -0 })]) }));
  assert.deepEqual(value, { a: [1, { b: -0 }] });
});

test("several documents come back by position", () => {
  const json = utf8.encode('[{"a":{"$attachment":0}},null,{"b":{"$date":1}}]');
  const tables = [[{ hash: "h", size: 1, type: "t" }], null, null];
  const [first, second, third] = decodeDocuments({ json, tables }, channel);
  assert.ok((first as { a: unknown }).a instanceof AttachmentRef);
  assert.equal(second, undefined);
  assert.deepEqual(third, { b: new Date(1) });
});

test("what was just encoded can be had back without the engine", () => {
  const text = encode({ a: new Date(1), $b: "x" }, "session", []);
  assert.deepEqual(decodeText(text, channel), { a: new Date(1), $b: "x" });
});

class Custom {
  a = 1;
}

function cycle(): unknown {
  const value: Record<string, unknown> = { list: [{}] };
  (value["list"] as Record<string, unknown>[])[0]!["back"] = value;
  return value;
}

function wideCycle(): unknown {
  const value: Record<string, unknown> = {};
  value["a"] = value;
  value["b"] = value;
  return value;
}

const throwing = {
  get now(): number {
    throw new Error("no");
  },
};
const revoked = Proxy.revocable({}, {});
revoked.revoke();
const detached = new Uint8Array(4);
structuredClone(detached.buffer, { transfer: [detached.buffer] });

// What is given, the path that the error names, and a word of its message.
const REFUSED: [string, unknown, string, RegExp][] = [
  ["undefined", undefined, "item", /undefined/],
  ["undefined in an array", { a: [1, undefined] }, "item.a[1]", /undefined/],
  ["a hole in an array", { a: [1, , 2] }, "item.a[1]", /hole/],
  ["NaN", { a: NaN }, "item.a", /NaN/],
  ["Infinity", [Infinity], "item[0]", /Infinity/],
  ["-Infinity", { a: { b: -Infinity } }, "item.a.b", /-Infinity/],
  ["a BigInt", { a: 1n }, "item.a", /BigInt/],
  ["a function", { a: () => 1 }, "item.a", /function/],
  ["a class", { a: Custom }, "item.a", /function/],
  ["a symbol", { a: Symbol("x") }, "item.a", /symbol/],
  ["a symbol as a key", { a: { [Symbol("x")]: 1 } }, "item.a", /symbol/],
  ["a class instance", { a: new Custom() }, "item.a", /Custom/],
  ["a Map", { a: new Map() }, "item.a", /Map/],
  ["a Set", { a: new Set([1]) }, "item.a", /Set/],
  ["a WeakMap", { a: new WeakMap() }, "item.a", /WeakMap/],
  ["a RegExp", { a: /x/ }, "item.a", /RegExp/],
  ["an Error", { a: new Error("x") }, "item.a", /Error/],
  ["a Promise", { a: Promise.resolve() }, "item.a", /Promise/],
  ["a boxed number", { a: Object(1) }, "item.a", /Number/],
  ["a boxed string", { a: Object("x") }, "item.a", /String/],
  ["a SharedArrayBuffer", { a: new SharedArrayBuffer(8) }, "item.a", /SharedArrayBuffer/],
  ["an invalid Date", { a: new Date(NaN) }, "item.a", /invalid/],
  ["an array of a class", { a: new (class Rows extends Array {})(2) }, "item.a", /Rows/],
  ["an inherited object", { a: Object.create({ b: 1 }) }, "item.a", /plain object/],
  ["an array with a property", { a: Object.assign([1], { extra: 2 }) }, "item.a.extra", /elements/],
  ["a match", { a: /x/.exec("x") }, "item.a.index", /elements/],
  ["a cycle", cycle(), "item.list[0].back", /cycle back to item$/],
  ["a cycle with branches", wideCycle(), "item.a", /cycle/],
  ["too deep", nested(DEPTH_MAX + 1), "item" + "[0].a".repeat(DEPTH_MAX).slice(0, 0), /deeper than 256/],
  ["a getter that throws", { a: throwing }, "item.a.now", /threw/],
  ["a revoked proxy", { a: revoked.proxy }, "item.a", /threw/],
  ["a detached buffer", { a: detached }, "item.a", /threw/],
  ["a toJSON function", { a: { toJSON: () => 1 } }, "item.a", /toJSON/],
  ["a hidden toJSON function", { a: Object.defineProperty({}, "toJSON", { value: () => 1 }) }, "item.a", /toJSON/],
  ["an odd key on the way", { "a b": { "1": NaN } }, 'item["a b"]["1"]', /NaN/],
  ["NaN beside marks", { d: new Date(0), a: [-0, NaN] }, "item.a[1]", /NaN/],
  [
    "NaN under __proto__",
    JSON.parse('{"__proto__":{"a":1}}', (key, value) => (key === "a" ? NaN : value)),
    "item.__proto__.a",
    /NaN/,
  ],
];

for (const [name, value, path, message] of REFUSED) {
  test(`${name} is refused with its path`, () => {
    const table: AttachmentSource[] = [];
    assert.throws(
      () => encode(value, "item", table),
      (error) => {
        assert.ok(error instanceof HoardError);
        assert.equal(error.code, "NotStorable");
        assert.ok(error.path?.startsWith(path), `${error.path} is not ${path}`);
        if (name !== "too deep") assert.equal(error.path, path);
        assert.match(error.message, message);
        return true;
      },
    );
    assert.deepEqual(table, [], "nothing of it is left in the table");
  });
}

test("a getter that answers differently each time cannot slip through", () => {
  let reads = 0;
  const value = {
    get a() {
      return (reads += 1) > 1 ? 1n : 1;
    },
  };
  assert.throws(() => encode(value, "item", []), { code: "NotStorable" });
});

test("a small value that stands for billions is refused at once", () => {
  let value: unknown = [1, 2];
  for (let level = 0; level < 60; level += 1) value = [value, value];
  const began = performance.now();
  assert.throws(() => encode(value, "item", []), { code: "TooLarge", path: "item" });
  assert.ok(performance.now() - began < 2000);
  assert.throws(() => encode(Array(VALUES_MAX + 1).fill(0), "item", []), { code: "TooLarge" });
});

const DAMAGED: [string, string][] = [
  ["no JSON", "[{"],
  ["no array", '{"a":1}'],
  ["an unknown mark", '[{"$later":1}]'],
  ["a $date that is no number", '[{"$date":"x"}]'],
  ["an $attachment that is not in the table", '[{"$attachment":1}]'],
  ["an $attachment without a table entry of that kind", '[{"$attachment":"0"}]'],
  ["deeper nesting than is ever written", `[${"[".repeat(300)}{"$date":1}${"]".repeat(300)}]`],
  ["too few items", "[]"],
];

for (const [name, text] of DAMAGED) {
  test(`a stored text with ${name} is reported as damage`, () => {
    const chunk = {
      first: 0,
      count: 1,
      json: utf8.encode(text),
      attachments: [{ hash: "h", size: 1, type: "" }],
      error: null,
    };
    assert.throws(() => decodeChunk(chunk, channel), { code: "Corrupt" });
  });
}

test("a stored text that is not UTF-8 is reported as damage", () => {
  const json = new Uint8Array([0x5b, 0x22, 0xff, 0x22, 0x5d]);
  assert.throws(() => decodeChunk({ first: 0, count: 1, json, attachments: null, error: null }, channel), {
    code: "Corrupt",
  });
});
