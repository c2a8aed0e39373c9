import { opener } from "./hoardb-engine.mjs";

export const about = { name: "hoardb, inside the engine, no positions", how: "The same with `positions: false` on both texts." };

export const open = opener(false);
