//! Promises of the engine, one test each, on the memory backend.
#![cfg(not(target_arch = "wasm32"))]

mod support;

use hoardb::backend::memory::Memory;
use hoardb::backend::{Backend, Batch, Key, KeyRange, Outcome, Row, Scan, StoreName};
use hoardb::blob::{CollectOptions, blob_key, sha256};
use hoardb::error::{Error, Result};
use hoardb::session::{ChunkLimits, chunk_key, session_key};
use hoardb::store::{Document, Documents, Head, LIMITS, ListQuery, Options, Store, Write, Written};
use pollster::block_on;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use support::*;

fn options() -> Options {
    Options { chunk: ChunkLimits { items: 4, bytes: 1 << 10 }, grace_ms: 1000, ..Options::default() }
}

fn open(memory: &Memory) -> (Store<Memory, TestHost>, TestHost) {
    let host = TestHost::new(1);
    (block_on(Store::open(memory.clone(), host.clone(), options())).unwrap(), host)
}

fn save(store: &Store<Memory, TestHost>, name: &str, items: Documents) {
    let write = Write::Save { id: id(name), metadata: document("{}"), lists: vec![(list("l"), items)] };
    block_on(store.write(write)).unwrap();
}

fn append(store: &Store<Memory, TestHost>, name: &str, texts: &[&str]) -> Result<Written> {
    block_on(store.write(Write::Append { id: id(name), list: list("l"), items: documents(texts) }))
}

