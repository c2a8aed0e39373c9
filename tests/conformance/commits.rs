//! `commit`: what operations do, that they happen together, and that commits do not mix.

use super::{Databases, checked, commit, fill, key, ops, put, together, value};
use hoardb::Error;
use hoardb::backend::{Backend, Batch, Check, Durability, Key, KeyRange, Op, Outcome, Scan, StoreName, Update};
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::ops::Bound;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

const STORE: StoreName = StoreName::Chunks;

async fn keys(backend: &impl Backend, store: StoreName) -> Vec<u64> {
    let rows = backend.scan(Scan::keys(store, KeyRange::all(), 10_000)).await.expect("scan");
    rows.iter().map(|row| row.key.parse().number().expect("a key of one number")).collect()
}

/// Adds one to a stored number, which starts at nothing.
fn add_one() -> Update {
    Box::new(|stored| {
        let number = stored.map_or(0, |bytes| u32::from_be_bytes(bytes.try_into().expect("four bytes")));
        Ok((number + 1).to_be_bytes().to_vec())
    })
}

pub async fn put_writes_and_overwrites(databases: &impl Databases) {
    let backend = databases.open("a").await;
    commit(&backend, ops(vec![put(STORE, key(1), b"old and long"), put(STORE, key(2), b"stays")])).await;
    commit(&backend, ops(vec![put(STORE, key(1), b"new")])).await;
    assert_eq!(value(&backend, STORE, key(1)).await.as_deref(), Some(&b"new"[..]));
    assert_eq!(value(&backend, STORE, key(2)).await.as_deref(), Some(&b"stays"[..]));
}

pub async fn delete_removes_and_accepts_a_missing_record(databases: &impl Databases) {
    let backend = databases.open("a").await;
    fill(&backend, STORE, 3).await;
    commit(&backend, ops(vec![Op::Delete(STORE, key(1)), Op::Delete(STORE, key(77))])).await;
    assert_eq!(keys(&backend, STORE).await, [0, 2]);
}

pub async fn delete_range_removes_what_lies_in_it(databases: &impl Databases) {
    let backend = databases.open("a").await;
    let included = |n| Bound::Included(key(n));
    let excluded = |n| Bound::Excluded(key(n));
    for (lower, upper, left) in [
        (included(1), included(3), vec![0, 4]),
        (excluded(1), excluded(3), vec![0, 1, 3, 4]),
        (Bound::Unbounded, excluded(3), vec![3, 4]),
        (excluded(3), Bound::Unbounded, vec![0, 1, 2, 3]),
    ] {
        fill(&backend, STORE, 5).await;
        commit(&backend, ops(vec![Op::DeleteRange(STORE, KeyRange { lower, upper })])).await;
        assert_eq!(keys(&backend, STORE).await, left);
    }
    fill(&backend, STORE, 300).await;
    let prefix = Key::from_bytes(vec![0, 0, 0, 0, 0, 0, 0]);
    commit(&backend, ops(vec![Op::DeleteRange(STORE, KeyRange::prefix(prefix))])).await;
    assert_eq!(keys(&backend, STORE).await, (256..300).collect::<Vec<_>>());
}

pub async fn delete_range_of_an_empty_range_does_nothing(databases: &impl Databases) {
    let backend = databases.open("a").await;
    fill(&backend, STORE, 3).await;
    let range = KeyRange { lower: Bound::Included(key(2)), upper: Bound::Included(key(1)) };
    commit(&backend, ops(vec![Op::DeleteRange(STORE, range), put(STORE, key(9), b"")])).await;
    let range = KeyRange { lower: Bound::Excluded(key(1)), upper: Bound::Excluded(key(1)) };
    commit(&backend, ops(vec![Op::DeleteRange(STORE, range)])).await;
    assert_eq!(keys(&backend, STORE).await, [0, 1, 2, 9]);
}

pub async fn delete_range_of_everything_empties_the_store(databases: &impl Databases) {
    let backend = databases.open("a").await;
    fill(&backend, STORE, 20).await;
    fill(&backend, StoreName::Meta, 2).await;
    commit(&backend, ops(vec![Op::DeleteRange(STORE, KeyRange::all())])).await;
    assert_eq!(keys(&backend, STORE).await, Vec::<u64>::new());
    assert_eq!(keys(&backend, StoreName::Meta).await, [0, 1]);
}

