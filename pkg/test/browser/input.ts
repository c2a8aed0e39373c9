// Bad input, over the whole API and in the stored records themselves: each row fails with its documented code, and what
// is stored is the same afterwards, byte for byte.
import { assert } from "chai";
import { AttachmentRef, openHoard, type Hoard, type HoardError, type HoardErrorCode } from "hoardb";
import { DEFLATE, deflate, parse, seal } from "./envelope.js";
import {
  WORKER,
  collect,
  digest,
  fails,
  freshName,
  keepsBlobs,
  noise,
  open,
  records,
  restore,
  write,
  type RawRecord,
} from "./support.js";

// What a caller in JavaScript can hand over, whatever the types say.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Any = any;

const LARGE = 2_500_000;

/** Fills a hoard: a session with lists, small and large attachments; a second one that shares some. */
async function fill(hoard: Hoard): Promise<void> {
  const image = new Blob([noise(3000)], { type: "image/png" });
  const large = new Blob([noise(LARGE, 7)], { type: "video/mp4" });
  const notes = Array.from({ length: 23 }, (_, n) => ({ n, text: `note ${n} `.repeat(20) }));
  await hoard.save({
    session: { id: "a", title: "A", at: new Date(0), cover: image },
    lists: { notes, shots: [{ image }, { image: large }] },
  });
  await hoard.save({ session: { id: "b", title: "B" }, lists: { shots: [{ image }] } });
}

