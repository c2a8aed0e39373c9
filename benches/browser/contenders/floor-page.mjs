import { batches } from "../batch.mjs";
import { openStore } from "./floor-store.mjs";

export const about = {
  name: "raw chunks, page",
  how: "The floor's code called on the page: no messages, and nothing between the page and IndexedDB.",
};

export async function open(name) {
  const store = await openStore(name);
  return {
    ...store,
    async save(sessions) {
      for (const batch of batches(sessions)) await store.save(batch);
    },
    put: async (blob) => store.put(await blob.arrayBuffer()),
    fetch: async (key) => new Uint8Array(await store.fetch(key)),
    link: undefined,
    collect: undefined,
  };
}
