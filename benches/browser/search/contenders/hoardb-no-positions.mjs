import { opener } from "./hoardb.mjs";

export const about = { name: "hoardb, no positions", how: "The same with `positions: false` on both texts." };

export const open = opener({ positions: false });
