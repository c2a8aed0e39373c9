// Searching, end to end: what is found, counted, ordered and shown, right after it was written and after everything that
// happens to a hoard.
import { assert } from "chai";
import { openHoard, type Hoard, type HoardErrorCode, type SearchOptions, type SearchResult, type Where } from "hoardb";
import { examples } from "docs:search";
import { WORKER, clean, eventually, fails, freshName, open, records, wasmSources, write, type RawRecord } from "./support.js";
import { sample } from "./search-sample.js";
import { differ } from "./search-model.js";

// What a caller in JavaScript can hand over, whatever the types say.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Any = any;

const ids = ({ hits }: SearchResult<Any>): string[] => hits.map(({ id }) => id);
const found = async (hoard: Hoard<Any>, options: string | SearchOptions<Any>): Promise<string[]> =>
  ids(await hoard.search(options)).sort();

/** Waits until the index is whole. */
const whole = (hoard: Hoard<Any>): Promise<void> =>
  eventually(async () => assert.isFalse((await hoard.search({ limit: 0 })).incomplete), 30_000);

describe("a search", () => {
  // Nothing here writes.
  let hoard: Hoard<Any>;
  before(async () => {
    hoard = await openHoard({
      name: `search ${crypto.randomUUID()}`,
      worker: WORKER,
      index: { fields: { size: "number" } },
    });
    await hoard.saveMany(sample());
    await whole(hoard);
  });
  after(async () => {
    await hoard.close();
    indexedDB.deleteDatabase(hoard.name);
  });

  const finds = (title: string, options: SearchOptions<Any> | string, expected: string): void => {
    it(`${title}: ${JSON.stringify(options)}`, async () => {
      const result = await hoard.search(options);
      assert.equal(ids(result).sort().join(" "), expected);
      assert.equal(result.total, result.hits.length);
      assert.deepEqual([result.incomplete, result.problems], [false, []]);
    });
  };
  const where = (title: string, condition: Where<Any>, expected: string): void =>
    finds(title, { where: condition }, expected);
  const day = (text: string): Date => new Date(`${text}T00:00:00Z`);

  describe("by conditions on fields", () => {
    where("a keyword", { status: "done" }, "call japan login");
    where("a keyword is compared exactly", { status: "Done" }, "");
    where("a keyword of several", { tags: "ui" }, "japan login");
    where("any of these", { tags: ["team", "urgent"] }, "call japan login plan");
    where("any of these, said in words", { tags: { any: ["team", "none"] } }, "call japan plan");
    where("all of these", { tags: { all: ["ui", "team"] } }, "japan");
    where("all of these and any of those", { tags: { all: ["ui"], any: ["urgent", "none"] } }, "login");
    where("a number", { size: 50 }, "plan");
    where("one of these numbers", { size: [5, 50, 7] }, "login plan");
    where("numbers from", { size: { from: 5 } }, "login plan");
    where("numbers to", { size: { to: 5 } }, "call login");
    where("numbers between", { size: { from: -1.5, to: 5 } }, "call login");
    where("no number lies between these", { size: { from: 6, to: 5 } }, "");
    where("a moment", { startedAt: new Date("2026-01-05T10:00:00Z") }, "login");
    where("moments between", { startedAt: { from: day("2026-02-01"), to: +day("2026-03-01") } }, "japan plan");
    where("one of these moments", { startedAt: [day("2026-03-01"), +day("2026-02-10")] }, "japan plan");
    where("a value", { category: { exists: true } }, "japan login plan");
    where("no value", { category: { exists: false } }, "bare call");
    where("words in a text", { title: { text: "error" } }, "login");
    where("any of the words in a text", { title: { text: "error planning", match: "any" } }, "login plan");
    where("the beginning of a word in a text", { title: { text: "plan", prefix: true } }, "plan");
    where("a word with errors in a text", { title: { text: "lgoin", fuzzy: 2 } }, "login");
    where("words in any text", { "*": { text: "error" } }, "login");
    where("words of an item", { "notes.text": { text: "exact words" } }, "login");
    where("two conditions", { status: "done", tags: "ui" }, "japan login");
    where("and", { and: [{ status: "done" }, { tags: "ui" }] }, "japan login");
    where("or", { or: [{ status: "draft" }, { tags: "urgent" }] }, "login plan");
    where("not", { not: { status: "done" } }, "bare plan");
    where("none of these", { not: [{ status: "done" }, { category: "meeting" }] }, "bare");
    where(
      "all of these, nested",
      { status: "done", or: [{ tags: "urgent" }, { not: { category: { exists: true } } }] },
      "call login",
    );
    where("not, of two conditions", { not: { status: "done", tags: "ui" } }, "bare call plan");
    where("everything", {}, "bare call japan login plan");
    finds("no options at all", {}, "bare call japan login plan");
  });

  describe("by words", () => {
    finds("one", { text: "login" }, "call login");
    finds("whatever their case and accents", { text: "LÓGIN grusse" }, "login");
    finds("all of them", { text: "login error" }, "login");
    finds("any of them", { text: "planning error", match: "any" }, "login plan");
    finds("in different texts of a session", { text: "update köln" }, "login");
    finds("of keywords too", { text: "urgent" }, "login");
    finds("in some fields", { text: "login", fields: ["title"] }, "login");
    finds("of items", { text: "köln", fields: ["messages.text"] }, "login");
    finds("beginnings", { text: "plan", prefix: true }, "call plan");
    finds("only whole words", { text: "plan" }, "call");
    finds("beginnings of all words", { text: "plann meet", prefix: true }, "plan");
    finds("the beginning of the last word", { text: "login upd", prefix: "last" }, "login");
    finds("the last word's only", { text: "logi update", prefix: "last" }, "");
    finds("one edit away", { text: "eror", fuzzy: 1 }, "login");
    finds("not two", { text: "lgoin", fuzzy: 1 }, "");
    finds("two edits away", { text: "planing", fuzzy: 2 }, "plan");
    finds("beginnings or with an edit", { text: "logon upda", prefix: true, fuzzy: 1 }, "login");
    finds("syntax is just words", { text: 'status:done "login' }, "");
    finds("of a language without spaces", { text: "会議" }, "japan");
    finds("a part of them", { text: "日本" }, "japan");
    finds("not what is not together", { text: "本会" }, "");
    finds("with conditions", { text: "login", where: { status: "done", tags: "ui" } }, "login");
    finds("with a query", { text: "login", query: "-urgent" }, "call");
    finds("in no text at all", { text: "nowhere" }, "");
  });

  describe("as it is typed into a search box", () => {
    const query = (text: string, expected: string): void => finds("typed", { query: text }, expected);
    query("login", "call login");
    query("login error", "login");
    query('"exact words"', "login");
    query('"words exact"', "");
    query("plann*", "plan");
    query("eror~", "login");
    query("lgoin~2", "call login");
    query("login -error", "call");
    query("NOT status:done", "bare plan");
    query("planning OR error", "login plan");
    query("(planning OR login) -error", "call plan");
    query("tag:ui", "japan login");
    query("tags:(ui team)", "japan");
    query("tags:(urgent OR team)", "call japan login plan");
    query("title:login", "login");
    query('messages.text:"aus koln"', "login");
    query("size:>5", "plan");
    query("size:-2..5", "call login");
    query("startedAt:2026-02", "plan");
    query("after:2026-02-20", "japan");
    query("before:2026-02", "login");
    query("has:category -category:bug", "japan plan");
    query("*", "bare call japan login plan");
    query("", "bare call japan login plan");
    query("LOGIN status:done after:2026-01-01 before:2026-02-01", "login");

    it("days are those of the user's clock", async () => {
      const startedAt = new Date(2026, 4, 7, 0, 30);
      const own = await open();
      await own.sessions.create({ id: "a", startedAt });
      assert.deepEqual(await found(own, { query: "on:2026-05-07" }), ["a"]);
      assert.deepEqual(await found(own, { query: "on:2026-05-06" }), []);
    });

    it("words side by side may be any of them, and the last one a beginning", async () => {
      assert.deepEqual(await found(hoard, { query: "planning error", match: "any" }), ["login", "plan"]);
      assert.deepEqual(await found(hoard, { query: "login upd", prefix: "last" }), ["login"]);
      assert.deepEqual(await found(hoard, { query: "logi upd", prefix: true }), ["login"]);
    });

    for (const [text, problem, at, length] of [
      ['😀 "a', "UnclosedQuote", 3, 1],
      ["(a", "UnclosedGroup", 0, 1],
      ["a)", "UnopenedGroup", 1, 1],
      ["a OR", "MissingOperand", 2, 2],
      ["é tga:ui", "UnknownField", 2, 3],
      ["a tag:", "MissingValue", 2, 4],
      ["a after:2026-", "BadDate", 8, 5],
      ["size:NaN a", "BadNumber", 5, 3],
      ["size:5..1", "EmptyRange", 5, 4],
      ["word~3", "BadDistance", 4, 2],
      ["tag:ui*", "WrongOperator", 6, 1],
      ["tag:(a OR b AND c)", "MixedValues", 12, 3],
    ] as const) {
      it(`${JSON.stringify(text)} is an error with its place: ${problem}`, async () => {
        const error = await fails("InvalidQuery", () => hoard.search({ query: text }));
        assert.deepEqual(error.position, { at, length });
        const { problems } = await hoard.search({ query: text, lenient: true });
        assert.deepEqual([problems[0]?.code, problems[0]?.at, problems[0]?.length], [problem, at, length]);
        assert.include(error.message, problems[0]?.message ?? "nothing");
        assert.deepEqual((await hoard.search(text)).problems, problems, "a text alone is lenient");
      });
    }

    it("what is not finished is taken for what it may become", async () => {
      assert.deepEqual(await found(hoard, '"exact wor'), []);
      assert.deepEqual(await found(hoard, '"exact words'), ["login"]);
      assert.deepEqual(await found(hoard, "(login OR planning"), ["call", "login", "plan"]);
      assert.deepEqual(await found(hoard, "login AND"), ["call", "login"]);
    });

    for (const [title, text, at] of [
      ["parentheses that are too deep", `${"(".repeat(1000)}a${")".repeat(1000)}`, 32],
      ["10,000 words", Array(10_000).fill("a").join(" ").slice(0, 16_000), 512],
    ] as const) {
      it(`${title} is an error, lenient or not`, async () => {
        for (const lenient of [false, true]) {
          const error = await fails("InvalidQuery", () => hoard.search({ query: text, lenient }));
          assert.equal(error.position?.at, at);
        }
      });
    }

    it("words in it are looked for in the fields that are named", async () => {
      assert.deepEqual(await found(hoard, { query: "login tag:ui", fields: ["title"] }), ["login"]);
      assert.deepEqual(await found(hoard, { query: "login", fields: ["title"] }), ["login"]);
    });

    it("fields have shorter names", async () => {
      assert.deepEqual(await found(hoard, "is:draft"), ["plan"]);
      assert.deepEqual(await found(hoard, "type:bug topic:login date:2026 note:exact message:köln"), ["login"]);
    });

    it("regular expressions are just words", async () => {
      assert.deepEqual(await found(hoard, ".*[a-z]+?{2}^$ (a|b)* \\"), []);
      assert.deepEqual(await found(hoard, { text: "(.*)+login$" }), ["call", "login"]);
    });
  });

  it("counts the values of facets over all that was found", async () => {
    const all = await hoard.search({ facets: ["tags", { field: "status", limit: 1 }, "category"], limit: 1 });
    assert.equal(all.total, 5);
    assert.equal(all.hits.length, 1);
    assert.deepEqual(all.facets, {
      tags: {
        values: [
          { value: "team", count: 3 },
          { value: "ui", count: 2 },
          { value: "urgent", count: 1 },
        ],
        others: 0,
      },
      status: { values: [{ value: "done", count: 3 }], others: 1 },
      category: {
        values: [
          { value: "meeting", count: 2 },
          { value: "bug", count: 1 },
        ],
        others: 0,
      },
    });
    const some = await hoard.search({ where: { tags: "ui" }, facets: ["status"], limit: 0 });
    assert.deepEqual(some.facets, { status: { values: [{ value: "done", count: 2 }], others: 0 } });
    assert.deepEqual(some.hits, []);
  });

  it("orders by a field, what has none last, either way round", async () => {
    const order = async (orderBy: string, reverse = false): Promise<string> =>
      ids(await hoard.search({ orderBy, reverse })).join(" ");
    assert.equal(await order("startedAt"), "login plan japan bare call");
    assert.equal(await order("startedAt", true), "japan plan login bare call");
    assert.equal(await order("size"), "call login plan bare japan");
    assert.equal(await order("status"), "call japan login plan bare");
    assert.equal(await order("status", true), "plan call japan login bare");
  });

  it("orders by relevance, best first", async () => {
    const { hits } = await hoard.search({ text: "login" });
    assert.deepEqual(
      hits.map(({ id }) => id),
      ["login", "call"],
      "the title counts for more",
    );
    assert.isAbove(hits[0]!.score, hits[1]!.score);
    assert.isAbove(hits[1]!.score, 0);
  });

  it("takes a page out of all", async () => {
    const all = ids(await hoard.search({ orderBy: "size" }));
    for (const [offset, limit] of [
      [0, 2],
      [1, 3],
      [4, 5],
      [5, 5],
      [1_000_000, 5],
      [0, 0],
    ] as const) {
      const { total, hits } = await hoard.search({ orderBy: "size", offset, limit });
      assert.equal(total, 5);
      assert.deepEqual(
        hits.map(({ id }) => id),
        all.slice(offset, offset + limit),
      );
    }
  });

  it("brings the sessions as they were stored, or not", async () => {
    const { hits } = await hoard.search({ text: "köln" });
    const [hit] = hits;
    assert.deepEqual(hit?.session, await hoard.sessions.get("login"));
    assert.instanceOf(hit?.session?.["startedAt"], Date);
    const bare = await hoard.search({ text: "köln", sessions: false });
    assert.notProperty(bare.hits[0], "session");
    assert.equal(bare.total, 1);
  });

  it("points at the item that fits best", async () => {
    const { hits } = await hoard.search({ query: '"exact words"' });
    assert.deepEqual(hits[0]?.at, { list: "notes", index: 1 });
    const { text } = (await hoard.list("login", "notes").get(1)) as { text: string };
    assert.include(text, "exact words");
    assert.deepEqual((await hoard.search({ text: "koln" })).hits[0]?.at, { list: "messages", index: 0 });
    assert.notProperty((await hoard.search({ text: "update" })).hits[0], "at", "the metadata fits better");
    assert.notProperty((await hoard.search({ where: { status: "draft" } })).hits[0], "at");
  });

  it("shows stretches with what was found in them, as offsets", async () => {
    for (const [options, words] of [
      [{ text: "login error" }, /^(login|error)$/i],
      [{ text: "koln" }, /^Köln$/],
      [{ query: "“exact words”" }, /^(exact|words|exact words)$/],
      [{ text: "upd", prefix: true }, /^update$/],
      [{ text: "eror", fuzzy: 1 }, /^error$/i],
      [{ text: "会議" }, /^会議$/],
    ] as [SearchOptions<Any>, RegExp][]) {
      const { hits } = await hoard.search({ ...options, snippets: true });
      assert.isAbove(hits.length, 0);
      for (const { id, snippets } of hits) {
        assert.isAbove(snippets.length, 0, id);
        const { session, lists } = (await hoard.load(id)) as Any;
        for (const { field, at, text, highlights } of snippets) {
          assert.isAtMost(text.length, 160);
          const stored =
            at === undefined ? [session[field] ?? Object.values(session)].flat() : [lists[at.list][at.index].text];
          if (at !== undefined) assert.equal(field, `${at.list}.text`);
          assert.isTrue(
            stored.some((value: unknown) => String(value).includes(text)),
            `${field}: ${text}`,
          );
          let last = 0;
          for (const [start, end] of highlights) {
            assert.isAtLeast(start, last);
            assert.match(text.slice(start, end), words);
            last = end;
          }
        }
        assert.isTrue(snippets.some(({ highlights }) => highlights.length > 0));
      }
    }
    assert.deepEqual((await hoard.search({ text: "login" })).hits[0]?.snippets, []);
  });

  it("shows a short stretch of a long text, whatever stands before it", async () => {
    const own = await open();
    const text = `${"😀é lorem ipsum. ".repeat(500)}Here the needle is found. ${"日本 dolor sit amet ".repeat(500)}`;
    await own.save({ session: { id: "a", title: text }, lists: { notes: [{ text: "none" }, { text }] } });
    for (const length of [16, 40, 2000]) {
      const { hits } = await own.search({ text: "needle", snippets: { length } });
      const snippets = hits[0]!.snippets;
      assert.isAbove(snippets.length, 0);
      for (const snippet of snippets) {
        assert.isAtMost(snippet.text.length, length);
        assert.include(text, snippet.text);
        assert.deepEqual(
          snippet.highlights.map(([start, end]) => snippet.text.slice(start, end)),
          ["needle"],
        );
      }
    }
  });

  it("says when a beginning stood for too many words", async () => {
    const own = await open();
    const words = Array.from({ length: 1500 }, (_, n) => `w${n.toString(36)}`);
    await own.sessions.create({ id: "a", title: words.join(" ") });
    assert.isTrue((await own.search({ text: "w", prefix: true })).cut);
    assert.isFalse((await own.search({ text: "w1", prefix: true })).cut);
  });

  it("suggests how the last word goes on", async () => {
    assert.deepEqual((await hoard.suggest("plann"))[0], { text: "planning", count: 1 });
    const [first, ...rest] = await hoard.suggest("an error of LOG", { limit: 2 });
    assert.deepEqual(first, { text: "an error of LOGin", count: 2 }, "what was typed stays");
    assert.isAtMost(rest.length, 1);
    assert.deepEqual(await hoard.suggest("zzz"), []);
    const titles = await hoard.suggest("t", { fields: ["title"], limit: 100 });
    assert.isTrue(titles.every(({ text }) => text.startsWith("t")));
    assert.notInclude(
      titles.map(({ text }) => text),
      "team",
    );
    assert.include(
      (await hoard.suggest("pla", { limit: 100 })).map(({ text }) => text),
      "planning",
    );
    assert.include(
      (await hoard.suggest("eror", { fuzzy: 1 })).map(({ text }) => text),
      "error",
    );
  });

  it("ends when its signal fires", async () => {
    const abort = new AbortController();
    const searching = hoard.search({ text: "login", signal: abort.signal });
    abort.abort();
    await fails("Aborted", () => searching);
    await fails("Aborted", () => hoard.suggest("lo", { signal: AbortSignal.abort() }));
    assert.equal((await hoard.search("login")).total, 2, "others go on");
  });

  describe("with bad input", () => {
    let deep: Any = { status: "x" };
    for (let level = 0; level < 100; level += 1) deep = { not: deep };
    const many = (count: number): string => Array.from({ length: count }, (_, n) => `w${n}`).join(" ");
    const rows: [title: string, options: Any, code: HoardErrorCode, message?: RegExp][] = [
      ["undefined", undefined, "InvalidArgument"],
      ["a number", 5, "InvalidArgument"],
      ["an option that there is not", { limt: 5 }, "InvalidArgument", /limt/],
      ["a text that is a number", { text: 5 }, "InvalidArgument", /^text/],
      ["a text that is null", { text: null }, "InvalidArgument", /^text/],
      ["a text of 16,385 units", { text: "x".repeat(16_385) }, "TooLarge"],
      ["257 words", { text: many(257) }, "TooLarge"],
      ["a match of some", { text: "a", match: "some" }, "InvalidArgument", /^match/],
      ["a fuzzy of 3", { text: "a", fuzzy: 3 }, "InvalidArgument", /^fuzzy/],
      ["a fuzzy of true", { text: "a", fuzzy: true }, "InvalidArgument", /^fuzzy/],
      ["a prefix of first", { text: "a", prefix: "first" }, "InvalidArgument", /^prefix/],
      ["fields that are a text", { text: "a", fields: "title" }, "InvalidArgument", /^fields/],
      ["a field that there is not", { text: "a", fields: ["title", "nope"] }, "InvalidArgument", /nope/],
      ["a field that is no text", { text: "a", fields: ["tags"] }, "InvalidArgument", /tags/],
      ["a query that is a list", { query: ["a"] }, "InvalidArgument", /^query/],
      ["lenient of 1", { query: "a", lenient: 1 }, "InvalidArgument", /^lenient/],
      ["where that is a text", { where: "status:done" }, "InvalidArgument", /^where/],
      ["where that is a list", { where: [] }, "InvalidArgument", /^where/],
      ["an unknown field", { where: { nope: "x" } }, "InvalidArgument", /nope/],
      ["reverse without an order", { reverse: true }, "InvalidArgument", /^reverse/],
      ["a query of 16,385 units", { query: "x".repeat(16_385), lenient: true }, "TooLarge"],
      ["no fields", { text: "a", fields: [] }, "InvalidArgument", /^fields/],
      ["null for a field", { where: { tags: null } }, "InvalidArgument", /^where\.tags/],
      ["true for a number", { where: { size: true } }, "InvalidArgument", /^where\.size/],
      ["an object for a keyword", { where: { tags: {} } }, "InvalidArgument", /^where\.tags/],
      [
        "null among keywords",
        { where: { tags: { any: ["a", "b", "c", null] } } },
        "InvalidArgument",
        /^where\.tags\.any\[3\]/,
      ],
      ["a text for a number", { where: { size: "5" } }, "InvalidArgument", /^where\.size/],
      ["a range of a keyword", { where: { status: { from: 5 } } }, "InvalidArgument", /^where\.status/],
      ["a range of texts", { where: { size: { from: "5" } } }, "InvalidArgument", /^where\.size\.from/],
      ["a range of NaN", { where: { size: { from: NaN } } }, "InvalidArgument", /^where\.size\.from/],
      ["an unknown condition", { where: { startedAt: { after: 5 } } }, "InvalidArgument", /^where\.startedAt/],
      ["exists of 1", { where: { tags: { exists: 1 } } }, "InvalidArgument", /^where\.tags\.exists/],
      ["words for a keyword", { where: { tags: { text: "a" } } }, "InvalidArgument", /^where\.tags/],
      ["a keyword for a text", { where: { title: "a" } }, "InvalidArgument", /^where\.title/],
      ["or of one", { where: { or: { status: "x" } } }, "InvalidArgument", /^where\.or/],
      ["and of texts", { where: { and: ["a"] } }, "InvalidArgument", /^where\.and\[0\]/],
      ["not of a text", { where: { not: "a" } }, "InvalidArgument", /^where\.not/],
      [
        "a bad one, deep inside",
        { where: { or: [{}, { not: [{ size: { to: [] } }] }] } },
        "InvalidArgument",
        /^where\.or\[1\]\.not\[0\]\.size\.to/,
      ],
      ["100 levels", { where: deep }, "TooLarge"],
      ["1,100 conditions", { where: { or: Array(1100).fill({ status: "x" }) } }, "TooLarge"],
      ["a facet of a text", { facets: ["title"] }, "InvalidArgument", /title/],
      ["a facet of a number", { facets: ["size"] }, "InvalidArgument", /size/],
      ["a facet that is a number", { facets: [5] }, "InvalidArgument", /^facets\[0\]/],
      ["facets that are a text", { facets: "tags" }, "InvalidArgument", /^facets/],
      [
        "a facet of 1,001 values",
        { facets: [{ field: "tags", limit: 1001 }] },
        "InvalidArgument",
        /^facets\[0\]\.limit/,
      ],
      ["snippets of 15", { snippets: { length: 15 } }, "InvalidArgument", /^snippets\.length/],
      ["snippets of 2,001", { snippets: { length: 2001 } }, "InvalidArgument", /^snippets\.length/],
      ["sessions of yes", { sessions: "yes" }, "InvalidArgument", /^sessions/],
      ["an order by a text", { orderBy: "title" }, "InvalidArgument", /title/],
      ["an order by what there is not", { orderBy: "nope" }, "InvalidArgument", /nope/],
      ["reverse of 1", { reverse: 1 }, "InvalidArgument", /^reverse/],
      ["a limit of 1,001", { limit: 1001 }, "InvalidArgument", /^limit/],
      ["a limit of -1", { limit: -1 }, "InvalidArgument", /^limit/],
      ["half a hit", { limit: 0.5 }, "InvalidArgument", /^limit/],
      ["an offset of -1", { offset: -1 }, "InvalidArgument", /^offset/],
      ["an offset of NaN", { offset: NaN }, "InvalidArgument", /^offset/],
    ];
    for (const [title, options, code, message] of rows) {
      it(`${title}: ${code}`, async () => {
        const error = await fails(code, () => hoard.search(options));
        if (message !== undefined) assert.match(error.message, message);
      });
    }
    for (const [title, call, message] of [
      ["without a text", () => (hoard.suggest as Any).call(hoard), /^text/],
      ["of a number", () => hoard.suggest(5 as Any), /^text/],
      ["of none", () => hoard.suggest("a", { limit: 0 }), /^limit/],
      ["of 101", () => hoard.suggest("a", { limit: 101 }), /^limit/],
      ["in keywords", () => hoard.suggest("a", { fields: ["tags"] }), /tags/],
      ["3 edits away", () => hoard.suggest("a", { fuzzy: 3 as Any }), /^fuzzy/],
    ] as const) {
      it(`suggestions ${title}: InvalidArgument`, async () => {
        assert.match((await fails("InvalidArgument", call)).message, message);
      });
    }

    it("texts of odd characters find nothing, or say so", async () => {
      for (const text of [
        "\0",
        "\ud800",
        "\udc00x",
        "\u202e",
        "\ufeff",
        "%00",
        "'; --",
        "x".repeat(16_384),
        "é".repeat(16_384),
      ]) {
        for (const options of [
          { text },
          { query: text, lenient: true },
          { where: { tags: [text] } },
          { text, prefix: true, fuzzy: 2 } as const,
        ]) {
          const result = await hoard.search(options).catch((error: unknown) => error as { code: string });
          if ("code" in result) assert.include(["InvalidArgument", "TooLarge", "InvalidQuery"], result.code);
          else if (text !== "\0" && !text.startsWith("\u202e") && !text.startsWith("\ufeff"))
            assert.isAtMost(result.total, 5);
        }
      }
    });

    for (const [title, index, message] of [
      ["no such kind", { fields: { a: "integer" } }, /index\.fields\.a/],
      ["no kind", { fields: { a: {} } }, /index\.fields\.a/],
      ["a boost of 0", { fields: { a: { kind: "text", boost: 0 } } }, /index\.fields\.a/],
      ["a boost of a keyword", { fields: { a: { kind: "keyword", boost: 2 } } }, /index\.fields\.a/],
      ["a path that is a number", { fields: { a: { kind: "text", path: 5 } } }, /index\.fields\.a/],
      ["no such analyser", { analyser: "klingon" }, /index\.analyser/],
      ["an item without a path", { items: { notes: true } }, /index\.items\.notes/],
      ["a kind of items", { items: { "notes.at": "number" } }, /index\.items/],
      ["an option that there is not", { analyzer: "en" }, /analyzer/],
      ["65 fields", { fields: Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`f${n}`, "number"])) }, /./],
    ] as [string, Any, RegExp][]) {
      it(`opening an index with ${title} is refused`, async () => {
        const name = freshName();
        const error = await openHoard({ name, worker: WORKER, index }).then(
          () => assert.fail("it opened"),
          (error: unknown) => error as { code: string; message: string },
        );
        assert.include(["InvalidArgument", "TooLarge"], error.code);
        assert.match(error.message, message);
      });
    }
  });
});

