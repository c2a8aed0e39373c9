//! SHA-256, the identity of attachments.

use crate::workload::Workload;
use criterion::{BenchmarkId, Criterion, Throughput};
use hoardb::blob::sha256;
use std::hint::black_box;

pub fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sha256");
    for (name, size) in [("1 KiB", 1 << 10), ("8 KiB", 8 << 10), ("150 KiB", 150 << 10)] {
        let bytes = Workload::new().noise(size);
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_with_input(BenchmarkId::from_parameter(name), &bytes, |bencher, bytes| {
            bencher.iter(|| sha256(black_box(bytes)));
        });
    }
    group.finish();
}
