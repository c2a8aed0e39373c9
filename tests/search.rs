//! What is promised of searching: the index is written with the data, is there after a reload, and says what is stored.
//!
//! A seed that fails is printed; `HOARDB_SEED=<n> cargo test --test search` replays it (see `support/seeds.rs`).
#![cfg(not(target_arch = "wasm32"))]

mod support;

use hoardb::backend::memory::Memory;
use hoardb::backend::{Backend, KeyRange, Scan, StoreName};
use hoardb::index::{Suggest, request};
use hoardb::job::Step;
use hoardb::store::{
    Housekeeping, IndexChoice, Optimizing, Options, Reindexing, SearchResult, Store, VerifyOptions, Write,
};
use pollster::block_on;
use std::collections::BTreeMap;
use support::*;

type Engine = Store<Memory, TestHost>;

fn open_with(memory: &Memory, seed: u64, index: IndexChoice) -> Engine {
    let options = Options { index, ..Options::default() };
    block_on(Store::open(memory.clone(), TestHost::new(seed), options)).unwrap()
}

fn open(memory: &Memory) -> Engine {
    open_with(memory, 1, IndexChoice::Stored)
}

fn fields(options: &str) -> IndexChoice {
    hoardb::index::Schema::from_options(options).unwrap().map_or(IndexChoice::Off, IndexChoice::Fields)
}

fn search(store: &Engine, json: &str) -> SearchResult {
    let schema = block_on(store.schema()).unwrap();
    block_on(store.search(&request(json, &schema).unwrap())).unwrap()
}

fn ids(store: &Engine, json: &str) -> Vec<String> {
    let mut ids: Vec<String> = search(store, json).found.hits.into_iter().map(|hit| hit.session).collect();
    ids.sort();
    ids
}

