// Searching: what a request becomes, what is refused before it is sent, and what an answer becomes.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { Hoard } from "../../src/hoard.js";
import { indexJson } from "../../src/search.js";
import { connect, type Fake } from "./connect.js";

async function open(t: TestContext): Promise<Fake> {
  const fake = await connect();
  t.after(() => fake.hoard.close().catch(() => {}));
  return fake;
}

// What a caller in JavaScript can hand over, whatever the types say.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Any = any;

const utcOffset = 0 - new Date().getTimezoneOffset();

test("options become JSON, dates their milliseconds, and what is undefined is absent", async (t) => {
  const { hoard, engine } = await open(t);
  const [from, to] = [new Date(1000), new Date(-5)];
  await hoard.search({
    text: "login eror",
    fuzzy: 1,
    prefix: "last",
    signal: new AbortController().signal,
    snippets: { length: 80 },
    facets: ["tags", { field: "status", limit: 3 }],
    where: {
      startedAt: { from, to },
      day: [from, 5],
      tags: { any: ["a", "b"] },
      status: undefined,
      or: [{ ended: from }, { not: { size: { from: -1.5 } } }],
      __proto__x: "y",
    },
  });
  assert.deepEqual(engine.requests, [
    {
      text: "login eror",
      fuzzy: 1,
      prefix: "last",
      snippets: { length: 80 },
      facets: ["tags", { field: "status", limit: 3 }],
      where: {
        startedAt: { from: 1000, to: -5 },
        day: [1000, 5],
        tags: { any: ["a", "b"] },
        or: [{ ended: 1000 }, { not: { size: { from: -1.5 } } }],
        __proto__x: "y",
      },
      utcOffset,
    },
  ]);
});

test("a text alone is what somebody typed; an option that nobody knows is the engine's to refuse", async (t) => {
  const { hoard, engine } = await open(t);
  await hoard.search('tag:ui "two words" -draft');
  await hoard.search({ limt: 5 } as Any);
  await hoard.search(Object.create({ inherited: 1 }) as Any);
  await hoard.search({ where: JSON.parse('{"__proto__":{"any":["a"]}}') as Any });
  assert.deepEqual(engine.requests.slice(0, 3), [
    { query: 'tag:ui "two words" -draft', lenient: true, utcOffset },
    { limt: 5, utcOffset },
    { utcOffset },
  ]);
  const { where } = engine.requests[3] as { where: object };
  assert.equal(JSON.stringify(where), '{"__proto__":{"any":["a"]}}');
});

test("a request says how far the page's clock is ahead of UTC", async (t) => {
  const { hoard, engine } = await open(t);
  const { TZ } = process.env;
  t.after(() => (TZ === undefined ? delete process.env.TZ : (process.env.TZ = TZ)));
  process.env.TZ = "Asia/Kolkata";
  await hoard.search("on:2026-01-01");
  assert.deepEqual(engine.requests, [{ query: "on:2026-01-01", lenient: true, utcOffset: 330 }]);
});

class Custom {
  a = 1;
}
const cycle: Any = { or: [{}] };
cycle.or[0].not = cycle;
const twice = { status: "done" };
let billions: unknown = { status: "x" };
for (let level = 0; level < 64; level += 1) billions = { or: [billions, billions] };
let deep: unknown = { status: "x" };
for (let level = 0; level < 1000; level += 1) deep = { not: deep };
const throwing = {
  get from(): never {
    throw new Error("no");
  },
};
const revoked = Proxy.revocable({}, {});
revoked.revoke();

const REFUSED: [title: string, options: unknown, code: string, message: RegExp][] = [
  ["nothing", undefined, "InvalidArgument", /^options: an object is needed/],
  ["null", null, "InvalidArgument", /^options: /],
  ["a number", 5, "InvalidArgument", /^options: /],
  ["an array", [], "InvalidArgument", /^options: /],
  ["NaN", { where: { size: { from: NaN } } }, "InvalidArgument", /^where\.size\.from: NaN /],
  ["Infinity", { limit: Infinity }, "InvalidArgument", /^limit: Infinity /],
  ["-Infinity in an array", { where: { size: [1, -Infinity] } }, "InvalidArgument", /^where\.size\[1\]: -Infinity /],
  ["an invalid Date", { where: { at: new Date(NaN) } }, "InvalidArgument", /^where\.at: the Date is invalid/],
  ["a function", { text: () => 1 }, "InvalidArgument", /^text: a function /],
  ["a symbol", { query: Symbol("s") }, "InvalidArgument", /^query: a symbol /],
  ["a BigInt", { where: { size: 1n } }, "InvalidArgument", /^where\.size: a bigint /],
  ["a Map", { where: new Map() }, "InvalidArgument", /^where: a Map /],
  ["a Set", { where: { tags: { any: new Set(["a"]) } } }, "InvalidArgument", /^where\.tags\.any: a Set /],
  ["a RegExp", { text: /x/ }, "InvalidArgument", /^text: a RegExp /],
  ["undefined in an array", { facets: ["a", undefined] }, "InvalidArgument", /^facets\[1\]: undefined /],
  ["a hole", { facets: [, "a"] }, "InvalidArgument", /^facets\[0\]: undefined /],
  ["an odd name", { where: { "a b": { "": 1n } } }, "InvalidArgument", /^where\["a b"\]\[""\]: a bigint /],
  ["a cycle", { where: cycle }, "InvalidArgument", /^where\.or\[0\]\.not: it is a cycle/],
  ["a getter that throws", { where: { at: throwing } }, "InvalidArgument", /^options: reading it threw/],
  ["a revoked proxy", { where: { tags: revoked.proxy } }, "InvalidArgument", /^options: reading it threw/],
  ["1,000 levels", { where: deep }, "TooLarge", /: it is nested deeper than 256 levels/],
  ["a small graph that stands for billions", { where: billions }, "TooLarge", /more than 65536 values/],
  ["a million values", { where: { tags: Array(1_000_000).fill("a") } }, "TooLarge", /more than 65536 values/],
];
for (const [title, options, code, message] of REFUSED) {
  test(`a search with ${title} is refused before it is sent`, async (t) => {
    const { hoard, engine } = await open(t);
    await assert.rejects(hoard.search(options as Any), { name: "HoardError", code, message });
    assert.deepEqual(engine.requests, []);
  });
}

