// Random sessions, random changes and random questions, each answered by the hoard and by reading everything.
import { assert } from "chai";
import type { Condition, Hoard, SearchOptions, Where } from "hoardb";
import { clean, freshName, open } from "./support.js";

// What is random here has no types.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Any = any;

interface Kept {
  session: Record<string, Any> & { id: string };
  lists: Record<string, { text?: string }[]>;
}

/** Numbers that are the same for the same seed (mulberry32). */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed * 0x9e3779b9;
  }

  /** From 0 up to, and without, `n`. */
  below(n: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }

  some<T>(count: number, make: () => T): T[] {
    return Array.from({ length: this.below(count + 1) }, make);
  }
}

const WORDS = ["alpha", "alpine", "beta", "better", "bet", "gamma", "game", "delta", "de", "echo", "eco", "x1"];
const TAGS = ["red", "green", "Blue", "two words", ""];
const STATES = ["done", "draft", "Done"];
const LISTS = ["notes", "messages"];
/** The text fields, and where their texts are in the metadata or in the items of a list. */
const META_TEXTS: Record<string, string[]> = {
  title: ["title"],
  text: ["topics", "tags", "category", "subCategory", "notes", "description"],
};
const TEXT_FIELDS = ["title", "text", "notes.text", "messages.text"];

const wordsOf = (text: string): string[] =>
  text
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter(Boolean);
const textOf = (random: Random, most: number): string => random.some(most, () => random.pick(WORDS)).join(" ");

function metadata(random: Random, id: string): Kept["session"] {
  const session: Kept["session"] = { id };
  if (random.chance(80)) session["title"] = textOf(random, 6);
  if (random.chance(70)) session["tags"] = random.some(3, () => random.pick(TAGS));
  if (random.chance(70)) session["status"] = random.pick(STATES);
  if (random.chance(60)) session["size"] = random.below(7) - 3 + random.below(2) / 2;
  if (random.chance(60)) session["startedAt"] = new Date(random.below(20) * 1000);
  if (random.chance(40)) session["description"] = textOf(random, 8);
  if (random.chance(20)) session["category"] = random.pick(WORDS);
  if (random.chance(10)) session["status"] = 5;
  // Not what the fields are for: it is left out.
  if (random.chance(10)) session["size"] = "5";
  if (random.chance(10)) session["title"] = { text: "alpha" };
  return session;
}

const item = (random: Random): { text?: string } => (random.chance(90) ? { text: textOf(random, 6) } : {});

/** The texts of a field, each as its words. */
function texts({ session, lists }: Kept, field: string): string[][] {
  const paths = META_TEXTS[field];
  const values: unknown[] =
    paths === undefined ?
      (lists[field.slice(0, -".text".length)] ?? []).map(({ text }) => text)
    : paths.flatMap((path) => session[path] as unknown);
  return values.filter((value): value is string => typeof value === "string").map(wordsOf);
}

