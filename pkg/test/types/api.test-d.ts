// The public types, end to end: what may be given, what comes back, and what is refused. Never run, only compiled.
import {
  AttachmentRef,
  HoardError,
  deleteHoard,
  openHoard,
  type Ack,
  type AnySchema,
  type Hoard,
  type HoardErrorCode,
  type HoardEvents,
  type Input,
  type Job,
  type CollectReport,
  type Facet,
  type IndexOptions,
  type IndexStats,
  type ItemPosition,
  type OptimizeReport,
  type QueryPosition,
  type QueryProblem,
  type ReindexReport,
  type SearchOptions,
  type SearchResult,
  type Session,
  type Snippet,
  type Stored,
  type Suggestion,
  type VerifyReport,
  type Where,
  type WholeSession,
  type Witness,
} from "../../src/index.js";
import { assertType, type Same } from "./assert.js";

interface Recording {
  session: {
    title: string;
    startedAt: Date;
    tags: string[];
    cover?: AttachmentRef;
    place?: { lat: number; lon: number };
  };
  lists: {
    screenshots: { at: number; image: AttachmentRef; note?: string };
    notes: { text: string };
    levels: number;
  };
}

declare const hoard: Hoard<Recording>;
declare const loose: Hoard;
declare const blob: Blob;

export async function opening(): Promise<void> {
  const opened = await openHoard<Recording>({ name: "x" });
  assertType<Same<typeof opened, Hoard<Recording>>>();
  await openHoard({
    name: "x",
    worker: false,
    wasm: new URL("https://example.org/x.wasm"),
    durability: "strict",
    chunk: { items: 5 },
  });
  await openHoard({ name: "x", worker: new Worker("x.js"), wasm: new Uint8Array(8), searchWasm: "x.wasm", graceMs: 0 });
  // @ts-expect-error a name is needed
  await openHoard({});
  // @ts-expect-error no such durability
  await openHoard({ name: "x", durability: "eventual" });
  // @ts-expect-error a schema has lists
  await openHoard<{ session: { a: 1 } }>({ name: "x" });
}

export async function sessions(): Promise<void> {
  const made = await hoard.sessions.create({ title: "a", startedAt: new Date(), tags: [], cover: blob });
  assertType<Same<typeof made.id, string>>();
  assertType<Same<typeof made.startedAt, Date>>();
  assertType<Same<typeof made.cover, AttachmentRef | undefined>>();
  assertType<Same<typeof made, Session<Recording>>>();
  await hoard.sessions.create({ id: "mine", title: "a", startedAt: new Date(), tags: ["x"] as const });
  await hoard.sessions.create({ title: "a", startedAt: new Date(), tags: [], cover: new Uint8Array(1) });
  await hoard.sessions.create({ title: "a", startedAt: new Date(), tags: [], cover: made.cover! });
  // @ts-expect-error tags are missing
  await hoard.sessions.create({ title: "a", startedAt: new Date() });
  // @ts-expect-error a date is no string
  await hoard.sessions.create({ title: "a", startedAt: "today", tags: [] });
  // @ts-expect-error a cover is binary
  await hoard.sessions.create({ title: "a", startedAt: new Date(), tags: [], cover: "x" });
  // @ts-expect-error an id is a string
  await hoard.sessions.create({ id: 5, title: "a", startedAt: new Date(), tags: [] });

  const got = await hoard.sessions.get("a");
  assertType<Same<typeof got, Session<Recording> | undefined>>();
  // @ts-expect-error it may not be there
  got.title;
  const many = await hoard.sessions.getMany(["a", "b"]);
  assertType<Same<typeof many, (Session<Recording> | undefined)[]>>();

  await hoard.sessions.update("a", { title: "b" });
  await hoard.sessions.update("a", { cover: undefined, title: undefined });
  await hoard.sessions.update("a", { place: { lat: 1, lon: 2 } });
  // @ts-expect-error no such field
  await hoard.sessions.update("a", { titel: "b" });
  // @ts-expect-error nested objects are replaced whole
  await hoard.sessions.update("a", { place: { lat: 1 } });

  await hoard.sessions.put({ id: "a", title: "a", startedAt: new Date(), tags: [] });
  // @ts-expect-error an id is needed
  await hoard.sessions.put({ title: "a", startedAt: new Date(), tags: [] });

  const deleted = await hoard.sessions.delete("a");
  assertType<Same<typeof deleted, boolean>>();
  const count = await hoard.sessions.deleteMany(new Set(["a"]));
  assertType<Same<typeof count, number>>();
  assertType<Same<Awaited<ReturnType<typeof hoard.sessions.count>>, number>>();

  const listing = hoard.sessions.list({ orderBy: "startedAt", reverse: true, limit: 50 });
  for await (const session of listing) assertType<Same<typeof session, Session<Recording>>>();
  assertType<Same<typeof listing.next, string | null>>();
  // @ts-expect-error no such option
  hoard.sessions.list({ order: "startedAt" });
}

