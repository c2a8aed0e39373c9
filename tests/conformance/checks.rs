//! `commit`: what its checks hold against, and what is left of a batch that was refused: nothing.

use super::{Databases, checked, commit, fill, key, put, together, value};
use hoardb::backend::{Backend, Batch, Check, KeyRange, Op, Outcome, StoreName};
use std::cell::Cell;
use std::ops::Bound;
use std::rc::Rc;

const STORE: StoreName = StoreName::Blobs;

/// Commits a write under one check, and asserts that it was made or refused together with the check.
async fn assert_check(backend: &impl Backend, check: Check, holds: bool) {
    let marker = (StoreName::Journal, key(0));
    commit(backend, checked(Vec::new(), vec![Op::Delete(marker.0, marker.1.clone())])).await;
    let name = format!("{check:?}");
    let outcome = backend.commit(checked(vec![check], vec![put(marker.0, marker.1.clone(), b"made")])).await;
    assert_eq!(outcome, Ok(if holds { Outcome::Committed } else { Outcome::Refused { check: 0 } }), "{name}");
    assert_eq!(value(backend, marker.0, marker.1).await.is_some(), holds, "{name}");
}

pub async fn absent_holds_only_without_the_record(databases: &impl Databases) {
    let backend = databases.open("a").await;
    commit(&backend, checked(Vec::new(), vec![put(STORE, key(1), b""), put(STORE, key(2), b"x")])).await;
    assert_check(&backend, Check::Absent(STORE, key(0)), true).await;
    assert_check(&backend, Check::Absent(STORE, key(1)), false).await;
    assert_check(&backend, Check::Absent(STORE, key(2)), false).await;
    assert_check(&backend, Check::Absent(StoreName::Parts, key(2)), true).await;
}

pub async fn present_holds_only_with_the_record(databases: &impl Databases) {
    let backend = databases.open("a").await;
    commit(&backend, checked(Vec::new(), vec![put(STORE, key(1), b""), put(STORE, key(2), b"x")])).await;
    assert_check(&backend, Check::Present(STORE, key(0)), false).await;
    assert_check(&backend, Check::Present(STORE, key(1)), true).await;
    assert_check(&backend, Check::Present(STORE, key(2)), true).await;
    assert_check(&backend, Check::Present(StoreName::Parts, key(2)), false).await;
}

pub async fn unchanged_holds_only_for_the_same_bytes(databases: &impl Databases) {
    let backend = databases.open("a").await;
    commit(&backend, checked(Vec::new(), vec![put(STORE, key(1), b"bytes"), put(STORE, key(2), b"")])).await;
    let unchanged = |n, bytes: &[u8]| Check::Unchanged(STORE, key(n), bytes.to_vec());
    assert_check(&backend, unchanged(1, b"bytes"), true).await;
    assert_check(&backend, unchanged(1, b"bytez"), false).await;
    assert_check(&backend, unchanged(1, b"byte"), false).await;
    assert_check(&backend, unchanged(1, b"bytes and more"), false).await;
    assert_check(&backend, unchanged(1, b""), false).await;
    assert_check(&backend, unchanged(2, b""), true).await;
    assert_check(&backend, unchanged(3, b""), false).await;
}

pub async fn empty_holds_only_without_a_record_in_the_range(databases: &impl Databases) {
    let backend = databases.open("a").await;
    fill(&backend, STORE, 3).await;
    let empty = |lower, upper| Check::Empty(STORE, KeyRange { lower, upper });
    let (included, excluded) = (|n| Bound::Included(key(n)), |n| Bound::Excluded(key(n)));
    assert_check(&backend, Check::Empty(STORE, KeyRange::all()), false).await;
    assert_check(&backend, Check::Empty(StoreName::Parts, KeyRange::all()), true).await;
    assert_check(&backend, Check::Empty(STORE, KeyRange::prefix(key(2))), false).await;
    assert_check(&backend, Check::Empty(STORE, KeyRange::prefix(key(3))), true).await;
    assert_check(&backend, empty(excluded(2), Bound::Unbounded), true).await;
    assert_check(&backend, empty(included(2), Bound::Unbounded), false).await;
    assert_check(&backend, empty(Bound::Unbounded, excluded(0)), true).await;
    assert_check(&backend, empty(Bound::Unbounded, included(0)), false).await;
    assert_check(&backend, empty(excluded(0), excluded(1)), true).await;
    assert_check(&backend, empty(included(2), included(0)), true).await;
}