function distance(one: string, two: string): number {
  let row = Array.from({ length: two.length + 1 }, (_, n) => n);
  for (let i = 1; i <= one.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= two.length; j += 1) {
      next[j] = Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (one[i - 1] === two[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[two.length]!;
}

interface Asked {
  text: string;
  match?: "all" | "any";
  prefix?: boolean | "last";
  fuzzy?: 0 | 1 | 2;
}

function hasWords(
  kept: Kept,
  { text, match = "all", prefix = false, fuzzy = 0 }: Asked,
  fields: readonly string[],
): boolean {
  const asked = wordsOf(text);
  if (asked.length === 0) return false;
  const there = fields.flatMap((field) => texts(kept, field).flat());
  const has = (word: string, at: number): boolean =>
    there.some(
      (other) =>
        other === word ||
        ((prefix === true || (prefix === "last" && at === asked.length - 1)) && other.startsWith(word)) ||
        (fuzzy > 0 && distance(word, other) <= fuzzy),
    );
  return match === "all" ? asked.every(has) : asked.some(has);
}

function hasPhrase(kept: Kept, phrase: string): boolean {
  const wanted = wordsOf(phrase);
  return TEXT_FIELDS.some((field) =>
    texts(kept, field).some((words) => words.some((_, at) => wanted.every((word, n) => words[at + n] === word))),
  );
}

/** Texts as they are, numbers as they are written. */
const keywords = (value: unknown): string[] => [value ?? []].flat().map(String);
const numberOf = (value: unknown): number | undefined =>
  value instanceof Date ? value.getTime()
  : typeof value === "number" ? value
  : undefined;

/** What a field of the index holds of a session: its own kind only. */
function values({ session }: Kept, field: string): (string | number)[] {
  const value: unknown = session[field];
  switch (field) {
    case "tags":
    case "status":
      return keywords(value);
    case "size":
      return typeof value === "number" ? [value] : [];
    default:
      return value instanceof Date ? [value.getTime()] : [];
  }
}

function fulfils(kept: Kept, field: string, condition: Any): boolean {
  if (field === "*" || TEXT_FIELDS.includes(field)) {
    if ("exists" in condition) return texts(kept, field).flat().length > 0 === condition.exists;
    return hasWords(kept, condition, field === "*" ? TEXT_FIELDS : [field]);
  }
  const own = values(kept, field);
  const equals = (wanted: unknown): boolean => own.includes((numberOf(wanted) ?? wanted) as never);
  if (Array.isArray(condition)) return condition.some(equals);
  if (typeof condition !== "object" || condition instanceof Date) return equals(condition);
  if ("exists" in condition) return own.length > 0 === condition.exists;
  if ("any" in condition || "all" in condition)
    return (condition.any?.some(equals) ?? true) && (condition.all?.every(equals) ?? true);
  const from = numberOf(condition.from) ?? -Infinity;
  const to = numberOf(condition.to) ?? Infinity;
  return own.some((value) => (value as number) >= from && (value as number) <= to);
}

function holds(kept: Kept, where: Where<Any>): boolean {
  return Object.entries(where as Record<string, Any>).every(([name, condition]) => {
    if (name === "and") return condition.every((inner: Where<Any>) => holds(kept, inner));
    if (name === "or") return condition.some((inner: Where<Any>) => holds(kept, inner));
    if (name === "not") return ![condition].flat().some((inner: Where<Any>) => holds(kept, inner));
    return fulfils(kept, name, condition);
  });
}

function randomWords(random: Random): Asked {
  const text = [random.pick(WORDS), ...random.some(2, () => random.pick(WORDS))]
    .map((word) => (random.chance(30) ? word.slice(0, 1 + random.below(word.length)) : word))
    .map((word) => (random.chance(15) ? `${word}z` : word))
    .join(" ");
  return {
    text,
    ...(random.chance(50) && { match: random.pick(["all", "any"] as const) }),
    ...(random.chance(40) && { prefix: random.pick([true, "last", false] as const) }),
    ...(random.chance(40) && { fuzzy: random.pick([0, 1, 2] as const) }),
  };
}

function randomCondition(random: Random, field: string): Condition {
  if (random.chance(15)) return { exists: random.chance(50) };
  switch (field) {
    case "tags":
    case "status": {
      const value = (): string => random.pick(field === "tags" ? TAGS : [...STATES, "nothing"]);
      return random.pick([
        value(),
        [value(), value()],
        { any: [value(), value()] },
        { all: [value(), value()] },
        { any: [value()], all: [value()] },
      ]);
    }
    case "size": {
      const [from, to] = [random.below(9) - 4, random.below(9) - 4];
      return random.pick<Condition>([from, [from, to], { from }, { to }, { from, to }]);
    }
    case "startedAt": {
      const [from, to] = [new Date(random.below(20) * 1000), random.below(20) * 1000];
      return random.pick<Condition>([from, to, [from, to], { from }, { to }, { from, to }]);
    }
    default:
      return randomWords(random);
  }
}

function randomWhere(random: Random, depth = 0): Where<Any> {
  const where: Record<string, Any> = {};
  for (let count = random.below(3); count >= 0; count -= 1) {
    const nested = (): Where<Any>[] => [
      randomWhere(random, depth + 1),
      ...random.some(1, () => randomWhere(random, depth + 1)),
    ];
    const field = random.pick([
      "tags",
      "status",
      "size",
      "startedAt",
      "title",
      "text",
      "notes.text",
      "*",
      "and",
      "or",
      "not",
    ]);
    if (!["and", "or", "not"].includes(field)) {
      where[field] = field === "*" ? randomWords(random) : randomCondition(random, field);
    } else if (depth < 3) {
      where[field] = field === "not" && random.chance(50) ? randomWhere(random, depth + 1) : nested();
    }
  }
  return where as Where<Any>;
}

/** A question, and what of the sessions fulfils it. */
function question(random: Random): { options: SearchOptions<Any>; fulfilled: (kept: Kept) => boolean } {
  const options: SearchOptions<Any> = {};
  const tests: ((kept: Kept) => boolean)[] = [];
  const how = randomWords(random);
  if (random.chance(50)) {
    const fields = random.chance(30) ? [random.pick(TEXT_FIELDS), random.pick(TEXT_FIELDS)] : undefined;
    Object.assign(options, how, fields && { fields });
    tests.push((kept) => hasWords(kept, how, fields ?? TEXT_FIELDS));
  }
  if (random.chance(60)) {
    const where = randomWhere(random);
    options.where = where;
    tests.push((kept) => holds(kept, where));
  }
  if (
    random.chance(30) &&
    options.fields === undefined &&
    options.prefix === undefined &&
    options.fuzzy === undefined &&
    options.match === undefined
  ) {
    const [one, two, tag] = [random.pick(WORDS), random.pick(WORDS), random.pick(["red", "green"])];
    const any =
      (text: string) =>
      (kept: Kept): boolean =>
        hasWords(kept, { text }, TEXT_FIELDS);
    const [query, test] = random.pick<[string, (kept: Kept) => boolean]>([
      [`"${one} ${two}"`, (kept) => hasPhrase(kept, `${one} ${two}`)],
      [`${one} -${two}`, (kept) => any(one)(kept) && !any(two)(kept)],
      [`${one} OR ${two}`, (kept) => any(one)(kept) || any(two)(kept)],
      [
        `tags:${tag} (${one} | status:done)`,
        (kept) => values(kept, "tags").includes(tag) && (any(one)(kept) || values(kept, "status").includes("done")),
      ],
      [
        `${one.slice(0, 2)}* ${two}~`,
        (kept) =>
          hasWords(kept, { text: one.slice(0, 2), prefix: true }, TEXT_FIELDS) &&
          hasWords(kept, { text: two, fuzzy: 1 }, TEXT_FIELDS),
      ],
      [`size:-1..2 has:tags`, (kept) => fulfils(kept, "size", { from: -1, to: 2 }) && values(kept, "tags").length > 0],
    ]);
    options.query = query;
    tests.push(test);
  }
  return { options, fulfilled: (kept) => tests.every((test) => test(kept)) };
}

async function ask(hoard: Hoard<Any>, kept: Map<string, Kept>, random: Random, seed: string): Promise<void> {
  const { options, fulfilled } = question(random);
  const orderBy = random.pick([undefined, "size", "startedAt", "status"]);
  if (orderBy !== undefined) {
    options.orderBy = orderBy;
    options.reverse = random.chance(50);
  }
  options.facets = ["tags", { field: "status", limit: 1 }];
  options.limit = 1000;
  const message = `${seed}: ${JSON.stringify(options)}`;
  const wanted = [...kept.values()].filter(fulfilled).sort((one, two) => (one.session.id < two.session.id ? -1 : 1));
  const result = await hoard.search(options);
  assert.isFalse(result.incomplete, message);
  assert.equal(result.total, wanted.length, message);
  const ids = result.hits.map(({ id }) => id);
  assert.deepEqual(
    [...ids].sort(),
    wanted.map(({ session }) => session.id),
    message,
  );
  if (orderBy !== undefined) {
    const sign = options.reverse ? -1 : 1;
    const key = ({ session }: { session: { id: string } }): string | number | undefined =>
      values(kept.get(session.id)!, orderBy)[0];
    const ordered = wanted.sort((one, two) => {
      const [a, b] = [key(one), key(two)];
      if (a === b) return one.session.id < two.session.id ? -1 : 1;
      if (a === undefined || b === undefined) return a === undefined ? 1 : -1;
      return a < b ? -sign : sign;
    });
    assert.deepEqual(
      ids,
      ordered.map(({ session }) => session.id),
      message,
    );
  } else {
    // What has all words comes first, then the rest; among each of them the score decides.
    type Hit = (typeof result.hits)[number];
    const follows = (one: Hit, two: Hit): boolean =>
      two.score < one.score || (two.score === one.score && one.id < two.id);
    const breaks = result.hits.filter((hit, n) => n > 0 && !follows(result.hits[n - 1]!, hit));
    assert.isAtMost(breaks.length, 1, message);
  }
  for (const { id, session } of result.hits) assert.deepEqual(session, kept.get(id)?.session, message);
  for (const field of ["tags", "status"]) {
    const counts = new Map<string, number>();
    for (const one of wanted)
      for (const value of new Set(values(one, field))) counts.set(String(value), (counts.get(String(value)) ?? 0) + 1);
    const all = [...counts]
      .sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
      .map(([value, count]) => ({ value, count }));
    const limit = field === "tags" ? 10 : 1;
    assert.deepEqual(
      result.facets[field],
      { values: all.slice(0, limit), others: Math.max(0, all.length - limit) },
      message,
    );
  }
  // Any page of it is a part of the whole.
  const offset = random.below(wanted.length + 2);
  const page = await hoard.search({ ...options, offset, limit: 3, sessions: false, facets: [] });
  assert.equal(page.total, wanted.length, message);
  assert.deepEqual(
    page.hits.map(({ id }) => id),
    ids.slice(offset, offset + 3),
    message,
  );
}

/** One change, to the hoard and to what is kept beside it. */
function change(hoard: Hoard<Any>, kept: Map<string, Kept>, random: Random): Promise<unknown> {
  const id = `s${random.below(16)}`;
  const before = kept.get(id);
  if (before === undefined || random.chance(15)) {
    const whole: Kept = { session: metadata(random, id), lists: {} };
    for (const list of LISTS) if (random.chance(50)) whole.lists[list] = random.some(4, () => item(random));
    kept.set(id, whole);
    return hoard.save(structuredClone(whole) as Any);
  }
  const list = random.pick(LISTS);
  const items = (before.lists[list] ??= []);
  switch (random.below(5)) {
    case 0:
      kept.delete(id);
      return hoard.sessions.delete(id);
    case 1: {
      const patch = metadata(random, id);
      Object.assign(before.session, patch);
      return hoard.sessions.update(id, patch);
    }
    case 2:
      before.session = metadata(random, id);
      return hoard.sessions.put(structuredClone(before.session));
    case 3:
      if (items.length > 0) {
        const at = random.below(items.length);
        items[at] = item(random);
        return hoard.list(id, list).set(at, items[at]);
      }
      return hoard.sessions.count();
    default: {
      const more = [item(random), ...random.some(2, () => item(random))];
      items.push(...more);
      return hoard.list(id, list).append(more);
    }
  }
}

/** One seed: about 40 changes, and as many questions between them. */
export async function differ(seed: number): Promise<void> {
  const random = new Random(seed + 1);
  const options = { name: freshName(), chunk: { items: 3 }, index: { fields: { size: "number" } } } as const;
  let hoard = await open<Any>(options);
  const kept = new Map<string, Kept>();
  for (let step = 0; step < 40; step += 1) {
    const changes = random.some(3, () => change(hoard, kept, random));
    const message = `seed ${seed}, step ${step}`;
    await ask(hoard, kept, random, message);
    await Promise.all(changes);
    if (random.chance(4)) await hoard.optimize().done;
    if (random.chance(2)) await hoard.reindex().done;
    if (random.chance(4)) {
      await hoard.close();
      hoard = await open<Any>(options);
    }
  }
  await clean(hoard);
  await hoard.close();
}