export async function lists(): Promise<void> {
  const shots = hoard.list("a", "screenshots");
  const index = await shots.append({ at: 1, image: blob });
  assertType<Same<typeof index, number>>();
  await shots.append({ at: 1, image: blob });
  await shots.append([
    { at: 1, image: new ArrayBuffer(1) },
    { at: 2, image: new Float32Array(1), note: "x" },
  ]);
  const item = await shots.get(1);
  assertType<Same<typeof item, Stored<Recording["lists"]["screenshots"]> | undefined>>();
  if (item) assertType<Same<typeof item.image, AttachmentRef>>();
  await shots.append(item!);
  await shots.set(0, item!);
  // @ts-expect-error an image is needed
  await shots.append({ at: 1 });
  // @ts-expect-error an image is binary
  await shots.append([{ at: 1, image: "x" }]);
  // @ts-expect-error no such list
  hoard.list("a", "videos");
  for await (const shot of shots) assertType<Same<typeof shot.at, number>>();
  for await (const chunk of shots.chunks({ from: 1, signal: AbortSignal.abort() })) {
    assertType<Same<typeof chunk.items, Stored<Recording["lists"]["screenshots"]>[]>>();
    assertType<Same<typeof chunk.error, HoardError | undefined>>();
  }
  await hoard.list("a", "levels").append([1, 2]);
  const level = await hoard.list("a", "levels").get(0);
  assertType<Same<typeof level, number | undefined>>();
  const notes = await hoard.list("a", "notes").slice(1, 2);
  assertType<Same<typeof notes, { text: string }[]>>();
}

export async function whole(): Promise<void> {
  const saved = await hoard.save({ session: { title: "a", startedAt: new Date(), tags: [] }, lists: { levels: [1] } });
  assertType<Same<typeof saved, string>>();
  await hoard.save({ session: { title: "a", startedAt: new Date(), tags: [] } });
  // @ts-expect-error no such list
  await hoard.save({ session: { title: "a", startedAt: new Date(), tags: [] }, lists: { videos: [] } });
  const loaded = await hoard.load("a", {
    lists: ["notes"],
    onProgress: ({ done, total, list }) => [done + total, list.length],
  });
  assertType<Same<typeof loaded, WholeSession<Recording>>>();
  assertType<Same<typeof loaded.lists.notes, { text: string }[] | undefined>>();
  assertType<Same<(typeof loaded.damaged)[number]["error"], HoardError>>();
  await hoard.save(loaded);
  await hoard.saveMany([loaded]);
  await hoard.saveMany(
    (async function* () {
      yield loaded;
    })(),
  );
  // @ts-expect-error a single session is saved with save
  await hoard.saveMany(loaded);
  // @ts-expect-error no such list
  await hoard.load("a", { lists: ["videos"] });
}

export async function attachments(): Promise<void> {
  const ref = await hoard.attachments.put(blob);
  await hoard.attachments.put(blob.stream(), { type: "image/png", signal: AbortSignal.abort() });
  assertType<Same<typeof ref, AttachmentRef>>();
  assertType<Same<typeof ref.size, number>>();
  assertType<Same<Awaited<ReturnType<typeof ref.bytes>>, Uint8Array<ArrayBuffer>>>();
  const part: Blob = new Blob([await ref.bytes({ start: 1 })]);
  void part;
  const stat = await hoard.attachments.stat(ref.hash);
  const { size, storedSize, references }: { size: number; storedSize: number; references: number } = stat;
  void [size, storedSize, references, stat.encoding, stat.type];
  // @ts-expect-error text is not binary
  await hoard.attachments.put("text");
  // @ts-expect-error it cannot be changed
  ref.hash = "x";
}