pub async fn operations_apply_in_their_order(databases: &impl Databases) {
    let backend = databases.open("a").await;
    fill(&backend, STORE, 4).await;
    let batch = ops(vec![
        put(STORE, key(10), b"first"),
        put(STORE, key(10), b"second"),
        put(STORE, key(11), b"gone"),
        Op::Delete(STORE, key(11)),
        Op::Delete(STORE, key(0)),
        put(STORE, key(0), b"back"),
        put(STORE, key(1), b"gone too"),
        Op::DeleteRange(STORE, KeyRange { lower: Bound::Included(key(1)), upper: Bound::Included(key(3)) }),
        put(STORE, key(3), b"after the range"),
    ]);
    commit(&backend, batch).await;
    assert_eq!(keys(&backend, STORE).await, [0, 3, 10]);
    let values = backend.get(STORE, &[key(0), key(3), key(10)]).await.expect("get");
    assert_eq!(values, [b"back".to_vec(), b"after the range".to_vec(), b"second".to_vec()].map(Some));
}

pub async fn a_batch_reaches_every_store(databases: &impl Databases) {
    let backend = databases.open("a").await;
    commit(&backend, ops(StoreName::ALL.map(|store| put(store, key(5), store.as_str().as_bytes())).into())).await;
    for store in StoreName::ALL {
        assert_eq!(value(&backend, store, key(5)).await.as_deref(), Some(store.as_str().as_bytes()));
    }
}

pub async fn a_batch_may_have_thousands_of_operations(databases: &impl Databases) {
    let backend = databases.open("a").await;
    fill(&backend, STORE, 5000).await;
    assert_eq!(keys(&backend, STORE).await, (0..5000).collect::<Vec<_>>());
}

pub async fn an_empty_batch_is_committed(databases: &impl Databases) {
    let backend = databases.open("a").await;
    commit(&backend, Batch::default()).await;
    commit(&backend, Batch { durability: Durability::Strict, ..Batch::default() }).await;
}

pub async fn update_is_called_with_the_stored_value(databases: &impl Databases) {
    let backend = databases.open("a").await;
    commit(&backend, ops(vec![put(STORE, key(1), b"stored"), put(STORE, key(2), b"")])).await;
    let seen = Rc::new(RefCell::new(Vec::new()));
    let record = |n| {
        let seen = Rc::clone(&seen);
        let update: Update = Box::new(move |stored| {
            seen.borrow_mut().push((n, stored.map(<[u8]>::to_vec)));
            Ok(vec![n as u8])
        });
        Op::Update(STORE, key(n), update)
    };
    commit(&backend, ops(vec![record(1), record(2), record(3)])).await;
    assert_eq!(seen.take(), [(1, Some(b"stored".to_vec())), (2, Some(Vec::new())), (3, None)]);
    assert_eq!(backend.get(STORE, &[key(1), key(2), key(3)]).await, Ok([1u8, 2, 3].map(|n| Some(vec![n])).to_vec()));
}

pub async fn update_sees_the_state_before_the_batch(databases: &impl Databases) {
    let backend = databases.open("a").await;
    let number = |n: u32| n.to_be_bytes();
    commit(&backend, ops(vec![put(STORE, key(1), &number(10)), put(STORE, key(2), &number(20))])).await;
    let batch = ops(vec![
        put(STORE, key(1), &number(1000)),
        Op::Update(STORE, key(1), add_one()),
        Op::Delete(STORE, key(2)),
        Op::Update(STORE, key(2), add_one()),
        Op::Update(STORE, key(3), add_one()),
        Op::Update(STORE, key(3), add_one()),
    ]);
    commit(&backend, batch).await;
    let values = backend.get(STORE, &[key(1), key(2), key(3)]).await.expect("get");
    assert_eq!(values, [11, 21, 1].map(|n| Some(number(n).to_vec())));
}

pub async fn update_writes_in_its_place_among_the_operations(databases: &impl Databases) {
    let backend = databases.open("a").await;
    let batch = ops(vec![
        Op::Update(STORE, key(1), add_one()),
        put(STORE, key(1), b"later put"),
        Op::Update(STORE, key(2), add_one()),
        Op::Delete(STORE, key(2)),
        put(STORE, key(3), b"earlier put"),
        Op::Update(STORE, key(3), add_one()),
    ]);
    commit(&backend, batch).await;
    let values = backend.get(STORE, &[key(1), key(2), key(3)]).await.expect("get");
    assert_eq!(values, [Some(b"later put".to_vec()), None, Some(1u32.to_be_bytes().to_vec())]);
}