describe("bad input", () => {
  let hoard: Hoard<Any>;
  let other: Hoard<Any>;
  let foreign: AttachmentRef;
  let stored: string;

  // One hoard for all rows: that none of them changes anything is what is tested.
  let name: string;
  before(async () => {
    name = `input ${crypto.randomUUID()}`;
    hoard = await openHoard<Any>({ name, worker: WORKER, chunk: { items: 10 } });
    other = await openHoard<Any>({ name: `${name} other`, worker: WORKER });
    foreign = await other.attachments.put(noise(50, 99));
    await fill(hoard);
    stored = await digest(name);
  });
  after(async () => {
    for (const each of [hoard, other]) {
      await each.close();
      indexedDB.deleteDatabase(each.name);
    }
  });

  /** A row of the table: what is done, the code, and for NotStorable the path. */
  function row(title: string, code: HoardErrorCode, call: () => unknown, path?: string): void {
    it(`${title}: ${code}`, async () => {
      const error = await fails(code, call);
      if (path !== undefined) assert.equal(error.path, path);
      assert.equal(await digest(name), stored, "what is stored has changed");
    });
  }

  class Custom {
    a = 1;
  }
  const cycle: Any = { list: [] };
  cycle.list.push(cycle);
  let deep: unknown = 1;
  for (let level = 0; level < 300; level += 1) deep = { a: deep };
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const detached = new ArrayBuffer(4);
  structuredClone(detached, { transfer: [detached] });
  const throwing = {
    get now(): never {
      throw new Error("no");
    },
  };

  describe("values", () => {
    const values: [string, unknown, string][] = [
      ["undefined in an array", [1, undefined], "item.x[1]"],
      ["a hole in an array", [1, , 2], "item.x[1]"],
      ["NaN", NaN, "item.x"],
      ["Infinity", Infinity, "item.x"],
      ["-Infinity in an object", { y: -Infinity }, "item.x.y"],
      ["a BigInt", 1n, "item.x"],
      ["a function", () => 1, "item.x"],
      ["a class", Custom, "item.x"],
      ["a symbol", Symbol("s"), "item.x"],
      ["a key that is a symbol", { [Symbol("s")]: 1 }, "item.x"],
      ["a class instance", new Custom(), "item.x"],
      ["a Map", new Map([[1, 2]]), "item.x"],
      ["a Set", new Set(), "item.x"],
      ["a RegExp", /x/, "item.x"],
      ["an Error", new Error("x"), "item.x"],
      ["a Promise", Promise.resolve(), "item.x"],
      ["a boxed number", Object(5), "item.x"],
      ["an invalid Date", new Date(NaN), "item.x"],
      ["an array of a class", new (class Rows extends Array {})(1), "item.x"],
      ["an array with a property", Object.assign([1], { more: 1 }), "item.x.more"],
      ["a DOM node", document.createElement("p"), "item.x"],
      ["a window", window, "item.x"],
      ["a cycle", cycle, "item.x.list[0]"],
      ["300 levels", deep, "item.x" + ".a".repeat(255)],
      ["a getter that throws", throwing, "item.x.now"],
      ["a revoked proxy", revoked.proxy, "item.x"],
      ["a detached buffer", detached, "item.x"],
      ["a toJSON function", { toJSON: () => "y" }, "item.x"],
      [
        "NaN under an own __proto__",
        JSON.parse('{"__proto__":[0]}', (_, value) => (value === 0 ? NaN : value)),
        "item.x.__proto__[0]",
      ],
    ];
    for (const [title, value, path] of values) {
      row(`append ${title}`, "NotStorable", () => hoard.list("a", "notes").append({ ok: 1, x: value }), path);
    }
    row("append undefined", "NotStorable", () => hoard.list("a", "notes").append(undefined as Any), "item");
    row("append a function", "NotStorable", () => hoard.list("a", "notes").append((() => 1) as Any), "item");
    row(
      "append a good and a bad item",
      "NotStorable",
      () => hoard.list("a", "notes").append([{}, { x: 1n }]),
      "items[1].x",
    );
    row("set NaN", "NotStorable", () => hoard.list("a", "notes").set(0, { x: NaN }), "item.x");
    row("create with a function", "NotStorable", () => hoard.sessions.create({ f: () => 1 }), "session.f");
    row("create from null", "NotStorable", () => hoard.sessions.create(null as Any), "session");
    row("create from an array", "NotStorable", () => hoard.sessions.create([] as Any), "session");
    row("create from a string", "NotStorable", () => hoard.sessions.create("a" as Any), "session");
    row("create from a class instance", "NotStorable", () => hoard.sessions.create(new Custom() as Any), "session");
    row("create from a Map", "NotStorable", () => hoard.sessions.create(new Map() as Any), "session");
    row("put with a Set", "NotStorable", () => hoard.sessions.put({ id: "a", s: new Set() }), "session.s");
    row("update with NaN", "NotStorable", () => hoard.sessions.update("a", { n: NaN }), "patch.n");
    row("update with null", "NotStorable", () => hoard.sessions.update("a", null as Any), "patch");
    row(
      "a field whose name is a lone surrogate",
      "NotStorable",
      () => hoard.sessions.create({ "\ud800": 1 }),
      'session["\\ud800"]',
    );
    row(
      "update of such a field",
      "NotStorable",
      () => hoard.sessions.update("a", { "x\udc00": 1 }),
      'patch["x\\udc00"]',
    );
    row("save null", "NotStorable", () => hoard.save(null as Any), "session");
    row("save an array", "NotStorable", () => hoard.save([] as Any), "session");
    row("save without a session", "NotStorable", () => hoard.save({} as Any), "session");
    row("save lists that are an array", "NotStorable", () => hoard.save({ session: {}, lists: [] as Any }), "lists");
    row(
      "save a list that is an object",
      "NotStorable",
      () => hoard.save({ session: {}, lists: { x: {} as Any } }),
      "lists.x",
    );
    row(
      "save a bad item",
      "NotStorable",
      () => hoard.save({ session: {}, lists: { x: [1, { y: [1n] }] } }),
      "lists.x[1].y[0]",
    );
    row("save many with a bad one", "NotStorable", () => hoard.saveMany([{ session: { x: 1n } }]), "[0].session.x");
    row("save many with null", "NotStorable", () => hoard.saveMany([null as Any]), "[0]");
  });

  describe("ids and names", () => {
    const ids: [string, unknown, HoardErrorCode][] = [
      ["empty", "", "InvalidId"],
      ["with a NUL", "a\0b", "InvalidId"],
      ["of 513 units", "x".repeat(513), "InvalidId"],
      ["of a million units", "x".repeat(1_000_000), "InvalidId"],
      ["of 257 emoji", "😀".repeat(257), "InvalidId"],
      ["with a lone high surrogate", "a\ud800", "InvalidId"],
      ["with a lone low surrogate", "\udc00a", "InvalidId"],
      ["that is a number", 5, "InvalidArgument"],
      ["that is null", null, "InvalidArgument"],
      ["that is an object", {}, "InvalidArgument"],
      ["that is a symbol", Symbol("s"), "InvalidArgument"],
      ["that is an array", ["a"], "InvalidArgument"],
    ];
    for (const [title, id, code] of ids) {
      row(`get with an id ${title}`, code, () => hoard.sessions.get(id as Any));
      row(`a list of a session with an id ${title}`, code, () => hoard.list(id as Any, "notes"));
      row(`a list with a name ${title}`, code, () => hoard.list("a", id as Any));
      row(`create with an id ${title}`, code, () => hoard.sessions.create({ id: id as Any }));
    }
    row("get without an id", "InvalidArgument", () => (hoard.sessions.get as Any)());
    row("put without an id", "InvalidArgument", () => hoard.sessions.put({ title: "x" } as Any));
    row("delete with an empty id", "InvalidId", () => hoard.sessions.delete(""));
    row("deleteMany with a bad one among good ones", "InvalidId", () => hoard.sessions.deleteMany(["a", "b", ""]));
    row("deleteMany with a string", "InvalidArgument", () => hoard.sessions.deleteMany("ab" as Any));
    row("getMany with null", "InvalidArgument", () => hoard.sessions.getMany(null as Any));
    row("getMany with numbers", "InvalidArgument", () => hoard.sessions.getMany([1, 2] as Any));
    row("load with an empty id", "InvalidId", () => hoard.load(""));
    row("load a list with a bad name", "InvalidId", () => hoard.load("a", { lists: ["notes", "\0"] }));
    row("save with an id that is a Date", "InvalidArgument", () => hoard.save({ session: { id: new Date() as Any } }));
    row("save a list with an empty name", "InvalidId", () => hoard.save({ session: { id: "a" }, lists: { "": [1] } }));
    row("update to another id", "InvalidArgument", () => hoard.sessions.update("a", { id: "c" } as Any));
    row("update that removes the id", "InvalidArgument", () => hoard.sessions.update("a", { id: undefined } as Any));
  });

  describe("what is not there, or is there already", () => {
    row("create an id that is taken", "AlreadyExists", () => hoard.sessions.create({ id: "a" }));
    row("update no session", "NotFound", () => hoard.sessions.update("none", { x: 1 }));
    row("append to no session", "NotFound", () => hoard.list("none", "notes").append({}));
    row("append nothing to no session", "NotFound", () => hoard.list("none", "notes").append([]));
    row("set in no session", "NotFound", () => hoard.list("none", "notes").set(0, {}));
    row("set past the end", "NotFound", () => hoard.list("a", "notes").set(23, {}));
    row("set in a list never written", "NotFound", () => hoard.list("a", "never").set(0, {}));
    row("length of no session's list", "NotFound", () => hoard.list("none", "notes").length());
    row("get from no session's list", "NotFound", () => hoard.list("none", "notes").get(0));
    row("iterate no session's list", "NotFound", () => collect(hoard.list("none", "notes")));
    row("load no session", "NotFound", () => hoard.load("none"));
    row("an attachment that is not there", "NotFound", () => hoard.attachments.get("0".repeat(64)));
    row("a stat of what is not there", "NotFound", () => hoard.attachments.stat("f".repeat(64)));
    row("append a reference of another hoard's", "NotFound", () => hoard.list("a", "shots").append({ image: foreign }));
    row("create with a reference of another hoard's", "NotFound", () => hoard.sessions.create({ cover: foreign }));
    row("save with a reference of another hoard's", "NotFound", () =>
      hoard.save({ session: { id: "a" }, lists: { x: [foreign] } }),
    );
  });

  describe("arguments", () => {
    const list = () => hoard.list("a", "notes");
    for (const index of [-1, 1.5, NaN, Infinity, 2 ** 53, "1", null, undefined, {}, 1n]) {
      row(`get at ${String(index)}`, "InvalidArgument", () => list().get(index as Any));
    }
    for (const index of [-1, 0.1, NaN, "0"])
      row(`set at ${String(index)}`, "InvalidArgument", () => list().set(index as Any, {}));
    row("slice from -1", "InvalidArgument", () => list().slice(-1));
    row("slice to -1", "InvalidArgument", () => list().slice(0, -1));
    row("slice backwards", "InvalidArgument", () => list().slice(5, 2));
    row("slice from NaN", "InvalidArgument", () => list().slice(NaN));
    row("chunks from a string", "InvalidArgument", () => collect(list().chunks({ from: "1" as Any })));
    row("chunks to a half", "InvalidArgument", () => collect(list().chunks({ to: 1.5 })));
    row("chunks of null", "InvalidArgument", () => collect(list().chunks(null as Any)));
    row("chunks with a signal that fired", "Aborted", () => collect(list().chunks({ signal: AbortSignal.abort() })));
    row("list with a negative limit", "InvalidArgument", () => hoard.sessions.list({ limit: -1 }));
    row("list with a limit of NaN", "InvalidArgument", () => hoard.sessions.list({ limit: NaN }));
    row("list ordered by a number", "InvalidArgument", () => hoard.sessions.list({ orderBy: 5 as Any }));
    row("list after null", "InvalidArgument", () => hoard.sessions.list({ after: null as Any }));
    row("list after something made up", "InvalidArgument", () => collect(hoard.sessions.list({ after: "made up" })));
    row("list with null", "InvalidArgument", () => hoard.sessions.list(null as Any));
    row("load with lists that are a string", "InvalidArgument", () => hoard.load("a", { lists: "notes" as Any }));
    row("load with null", "InvalidArgument", () => hoard.load("a", null as Any));
    row("load with a signal that fired", "Aborted", () => hoard.load("a", { signal: AbortSignal.abort() }));
    row("save many from null", "InvalidArgument", () => hoard.saveMany(null as Any));
    row("save many from an object", "InvalidArgument", () => hoard.saveMany({ session: {} } as Any));
    for (const content of [null, undefined, 5, "text", {}, [], new Date(), Symbol("s")]) {
      row(`put ${String(content)}`, "InvalidArgument", () => hoard.attachments.put(content as Any));
    }
    row("put with a type that is a number", "InvalidArgument", () =>
      hoard.attachments.put(new Uint8Array(1), { type: 5 as Any }),
    );
    row("put with a type of 300 letters", "TooLarge", () =>
      hoard.attachments.put(new Uint8Array(1), { type: "x".repeat(300) }),
    );
    row("put with a type of two lines", "InvalidArgument", () =>
      hoard.attachments.put(new Uint8Array(1), { type: "a\r\nb" }),
    );
    row("put with null", "InvalidArgument", () => hoard.attachments.put(new Uint8Array(1), null as Any));
    row("put with a signal that fired", "Aborted", () =>
      hoard.attachments.put(new Uint8Array(1), { signal: AbortSignal.abort() }),
    );
    for (const hash of ["", "xyz", "0".repeat(63), "0".repeat(65), "G".repeat(64), 5, null]) {
      row(`attachment ${String(hash).slice(0, 10)}`, "InvalidArgument", () => hoard.attachments.get(hash as Any));
    }
    for (const range of [
      { start: -1 },
      { end: -5 },
      { start: 9, end: 3 },
      { start: NaN },
      { end: 1.5 },
      { start: "1" },
      null,
    ]) {
      row(`bytes of ${JSON.stringify(range)}`, "InvalidArgument", async () => {
        const session = await hoard.sessions.get("a");
        return (session?.["cover"] as AttachmentRef).bytes(range as Any);
      });
    }
    row("collect with a dryRun that is a string", "InvalidArgument", () => hoard.collect({ dryRun: "yes" as Any }));
    row("collect with a negative grace", "InvalidArgument", () => hoard.collect({ graceMs: -1 }));
    row("collect with null", "InvalidArgument", () => hoard.collect(null as Any));
    row("verify with a full that is a number", "InvalidArgument", () => hoard.verify({ full: 1 as Any }));
    row("verify with null", "InvalidArgument", () => hoard.verify(null as Any));
  });

  describe("sizes", () => {
    row("an item above 2 MiB", "TooLarge", () => hoard.list("a", "notes").append({ text: "x".repeat(2 << 20) }));
    row("an item above 2 MiB among small ones", "TooLarge", () =>
      hoard.list("a", "notes").append([1, "x".repeat(2 << 20), 2]),
    );
    row("a set above 2 MiB", "TooLarge", () => hoard.list("a", "notes").set(0, "x".repeat(2 << 20)));
    row("metadata above 1 MiB", "TooLarge", () => hoard.sessions.create({ text: "x".repeat(1 << 20) }));
    row("metadata updated to above 1 MiB", "TooLarge", () => hoard.sessions.update("a", { text: "x".repeat(1 << 20) }));
    row("more than two million values", "TooLarge", () =>
      hoard.list("a", "notes").append([Array((2 << 20) + 1).fill(0)]),
    );
    row("a small graph that stands for billions", "TooLarge", () => {
      let value: unknown = [1];
      for (let level = 0; level < 64; level += 1) value = [value, value];
      return hoard.list("a", "notes").append([value]);
    });
    row("1,025 attachments in an item", "TooLarge", () => {
      return hoard.list("a", "notes").append([Array.from({ length: 1025 }, (_, n) => new Uint8Array([n, n >> 8]))]);
    });
    row("257 lists", "TooLarge", () => {
      const lists = Object.fromEntries(Array.from({ length: 257 }, (_, n) => [`list ${n}`, [n]]));
      return hoard.save({ session: { id: "a" }, lists });
    });
  });

  describe("opening", () => {
    const opening = (options: Any) => () => openHoard({ worker: WORKER, ...options });
    row("without options", "InvalidArgument", () => (openHoard as Any)());
    row("with null", "InvalidArgument", () => openHoard(null as Any));
    row("without a name", "InvalidArgument", opening({}));
    row("with an empty name", "InvalidId", opening({ name: "" }));
    row("with a name that is a number", "InvalidArgument", opening({ name: 5 }));
    row("with a lone surrogate in the name", "InvalidId", opening({ name: "\ud800" }));
    row("with no such durability", "InvalidArgument", opening({ name: "x", durability: "maybe" }));
    row("with a chunk that is a number", "InvalidArgument", opening({ name: "x", chunk: 5 }));
    row("with no items in a chunk", "InvalidArgument", opening({ name: "x", chunk: { items: 0 } }));
    row("with half an item in a chunk", "InvalidArgument", opening({ name: "x", chunk: { items: 0.5 } }));
    row("with chunks of a million items", "InvalidArgument", opening({ name, chunk: { items: 1_000_000 } }));
    row("with chunks of one byte", "InvalidArgument", opening({ name, chunk: { bytes: 1 } }));
    row("with a negative grace", "InvalidArgument", opening({ name: "x", graceMs: -5 }));
    row("with a worker that is a string", "InvalidArgument", opening({ name: "x", worker: "worker.js" }));
    row("with wasm that is a number", "InvalidArgument", opening({ name: "x", wasm: 5 }));
    row("with wasm at no address", "InvalidArgument", opening({ name: "x", wasm: "http://[" }));
    row("with the index's wasm at no address", "InvalidArgument", opening({ name: "x", searchWasm: "http://[" }));
    row("with the index's wasm as a number", "InvalidArgument", opening({ name: "x", searchWasm: 5 }));
  });

  describe("a closed hoard", () => {
    const calls: Record<string, (closed: Hoard<Any>) => unknown> = {
      create: ({ sessions }) => sessions.create({}),
      get: ({ sessions }) => sessions.get("a"),
      getMany: ({ sessions }) => sessions.getMany(["a"]),
      update: ({ sessions }) => sessions.update("a", { x: 1 }),
      put: ({ sessions }) => sessions.put({ id: "a" }),
      delete: ({ sessions }) => sessions.delete("a"),
      deleteMany: ({ sessions }) => sessions.deleteMany(["a"]),
      count: ({ sessions }) => sessions.count(),
      list: ({ sessions }) => collect(sessions.list()),
      append: (closed) => closed.list("a", "notes").append({}),
      length: (closed) => closed.list("a", "notes").length(),
      set: (closed) => closed.list("a", "notes").set(0, {}),
      iterate: (closed) => collect(closed.list("a", "notes")),
      save: (closed) => closed.save({ session: { id: "a" } }),
      saveMany: (closed) => closed.saveMany([{ session: { id: "a" } }]),
      load: (closed) => closed.load("a"),
      put_attachment: ({ attachments }) => attachments.put(new Uint8Array(1)),
      stat: ({ attachments }) => attachments.stat("0".repeat(64)),
      collect: (closed) => closed.collect().done,
      verify: (closed) => closed.verify({ repair: true }).done,
      stats: (closed) => closed.stats(),
      flush: (closed) => closed.flush(),
    };
    let closed: Hoard<Any>;
    before(async () => {
      closed = await openHoard<Any>({ name, worker: WORKER });
      await closed.close();
    });
    for (const [title, call] of Object.entries(calls)) row(title, "Closed", () => call(closed));
  });
});

