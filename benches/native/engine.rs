//! The whole engine on the memory backend: what it costs besides the browser's storage.

use crate::workload::{CHUNK_ITEMS, Still, Workload};
use criterion::{BatchSize, Criterion, Throughput};
use hoardb::backend::memory::Memory;
use hoardb::session::{Id, ListName};
use hoardb::store::{Document, Documents, Options, Receipt, Store, Write};
use pollster::block_on;

const SESSIONS: usize = 50;
const APPENDS: usize = 1000;

pub fn bench(criterion: &mut Criterion) {
    let mut workload = Workload::new();
    let sessions: Vec<Write> = (0..SESSIONS).map(|n| session(&mut workload, &format!("session {n}"))).collect();
    let bytes: usize = sessions.iter().map(Write::bytes).sum();

    let mut group = criterion.benchmark_group("engine");
    group.throughput(Throughput::Bytes(bytes as u64));
    group.bench_function("save 50 sessions in one transaction", |bencher| {
        bencher.iter_batched(
            || (open(), sessions.clone()),
            |(store, writes)| block_on(commit(&store, writes)),
            BatchSize::LargeInput,
        );
    });

    let appends: Vec<Write> = (0..APPENDS).map(|_| append(workload.item())).collect();
    group.throughput(Throughput::Elements(APPENDS as u64));
    group.bench_function("append 1,000 items in one transaction", |bencher| {
        bencher.iter_batched(
            || (with_session(), appends.clone()),
            |(store, writes)| block_on(commit(&store, writes)),
            BatchSize::LargeInput,
        );
    });
    group.bench_function("append 1,000 items in as many transactions", |bencher| {
        bencher.iter_batched(
            || (with_session(), appends.clone()),
            |(store, writes)| {
                for write in writes {
                    block_on(store.write(write)).expect("an append is stored");
                }
            },
            BatchSize::LargeInput,
        );
    });

    let store = open();
    block_on(commit(&store, sessions));
    let (id, list) = (Id::new("session 7").expect("an id"), ListName::new("items").expect("a name"));
    group.throughput(Throughput::Elements(CHUNK_ITEMS as u64));
    group.bench_function("read a list of 50 items", |bencher| {
        bencher.iter(|| block_on(store.read(&id, &list, 0..u64::MAX, u64::MAX)));
    });
    group.finish();
}

fn open() -> Store<Memory, Still> {
    block_on(Store::open(Memory::new(), Still::new(), Options::default())).expect("an empty store opens")
}

fn with_session() -> Store<Memory, Still> {
    let store = open();
    let metadata = Document { json: br#"{"id":"session"}"#.to_vec(), attachments: Vec::new() };
    block_on(store.write(Write::Create { id: Id::new("session").expect("an id"), metadata }))
        .expect("a session is stored");
    store
}

async fn commit(store: &Store<Memory, Still>, writes: Vec<Write>) {
    let receipts: Vec<Receipt> = writes.into_iter().map(|write| store.submit(write)).collect();
    store.drain().await;
    for receipt in receipts {
        receipt.answer().await.expect("a write is stored");
    }
}

fn session(workload: &mut Workload, name: &str) -> Write {
    let (metadata, items) = workload.session(name);
    let list = ListName::new("items").expect("a list's name");
    Write::Save { id: Id::new(name).expect("a session's id"), metadata, lists: vec![(list, items)] }
}

fn append(item: Vec<u8>) -> Write {
    let items = Documents { lengths: vec![item.len() as u32], json: item, attachments: Vec::new() };
    Write::Append { id: Id::new("session").expect("an id"), list: ListName::new("items").expect("a name"), items }
}
