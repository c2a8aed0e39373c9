//! A backend that fails at its N-th call, for every N.
//!
//! The story: the engine is in the middle of something, and the database says no, or the page dies. Each operation below is
//! run once for every call that it makes of the backend, with that call failing, in two ways: before the call does anything
//! (an abort, a full disk, a crash before the commit), and after it did everything (the connection is lost before the answer
//! arrives, a crash after the commit). Then the store is opened anew on what is stored. It must show the state before or the
//! state after, `verify` must find nothing, and running the operation again must end in the state after.
#![cfg(not(target_arch = "wasm32"))]

mod support;

use hoardb::backend::memory::Memory;
use hoardb::backend::{Backend, Batch, Key, Outcome, Row, Scan, StoreName};
use hoardb::error::{Error, Result};
use hoardb::session::ChunkLimits;
use hoardb::store::{ListQuery, Options, Store, UPLOAD_LEASE_MS, Write};
use pollster::block_on;
use std::cell::Cell;
use std::rc::Rc;
use support::*;

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    /// Before it does anything.
    Before,
    /// After it did everything.
    After,
}

/// Memory that counts its calls and fails from one of them on, as a dead connection does.
#[derive(Clone)]
struct Failing {
    memory: Memory,
    calls: Rc<Cell<usize>>,
    at: usize,
    fault: Fault,
}

impl Failing {
    fn new(memory: &Memory, at: usize, fault: Fault) -> Self {
        Self { memory: memory.clone(), calls: Rc::default(), at, fault }
    }

    async fn call<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        let number = self.calls.get();
        self.calls.set(number + 1);
        let lost = Err(Error::ConnectionLost { cause: format!("call {number}") }.into());
        if number < self.at {
            return call.await;
        }
        if number == self.at && self.fault == Fault::After {
            call.await?;
        }
        lost
    }
}

impl Backend for Failing {
    async fn get(&self, store: StoreName, keys: &[Key]) -> Result<Vec<Option<Vec<u8>>>> {
        self.call(self.memory.get(store, keys)).await
    }

    async fn scan(&self, scan: Scan) -> Result<Vec<Row>> {
        self.call(self.memory.scan(scan)).await
    }

    async fn commit(&self, batch: Batch) -> Result<Outcome> {
        self.call(self.memory.commit(batch)).await
    }

    async fn close(&self) {}
}

type Operation = fn(&Store<Failing, TestHost>) -> Result<()>;

fn options() -> Options {
    Options { chunk: ChunkLimits { items: 4, bytes: 1 << 10 }, grace_ms: 0, ..Options::default() }
}

fn with_attachment(json: &str, content: &[u8]) -> hoardb::store::Documents {
    let attachments = vec![support::bytes(content)];
    hoardb::store::Documents { attachments, ..documents(&[json]) }
}

const IMAGE: &str = r#"{"image":{"$attachment":0}}"#;

