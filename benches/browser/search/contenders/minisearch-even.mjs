import { opener } from "./minisearch.mjs";

export const about = {
  name: "MiniSearch, no boost",
  package: "minisearch",
  how: "The same without the boost, which is its default. Only its ranking is measured.",
};

export const open = opener({});
