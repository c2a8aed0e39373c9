//! The collector's plan: reading 4,000 attachments and their references, and finding the 2,000 that nothing refers to.

use crate::workload::{CHUNK_ITEMS, Still, Workload};
use criterion::Criterion;
use hoardb::backend::memory::Memory;
use hoardb::blob::{Attachment, CollectOptions};
use hoardb::job::Step;
use hoardb::session::{Id, ListName};
use hoardb::store::{Collection, Documents, Options, Store, Write};
use pollster::block_on;

const UNUSED: u64 = 2000;
const OPTIONS: CollectOptions = CollectOptions { dry_run: true, grace_ms: Some(0) };

pub fn bench(criterion: &mut Criterion) {
    let store = block_on(Store::open(Memory::new(), Still::new(), Options::default())).expect("an empty store opens");
    let mut workload = Workload::new();
    for n in 0..UNUSED {
        let unused = Attachment::Bytes { media_type: "image/webp".into(), bytes: n.to_le_bytes().to_vec() };
        block_on(store.write(Write::Attach(unused))).expect("an attachment is stored");
    }
    for n in 0..UNUSED / CHUNK_ITEMS as u64 {
        block_on(store.write(used(&mut workload, n))).expect("a session is stored");
    }

    let mut group = criterion.benchmark_group("collector");
    group.bench_function("plan for 4,000 attachments, half unused", |bencher| {
        bencher.iter(|| {
            let found = block_on(plan(&store));
            assert_eq!(found, UNUSED);
        });
    });
    group.finish();
}

async fn plan(store: &Store<Memory, Still>) -> u64 {
    let mut collection = Collection::new(OPTIONS);
    loop {
        if let Step::Done(_, report) = store.collect(&mut collection).await.expect("a memory backend does not fail") {
            return report.attachments;
        }
    }
}

/// A session whose 50 items have an attachment each.
fn used(workload: &mut Workload, n: u64) -> Write {
    let mut items = Documents::default();
    for at in 0..CHUNK_ITEMS as u64 {
        let mut json = workload.item();
        json.pop();
        json.extend(format!(",\"image\":{{\"$attachment\":{at}}}}}").into_bytes());
        items.lengths.push(json.len() as u32);
        items.json.extend(json);
        let bytes = (UNUSED + n * CHUNK_ITEMS as u64 + at).to_le_bytes().to_vec();
        items.attachments.push(Attachment::Bytes { media_type: "image/webp".into(), bytes });
    }
    let name = format!("session {n}");
    let (metadata, _) = workload.session(&name);
    let list = ListName::new("items").expect("a list's name");
    Write::Save { id: Id::new(name).expect("a session's id"), metadata, lists: vec![(list, items)] }
}
