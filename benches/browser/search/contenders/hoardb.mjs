import { openHoard } from "/hoardb/index.js";

export const about = {
  name: "hoardb",
  how:
    "`saveMany`, `search`, all through the worker; `index` has the same fields as the others' and nothing else. With positions. " +
    "*From what is stored* is `reindex()`. Bytes: `stats().index.bytes`.",
};

const POLL_MS = 100;
const QUIET_MS = 1000;

/** What is indexed. */
export const index = (positions) => ({
  fields: {
    title: { kind: "text", boost: 2, positions },
    body: { kind: "text", positions },
    size: "number",
    topics: false,
    subCategory: false,
    text: false,
  },
  items: { "notes.text": false, "messages.text": false, "transcript.text": false },
});

/** `open` for a hoard of these options. */
export const opener = ({ positions = true, analyser, ...options } = {}) =>
  async function open(name, hits) {
    const hoard = await openHoard({ name, index: { ...index(positions), ...(analyser && { analyser }) }, ...options });
    const search = async (asked) => (await hoard.search({ limit: hits, sessions: false, ...asked })).hits.map(({ id }) => id);
    return {
      store: (documents) => hoard.saveMany(documents.map((session) => ({ session }))),
      rebuild: async () => void (await hoard.reindex().done),
      /** Until no segment has been merged for a while. */
      async settle() {
        for (let before, quiet = 0; quiet < QUIET_MS;) {
          const { segments, bytes, building } = (await hoard.stats()).index;
          quiet = building || before !== segments + bytes ? 0 : quiet + POLL_MS;
          before = segments + bytes;
          await new Promise((resolve) => setTimeout(resolve, POLL_MS));
        }
      },
      bytes: async () => (await hoard.stats()).index.bytes,
      term: ({ text }) => search({ text }),
      terms: ({ text }) => search({ text }),
      prefix: ({ text }) => search({ text, prefix: true }),
      fuzzy: ({ text }) => search({ text, fuzzy: 1 }),
      filter: ({ text, category, status, from, to }) => search({ text, where: { category, status, size: { from, to } } }),
      // With the sessions themselves, as an application shows them.
      whole: async ({ text }) => (await hoard.search({ text, limit: hits })).hits.map(({ session }) => session.id),
      ranked: ({ text }) => search({ text, match: "any" }),
      add: (document) => hoard.sessions.create(document),
      close: () => hoard.close(),
    };
  };

export const open = opener();
