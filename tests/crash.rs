//! Every operation, with every call that it makes of the backend going wrong, in every way, once and for good.
//!
//! The story: the engine is in the middle of something, and the database says no, or the page dies. Afterwards the store
//! shows the state before or the state after, the error has the code of what went wrong, `verify` finds nothing, and the
//! operation can be run again. A connection that is lost once is nobody's business: the operation happens, once. What was
//! accepted is stored when the fault is over. A crash in the middle of recovering from a crash changes nothing.
#![cfg(not(target_arch = "wasm32"))]

mod support;

mod crash {
    pub mod faults;
    pub mod operations;
}

use crash::faults::{Failing, Fault, Mode, Plan};
use crash::operations::*;
use futures_lite::future::poll_once;
use hoardb::backend::memory::Memory;
use hoardb::error::Result;
use hoardb::queue::{Ack, Terms};
use hoardb::session::ChunkLimits;
use hoardb::store::{Options, Store, UPLOAD_LEASE_MS};
use pollster::block_on;
use support::*;

/// Runs until it is done, or until the page dies in it. Nothing here waits for anything else.
fn run<T>(future: impl Future<Output = T>) -> Option<T> {
    block_on(poll_once(std::pin::pin!(future)))
}

fn options() -> Options {
    Options { chunk: ChunkLimits { items: 4, bytes: 1 << 10 }, grace_ms: 0, ..Options::default() }
}

async fn open(backend: &Failing, host: &TestHost) -> Result<Engine> {
    Store::open(backend.clone(), host.clone(), options()).await
}

fn reopen(memory: &Memory, host: &TestHost) -> Engine {
    run(open(&Failing::new(memory, None), host)).unwrap().unwrap()
}

fn assert_whole(store: &Engine, story: &str) {
    let report = run(verify(store, FULL)).unwrap().unwrap();
    assert!(report.clean, "{story}: {:#?}", report.findings);
}

fn fresh() -> (Memory, TestHost) {
    let (memory, host) = (Memory::new(), TestHost::new(7));
    run(prepare(&reopen(&memory, &host))).unwrap().unwrap();
    host.now_ms.set(host.now_ms.get() + 2 * UPLOAD_LEASE_MS);
    (memory, host)
}

type Seen = (String, u64);

fn seen(store: &Engine) -> Seen {
    run(async { (visible(store).await, attachments(store).await) }).unwrap()
}

/// What is seen before and after an operation.
fn before_and_after(name: &str) -> (Seen, Seen) {
    let (memory, host) = fresh();
    let store = reopen(&memory, &host);
    let before = seen(&store);
    run(operate(&store, name)).unwrap().unwrap();
    assert_whole(&store, name);
    (before, seen(&store))
}

/// Operations that are several transactions give up at the first that fails: a client starts them again.
fn heals(name: &str) -> bool {
    !matches!(name, "collect" | "upload" | "housekeeping")
}

/// Plays one tuple; false if the operation makes no such call.
fn play(name: &str, plan: Plan, before: &Seen, after: &Seen) -> bool {
    let story = format!("{name}, {plan:?}");
    let (memory, host) = fresh();
    let backend = Failing::new(&memory, Some(plan));
    let outcome = run(async {
        let store = match open(&backend, &host).await {
            Ok(store) => store,
            Err(error) => return (None, Err(error)),
        };
        let outcome = operate(&store, name).await;
        (Some(store), outcome)
    });
    if backend.hits() == 0 {
        assert!(matches!(outcome, Some((_, Ok(())))), "{story}");
        return false;
    }
    assert_eq!(outcome.is_none(), plan.fault.is_crash(), "{story}");
    let is_lost = matches!(plan.fault, Fault::LostBefore | Fault::LostAfter);
    if let Some((engine, outcome)) = outcome {
        if let Err(error) = &outcome {
            assert!(plan.fault.codes().contains(&error.code()), "{story}: {error}");
            assert!(!(is_lost && plan.mode == Mode::Once && heals(name)), "{story}: it was to heal: {error}");
        }
        // The same engine goes on when the fault is over.
        backend.mend();
        if let Some(engine) = engine {
            let now = seen(&engine);
            let expected = if outcome.is_ok() { [after, after] } else { [before, after] };
            assert!(expected.iter().any(|expected| expected.0 == now.0), "{story}: {outcome:?}\n{}", now.0);
            if outcome.is_err() && plan.fault != Fault::LostAfter && heals(name) {
                assert_eq!(now.0, before.0, "{story}: rejected, and stored");
            }
            run(operate_again(&engine, name)).unwrap().unwrap_or_else(|error| panic!("{story}, again: {error}"));
            assert_eq!(seen(&engine), *after, "{story}, again");
            assert_whole(&engine, &story);
        }
    }
    let store = reopen(&memory, &host);
    assert_whole(&store, &story);
    let now = seen(&store).0;
    assert!(now == before.0 || now == after.0, "{story}: neither old nor new:\n{now}");
    run(operate_again(&store, name)).unwrap().unwrap_or_else(|error| panic!("{story}, opened anew: {error}"));
    assert_whole(&store, &story);
    assert_eq!(seen(&store), *after, "{story}, opened anew");
    true
}