test("an object that is in a request twice is no cycle, and one of a class is read", async (t) => {
  const { hoard, engine } = await open(t);
  await hoard.search({ where: { or: [twice, twice], not: twice } });
  await hoard.search({ where: new Custom() as Any });
  assert.deepEqual(engine.requests, [
    { where: { or: [twice, twice], not: twice }, utcOffset },
    { where: { a: 1 }, utcOffset },
  ]);
});

test("hits bring their sessions, which are then answered without the engine", async (t) => {
  const { hoard, engine } = await open(t);
  const startedAt = new Date(5);
  await hoard.sessions.create({ id: "a", title: "A", startedAt, $x: -0 });
  await hoard.sessions.create({ id: "b", title: "B" });
  engine.answer = {
    found: ["b", "gone", "a"],
    total: 7,
    at: [{ list: "notes", index: 2 }, null, null],
    snippets: [
      [{ field: "notes.text", text: "an error", highlights: [3, 8], list: "notes", index: 2 }],
      [],
      [{ field: "title", text: "A A", highlights: [0, 1, 2, 3] }],
    ],
    facets: [
      { field: "tags", values: ["x", "y"], counts: [2, 1], others: 4 },
      { field: "__proto__", values: [], counts: [], others: 0 },
    ],
    cut: true,
    incomplete: true,
    problems: [{ code: "UnclosedQuote", message: "…", at: 3, length: 1 }],
  };
  const { hits, facets, ...rest } = await hoard.search({ query: 'ab "c', lenient: true });
  assert.deepEqual(hits, [
    {
      id: "b",
      score: 1,
      session: { id: "b", title: "B" },
      at: { list: "notes", index: 2 },
      snippets: [{ field: "notes.text", at: { list: "notes", index: 2 }, text: "an error", highlights: [[3, 8]] }],
    },
    { id: "gone", score: 1 / 2, snippets: [] },
    {
      id: "a",
      score: 1 / 3,
      session: { id: "a", title: "A", startedAt, $x: -0 },
      snippets: [
        {
          field: "title",
          text: "A A",
          highlights: [
            [0, 1],
            [2, 3],
          ],
        },
      ],
    },
  ]);
  assert.ok(Object.hasOwn(facets, "__proto__"));
  assert.deepEqual(facets["tags"], {
    values: [
      { value: "x", count: 2 },
      { value: "y", count: 1 },
    ],
    others: 4,
  });
  assert.deepEqual(rest, {
    total: 7,
    incomplete: true,
    cut: true,
    problems: [{ code: "UnclosedQuote", message: "…", at: 3, length: 1 }],
  });
  engine.log.length = 0;
  assert.deepEqual(await hoard.sessions.get("a"), { id: "a", title: "A", startedAt, $x: -0 });
  (hits[0]!.session as Any).title = "changed";
  assert.equal((await hoard.sessions.get("b"))?.["title"], "B", "what a caller does with a hit is the caller's");
  assert.deepEqual(engine.log, []);
});

test("a session that changes while it is found is not kept as it was", async (t) => {
  const { hoard, engine } = await open(t);
  await hoard.sessions.create({ id: "a", title: "old" });
  engine.answer = { found: ["a"] };
  let go = (): void => {};
  engine.searching = new Promise((resolve) => (go = resolve));
  const found = hoard.search("old");
  while (engine.requests.length === 0) await new Promise(setImmediate);
  await hoard.sessions.update("a", { title: "new" });
  go();
  assert.equal((await found).hits[0]?.session?.["title"], "old");
  assert.equal((await hoard.sessions.get("a"))?.["title"], "new");
});

