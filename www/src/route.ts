// Where in the application one is, kept in the address so that reload, back and a bookmark work.

import { signal } from "@preact/signals";

export type Route =
  | { page: "home" }
  | { page: "new" }
  | { page: "session"; id: string }
  | { page: "storage" };

function parse(hash: string): Route {
  const [page, argument] = hash.replace(/^#\/?/, "").split("/", 2);
  if (page === "new") return { page };
  if (page === "storage") return { page };
  if (page === "session" && argument) {
    try {
      return { page, id: decodeURIComponent(argument) };
    } catch {
      // A mangled address names no session.
    }
  }
  return { page: "home" };
}

export function address(route: Route): string {
  switch (route.page) {
    case "home":
      return "#/";
    case "session":
      return `#/session/${encodeURIComponent(route.id)}`;
    default:
      return `#/${route.page}`;
  }
}

export const route = signal<Route>(parse(location.hash));

addEventListener("hashchange", () => {
  route.value = parse(location.hash);
});

export function go(to: Route): void {
  location.hash = address(to);
}
