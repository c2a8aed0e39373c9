// Attachments on their way in and out, in bounded memory.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test, type TestContext } from "node:test";
import { AttachmentRef } from "../../src/attachment.js";
import { EngineHost } from "../../src/engine-host.js";
import { PROTOCOL, type AttachmentSource, type Call, type Reply } from "../../src/protocol.js";
import { connect, type Fake } from "./connect.js";
import { FakeEngine } from "./fake-engine.js";

async function open(t: TestContext): Promise<Fake> {
  const fake = await connect();
  t.after(() => fake.hoard.close().catch(() => {}));
  return fake;
}

function bytesOf(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 1) bytes[at] = (at * 31 + seed + (at >> 8)) & 255;
  return bytes;
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

for (const size of [0, 1, 1000, 1 << 20, (1 << 20) + 1, 5_000_000]) {
  test(`${size} bytes come back from a Blob, an array and a stream alike`, async (t) => {
    const { hoard } = await open(t);
    const bytes = bytesOf(size);
    const stream = new ReadableStream({
      start(controller) {
        for (let at = 0; at < size; at += 70_000) controller.enqueue(bytes.slice(at, at + 70_000));
        controller.close();
      },
    });
    for (const content of [new Blob([bytes], { type: "image/png" }), bytes, bytes.buffer, stream]) {
      const ref = await hoard.attachments.put(content, content instanceof Blob ? {} : { type: "image/png" });
      assert.deepEqual({ ...ref }, { hash: sha256(bytes), size, type: "image/png" });
      assert.ok(Buffer.from(await ref.bytes()).equals(bytes));
      const blob = await ref.blob();
      assert.equal(blob.type, "image/png");
      assert.ok(Buffer.from(await blob.arrayBuffer()).equals(bytes));
      const read: Uint8Array[] = [];
      for await (const part of ref.stream()) read.push(part);
      assert.ok(Buffer.concat(read).equals(bytes));
    }
  });
}

test("ranges are cut to the attachment and refused when they make no sense", async (t) => {
  const { hoard, engine } = await open(t);
  const bytes = bytesOf(3_000_000);
  const ref = await hoard.attachments.put(bytes);
  for (const [start, end] of [
    [0, 10],
    [5, 5],
    [1_000_000, 2_500_000],
    [2_999_999, 9_999_999],
    [4_000_000, 5_000_000],
  ] as const) {
    assert.ok(Buffer.from(await ref.bytes({ start, end })).equals(bytes.subarray(start, end)));
  }
  assert.equal((await ref.bytes({ start: 2_999_990 })).length, 10);
  for (const range of [
    { start: -1 },
    { end: -1 },
    { start: 5, end: 4 },
    { start: 0.5 },
    { start: NaN },
    { start: "1" as never },
  ]) {
    await assert.rejects(ref.bytes(range), { code: "InvalidArgument" });
  }
  const asked = engine.log
    .filter((entry) => entry.startsWith("readAttachment"))
    .map((entry) => entry.split(" ").slice(1).map(Number));
  assert.ok(
    asked.every(([start, end]) => end! - start! <= 1 << 20),
    "a range is never asked for more than a part at once",
  );
  engine.log.length = 0;
  await ref.bytes();
  assert.deepEqual(engine.log, ["readAttachment 0 3000000"], "the whole at once, so that the engine checks its hash");
});

test("an object URL never has a type that could run scripts", async (t) => {
  const { hoard } = await open(t);
  const typeOf = async (type: string): Promise<string> => {
    const ref = await hoard.attachments.put(new Blob([type], { type }));
    const made = t.mock.method(URL, "createObjectURL", () => "blob:x");
    await ref.url();
    const { type: made0 } = made.mock.calls[0]!.arguments[0] as Blob;
    made.mock.restore();
    return made0;
  };
  for (const safe of [
    "image/png",
    "image/webp",
    "audio/webm;codecs=opus",
    "video/mp4",
    "text/plain",
    "application/json",
    "application/pdf",
  ]) {
    assert.equal(await typeOf(safe), safe.toLowerCase());
  }
  for (const unsafe of [
    "text/html",
    "image/svg+xml",
    "image/svg",
    "text/xml",
    "application/xml",
    "application/xhtml+xml",
    "text/javascript",
    "",
    "multipart/related",
    "image/x+xml",
    "text/plain2",
  ]) {
    assert.equal(await typeOf(unsafe), "application/octet-stream", unsafe);
  }
});

test("large Blobs and many Blobs in one call pass in bounded memory", async (t) => {
  const { hoard, engine } = await open(t);
  const shots = Array.from({ length: 80 }, (_, n) => ({
    image: new Blob([bytesOf(700_000, n)], { type: "image/png" }),
  }));
  shots.push({ image: new Blob([bytesOf(20_000_000)], { type: "video/mp4" }) });
  await hoard.save({ session: { id: "a" }, lists: { shots } });
  assert.ok(engine.heldMax <= 16 << 20, `${engine.heldMax} bytes were held at once`);
  const items = (await hoard.list("a", "shots").slice()) as { image: AttachmentRef }[];
  assert.equal(items.length, 81);
  assert.equal(items[80]!.image.size, 20_000_000);
  assert.equal(items[3]!.image.hash, sha256(bytesOf(700_000, 3)));
});

