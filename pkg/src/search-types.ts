/**
 * What can be searched for, and what is found. docs/search.md says what each means.
 */
import type { Abortable, Schema, Session } from "./types.js";

/** What a field of the index holds. */
export type FieldKind = "keyword" | "keyword[]" | "date" | "number" | "text";

/**
 * How text becomes words: as they are written, but for case and accents (`plain`), by their English stems (`en`), or by stems
 * with the words kept that English is full of (`en-all`).
 */
export type Analyser = "plain" | "en" | "en-all" | (string & {});

/** A field of the metadata in the index. */
export interface FieldOptions {
  /** What it holds. */
  kind: FieldKind;
  /** Where in the metadata: dotted paths. The field's name when absent. */
  path?: string | readonly string[];
  /** Text only: how it becomes words; {@link IndexOptions.analyser} when absent. */
  analyser?: Analyser;
  /** Text only: what a match counts for, 0.001 to 1000; 1 by default. */
  boost?: number;
  /** Text only: whether the places of words are kept, which phrases need; true by default. */
  positions?: boolean;
}

/** A text of the items of a list, in the index. */
export interface ItemOptions {
  /** How it becomes words; {@link IndexOptions.analyser} when absent. */
  analyser?: Analyser;
  /** What a match counts for, 0.001 to 1000; 1 by default. */
  boost?: number;
  /** Whether the places of words are kept, which phrases need; true by default. */
  positions?: boolean;
}

/** What of the sessions is indexed, on top of the standard fields. */
export interface IndexOptions {
  /** Fields of the metadata by name; `false` takes a standard one away. */
  fields?: Readonly<Record<string, FieldKind | FieldOptions | false>>;
  /** Texts of list items: `"messages.text"` is the list `messages`, path `text`. `false` takes a standard one away. */
  items?: Readonly<Record<string, true | ItemOptions | false>>;
  /** For all text fields that do not name their own; `plain` by default. */
  analyser?: Analyser;
}

/** The standard fields of an index. */
type StandardField =
  | "topics"
  | "tags"
  | "startedAt"
  | "category"
  | "subCategory"
  | "status"
  | "title"
  | "text"
  | "notes.text"
  | "messages.text"
  | "transcript.text";

/** The names that are known: the standard ones and, of a schema that names them, the metadata's. */
type KnownField<S extends Schema> =
  StandardField | (string extends keyof S["session"] ? never : keyof S["session"] & string);

/** A field of the index. An editor suggests the names that are known; an index may have any. */
export type FieldName<S extends Schema> = KnownField<S> | (string & {});

/** How words are matched. */
export interface Words {
  /** Whether all words are asked for (the default) or any of them; by relevance, what has all of them comes first. */
  match?: "all" | "any";
  /** Whether words stand for all that begin so: all words, or the last one. */
  prefix?: boolean | "last";
  /** How many letters may be wrong in a word: none by default. */
  fuzzy?: 0 | 1 | 2;
}

/** What is asked of a field. */
export type Condition =
  /** A keyword, number or date equals this. */
  | string
  | number
  | Date
  /** It is any of these. */
  | readonly (string | number | Date)[]
  /** It is any of these keywords, or has all of them. */
  | { readonly any?: readonly string[]; readonly all?: readonly string[] }
  /** A number or date lies between these, both included. */
  | { readonly from?: number | Date; readonly to?: number | Date }
  /** A text has these words. */
  | (Readonly<Words> & { readonly text: string })
  /** The field has a value, or has none. */
  | { readonly exists: boolean };

/** Conditions, all of which have to hold. The field `*` stands for every text field. */
export type Where<S extends Schema> = Conditions<S> & {
  readonly [Name in Exclude<KnownField<S>, "and" | "or" | "not">]?: Condition | undefined;
};

/** What {@link Where} is with any metadata. */
export interface Conditions<S extends Schema> {
  readonly topics?: Condition | undefined;
  readonly tags?: Condition | undefined;
  readonly startedAt?: Condition | undefined;
  readonly category?: Condition | undefined;
  readonly subCategory?: Condition | undefined;
  readonly status?: Condition | undefined;
  readonly title?: Condition | undefined;
  readonly text?: Condition | undefined;
  readonly "notes.text"?: Condition | undefined;
  readonly "messages.text"?: Condition | undefined;
  readonly "transcript.text"?: Condition | undefined;
  readonly "*"?: Condition | undefined;
  /** All of these. */
  readonly and?: readonly Where<S>[] | undefined;
  /** Any of these. */
  readonly or?: readonly Where<S>[] | undefined;
  /** None of these. */
  readonly not?: Where<S> | readonly Where<S>[] | undefined;
  // An index signature covers the three above, so it has to allow what they take.
  readonly [field: string]: Condition | Where<S> | readonly Where<S>[] | undefined;
}

