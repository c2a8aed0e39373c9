//! `get`: order, absence, and values that come back exactly as they went in.

use super::{Databases, commit, fill, key, ops, put, value};
use hoardb::backend::{Backend, StoreName};

pub async fn get_answers_in_the_order_asked_with_none_for_a_missing_record(databases: &impl Databases) {
    let backend = databases.open("a").await;
    fill(&backend, StoreName::Chunks, 4).await;
    let values = backend.get(StoreName::Chunks, &[key(3), key(9), key(0), key(2)]).await.expect("get");
    let number = |n: u64| Some(n.to_be_bytes().to_vec());
    assert_eq!(values, [number(3), None, number(0), number(2)]);
}

pub async fn get_of_no_keys_is_empty(databases: &impl Databases) {
    let backend = databases.open("a").await;
    assert_eq!(backend.get(StoreName::Meta, &[]).await, Ok(Vec::new()));
}

pub async fn get_answers_a_key_as_often_as_it_is_asked(databases: &impl Databases) {
    let backend = databases.open("a").await;
    commit(&backend, ops(vec![put(StoreName::Meta, key(1), b"one")])).await;
    let values = backend.get(StoreName::Meta, &[key(1), key(2), key(1)]).await.expect("get");
    assert_eq!(values, [Some(b"one".to_vec()), None, Some(b"one".to_vec())]);
}

pub async fn get_reads_a_thousand_records(databases: &impl Databases) {
    let backend = databases.open("a").await;
    fill(&backend, StoreName::Chunks, 1000).await;
    let keys: Vec<_> = (0..1000).rev().map(key).collect();
    let values = backend.get(StoreName::Chunks, &keys).await.expect("get");
    let expected: Vec<_> = (0..1000u64).rev().map(|n| Some(n.to_be_bytes().to_vec())).collect();
    assert_eq!(values, expected);
}

pub async fn stores_do_not_share_keys(databases: &impl Databases) {
    let backend = databases.open("a").await;
    commit(&backend, ops(vec![put(StoreName::Meta, key(1), b"meta"), put(StoreName::Parts, key(1), b"parts")])).await;
    assert_eq!(value(&backend, StoreName::Meta, key(1)).await.as_deref(), Some(&b"meta"[..]));
    assert_eq!(value(&backend, StoreName::Parts, key(1)).await.as_deref(), Some(&b"parts"[..]));
    assert_eq!(value(&backend, StoreName::Blobs, key(1)).await, None);
}

pub async fn values_come_back_byte_for_byte(databases: &impl Databases) {
    let backend = databases.open("a").await;
    let every_byte: Vec<u8> = (0..=u8::MAX).collect();
    for length in [1, 2, 3, 255, 256, 65_535, 65_536, 65_537] {
        let bytes: Vec<u8> = every_byte.iter().copied().cycle().take(length).collect();
        commit(&backend, ops(vec![put(StoreName::Parts, key(length as u64), &bytes)])).await;
        assert_eq!(value(&backend, StoreName::Parts, key(length as u64)).await, Some(bytes));
    }
}

pub async fn a_value_may_be_empty(databases: &impl Databases) {
    let backend = databases.open("a").await;
    commit(&backend, ops(vec![put(StoreName::References, key(1), b"")])).await;
    assert_eq!(value(&backend, StoreName::References, key(1)).await, Some(Vec::new()));
}

pub async fn a_value_may_be_four_mebibytes(databases: &impl Databases) {
    let backend = databases.open("a").await;
    let mut state = 1u32;
    let bytes: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(4 << 20)
    .collect();
    commit(&backend, ops(vec![put(StoreName::Parts, key(1), &bytes)])).await;
    assert!(value(&backend, StoreName::Parts, key(1)).await == Some(bytes), "the bytes differ");
}