describe("damaged records", () => {
  const utf8 = new TextEncoder();
  const bytesOf = (record: RawRecord): Uint8Array<ArrayBuffer> =>
    new Uint8Array((record.value as ArrayBuffer).slice(0));

  /** Kinds of damage: what becomes of a record, or of its store. */
  const damages: Record<string, (record: RawRecord, others: RawRecord[]) => unknown> = {
    "cut to nothing": () => new ArrayBuffer(0),
    "cut to one byte": (record) => bytesOf(record).slice(0, 1).buffer,
    "cut inside its header": (record) => bytesOf(record).slice(0, 12).buffer,
    "cut to its header": (record) => bytesOf(record).slice(0, 17).buffer,
    "cut by a byte": (record) => bytesOf(record).slice(0, -1).buffer,
    "a byte longer": (record) => new Uint8Array([...bytesOf(record), 0]).buffer,
    "with a flipped bit in its header": (record) => flip(record, 7),
    "with a flipped bit in its checksum": (record) => flip(record, 12),
    "with a flipped bit in its payload": (record) => flip(record, Math.floor((17 + bytesOf(record).length) / 2)),
    "with a flipped last bit": (record) => flip(record, bytesOf(record).length - 1),
    "all zeros": (record) => new ArrayBuffer(bytesOf(record).length),
    "under another key": (record, others) =>
      others.find(({ store, key }) => store === record.store && !same(key, record.key))?.value,
    "of another store": (record, others) => others.find(({ store }) => store !== record.store)?.value,
    "a text": () => "text",
    "a number": () => 5,
    null: () => null,
    "an object": () => ({ json: "{}" }),
    "a Blob": (record) => new Blob([bytesOf(record)]),
  };

  function flip(record: RawRecord, at: number): ArrayBuffer {
    const bytes = bytesOf(record);
    bytes[at]! ^= 1;
    return bytes.buffer;
  }

  function same(a: ArrayBuffer, b: ArrayBuffer): boolean {
    return a.byteLength === b.byteLength && new Uint8Array(a).every((byte, at) => byte === new Uint8Array(b)[at]);
  }

  function keyOf(...parts: (string | number)[]): ArrayBuffer {
    const bytes = parts.flatMap((part) => {
      if (typeof part === "string") return [...utf8.encode(part), 0];
      const number = new DataView(new ArrayBuffer(8));
      number.setBigUint64(0, BigInt(part));
      return [...new Uint8Array(number.buffer)];
    });
    return Uint8Array.from(bytes).buffer;
  }

  // One database, put back to its good records before each test.
  const name = `damage ${crypto.randomUUID()}`;
  let good: RawRecord[];
  before(async () => {
    const hoard = await openHoard({ name, worker: WORKER, chunk: { items: 10 } });
    await fill(hoard);
    await hoard.close();
    good = await records(name);
  });
  beforeEach(() => restore(name, good));
  after(() => void indexedDB.deleteDatabase(name));

  const find = (store: string, key?: ArrayBuffer): RawRecord => {
    const found = good.find((record) => record.store === store && (key === undefined || same(record.key, key)));
    if (found === undefined) throw new Error(`no record in ${store}`);
    return found;
  };
  const session = (): RawRecord => find("sessions", keyOf("a"));
  const chunk = (): RawRecord => find("chunks", keyOf("a", "notes", 10));
  const imageOf = async (hoard: Hoard, index: number): Promise<AttachmentRef> => {
    return ((await hoard.list("a", "shots").get(index)) as { image: AttachmentRef }).image;
  };
  /** The record of the large attachment, and its parts in order. */
  const largeBlob = async (): Promise<RawRecord> => {
    for (const record of good.filter(({ store }) => store === "blobs")) {
      const { payload } = await parse(record.value as ArrayBuffer);
      // The size comes first, as a varint.
      if (
        (payload[0]! & 0x7f) +
          ((payload[1]! & 0x7f) << 7) +
          ((payload[2]! & 0x7f) << 14) +
          ((payload[3]! & 0x7f) << 21) ===
        LARGE
      )
        return record;
    }
    throw new Error("the large attachment is not there");
  };
  const largeParts = (): RawRecord[] => {
    const parts = good.filter(({ store }) => store === "parts");
    const set = (record: RawRecord): string => String(new Uint8Array(record.key).slice(0, 16));
    return parts.filter((part) => parts.filter((other) => set(other) === set(part)).length === 3);
  };

  /** Damages, opens, and expects the code; then all that is stored is as the damage left it. */
  async function refused(change: RawRecord, code: HoardErrorCode, use: (hoard: Hoard) => unknown): Promise<void> {
    await write(name, [change]);
    const before = await digest(name, false);
    const hoard = await open({ name });
    await fails(code, () => use(hoard));
    await others(hoard, change);
    await hoard.close();
    assert.equal(await digest(name, false), before, "what is stored has changed");
  }

  /** What the damage does not touch can be read. */
  async function others(hoard: Hoard, { store }: RawRecord): Promise<void> {
    assert.equal((await hoard.sessions.get("b"))?.["title"], "B");
    if (store === "chunks")
      assert.deepEqual(await hoard.list("a", "notes").get(3), { n: 3, text: "note 3 ".repeat(20) });
  }

  let blobs = true;
  before(async () => {
    blobs = await keepsBlobs();
  });

  for (const [damage, apply] of Object.entries(damages)) {
    /** A test of this damage, where the engine can do it. */
    const test = (what: string, run: () => Promise<void>): void => {
      it(`${what} ${damage}: Corrupt`, function () {
        if (damage === "a Blob" && !blobs) this.skip();
        return run();
      });
    };
    test("a session's record", async () => {
      const record = session();
      await refused({ ...record, value: apply(record, good) }, "Corrupt", (hoard) => hoard.sessions.get("a"));
    });
    test("a chunk", async () => {
      const record = chunk();
      await refused({ ...record, value: apply(record, good) }, "Corrupt", async (hoard) => {
        const { lists, damaged } = await hoard.load("a");
        assert.equal(lists["notes"]?.length, 23);
        assert.deepEqual(
          damaged.map(({ list, from, to, error }) => [list, from, to, error.code]),
          [["notes", 10, 20, "Corrupt"]],
        );
        await fails("Corrupt", () => hoard.list("a", "notes").slice());
        return hoard.list("a", "notes").get(15);
      });
    });
    test("an attachment's record", async () => {
      const record = await largeBlob();
      await refused({ ...record, value: apply(record, good) }, "Corrupt", async (hoard) =>
        (await imageOf(hoard, 1)).bytes(),
      );
    });
    test("an attachment's part", async () => {
      const record = largeParts()[1]!;
      await refused({ ...record, value: apply(record, good) }, "Corrupt", async (hoard) => {
        const image = await imageOf(hoard, 1);
        assert.equal((await image.bytes({ end: 100 })).length, 100, "other parts can be read");
        return image.blob();
      });
    });
  }

  it("writes on a damaged session are refused: Corrupt", async () => {
    await refused({ ...session(), value: flip(session(), 30) }, "Corrupt", async (hoard) => {
      await fails("Corrupt", () => hoard.sessions.update("a", { x: 1 }));
      await fails("Corrupt", () => hoard.list("a", "notes").set(0, {}));
      return hoard.list("a", "notes").append({});
    });
  });

  it("a listing passes over a damaged session and names it", async () => {
    await write(name, [{ ...session(), value: flip(session(), 30) }]);
    const hoard = await open({ name });
    for (const orderBy of [undefined, "title"]) {
      const query = orderBy === undefined ? {} : { orderBy };
      const damaged: [string, string][] = [];
      const onDamaged = ({ id, error }: { id: string; error: HoardError }): number => damaged.push([id, error.code]);
      assert.deepEqual(
        (await collect(hoard.sessions.list({ ...query, onDamaged }))).map(({ id }) => id),
        ["b"],
      );
      assert.deepEqual(damaged, [["a", "Corrupt"]]);
      const seen: string[] = [];
      await fails("Corrupt", async () => {
        for await (const { id } of hoard.sessions.list(query)) seen.push(id);
      });
      assert.deepEqual(seen, ["b"], "those that can be read come first");
    }
  });

  it("a chunk that is gone: Missing", async () => {
    await refused({ ...chunk(), value: undefined }, "Missing", async (hoard) => {
      const { damaged } = await hoard.load("a");
      assert.deepEqual(
        damaged.map(({ from, to, error }) => [from, to, error.code]),
        [[10, 20, "Missing"]],
      );
      return hoard.list("a", "notes").get(12);
    });
  });

  it("a part that is gone: Missing", async () => {
    await refused({ ...largeParts()[2]!, value: undefined }, "Missing", async (hoard) =>
      (await imageOf(hoard, 1)).bytes(),
    );
  });

  it("an attachment's record that is gone: NotFound", async () => {
    await refused({ ...(await largeBlob()), value: undefined }, "NotFound", async (hoard) =>
      (await imageOf(hoard, 1)).bytes(),
    );
  });

  // From here on the checksum is right: somebody made these records on purpose.
  const forged: [string, (record: RawRecord) => Promise<ArrayBuffer>][] = [
    ["random bytes", (record) => seal(record.store, record.key, noise(500), { kind: kindOf(record) })],
    ["nothing", (record) => seal(record.store, record.key, new Uint8Array(0), { kind: kindOf(record) })],
    ["all ones", (record) => seal(record.store, record.key, new Uint8Array(200).fill(255), { kind: kindOf(record) })],
    ["an unknown codec", async (record) => reseal(record, { codec: 9 })],
    ["another kind", async (record) => reseal(record, { kind: 77 })],
    ["a length of 4 GiB", async (record) => reseal(record, { rawLength: 0xffff_ffff })],
    [
      "a length that is one too many",
      async (record) => {
        const { payload, kind } = await parse(record.value as ArrayBuffer);
        return seal(record.store, record.key, payload, { kind, rawLength: payload.length + 1 });
      },
    ],
    [
      "bytes after its end",
      async (record) => {
        const { payload, kind } = await parse(record.value as ArrayBuffer);
        const longer = new Uint8Array([...payload, 1]);
        return seal(record.store, record.key, longer, { kind });
      },
    ],
    [
      "a deflate stream that is none",
      (record) => seal(record.store, record.key, noise(300), { kind: kindOf(record), codec: DEFLATE, rawLength: 1000 }),
    ],
    [
      "a cut deflate stream",
      async (record) => {
        const { payload, kind } = await parse(record.value as ArrayBuffer);
        return seal(record.store, record.key, (await deflate(payload)).slice(0, -3), {
          kind,
          codec: DEFLATE,
          rawLength: payload.length,
        });
      },
    ],
  ];
  const kindOf = (record: RawRecord): number => bytesOf(record)[3]!;
  async function reseal(
    record: RawRecord,
    changes: { codec?: number; kind?: number; rawLength?: number; version?: number },
  ): Promise<ArrayBuffer> {
    const { kind, codec, rawLength } = await parse(record.value as ArrayBuffer);
    return seal(record.store, record.key, bytesOf(record).slice(17), { kind, codec, rawLength, ...changes });
  }

  for (const [title, forge] of forged) {
    it(`a forged session with ${title}: Corrupt`, async () => {
      await refused({ ...session(), value: await forge(session()) }, "Corrupt", (hoard) => hoard.load("a"));
    });
    it(`a forged chunk with ${title}: Corrupt`, async () => {
      await refused({ ...chunk(), value: await forge(chunk()) }, "Corrupt", (hoard) =>
        hoard.list("a", "notes").get(10),
      );
    });
    it(`a forged attachment with ${title}: Corrupt`, async () => {
      const record = await largeBlob();
      await refused({ ...record, value: await forge(record) }, "Corrupt", async (hoard) =>
        (await imageOf(hoard, 1)).bytes(),
      );
    });
  }

  it("records of a newer format: NewerVersion", async () => {
    for (const [record, use] of [
      [session(), (hoard: Hoard) => hoard.sessions.get("a")],
      [chunk(), (hoard: Hoard) => hoard.list("a", "notes").get(10)],
      [await largeBlob(), async (hoard: Hoard) => (await imageOf(hoard, 1)).bytes()],
    ] as const) {
      await refused({ ...record, value: await reseal(record, { version: 2 }) }, "NewerVersion", use);
      await write(name, [record]);
    }
  });

  it("a store of a newer format is not opened, and not touched: NewerVersion", async () => {
    const head = find("meta", keyOf("head"));
    await write(name, [{ ...head, value: await reseal(head, { version: 2 }) }]);
    const before = await digest(name);
    const error = await fails("NewerVersion", () => openHoard({ name, worker: WORKER }));
    assert.equal(error.needsReload, true);
    assert.equal(await digest(name), before);
  });

  it("a damaged head is made again and everything is there", async () => {
    const head = find("meta", keyOf("head"));
    for (const value of [undefined, new ArrayBuffer(3), flip(head, 20), "text"]) {
      await write(name, [{ ...head, value }]);
      const hoard = await open({ name });
      assert.equal(await hoard.sessions.count(), 2);
      assert.equal((await hoard.load("a")).damaged.length, 0);
      const { attachments, items } = await hoard.stats();
      assert.deepEqual([attachments, items], [2, 26]);
      assert.deepEqual((await hoard.verify({ full: true }).done).findings, []);
      await hoard.close();
    }
  });

  for (const [claimed, title] of [
    [1000, "a kilobyte"],
    [4 << 20, "4 MiB"],
    [0xffff_ffff, "4 GiB"],
  ] as const) {
    it(`64 MiB of zeros that claim to be ${title}: Corrupt, at once`, async () => {
      const bomb = await deflate(new Uint8Array(64 << 20));
      for (const record of [chunk(), session()]) {
        const value = await seal(record.store, record.key, bomb, {
          kind: kindOf(record),
          codec: DEFLATE,
          rawLength: claimed,
        });
        await refused({ ...record, value }, "Corrupt", async (hoard) => {
          const began = performance.now();
          try {
            return record.store === "chunks" ? await hoard.list("a", "notes").get(10) : await hoard.sessions.get("a");
          } finally {
            assert.isBelow(performance.now() - began, 500);
          }
        });
        await write(name, [record]);
      }
    });
  }

  /** A chunk with this text for its ten items, in an otherwise right record. */
  async function withText(replace: (text: string) => string): Promise<RawRecord> {
    const { payload, kind } = await parse(chunk().value as ArrayBuffer);
    const at = payload.indexOf(0x5b, 1);
    const text = new TextDecoder().decode(payload.slice(at));
    const changed = replace(text);
    assert.equal(utf8.encode(changed).length, utf8.encode(text).length, "the header still fits");
    const body = new Uint8Array([...payload.slice(0, at), ...utf8.encode(changed)]);
    return { ...chunk(), value: await seal("chunks", chunk().key, body, { kind }) };
  }

  const texts: [string, (text: string) => string][] = [
    ["no JSON", (text) => text.replace('{"n":10', '{"n":1}')],
    ["an item too many", (text) => text.replace('"n":12', '"n":1,').replace('{"n":1,,', '{},{"n":')],
    ["a mark that is unknown", (text) => text.replace('{"n":10,"text"', '{"$later":["n"')],
    [
      "an attachment that its table does not have",
      (text) => text.replace(/\{"n":11,"text":"(.{40}).*?"\}/, (item) => `{"$attachment":5}`.padEnd(item.length, " ")),
    ],
  ];
  for (const [title, replace] of texts) {
    it(`a forged chunk whose text has ${title}: Corrupt`, async () => {
      const record = await withText(replace);
      await refused(record, "Corrupt", (hoard) => hoard.list("a", "notes").slice(10, 20));
    });
  }

  it("forged bytes with the right checksum and the wrong hash: Corrupt", async () => {
    const parts = good.filter(({ store }) => store === "parts");
    const small = parts.find(({ value }) => (value as ArrayBuffer).byteLength < 10_000)!;
    const { payload, kind } = await parse(small.value as ArrayBuffer);
    payload[5]! ^= 1;
    const value = await seal("parts", small.key, payload, { kind });
    await refused({ ...small, value }, "Corrupt", async (hoard) => {
      const { clean, findings } = await hoard.verify({ full: true }).done;
      assert.equal(clean, false);
      assert.isAtLeast(findings.length, 1);
      return ((await hoard.sessions.get("a"))?.["cover"] as AttachmentRef).bytes();
    });
  });

  it("verify finds every record that is missing, and repair mends what can be mended", async () => {
    const references = good.filter(({ store }) => store === "references");
    await write(name, [
      { ...references[0]!, value: undefined },
      { ...references[1]!, key: keyOf("nonsense") },
      { ...chunk(), value: undefined },
    ]);
    const hoard = await open({ name });
    const before = await digest(name);
    const found = await hoard.verify({ full: true }).done;
    assert.equal(found.clean, false);
    assert.isAtLeast(found.findings.length, 3);
    assert.equal(await digest(name), before, "without repair nothing is changed");
    const repaired = await hoard.verify({ full: true, repair: true }).done;
    assert.isTrue(repaired.findings.some(({ repaired }) => repaired));
    assert.equal(((await hoard.list("a", "notes").get(5)) as { n: number }).n, 5);
  });

  it("a database that is no hoard is not opened, and not touched: InvalidArgument", async () => {
    const strange = freshName();
    await new Promise<void>((resolve, reject) => {
      const request = indexedDB.open(strange, 1);
      request.onupgradeneeded = () => request.result.createObjectStore("mine").put("x", 1);
      request.onsuccess = () => {
        request.result.close();
        resolve();
      };
      request.onerror = () => reject(request.error);
    });
    await fails("InvalidArgument", () => openHoard({ name: strange, worker: WORKER }));
    const [record] = await records(strange);
    assert.equal(record?.value, "x");
  });
});

mocha.run();
