//! Items into a sealed chunk and back.

use crate::workload::Workload;
use criterion::{Criterion, Throughput};
use hoardb::blob::{Hash, Reference};
use hoardb::session::{Chunk, ChunkLimits, Item, chunk_key, split};
use std::hint::black_box;

pub fn bench(criterion: &mut Criterion) {
    let mut workload = Workload::new();
    let plain = workload.chunk_items();
    let pictured: Vec<Item> = (0..).zip(workload.chunk_items()).map(|(n, item)| with_attachment(item, n)).collect();
    let key = chunk_key("session", "items", 0);

    let mut group = criterion.benchmark_group("chunk of 50");
    for (name, items) in [("items", &plain), ("items with attachments", &pictured)] {
        let chunk = Chunk::from_items(items).expect("items that fit");
        let record = chunk.seal(&key).expect("a chunk within the limit");
        group.throughput(Throughput::Bytes(chunk.item_bytes()));
        group.bench_function(format!("encode {name}"), |bencher| {
            bencher.iter(|| Chunk::from_items(black_box(items)).and_then(|chunk| chunk.seal(&key)));
        });
        group.bench_function(format!("decode {name}"), |bencher| {
            bencher.iter(|| Chunk::open(&key, black_box(&record)).map(|chunk| chunk.array(0..u64::MAX)));
        });
    }
    let many: Vec<Item> = plain.iter().cycle().take(5000).cloned().collect();
    group.throughput(Throughput::Elements(many.len() as u64));
    group.bench_function("split 5,000 items", |bencher| {
        bencher.iter(|| split(black_box(&many), ChunkLimits::default()))
    });
    group.finish();
}

/// The item with a picture of its own.
fn with_attachment(item: Item, n: u8) -> Item {
    let mut json = item.json;
    json.pop();
    json.extend_from_slice(br#","image":{"$attachment":0}}"#);
    Item {
        json,
        references: vec![Reference { hash: Hash::from_bytes([n; 32]), size: 150_000, media_type: "image/png".into() }],
    }
}
