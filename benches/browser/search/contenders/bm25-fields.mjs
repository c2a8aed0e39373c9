import { opener } from "./bm25.mjs";

export const about = { name: "BM25 as Lucene has it, per field", how: "The same for title, counted twice, and body, added up." };

export const open = opener([
  { text: ({ title }) => title, weight: 2 },
  { text: ({ body }) => body, weight: 1 },
]);
