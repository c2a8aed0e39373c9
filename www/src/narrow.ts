// Whether the window is too narrow for the sessions beside a page; they are then a page of their own. The stylesheets use
// the same width.

import { signal } from "@preact/signals";

const query = matchMedia("(max-width: 860px)");

export const narrow = signal(query.matches);

query.addEventListener("change", () => {
  narrow.value = query.matches;
});