export async function acknowledgements(ack: Ack): Promise<void> {
  const notes = hoard.list("a", "notes");
  const accepted = await notes.append({ text: "x" }, { ack: "accepted" });
  assertType<Same<typeof accepted, undefined>>();
  const committed = await notes.append([{ text: "x" }], { ack: "durable" });
  assertType<Same<typeof committed, number>>();
  const either = await notes.append({ text: "x" }, { ack });
  assertType<Same<typeof either, number | undefined>>();
  await notes.set(0, { text: "y" }, { ack });
  const meta = { title: "a", startedAt: new Date(), tags: [] };
  const made = await hoard.sessions.create(meta, { ack: "accepted" });
  assertType<Same<typeof made, { id: string }>>();
  const stored = await hoard.sessions.create(meta, {});
  assertType<Same<typeof stored, Session<Recording>>>();
  await hoard.sessions.update("a", { title: "b" }, { ack });
  await hoard.sessions.put({ id: "a", ...meta }, { ack });
  const deleted = await hoard.sessions.delete("a", { ack: "accepted" });
  assertType<Same<typeof deleted, undefined>>();
  const count = await hoard.sessions.deleteMany(["a"], { ack });
  assertType<Same<typeof count, number | undefined>>();
  assertType<Same<Awaited<ReturnType<typeof hoard.save>>, string>>();
  await hoard.save({ session: meta }, { ack });
  await hoard.saveMany([{ session: meta }], { ack: "durable" });
  await hoard.attachments.put(blob, { ack: "committed", type: "x" });
  // @ts-expect-error no such acknowledgement
  await notes.append({ text: "x" }, { ack: "soon" });
  // @ts-expect-error what is not kept by the page is not accepted by it
  await hoard.saveMany([{ session: meta }], { ack: "accepted" });
  // @ts-expect-error the same
  await hoard.attachments.put(blob, { ack: "accepted" });
}

export async function events(): Promise<void> {
  hoard.addEventListener("change", ({ detail: { changes, generation, remote } }) => {
    for (const { session, list, from, to } of changes) void [session.length, list?.length, (from ?? 0) + (to ?? 0)];
    assertType<Same<(typeof changes)[number]["kind"], "metadata" | "deleted" | "saved" | "appended" | "set">>();
    void [generation + 1, !remote];
  });
  hoard.addEventListener("quota", ({ detail }) => assertType<Same<typeof detail.error, HoardError | null>>());
  hoard.addEventListener("loss", ({ detail }) => detail.lastSeen.sessions - (detail.found?.sessions ?? 0));
  const failed = ({ detail }: CustomEvent<HoardEvents["failed"]>): void => void detail.error.code;
  hoard.addEventListener("failed", failed, { once: true });
  hoard.removeEventListener("failed", failed);
  hoard.addEventListener("healed", ({ detail: { cause } }) => cause.length);
  hoard.addEventListener("blocked", ({ detail: { error } }) => error.retryable);
  // @ts-expect-error it has no such detail
  hoard.addEventListener("healed", ({ detail }) => detail.error);
}

export async function keeping(): Promise<void> {
  await openHoard({
    name: "x",
    cache: { bytes: 1e6, ttlMs: 1000 },
    queue: { bytes: 1e6, writes: 10 },
    loss: "accept",
    housekeeping: false,
  });
  await deleteHoard("x");
  assertType<Same<Awaited<ReturnType<typeof hoard.persist>>, boolean>>();
  const { hitRate, page } = await hoard.cache.stats();
  void [hitRate + page.hitRate];
  await hoard.cache.clear();
  const dropped = (await hoard.cache.invalidate("a")) + (await hoard.cache.invalidate({ prefix: "a" }));
  void (dropped + (await hoard.cache.invalidate({ pattern: "a*" })));
  // @ts-expect-error one of them is needed
  await hoard.cache.invalidate({});
  const { queue, cache, storeId, page: own } = await hoard.stats();
  void [queue.transactions + cache.bytes + own.waiting, storeId.length];
}

