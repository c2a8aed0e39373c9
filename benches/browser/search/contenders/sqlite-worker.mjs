// SQLite in a worker of its own, for OPFS can be written synchronously only there. One message, one answer.

import sqlite3InitModule from "@sqlite.org/sqlite-wasm";

const TABLES = `
  CREATE TABLE documents (n INTEGER PRIMARY KEY, id TEXT NOT NULL, category TEXT, status TEXT, size INTEGER);
  CREATE TABLE texts (n INTEGER PRIMARY KEY, json TEXT);
  CREATE VIRTUAL TABLE words USING fts5(title, body, content='', contentless_delete=1, tokenize='unicode61');
  INSERT INTO words (words, rank) VALUES ('rank', 'bm25(2.0, 1.0)');
`;
const FOUND = "FROM words JOIN documents d ON d.n = words.rowid WHERE words MATCH ?";

let sqlite3;
let pool;
let db;
let hits;

function insertAll(into, documents, from) {
  const [document, text, word] = [
    "INSERT INTO documents VALUES (?, ?, ?, ?, ?)",
    "INSERT INTO texts VALUES (?, ?)",
    "INSERT INTO words (rowid, title, body) VALUES (?, ?, ?)",
  ].map((sql) => into.prepare(sql));
  try {
    into.transaction(() =>
      documents.forEach((each, at) => {
        const n = from + at;
        document.bind([n, each.id, each.category, each.status, each.size]).stepReset();
        text.bind([n, JSON.stringify(each)]).stepReset();
        word.bind([n, each.title, each.body]).stepReset();
      }),
    );
  } finally {
    for (const statement of [document, text, word]) statement.finalize();
  }
}

const quoted = (text) =>
  text
    .split(" ")
    .map((word) => `"${word}"`)
    .join(" AND ");

// Statements are prepared once, as an application does that asks the same kind of thing again.
const prepared = new Map();
function ids(sql, values) {
  const statement = prepared.get(sql) ?? prepared.set(sql, db.prepare(sql)).get(sql);
  const found = [];
  statement.bind(values);
  while (statement.step()) found.push(statement.get(0));
  statement.reset();
  return found;
}

const calls = {
  async open(name, limit) {
    hits = limit;
    sqlite3 = await sqlite3InitModule({ print() {}, printErr() {} });
    pool = await sqlite3.installOpfsSAHPoolVfs({ name, initialCapacity: 6 });
    db = new pool.OpfsSAHPoolDb("/bench.db");
  },
  build(documents) {
    const memory = new sqlite3.oo1.DB(":memory:");
    memory.exec(TABLES);
    insertAll(memory, documents, 0);
    memory.close();
  },
  store(documents) {
    db.exec(TABLES);
    insertAll(db, documents, 0);
  },
  bytes: () => db.selectValue("SELECT sum(pgsize) FROM dbstat WHERE name LIKE 'words%' OR name = 'documents'"),
  words: (text) => ids(`SELECT d.id ${FOUND} ORDER BY rank LIMIT ${hits}`, [quoted(text)]),
  prefix: (text) => ids(`SELECT d.id ${FOUND} ORDER BY rank LIMIT ${hits}`, [`${quoted(text)}*`]),
  filter: ({ text, category, status, from, to }) =>
    ids(`SELECT d.id ${FOUND} AND d.category = ? AND d.status = ? AND d.size BETWEEN ? AND ? ORDER BY rank LIMIT ${hits}`, [
      quoted(text),
      category,
      status,
      from,
      to,
    ]),
  add(document) {
    insertAll(db, [document], db.selectValue("SELECT max(n) + 1 FROM documents"));
  },
  close() {
    for (const statement of prepared.values()) statement.finalize();
    prepared.clear();
    db.close();
  },
};

self.onmessage = async ({ data: { number, call, args } }) => {
  try {
    self.postMessage({ number, result: await calls[call](...args) });
  } catch (error) {
    self.postMessage({ number, error: error.message });
  }
};
