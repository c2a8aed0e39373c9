import { about as strict, opener } from "./flexsearch.mjs";

export const about = {
  ...strict,
  name: "FlexSearch, forward",
  how: '`tokenize: "forward"`: every beginning of a word is a word of its own. The way to have prefixes; otherwise the same.',
};

export const open = opener("forward");
