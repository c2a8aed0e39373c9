// What there is room for. The stylesheets use the same widths.

import { signal, type ReadonlySignal } from "@preact/signals";

/** The window is too narrow for the sessions beside a page; they are then a page of their own. */
export const narrow = matching("(max-width: 860px)");

/** There is room for something beside what a page is about. */
export const roomy = matching("(min-width: 1081px)");

function matching(condition: string): ReadonlySignal<boolean> {
  const query = matchMedia(condition);
  const matches = signal(query.matches);
  query.addEventListener("change", () => {
    matches.value = query.matches;
  });
  return matches;
}
