import { openHoard } from "/hoardb/index.js";

export const about = { name: "hoardb, no index", how: "`index: false`: what saving the documents alone takes." };

export async function open(name) {
  const hoard = await openHoard({ name, index: false });
  return {
    store: (documents) => hoard.saveMany(documents.map((session) => ({ session }))),
    close: () => hoard.close(),
  };
}
