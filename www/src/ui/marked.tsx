// A text with stretches of it marked. The text is put into text nodes, so it is shown as it is, whatever it holds.

import type { ComponentChildren } from "preact";

interface Props {
  text: string;
  /** Offsets in UTF-16 units, in order. */
  ranges: readonly (readonly [start: number, end: number])[];
  as?: "mark" | "u";
}

export function Marked({ text, ranges, as: Element = "mark" }: Props) {
  const parts: ComponentChildren[] = [];
  let at = 0;
  for (const [from, to] of ranges) {
    // Stretches that overlap would repeat text.
    const start = Math.max(at, Math.min(from, text.length));
    const end = Math.max(start, Math.min(to, text.length));
    parts.push(text.slice(at, start), <Element key={start}>{text.slice(start, end)}</Element>);
    at = end;
  }
  parts.push(text.slice(at));
  return <>{parts}</>;
}