test("many small Blobs in one call pass in bounded memory too", async (t) => {
  const { hoard, engine } = await open(t);
  const shots = Array.from({ length: 60 }, (_, n) => ({ image: new Blob([bytesOf(700_000, n)]) }));
  await hoard.save({ session: { id: "a" }, lists: { shots } });
  assert.ok(engine.heldMax <= 16 << 20, `${engine.heldMax} bytes were held at once`);
});

test("a Blob that can no longer be read fails its own call, and those behind it go on", async (t) => {
  const replies: Reply[] = [];
  const engine = new FakeEngine({ name: "x" });
  const host = new EngineHost(
    1,
    (message) => replies.push(...("replies" in message ? message.replies : [])),
    async () => ({ open: async () => engine }),
  );
  t.after(() => host.release());
  const gone = (size: number): Blob => {
    const blob = {
      size,
      slice: () => blob,
      arrayBuffer: () => Promise.reject(new DOMException("it changed", "NotReadableError")),
    };
    return blob as unknown as Blob;
  };
  const json = new TextEncoder().encode("{}");
  const append = (id: number, attachments: AttachmentSource[]): Call => {
    return {
      id,
      op: "append",
      args: { session: "a", list: "x", documents: { json, lengths: Uint32Array.of(2), attachments } },
    };
  };
  host.receive({
    hoardb: PROTOCOL,
    hoard: 1,
    calls: [
      { id: 1, op: "open", args: { options: { name: "x" }, wasm: undefined } },
      { id: 2, op: "create", args: { session: "a", documents: { json, lengths: Uint32Array.of(2), attachments: [] } } },
      append(3, [{ type: "", blob: gone(10) }]),
      append(4, [{ type: "", blob: gone(5_000_000) }]),
      append(5, []),
      { id: 6, op: "attach", args: { source: { type: "", blob: gone(5_000_000) }, ack: 1 } },
    ],
  });
  while (replies.length < 6) await new Promise((resolve) => setTimeout(resolve, 5));
  const outcome = new Map(replies.map((reply) => [reply.id, "error" in reply ? reply.error.code : "stored"]));
  assert.deepEqual([...outcome].sort(), [
    [1, "stored"],
    [2, "stored"],
    [3, "NotStorable"],
    [4, "NotStorable"],
    [5, "stored"],
    [6, "NotStorable"],
  ]);
  assert.equal(engine.uploads.size, 0, "what was begun is cancelled");
});

test("an upload that is aborted or whose stream fails is cancelled", async (t) => {
  const { hoard, engine } = await open(t);
  const abort = new AbortController();
  let given = 0;
  const endless = new ReadableStream({
    pull(controller) {
      controller.enqueue(new Uint8Array(500_000));
      given += 1;
      if (given === 10) abort.abort("enough");
    },
  });
  await assert.rejects(hoard.attachments.put(endless, { signal: abort.signal }), { code: "Aborted", cause: "enough" });
  const failing = new ReadableStream({
    pull(controller) {
      if ((given += 1) > 15) controller.error(new TypeError("network"));
      else controller.enqueue(new Uint8Array(1_000_000));
    },
  });
  await assert.rejects(hoard.attachments.put(failing), { name: "TypeError", message: "network" });
  const wrong = new ReadableStream({ start: (controller) => controller.enqueue("text") });
  await assert.rejects(hoard.attachments.put(wrong), { code: "InvalidArgument" });
  await assert.rejects(hoard.attachments.put(new Uint8Array(1), { signal: AbortSignal.abort() }), { code: "Aborted" });
  await hoard.flush();
  assert.equal(engine.uploads.size, 0);
  assert.equal(engine.attachments.size, 0);
});

test("a reference that is put into a document is stored as its hash", async (t) => {
  const { hoard, engine } = await open(t);
  const ref = await hoard.attachments.put(bytesOf(10));
  const stored = engine.log.length;
  const session = await hoard.sessions.create({ id: "a", cover: ref });
  assert.equal((session["cover"] as AttachmentRef).hash, ref.hash);
  assert.ok(!engine.log.slice(stored).includes("attach"));
  assert.equal((await hoard.attachments.get(ref.hash)).size, 10);
  await assert.rejects(hoard.attachments.get("0".repeat(64)), { code: "NotFound" });
  for (const hash of ["", "x", ref.hash.toUpperCase(), 5 as never, `${ref.hash}0`]) {
    await assert.rejects(hoard.attachments.stat(hash), { code: "InvalidArgument" });
  }
});
