//! Tests that a seed decides, run for many seeds on every core.
//!
//! `HOARDB_SEED=<n>` runs just one, `HOARDB_SEEDS=<n>` sets how many run, `HOARDB_FIRST_SEED=<n>` where they begin.

use std::panic::{RefUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// After so many failures nothing new is learnt.
const FAILURES_MAX: usize = 10;

/// A number in the environment.
fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

/// The one seed that is to be run.
pub fn only() -> Option<u64> {
    number("HOARDB_SEED")
}

/// Plays so many seeds, unless the environment says otherwise.
///
/// # Panics
/// When any of them does; those are printed.
pub fn each_of(count: u64, play: impl Fn(u64) + Sync + RefUnwindSafe) {
    if let Some(seed) = only() {
        play(seed);
        return;
    }
    let test = env!("CARGO_CRATE_NAME");
    let first = number("HOARDB_FIRST_SEED").unwrap_or(0);
    let last = first + number("HOARDB_SEEDS").unwrap_or(count);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (next, failed) = (AtomicU64::new(first), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= last || failed.lock().unwrap().len() >= FAILURES_MAX {
                        return;
                    }
                    if catch_unwind(|| play(seed)).is_err() {
                        eprintln!("seed {seed} fails; replay: HOARDB_SEED={seed} cargo test --test {test}\n");
                        failed.lock().unwrap().push(seed);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    println!("{} seeds, {} failed", next.into_inner().min(last) - first, failed.len());
    assert!(failed.is_empty(), "these seeds fail: {failed:?}");
}
