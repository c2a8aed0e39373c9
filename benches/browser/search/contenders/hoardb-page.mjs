import { opener } from "./hoardb.mjs";

export const about = { name: "hoardb, on the page", how: "The same with `worker: false`: no messages." };

export const open = opener({ worker: false });
