import { words } from "../words.mjs";

// BM25 as Lucene has it (https://lucene.apache.org, BM25Similarity): k1 1.2, b 0.75, idf = ln(1 + (N - df + 0.5) / (df + 0.5)),
// without the factor k1 + 1, which changes no order. Lucene rounds lengths to a byte; here they are exact. Every word is
// in memory, and a query looks at every document: this is what rankings are compared with, not how fast they are made.

const [K1, B] = [1.2, 0.75];

export const about = {
  name: "BM25 as Lucene has it",
  how: "Written out plainly over title and body as one text; k1 1.2, b 0.75. Only its ranking is measured.",
};

function field(texts) {
  const counted = texts.map((text) => {
    const counts = new Map();
    const all = words(text);
    for (const word of all) counts.set(word, (counts.get(word) ?? 0) + 1);
    return { counts, length: all.length };
  });
  const filled = counted.filter(({ length }) => length > 0);
  const mean = filled.reduce((sum, { length }) => sum + length, 0) / filled.length;
  const frequencies = new Map();
  for (const { counts } of counted) for (const word of counts.keys()) frequencies.set(word, (frequencies.get(word) ?? 0) + 1);
  const idf = (word) => Math.log(1 + (filled.length - frequencies.get(word) + 0.5) / (frequencies.get(word) + 0.5));
  return (word, n) => {
    const { counts, length } = counted[n];
    const tf = counts.get(word);
    return tf ? (idf(word) * tf) / (tf + K1 * (1 - B + (B * length) / mean)) : 0;
  };
}

/** A ranking that adds up fields, each `{ text, weight }`. */
export const opener = (fieldsOf) =>
  async function open(_, hits) {
    let ids;
    let fields;
    return {
      store(documents) {
        ids = documents.map(({ id }) => id);
        fields = fieldsOf.map(({ text, weight }) => ({ weight, score: field(documents.map(text)) }));
      },
      ranked({ text }) {
        const asked = words(text);
        const score = (n) => asked.reduce((sum, word) => sum + fields.reduce((all, { score, weight }) => all + weight * score(word, n), 0), 0);
        return ids
          .map((id, n) => [id, score(n)])
          .filter(([, score]) => score > 0)
          .sort((a, b) => b[1] - a[1])
          .slice(0, hits)
          .map(([id]) => id);
      },
      close() {},
    };
  };

export const open = opener([{ text: ({ title, body }) => `${title} ${body}`, weight: 1 }]);