fn shot(content: &[u8]) -> Documents {
    let attachments = vec![bytes(content)];
    Documents { attachments, ..documents(&[r#"{"image":{"$attachment":0}}"#]) }
}

fn items(store: &Store<Memory, TestHost>, name: &str) -> Vec<serde_json::Value> {
    let chunks = block_on(store.read(&id(name), &list("l"), 0..u64::MAX, u64::MAX)).unwrap();
    chunks.iter().flat_map(|chunk| serde_json::from_slice::<Vec<serde_json::Value>>(&chunk.json).unwrap()).collect()
}

fn chunk_keys(memory: &Memory) -> Vec<Key> {
    memory.snapshot().get(&StoreName::Chunks).map(|map| map.keys().cloned().collect()).unwrap_or_default()
}

/// Damages one byte of a record.
fn flip(memory: &Memory, store: StoreName, key: &Key) {
    let mut record = memory.snapshot()[&store][key].clone();
    let last = record.len() - 1;
    record[last] ^= 1;
    memory.tamper(store, key, Some(record));
}

#[test]
fn an_append_rewrites_nothing_until_a_chunk_is_full() {
    let memory = Memory::new();
    let (store, _) = open(&memory);
    save(&store, "s", Documents::default());
    for n in 0..3 {
        let before = memory.snapshot().remove(&StoreName::Chunks).unwrap_or_default();
        assert_eq!(append(&store, "s", &[&n.to_string()]), Ok(Written::Index(n)));
        let after = memory.snapshot().remove(&StoreName::Chunks).unwrap();
        assert_eq!(after.len(), before.len() + 1);
        assert!(before.iter().all(|(key, record)| after[key] == *record));
    }
    append(&store, "s", &["3"]).unwrap();
    assert_eq!(chunk_keys(&memory), [chunk_key("s", "l", 0)], "the fourth fills the chunk, and the tails are merged");
    append(&store, "s", &["4"]).unwrap();
    assert_eq!(chunk_keys(&memory), [chunk_key("s", "l", 0), chunk_key("s", "l", 4)]);
    assert_eq!(items(&store, "s"), [0, 1, 2, 3, 4]);
}

#[test]
fn what_gathers_while_a_transaction_runs_is_one_transaction() {
    let memory = Memory::new();
    let (store, _) = open(&memory);
    save(&store, "s", Documents::default());
    let generation = || block_on(store.stats()).unwrap().generation;
    let before = generation();
    let receipts: Vec<_> = (0..1000)
        .map(|n: u32| {
            let items = documents(&[n.to_string().as_str()]);
            store.submit(Write::Append { id: id("s"), list: list("l"), items })
        })
        .collect();
    block_on(store.drain());
    for (n, receipt) in receipts.into_iter().enumerate() {
        assert_eq!(block_on(receipt.answer()), Ok(Written::Index(n as u64)));
    }
    assert_eq!(generation(), before + 1);
    assert_eq!(items(&store, "s").len(), 1000);
}

#[test]
fn one_operation_that_fails_takes_no_other_of_its_group_with_it() {
    let (store, _) = open(&Memory::new());
    save(&store, "s", Documents::default());
    let writes = ["s", "absent", "s"]
        .map(|name| store.submit(Write::Append { id: id(name), list: list("l"), items: shot(name.as_bytes()) }));
    block_on(store.drain());
    let answers = writes.map(|receipt| block_on(receipt.answer()).map_err(|error| error.code()));
    assert_eq!(answers, [Ok(Written::Index(0)), Err("NotFound"), Ok(Written::Index(1))]);
    assert_eq!(block_on(store.stats()).unwrap().attachments, 1, "nothing of the failed one is stored");
}

#[test]
fn a_failed_operation_leaves_no_attachment_behind() {
    let memory = Memory::new();
    let (store, _) = open(&memory);
    let before = memory.snapshot();
    let missing = Documents {
        attachments: vec![hoardb::blob::Attachment::Stored(sha256(b"nowhere"))],
        ..documents(&[r#"{"$attachment":0}"#])
    };
    let lists = vec![(list("a"), shot(b"first")), (list("b"), missing)];
    let write = Write::Save { id: id("s"), metadata: document("{}"), lists };
    assert_eq!(block_on(store.write(write)).unwrap_err().code(), "NotFound");
    assert_eq!(memory.snapshot(), before);
}

#[test]
fn deleting_a_session_removes_chunks_references_and_metadata_in_one_transaction() {
    let memory = Memory::new();
    let (store, _) = open(&memory);
    save(&store, "s", shot(b"image"));
    save(&store, "t", Documents::default());
    let before = block_on(store.stats()).unwrap().generation;
    assert_eq!(block_on(store.write(Write::Delete { ids: vec![id("s"), id("gone")] })), Ok(Written::Deleted(1)));
    let stored = memory.snapshot();
    assert_eq!(stored[&StoreName::Sessions].len(), 1);
    assert!(stored[&StoreName::Chunks].is_empty() && stored[&StoreName::References].is_empty());
    assert_eq!(block_on(store.stats()).unwrap().generation, before + 1);
}

#[test]
fn shared_attachments_stay_until_their_last_session_is_gone() {
    let (store, _) = open(&Memory::new());
    save(&store, "a", shot(b"shared"));
    save(&store, "b", shot(b"shared"));
    let hash = sha256(b"shared");
    assert_eq!(block_on(store.stat(&hash)).unwrap().references, 2);
    assert_eq!(block_on(store.stats()).unwrap().attachments, 1, "stored once");
    block_on(store.write(Write::Delete { ids: vec![id("a")] })).unwrap();
    assert_eq!(block_on(collect(&store, now())).unwrap().attachments, 0);
    assert_eq!(block_on(store.attachment_bytes(&hash, 0..6)).unwrap(), b"shared");
    block_on(store.write(Write::Delete { ids: vec![id("b")] })).unwrap();
    let report = block_on(collect(&store, now())).unwrap();
    assert_eq!((report.attachments, report.bytes), (1, 6));
    assert_eq!(block_on(store.stat(&hash)).unwrap_err().code(), "NotFound");
}

#[test]
fn an_attachment_without_references_stays_for_the_grace_period() {
    let (store, host) = open(&Memory::new());
    let attach = || block_on(store.write(Write::Attach(bytes(b"new")))).unwrap();
    let collected = || block_on(collect(&store, CollectOptions::default())).unwrap().attachments;
    attach();
    host.now_ms.set(host.now_ms.get() + 999);
    assert_eq!(collected(), 0);
    attach();
    host.now_ms.set(host.now_ms.get() + 999);
    assert_eq!(collected(), 0, "putting it again starts the period anew");
    host.now_ms.set(host.now_ms.get() + 1);
    assert_eq!(collected(), 1);
}

#[test]
fn a_dry_run_changes_nothing() {
    let memory = Memory::new();
    let (store, _) = open(&memory);
    block_on(store.write(Write::Attach(bytes(b"new")))).unwrap();
    let before = memory.snapshot();
    let options = CollectOptions { dry_run: true, grace_ms: Some(0) };
    assert_eq!(block_on(collect(&store, options)).unwrap().attachments, 1);
    assert_eq!(memory.snapshot(), before);
}

/// Memory on which somebody else acts just before the next commit.
struct Interrupted {
    memory: Memory,
    interrupt: RefCell<Option<Box<dyn FnOnce()>>>,
}

impl Backend for Interrupted {
    async fn get(&self, store: StoreName, keys: &[Key]) -> Result<Vec<Option<Vec<u8>>>> {
        self.memory.get(store, keys).await
    }

    async fn scan(&self, scan: Scan) -> Result<Vec<Row>> {
        self.memory.scan(scan).await
    }

    async fn commit(&self, batch: Batch) -> Result<Outcome> {
        if let Some(interrupt) = self.interrupt.take() {
            interrupt();
        }
        self.memory.commit(batch).await
    }

    async fn close(&self) {}
}

#[test]
fn an_attachment_that_another_tab_uses_meanwhile_is_not_collected() {
    let memory = Memory::new();
    let (other, host) = open(&memory);
    block_on(other.write(Write::Attach(bytes(b"contended")))).unwrap();
    let interrupt = move || save(&other, "s", shot(b"contended"));
    let backend = Interrupted { memory: memory.clone(), interrupt: RefCell::new(None) };
    let store = block_on(Store::open(backend, host, options())).unwrap();
    let mut run = hoardb::store::Collection::new(now());
    // From here on the other tab is faster than the collector's first commit.
    store.backend().interrupt.replace(Some(Box::new(interrupt)));
    block_on(async { while let hoardb::job::Step::Running(_) = store.collect(&mut run).await.unwrap() {} });
    let (fresh, _) = open(&memory);
    assert_eq!(block_on(fresh.attachment_bytes(&sha256(b"contended"), 0..9)).unwrap(), b"contended");
    assert!(block_on(verify(&fresh, FULL)).unwrap().clean);
}

#[test]
fn an_attachment_that_another_tab_collects_meanwhile_is_stored_again() {
    let memory = Memory::new();
    let (other, host) = open(&memory);
    block_on(other.write(Write::Attach(bytes(b"contended")))).unwrap();
    let collected = Rc::new(Cell::new(0));
    let count = Rc::clone(&collected);
    let interrupt = move || count.set(block_on(collect(&other, now())).unwrap().attachments);
    let backend = Interrupted { memory: memory.clone(), interrupt: RefCell::new(None) };
    let store = block_on(Store::open(backend, host, options())).unwrap();
    store.backend().interrupt.replace(Some(Box::new(interrupt)));
    let write = Write::Save { id: id("s"), metadata: document("{}"), lists: vec![(list("l"), shot(b"contended"))] };
    block_on(store.write(write)).unwrap();
    assert_eq!(collected.get(), 1, "the other tab did collect it");
    let (fresh, _) = open(&memory);
    assert!(block_on(verify(&fresh, FULL)).unwrap().clean);
    assert_eq!(block_on(fresh.attachment_bytes(&sha256(b"contended"), 0..9)).unwrap(), b"contended");
}

#[test]
fn two_tabs_that_append_to_one_list_lose_nothing() {
    let memory = Memory::new();
    let (other, host) = open(&memory);
    save(&other, "s", Documents::default());
    let backend = Interrupted { memory: memory.clone(), interrupt: RefCell::new(None) };
    let store = block_on(Store::open(backend, host, options())).unwrap();
    let other = Rc::new(other);
    for n in 0..20 {
        let other = Rc::clone(&other);
        let theirs = move || drop(append(&other, "s", &[&format!("{}", 100 + n)]).unwrap());
        store.backend().interrupt.replace(Some(Box::new(theirs)));
        let items = documents(&[n.to_string().as_str()]);
        block_on(store.write(Write::Append { id: id("s"), list: list("l"), items })).unwrap();
    }
    let expected: Vec<_> = (0..20).flat_map(|n| [100 + n, n]).collect();
    assert_eq!(items(&other, "s"), expected);
    assert!(block_on(verify(&other, FULL)).unwrap().clean);
}

#[test]
fn a_damaged_chunk_is_reported_for_its_range_and_the_rest_still_loads() {
    let memory = Memory::new();
    let (store, _) = open(&memory);
    save(&store, "s", documents(&["0", "1", "2", "3", "4", "5", "6", "7", "8"]));
    flip(&memory, StoreName::Chunks, &chunk_key("s", "l", 4));
    let read = || block_on(store.read(&id("s"), &list("l"), 2..9, u64::MAX)).unwrap();
    let seen: Vec<_> = read().iter().map(|c| (c.first, c.count, c.error.as_ref().map(|error| error.code()))).collect();
    assert_eq!(seen, [(2, 2, None), (4, 4, Some("Corrupt")), (8, 1, None)]);
    memory.tamper(StoreName::Chunks, &chunk_key("s", "l", 4), None);
    assert_eq!(read()[1].error.as_ref().map(|error| error.code()), Some("Missing"));
    // Writing goes on beside it.
    assert_eq!(append(&store, "s", &["9"]), Ok(Written::Index(9)));
}

#[test]
fn appending_goes_on_behind_a_damaged_tail() {
    let memory = Memory::new();
    let (store, _) = open(&memory);
    save(&store, "s", documents(&["0"]));
    append(&store, "s", &["1"]).unwrap();
    flip(&memory, StoreName::Chunks, &chunk_key("s", "l", 1));
    assert_eq!(append(&store, "s", &["2", "3", "4"]), Ok(Written::Index(2)));
    let chunks = block_on(store.read(&id("s"), &list("l"), 0..9, u64::MAX)).unwrap();
    let damaged: Vec<_> = chunks.iter().filter(|chunk| chunk.error.is_some()).map(|chunk| chunk.first).collect();
    assert_eq!(damaged, [1]);
    assert_eq!(items(&store, "s"), [0, 2, 3, 4]);
}

#[test]
fn appending_does_not_make_a_chunk_of_another_time_a_whole_one() {
    let memory = Memory::new();
    let (store, _) = open(&memory);
    save(&store, "s", documents(&["0"]));
    let key = chunk_key("s", "l", 0);
    let earlier = memory.snapshot()[&StoreName::Chunks][&key].clone();
    save(&store, "s", documents(&["1"]));
    // As a disk does that lost a write: intact, with as many items, and not what the session's directory means.
    memory.tamper(StoreName::Chunks, &key, Some(earlier));
    let (store, _) = open(&memory);
    assert_eq!(append(&store, "s", &["2", "3", "4"]), Ok(Written::Index(1)));
    let chunks = block_on(store.read(&id("s"), &list("l"), 0..9, u64::MAX)).unwrap();
    let damaged: Vec<_> = chunks.iter().filter(|chunk| chunk.error.is_some()).map(|chunk| chunk.first).collect();
    assert_eq!((damaged, items(&store, "s")), (vec![0], vec![2.into(), 3.into(), 4.into()]));
}

#[test]
fn a_damaged_session_is_listed_as_such_beside_the_others() {
    let memory = Memory::new();
    let (store, _) = open(&memory);
    for name in ["a", "b", "c"] {
        save(&store, name, Documents::default());
    }
    flip(&memory, StoreName::Sessions, &session_key("b"));
    for order_by in [None, Some("t".to_owned())] {
        let query = ListQuery { order_by, limit: 2, ..ListQuery::default() };
        let mut pages = vec![block_on(store.list(&query)).unwrap()];
        while let Some(after) = pages.last().unwrap().next.clone() {
            pages.push(block_on(store.list(&ListQuery { after: Some(after), ..query.clone() })).unwrap());
        }
        let damaged: Vec<_> = pages.iter().flat_map(|page| &page.damaged).map(|(id, _)| id.as_str()).collect();
        assert_eq!(damaged, ["b"]);
        assert_eq!(pages.iter().map(|page| page.sessions.len()).sum::<usize>(), 2);
    }
    assert_eq!(append(&store, "b", &["1"]).unwrap_err().code(), "Corrupt");
    let deleted = block_on(store.write(Write::Delete { ids: vec![id("b")] }));
    assert_eq!(deleted, Ok(Written::Deleted(1)), "it can still be deleted");
    assert!(block_on(verify(&store, REPAIR)).is_ok());
    assert!(block_on(verify(&store, FULL)).unwrap().clean);
}

#[test]
fn a_damaged_head_is_made_again_from_what_is_stored() {
    let memory = Memory::new();
    let (store, _) = open(&memory);
    save(&store, "a", shot(b"image"));
    let before = block_on(store.stats()).unwrap();
    let damages: [fn(&Memory); 2] = [
        |memory| memory.tamper(StoreName::Meta, &Head::key(), None),
        |memory| flip(memory, StoreName::Meta, &Head::key()),
    ];
    for damage in damages {
        damage(&memory);
        let (store, _) = open(&memory);
        let after = block_on(store.stats()).unwrap();
        assert!(after.generation > before.generation);
        assert_eq!(hoardb::store::Stats { generation: before.generation, ..after }, before);
        assert!(block_on(verify(&store, FULL)).unwrap().clean);
    }
}

#[test]
fn a_newer_store_is_refused_and_left_alone() {
    let memory = Memory::new();
    open(&memory);
    let mut head = Head::open(&memory.snapshot()[&StoreName::Meta][&Head::key()]).unwrap();
    head.format += 1;
    memory.tamper(StoreName::Meta, &Head::key(), Some(head.seal().unwrap()));
    let before = memory.snapshot();
    let error = block_on(Store::open(memory.clone(), TestHost::new(2), options())).err().unwrap();
    assert_eq!(*error, Error::NewerVersion { found: 2, supported: 1 });
    assert!(error.needs_reload());
    assert_eq!(memory.snapshot(), before);
}

#[test]
fn verify_names_every_kind_of_damage_and_repairs_what_follows_from_the_rest() {
    type Damage = fn(&Memory);
    let cases: [(&str, bool, Damage); 10] = [
        ("Corrupt", false, |memory| flip(memory, StoreName::Sessions, &session_key("s"))),
        ("Corrupt", false, |memory| flip(memory, StoreName::Chunks, &chunk_key("s", "l", 0))),
        ("Missing", false, |memory| memory.tamper(StoreName::Blobs, &blob_key(&sha256(b"image")), None)),
        ("Missing", true, |memory| {
            let key = memory.snapshot()[&StoreName::References].keys().next().unwrap().clone();
            memory.tamper(StoreName::References, &key, None);
        }),
        ("Orphan", true, |memory| {
            let key = hoardb::session::reference_key(&sha256(b"image"), "s", "l", 99);
            memory.tamper(StoreName::References, &key, Some(Vec::new()));
        }),
        ("Orphan", true, |memory| {
            let (other, _) = open(&Memory::new());
            save(&other, "x", documents(&["1"]));
            let record = block_on(other.backend().get(StoreName::Chunks, &[chunk_key("x", "l", 0)])).unwrap().remove(0);
            memory.tamper(StoreName::Chunks, &chunk_key("x", "l", 0), record);
        }),
        ("Orphan", true, |memory| {
            let set = hoardb::blob::PartSet::from_random(42);
            memory.tamper(StoreName::Parts, &hoardb::blob::part_key(set, 0), Some(vec![1]));
        }),
        ("Missing", false, |memory| {
            let key = memory.snapshot()[&StoreName::Parts].keys().next().unwrap().clone();
            memory.tamper(StoreName::Parts, &key, None);
        }),
        ("Mismatch", true, |memory| {
            let mut head = Head::open(&memory.snapshot()[&StoreName::Meta][&Head::key()]).unwrap();
            head.counters.items += 1;
            memory.tamper(StoreName::Meta, &Head::key(), Some(head.seal().unwrap()));
        }),
        ("Mismatch", true, |memory| {
            let key = session_key("s");
            let record = memory.snapshot()[&StoreName::Sessions][&key].clone();
            let mut session = hoardb::session::SessionRecord::open(&key, &record).unwrap();
            let directory = session.list_mut(&list("l"));
            let span = directory.spans()[0];
            directory.replace(0, hoardb::session::ChunkEntry { bytes: 1, ..span.entry });
            memory.tamper(StoreName::Sessions, &key, Some(session.seal(&key).unwrap()));
        }),
    ];
    for (n, (code, repairable, damage)) in cases.into_iter().enumerate() {
        let memory = Memory::new();
        let (store, _) = open(&memory);
        save(&store, "s", shot(b"image"));
        save(&store, "t", shot(b"image"));
        assert!(block_on(verify(&store, FULL)).unwrap().clean);
        damage(&memory);
        let found = block_on(verify(&store, FULL)).unwrap();
        assert!(!found.clean && found.findings.iter().any(|finding| finding.code == code), "case {n}: {found:#?}");
        block_on(verify(&store, REPAIR)).unwrap();
        let after = block_on(verify(&store, FULL)).unwrap();
        assert_eq!(after.clean, repairable, "case {n}: {after:#?}");
        let healthy = block_on(store.sessions(&[id("t")])).unwrap();
        assert!(healthy[0].is_some(), "case {n}: a repair leaves other sessions alone");
    }
}

#[test]
fn wrong_bytes_under_a_right_checksum_are_noticed_by_their_hash() {
    let memory = Memory::new();
    let (store, _) = open(&memory);
    block_on(store.write(Write::Attach(bytes(b"right")))).unwrap();
    let key = memory.snapshot()[&StoreName::Parts].keys().next().unwrap().clone();
    let place = hoardb::record::Place { store: StoreName::Parts, key: &key };
    let wrong =
        hoardb::record::seal(place, hoardb::record::Kind::Part, b"wrong", hoardb::record::Compression::Off).unwrap();
    memory.tamper(StoreName::Parts, &key, Some(wrong));
    let error = block_on(store.attachment_bytes(&sha256(b"right"), 0..5)).unwrap_err();
    assert_eq!(error.code(), "Corrupt");
    assert!(!block_on(verify(&store, FULL)).unwrap().clean);
}

#[test]
fn ranges_of_an_attachment_cross_its_parts() {
    let (store, _) = open(&Memory::new());
    let content: Vec<u8> = (0..(5 << 19) + 3).map(|n: u32| (n * 7 % 251) as u8).collect();
    block_on(store.write(Write::Attach(bytes(&content)))).unwrap();
    let hash = sha256(&content);
    let end = content.len() as u64;
    for range in [0..0, 0..1, 0..end, (1 << 20) - 1..(1 << 20) + 1, 1 << 20..2 << 20, end - 1..end, end..end] {
        let read = block_on(store.attachment_bytes(&hash, range.clone())).unwrap();
        assert!(read == content[range.start as usize..range.end as usize], "{range:?}");
    }
    for range in [0..end + 1, std::ops::Range { start: 5, end: 4 }, end + 1..end + 2] {
        assert_eq!(block_on(store.attachment_bytes(&hash, range)).unwrap_err().code(), "InvalidArgument");
    }
}

#[test]
fn bounds_are_refused_by_name_and_nothing_is_stored() {
    let memory = Memory::new();
    let (store, _) = open(&memory);
    save(&store, "s", documents(&["1"]));
    let before = memory.snapshot();
    let long = format!("\"{}\"", "x".repeat(LIMITS.item_bytes));
    let metadata = format!("{{\"a\":{long}}}");
    let places = format!("[{}0]", r#"{"$attachment":0},"#.repeat(LIMITS.item_attachments + 1));
    let many = Documents { attachments: vec![bytes(b"a")], ..documents(&[&places]) };
    let append = |items| Write::Append { id: id("s"), list: list("l"), items };
    let lists = (0..=LIMITS.lists).map(|n| (list(&n.to_string()), documents(&["1"]))).collect();
    let writes = [
        (append(documents(&[&long])), "TooLarge"),
        (append(many), "TooLarge"),
        (append(Documents { lengths: vec![1, 1], ..documents(&["123"]) }), "InvalidArgument"),
        (append(documents(&[""])), "InvalidArgument"),
        (append(documents(&[r#"{"$attachment":0}"#])), "InvalidArgument"),
        (Write::Put { id: id("s"), metadata: document(&metadata) }, "TooLarge"),
        (Write::Put { id: id("s"), metadata: document("[]") }, "InvalidArgument"),
        (Write::Save { id: id("s"), metadata: document("{}"), lists }, "TooLarge"),
        (Write::Attach(bytes(&vec![0; LIMITS.attachment_bytes + 1])), "TooLarge"),
        (Write::Set { id: id("s"), list: list("l"), index: 1, item: document("1") }, "NotFound"),
        (Write::Set { id: id("s"), list: list("l"), index: u64::MAX, item: document("1") }, "NotFound"),
        (Write::Update { id: id("t"), patch: document("{}"), remove: vec![] }, "NotFound"),
        (Write::Create { id: id("s"), metadata: Document::default() }, "InvalidArgument"),
    ];
    for (n, (write, code)) in writes.into_iter().enumerate() {
        assert_eq!(block_on(store.write(write)).unwrap_err().code(), code, "row {n}");
        assert_eq!(memory.snapshot(), before, "row {n}");
    }
}

#[test]
fn a_closed_store_refuses_every_call() {
    let memory = Memory::new();
    let (store, _) = open(&memory);
    save(&store, "s", documents(&["1"]));
    block_on(store.close()).unwrap();
    assert_eq!(append(&store, "s", &["2"]), Err(Error::Closed.into()));
    assert_eq!(block_on(store.sessions(&[id("s")])), Err(Error::Closed.into()));
    assert_eq!(block_on(store.flush()), Err(Error::Closed.into()));
    assert_eq!(block_on(verify(&store, FULL)), Err(Error::Closed.into()));
    let (again, _) = open(&memory);
    assert_eq!(items(&again, "s"), [1], "what was committed is there");
}

#[test]
fn closing_drains_what_was_accepted() {
    let memory = Memory::new();
    let (store, _) = open(&memory);
    save(&store, "s", Documents::default());
    let receipt = store.submit(Write::Append { id: id("s"), list: list("l"), items: documents(&["1"]) });
    block_on(store.close()).unwrap();
    assert_eq!(block_on(receipt.answer()), Ok(Written::Index(0)));
}

#[test]
fn deleting_a_session_leaves_no_key_that_starts_alike() {
    let memory = Memory::new();
    let (store, _) = open(&memory);
    for name in ["s", "s1", "sa"] {
        save(&store, name, documents(&["1"]));
    }
    block_on(store.write(Write::Delete { ids: vec![id("s")] })).unwrap();
    let left = block_on(memory.scan(Scan::keys(StoreName::Chunks, KeyRange::all(), 9))).unwrap();
    assert_eq!(left.len(), 2);
    assert_eq!(items(&store, "s1"), [1]);
}