test("hits come without their sessions where none were asked for", async (t) => {
  const { hoard, engine } = await open(t);
  engine.answer = { ids: ["a"], scores: [1], at: [null], total: 1 };
  assert.deepEqual(await hoard.search({ sessions: false }), {
    total: 1,
    hits: [{ id: "a", score: 1, snippets: [] }],
    facets: {},
    incomplete: false,
    cut: false,
    problems: [],
  });
});

test("a search sees what was written before it, and nobody awaited", async (t) => {
  const { hoard, engine } = await open(t);
  void hoard.sessions.create({ id: "a" });
  for (let n = 0; n < 300; n += 1) void hoard.list("a", n % 2 ? "x" : "y").append({ n });
  await hoard.search("x");
  const order = engine.log.map((entry) => entry.split(" ")[0]);
  assert.equal(order.at(-1), "search");
  assert.equal(order.filter((entry) => entry === "append").length, 300);
});

test("a search ends when its signal fires", async (t) => {
  const { hoard, engine } = await open(t);
  await assert.rejects(hoard.search({ signal: AbortSignal.abort("why") }), { code: "Aborted", cause: "why" });
  await assert.rejects(hoard.suggest("lo", { signal: AbortSignal.abort() }), { code: "Aborted" });
  await new Promise(setImmediate);
  assert.deepEqual(engine.requests, [], "nothing was asked");
  let go = (): void => {};
  engine.searching = new Promise((resolve) => (go = resolve));
  for (const call of [
    (signal: AbortSignal) => hoard.search({ signal }),
    (signal: AbortSignal) => hoard.suggest("lo", { signal }),
  ]) {
    const abort = new AbortController();
    const found = call(abort.signal);
    while (engine.requests.length === 0) await new Promise(setImmediate);
    engine.requests.length = 0;
    abort.abort();
    await assert.rejects(found, { code: "Aborted" });
  }
  go();
});

test("what cannot be read in a query is an error with its place", async (t) => {
  const { hoard, engine } = await open(t);
  engine.searching = Promise.reject({
    code: "InvalidQuery",
    message: "this quote is not closed",
    retryable: false,
    needsReload: false,
    at: 3,
    length: 1,
  });
  engine.searching.catch(() => {});
  await assert.rejects(hoard.search({ query: 'ab "c' }), {
    code: "InvalidQuery",
    position: { at: 3, length: 1 },
    message: "this quote is not closed",
  });
  engine.searching = Promise.reject({ code: "TooLarge", message: "m", retryable: false, needsReload: false });
  engine.searching.catch(() => {});
  const error = await hoard.search("x").catch((error: unknown) => error);
  assert.ok(!("position" in (error as object)));
});

test("suggestions are asked for as they are", async (t) => {
  const { hoard, engine } = await open(t);
  assert.deepEqual(await hoard.suggest("the lo"), [{ text: "login", count: 3 }]);
  await hoard.suggest("lo", { fields: ["title"], limit: 3, fuzzy: 1, signal: new AbortController().signal });
  assert.deepEqual(engine.requests, [{ text: "the lo" }, { fields: ["title"], limit: 3, fuzzy: 1, text: "lo" }]);
  await assert.rejects(hoard.suggest((() => 1) as Any), { code: "InvalidArgument", message: /^text: a function/ });
  await assert.rejects((hoard.suggest as Any).call(hoard), { code: "InvalidArgument", message: /^text: a text is/ });
  await assert.rejects(hoard.suggest("x", null as Any), { code: "InvalidArgument", message: /^options: / });
  await assert.rejects(hoard.suggest("x", { limit: NaN }), { code: "InvalidArgument", message: /^limit: NaN/ });
});

test("optimize and reindex are jobs", async (t) => {
  const { hoard } = await open(t);
  const run = async (job: ReturnType<Hoard["optimize"]> | ReturnType<Hoard["reindex"]>): Promise<number> => {
    let last = 0;
    job.addEventListener("progress", ({ detail }) => (last = detail.done));
    await job.done;
    return last;
  };
  assert.equal(await run(hoard.optimize()), 5);
  assert.equal(await run(hoard.reindex()), 6);
});

test("what is indexed is told when the hoard is opened", () => {
  assert.equal(indexJson(false), "false");
  const index = {
    fields: { day: { kind: "date", path: ["a.b", "c"] }, tags: false },
    items: { "x.y": true },
    analyser: "en",
  } as const;
  assert.deepEqual(JSON.parse(indexJson(index)), index);
  for (const [bad, message] of [
    [null, /^index: /],
    [true, /^index: /],
    ["standard", /^index: /],
    [[], /^index: /],
    [{ fields: { a: () => 1 } }, /^index\.fields\.a: a function/],
    [{ fields: { a: { kind: "text", boost: NaN } } }, /^index\.fields\.a\.boost: NaN/],
    [{ fields: new Map() }, /^index\.fields: a Map/],
  ] as [Any, RegExp][]) {
    assert.throws(() => indexJson(bad), { code: "InvalidArgument", message });
  }
});
