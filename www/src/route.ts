// Where in the application one is, kept in the address so that reload, back and a bookmark work.

import { signal } from "@preact/signals";
import { listNames, type ListName } from "./schema";
import { fromParameters, toParameters, type Asked } from "./search/asked";

/** An item of a session. */
export interface Place {
  list: ListName;
  index: number;
}

export type Route =
  | { page: "home" }
  | { page: "new" }
  | { page: "session"; id: string; item?: Place | undefined }
  | { page: "search"; asked: Asked }
  | { page: "storage" };

/** Browsers refuse to write the address more than a hundred times in 30 seconds. */
const writtenEveryMs = 350;

function parse(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [page, id, list, index] = path.split("/", 4);
  if (page === "new") return { page };
  if (page === "storage") return { page };
  if (page === "search") return { page, asked: fromParameters(new URLSearchParams(query)) };
  if (page === "session" && id) {
    try {
      return { page, id: decodeURIComponent(id), item: placeOf(list, index) };
    } catch {
      // A mangled address names no session.
    }
  }
  return { page: "home" };
}

function placeOf(name: string | undefined, index = ""): Place | undefined {
  const list = listNames.find((one) => one === name);
  return list && /^\d{1,9}$/.test(index) ? { list, index: Number(index) } : undefined;
}

export function address(route: Route): string {
  switch (route.page) {
    case "home":
      return "#/";
    case "session":
      return `#/session/${encodeURIComponent(route.id)}${route.item ? `/${route.item.list}/${route.item.index}` : ""}`;
    case "search": {
      const parameters = toParameters(route.asked);
      return parameters === "" ? "#/search" : `#/search?${parameters}`;
    }
    default:
      return `#/${route.page}`;
  }
}

export const route = signal<Route>(parse(location.hash));

addEventListener("hashchange", () => {
  forgetUnwritten();
  route.value = parse(location.hash);
});

export function go(to: Route): void {
  settle();
  location.hash = address(to);
}

let unwritten: ReturnType<typeof setTimeout> | undefined;

/** Changes where one is without a step to go back to. The address follows. */
export function amend(to: Route): void {
  route.value = to;
  unwritten ??= setTimeout(settle, writtenEveryMs);
}

/** Writes the address now, before one goes elsewhere. */
export function settle(): void {
  if (unwritten === undefined) return;
  forgetUnwritten();
  history.replaceState(history.state, "", address(route.value));
}

function forgetUnwritten(): void {
  clearTimeout(unwritten);
  unwritten = undefined;
}