describe("what is written is found", () => {
  it("at once, whatever writes it, awaited or not", async () => {
    const hoard = await open();
    void hoard.sessions.create({ id: "a", title: "first", tags: ["x"] });
    assert.deepEqual(await found(hoard, { text: "first" }), ["a"]);

    void hoard.sessions.update("a", { title: "second" });
    assert.deepEqual(await found(hoard, { text: "first" }), []);
    assert.deepEqual(await found(hoard, { text: "second", where: { tags: "x" } }), ["a"]);

    await hoard.sessions.update("a", { tags: undefined }, { ack: "accepted" });
    assert.deepEqual(await found(hoard, { where: { tags: "x" } }), []);

    void hoard.list("a", "notes").append([{ text: "one" }, { text: "two" }]);
    assert.deepEqual((await hoard.search({ text: "two" })).hits[0]?.at, { list: "notes", index: 1 });
    void hoard.list("a", "notes").append({ text: "three" });
    assert.deepEqual((await hoard.search({ text: "three" })).hits[0]?.at, { list: "notes", index: 2 });

    void hoard.list("a", "notes").set(1, { text: "other" });
    assert.deepEqual(await found(hoard, { text: "two" }), []);
    assert.deepEqual((await hoard.search({ text: "other" })).hits[0]?.at, { list: "notes", index: 1 });

    void hoard.sessions.put({ id: "a", title: "third" });
    assert.deepEqual(await found(hoard, { text: "second" }), []);
    assert.deepEqual(await found(hoard, { text: "third other" }), ["a"], "its lists stay");

    void hoard.save({ session: { id: "a", title: "fourth" }, lists: { messages: [{ text: "hello" }] } });
    assert.deepEqual(await found(hoard, { text: "three" }), [], "saved as a whole, it has no such list");
    assert.deepEqual(await found(hoard, { text: "fourth hello" }), ["a"]);

    void hoard.saveMany(["b", "c"].map((id) => ({ session: { id, title: `fourth ${id}` } })));
    await eventually(async () => assert.deepEqual(await found(hoard, { text: "fourth" }), ["a", "b", "c"]));
    void hoard.sessions.delete("a");
    assert.deepEqual(await found(hoard, { text: "fourth" }), ["b", "c"]);
    assert.deepEqual(await found(hoard, { text: "hello" }), []);
    void hoard.sessions.deleteMany(["b", "c"]);
    assert.equal((await hoard.search({})).total, 0);
    await hoard.sessions.create({ id: "a", title: "fifth" });
    assert.deepEqual(await found(hoard, { text: "fifth" }), ["a"], "an id can be used again");
    await clean(hoard);
  });

  it("with its metadata as it is then", async () => {
    const hoard = await open();
    await hoard.sessions.create({ id: "a", title: "word", n: 0 });
    for (let n = 1; n < 30; n += 1) {
      void hoard.sessions.update("a", { n });
      assert.equal((await hoard.search("word")).hits[0]?.session?.["n"], n);
      assert.equal((await hoard.sessions.get("a"))?.["n"], n);
    }
  });

  it("by another tab, soon after it is acknowledged", async () => {
    const name = freshName();
    const [one, two] = [await open({ name }), await open({ name })];
    for (let n = 0; n < 10; n += 1) {
      await one.sessions.create({ id: `a${n}`, title: `common one${n}` });
      await two.sessions.create({ id: `b${n}`, title: `common two${n}` });
      await one.list(`a${n}`, "notes").append({ text: `note ${n}` });
      await eventually(async () => {
        assert.deepEqual(await found(two, { text: `one${n} note` }), [`a${n}`]);
        assert.deepEqual(await found(one, { text: `two${n}` }), [`b${n}`]);
        for (const hoard of [one, two])
          assert.equal((await hoard.search({ text: "common", limit: 0 })).total, 2 * n + 2);
      });
    }
    await two.sessions.deleteMany(Array.from({ length: 10 }, (_, n) => `a${n}`));
    await eventually(async () => assert.equal((await one.search({ text: "common" })).total, 10));
    await clean(one);
    await clean(two);
  });

  it("after closing and opening, by an index that was there", async () => {
    const name = freshName();
    const first = await open({ name });
    await first.saveMany(sample());
    for (let n = 0; n < 30; n += 1) await first.list("login", "notes").append({ text: `later ${n}` });
    const before = await first.search({ text: "login", snippets: true, facets: ["tags"] });
    await first.close();
    const second = await open({ name });
    const after = await second.search({ text: "login", snippets: true, facets: ["tags"] });
    assert.isFalse(after.incomplete);
    assert.deepEqual(after, before);
    assert.deepEqual((await second.search({ text: "later 29" })).hits[0]?.at?.list, "notes");
    await clean(second);
  });

  it("in a store that was made without an index, as soon as one is built", async () => {
    const name = freshName();
    const first = await open({ name, index: false });
    await first.saveMany(sample());
    assert.include((await fails("InvalidArgument", () => first.search("login"))).message, "index");
    await fails("InvalidArgument", () => first.suggest("lo"));
    assert.isUndefined((await first.stats()).index);
    await clean(first);
    await first.close();
    const second = await open({ name });
    await fails("InvalidArgument", () => second.search("login"));
    await second.close();
    const third = await open({ name, index: {} });
    await whole(third);
    assert.deepEqual(await found(third, { text: "login" }), ["call", "login"]);
    await clean(third);
  });
});

