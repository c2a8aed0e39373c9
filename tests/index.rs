//! The search index against a brute-force evaluation, from a seed.
//!
//! Sessions are made, changed, appended to and deleted at random, a segment for each transaction; segments are merged in any
//! order, and the index is opened anew from stored bytes. In between it is asked random questions, and every answer (set,
//! total, facets, order, items, scores) has to be that of a model that looks at every entry and computes BM25 as the textbook does.
//!
//! A seed that fails is printed; `HOARDB_SEED=<n> cargo test --test index` replays it (see `support/seeds.rs`). With those of
//! `tests/search.rs`, in which engines die and reload, 5,000 are compared by default. `HOARDB_FUZZ_SECONDS=<n>` sets how long parts
//! are filled with anything, 1 by default.
#![cfg(not(target_arch = "wasm32"))]

mod support;

mod index {
    pub mod damage;
    pub mod model;
    pub mod questions;
    pub mod request;
    pub mod shelf;
    pub mod story;
    pub mod suggestions;
    pub mod words;
}

use hoardb::index::{
    Analysers, Check, Entry, Finding, Findings, Found, Index, Matching, Order, Problem, Query, Scope, Search, Suggest,
    Text, Tombstone, Value, Word, Work, build,
};
use hoardb::session::{Id, ListName};
use index::shelf::Shelf;
use index::story;
use index::words::schema;
use std::collections::BTreeMap;
use support::seeds;

#[test]
fn every_answer_is_that_of_a_brute_force_evaluation() {
    seeds::each_of(4400, story::play);
}

#[test]
fn damaged_parts_end_as_errors() {
    seeds::each_of(400, index::damage::play);
}

