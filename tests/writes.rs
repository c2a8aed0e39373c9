//! What is promised of writes: few transactions, nothing accepted is lost, everything is stored exactly once.
#![cfg(not(target_arch = "wasm32"))]

mod support;

use futures_lite::future::poll_once;
use hoardb::backend::StoreName;
use hoardb::backend::memory::Memory;
use hoardb::error::Error;
use hoardb::event::{Change, Event, What};
use hoardb::queue::{Ack, Terms};
use hoardb::session::{ChunkLimits, session_key};
use hoardb::store::{Housekeeping, Options, Receipt, Store, WRITER_KEPT_MS, Write, Written, journal};
use hoardb::{backend::Backend, job::Step};
use pollster::block_on;
use support::unruly::{Fate, Unruly};
use support::*;

type Engine = Store<Unruly, TestHost>;

struct Setup {
    backend: Unruly,
    host: TestHost,
    store: Engine,
}

const WRITER: u128 = 42;

fn options() -> Options {
    Options { writer: Some(WRITER), chunk: ChunkLimits { items: 50, bytes: 1 << 18 }, ..Options::default() }
}

fn open(memory: &Memory) -> Setup {
    open_on(Unruly::new(memory))
}

fn open_on(backend: Unruly) -> Setup {
    let host = TestHost::new(1);
    let store = block_on(Store::open(backend.clone(), host.clone(), options())).unwrap();
    Setup { backend, host, store }
}

/// A store with the sessions `a` and `b`.
fn fresh() -> Setup {
    let setup = open(&Memory::new());
    for name in ["a", "b"] {
        block_on(setup.store.write(create(name))).unwrap();
    }
    setup.backend.control.commits.set(0);
    setup
}

fn create(name: &str) -> Write {
    Write::Create { id: id(name), metadata: document("{}") }
}

fn append(name: &str, item: &str) -> Write {
    Write::Append { id: id(name), list: list("l"), items: documents(&[item]) }
}

fn update(name: &str, patch: &str) -> Write {
    Write::Update { id: id(name), patch: document(patch), remove: Vec::new() }
}

fn accepted(seq: u64) -> Terms {
    Terms { seq, ack: Ack::Accepted, background: false }
}

fn committed(seq: u64) -> Terms {
    Terms { seq, ack: Ack::Committed, background: false }
}

fn items<B: Backend>(store: &Store<B, TestHost>, name: &str) -> String {
    let chunks = block_on(store.read(&id(name), &list("l"), 0..u64::MAX, u64::MAX)).unwrap();
    chunks.iter().map(|chunk| String::from_utf8_lossy(&chunk.json)).collect()
}

fn assert_whole<B: Backend>(store: &Store<B, TestHost>) {
    let report = block_on(verify(store, FULL)).unwrap();
    assert!(report.clean, "{:#?}", report.findings);
}

/// Commits these together and says how many transactions that took.
fn transactions(setup: &Setup, writes: Vec<Write>) -> usize {
    let receipts: Vec<Receipt> = writes.into_iter().map(|write| setup.store.submit(write)).collect();
    block_on(setup.store.drain());
    for receipt in receipts {
        block_on(receipt.answer()).unwrap();
    }
    setup.backend.control.commits.replace(0)
}

fn puts(setup: &Setup, store: StoreName) -> usize {
    setup.backend.control.puts.borrow().iter().filter(|put| **put == store).count()
}

// Few transactions

#[test]
fn ten_chunk_writes_share_one_transaction() {
    let setup = fresh();
    let lists: Vec<String> = (0..10).map(|n| format!("list {n}")).collect();
    let write = |name: &String| Write::Append { id: id("a"), list: list(name), items: documents(&["1"]) };
    assert_eq!(transactions(&setup, lists.iter().map(write).collect()), 1);
    assert_eq!(puts(&setup, StoreName::Chunks), 10);
}

