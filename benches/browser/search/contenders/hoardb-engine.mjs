import { index } from "./hoardb.mjs";

export const about = {
  name: "hoardb, inside the engine",
  how:
    "The engine's own search, built as the engine is, but called on the page: no worker, no messages, no store (`benches/search-engine`). " +
    "It keeps one segment in memory. *Build* is from the documents' texts and values, which were read from their JSON before, as the others " +
    "get theirs as objects; *reading* is that. A query is from the request, read before, to the hits with their ids, both in wasm's memory.",
};

/** `open` for an index with positions or without. */
export const opener = (positions) =>
  async function open(_, hits) {
    const { default: load, MemoryIndex } = await import("/search-engine/engine.js");
    await WebAssembly.instantiateStreaming(fetch("/search-engine/engine_search.wasm"), { engine: await load() });
    const engine = new MemoryIndex(JSON.stringify(index(positions)));
    const prepare = (asked) => engine.prepare(JSON.stringify({ limit: hits, sessions: false, ...asked }));
    const search = (prepared) => ({ length: engine.search(prepared) });
    return {
      given: (documents) => [documents.map(({ id }) => id).join("\n"), documents.map((document) => JSON.stringify(document)).join("\n")],
      read: ([ids, texts]) => engine.read(ids, texts),
      build: () => engine.build(),
      bytes: () => engine.bytes(),
      prepare: {
        term: ({ text }) => prepare({ text }),
        terms: ({ text }) => prepare({ text }),
        prefix: ({ text }) => prepare({ text, prefix: true }),
        fuzzy: ({ text }) => prepare({ text, fuzzy: 1 }),
        filter: ({ text, category, status, from, to }) => prepare({ text, where: { category, status, size: { from, to } } }),
      },
      term: search,
      terms: search,
      prefix: search,
      fuzzy: search,
      filter: search,
      close: () => engine.free(),
    };
  };

export const open = opener(true);