export async function indexing(): Promise<void> {
  await openHoard({ name: "x", index: false });
  const index: IndexOptions = {
    fields: {
      duration: "number",
      people: { kind: "keyword[]", path: ["host", "guests"] },
      summary: { kind: "text", boost: 3, analyser: "en", positions: false },
      title: false,
    },
    items: { "captions.words": true, "shots.ocr": { boost: 0.5 }, "notes.text": false },
    analyser: "en-all",
  };
  await openHoard<Recording>({ name: "x", index });
  // @ts-expect-error no such kind
  await openHoard({ name: "x", index: { fields: { a: "integer" } } });
  // @ts-expect-error a kind is needed
  await openHoard({ name: "x", index: { fields: { a: { boost: 2 } } } });
  // @ts-expect-error the standard index needs no word
  await openHoard({ name: "x", index: true });
  // @ts-expect-error items are text
  await openHoard({ name: "x", index: { items: { "shots.at": "number" } } });
  // @ts-expect-error no such option
  await openHoard({ name: "x", index: { analyzer: "en" } });
}

export async function searching(): Promise<void> {
  const found = await hoard.search("login eror");
  assertType<Same<typeof found, SearchResult<Recording>>>();
  const hit = found.hits[0]!;
  assertType<Same<typeof hit.session, Session<Recording> | undefined>>();
  assertType<Same<typeof hit.at, ItemPosition | undefined>>();
  assertType<Same<typeof hit.snippets, Snippet[]>>();
  assertType<Same<(typeof hit.snippets)[number]["highlights"], [start: number, end: number][]>>();
  assertType<Same<(typeof found.facets)[string], Facet>>();
  assertType<Same<typeof found.problems, QueryProblem[]>>();
  void [found.total + hit.score, found.incomplete || found.cut, hit.id.length];
  // @ts-expect-error it may not have been asked for
  hit.session.title;
  // @ts-expect-error there may be no such facet
  found.facets["tags"].others;
  const any = await loose.search({ limit: 0 });
  assertType<Same<typeof any, SearchResult<AnySchema>>>();

  const options: SearchOptions<Recording> = {
    text: "login eror",
    match: "any",
    fields: ["title", "notes.text"],
    prefix: "last",
    fuzzy: 1,
    query: "tag:ui -draft",
    lenient: true,
    facets: ["tags", { field: "status", limit: 5 }, "made.up"],
    snippets: { length: 80 },
    sessions: false,
    orderBy: "startedAt",
    reverse: true,
    limit: 20,
    offset: 40,
    signal: AbortSignal.abort(),
  };
  await hoard.search(options);
  await hoard.search({ prefix: true, snippets: true, orderBy: "made.up" });
  const where: Where<Recording> = {
    title: { text: "words", match: "any", prefix: "last", fuzzy: 2 },
    "*": { text: "anywhere" },
    startedAt: { from: new Date(), to: 5 },
    tags: { any: ["a"], all: ["b"] },
    place: { exists: true },
    category: "x",
    "made.up": [1, new Date()],
    not: { status: "draft", or: [{ size: 5 }] },
    and: [{ not: [{ status: "draft" }, { size: { from: 5 } }] }],
    or: [{ title: { text: "x" } }, { and: [{ tags: ["a", "b"] as const }] }],
  };
  await hoard.search({ where });
  await loose.search({ where: { tags: "ui", startedAt: { from: 5 }, not: { any: { from: 5 }, size: { to: 7 } } } });
  // @ts-expect-error something is searched for
  await hoard.search();
  // @ts-expect-error options are an object
  await hoard.search(5);
  // @ts-expect-error no such option
  await hoard.search({ limt: 5 });
  // @ts-expect-error 2 is the most
  await hoard.search({ fuzzy: 3 });
  // @ts-expect-error any or all
  await hoard.search({ match: "some" });
  // @ts-expect-error fields are listed
  await hoard.search({ fields: "title" });
  // @ts-expect-error a field of the index has no such condition
  await hoard.search({ where: { startedAt: { after: new Date() } } });
  // @ts-expect-error neither has one that the schema names
  await hoard.search({ where: { place: { near: 5 } } });
  // @ts-expect-error nor inside of others
  await hoard.search({ where: { not: { tags: { some: ["a"] } } } });
  // @ts-expect-error nothing is compared with true
  await loose.search({ where: { "made.up": true } });
  // @ts-expect-error what is joined is a list
  await hoard.search({ where: { or: { tags: "a" } } });
  // @ts-expect-error a length is named
  await hoard.search({ snippets: 80 });

  const suggested = await hoard.suggest("the lo", { fields: ["title"], limit: 3, fuzzy: 1 });
  assertType<Same<typeof suggested, Suggestion[]>>();
  // @ts-expect-error no such option
  await hoard.suggest("the lo", { prefix: true });
  // @ts-expect-error something is completed
  await hoard.suggest();

  const { index } = await hoard.stats();
  assertType<Same<typeof index, IndexStats | undefined>>();
  void [index?.fields[0]?.analyser?.length, index?.building, (index?.bytes ?? 0) + (index?.memory ?? 0)];
}

