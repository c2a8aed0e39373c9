// What is asked of the search: its form in the address, and as the hoard takes it. Pure functions.

import type { SearchOptions } from "hoardb";
import type { RecordingSchema } from "../schema";

/** The fields whose values can be chosen, in the order in which they are shown. */
export const facetFields = ["category", "topics", "tags", "status"] as const;
export type FacetField = (typeof facetFields)[number];

export const orders = ["relevance", "newest", "oldest"] as const;
export type Order = (typeof orders)[number];

export interface Asked {
  /** As typed, in the syntax of the search box. */
  text: string;
  /** Values that a session has to have, all of them. */
  chosen: Readonly<Record<FacetField, readonly string[]>>;
  /** The first and the last day, `2026-01-31`; empty where there is no bound. */
  from: string;
  to: string;
  order: Order;
}

export const nothingAsked: Asked = {
  text: "",
  chosen: { category: [], topics: [], tags: [], status: [] },
  from: "",
  to: "",
  order: "relevance",
};

/** Far more than anybody types, and than the hoard's own bounds allow. */
export const textMax = 1000;
const chosenMax = 50;
const facetValuesMost = 8;

export function fromParameters(parameters: URLSearchParams): Asked {
  const day = (name: string) => (dayFrom(parameters.get(name) ?? "") ? (parameters.get(name) ?? "") : "");
  const values = (field: FacetField) => [...new Set(parameters.getAll(field))].slice(0, chosenMax);
  return {
    text: (parameters.get("q") ?? "").slice(0, textMax),
    chosen: { category: values("category"), topics: values("topics"), tags: values("tags"), status: values("status") },
    from: day("from"),
    to: day("to"),
    order: orders.find((order) => order === parameters.get("order")) ?? "relevance",
  };
}

/** The inverse; what is as usual is left out. */
export function toParameters({ text, chosen, from, to, order }: Asked): string {
  const parameters = new URLSearchParams();
  if (text !== "") parameters.set("q", text);
  for (const field of facetFields) for (const value of chosen[field]) parameters.append(field, value);
  if (from !== "") parameters.set("from", from);
  if (to !== "") parameters.set("to", to);
  if (order !== "relevance") parameters.set("order", order);
  return parameters.toString();
}

/** How many conditions there are beside the text. */
export function filters({ chosen, from, to }: Asked): number {
  return facetFields.reduce((sum, field) => sum + chosen[field].length, 0) + (from === "" ? 0 : 1) + (to === "" ? 0 : 1);
}

/** Takes a value among those chosen, or out of them. */
export function toggled(asked: Asked, field: FacetField, value: string): Asked {
  const now = asked.chosen[field];
  const values = now.includes(value) ? now.filter((other) => other !== value) : [...now, value];
  return { ...asked, chosen: { ...asked.chosen, [field]: values } };
}

/** Without any of the conditions beside the text. */
export function unfiltered({ text, order }: Asked): Asked {
  return { ...nothingAsked, text, order };
}

export function toOptions(asked: Asked): SearchOptions<RecordingSchema> {
  const { text, chosen, order } = asked;
  const from = dayFrom(asked.from);
  const to = dayTo(asked.to);
  const conditions = facetFields.filter((field) => chosen[field].length > 0).map((field) => [field, { all: chosen[field] }] as const);
  // Where nothing is looked for, nothing is more relevant than anything else.
  const byDate = order !== "relevance" || text.trim() === "";
  return {
    query: text,
    lenient: true,
    prefix: "last",
    where: { ...((from || to) && { startedAt: { ...(from && { from }), ...(to && { to }) } }), ...Object.fromEntries(conditions) },
    facets: facetFields.map((field) => ({ field, limit: facetValuesMost })),
    snippets: true,
    ...(byDate && { orderBy: "startedAt", reverse: order !== "oldest" }),
  };
}

/** The first moment of a day where the user is. */
function dayFrom(day: string): Date | undefined {
  return moment(day, "00:00:00.000");
}

/** The last moment of a day where the user is. */
function dayTo(day: string): Date | undefined {
  return moment(day, "23:59:59.999");
}

function moment(day: string, time: string): Date | undefined {
  if (!/^\d{4}-\d\d-\d\d$/.test(day)) return undefined;
  const date = new Date(`${day}T${time}`);
  return Number.isNaN(date.getTime()) ? undefined : date;
}