pub async fn the_error_of_an_update_aborts_everything(databases: &impl Databases) {
    let backend = databases.open("a").await;
    commit(&backend, ops(vec![put(STORE, key(1), b"before"), put(StoreName::Meta, key(1), b"before")])).await;
    let refusal: Box<Error> = Error::NotFound { what: "session", name: "x".into() }.into();
    let error = refusal.clone();
    let batch = ops(vec![
        put(STORE, key(1), b"after"),
        Op::Update(STORE, key(2), add_one()),
        Op::Update(StoreName::Meta, key(1), Box::new(move |_| Err(error))),
        Op::DeleteRange(StoreName::Meta, KeyRange::all()),
    ]);
    assert_eq!(backend.commit(batch).await, Err(refusal));
    assert_eq!(backend.get(STORE, &[key(1), key(2)]).await, Ok(vec![Some(b"before".to_vec()), None]));
    assert_eq!(value(&backend, StoreName::Meta, key(1)).await.as_deref(), Some(&b"before"[..]));
    commit(&backend, ops(vec![put(STORE, key(1), b"later")])).await;
    assert_eq!(value(&backend, STORE, key(1)).await.as_deref(), Some(&b"later"[..]));
}

/// Two tabs raise one counter at the same time.
pub async fn concurrent_updates_lose_nothing(databases: &impl Databases) {
    let tabs = [databases.open("a").await, databases.open("a").await];
    let commits = (0..60).map(|n| {
        let batch = ops(vec![Op::Update(StoreName::Meta, key(0), add_one()), put(STORE, key(n), b"")]);
        tabs[n as usize % 2].commit(batch)
    });
    for outcome in together(commits.collect()).await {
        assert_eq!(outcome, Ok(Outcome::Committed));
    }
    assert_eq!(value(&tabs[0], StoreName::Meta, key(0)).await, Some(60u32.to_be_bytes().to_vec()));
    assert_eq!(keys(&tabs[1], STORE).await.len(), 60);
}

pub async fn a_strict_commit_is_stored(databases: &impl Databases) {
    let backend = databases.open("a").await;
    fill(&backend, STORE, 1).await;
    let batch = Batch {
        checks: vec![Check::Present(STORE, key(0))],
        ops: vec![put(STORE, key(1), b"strict"), Op::Update(STORE, key(2), add_one())],
        durability: Durability::Strict,
    };
    commit(&backend, batch).await;
    assert_eq!(keys(&backend, STORE).await, [0, 1, 2]);
}

/// Two records always change together; readers on another handle look at them all the while.
pub async fn a_read_never_sees_part_of_a_commit(databases: &impl Databases) {
    let (writer, reader) = (databases.open("a").await, databases.open("a").await);
    let pair = |n: u32| ops(vec![put(STORE, key(0), &n.to_be_bytes()), put(STORE, key(1), &n.to_be_bytes())]);
    commit(&writer, pair(0)).await;
    let writing = async {
        for n in 1..40 {
            commit(&writer, pair(n)).await;
        }
    };
    let reading = async {
        for n in 0..40 {
            let (first, second) = if n % 2 == 0 {
                let mut values = reader.get(STORE, &[key(0), key(1)]).await.expect("get");
                (values.pop().flatten(), values.pop().flatten())
            } else {
                let mut rows = reader.scan(Scan::new(STORE, KeyRange::all(), 10)).await.expect("scan");
                (rows.pop().map(|row| row.value), rows.pop().map(|row| row.value))
            };
            assert!(first.is_some() && first == second, "{first:?} and {second:?}");
        }
    };
    let mut writing = pin!(writing);
    let mut reading = pin!(reading);
    let (mut written, mut read) = (false, false);
    poll_fn(|context| {
        written = written || writing.as_mut().poll(context).is_ready();
        read = read || reading.as_mut().poll(context).is_ready();
        if written && read { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// The caller of a commit stops waiting for it, here after each possible number of steps.
pub async fn an_abandoned_commit_is_all_or_nothing(databases: &impl Databases) {
    let backend = databases.open("a").await;
    for steps in 0..6 {
        let checks = if steps % 2 == 0 { Vec::new() } else { vec![Check::Absent(StoreName::Meta, key(0))] };
        let puts = (0..50).map(|n| put(STORE, key(n), b"x")).chain([Op::Update(STORE, key(50), add_one())]);
        let batch = checked(checks, puts.collect());
        {
            let mut abandoned = pin!(backend.commit(batch));
            let mut left = steps;
            poll_fn(|context| {
                if left == 0 || abandoned.as_mut().poll(context).is_ready() {
                    return Poll::Ready(());
                }
                left -= 1;
                if left == 0 { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        }
        // A read is ordered behind the abandoned commit.
        let found = keys(&backend, STORE).await.len();
        assert!(found == 0 || found == 51, "{found} of 51 after {steps} steps");
        commit(&backend, ops(vec![Op::DeleteRange(STORE, KeyRange::all())])).await;
    }
}
