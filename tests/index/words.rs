//! The schema of the tests, and words to fill it with.

use hoardb::index::{Analyser, Field, Kind, Schema};
use std::sync::LazyLock;

/// What is indexed.
pub fn schema() -> &'static Schema {
    static SCHEMA: LazyLock<Schema> = LazyLock::new(make_schema);
    &SCHEMA
}

fn make_schema() -> Schema {
    let analyser = |name: &str| Analyser::named(name).unwrap();
    let text = |name: &str, boost, positions| Kind::Text { analyser: analyser(name), boost, positions };
    Schema::new(vec![
        Field::metadata("topics", Kind::Keywords),
        Field::metadata("n", Kind::Number),
        Field::metadata("title", text("plain", 2.0, true)),
        Field::metadata("status", Kind::Keyword),
        Field::item("messages", "text", text("plain", 1.0, true)),
        Field::metadata("body", text("plain", 1.0, true)),
        Field::metadata("at", Kind::Date),
        Field::metadata("notes", text("en-all", 0.5, false)),
        Field::item("messages", "title", text("en", 1.5, true)),
        Field::item("log", "line", text("plain", 1.0, true)),
    ])
    .unwrap()
}

/// Words that share beginnings or stems, are near each other, are several terms or none, and some of which are everywhere.
pub const WORDS: [&str; 43] = [
    "a",
    "ab",
    "abc",
    "abd",
    "abcd",
    "bcd",
    "cat",
    "cats",
    "car",
    "cart",
    "card",
    "the",
    "dog",
    "dogs",
    "do",
    "done",
    "é",
    "été",
    "ete",
    "日本",
    "日本語",
    "z",
    "zz",
    "zzz",
    "wi-fi",
    "wi",
    "fi",
    "foo_bar",
    "carting",
    "carts",
    "running",
    "runs",
    "run",
    "日",
    "語",
    "本日",
    "日本人と語る",
    "and",
    "-",
    "ไทย",
    "1.2",
    "1",
    "2,1",
];

pub fn text(random: &mut fastrand::Rng) -> String {
    let words: Vec<&str> = (0..random.usize(..12)).map(|_| word(random)).collect();
    words.join(if random.u8(..8) == 0 { ", " } else { " " })
}

/// The first words are the most frequent.
pub fn word(random: &mut fastrand::Rng) -> &'static str {
    let most = random.usize(1..=WORDS.len());
    WORDS[random.usize(..most)]
}