/** What is searched for. Without `text`, `query` and `where` it is every session. */
export interface SearchOptions<S extends Schema> extends Words, Abortable {
  /** Words as they are, without a syntax; at most 16,384 UTF-16 units. */
  text?: string;
  /** Text fields in which `text`, and words of `query` without a field, are looked for; every one by default. */
  fields?: readonly FieldName<S>[];
  /** In the syntax of a search box: `tag:ui "exact words" -draft`. Combined with `text` and `where` by "and". */
  query?: string;
  /**
   * What cannot be read in `query` is overlooked and listed in {@link SearchResult.problems}. By default the first is an
   * error.
   */
  lenient?: boolean;
  /** Conditions on fields. */
  where?: Where<S>;
  /** Keyword fields whose values are counted: 10 of each by default, at most 1,000. */
  facets?: readonly (FieldName<S> | { readonly field: FieldName<S>; readonly limit?: number })[];
  /** Whether hits say where the words stand; of a length in UTF-16 units, 16 to 2,000, by default 160. False by default. */
  snippets?: boolean | { readonly length?: number };
  /** Whether hits bring their session's metadata; true by default. */
  sessions?: boolean;
  /** By which keyword, number or date field hits are ordered; by relevance when absent. */
  orderBy?: "relevance" | FieldName<S>;
  /** From the other end; only with a field to order by. */
  reverse?: boolean;
  /** At most so many hits, 0 to 1,000; 20 by default. */
  limit?: number;
  /** How many hits are passed over; none by default. */
  offset?: number;
}

/** Where an item stands. */
export interface ItemPosition {
  /** The list's name. */
  list: string;
  /** Index in the list. */
  index: number;
}

/** A stretch of a text that shows why its session was found. */
export interface Snippet {
  /** The field whose text it is. */
  field: string;
  /** The item whose text it is; absent when it is the metadata's. */
  at?: ItemPosition;
  /** The stretch, as it is stored. */
  text: string;
  /** Where the words stand in it: offsets in UTF-16 units, in order. */
  highlights: [start: number, end: number][];
}

/** A session that was found. */
export interface SearchHit<S extends Schema> {
  /** The session's id. */
  id: string;
  /** How relevant it is. Only good to be compared with others of the same result. What has all words comes first whatever its score. */
  score: number;
  /** The session's metadata, if it was asked for and can be read. */
  session?: Session<S>;
  /** The item that fits best, if it fits better than the metadata does. */
  at?: ItemPosition;
  /** Why it was found; empty unless asked for. */
  snippets: Snippet[];
}

/** How many of the sessions found have each value of a field. */
export interface Facet {
  /** The most frequent values, the most frequent first. */
  values: { value: string; count: number }[];
  /** How many values were left out. */
  others: number;
}

/** What cannot be read in a query. */
export interface QueryProblem {
  /** What is wrong, for programs. */
  code: string;
  /** What is wrong, and what to do. */
  message: string;
  /** Where it begins, in UTF-16 units of the query. */
  at: number;
  /** Its length, in UTF-16 units. */
  length: number;
}

/** What was found. */
export interface SearchResult<S extends Schema> {
  /** How many sessions there are altogether. */
  total: number;
  /** Those asked for, in their order. */
  hits: SearchHit<S>[];
  /** Of the fields asked for. */
  facets: Record<string, Facet>;
  /** The index is being built or mended: there may be more. */
  incomplete: boolean;
  /** A beginning or a fuzzy word stood for more than 1,024 words; the best were taken. */
  cut: boolean;
  /** What was overlooked in a `lenient` query. */
  problems: QueryProblem[];
}

/** How a text is completed. */
export interface SuggestOptions<S extends Schema> extends Abortable {
  /** Text fields whose words are suggested; every one by default. */
  fields?: readonly FieldName<S>[];
  /** At most so many, 1 to 100; 8 by default. */
  limit?: number;
  /** How many letters of what was typed may be wrong; none by default. */
  fuzzy?: 0 | 1 | 2;
}

/** A completion. */
export interface Suggestion {
  /** The whole text as it was typed, its last word completed. */
  text: string;
  /** How many sessions have the word. */
  count: number;
}