pub async fn checks_see_the_state_before_the_batch(databases: &impl Databases) {
    let backend = databases.open("a").await;
    commit(&backend, checked(Vec::new(), vec![put(STORE, key(1), b"old")])).await;
    let checks = vec![
        Check::Absent(STORE, key(2)),
        Check::Present(STORE, key(1)),
        Check::Unchanged(STORE, key(1), b"old".to_vec()),
    ];
    let ops = vec![put(STORE, key(2), b"new"), put(STORE, key(1), b"newer"), Op::Delete(STORE, key(1))];
    commit(&backend, checked(checks, ops)).await;
    assert_eq!(backend.get(STORE, &[key(1), key(2)]).await, Ok(vec![None, Some(b"new".to_vec())]));
}

pub async fn the_first_check_that_fails_is_reported(databases: &impl Databases) {
    let backend = databases.open("a").await;
    fill(&backend, STORE, 2).await;
    let checks = || {
        vec![
            Check::Present(STORE, key(0)),
            Check::Empty(STORE, KeyRange { lower: Bound::Included(key(5)), upper: Bound::Included(key(4)) }),
            Check::Absent(STORE, key(9)),
            Check::Empty(StoreName::Parts, KeyRange::all()),
            Check::Absent(STORE, key(1)),
            Check::Present(STORE, key(9)),
            Check::Unchanged(STORE, key(0), b"other".to_vec()),
        ]
    };
    assert_eq!(backend.commit(checked(checks(), vec![])).await, Ok(Outcome::Refused { check: 4 }));
    let mut checks = checks();
    checks.remove(4);
    assert_eq!(backend.commit(checked(checks.clone(), vec![])).await, Ok(Outcome::Refused { check: 4 }));
    checks.remove(4);
    assert_eq!(backend.commit(checked(checks.clone(), vec![])).await, Ok(Outcome::Refused { check: 4 }));
    checks.remove(4);
    assert_eq!(backend.commit(checked(checks, vec![])).await, Ok(Outcome::Committed));
}

pub async fn a_refused_batch_writes_nothing_to_any_store(databases: &impl Databases) {
    let backend = databases.open("a").await;
    for store in StoreName::ALL {
        commit(&backend, checked(Vec::new(), vec![put(store, key(1), b"before")])).await;
    }
    let mut ops = Vec::new();
    for store in StoreName::ALL {
        ops.push(put(store, key(1), b"after"));
        ops.push(put(store, key(2), b"new"));
        ops.push(Op::Delete(store, key(1)));
        ops.push(Op::DeleteRange(store, KeyRange::all()));
    }
    let outcome = backend.commit(checked(vec![Check::Absent(StoreName::Meta, key(1))], ops)).await;
    assert_eq!(outcome, Ok(Outcome::Refused { check: 0 }));
    for store in StoreName::ALL {
        assert_eq!(backend.get(store, &[key(1), key(2)]).await, Ok(vec![Some(b"before".to_vec()), None]));
    }
}

pub async fn a_refused_batch_calls_no_update(databases: &impl Databases) {
    let backend = databases.open("a").await;
    let called = Rc::new(Cell::new(false));
    let update = {
        let called = Rc::clone(&called);
        Op::Update(
            STORE,
            key(1),
            Box::new(move |_| {
                called.set(true);
                Ok(Vec::new())
            }),
        )
    };
    let outcome = backend.commit(checked(vec![Check::Present(STORE, key(1))], vec![update])).await;
    assert_eq!(outcome, Ok(Outcome::Refused { check: 0 }));
    assert!(!called.get());
    assert_eq!(value(&backend, STORE, key(1)).await, None);
}

pub async fn a_batch_without_operations_only_checks(databases: &impl Databases) {
    let backend = databases.open("a").await;
    fill(&backend, STORE, 1).await;
    commit(&backend, checked(vec![Check::Present(STORE, key(0))], vec![])).await;
    let batch = Batch { checks: vec![Check::Absent(STORE, key(0))], ..Batch::default() };
    assert_eq!(backend.commit(batch).await, Ok(Outcome::Refused { check: 0 }));
    assert!(value(&backend, STORE, key(0)).await.is_some());
}

/// Two tabs create the same session: the check and the write are one step.
pub async fn of_commits_that_exclude_each_other_one_wins(databases: &impl Databases) {
    let tabs = [databases.open("a").await, databases.open("a").await];
    let commits = (0..20).map(|n| {
        let checks = vec![Check::Absent(StoreName::Sessions, key(7))];
        tabs[n % 2].commit(checked(checks, vec![put(StoreName::Sessions, key(7), &[n as u8])]))
    });
    let outcomes = together(commits.collect()).await;
    let winners: Vec<u8> = (0..20).filter(|&n| outcomes[n as usize] == Ok(Outcome::Committed)).collect();
    assert_eq!(winners.len(), 1, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Ok(Outcome::Refused { check: 0 })).count(), 19);
    assert_eq!(value(&tabs[0], StoreName::Sessions, key(7)).await, Some(winners));
}