describe("an index", () => {
  it("has the fields that it is told to have", async () => {
    const hoard = await open({
      index: {
        fields: {
          people: { kind: "keyword[]", path: ["host.name", "guests"] },
          ended: "date",
          rating: { kind: "number", path: "review.rating" },
          summary: { kind: "text", boost: 4 },
          category: false,
        },
        items: { "captions.words": true, "shots.ocr.text": { boost: 2 }, "notes.text": false },
      },
    });
    await hoard.save({
      session: {
        id: "a",
        title: "word",
        host: { name: "Ada" },
        guests: ["Alan", "Grace"],
        ended: new Date(5000),
        review: { rating: 4.5 },
        summary: "nothing",
        category: "x",
      },
      lists: {
        captions: [{ words: "spoken" }],
        shots: [{}, { ocr: { text: "seen" } }],
        notes: [{ text: "noted" }],
        messages: [{ text: "said" }],
      },
    });
    await hoard.sessions.create({ id: "b", title: "x", summary: "word", guests: ["Alan"] });
    assert.deepEqual(await found(hoard, { where: { people: { all: ["Ada", "Grace"] } } }), ["a"]);
    assert.deepEqual(await found(hoard, { where: { people: "Alan" } }), ["a", "b"]);
    assert.deepEqual(await found(hoard, { where: { ended: { from: 5000, to: new Date(5000) } } }), ["a"]);
    assert.deepEqual(await found(hoard, { where: { rating: { from: 4, to: 5 } } }), ["a"]);
    assert.deepEqual(ids(await hoard.search({ text: "word" })), ["b", "a"], "the boost counts");
    assert.deepEqual((await hoard.search({ text: "spoken" })).hits[0]?.at, { list: "captions", index: 0 });
    assert.deepEqual((await hoard.search({ text: "seen" })).hits[0]?.at, { list: "shots", index: 1 });
    assert.deepEqual(await found(hoard, { text: "noted" }), []);
    assert.deepEqual(await found(hoard, { text: "said" }), ["a"]);
    assert.deepEqual(await found(hoard, { query: "people:Grace rating:>4 shots.ocr.text:seen" }), ["a"]);
    await fails("InvalidArgument", () => hoard.search({ where: { category: "x" } }));
    const { index } = await hoard.stats();
    const kinds = Object.fromEntries(
      index!.fields.map(({ name, kind, list }) => [name, list === undefined ? kind : `${kind} of ${list}`]),
    );
    assert.deepInclude(kinds, {
      people: "keyword[]",
      ended: "date",
      rating: "number",
      summary: "text",
      "captions.words": "text of captions",
      "shots.ocr.text": "text of shots",
      tags: "keyword[]",
    });
    assert.notProperty(kinds, "category");
    assert.notProperty(kinds, "notes.text");
    await clean(hoard);
  });

  it("finds words by their stems, in English", async () => {
    const hoard = await open({ index: { analyser: "en", fields: { exact: { kind: "text", analyser: "plain" } } } });
    await hoard.sessions.create({ id: "a", title: "The connections were running", exact: "running" });
    assert.deepEqual(await found(hoard, { text: "connect run" }), ["a"]);
    assert.deepEqual(await found(hoard, { text: "the connected", fields: ["title"] }), ["a"]);
    assert.deepEqual(await found(hoard, { text: "the connected" }), ["a"], "a field that keeps all words and has it not");
    assert.deepEqual(await found(hoard, { text: "the connected", fields: ["exact"] }), []);
    assert.deepEqual(await found(hoard, { text: "run", fields: ["exact"] }), []);
    const { hits } = await hoard.search({ text: "connected", snippets: true });
    const { text, highlights } = hits[0]!.snippets[0]!;
    assert.deepEqual(
      highlights.map(([start, end]) => text.slice(start, end)),
      ["connections"],
    );
    const fields = Object.fromEntries(
      (await hoard.stats()).index!.fields.map(({ name, analyser }) => [name, analyser]),
    );
    assert.deepInclude(fields, { title: "en", exact: "plain" });
    assert.isUndefined(fields["tags"]);
  });

  it("without positions has no phrases, and finds what has all of their words", async () => {
    const hoard = await open({ index: { fields: { body: { kind: "text", positions: false } } } });
    await hoard.sessions.create({ id: "a", body: "two words" });
    assert.deepEqual(await found(hoard, { query: 'body:"words two"' }), ["a"]);
  });

  it("of other fields is built anew, and finds the rest meanwhile", async () => {
    const name = freshName();
    const first = await open({ name });
    await first.saveMany(sample());
    await first.saveMany(
      Array.from({ length: 500 }, (_, n) => ({
        session: { id: `s${n}`, title: "filler", size: n },
        lists: { notes: [{ text: "filling" }] },
      })),
    );
    await first.close();
    const second = await open({ name, index: { fields: { size: "number" } } });
    const early = await second.search({ where: { size: { from: -10 } }, limit: 1000 });
    if (!early.incomplete) assert.equal(early.total, 503);
    await whole(second);
    assert.equal((await second.search({ where: { size: { from: -10 } } })).total, 503);
    assert.equal((await second.search({ text: "filling", limit: 0 })).total, 500);
    assert.isFalse((await second.stats()).index?.building);
    await clean(second);
    await second.close();
    const third = await open({ name });
    assert.equal((await third.search({ where: { size: 50 } })).total, 2, "without options it stays as it is");
    assert.isFalse((await third.search({})).incomplete);
    await third.close();
    const fourth = await open({ name, index: { analyser: "en" } });
    await whole(fourth);
    assert.deepEqual(await found(fourth, { text: "errors plan", match: "any" }), ["call", "login", "plan"]);
    await fails("InvalidArgument", () => fourth.search({ where: { size: 50 } }));
    await clean(fourth);
    await fourth.close();
    const fifth = await open({ name, index: false });
    assert.isUndefined((await fifth.stats()).index);
    await fails("InvalidArgument", () => fifth.search("error"));
    await clean(fifth);
  });

  it("that is changed while another tab writes comes out right", async () => {
    const name = freshName();
    const one = await open({ name });
    await one.saveMany(Array.from({ length: 300 }, (_, n) => ({ session: { id: `s${n}`, title: "before", size: n } })));
    const two = await open({ name, index: { fields: { size: "number" } } });
    for (let n = 0; n < 60; n += 1) {
      await one.sessions.create({ id: `t${n}`, title: "during", size: 1000 + n });
      if (n % 3 === 0) await one.sessions.delete(`s${n}`);
      if (n % 5 === 0) await one.sessions.update(`s${n + 100}`, { title: "changed" });
    }
    await whole(two);
    await eventually(async () => {
      assert.equal((await two.search({ where: { size: { from: 1000 } }, limit: 0 })).total, 60);
      assert.equal((await two.search({ limit: 0 })).total, 340);
      assert.equal((await two.search({ text: "changed", limit: 0 })).total, 12);
    });
    await clean(two);
  });

  it("is merged into one piece, and is built anew, without a difference", async () => {
    const hoard = await open();
    for (const session of sample()) await hoard.save(session);
    for (let n = 0; n < 60; n += 1) {
      await hoard.list("login", "notes").append({ text: `note ${n}` });
      if (n % 2) await hoard.sessions.update("plan", { n });
    }
    const questions: SearchOptions<Any>[] = [
      { text: "login note", match: "any", snippets: true },
      { facets: ["tags", "status"], orderBy: "startedAt" },
      { query: "tag:ui -error" },
      { text: "not", prefix: true, fuzzy: 1 },
    ];
    const ask = (): Promise<unknown> => Promise.all(questions.map((question) => hoard.search(question)));
    const before = await ask();
    const grown = (await hoard.stats()).index!;
    assert.equal(grown.sessions, 5);
    assert.isAbove(grown.entries, 60);

    const report = await hoard.optimize().done;
    assert.isAtLeast(report.segmentsBefore, report.segmentsAfter);
    assert.isAtMost(report.segmentsAfter, 1);
    assert.isAtMost(report.bytesAfter, report.bytesBefore);
    assert.deepEqual(await ask(), before);
    const merged = (await hoard.stats()).index!;
    assert.deepEqual([merged.segments, merged.deleted, merged.sessions], [1, 0, 5]);
    assert.isAbove(merged.bytes, 0);
    await clean(hoard);

    const job = hoard.reindex();
    let heard = 0;
    job.addEventListener("progress", ({ detail }) => void (heard += detail.total >= detail.done ? 1 : -1000));
    const built = await job.done;
    assert.isAbove(heard, 0);
    assert.equal(built.sessions, 5);
    assert.isAtLeast(built.items, 64);
    assert.isAtLeast(built.segments, 1);
    assert.deepEqual(await ask(), before);
    assert.equal((await hoard.stats()).index?.building, false);
    await clean(hoard);
  });

  it("can be built anew while sessions are written, and the building cancelled", async () => {
    const hoard = await open();
    await hoard.saveMany(Array.from({ length: 400 }, (_, n) => ({ session: { id: `s${n}`, title: "old" } })));
    const job = hoard.reindex();
    for (let n = 0; n < 50; n += 1) {
      void hoard.sessions.create({ id: `t${n}`, title: "new" });
      if (n % 4 === 0) void hoard.sessions.delete(`s${n}`);
    }
    await job.done;
    assert.equal((await hoard.search({ text: "new", limit: 0 })).total, 50);
    assert.equal((await hoard.search({ text: "old", limit: 0 })).total, 387);
    await clean(hoard);
    const cancelled = hoard.reindex();
    cancelled.cancel();
    await fails("Cancelled", () => cancelled.done);
    await whole(hoard);
    assert.equal((await hoard.search({ limit: 0 })).total, 437);
  });

  it("that lost a piece answers with the rest, and mends itself", async () => {
    const name = freshName();
    const hoard = await open({ name });
    // Two pieces at least: each is its own transaction.
    await hoard.saveMany(Array.from({ length: 40 }, (_, n) => ({ session: { id: `s${n}`, title: "first" } })));
    await hoard.sessions.create({ id: "last", title: "second" });
    await hoard.close();
    const pieces = (await records(name)).filter(({ store }) => store === "segments");
    assert.isAbove(pieces.length, 0, "there are records of the index");
    const flip = ({ value, ...place }: RawRecord): RawRecord => {
      const bytes = new Uint8Array((value as ArrayBuffer).slice(0));
      bytes[bytes.length - 1]! ^= 1;
      return { ...place, value: bytes.buffer };
    };
    const cut = ({ value, ...place }: RawRecord): RawRecord => ({
      ...place,
      value: (value as ArrayBuffer).slice(0, 9),
    });
    const other = (record: RawRecord): RawRecord => ({ ...record, value: "text" });
    const gone = (record: RawRecord): RawRecord => ({ ...record, value: undefined });
    for (const damage of [flip, cut, other, gone]) {
      const now = (await records(name)).filter(({ store }) => store === "segments");
      await write(name, [damage(now[0]!)]);
      const again = await open({ name });
      const early = await again.search({ limit: 1000 });
      if (!early.incomplete) assert.equal(early.total, 41, "nothing is left out without a word");
      assert.equal(await again.sessions.count(), 41, "the data is not concerned");
      await whole(again);
      assert.equal((await again.search({ text: "first", limit: 0 })).total, 40);
      assert.deepEqual(await found(again, { text: "second" }), ["last"]);
      await clean(again);
      await again.close();
    }
    // All of them.
    const now = (await records(name)).filter(({ store }) => store === "segments");
    await write(name, now.map(flip));
    const again = await open({ name });
    assert.isTrue((await again.search({})).incomplete);
    await whole(again);
    assert.equal((await again.search({ limit: 0 })).total, 41);
    await clean(again);
  });

  it("that is damaged is named by verify, and mended by its repair", async () => {
    const name = freshName();
    const hoard = await open({ name, housekeeping: false });
    await hoard.saveMany(sample());
    await hoard.close();
    const pieces = (await records(name)).filter(({ store }) => store === "segments");
    await write(
      name,
      pieces.map((piece) => ({ ...piece, value: undefined })),
    );
    const again = await open({ name, housekeeping: false });
    const { findings, clean: before } = await again.verify({ full: true }).done;
    assert.isFalse(before);
    assert.isTrue(
      findings.every(({ record }) => record.startsWith("index/") || record.startsWith("segments")),
      JSON.stringify(findings),
    );
    await again.verify({ full: true, repair: true }).done;
    await whole(again);
    assert.deepEqual(await found(again, { text: "login" }), ["call", "login"]);
    await clean(again);
  });
});

