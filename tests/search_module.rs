//! What is promised while the index's code cannot be loaded: everything but searching goes on, and nothing is left out later.
#![cfg(not(target_arch = "wasm32"))]

mod support;

use hoardb::backend::memory::Memory;
use hoardb::host::Host;
use hoardb::index::request;
use hoardb::store::{IndexChoice, Options, Store, Write};
use pollster::block_on;
use support::*;

type Engine = Store<Memory, TestHost>;

fn open(memory: &Memory, host: &TestHost) -> Engine {
    block_on(Store::open(memory.clone(), host.clone(), Options::default())).unwrap()
}

/// A store with a session, and an engine on it that cannot index.
fn without_index() -> (Memory, TestHost, Engine) {
    let memory = Memory::new();
    let host = TestHost::new(1);
    let store = open(&memory, &host);
    create(&store, "before");
    append(&store, "before");
    host.lacks_index.set(true);
    let store = open(&memory, &host);
    (memory, host, store)
}

fn create(store: &Engine, name: &str) {
    let metadata = document(&format!(r#"{{"title":"a session {name}"}}"#));
    block_on(store.write(Write::Create { id: id(name), metadata })).unwrap();
}

fn append(store: &Engine, name: &str) {
    let items = documents(&[r#"{"text":"an item"}"#]);
    block_on(store.write(Write::Append { id: id(name), list: list("notes"), items })).unwrap();
}

fn set(store: &Engine, name: &str) {
    let item = document(r#"{"text":"replaced"}"#);
    block_on(store.write(Write::Set { id: id(name), list: list("notes"), index: 0, item })).unwrap();
}

fn found(store: &Engine, words: &str) -> Vec<String> {
    let schema = block_on(store.schema()).unwrap();
    let request = request(&format!(r#"{{"text":"{words}"}}"#), &schema).unwrap();
    let result = block_on(store.search(&request)).unwrap();
    assert!(!result.incomplete);
    let mut ids: Vec<String> = result.found.hits.into_iter().map(|hit| hit.session).collect();
    ids.sort();
    ids
}

/// Whoever opens it next finds what these words are in.
fn comes_back(memory: &Memory, words: &str, ids: &[&str]) {
    let store = open(memory, &TestHost::new(2));
    block_on(store.tend()).unwrap();
    assert_eq!(found(&store, words), ids);
    for options in [FULL, QUICK] {
        let report = block_on(verify(&store, options)).unwrap();
        assert!(report.clean, "{:#?}", report.findings);
    }
}

#[test]
fn a_search_says_what_is_missing_and_works_once_it_is_there() {
    let (_, host, store) = without_index();
    for error in [
        block_on(store.schema()).unwrap_err(),
        block_on(store.index_stats()).unwrap_err(),
        block_on(store.reindex(&mut Default::default())).unwrap_err(),
        block_on(store.optimize(&mut Default::default())).unwrap_err(),
    ] {
        assert_eq!(error.code(), "SearchUnavailable");
        assert!(error.retryable() && error.to_string().contains("it is not served"), "{error}");
    }
    host.lacks_index.set(false);
    assert_eq!(found(&store, "session"), ["before"]);
}

#[test]
fn each_kind_of_write_is_stored_and_indexed_later() {
    let (memory, _, store) = without_index();
    create(&store, "new");
    comes_back(&memory, "session", &["before", "new"]);

    let (memory, _, store) = without_index();
    append(&store, "before");
    comes_back(&memory, "item", &["before"]);

    let (memory, _, store) = without_index();
    set(&store, "before");
    comes_back(&memory, "replaced", &["before"]);
    comes_back(&memory, "item", &[]);

    let (memory, _, store) = without_index();
    block_on(store.write(Write::Delete { ids: vec![id("before")] })).unwrap();
    comes_back(&memory, "session", &[]);
}

#[test]
fn the_engine_itself_indexes_what_it_wrote_without_once_it_can() {
    let (_, host, store) = without_index();
    create(&store, "new");
    append(&store, "new");
    assert!(store.is_to_tend());
    host.lacks_index.set(false);
    block_on(host.sleep(60_000));
    block_on(store.tend()).unwrap();
    assert_eq!(found(&store, "session"), ["before", "new"]);
    assert_eq!(found(&store, "item"), ["before", "new"]);
}

#[test]
fn writes_do_not_ask_for_it_again_and_again() {
    let (_, host, store) = without_index();
    host.index_loads.set(0);
    for n in 0..10 {
        create(&store, &n.to_string());
        block_on(store.tend()).unwrap();
    }
    assert_eq!(host.index_loads.get(), 1);
    block_on(host.sleep(60_000));
    create(&store, "later");
    assert_eq!(host.index_loads.get(), 2);
}

#[test]
fn nothing_is_asked_for_to_open_read_and_write_without_an_index() {
    let (memory, host) = (Memory::new(), TestHost::new(1));
    let options = Options { index: IndexChoice::Off, ..Options::default() };
    let store = block_on(Store::open(memory, host.clone(), options)).unwrap();
    create(&store, "a");
    append(&store, "a");
    block_on(store.sessions(&[id("a")])).unwrap();
    assert_eq!(host.index_loads.get(), 0);
}

#[test]
fn nothing_is_asked_for_to_open_and_read() {
    let (memory, host, _) = without_index();
    host.index_loads.set(0);
    let store = open(&memory, &host);
    block_on(store.sessions(&[id("before")])).unwrap();
    block_on(store.stats()).unwrap();
    assert_eq!(host.index_loads.get(), 0);
}

#[test]
fn verify_says_that_it_did_not_look_at_the_index() {
    let (_, _, store) = without_index();
    for options in [FULL, QUICK] {
        let report = block_on(verify(&store, options)).unwrap();
        let codes: Vec<&str> = report.findings.iter().map(|finding| finding.code).collect();
        assert_eq!((report.clean, codes), (false, vec!["SearchUnavailable"]));
    }
}
