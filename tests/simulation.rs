//! Several tabs on IndexedDB at its worst, from a seed.
//!
//! Everything that is left to chance is decided by a number: who runs next, how long a transaction takes, what fails and
//! how, which tab crashes in the middle of what, when the power goes. After each commit the touched sessions are read back
//! and have to follow from what was asked for; every answer and every read has to fit (`simulation/oracle.rs`).
//!
//! A seed that fails is printed; `HOARDB_SEED=<n> cargo test --test simulation` replays it and shows what happened.
//! 2,000 run by default (see `support/seeds.rs`); `make simulate` runs many more.
#![cfg(not(target_arch = "wasm32"))]

mod support;

mod simulation {
    pub mod backend;
    pub mod content;
    pub mod damage;
    pub mod database;
    pub mod executor;
    pub mod faults;
    pub mod history;
    pub mod journal;
    pub mod model;
    pub mod oracle;
    pub mod page;
    pub mod peers;
    pub mod reading;
    pub mod story;
    pub mod workload;
    pub mod world;
}

use simulation::story::play;
use support::seeds;

#[test]
fn no_seed_finds_a_lost_doubled_or_torn_write() {
    seeds::each_of(2000, |seed| {
        play(seed, seeds::only().is_some());
    });
}

#[test]
fn a_seed_replays_identically() {
    for seed in 0..20 {
        assert_eq!(play(seed, false), play(seed, false), "seed {seed}");
    }
}
