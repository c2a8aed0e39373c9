//! The envelope: checksum and deflate.

use crate::workload::Workload;
use criterion::{BenchmarkId, Criterion, Throughput};
use hoardb::backend::{Key, StoreName};
use hoardb::record::{Compression, Kind, Place, deflate, inflate, open, seal};
use std::hint::black_box;

pub fn bench(criterion: &mut Criterion) {
    let mut workload = Workload::new();
    let key = Key::new().text("session").text("items").number(0);
    let place = Place { store: StoreName::Chunks, key: &key };
    let text: Vec<u8> = (0..55).flat_map(|_| workload.item()).take(16 << 10).collect();
    let part = workload.noise(1 << 20);

    let mut group = criterion.benchmark_group("record");
    let cases = [
        ("16 KiB of JSON, deflated", &text, Compression::WhenSmaller),
        ("16 KiB of JSON, as it is", &text, Compression::Off),
        ("1 MiB part", &part, Compression::Off),
    ];
    for (name, payload, compression) in cases {
        let record = seal(place, Kind::Chunk, payload, compression).expect("a payload within the limit");
        group.throughput(Throughput::Bytes(payload.len() as u64));
        group.bench_with_input(BenchmarkId::new("seal", name), payload, |bencher, payload| {
            bencher.iter(|| seal(place, Kind::Chunk, black_box(payload), compression));
        });
        group.bench_with_input(BenchmarkId::new("open", name), &record, |bencher, record| {
            bencher.iter(|| open(place, Kind::Chunk, black_box(record)));
        });
    }
    group.finish();

    let deflated = deflate(&text).expect("prose shrinks");
    println!("deflate: {} bytes to {}, {:.3}", text.len(), deflated.len(), deflated.len() as f64 / text.len() as f64);
    let mut group = criterion.benchmark_group("deflate");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("deflate 16 KiB of JSON", |bencher| bencher.iter(|| deflate(black_box(&text))));
    group
        .bench_function("inflate 16 KiB of JSON", |bencher| bencher.iter(|| inflate(black_box(&deflated), text.len())));
    group.finish();
}