#[test]
fn whatever_fails_leaves_the_old_or_the_new_state_and_can_be_run_again() {
    let mut tuples = 0;
    for name in names() {
        let (before, after) = before_and_after(name);
        for fault in Fault::ALL {
            for mode in [Mode::Once, Mode::Persistent] {
                for at in 0.. {
                    if !play(name, Plan { at, fault, mode }, &before, &after) {
                        break;
                    }
                    tuples += 1;
                }
            }
        }
    }
    println!("{tuples} tuples of operation, call and fault");
    // If the operations stopped calling the backend this test would prove nothing.
    assert!(tuples > 1000, "{tuples} tuples");
}

#[test]
fn what_was_accepted_is_stored_once_when_the_fault_is_over() {
    let mut tuples = 0;
    for (name, write) in WRITES {
        let (_, after) = before_and_after(name);
        for fault in Fault::ALL.into_iter().filter(|fault| !fault.is_crash()) {
            for mode in [Mode::Once, Mode::Persistent] {
                for at in 0.. {
                    let story = format!("{name}, accepted, {fault:?} {mode:?} at {at}");
                    let (memory, host) = fresh();
                    let backend = Failing::new(&memory, None);
                    let store = run(open(&backend, &host)).unwrap().unwrap();
                    backend.fail(Plan { at: backend.calls() + at, fault, mode });
                    let terms = Terms { seq: 1, ack: Ack::Accepted, background: false };
                    let receipt = store.submit_as(write(), terms);
                    run(store.drain()).unwrap();
                    let is_hit = backend.hits() > 0;
                    backend.mend();
                    run(store.retry()).unwrap().unwrap_or_else(|error| panic!("{story}: {error}"));
                    let answer = run(receipt.answer()).unwrap_or_else(|| panic!("{story}: not answered"));
                    assert!(answer.is_ok(), "{story}: {answer:?}");
                    assert_eq!(seen(&store), after, "{story}");
                    assert_whole(&store, &story);
                    let store = reopen(&memory, &host);
                    assert_eq!(seen(&store), after, "{story}, opened anew");
                    if !is_hit {
                        break;
                    }
                    tuples += 1;
                }
            }
        }
    }
    println!("{tuples} tuples of accepted write, call and fault");
    assert!(tuples > 300, "{tuples} tuples");
}

#[test]
fn a_crash_while_recovering_from_a_crash_changes_nothing() {
    for name in names() {
        let (before, after) = before_and_after(name);
        for first in [Fault::CrashBefore, Fault::CrashAfter] {
            for at in 0.. {
                let mut is_hit = true;
                for second in [Fault::CrashBefore, Fault::CrashAfter] {
                    for again_at in 0.. {
                        let (memory, host) = fresh();
                        let backend = Failing::new(&memory, Some(Plan { at, fault: first, mode: Mode::Once }));
                        let crashed = run(async { operate(&open(&backend, &host).await.unwrap(), name).await });
                        is_hit = crashed.is_none();
                        let recovering =
                            Failing::new(&memory, Some(Plan { at: again_at, fault: second, mode: Mode::Once }));
                        let recovered = run(open(&recovering, &host)).is_some();
                        let story = format!("{name}, {first:?} at {at}, then {second:?} at {again_at}");
                        let store = reopen(&memory, &host);
                        assert_whole(&store, &story);
                        let now = seen(&store).0;
                        assert!(now == before.0 || now == after.0, "{story}: neither old nor new:\n{now}");
                        if recovered {
                            break;
                        }
                    }
                }
                if !is_hit {
                    break;
                }
            }
        }
    }
}

#[test]
fn opening_a_new_store_may_be_interrupted_anywhere() {
    for fault in Fault::ALL {
        for at in 0..6 {
            let (memory, host) = (Memory::new(), TestHost::new(1));
            let backend = Failing::new(&memory, Some(Plan { at, fault, mode: Mode::Persistent }));
            let _ = run(open(&backend, &host));
            let store = reopen(&memory, &host);
            run(prepare(&store)).unwrap().unwrap();
            assert_whole(&store, "opened twice");
        }
    }
}
