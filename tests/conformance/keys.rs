//! The order of keys, which has to be the same on every backend.

use super::{Databases, commit, key, ops, put, value};
use hoardb::backend::{Backend, Key, KeyRange, Scan, StoreName};

/// Stores the keys in an order that is not theirs and checks that a scan returns them in the one given.
async fn assert_order(backend: &impl Backend, ascending: &[Key]) {
    let store = StoreName::Sessions;
    let mut shuffled: Vec<&Key> = ascending.iter().collect();
    shuffled.reverse();
    let middle = shuffled.len() / 2;
    shuffled.rotate_left(middle);
    commit(backend, ops(shuffled.into_iter().map(|key| put(store, key.clone(), b"")).collect())).await;
    let scan = Scan::keys(store, KeyRange::all(), ascending.len() + 1);
    let rows = backend.scan(scan.clone()).await.expect("scan");
    assert_eq!(rows.iter().map(|row| &row.key).collect::<Vec<_>>(), ascending.iter().collect::<Vec<_>>());
    let rows = backend.scan(scan.reverse()).await.expect("scan");
    assert_eq!(rows.iter().map(|row| &row.key).collect::<Vec<_>>(), ascending.iter().rev().collect::<Vec<_>>());
}

pub async fn any_bytes_are_a_key(databases: &impl Databases) {
    let backend = databases.open("a").await;
    let keys = [
        vec![],
        vec![0],
        vec![0, 0],
        vec![0, 1],
        vec![1],
        b"text".to_vec(),
        vec![0x7f; 2048],
        vec![0x80],
        vec![0xff],
        vec![0xff, 0],
        vec![0xff, 0xff],
    ]
    .map(Key::from_bytes);
    assert_order(&backend, &keys).await;
    for key in keys {
        commit(&backend, ops(vec![put(StoreName::Meta, key.clone(), key.as_bytes())])).await;
        assert_eq!(value(&backend, StoreName::Meta, key.clone()).await.as_deref(), Some(key.as_bytes()));
    }
}

/// UTF-16 order, which IndexedDB gives strings, puts an astral character (a surrogate pair, D800 to DFFF) before U+E000
/// to U+FFFF. Ours is the order of code points, the one of Rust's `str`.
pub async fn texts_are_ordered_by_code_point(databases: &impl Databases) {
    let backend = databases.open("a").await;
    let texts = [
        "",
        "A",
        "Z",
        "a",
        "ab",
        "b",
        "é",
        "ü",
        "ж",
        "中",
        "\u{d7ff}",
        "\u{e000}",
        "\u{ff61}",
        "\u{fffd}",
        "😀",
        "\u{10ffff}",
    ];
    assert!(texts.is_sorted());
    assert_order(&backend, &texts.map(|text| Key::new().text(text))).await;
}

pub async fn numbers_are_ordered_by_size(databases: &impl Databases) {
    let backend = databases.open("a").await;
    let numbers = [
        0,
        1,
        127,
        128,
        255,
        256,
        65_535,
        65_536,
        u64::from(u32::MAX),
        1 << 32,
        1 << 53,
        (1 << 63) - 1,
        1 << 63,
        u64::MAX,
    ];
    assert_order(&backend, &numbers.map(key)).await;
}

/// The end of a string sorts before any character that could follow, so that "a", 9 comes before "ab", 0.
pub async fn components_are_ordered_one_after_the_other(databases: &impl Databases) {
    let backend = databases.open("a").await;
    let keys = [
        Key::new().text("a").text("list").number(0),
        Key::new().text("a").text("list").number(300),
        Key::new().text("a").text("list2").number(0),
        Key::new().text("ab").text("list").number(0),
        Key::new().text("b").text("a").number(u64::MAX),
        Key::new().text("b").text("b").number(0),
    ];
    assert_order(&backend, &keys).await;
}
