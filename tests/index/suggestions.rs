//! Completions against a count of everything.

use super::model::{Model, distance};
use super::shelf::Shelf;
use super::words::{schema, word};
use hoardb::index::analysis::Analyser;
use hoardb::index::{Index, Suggest};
use std::cmp::Reverse;

const FIELDS: [&str; 6] = ["title", "body", "notes", "messages.text", "messages.title", "log.line"];

/// Asks for completions of the beginning of a word, and compares.
pub fn ask(random: &mut fastrand::Rng, shelf: &mut Shelf, index: &mut Index, model: &Model) {
    let typed: Vec<char> = word(random).chars().collect();
    let mut typed: String = typed[..random.usize(..=typed.len())].iter().collect();
    if random.u8(..4) == 0 {
        typed.push(['x', 'a', ' ', '-', 'C'][random.usize(..5)]);
    }
    let before = ["", "the cat\n", "x-"][random.usize(..3)];
    let count = if random.bool() { 0 } else { random.usize(1..4) };
    let fields: Vec<String> = (0..count).map(|_| FIELDS[random.usize(..FIELDS.len())].into()).collect();
    let suggest =
        Suggest { text: format!("{before}{typed}"), fields, limit: random.usize(..8), edits: random.u8(..=2) };
    let got: Vec<(String, u64)> =
        shelf.suggest(index, &suggest).into_iter().map(|found| (found.text, found.count)).collect();
    assert_eq!(got, expected(&suggest, model), "{suggest:?}");
}

fn expected(suggest: &Suggest, model: &Model) -> Vec<(String, u64)> {
    let mut last = None;
    Analyser::PLAIN.analyse(&suggest.text, &mut |token| last = Some((token.bytes, token.term.to_owned())));
    let Some((bytes, word)) = last.filter(|(bytes, _)| bytes.end == suggest.text.len()) else { return vec![] };
    let schema = schema();
    let fields: Vec<&str> =
        if suggest.fields.is_empty() { FIELDS.to_vec() } else { suggest.fields.iter().map(|name| &**name).collect() };
    let fields: Vec<usize> = fields.iter().map(|name| schema.number(name).unwrap()).collect();
    let edits = (word.chars().count() / 3).min(suggest.edits.into());
    let is_near = |term: &str| {
        let ends = term.char_indices().map(|(at, _)| at).chain([term.len()]);
        edits > 0 && ends.map(|end| distance(&word, &term[..end])).min().unwrap() <= edits
    };
    let mut found: Vec<(bool, Reverse<u64>, String)> = model
        .terms(&fields)
        .into_iter()
        .filter(|(term, _)| term.starts_with(&word) || is_near(term))
        .map(|(term, sessions)| (!term.starts_with(&word), Reverse(sessions.len() as u64), term))
        .collect();
    found.sort();
    found.truncate(suggest.limit);
    let text = |term: &str| match term.strip_prefix(&*word) {
        Some(rest) => format!("{}{rest}", suggest.text),
        None => format!("{}{term}", &suggest.text[..bytes.start]),
    };
    found.into_iter().map(|(_, Reverse(count), term)| (text(&term), count)).collect()
}
