//! The engine's parts on their own, natively: what a change costs before any browser is involved.
//!
//! The throughput is of the bytes that go in: JSON for chunks, originals for hashes. Absolute figures in wasm differ; what
//! browsers make of the whole is measured by `benches/browser`.

#[cfg(not(target_arch = "wasm32"))]
mod chunk;
#[cfg(not(target_arch = "wasm32"))]
mod collect;
#[cfg(not(target_arch = "wasm32"))]
mod engine;
#[cfg(not(target_arch = "wasm32"))]
mod hash;
#[cfg(not(target_arch = "wasm32"))]
mod record;
#[cfg(not(target_arch = "wasm32"))]
mod workload;

#[cfg(not(target_arch = "wasm32"))]
fn main() {
    let mut criterion = criterion::Criterion::default().configure_from_args();
    record::bench(&mut criterion);
    chunk::bench(&mut criterion);
    hash::bench(&mut criterion);
    collect::bench(&mut criterion);
    engine::bench(&mut criterion);
    criterion.final_summary();
}

// Checked for both targets; there is no criterion for the browser's.
#[cfg(target_arch = "wasm32")]
fn main() {}