#[test]
fn five_updates_of_what_is_indexed_share_one_transaction_and_one_record() {
    let setup = fresh();
    let patches = [r#"{"topic":1}"#, r#"{"tag":1}"#, r#"{"status":1}"#, r#"{"category":1}"#, r#"{"date":1}"#];
    assert_eq!(transactions(&setup, patches.iter().map(|patch| update("a", patch)).collect()), 1);
    assert_eq!(puts(&setup, StoreName::Sessions), 1, "repeated writes to one key are one write");
}

#[test]
fn twenty_reference_updates_share_one_transaction() {
    let setup = fresh();
    let write = |n: u8| {
        let items = hoardb::store::Documents {
            attachments: vec![bytes(&[n])],
            ..documents(&[r#"{"image":{"$attachment":0}}"#])
        };
        Write::Append { id: id("a"), list: list("shots"), items }
    };
    assert_eq!(transactions(&setup, (0..20).map(write).collect()), 1);
    assert_eq!(puts(&setup, StoreName::References), 20);
}

#[test]
fn a_thousand_appends_in_a_burst_take_at_most_twenty_transactions() {
    let setup = fresh();
    let writes = (0..1000).map(|n| append("a", &n.to_string())).collect();
    let transactions = transactions(&setup, writes);
    assert!(transactions <= 20, "{transactions}");
    assert_eq!(setup.store.queue().accepted, 1002);
    assert_eq!(setup.store.transactions(), 2 + transactions as u64);
}

#[test]
fn a_durable_write_makes_its_transaction_strict() {
    let setup = fresh();
    let terms = Terms { ack: Ack::Durable, ..Terms::default() };
    let receipt = setup.store.submit_as(append("a", "1"), terms);
    block_on(setup.store.drain());
    assert_eq!(block_on(receipt.answer()), Ok(Written::Index(0)));
    assert!(setup.backend.control.strict.get());
}

// Nothing accepted is lost

#[test]
fn an_accepted_write_survives_full_storage_and_a_committed_one_says_that_it_is_not_stored() {
    let Setup { backend, host, store } = fresh();
    backend.control.full.set(true);
    let kept = store.submit_as(append("a", "1"), accepted(1));
    let refused = store.submit_as(append("b", "2"), committed(2));
    block_on(store.drain());
    assert_eq!(block_on(refused.answer()).unwrap_err().code(), "StorageFull");
    assert!(matches!(host.events.borrow().last(), Some(Event::Full { waiting: 1, .. })));
    assert_eq!(block_on(store.flush()).unwrap_err().code(), "StorageFull", "a barrier covers it or fails");
    assert_eq!(block_on(store.close()).unwrap_err().code(), "StorageFull", "closing would lose it");

    backend.control.full.set(false);
    block_on(store.retry()).unwrap();
    assert_eq!(block_on(kept.answer()), Ok(Written::Index(0)));
    assert_eq!(host.events.borrow().last(), Some(&Event::Room));
    assert_eq!((items(&store, "a"), items(&store, "b")), ("[1]".into(), String::new()));
    assert_whole(&store);
}

#[test]
fn reads_see_what_is_kept() {
    let Setup { backend, store, .. } = fresh();
    block_on(store.write(append("a", "0"))).unwrap();
    backend.control.full.set(true);
    let _kept = store.submit_as(append("a", "1"), accepted(1));
    let shot = hoardb::store::Documents { attachments: vec![bytes(b"kept")], ..documents(&[r#"{"$attachment":0}"#]) };
    let shot = Write::Append { id: id("b"), list: list("l"), items: shot };
    let _attached = store.submit_as(shot, accepted(2));
    block_on(store.drain());
    assert_eq!(items(&store, "a"), "[0][1]");
    let chunk = block_on(store.read(&id("b"), &list("l"), 0..1, 1)).unwrap().remove(0);
    let hash = chunk.attachments[0].hash;
    assert_eq!(block_on(store.attachment_bytes(&hash, 0..4)).unwrap(), b"kept");
    assert!(store.cache().dirty > 0);

    backend.control.full.set(false);
    block_on(store.retry()).unwrap();
    assert_eq!((items(&store, "a").as_str(), store.cache().dirty), ("[0][1]", 0));
    assert_whole(&store);
}

#[test]
fn an_attachment_of_a_kept_write_is_read_though_another_tab_has_stored_it_anew() {
    let Setup { backend, store, .. } = fresh();
    let attach = || Write::Attach(bytes(b"shot"));
    let Written::Attached(attached) = block_on(store.write(attach())).unwrap() else { panic!("no attachment") };
    backend.control.full.set(true);
    let shot = hoardb::blob::Attachment::Stored(attached.hash);
    let shot = hoardb::store::Documents { attachments: vec![shot], ..documents(&[r#"{"$attachment":0}"#]) };
    let _kept = store.submit_as(Write::Append { id: id("a"), list: list("l"), items: shot }, accepted(1));
    block_on(store.drain());
    assert_eq!(items(&store, "a"), r#"[{"$attachment":0}]"#);

    let other = open(&backend.memory);
    assert_eq!(block_on(collect(&other.store, now())).unwrap().attachments, 1);
    block_on(other.store.write(attach())).unwrap();
    assert_eq!(block_on(store.attachment_bytes(&attached.hash, 0..4)).unwrap(), b"shot");
}

#[test]
fn reads_see_a_delete_that_is_kept() {
    let Setup { backend, store, .. } = fresh();
    backend.next(&[Fate::Aborted]);
    let kept = store.submit_as(Write::Delete { ids: vec![id("a")] }, accepted(1));
    block_on(store.drain());
    assert_eq!(store.queue().kept, 1);
    assert_eq!(block_on(store.sessions(&[id("a")])).unwrap(), [None]);
    block_on(store.retry()).unwrap();
    assert_eq!(block_on(kept.answer()), Ok(Written::Deleted(1)));
}

#[test]
fn deletes_and_the_collector_work_while_storage_is_full_and_make_room_for_what_is_kept() {
    let Setup { backend, store, .. } = fresh();
    block_on(store.write(Write::Attach(bytes(b"unused")))).unwrap();
    backend.control.full.set(true);
    let superseded = store.submit_as(append("a", "1"), accepted(1));
    let kept = store.submit_as(append("b", "2"), accepted(2));
    block_on(store.drain());
    assert_eq!(block_on(collect(&store, now())).unwrap().attachments, 1);
    backend.next(&[Fate::Pass]);
    let delete = store.submit(Write::Delete { ids: vec![id("a")] });
    backend.control.full.set(false);
    block_on(store.drain());
    assert_eq!(block_on(delete.answer()), Ok(Written::Deleted(1)));
    assert_eq!(block_on(superseded.answer()), Ok(Written::Done));
    assert_eq!(block_on(kept.answer()), Ok(Written::Index(0)), "tried again after the delete");
    assert_eq!(block_on(store.sessions(&[id("a")])).unwrap(), [None]);
    assert_whole(&store);
}

#[test]
fn a_delete_in_a_group_without_room_is_done_alone() {
    let Setup { backend, store, .. } = fresh();
    backend.control.full.set(true);
    let refused = store.submit(append("a", "1"));
    let delete = store.submit(Write::Delete { ids: vec![id("b")] });
    block_on(store.drain());
    assert_eq!(block_on(refused.answer()).unwrap_err().code(), "StorageFull");
    assert_eq!(block_on(delete.answer()), Ok(Written::Deleted(1)));
}

#[test]
fn above_the_quota_deletes_and_the_collector_still_work_and_the_counts_follow() {
    let Setup { backend, store, .. } = fresh();
    let shot = hoardb::store::Documents { attachments: vec![bytes(b"shot")], ..documents(&[r#"{"$attachment":0}"#]) };
    block_on(store.write(Write::Append { id: id("a"), list: list("l"), items: shot })).unwrap();
    backend.control.over.set(true);
    assert_eq!(block_on(store.write(create("c"))).unwrap_err().code(), "StorageFull");
    assert_eq!(block_on(store.write(Write::Delete { ids: vec![id("a")] })), Ok(Written::Deleted(1)));
    assert_eq!(block_on(collect(&store, now())).unwrap().attachments, 1);
    backend.control.over.set(false);
    block_on(store.write(create("c"))).unwrap();
    let stats = block_on(store.stats()).unwrap();
    assert_eq!((stats.sessions, stats.attachments, stats.stored_bytes > 0), (2, 0, true));
    assert_whole(&store);
}

#[test]
fn no_later_write_on_a_session_overtakes_one_that_is_kept() {
    let Setup { backend, store, .. } = fresh();
    backend.next(&[Fate::Full]);
    let first = store.submit_as(append("a", "1"), accepted(1));
    block_on(store.drain());
    let second = store.submit_as(append("a", "2"), accepted(2));
    let other = store.submit_as(append("b", "3"), committed(3));
    block_on(store.drain());
    assert_eq!(block_on(other.answer()), Ok(Written::Index(0)));
    block_on(store.retry()).unwrap();
    assert_eq!(
        [first, second].map(|receipt| block_on(receipt.answer())),
        [Ok(Written::Index(0)), Ok(Written::Index(1))]
    );
    assert_eq!(items(&store, "a"), "[1,2]");
}

#[test]
fn an_aborted_transaction_leaves_its_accepted_writes_kept() {
    let Setup { backend, store, .. } = fresh();
    backend.next(&[Fate::Aborted]);
    let kept = store.submit_as(append("a", "1"), accepted(1));
    block_on(store.drain());
    block_on(store.retry()).unwrap();
    assert_eq!(block_on(kept.answer()), Ok(Written::Index(0)));
}

// Exactly once

#[test]
fn a_commit_whose_outcome_is_unknown_is_looked_up_and_not_done_twice() {
    for fates in [&[Fate::LostAfter][..], &[Fate::LostBefore], &[Fate::LostBefore, Fate::LostBefore, Fate::LostAfter]] {
        let Setup { backend, host, store } = fresh();
        backend.next(fates);
        assert_eq!(block_on(store.write(append("a", "1"))), Ok(Written::Index(0)), "{fates:?}");
        assert_eq!(items(&store, "a"), "[1]", "{fates:?}");
        assert!(host.events.borrow().iter().any(|event| matches!(event, Event::Healed { .. })), "{fates:?}");
        assert_whole(&store);
    }
}

#[test]
fn a_connection_that_stays_lost_is_an_error_after_three_more_tries() {
    let Setup { backend, host, store } = fresh();
    backend.next(&[Fate::LostBefore; 4]);
    let began = host.now_ms.get();
    let waiting = store.submit(append("a", "1"));
    let kept = store.submit_as(append("b", "2"), accepted(1));
    block_on(store.drain());
    let error = block_on(waiting.answer()).unwrap_err();
    assert_eq!((error.code(), error.needs_reload()), ("ConnectionLost", true));
    assert!(host.now_ms.get() - began < 10_000);
    block_on(store.retry()).unwrap();
    assert_eq!(block_on(kept.answer()), Ok(Written::Index(0)));
    assert_eq!((items(&store, "a"), items(&store, "b")), (String::new(), "[2]".into()));
}

#[test]
fn a_write_that_arrives_again_is_stored_once() {
    let memory = Memory::new();
    let setup = open(&memory);
    block_on(setup.store.write(create("a"))).unwrap();
    let first = setup.store.submit_as(append("a", "1"), accepted(1));
    block_on(setup.store.drain());
    assert_eq!(block_on(first.answer()), Ok(Written::Index(0)));
    // The engine crashed, and the page did not hear of it.
    let again = open(&memory);
    let receipts = [(1, "1"), (2, "2")].map(|(seq, item)| again.store.submit_as(append("a", item), accepted(seq)));
    block_on(again.store.drain());
    assert!(receipts.map(|receipt| block_on(receipt.answer())).iter().all(Result::is_ok));
    assert_eq!(items(&again.store, "a"), "[1][2]");
}

/// Writes into the journal as a page does that goes away.
fn leave(memory: &Memory, writes: &[(u64, Write)]) {
    for (seq, write) in writes {
        let (key, record) = journal::record(WRITER, *seq, 0, write);
        memory.tamper(StoreName::Journal, &key, Some(record));
    }
}

fn journal_rows(memory: &Memory) -> usize {
    memory.snapshot().get(&StoreName::Journal).map_or(0, |rows| rows.len())
}

#[test]
fn the_journal_of_a_page_that_went_away_is_replayed_exactly_once() {
    let memory = Memory::new();
    let page = open(&memory);
    let receipt = page.store.submit_as(create("a"), accepted(1));
    let second = page.store.submit_as(append("a", "2"), accepted(2));
    block_on(page.store.drain());
    let _ = (block_on(receipt.answer()), block_on(second.answer()));
    // Its second write was committed, and it did not know yet.
    leave(
        &memory,
        &[(2, append("a", "2")), (3, append("a", "3")), (4, update("missing", "{}")), (5, append("a", "5"))],
    );
    for _ in 0..2 {
        let next = open(&memory);
        assert_eq!(items(&next.store, "a"), "[2][3,5]");
        assert_eq!(journal_rows(&memory), 0);
        assert_whole(&next.store);
    }
    leave(&memory, &[(3, append("a", "3"))]);
    let next = open(&memory);
    assert_eq!(items(&next.store, "a"), "[2][3,5]", "a record that comes late is known by its number");
    assert_eq!(journal_rows(&memory), 0);
}

#[test]
fn what_the_journal_holds_and_the_store_refuses_is_reported() {
    let memory = Memory::new();
    drop(open(&memory));
    leave(&memory, &[(1, update("missing", "{}"))]);
    let next = open(&memory);
    let events = next.host.events.borrow();
    assert!(events.iter().any(|event| matches!(event, Event::Failed { error } if error.code() == "NotFound")));
    assert_eq!(journal_rows(&memory), 0);
}

#[test]
fn a_damaged_record_of_the_journal_costs_only_itself() {
    let memory = Memory::new();
    let setup = open(&memory);
    block_on(setup.store.write(create("a"))).unwrap();
    leave(&memory, &[(1, append("a", "1")), (2, append("a", "2")), (3, append("a", "3"))]);
    let (key, mut record) = journal::record(WRITER, 2, 0, &append("a", "2"));
    *record.last_mut().unwrap() ^= 1;
    memory.tamper(StoreName::Journal, &key, Some(record));
    let next = open(&memory);
    assert_eq!(items(&next.store, "a"), "[1,3]");
    assert!(next.host.events.borrow().iter().any(|event| matches!(event, Event::Failed { .. })));
}

#[test]
fn a_page_that_lives_on_after_its_journal_was_replayed_stores_nothing_twice() {
    let memory = Memory::new();
    let page = open(&memory);
    block_on(page.store.write(create("a"))).unwrap();
    // It was hidden, wrote its journal, and is frozen before its engine gets to it.
    leave(&memory, &[(1, append("a", "1")), (2, append("a", "2"))]);
    let other = open(&memory);
    assert_eq!(items(&other.store, "a"), "[1,2]");
    let late =
        [(1, "1"), (2, "2"), (3, "3")].map(|(seq, item)| page.store.submit_as(append("a", item), committed(seq)));
    block_on(page.store.drain());
    let answers = late.map(|receipt| block_on(receipt.answer()));
    assert_eq!(answers, [Ok(Written::Index(0)), Ok(Written::Index(1)), Ok(Written::Index(2))]);
    assert_eq!(items(&other.store, "a").matches('1').count(), 1);
    assert_whole(&page.store);
}

/// The page was hidden, wrote these into the journal, and lived on; another tab opens later and finds them.
fn open_after(memory: &Memory, journal: &[(u64, Write)]) -> Setup {
    leave(memory, journal);
    let setup = open(memory);
    assert_eq!(journal_rows(memory), 0);
    assert_whole(&setup.store);
    setup
}

#[test]
fn what_a_delete_superseded_does_not_come_back_from_the_journal() {
    let Setup { backend, store, .. } = fresh();
    backend.next(&[Fate::Full]);
    let kept = store.submit_as(append("a", "1"), accepted(1));
    block_on(store.drain());
    let delete = store.submit_as(Write::Delete { ids: vec![id("a")] }, committed(2));
    block_on(store.drain());
    assert_eq!([kept, delete].map(|receipt| block_on(receipt.answer())), [Ok(Written::Done), Ok(Written::Deleted(1))]);
    block_on(store.write(create("a"))).unwrap();
    let journal = [(1, append("a", "1")), (2, Write::Delete { ids: vec![id("a")] })];
    assert_eq!(items(&open_after(&backend.memory, &journal).store, "a"), "");
}

#[test]
fn what_was_refused_or_changed_nothing_does_not_come_back_from_the_journal() {
    let Setup { backend, store, .. } = fresh();
    let refused = store.submit_as(append("c", "1"), accepted(1));
    block_on(store.drain());
    let nothing = store.submit_as(Write::Delete { ids: vec![id("c")] }, committed(2));
    block_on(store.drain());
    assert_eq!(block_on(refused.answer()).unwrap_err().code(), "NotFound");
    assert_eq!(block_on(nothing.answer()), Ok(Written::Deleted(0)));
    block_on(store.write(create("c"))).unwrap();
    let journal = [(1, append("c", "1")), (2, Write::Delete { ids: vec![id("c")] })];
    assert_eq!(items(&open_after(&backend.memory, &journal).store, "c"), "");
}

#[test]
fn what_its_caller_was_told_is_not_stored_does_not_come_back_from_the_journal() {
    let Setup { backend, store, .. } = fresh();
    backend.next(&[Fate::Full]);
    let given_up = store.submit_as(append("a", "1"), committed(1));
    block_on(store.drain());
    assert_eq!(block_on(given_up.answer()).unwrap_err().code(), "StorageFull");
    let next = store.submit_as(append("b", "2"), committed(2));
    block_on(store.drain());
    assert_eq!(block_on(next.answer()), Ok(Written::Index(0)));
    let next = open_after(&backend.memory, &[(1, append("a", "1")), (2, append("b", "2"))]);
    assert_eq!((items(&next.store, "a").as_str(), items(&next.store, "b").as_str()), ("", "[2]"));
}

#[test]
fn a_delete_above_the_quota_takes_its_record_out_of_the_journal() {
    let Setup { backend, store, .. } = fresh();
    let delete = || Write::Delete { ids: vec![id("a")] };
    leave(&backend.memory, &[(1, delete())]);
    backend.control.over.set(true);
    let receipt = store.submit_as(delete(), accepted(1));
    block_on(store.drain());
    assert_eq!(block_on(receipt.answer()), Ok(Written::Deleted(1)));
    assert_eq!(journal_rows(&backend.memory), 0);
}

#[test]
fn what_was_replayed_above_the_quota_is_not_done_again_when_its_page_sends_it() {
    let Setup { backend, .. } = fresh();
    let delete = || Write::Delete { ids: vec![id("a")] };
    leave(&backend.memory, &[(1, create("a")), (2, delete())]);
    let above = Unruly::new(&backend.memory);
    above.control.over.set(true);
    let page = open_on(above);
    assert_eq!(journal_rows(&backend.memory), 0);
    page.backend.control.over.set(false);
    for (seq, write) in [(3, create("a")), (1, create("a")), (2, delete())] {
        let receipt = page.store.submit_as(write, committed(seq));
        block_on(page.store.drain());
        match (seq, block_on(receipt.answer())) {
            (1, refused) => assert_eq!(refused.unwrap_err().code(), "AlreadyExists"),
            (2, deleted) => assert_eq!(deleted, Ok(Written::Deleted(1))),
            (_, created) => assert_eq!(created, Ok(Written::Done)),
        }
    }
    // Now it is recorded, for the next engine too.
    let next = open(&backend.memory);
    let receipt = next.store.submit_as(create("b"), committed(1));
    block_on(next.store.drain());
    assert_eq!(block_on(receipt.answer()).unwrap_err().code(), "AlreadyExists");
    assert!(block_on(next.store.sessions(&[id("a")])).unwrap().iter().all(Option::is_some));
}

#[test]
fn what_a_delete_above_the_quota_leaves_nothing_of_is_named_before() {
    let Setup { backend, host, store } = fresh();
    backend.control.over.set(true);
    let delete = || Write::Delete { ids: vec![id("a")] };
    let receipts = [
        store.submit_as(append("a", "1"), accepted(1)),
        store.submit_as(delete(), committed(2)),
        store.submit_as(append("b", "3"), accepted(3)),
    ];
    block_on(store.drain());
    let told = |event: &&Event| matches!(event, Event::Unrecorded { .. } | Event::Committed { .. });
    let events: Vec<Event> = host.events.borrow().iter().filter(told).skip(2).cloned().collect();
    let [unrecorded, Event::Committed { .. }, ..] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(*unrecorded, Event::Unrecorded { seqs: vec![1] });
    let [append, deleted, kept] = receipts;
    assert_eq!(block_on(append.answer()), Ok(Written::Done));
    assert_eq!(block_on(deleted.answer()), Ok(Written::Deleted(1)));
    // Nor is anything told of it when it is stored with its row.
    backend.control.over.set(false);
    block_on(store.retry()).unwrap();
    assert_eq!(block_on(kept.answer()), Ok(Written::Index(0)));
}

#[test]
fn what_was_refused_while_its_engine_crashed_is_refused_when_it_arrives_again() {
    let Setup { backend, store, .. } = fresh();
    let refused = store.submit_as(create("a"), committed(1));
    let delete = store.submit_as(Write::Delete { ids: vec![id("a")] }, committed(2));
    block_on(store.drain());
    assert!(block_on(refused.answer()).is_err() && block_on(delete.answer()).is_ok());
    let again = open(&backend.memory);
    let receipt = again.store.submit_as(create("a"), committed(1));
    block_on(again.store.drain());
    assert_eq!(block_on(receipt.answer()).unwrap_err().code(), "AlreadyExists");
    assert_eq!(block_on(again.store.sessions(&[id("a")])).unwrap(), [None]);
}

#[test]
fn a_durable_delete_whose_barrier_failed_is_made_durable_and_knows_what_it_deleted() {
    let Setup { backend, store, .. } = fresh();
    // It happens, its outcome is lost, and there is no room for the barrier.
    backend.next(&[Fate::LostAfter, Fate::Full]);
    let append = store.submit_as(append("b", "1"), accepted(1));
    let terms = Terms { seq: 2, ack: Ack::Durable, ..Terms::default() };
    let delete = store.submit_as(Write::Delete { ids: vec![id("a")] }, terms);
    block_on(store.drain());
    assert_eq!(block_on(append.answer()), Ok(Written::Index(0)));
    assert_eq!(block_on(delete.answer()), Ok(Written::Deleted(1)));
    assert!(backend.control.strict.get());
}

#[test]
fn a_delete_above_the_quota_whose_outcome_was_lost_is_not_done_once_more() {
    for terms in [accepted(1), Terms { seq: 1, ack: Ack::Durable, ..Terms::default() }] {
        let Setup { backend, store, .. } = fresh();
        backend.control.over.set(true);
        // It is refused with what it has to put, and then happens without.
        backend.next(&[Fate::Pass, Fate::LostAfter]);
        let receipt = store.submit_as(Write::Delete { ids: vec![id("a")] }, terms);
        block_on(store.drain());
        assert_eq!(backend.control.strict.get(), terms.ack == Ack::Durable);
        backend.control.over.set(false);
        let other = open(&backend.memory);
        block_on(other.store.write(create("a"))).unwrap();
        block_on(store.retry()).unwrap();
        assert_eq!(block_on(receipt.answer()), Ok(Written::Deleted(1)));
        assert_eq!(block_on(other.store.count()), Ok(2), "what was made anew stays");
        assert_whole(&other.store);
    }
}

#[test]
fn a_delete_above_the_quota_that_was_lost_before_it_happened_is_tried_again() {
    let Setup { backend, store, .. } = fresh();
    backend.control.over.set(true);
    backend.next(&[Fate::Pass, Fate::LostBefore]);
    let receipt = store.submit_as(Write::Delete { ids: vec![id("a"), id("b")] }, accepted(1));
    block_on(store.drain());
    assert_eq!(
        block_on(store.backend().get(StoreName::Sessions, &[session_key("a")])).unwrap().iter().flatten().count(),
        1
    );
    block_on(store.retry()).unwrap();
    assert_eq!(block_on(receipt.answer()), Ok(Written::Deleted(2)));
}

#[test]
fn a_delete_above_the_quota_is_answered_before_anything_else_happens() {
    let Setup { backend, store, .. } = fresh();
    backend.control.over.set(true);
    backend.next(&[Fate::Pass, Fate::Pass, Fate::Silent]);
    let receipt = store.submit_as(Write::Delete { ids: vec![id("a")] }, accepted(1));
    assert_eq!(block_on(poll_once(store.drain())), None, "it tells the head what it deleted");
    assert_eq!(block_on(poll_once(receipt.answer())), Some(Ok(Written::Deleted(1))));
}

#[test]
fn what_another_tab_counted_anew_is_not_paid_once_more() {
    let Setup { backend, store, .. } = fresh();
    backend.control.over.set(true);
    assert_eq!(block_on(store.write(Write::Delete { ids: vec![id("a")] })), Ok(Written::Deleted(1)));
    backend.control.over.set(false);
    let other = open(&backend.memory);
    block_on(store.write(append("b", "1"))).unwrap();
    assert_eq!(block_on(store.count()), Ok(1));
    assert_whole(&other.store);
}

#[test]
fn a_writer_is_forgotten_when_it_closes_and_after_a_time() {
    let rows = |memory: &Memory| {
        let meta = memory.snapshot().remove(&StoreName::Meta).unwrap_or_default();
        meta.keys().filter(|key| key.as_bytes().starts_with(b"writer")).count()
    };
    let memory = Memory::new();
    let setup = open(&memory);
    block_on(setup.store.write(create("a"))).unwrap();
    assert_eq!(rows(&memory), 1);
    block_on(setup.store.close()).unwrap();
    assert_eq!(rows(&memory), 0);

    let setup = open(&memory);
    block_on(setup.store.write(create("b"))).unwrap();
    let housekeep = || {
        let mut run = Housekeeping::new(block_on(setup.store.own()).unwrap());
        while let Step::Running(_) = block_on(setup.store.housekeep(&mut run)).unwrap() {}
        rows(&memory)
    };
    assert_eq!(housekeep(), 1);
    setup.host.now_ms.set(setup.host.now_ms.get() + WRITER_KEPT_MS);
    leave(&memory, &[(9, append("b", "9"))]);
    assert_eq!(housekeep(), 1, "what it left in the journal is not replayed yet");
    memory.tamper(StoreName::Journal, &journal::key(WRITER, 9), None);
    assert_eq!(housekeep(), 0);
}

// Background work

#[test]
fn background_work_ends_when_another_engine_takes_it_over() {
    let memory = Memory::new();
    let [old, new] = [open(&memory), open(&memory)];
    block_on(old.store.write(Write::Attach(bytes(b"unused")))).unwrap();
    old.host.now_ms.set(u64::MAX / 2);
    let mut run = Housekeeping::new(block_on(old.store.own()).unwrap());
    assert!(block_on(new.store.own()).unwrap().fence > 1);
    let error = loop {
        match block_on(old.store.housekeep(&mut run)) {
            Ok(step) => assert!(matches!(step, Step::Running(_)), "it deleted nothing that is another's to delete"),
            Err(error) => break error,
        }
    };
    assert_eq!(*error, Error::Cancelled);
    assert_eq!(block_on(old.store.stats()).unwrap().attachments, 1);
}

#[test]
fn housekeeping_merges_the_last_chunks_of_lists_that_nobody_records_any_more() {
    let setup = fresh();
    for n in 0..5 {
        block_on(setup.store.write(append("a", &n.to_string()))).unwrap();
    }
    let chunks = || block_on(setup.store.lists(&id("a"))).unwrap()[0].chunks;
    let housekeep = || {
        let mut run = Housekeeping::new(block_on(setup.store.own()).unwrap());
        loop {
            if let Step::Done(_, report) = block_on(setup.store.housekeep(&mut run)).unwrap() {
                return report.merged;
            }
        }
    };
    assert_eq!((housekeep(), chunks()), (0, 5), "it is being recorded");
    setup.host.now_ms.set(setup.host.now_ms.get() + 10 * 60 * 1000);
    assert_eq!((housekeep(), chunks()), (1, 1));
    assert_eq!(items(&setup.store, "a"), "[0,1,2,3,4]");
    assert_whole(&setup.store);
}

// What is told and remembered

#[test]
fn a_commit_tells_what_it_changed() {
    let setup = fresh();
    setup.host.events.borrow_mut().clear();
    let writes = vec![append("a", "1"), append("a", "2"), update("b", "{}"), Write::Delete { ids: vec![id("b")] }];
    transactions(&setup, writes);
    let change = |name: &str, what: What| Change { session: id(name), what };
    let changes = vec![
        change("a", What::Appended { list: list("l"), from: 0, to: 2 }),
        change("b", What::Metadata),
        change("b", What::Deleted),
    ];
    let generation = block_on(setup.store.stats()).unwrap().generation;
    assert_eq!(*setup.host.events.borrow(), [Event::Committed { generation, changes }]);
}

#[test]
fn what_was_read_is_answered_from_memory_until_another_tab_changes_it() {
    let memory = Memory::new();
    let [reader, writer] = [open(&memory), open(&memory)];
    reader.host.hears_peers.set(true);
    block_on(writer.store.write(create("a"))).unwrap();
    block_on(writer.store.write(append("a", "1"))).unwrap();
    reader.store.distrust();
    assert_eq!(items(&reader.store, "a"), "[1]");
    let reads = reader.backend.control.reads.get();
    assert_eq!(items(&reader.store, "a"), "[1]");
    assert_eq!(reader.backend.control.reads.get(), reads, "nothing was read again");
    assert!(reader.store.cache().hits > 0);

    block_on(writer.store.write(append("a", "2"))).unwrap();
    let generation = block_on(writer.store.stats()).unwrap().generation;
    reader.store.peer(generation, &[id("a")]);
    assert_eq!(items(&reader.store, "a"), "[1][2]");
    // A message that never came, and a page that knows that it may have missed one.
    block_on(writer.store.write(append("a", "3"))).unwrap();
    reader.store.distrust();
    assert_eq!(items(&reader.store, "a"), "[1][2][3]");
}

#[test]
fn a_store_that_was_emptied_behind_our_back_is_data_loss_and_not_a_new_store() {
    let memory = Memory::new();
    let opened = |expected: bool| {
        let options = Options { expected, ..options() };
        block_on(Store::open(Unruly::new(&memory), TestHost::new(1), options)).map(|_| ())
    };
    assert_eq!(*opened(true).unwrap_err(), Error::DataLoss);
    assert!(memory.snapshot().values().all(|records| records.is_empty()), "nothing was made anew");
    opened(false).unwrap();
    opened(true).unwrap();
}
