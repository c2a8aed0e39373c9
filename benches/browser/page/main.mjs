// What the drivers call on the page. Everything crosses as JSON.

import * as workloads from "./workloads.mjs";

const contenders = {
  hoardb: () => import("../contenders/hoardb.mjs"),
  floor: () => import("../contenders/floor.mjs"),
  "floor-page": () => import("../contenders/floor-page.mjs"),
  "write-behind": () => import("../contenders/write-behind.mjs"),
  records: () => import("../contenders/records.mjs"),
  dexie: () => import("../contenders/dexie.mjs"),
  "dexie-ranges": () => import("../contenders/dexie-ranges.mjs"),
  idb: () => import("../contenders/idb.mjs"),
  pouchdb: () => import("../contenders/pouchdb.mjs"),
  rxdb: () => import("../contenders/rxdb.mjs"),
};

const DATABASE = "bench";
const words = fetch("/corpus.json").then((response) => response.json());
let store;

globalThis.bench = {
  about: async (contender) => (await contenders[contender]()).about,

  /** Opens the contender's store and returns how long that took, the module being loaded already. */
  async open(contender) {
    const { open } = await contenders[contender]();
    await words;
    const from = performance.now();
    store = await open(DATABASE);
    return performance.now() - from;
  },

  run: async (workload, ...args) => workloads[workload](store, await words, ...args),
  logicalBytes: async () => workloads.logicalBytes(await words),
  valueBytes: workloads.valueBytes,
  idle: workloads.idle,
  usage: async () => (await navigator.storage?.estimate?.())?.usage ?? null,
  close: () => store.close(),
};