#[test]
fn any_bytes_end_as_errors_or_answers() {
    let seconds = std::env::var("HOARDB_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let first = seeds::only().unwrap_or(0);
    index::damage::fuzz(first, seconds.unwrap_or(1.0), &large());
}

fn word(text: &str, how: Matching) -> Query {
    let words = vec![Word { text: text.into(), how }];
    Query::Text(Text { words, all: true, fields: vec![] })
}

fn search(query: Query) -> Search {
    Search { query, order: Order::Relevance, limit: 10, offset: 0, facets: vec![] }
}

fn text_entry(session: &str, text: &str) -> Entry {
    let body = schema().number("body").unwrap();
    Entry { session: Id::new(session).unwrap(), at: None, values: vec![(body, Value::Text(vec![text.into()]))] }
}

fn found(entries: &[Entry], query: Query) -> Found {
    let mut shelf = Shelf::default();
    let mut index = Index::new(schema().clone());
    let parts = build(1, index.schema(), &Analysers, entries, &[]).unwrap();
    index.add(1, shelf.put(1, parts)).unwrap();
    shelf.search(&mut index, &search(query))
}

#[test]
fn no_phrase_spans_two_texts_of_a_field() {
    let body = schema().number("body").unwrap();
    let texts = Value::Text(vec!["red cat".into(), "dog blue".into()]);
    let entries = [Entry { session: Id::new("a").unwrap(), at: None, values: vec![(body, texts)] }];
    let totals = ["red cat", "dog blue", "cat dog"].map(|text| found(&entries, word(text, Matching::Phrase)).total);
    assert_eq!(totals, [1, 1, 0]);
}

#[test]
fn ranges_of_few_and_of_many_include_their_ends() {
    let n = schema().number("n").unwrap();
    let entry = |number: u32| {
        let values = vec![(n, Value::Number(number.into()))];
        Entry { session: Id::new(format!("s{number}")).unwrap(), at: None, values }
    };
    let entries: Vec<Entry> = (0..100).map(entry).collect();
    for (from, to) in [(50_u32, 50_u32), (50, 52), (10, 90), (0, 99)] {
        let query = Query::Range { field: "n".into(), from: Some(from.into()), to: Some(to.into()) };
        assert_eq!(found(&entries, query).total, u64::from(to - from + 1), "{from} to {to}");
    }
}

#[test]
fn of_items_that_fit_alike_the_first_is_told() {
    let text = schema().number("messages.text").unwrap();
    let list = ListName::new("messages").unwrap();
    let entry = |index| {
        let values = vec![(text, Value::Text(vec!["cat".into()]))];
        Entry { session: Id::new("a").unwrap(), at: Some((list.clone(), index)), values }
    };
    let found = found(&[entry(7), entry(3), entry(5)], word("cat", Matching::Exact));
    assert_eq!(found.hits[0].at, Some(("messages".into(), 3)));
}

/// Enough text for several parts, with a term of its own in each entry.
fn large() -> Vec<Entry> {
    let mut random = fastrand::Rng::with_seed(1);
    (0..6000)
        .map(|n| {
            let words: Vec<String> = (0..60).map(|_| format!("w{}", random.u32(..20_000))).collect();
            text_entry(&format!("s{n:05}"), &format!("only{n} common {}", words.join(" ")))
        })
        .collect()
}

#[test]
fn a_query_reads_only_the_parts_that_it_needs() {
    let mut shelf = Shelf::default();
    let mut index = Index::new(schema().clone());
    let parts = build(1, index.schema(), &Analysers, &large(), &[]).unwrap();
    let count = parts.len();
    assert!(count > 6 && parts.iter().all(|part| part.bytes.len() <= 1 << 20), "{count} parts");
    index.add(1, shelf.put(1, parts)).unwrap();
    let found = shelf.search(&mut index, &search(word("only4711", Matching::Exact)));
    assert_eq!(found.hits[0].session, "s04711");
    assert!(shelf.reads <= 4, "{} parts of {count} were read for one word", shelf.reads);
    let before = shelf.reads;
    assert_eq!(shelf.search(&mut index, &search(word("common", Matching::Exact))).total, 6000);
    assert!(shelf.reads <= before + 2);
    let before = shelf.reads;
    assert_eq!(shelf.search(&mut index, &search(word("only0 common", Matching::Phrase))).total, 1);
    assert!(shelf.reads > before, "a phrase needs positions");
    let loaded = index.memory();
    index.shed();
    assert!(index.memory() < loaded);
    assert_eq!(shelf.search(&mut index, &search(word("only599", Matching::Prefix))).total, 11);
}

#[test]
fn a_large_index_is_merged_in_steps_and_says_the_same() {
    let mut shelf = Shelf::default();
    let mut index = Index::new(schema().clone());
    let entries = large();
    for (number, entries) in (1..).zip(entries.chunks(1500)) {
        let parts = build(number, index.schema(), &Analysers, entries, &[]).unwrap();
        index.add(number, shelf.put(number, parts)).unwrap();
    }
    let questions = [
        ("only5999", Matching::Exact),
        ("common", Matching::Exact),
        ("w12", Matching::Prefix),
        ("w1234", Matching::Fuzzy(2)),
    ];
    let before: Vec<_> =
        questions.iter().map(|(text, how)| shelf.search(&mut index, &search(word(text, *how)))).collect();
    let steps = shelf.merge(&mut index, vec![1, 2, 3, 4], 5);
    assert!(steps > 10, "{steps}");
    assert_eq!(index.figures().segments.len(), 1);
    for ((text, how), before) in questions.iter().zip(before) {
        assert_eq!(shelf.search(&mut index, &search(word(text, *how))), before, "{text}");
    }
    let whole = build(4, index.schema(), &Analysers, &entries, &[]).unwrap();
    let merged: Vec<_> = (0..whole.len() as u32).map(|part| shelf.part(5, part)).collect();
    let (mut whole, mut merged) = (whole.into_iter().map(|part| part.bytes).collect::<Vec<_>>(), merged);
    whole.sort();
    merged.sort();
    assert!(whole == merged, "merged segments are those that are built at once");
}

#[test]
fn a_check_names_exactly_the_entries_that_are_wrong() {
    let mut shelf = Shelf::default();
    let mut index = Index::new(schema().clone());
    let messages = schema().number("messages.text").unwrap();
    let item = |n| Entry {
        session: Id::new("b").unwrap(),
        at: Some((ListName::new("messages").unwrap(), n)),
        values: vec![(messages, Value::Text(vec!["hello".into()]))],
    };
    let indexed = [text_entry("a", "one two"), text_entry("b", "two one"), text_entry("c", "gone"), item(3)];
    let parts = build(1, index.schema(), &Analysers, &indexed, &[]).unwrap();
    index.add(1, shelf.put(1, parts)).unwrap();
    let mut check = Check::new();
    while check.step(&mut index).unwrap() != Work::Done(()) {}
    let documents = [text_entry("a", "one two"), text_entry("b", "one two"), item(4), item(3)];
    let of = |session: &str, at: Option<u64>, problem| Finding {
        session: session.into(),
        at: at.map(|n| ("messages".into(), n)),
        problem,
    };
    let wrong = check.expect(&index, &documents, &Analysers).unwrap();
    assert_eq!(wrong, Findings::Wrong(vec![of("b", None, Problem::Mismatch), of("b", Some(4), Problem::Missing)]));
    assert_eq!(check.orphans(&index, 10), Findings::Wrong(vec![of("c", None, Problem::Orphan)]));
}

#[test]
fn a_query_beyond_its_bounds_is_refused() {
    let mut index = Index::new(schema().clone());
    let mut refused = |query: Query, code: &str| {
        assert_eq!(index.search(&search(query), &Analysers).unwrap_err().code(), code);
    };
    let nested = (0..70).fold(Query::All, |query, _| Query::Not(Box::new(query)));
    refused(nested, "TooLarge");
    refused(Query::Or(vec![Query::All; 2000]), "TooLarge");
    let words = vec![Word { text: "a".into(), how: Matching::Exact }; 300];
    refused(Query::Text(Text { words, all: false, fields: vec![] }), "TooLarge");
    let words = vec![Word { text: "日本".repeat(128), how: Matching::Exact }; 9];
    refused(Query::Text(Text { words, all: false, fields: vec![] }), "TooLarge");
    refused(word("a", Matching::PrefixOrFuzzy(3)), "InvalidArgument");
    refused(Query::Range { field: "n".into(), from: Some(f64::NAN), to: None }, "InvalidArgument");
    refused(Query::Range { field: "body".into(), from: None, to: None }, "InvalidArgument");
    refused(Query::Exists { field: "absent".into() }, "InvalidArgument");
    refused(word("a", Matching::Fuzzy(3)), "InvalidArgument");
}

#[test]
fn a_suggestion_beyond_its_bounds_is_refused() {
    let mut index = Index::new(schema().clone());
    let suggest = |fields: &[&str], limit| Suggest {
        text: "a".into(),
        fields: fields.iter().map(|&field| field.into()).collect(),
        limit,
        edits: 0,
    };
    for (suggest, code) in [
        (suggest(&[], 101), "TooLarge"),
        (suggest(&["topics"], 1), "InvalidArgument"),
        (suggest(&["absent"], 1), "InvalidArgument"),
    ] {
        assert_eq!(index.suggest(&suggest).unwrap_err().code(), code);
    }
}

#[test]
fn of_many_completions_the_most_frequent_are_told_after_deletes_too() {
    // Even terms are in the first sessions, which are deleted; odd ones in fewer, the last. So many terms that come first by what the
    // dictionaries say fall behind others when they are counted.
    let has = |n: u32, session: u32| match n.is_multiple_of(2) {
        true => session < n * 37 % 100,
        false => session >= 100 - n * 37 % 100 / 2,
    };
    let texts =
        |session: u32| -> Vec<String> { (0..600).filter(|&n| has(n, session)).map(|n| format!("p{n}")).collect() };
    let entries: Vec<Entry> = (0..100).map(|n| text_entry(&format!("s{n:02}"), &texts(n).join(" "))).collect();
    let scope = Scope::All;
    let dead = (0..60).map(|n| Tombstone { session: Id::new(format!("s{n:02}")).unwrap(), scope: scope.clone() });
    let (mut shelf, mut index) = (Shelf::default(), Index::new(schema().clone()));
    index.add(1, shelf.put(1, build(1, index.schema(), &Analysers, &entries, &[]).unwrap())).unwrap();
    let dead: Vec<Tombstone> = dead.collect();
    index.add(2, shelf.put(2, build(2, index.schema(), &Analysers, &[], &dead).unwrap())).unwrap();
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    for term in (60..100).flat_map(texts) {
        *expected.entry(term).or_default() += 1;
    }
    let mut expected: Vec<(String, u64)> = expected.into_iter().collect();
    expected.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for limit in [1, 10, 100] {
        let suggest = Suggest { text: "p".into(), fields: vec![], limit, edits: 0 };
        let found = shelf.suggest(&mut index, &suggest).into_iter().map(|found| (found.text, found.count));
        assert_eq!(found.collect::<Vec<_>>(), expected[..limit]);
    }
}

#[test]
fn what_a_field_leaves_out_excludes_nothing() {
    let [title, english] = ["title", "messages.title"].map(|name| schema().number(name).unwrap());
    let value = |text: &str| Value::Text(vec![text.into()]);
    let entry = |session: &str, text: &str| Entry {
        session: Id::new(session).unwrap(),
        at: None,
        values: vec![(title, value(text))],
    };
    let item = Entry {
        session: Id::new("c").unwrap(),
        at: Some((ListName::new("messages").unwrap(), 0)),
        values: vec![(english, value("the login"))],
    };
    let entries = [entry("a", "the login"), entry("b", "login"), item, entry("d", "the page"), entry("e", "theme")];
    let ids = |words: &[(&str, Matching)], all, fields: &[&str]| -> String {
        let words = words.iter().map(|(text, how)| Word { text: (*text).into(), how: *how }).collect();
        let fields = fields.iter().map(|&field| field.into()).collect();
        let mut ids: Vec<String> =
            found(&entries, Query::Text(Text { words, all, fields })).hits.into_iter().map(|hit| hit.session).collect();
        ids.sort();
        ids.concat()
    };
    let (the, login) = (("the", Matching::Exact), ("login", Matching::Exact));
    let both = &["title", "messages.title"];
    assert_eq!(ids(&[the, login], true, both), "abc");
    assert_eq!(ids(&[the, login], true, &[]), "abc");
    assert_eq!(ids(&[login, the], false, both), "abc", "nor does it find anything");
    assert_eq!(ids(&[("the", Matching::Fuzzy(1)), login], true, both), "abc", "it was not \"he\" that was meant");
    assert_eq!(ids(&[("the", Matching::Phrase), login], true, both), "abc");
    assert_eq!(ids(&[the, login], true, &["title"]), "a", "it is a word there");
    assert_eq!(ids(&[the], true, both), "ad", "there is nothing else");
    assert_eq!(ids(&[the, ("a", Matching::Exact)], false, both), "ad");
    assert_eq!(ids(&[the, ("-", Matching::Prefix)], true, both), "ad");
    assert_eq!(ids(&[("the", Matching::Prefix), login], true, both), "a", "a beginning may be that of another word");
}

#[test]
fn completions_keep_what_was_typed_and_count_sessions() {
    let texts = ["Login page", "login form", "Logging in", "Ökologie", "logs and a login"];
    let mut entries: Vec<Entry> = (0..).zip(texts).map(|(n, text)| text_entry(&format!("s{n}"), text)).collect();
    let messages = schema().number("messages.text").unwrap();
    let item = Value::Text(vec!["login login".into()]);
    let at = Some((ListName::new("messages").unwrap(), 0));
    entries.push(Entry { session: Id::new("s0").unwrap(), at, values: vec![(messages, item)] });
    let (mut shelf, mut index) = (Shelf::default(), Index::new(schema().clone()));
    index.add(1, shelf.put(1, build(1, index.schema(), &Analysers, &entries, &[]).unwrap())).unwrap();
    let mut complete = |text: &str, limit, edits| -> Vec<String> {
        let suggest = Suggest { text: text.into(), fields: vec![], limit, edits };
        let found = shelf.suggest(&mut index, &suggest);
        found.into_iter().map(|found| format!("{} {}", found.text, found.count)).collect()
    };
    assert_eq!(complete("the LOG", 8, 0), ["the LOGin 3", "the LOGging 1", "the LOGs 1"]);
    assert_eq!(complete("the LOG", 1, 0), ["the LOGin 3"]);
    assert_eq!(complete("öko", 8, 0), ["ökologie 1"]);
    assert_eq!(complete("a/lgoi", 8, 1), [""; 0], "an exchange is two edits");
    assert_eq!(complete("a/logim", 8, 1), ["a/login 3"]);
    assert_eq!(complete("logn", 8, 1), ["login 3", "logging 1", "logs 1"]);
    for nothing in ["", " ", "log ", "log-", "zzz"] {
        assert_eq!(complete(nothing, 8, 2), [""; 0], "{nothing:?}");
    }
}

#[test]
fn what_has_all_words_comes_first_and_the_scores_stay() {
    let rare_often = "rare rare rare rare";
    let mut entries =
        vec![text_entry("a", rare_often), text_entry("b", "common rare and many words more to make it long")];
    entries.extend((0..20).map(|n| text_entry(&format!("c{n:02}"), "common")));
    let (mut shelf, mut index) = (Shelf::default(), Index::new(schema().clone()));
    index.add(1, shelf.put(1, build(1, index.schema(), &Analysers, &entries, &[]).unwrap())).unwrap();
    let words = |words: &[&str], all| {
        let words = words.iter().map(|&text| Word { text: text.into(), how: Matching::Exact }).collect();
        Query::Text(Text { words, all, fields: vec![] })
    };
    let mut first = |query: Query| {
        let found = shelf.search(&mut index, &search(query));
        found.hits.into_iter().take(2).map(|hit| (hit.session, hit.score)).collect::<Vec<_>>()
    };
    let one = |text| words(&[text], true);
    for any in [
        words(&["rare", "common"], false),
        Query::Or(vec![one("rare"), one("common")]),
        Query::And(vec![Query::All, Query::Or(vec![one("common"), one("rare")])]),
    ] {
        let hits = first(any.clone());
        assert_eq!((&*hits[0].0, &*hits[1].0), ("b", "a"), "{any:?}");
        assert!(hits[0].1 < hits[1].1, "{hits:?}");
    }
    // No session has all of these, and one that is excluded is not missed.
    assert_eq!(first(words(&["rare", "common", "nowhere"], false))[0].0, "a");
    let excluded = Query::Not(Box::new(one("nowhere")));
    assert_eq!(first(Query::And(vec![words(&["rare", "common"], false), excluded]))[0].0, "b");
}

/// With positions their parts stand one after the other; without, anywhere.
#[test]
fn numbers_in_parts_are_found_with_and_without_positions() {
    let notes = schema().number("notes").unwrap();
    let (mut shelf, mut index) = (Shelf::default(), Index::new(schema().clone()));
    let mut entries = vec![text_entry("with", "version 1.25 of 2024-05-01")];
    let mut without = text_entry("without", "");
    without.values = vec![(notes, Value::Text(vec!["version 1.25 of 2024-05-01".into()]))];
    entries.push(without);
    index.add(1, shelf.put(1, build(1, index.schema(), &Analysers, &entries, &[]).unwrap())).unwrap();
    for (text, how, sessions) in [
        ("1.25", Matching::Exact, &["with", "without"][..]),
        ("1.25", Matching::Phrase, &["with", "without"]),
        ("1.2", Matching::Prefix, &["with", "without"]),
        ("1.24", Matching::Fuzzy(1), &["with", "without"]),
        ("2024-05-01", Matching::Exact, &["with", "without"]),
        ("2024-05", Matching::Exact, &["with", "without"]),
        ("01-05-2024", Matching::Exact, &["without"]),
        ("1.2", Matching::Exact, &[]),
        ("2024-06-01", Matching::Exact, &[]),
    ] {
        let found = shelf.search(&mut index, &search(word(text, how)));
        let mut found: Vec<_> = found.hits.into_iter().map(|hit| hit.session).collect();
        found.sort();
        assert_eq!(found, sessions, "{text} {how:?}");
    }
}

#[test]
fn a_prefix_of_very_many_terms_takes_the_shortest_and_says_so() {
    let entries: Vec<Entry> = (0..2000).map(|n| text_entry(&format!("{n:04}"), &format!("p{n}"))).collect();
    let (mut shelf, mut index) = (Shelf::default(), Index::new(schema().clone()));
    index.add(1, shelf.put(1, build(1, index.schema(), &Analysers, &entries, &[]).unwrap())).unwrap();
    let found = shelf.search(&mut index, &search(word("p", Matching::Prefix)));
    assert_eq!((found.total, found.cut), (1024, true));
    assert_eq!(found.hits[0].session, "0000");
    assert!(!shelf.search(&mut index, &search(word("p19", Matching::Prefix))).cut);
}
