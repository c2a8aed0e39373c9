//! What every [`Backend`] promises, as tests. `src/backend/mod.rs` is the contract in words; each test here is named for a
//! sentence of it. `tests/memory.rs` runs them natively on the reference, `tests/web.rs` and `tests/web_worker.rs` in a
//! browser on IndexedDB.

// A promise that nobody lists in `for_each_promise!` is an unused function, and so a compile error.
#![deny(dead_code)]

#[cfg(target_arch = "wasm32")]
pub mod browser;
mod checks;
mod commits;
mod handles;
mod keys;
mod reads;
mod scans;

pub use checks::*;
pub use commits::*;
pub use handles::*;
pub use keys::*;
pub use reads::*;
pub use scans::*;

use hoardb::backend::{Backend, Batch, Check, Durability, Key, Op, Outcome, StoreName};
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

/// Opens backends. The same name is the same database, as it is for two tabs; every test has its own databases.
pub trait Databases {
    /// What it opens.
    type Backend: Backend;

    /// A new handle on the database of that name, which is made if it is not there.
    async fn open(&self, name: &str) -> Self::Backend;
}

/// Calls the macro `$test` with the name of every test of the suite.
#[macro_export]
macro_rules! for_each_promise {
    ($test:ident) => {
        $test! {
            get_answers_in_the_order_asked_with_none_for_a_missing_record
            get_of_no_keys_is_empty
            get_answers_a_key_as_often_as_it_is_asked
            get_reads_a_thousand_records
            stores_do_not_share_keys
            values_come_back_byte_for_byte
            a_value_may_be_empty
            a_value_may_be_four_mebibytes

            any_bytes_are_a_key
            texts_are_ordered_by_code_point
            numbers_are_ordered_by_size
            components_are_ordered_one_after_the_other

            a_scan_ascends
            a_reverse_scan_descends
            a_scan_stops_at_its_limit
            fewer_rows_than_the_limit_mean_the_end
            a_scan_without_values_has_the_keys
            a_scan_of_an_empty_range_finds_nothing
            scans_agree_with_an_ordered_map
            pages_visit_every_record_once
            reverse_pages_visit_every_record_once
            a_prefix_range_holds_what_starts_with_it
            a_prefix_of_highest_bytes_has_no_upper_end
            a_scan_reads_values_of_very_different_sizes

            put_writes_and_overwrites
            delete_removes_and_accepts_a_missing_record
            delete_range_removes_what_lies_in_it
            delete_range_of_an_empty_range_does_nothing
            delete_range_of_everything_empties_the_store
            operations_apply_in_their_order
            a_batch_reaches_every_store
            a_batch_may_have_thousands_of_operations
            an_empty_batch_is_committed
            update_is_called_with_the_stored_value
            update_sees_the_state_before_the_batch
            update_writes_in_its_place_among_the_operations
            the_error_of_an_update_aborts_everything
            concurrent_updates_lose_nothing
            a_strict_commit_is_stored
            a_read_never_sees_part_of_a_commit
            an_abandoned_commit_is_all_or_nothing

            absent_holds_only_without_the_record
            present_holds_only_with_the_record
            unchanged_holds_only_for_the_same_bytes
            empty_holds_only_without_a_record_in_the_range
            checks_see_the_state_before_the_batch
            the_first_check_that_fails_is_reported
            a_refused_batch_writes_nothing_to_any_store
            a_refused_batch_calls_no_update
            a_batch_without_operations_only_checks
            of_commits_that_exclude_each_other_one_wins

            two_handles_see_each_others_commits
            an_acknowledged_commit_is_there_for_a_handle_opened_later
            names_are_separate_databases
            a_closed_handle_refuses_everything
            closing_one_handle_leaves_the_other_open
        }
    };
}

/// A key of one number.
fn key(number: u64) -> Key {
    Key::new().number(number)
}

fn put(store: StoreName, key: Key, value: &[u8]) -> Op {
    Op::Put(store, key, value.to_vec())
}

/// The usual batch: no checks, relaxed.
fn ops(ops: Vec<Op>) -> Batch {
    Batch { checks: Vec::new(), ops, durability: Durability::Relaxed }
}

fn checked(checks: Vec<Check>, ops: Vec<Op>) -> Batch {
    Batch { checks, ops, durability: Durability::Relaxed }
}

/// Commits what must succeed.
async fn commit(backend: &impl Backend, batch: Batch) {
    assert_eq!(backend.commit(batch).await, Ok(Outcome::Committed));
}

/// Stores records that number `0..count`, each with its number's bytes as value.
async fn fill(backend: &impl Backend, store: StoreName, count: u64) {
    commit(backend, ops((0..count).map(|n| put(store, key(n), &n.to_be_bytes())).collect())).await;
}

async fn value(backend: &impl Backend, store: StoreName, key: Key) -> Option<Vec<u8>> {
    let values = backend.get(store, &[key]).await.expect("get");
    assert_eq!(values.len(), 1);
    values.into_iter().next().flatten()
}

/// Runs futures at the same time on this thread and returns their results in order.
async fn together<T, F: Future<Output = T>>(futures: Vec<F>) -> Vec<T> {
    let results: Vec<Rc<RefCell<Option<T>>>> = futures.iter().map(|_| Rc::default()).collect();
    let mut running: Vec<Pin<Box<dyn Future<Output = ()> + '_>>> = Vec::new();
    for (future, result) in futures.into_iter().zip(&results) {
        running.push(Box::pin(async move {
            let value = future.await;
            *result.borrow_mut() = Some(value);
        }));
    }
    poll_fn(|context| {
        running.retain_mut(|future| future.as_mut().poll(context).is_pending());
        if running.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    drop(running);
    results.into_iter().map(|result| result.take().expect("the future is done")).collect()
}