fn text(store: &Engine, words: &str) -> Vec<String> {
    ids(store, &format!(r#"{{"text":"{words}"}}"#))
}

fn create(store: &Engine, name: &str, json: &str) {
    block_on(store.write(Write::Create { id: id(name), metadata: document(json) })).unwrap();
}

fn append(store: &Engine, name: &str, list_name: &str, items: &[&str]) {
    let items = documents(items);
    block_on(store.write(Write::Append { id: id(name), list: list(list_name), items })).unwrap();
}

fn segments(memory: &Memory) -> usize {
    let scan = Scan::keys(StoreName::Segments, KeyRange::all(), 10_000);
    block_on(memory.scan(scan)).unwrap().len()
}

fn clean(store: &Engine) {
    for options in [FULL, QUICK] {
        let report = block_on(verify(store, options)).unwrap();
        assert!(report.clean, "{:#?}", report.findings);
    }
}

#[test]
fn what_is_written_is_found_at_once_and_after_a_reload() {
    let memory = Memory::new();
    let store = open(&memory);
    create(&store, "a", r#"{"title":"Login fails","tags":["ui","bug"],"status":"open","startedAt":{"$date":1000}}"#);
    create(&store, "b", r#"{"title":"Payment works","tags":["ui"],"status":"done"}"#);
    append(&store, "b", "notes", &[r#"{"text":"nothing"}"#, r#"{"text":"the login button"}"#]);
    for store in [store, open(&memory)] {
        assert_eq!(text(&store, "login"), ["a", "b"]);
        assert_eq!(ids(&store, r#"{"where":{"tags":{"all":["ui","bug"]}}}"#), ["a"]);
        assert_eq!(ids(&store, r#"{"query":"login -status:done"}"#), ["a"]);
        assert_eq!(ids(&store, r#"{"where":{"startedAt":{"from":999,"to":1000}}}"#), ["a"]);
        let found = search(&store, r#"{"text":"button","snippets":true}"#);
        let hit = &found.found.hits[0];
        assert_eq!((hit.session.as_str(), &hit.at), ("b", &Some(("notes".to_owned(), 1))));
        let shown = &found.snippets[0][0];
        assert_eq!((shown.text.as_str(), &shown.highlights[..]), ("the login button", &[(10, 16)][..]));
        assert_eq!(shown.at, Some(("notes".to_owned(), 1)));
        assert!(String::from_utf8_lossy(&found.sessions[0].as_ref().unwrap().json).contains("Payment"));
        clean(&store);
    }
}

#[test]
fn what_is_replaced_or_deleted_is_no_longer_found() {
    let memory = Memory::new();
    let store = open(&memory);
    create(&store, "a", r#"{"title":"old words"}"#);
    append(&store, "a", "notes", &[r#"{"text":"first"}"#, r#"{"text":"second"}"#]);
    let update = Write::Update { id: id("a"), patch: document(r#"{"title":"new words"}"#), remove: vec![] };
    block_on(store.write(update)).unwrap();
    let set = Write::Set { id: id("a"), list: list("notes"), index: 0, item: document(r#"{"text":"third"}"#) };
    block_on(store.write(set)).unwrap();
    for (word, found) in [("old", false), ("new", true), ("first", false), ("second", true), ("third", true)] {
        assert_eq!(text(&store, word).len(), usize::from(found), "{word}");
    }
    let save = Write::Save { id: id("a"), metadata: document(r#"{"title":"saved"}"#), lists: vec![] };
    block_on(store.write(save)).unwrap();
    assert_eq!((text(&store, "second").len(), text(&store, "saved").len()), (0, 1));
    block_on(store.write(Write::Delete { ids: vec![id("a")] })).unwrap();
    assert_eq!(search(&store, "{}").found.total, 0);
    clean(&store);
}

#[test]
fn a_group_of_writes_adds_one_segment_in_its_transaction() {
    let memory = Memory::new();
    let store = open(&memory);
    let (commits, before) = (store.transactions(), segments(&memory));
    let receipts: Vec<_> = (0..5)
        .map(|n| store.submit(Write::Create { id: id(&n.to_string()), metadata: document(r#"{"title":"same"}"#) }))
        .collect();
    block_on(store.drain());
    for receipt in receipts {
        block_on(receipt.answer()).unwrap();
    }
    assert_eq!((store.transactions() - commits, segments(&memory) - before), (1, 1));
    assert_eq!(text(&store, "same").len(), 5);
}

#[test]
fn what_another_tab_writes_is_found() {
    let memory = Memory::new();
    let (here, there) = (open(&memory), open_with(&memory, 2, IndexChoice::Stored));
    create(&here, "a", r#"{"title":"word"}"#);
    assert_eq!(text(&there, "word"), ["a"]);
    create(&there, "b", r#"{"title":"word"}"#);
    assert_eq!(text(&here, "word"), ["a", "b"]);
    block_on(here.write(Write::Delete { ids: vec![id("b")] })).unwrap();
    assert_eq!(text(&there, "word"), ["a"]);
}

#[test]
fn segments_are_merged_while_they_gather() {
    let memory = Memory::new();
    let (store, other) = (open(&memory), open_with(&memory, 2, IndexChoice::Stored));
    for n in 0..300 {
        let by = if n % 3 == 0 { &other } else { &store };
        create(by, &n.to_string(), &format!(r#"{{"title":"word w{}"}}"#, n % 7));
        if n % 5 == 0 {
            block_on(store.write(Write::Delete { ids: vec![id(&(n / 2).to_string())] })).unwrap();
        }
        block_on(by.tend()).unwrap();
    }
    assert!(segments(&memory) <= 3 * 8, "{} segments", segments(&memory));
    assert_eq!(search(&store, r#"{"text":"w3"}"#).found.total, search(&other, r#"{"text":"w3"}"#).found.total);
    clean(&store);
    let mut run = Optimizing::default();
    let report = loop {
        if let Step::Done(_, report) = block_on(store.optimize(&mut run)).unwrap() {
            break report;
        }
    };
    assert_eq!((report.segments_after, segments(&memory)), (1, 1));
    assert!(report.segments_before > 1);
    clean(&other);
}

#[test]
fn a_damaged_segment_leaves_the_rest_and_is_made_anew() {
    let memory = Memory::new();
    let store = open(&memory);
    create(&store, "a", r#"{"title":"word"}"#);
    create(&store, "b", r#"{"title":"word"}"#);
    let keys = memory.snapshot()[&StoreName::Segments].keys().cloned().collect::<Vec<_>>();
    for damage in [b"damaged".to_vec(), vec![]] {
        memory.tamper(StoreName::Segments, &keys[0], Some(damage));
    }
    let store = open(&memory);
    let found = search(&store, r#"{"text":"word"}"#);
    assert!(found.incomplete);
    assert_eq!(found.found.total, 1);
    let report = block_on(verify(&store, QUICK)).unwrap();
    assert_eq!(report.findings[0].code, "Corrupt");
    block_on(store.tend()).unwrap();
    let found = search(&store, r#"{"text":"word"}"#);
    assert_eq!((found.found.total, found.incomplete), (2, false));
    clean(&store);
}

#[test]
fn verify_finds_what_the_index_lacks_and_repairs_it() {
    let memory = Memory::new();
    let store = open(&memory);
    create(&store, "a", r#"{"title":"word"}"#);
    create(&store, "b", r#"{"title":"word"}"#);
    let keys = memory.snapshot()[&StoreName::Segments].keys().cloned().collect::<Vec<_>>();
    memory.tamper(StoreName::Segments, &keys[0], None);
    for options in [FULL, QUICK] {
        let store = open(&memory);
        let codes: Vec<_> =
            block_on(verify(&store, options)).unwrap().findings.iter().map(|finding| finding.code).collect();
        assert_eq!(codes, ["Missing", "Missing"], "{options:?}: the segment, and what it said");
        assert!(search(&store, "{}").incomplete, "it is noticed without looking for it");
    }
    let store = open(&memory);
    assert!(block_on(verify(&store, VerifyOptions { full: true, repair: true })).unwrap().findings[0].repaired);
    clean(&store);
    assert_eq!(text(&store, "word").len(), 2);
}

#[test]
fn other_options_index_everything_anew_and_every_tab_goes_by_them() {
    let memory = Memory::new();
    let old = open(&memory);
    create(&old, "a", r#"{"title":"Logins","size":5}"#);
    let new = open_with(&memory, 2, fields(r#"{"fields":{"size":"number"},"analyser":"en"}"#));
    assert!(search(&new, "{}").incomplete);
    block_on(new.tend()).unwrap();
    let found = search(&new, r#"{"text":"login","where":{"size":{"from":5}}}"#);
    assert_eq!((found.found.total, found.incomplete), (1, false));
    // The tab that was there before writes by the new options.
    create(&old, "b", r#"{"title":"login","size":6}"#);
    assert_eq!(ids(&new, r#"{"where":{"size":{"from":6}}}"#), ["b"]);
    assert_eq!(ids(&old, r#"{"where":{"size":{"from":6}}}"#), ["b"]);
    clean(&new);
    // Opening without options, or with the same, changes nothing.
    for choice in [IndexChoice::Stored, fields(r#"{"analyser":"en","fields":{"size":"number"}}"#)] {
        assert!(!search(&open_with(&memory, 3, choice), "{}").incomplete);
    }
}

#[test]
fn without_an_index_nothing_is_indexed_and_to_search_is_an_error() {
    let memory = Memory::new();
    let store = open_with(&memory, 1, IndexChoice::Off);
    create(&store, "a", r#"{"title":"word"}"#);
    assert_eq!(segments(&memory), 0);
    assert_eq!(block_on(store.schema()).unwrap_err().code(), "InvalidArgument");
    clean(&store);
    let store = open_with(&memory, 2, fields("{}"));
    block_on(store.tend()).unwrap();
    assert_eq!(text(&store, "word"), ["a"]);
    open_with(&memory, 3, IndexChoice::Off);
    assert_eq!(segments(&memory), 0);
}

#[test]
fn indexing_anew_goes_on_where_it_was_left_while_others_write() {
    let memory = Memory::new();
    let store = open_with(&memory, 1, IndexChoice::Off);
    let long = format!(r#"{{"text":"item {}"}}"#, "x ".repeat(4000));
    for n in 0..100 {
        create(&store, &format!("s{n}"), r#"{"title":"word"}"#);
    }
    append(&store, "s50", "notes", &vec![long.as_str(); 400]);
    let store = open_with(&memory, 2, fields("{}"));
    let mut steps = 0;
    loop {
        // Each step by another engine, as if each had died.
        let engine = open_with(&memory, 3 + steps, IndexChoice::Stored);
        let mut run = Reindexing::going_on();
        if !search(&engine, "{}").incomplete {
            break;
        }
        let other = format!("n{steps}");
        create(&store, &other, r#"{"title":"word"}"#);
        append(&store, "s50", "notes", &[r#"{"text":"later item"}"#]);
        block_on(store.write(Write::Delete { ids: vec![id(&format!("s{steps}"))] })).unwrap();
        block_on(engine.reindex(&mut run)).unwrap();
        steps += 1;
        assert!(steps < 100, "it never ends");
    }
    assert!(steps >= 4, "{steps} steps");
    assert_eq!(search(&store, r#"{"text":"word"}"#).found.total, 100);
    clean(&store);
}

#[test]
fn jobs_report_the_bytes_that_are_stored() {
    let memory = Memory::new();
    let store = open(&memory);
    for n in 0..20 {
        create(&store, &n.to_string(), &format!(r#"{{"title":"{}"}}"#, "the same words again and again ".repeat(20)));
    }
    let stored = || memory.snapshot()[&StoreName::Segments].values().map(|record| record.len() as u64).sum::<u64>();
    let before = stored();
    let mut run = Reindexing::default();
    let report = loop {
        if let Step::Done(_, report) = block_on(store.reindex(&mut run)).unwrap() {
            break report;
        }
    };
    assert_eq!((report.sessions, report.bytes), (20, stored()));
    let (reindexed, mut run) = (stored(), Optimizing::default());
    let report = loop {
        if let Step::Done(_, report) = block_on(store.optimize(&mut run)).unwrap() {
            break report;
        }
    };
    assert_eq!((report.bytes_before, report.bytes_after), (reindexed, stored()));
    assert!(stored() < before);
    let stats = block_on(store.index_stats()).unwrap().unwrap();
    assert_eq!(stats.stored_bytes, stored());
    assert!(stored() < stats.figures.segments.iter().map(|segment| segment.bytes).sum(), "they are compressed");
}

#[test]
fn what_a_merge_left_behind_is_cleaned_up() {
    let memory = Memory::new();
    let store = open(&memory);
    create(&store, "a", r#"{"title":"word"}"#);
    let left = hoardb::backend::Key::new().number(1).number(77).number(1);
    memory.tamper(StoreName::Segments, &left, Some(b"a part".to_vec()));
    let mut run = Housekeeping::new(block_on(store.own()).unwrap());
    while let Step::Running(_) = block_on(store.housekeep(&mut run)).unwrap() {}
    assert_eq!(segments(&memory), 1);
    assert_eq!(text(&store, "word"), ["a"]);
}

#[test]
fn a_text_is_completed_by_what_is_indexed() {
    let memory = Memory::new();
    let store = open(&memory);
    create(&store, "a", r#"{"title":"login failed"}"#);
    create(&store, "b", r#"{"title":"logout"}"#);
    create(&store, "c", r#"{"title":"login"}"#);
    let schema = block_on(store.schema()).unwrap();
    let suggest = Suggest::from_request(r#"{"text":"failed log"}"#, &schema).unwrap();
    let found = block_on(store.suggest(&suggest)).unwrap();
    let found: Vec<_> = found.iter().map(|one| (one.text.as_str(), one.count)).collect();
    assert_eq!(found, [("failed login", 2), ("failed logout", 1)]);
}

/// Title, tag, notes.
type Said = (String, String, Vec<String>);

/// What a model says is stored.
type Model = BTreeMap<String, Said>;

const WORDS: [&str; 6] = ["alpha", "beta", "gamma", "delta", "wi-fi", "東京"];

#[test]
fn answers_are_those_of_a_model_through_writes_merges_crashes_and_reloads() {
    seeds::each_of(600, play);
}

fn play(seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let memory = Memory::new();
    let mut tabs: Vec<Engine> = (0..2).map(|tab| open_with(&memory, seed * 10 + tab, IndexChoice::Stored)).collect();
    let mut model = Model::new();
    for step in 0..rng.usize(20..80) {
        let tab = rng.usize(..2);
        let words =
            |rng: &mut fastrand::Rng| (0..rng.usize(..4)).map(|_| WORDS[rng.usize(..6)]).collect::<Vec<_>>().join(" ");
        let name = format!("s{}", rng.u8(..8));
        let (title, tag) = (words(&mut rng), WORDS[rng.usize(..4)].to_owned());
        let metadata = document(&format!(r#"{{"title":"{title}","tags":["{tag}"]}}"#));
        let note = words(&mut rng);
        let item = format!(r#"{{"text":"{note}"}}"#);
        let is_there = model.contains_key(&name);
        let write = match rng.u8(..12) {
            0..3 => {
                model.entry(name.clone()).or_default().0 = title;
                model.entry(name.clone()).or_default().1 = tag;
                Write::Put { id: id(&name), metadata }
            }
            3 => {
                model.insert(name.clone(), (title, tag, vec![note]));
                Write::Save { id: id(&name), metadata, lists: vec![(list("notes"), documents(&[&item]))] }
            }
            4 => {
                model.remove(&name);
                Write::Delete { ids: vec![id(&name)] }
            }
            5..8 if is_there => {
                model.get_mut(&name).unwrap().2.push(note);
                Write::Append { id: id(&name), list: list("notes"), items: documents(&[&item]) }
            }
            8 if model.get(&name).is_some_and(|session| !session.2.is_empty()) => {
                let notes = &mut model.get_mut(&name).unwrap().2;
                let index = rng.usize(..notes.len());
                notes[index] = note;
                Write::Set { id: id(&name), list: list("notes"), index: index as u64, item: document(&item) }
            }
            9 => {
                block_on(tabs[tab].tend()).unwrap();
                continue;
            }
            10 => {
                // It dies, and another one comes.
                tabs[tab] = open_with(&memory, seed * 1000 + step as u64, IndexChoice::Stored);
                continue;
            }
            _ => {
                compare(&tabs[tab], &model, &mut rng, seed);
                continue;
            }
        };
        block_on(tabs[tab].write(write)).unwrap();
    }
    for store in &tabs {
        compare(store, &model, &mut rng, seed);
        clean(store);
    }
}

fn compare(store: &Engine, model: &Model, rng: &mut fastrand::Rng, seed: u64) {
    let (word, tag) = (WORDS[rng.usize(..6)], WORDS[rng.usize(..4)]);
    let has = |session: &Said| {
        session.0.contains(word) || session.2.iter().any(|note| note.contains(word)) || session.1 == word
    };
    let of = |test: &dyn Fn(&Said) -> bool| -> Vec<String> {
        model.iter().filter(|(_, session)| test(session)).map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(text(store, word), of(&has), "seed {seed}: {word}");
    let tagged = format!(r#"{{"where":{{"tags":"{tag}","not":{{"*":{{"text":"{word}"}}}}}}}}"#);
    assert_eq!(ids(store, &tagged), of(&|session| session.1 == tag && !has(session)), "seed {seed}: {tagged}");
    let facets = search(store, r#"{"facets":["tags"],"limit":0}"#).found;
    assert_eq!(facets.total, model.len() as u64, "seed {seed}");
    for (value, count) in &facets.facets[0].values {
        assert_eq!(*count, of(&|session| session.1 == *value).len() as u64, "seed {seed}: {value}");
    }
}