describe("the wasm of the index", () => {
  // In this page's own context it is loaded once and stays.
  before(function () {
    if (!WORKER) this.skip();
  });

  it("is found by address, as bytes or compiled", async () => {
    for (const searchWasm of await wasmSources("/dist/wasm/hoardb_search.wasm")) {
      const hoard: Hoard<Any> = await open({ searchWasm });
      await hoard.sessions.create({ id: "a", title: "first" });
      assert.deepEqual(await found(hoard, "first"), ["a"]);
    }
    const engine = await (await fetch("/dist/wasm/hoardb_bg.wasm")).arrayBuffer();
    const hoard: Hoard<Any> = await open({ wasm: engine });
    await hoard.sessions.create({ id: "a", title: "first" });
    assert.deepEqual(await found(hoard, "first"), ["a"], "beside the scripts, wherever the engine came from");
  });

  it("need not be there to read and write", async () => {
    const name = freshName();
    // Whatever is no part of this very build.
    const sources = ["/nowhere.wasm", new Uint8Array([0, 1, 2]), "/dist/wasm/hoardb_bg.wasm"];
    for (const [n, searchWasm] of sources.entries()) {
      const hoard: Hoard<Any> = await open({ name, searchWasm, index: { fields: { size: "number" } } });
      await hoard.sessions.put({ id: "a", title: "first" });
      await hoard.list("a", "messages").append({ text: `said ${n}` });
      assert.equal((await hoard.sessions.get("a"))?.["title"], "first");
      const error = await fails("SearchUnavailable", () => hoard.search("first"));
      assert.isTrue(error.retryable);
      assert.include(error.message, "hoardb_search.wasm");
      await fails("SearchUnavailable", () => hoard.suggest("fi"));
      assert.equal((await hoard.stats()).index, undefined);
      const { findings } = await hoard.verify().done;
      assert.deepEqual(findings.map(({ code }) => code), ["SearchUnavailable"], "nothing says that it was looked at");
      await hoard.close();
    }
    const hoard: Hoard<Any> = await open({ name });
    await whole(hoard);
    assert.deepEqual(await found(hoard, "first"), ["a"]);
    assert.deepEqual(await found(hoard, "said"), ["a"]);
    await clean(hoard);
  });

  it("is not asked for by a hoard that indexes nothing", async () => {
    const hoard: Hoard<Any> = await open({ index: false, searchWasm: "/nowhere.wasm" });
    await hoard.sessions.create({ id: "a", title: "first" });
    await fails("InvalidArgument", () => hoard.search("first"));
    await clean(hoard);
  });
});

