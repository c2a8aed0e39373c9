import { opener } from "./hoardb.mjs";

export const about = { name: 'hoardb, analyser "en"', how: 'The same with `analyser: "en"`. Only its ranking is measured.' };

export const open = opener({ analyser: "en" });