/// What is stored before the operation: two sessions that share an attachment, one that nobody uses, an abandoned upload.
fn prepare(store: &Store<Failing, TestHost>) -> Result<()> {
    block_on(async {
        for name in ["a", "b"] {
            let lists = vec![
                (list("shots"), with_attachment(IMAGE, b"shared")),
                (list("notes"), documents(&["1", "2", "3", "4", "5", "6"])),
            ];
            store.write(Write::Save { id: id(name), metadata: document(r#"{"t":1}"#), lists }).await?;
        }
        for n in 0..2 {
            let items = with_attachment(IMAGE, &[n]);
            store.write(Write::Append { id: id("a"), list: list("shots"), items }).await?;
        }
        store.write(Write::Attach(support::bytes(b"unused"))).await?;
        let upload = store.upload_begin().await?;
        store.upload_part(upload, &vec![1; 2 << 20]).await
    })
}

fn write(store: &Store<Failing, TestHost>, write: Write) -> Result<()> {
    block_on(store.write(write)).map(|_| ())
}

/// Every operation that writes. Each may be run again after it was done.
const OPERATIONS: [(&str, Operation); 11] = [
    ("create", |store| match write(store, Write::Create { id: id("c"), metadata: document("{}") }) {
        Err(error) if error.code() == "AlreadyExists" => Ok(()),
        other => other,
    }),
    ("put", |store| write(store, Write::Put { id: id("a"), metadata: document(r#"{"t":2}"#) })),
    ("update", |store| {
        write(store, Write::Update { id: id("a"), patch: document(r#"{"u":2}"#), remove: vec!["t".into()] })
    }),
    ("delete", |store| write(store, Write::Delete { ids: vec![id("a"), id("b")] })),
    ("save", |store| {
        let lists = vec![(list("shots"), with_attachment(IMAGE, b"new"))];
        write(store, Write::Save { id: id("a"), metadata: document("{}"), lists })
    }),
    ("append that merges a tail", |store| {
        // Appending is not idempotent, so it is done where it has not been.
        let stat = block_on(store.lists(&id("a")))?;
        if stat.iter().any(|list| list.name == "shots" && list.items > 3) {
            return Ok(());
        }
        let items = with_attachment(IMAGE, b"third");
        write(store, Write::Append { id: id("a"), list: list("shots"), items })
    }),
    ("set", |store| {
        let item = hoardb::store::Document { json: IMAGE.into(), attachments: vec![support::bytes(b"set")] };
        write(store, Write::Set { id: id("a"), list: list("shots"), index: 0, item })
    }),
    ("attach", |store| write(store, Write::Attach(support::bytes(b"attached")))),
    ("collect", |store| block_on(collect(store, now())).map(|_| ())),
    ("upload", |store| {
        block_on(async {
            let upload = store.upload_begin().await?;
            store.upload_part(upload, &vec![2; 3 << 20]).await?;
            store.upload_part(upload, &[2; 100]).await?;
            store.upload_finish(upload, "video/webm").await.map(|_| ())
        })
    }),
    ("flush", |store| block_on(store.flush())),
];

/// Everything that a caller can see, as text.
fn visible(store: &Store<Failing, TestHost>) -> String {
    block_on(async {
        let mut seen = Vec::new();
        for name in ["a", "b", "c"] {
            let session = &store.sessions(&[id(name)]).await.unwrap()[0];
            seen.push(format!("{name}: {session:?}"));
            for stat in if session.is_some() { store.lists(&id(name)).await.unwrap() } else { Vec::new() } {
                let chunks = store.read(&id(name), &list(&stat.name), 0..u64::MAX, u64::MAX).await.unwrap();
                let items: Vec<_> = chunks
                    .iter()
                    .map(|chunk| (String::from_utf8_lossy(&chunk.json), &chunk.attachments, &chunk.error))
                    .collect();
                seen.push(format!("{}: {items:?}", stat.name));
            }
        }
        let query = ListQuery { order_by: Some("t".into()), limit: 10, ..ListQuery::default() };
        seen.push(format!("{:?}", store.list(&query).await.unwrap().sessions));
        seen.join("\n")
    })
}

/// Attachments and uploads may differ between two correct states (one more without a reference), so they are compared apart.
fn attachments(store: &Store<Failing, TestHost>) -> u64 {
    block_on(store.stats()).unwrap().attachments
}

fn reopen(memory: &Memory, host: &TestHost) -> Store<Failing, TestHost> {
    let backend = Failing::new(memory, usize::MAX, Fault::Before);
    block_on(Store::open(backend, host.clone(), options())).unwrap()
}

fn assert_whole(store: &Store<Failing, TestHost>, story: &str) {
    let report = block_on(verify(store, FULL)).unwrap();
    assert!(report.clean, "{story}: {:#?}", report.findings);
}

#[test]
fn a_backend_that_fails_at_any_call_leaves_the_old_or_the_new_state() {
    let mut faults = 0;
    for (name, operation) in OPERATIONS {
        let fresh = || {
            let (memory, host) = (Memory::new(), TestHost::new(7));
            prepare(&reopen(&memory, &host)).unwrap();
            host.now_ms.set(host.now_ms.get() + 2 * UPLOAD_LEASE_MS);
            (memory, host)
        };
        let (memory, host) = fresh();
        let store = reopen(&memory, &host);
        let old = (visible(&store), attachments(&store));
        operation(&store).unwrap();
        let new = (visible(&store), attachments(&store));
        assert_whole(&store, name);

        for fault in [Fault::Before, Fault::After] {
            for at in 0.. {
                let story = format!("{name}, call {at} fails, {fault:?}");
                let (memory, host) = fresh();
                let backend = Failing::new(&memory, at, fault);
                let calls = Rc::clone(&backend.calls);
                let opened = block_on(Store::open(backend, host.clone(), options()));
                let outcome = opened.and_then(|store| operation(&store));
                if calls.get() <= at {
                    assert_eq!(outcome, Ok(()), "{story}");
                    break;
                }
                faults += 1;
                assert_eq!(outcome.unwrap_err().code(), "ConnectionLost", "{story}");

                let store = reopen(&memory, &host);
                assert_whole(&store, &story);
                let seen = visible(&store);
                assert!(seen == old.0 || seen == new.0, "{story}: neither old nor new:\n{seen}");
                operation(&store).unwrap_or_else(|error| panic!("{story}: {error}"));
                assert_whole(&store, &story);
                assert_eq!((visible(&store), attachments(&store)), new, "{story}");
            }
        }
    }
    // If the operations stopped calling the backend this test would prove nothing.
    assert!(faults > 80, "{faults} faults");
}

#[test]
fn opening_a_new_store_may_be_interrupted_anywhere() {
    for fault in [Fault::Before, Fault::After] {
        for at in 0..4 {
            let (memory, host) = (Memory::new(), TestHost::new(1));
            let _ = block_on(Store::open(Failing::new(&memory, at, fault), host.clone(), options()));
            let store = reopen(&memory, &host);
            prepare(&store).unwrap();
            assert_whole(&store, "opened twice");
        }
    }
}