export async function jobs(): Promise<void> {
  const optimize = hoard.optimize();
  assertType<Same<typeof optimize, Job<OptimizeReport>>>();
  const { segmentsBefore, bytesAfter } = await optimize.done;
  const { sessions, items, segments, bytes: taken } = await hoard.reindex().done;
  assertType<Same<Awaited<ReturnType<typeof hoard.reindex>["done"]>, ReindexReport>>();
  void [segmentsBefore + bytesAfter, sessions + items + segments + taken];
  const collect = hoard.collect({ dryRun: true });
  assertType<Same<typeof collect, Job<CollectReport>>>();
  const { bytes } = await collect.done;
  assertType<Same<typeof bytes, number>>();
  const verify: Job<VerifyReport> = hoard.verify({ full: true, repair: false });
  for await (const { phase, done, total, unit } of verify.progress) void [phase.length, done + total, unit];
  verify.addEventListener("progress", ({ detail }) => detail.done + 1);
  // @ts-expect-error no such option
  hoard.verify({ fix: true });
  const stats = await hoard.stats();
  assertType<Same<typeof stats.quota, { usage: number; quota: number } | null>>();
  assertType<Same<typeof stats.savedByDeduplication, number>>();
}

export function errors(error: unknown): boolean {
  if (!(error instanceof HoardError)) return false;
  assertType<Same<typeof error.code, HoardErrorCode>>();
  // @ts-expect-error no such code
  if (error.code === "Oops") return false;
  assertType<Same<typeof error.lastSeen, Witness | undefined>>();
  assertType<Same<typeof error.position, QueryPosition | undefined>>();
  if (error.code === "InvalidQuery") return error.position !== undefined;
  return error.code === "StorageFull" || error.path === "item.image";
}

export async function untyped(): Promise<void> {
  const made = await loose.sessions.create({ title: "x", startedAt: new Date(), topics: [], nested: { deep: [blob] } });
  assertType<Same<typeof made.id, string>>();
  const title: unknown = made["title"];
  void title;
  await loose.list("a", "anything").append({ what: "ever", image: blob });
  await loose.list("a", "numbers").append([1, 2, 3]);
  const { lists } = await loose.load("a");
  const items: unknown[] | undefined = lists["anything"];
  void items;
}

export function mapped(): void {
  assertType<
    Same<
      Stored<{ a: Blob; b?: Uint8Array; c: (ArrayBuffer | string)[] }>,
      { a: AttachmentRef; b?: AttachmentRef; c: (AttachmentRef | string)[] }
    >
  >();
  assertType<Same<Stored<[Date, Blob]>, [Date, AttachmentRef]>>();
  assertType<Same<Stored<unknown>, unknown>>();
  assertType<Same<Stored<string | null>, string | null>>();
  assertType<Same<Input<() => void>, never>>();
  assertType<Same<Input<Map<string, number>>, never>>();
  assertType<Same<Input<{ a: bigint }>, { readonly a: never }>>();
  assertType<Same<Input<"a" | "b">, "a" | "b">>();
}
