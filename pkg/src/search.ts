/**
 * Searching: requests as JSON, and answers as what was found. A file of its own that is loaded when it is first needed, so that
 * a page that never searches does not download it. It imports next to nothing: what it shared with the page's script, that
 * would have to be cut in pieces for.
 *
 * What a request means is the engine's to check. Here is only refused what JSON has no form for, or would silently change.
 */
import type { CachedMetadata } from "./cache.js";
import type { Channel } from "./channel.js";
import type { decodeDocuments } from "./decode.js";
import type { SearchOut, SnippetOut } from "./engine.js";
import { HoardError, aborted, checkOptions, invalid, property } from "./errors.js";
import type {
  Facet,
  IndexOptions,
  SearchHit,
  SearchOptions,
  SearchResult,
  Snippet,
  SuggestOptions,
  Suggestion,
} from "./search-types.js";
import type { Abortable, Schema, Session } from "./types.js";

/** The most values in a request. The engine's bounds are below; this one keeps a small graph from standing for billions. */
const VALUES_MAX = 65_536;

/** The deepest nesting in a request. The engine's own bound is below. */
const DEPTH_MAX = 256;

/** Of other realms (frames) too. */
function kindOf(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/** A copy for JSON: dates become milliseconds since 1970, a property that is `undefined` is absent. */
class Copy {
  #values = 0;

  /** `around` are the objects that the value is in. */
  of(value: unknown, path: string, around: readonly object[]): unknown {
    if ((this.#values += 1) > VALUES_MAX) throw tooLarge(path, `it has more than ${VALUES_MAX} values`);
    if (typeof value === "string" || typeof value === "boolean" || value === null) return value;
    if (typeof value === "number" && !Number.isFinite(value)) throw invalid(path, `${value} has no form in JSON`);
    if (typeof value === "number") return value;
    if (typeof value !== "object")
      throw invalid(path, `${value === undefined ? value : `a ${typeof value}`} was given`);
    if (around.includes(value)) throw invalid(path, "it is a cycle");
    if (around.length === DEPTH_MAX) throw tooLarge(path, `it is nested deeper than ${DEPTH_MAX} levels`);
    const inside = [...around, value];
    const kind = kindOf(value);
    switch (kind) {
      case "Date":
        if (Number.isNaN(Date.prototype.getTime.call(value))) throw invalid(path, "the Date is invalid");
        return Date.prototype.getTime.call(value);
      case "Array":
        // Not its map, which leaves holes out.
        return Array.from(value as unknown[], (inner, at) => this.of(inner, `${path}[${at}]`, inside));
      case "Object":
        break;
      default:
        throw invalid(path, `a ${kind} was given`);
    }
    const entries: [string, unknown][] = [];
    for (const [name, inner] of Object.entries(value)) {
      if (inner !== undefined) entries.push([name, this.of(inner, property(path, name).replace(/^\./, ""), inside)]);
    }
    // Unlike assigning, this takes __proto__ for a name like any other.
    return Object.fromEntries(entries);
  }
}

function tooLarge(path: string, problem: string): HoardError {
  return new HoardError("TooLarge", `${path.slice(0, 100)}: ${problem}`);
}

/** The JSON text of options. */
function toJson(options: () => unknown, root: string): string {
  try {
    return JSON.stringify(new Copy().of(options(), root, []));
  } catch (error) {
    if (error instanceof HoardError) throw error;
    // The caller's objects may have getters, or be proxies.
    throw new HoardError("InvalidArgument", `${root || "options"}: reading it threw an error`, { cause: error });
  }
}

/** What is indexed, as the engine takes it. */
export function indexJson(index: IndexOptions | false): string {
  if (index !== false) checkObject("index", index);
  return toJson(() => index, "index");
}

function checkObject(name: string, value: unknown): void {
  checkOptions(name, value);
  if (Array.isArray(value)) throw invalid(name, "an object is needed, an array was given");
}

/** The JSON text of what is asked. */
function request(options: Abortable, more: object): string {
  checkObject("options", options);
  return toJson(() => {
    const { signal: _, ...asked } = options;
    return { ...asked, ...more };
  }, "");
}

/**
 * See {@link Hoard.search}.
 *
 * @param decode As imported by whoever calls.
 */
export async function search<S extends Schema>(
  channel: Channel,
  decode: typeof decodeDocuments,
  asked: string | SearchOptions<S>,
): Promise<SearchResult<S>> {
  const options: SearchOptions<S> = typeof asked === "string" ? { query: asked, lenient: true } : asked;
  // A day in a query is one where its user is.
  const json = request(options, { utcOffset: -new Date().getTimezoneOffset() });
  if (options.signal?.aborted) throw aborted(options.signal);
  // What is dropped from the cache from now on may be newer than the answer.
  const keep = channel.cache.read();
  const read: [string, CachedMetadata][] = [];
  try {
    const out = await channel.call("search", { request: json });
    const take = (at: number, metadata: CachedMetadata): void => void read.push([out.ids[at]!, metadata]);
    const sessions = out.meta === null ? [] : decode(out.meta, channel, take);
    return toResult(out, sessions as (Session<S> | undefined)[]);
  } finally {
    keep(read);
  }
}

function toResult<S extends Schema>(out: SearchOut, sessions: readonly (Session<S> | undefined)[]): SearchResult<S> {
  const { total, incomplete, cut, problems } = out;
  const hits = out.ids.map((id, n): SearchHit<S> => {
    const session = sessions[n];
    const at = out.at[n];
    return {
      id,
      score: out.scores[n] ?? 0,
      ...(session && { session }),
      ...(at && { at }),
      snippets: (out.snippets?.[n] ?? []).map(toSnippet),
    };
  });
  const facets = out.facets.map(({ field, values, counts, others }): [string, Facet] => [
    field,
    { values: values.map((value, n) => ({ value, count: counts[n] ?? 0 })), others },
  ]);
  return { total, hits, facets: Object.fromEntries(facets), incomplete, cut, problems };
}

function toSnippet({ field, text, highlights, list, index }: SnippetOut): Snippet {
  const pairs: Snippet["highlights"] = [];
  for (let n = 0; n + 1 < highlights.length; n += 2) pairs.push([highlights[n]!, highlights[n + 1]!]);
  const at = list !== undefined && index !== undefined && { at: { list, index } };
  return { field, ...at, text, highlights: pairs };
}

/** See {@link Hoard.suggest}. */
export async function suggest<S extends Schema>(
  channel: Channel,
  text: string,
  options: SuggestOptions<S> = {},
): Promise<Suggestion[]> {
  if (text === undefined) throw invalid("text", "a text is needed");
  const json = request(options, { text });
  if (options.signal?.aborted) throw aborted(options.signal);
  return channel.call("suggest", { request: json });
}
