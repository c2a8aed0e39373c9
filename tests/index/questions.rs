//! Random questions, and whether the answer is right.

use super::model::{Fitting, Model};
use super::shelf::Shelf;
use super::words::{schema, text, word};
use hoardb::index::{Found, Hit, Index, Matching, Order, Query, Search, Text, Word};
use std::collections::BTreeMap;

pub const TOPICS: [&str; 7] = ["", "x", "xy", "red", "green", "blue", "ünï"];

fn asked_word(random: &mut fastrand::Rng) -> Word {
    let how = match random.u8(..8) {
        0..3 => Matching::Exact,
        7 => Matching::PrefixOrFuzzy(random.u8(1..=2)),
        3 => Matching::Prefix,
        4 => Matching::Fuzzy(random.u8(..=2)),
        _ => Matching::Phrase,
    };
    let several = how == Matching::Phrase || random.u8(..6) == 0;
    let text =
        if several { text(random).split(' ').take(3).collect::<Vec<_>>().join(" ") } else { word(random).into() };
    Word { text, how }
}

pub fn query(random: &mut fastrand::Rng, depth: u32) -> Query {
    let parts = |random: &mut fastrand::Rng| (0..random.usize(..4)).map(|_| query(random, depth + 1)).collect();
    match random.u8(..if depth < 3 { 13 } else { 9 }) {
        0 => Query::All,
        1..5 => {
            let names = ["title", "body", "notes", "messages.text", "messages.title", "log.line"];
            let fields = if random.bool() { 0 } else { random.usize(1..4) };
            Query::Text(Text {
                words: (0..random.usize(..4).max(random.usize(..2))).map(|_| asked_word(random)).collect(),
                all: random.bool(),
                fields: (0..fields).map(|_| names[random.usize(..names.len())].into()).collect(),
            })
        }
        5 => Query::Keyword {
            field: ["topics", "status"][random.usize(..2)].into(),
            values: (0..random.usize(..3)).map(|_| TOPICS[random.usize(..TOPICS.len())].into()).collect(),
            all: random.bool(),
        },
        6 | 7 => {
            let mut bound = || (random.u8(..4) > 0).then(|| f64::from(random.i32(-6..6)) / 2.0);
            let (from, to) = (bound(), bound());
            Query::Range { field: ["n", "at"][random.usize(..2)].into(), from, to }
        }
        8 => {
            let names = ["topics", "status", "n", "at", "title", "notes", "messages.text", "log.line"];
            Query::Exists { field: names[random.usize(..names.len())].into() }
        }
        9 | 10 => Query::And(parts(random)),
        11 => Query::Or(parts(random)),
        _ => Query::Not(Box::new(query(random, depth + 1))),
    }
}

pub fn question(random: &mut fastrand::Rng) -> Search {
    let order = match random.u8(..2) {
        0 => Order::Relevance,
        _ => Order::Field { name: ["topics", "status", "n", "at"][random.usize(..4)].into(), reverse: random.bool() },
    };
    let facets = if random.bool() {
        vec![]
    } else {
        vec![("status".into(), random.usize(..9)), ("topics".into(), random.usize(..9))]
    };
    Search { query: query(random, 0), order, limit: 1000, offset: 0, facets }
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-4 * a.abs().max(b.abs())
}

/// Asks, and compares.
pub fn ask(random: &mut fastrand::Rng, shelf: &mut Shelf, index: &mut Index, model: &Model) {
    let search = question(random);
    let found = shelf.search(index, &search);
    let expected = model.answer(schema(), &search.query);
    let total = expected.len();
    assert_eq!(found.total, total as u64, "{search:?}\n{:?}\n{:?}", found.hits, expected.keys());
    assert_eq!(found.hits.len(), total, "{search:?}");
    assert!(!found.cut);
    for hit in &found.hits {
        let Some(Fitting { score, entries, .. }) = expected.get(&hit.session) else {
            panic!("{} does not fit {search:?}", hit.session)
        };
        assert!(close(hit.score.into(), *score), "{}: {} and not {score}: {search:?}", hit.session, hit.score);
        let best = entries.values().copied().fold(0.0, f64::max);
        let of = entries.get(&hit.at).copied().unwrap_or(0.0);
        assert!(close(of, best), "{}: {:?} has {of} and not {best}: {search:?} {entries:?}", hit.session, hit.at);
        let metadata = entries.get(&None).copied().unwrap_or(0.0);
        assert!(hit.at.is_none() || of > metadata * (1.0 - 1e-4), "{}", hit.session);
    }
    order(&search, &found, model, &expected);
    facets(&search, &found, model, &expected.keys().cloned().collect::<Vec<_>>());

    let page = Search { limit: random.usize(..5), offset: random.usize(..total + 3), facets: vec![], ..search.clone() };
    let paged = shelf.search(index, &page);
    let hits: Vec<_> = found.hits.into_iter().skip(page.offset).take(page.limit).collect();
    assert_eq!((paged.total, paged.hits), (found.total, hits), "{page:?}");
}

fn order(search: &Search, found: &Found, model: &Model, expected: &BTreeMap<String, Fitting>) {
    let hits = &found.hits;
    let Order::Field { name, reverse } = &search.order else {
        let falls = |a: &Hit, b: &Hit| match (expected[&a.session].complete, expected[&b.session].complete) {
            (a, b) if a != b => a,
            _ => a.score > b.score || a.score == b.score && a.session < b.session,
        };
        assert!(hits.windows(2).all(|pair| falls(&pair[0], &pair[1])), "{search:?}: {hits:?}");
        return;
    };
    let field = schema().number(name).unwrap();
    let mut ids: Vec<&str> = hits.iter().map(|hit| hit.session.as_str()).collect();
    let got = ids.clone();
    ids.sort_unstable();
    let directed = |ordering: std::cmp::Ordering| if *reverse { ordering.reverse() } else { ordering };
    // Stable: ties stay in the order of ids.
    ids.sort_by(|a, b| match name.as_str() {
        "n" | "at" => match (model.number(a, field), model.number(b, field)) {
            (Some(a), Some(b)) => directed(a.partial_cmp(&b).unwrap()),
            (a, b) => b.is_some().cmp(&a.is_some()),
        },
        _ => match (model.keywords(a, field).first(), model.keywords(b, field).first()) {
            (Some(a), Some(b)) => directed(a.cmp(b)),
            (a, b) => b.is_some().cmp(&a.is_some()),
        },
    });
    assert_eq!(got, ids, "{search:?}");
}

fn facets(search: &Search, found: &Found, model: &Model, sessions: &[String]) {
    assert_eq!(found.facets.len(), search.facets.len());
    for (facet, (_, limit)) in found.facets.iter().zip(&search.facets) {
        let field = schema().number(&facet.field).unwrap();
        let mut counts = BTreeMap::<String, u64>::new();
        for session in sessions {
            model.keywords(session, field).into_iter().for_each(|value| *counts.entry(value).or_default() += 1);
        }
        let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let others = counts.split_off((*limit).min(counts.len()));
        assert_eq!((&facet.values, facet.others), (&counts, others.len() as u64), "{search:?}");
    }
}