describe("on random sessions", () => {
  it("every answer is that of reading all of them", async function () {
    this.timeout(300_000);
    for (let seed = 0; seed < 40; seed += 1) await differ(seed);
  });
});

describe("the guide", () => {
  let hoard: Hoard<Any>;
  before(async () => {
    hoard = await openHoard({
      name: `guide ${crypto.randomUUID()}`,
      worker: WORKER,
      index: { fields: { size: "number" } },
    });
    await hoard.saveMany(sample());
    await whole(hoard);
  });
  after(async () => {
    await hoard.close();
    indexedDB.deleteDatabase(hoard.name);
  });
  for (const { title, run } of examples) {
    it(`finds something with ${title}`, async () => {
      const totals: number[] = [];
      const watched = new Proxy(hoard, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name, target);
          if (typeof value !== "function") return value;
          return async (...given: unknown[]) => {
            const result: unknown = await (value as (...given: unknown[]) => unknown).apply(target, given);
            if (name === "search") totals.push((result as SearchResult<Any>).total);
            if (name === "suggest") totals.push((result as unknown[]).length);
            return result;
          };
        },
      });
      await run(watched, () => {});
      assert.isTrue(
        totals.every((total) => total > 0),
        totals.join(),
      );
    });
  }
});

mocha.run();
