//! Handles: two on one database, one after the other, and closed ones.

use super::{Databases, commit, fill, key, ops, put, value};
use hoardb::Error;
use hoardb::backend::{Backend, Batch, KeyRange, Scan, StoreName};

const STORE: StoreName = StoreName::Sessions;

pub async fn two_handles_see_each_others_commits(databases: &impl Databases) {
    let (one, other) = (databases.open("a").await, databases.open("a").await);
    commit(&one, ops(vec![put(STORE, key(1), b"from one")])).await;
    assert_eq!(value(&other, STORE, key(1)).await.as_deref(), Some(&b"from one"[..]));
    commit(&other, ops(vec![put(STORE, key(1), b"from the other")])).await;
    assert_eq!(value(&one, STORE, key(1)).await.as_deref(), Some(&b"from the other"[..]));
    let rows = one.scan(Scan::new(STORE, KeyRange::all(), 10)).await.expect("scan");
    assert_eq!(rows.len(), 1);
}

pub async fn an_acknowledged_commit_is_there_for_a_handle_opened_later(databases: &impl Databases) {
    let first = databases.open("a").await;
    fill(&first, STORE, 100).await;
    first.close().await;
    let second = databases.open("a").await;
    assert_eq!(second.scan(Scan::keys(STORE, KeyRange::all(), 1000)).await.expect("scan").len(), 100);
    drop(second);
    let third = databases.open("a").await;
    assert_eq!(third.scan(Scan::keys(STORE, KeyRange::all(), 1000)).await.expect("scan").len(), 100);
}

pub async fn names_are_separate_databases(databases: &impl Databases) {
    let (one, other) = (databases.open("a").await, databases.open("b").await);
    commit(&one, ops(vec![put(STORE, key(1), b"only here")])).await;
    assert_eq!(value(&other, STORE, key(1)).await, None);
}

pub async fn a_closed_handle_refuses_everything(databases: &impl Databases) {
    let backend = databases.open("a").await;
    fill(&backend, STORE, 1).await;
    backend.close().await;
    backend.close().await;
    assert_eq!(backend.get(STORE, &[key(0)]).await, Err(Error::Closed.into()));
    assert_eq!(backend.get(STORE, &[]).await, Err(Error::Closed.into()));
    assert_eq!(backend.scan(Scan::new(STORE, KeyRange::all(), 1)).await, Err(Error::Closed.into()));
    let empty = KeyRange { lower: std::ops::Bound::Included(key(1)), upper: std::ops::Bound::Included(key(0)) };
    assert_eq!(backend.scan(Scan::new(STORE, empty, 1)).await, Err(Error::Closed.into()));
    assert_eq!(backend.commit(ops(vec![put(STORE, key(0), b"late")])).await, Err(Error::Closed.into()));
    assert_eq!(backend.commit(Batch::default()).await, Err(Error::Closed.into()));
    let again = databases.open("a").await;
    assert_eq!(value(&again, STORE, key(0)).await, Some(0u64.to_be_bytes().to_vec()));
}

pub async fn closing_one_handle_leaves_the_other_open(databases: &impl Databases) {
    let (one, other) = (databases.open("a").await, databases.open("a").await);
    one.close().await;
    commit(&other, ops(vec![put(STORE, key(1), b"still here")])).await;
    assert_eq!(value(&other, STORE, key(1)).await.as_deref(), Some(&b"still here"[..]));
}
