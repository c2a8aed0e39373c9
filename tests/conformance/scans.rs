//! `scan`: ranges, directions, limits and pages.

use super::{Databases, commit, fill, key, ops, put};
use hoardb::backend::{Backend, Direction, Key, KeyRange, Row, Scan, StoreName};
use std::collections::BTreeMap;
use std::ops::Bound;

const STORE: StoreName = StoreName::Chunks;

fn numbers(rows: &[Row]) -> Vec<u64> {
    rows.iter().map(|row| row.key.parse().number().expect("a key of one number")).collect()
}

pub async fn a_scan_ascends(databases: &impl Databases) {
    let backend = databases.open("a").await;
    fill(&backend, STORE, 5).await;
    let rows = backend.scan(Scan::new(STORE, KeyRange::all(), 100)).await.expect("scan");
    assert_eq!(numbers(&rows), [0, 1, 2, 3, 4]);
    assert!(rows.iter().all(|row| row.value == row.key.as_bytes()));
}

pub async fn a_reverse_scan_descends(databases: &impl Databases) {
    let backend = databases.open("a").await;
    fill(&backend, STORE, 5).await;
    let rows = backend.scan(Scan::new(STORE, KeyRange::all(), 100).reverse()).await.expect("scan");
    assert_eq!(numbers(&rows), [4, 3, 2, 1, 0]);
    assert!(rows.iter().all(|row| row.value == row.key.as_bytes()));
}

pub async fn a_scan_stops_at_its_limit(databases: &impl Databases) {
    let backend = databases.open("a").await;
    fill(&backend, STORE, 10).await;
    for limit in 1..=10 {
        let scan = Scan::new(STORE, KeyRange::all(), limit);
        let rows = backend.scan(scan.clone()).await.expect("scan");
        assert_eq!(numbers(&rows), (0..limit as u64).collect::<Vec<_>>());
        let rows = backend.scan(scan.reverse()).await.expect("scan");
        assert_eq!(numbers(&rows), (10 - limit as u64..10).rev().collect::<Vec<_>>());
    }
}

pub async fn fewer_rows_than_the_limit_mean_the_end(databases: &impl Databases) {
    let backend = databases.open("a").await;
    fill(&backend, STORE, 10).await;
    let range = KeyRange { lower: Bound::Included(key(7)), upper: Bound::Unbounded };
    let scan = Scan::new(STORE, range, 4);
    assert_eq!(numbers(&backend.scan(scan.clone()).await.expect("scan")), [7, 8, 9]);
    assert_eq!(numbers(&backend.scan(scan.reverse()).await.expect("scan")), [9, 8, 7]);
}

pub async fn a_scan_without_values_has_the_keys(databases: &impl Databases) {
    let backend = databases.open("a").await;
    fill(&backend, STORE, 5).await;
    let scan = Scan::keys(STORE, KeyRange::all(), 3);
    let rows = backend.scan(scan.clone()).await.expect("scan");
    assert_eq!(numbers(&rows), [0, 1, 2]);
    assert!(rows.iter().all(|row| row.value.is_empty()));
    let rows = backend.scan(scan.reverse()).await.expect("scan");
    assert_eq!(numbers(&rows), [4, 3, 2]);
    assert!(rows.iter().all(|row| row.value.is_empty()));
}

/// IndexedDB throws on a range whose ends are the wrong way round.
pub async fn a_scan_of_an_empty_range_finds_nothing(databases: &impl Databases) {
    let backend = databases.open("a").await;
    fill(&backend, STORE, 5).await;
    let ranges = [
        KeyRange { lower: Bound::Included(key(3)), upper: Bound::Included(key(2)) },
        KeyRange { lower: Bound::Excluded(key(3)), upper: Bound::Excluded(key(3)) },
        KeyRange { lower: Bound::Included(key(3)), upper: Bound::Excluded(key(3)) },
        KeyRange { lower: Bound::Excluded(key(2)), upper: Bound::Excluded(key(3)) },
        KeyRange { lower: Bound::Excluded(key(4)), upper: Bound::Unbounded },
        KeyRange { lower: Bound::Unbounded, upper: Bound::Excluded(key(0)) },
        KeyRange { lower: Bound::Unbounded, upper: Bound::Excluded(Key::new()) },
    ];
    for range in ranges {
        for keys_only in [false, true] {
            for direction in [Direction::Forward, Direction::Reverse] {
                let scan = Scan { store: STORE, range: range.clone(), limit: 10, direction, keys_only };
                assert_eq!(backend.scan(scan.clone()).await, Ok(Vec::new()), "{scan:?}");
            }
        }
    }
    let other = Scan::new(StoreName::Segments, KeyRange::all(), 10);
    assert_eq!(backend.scan(other.clone()).await, Ok(Vec::new()));
    assert_eq!(backend.scan(other.reverse()).await, Ok(Vec::new()));
}

/// Every kind of bound at every place, in both directions: what Rust's own ordered map answers.
pub async fn scans_agree_with_an_ordered_map(databases: &impl Databases) {
    let backend = databases.open("a").await;
    let mut map = BTreeMap::new();
    for n in [10u64, 20, 30] {
        map.insert(key(n), vec![n as u8; 3]);
    }
    let puts = map.iter().map(|(key, value)| put(STORE, key.clone(), value)).collect();
    commit(&backend, ops(puts)).await;

    let mut bounds = vec![Bound::Unbounded];
    for n in [5, 10, 20, 25, 30] {
        bounds.extend([Bound::Included(key(n)), Bound::Excluded(key(n))]);
    }
    for lower in &bounds {
        for upper in &bounds {
            let range = KeyRange { lower: lower.clone(), upper: upper.clone() };
            let rows: Vec<Row> = map
                .iter()
                .filter(|_| !range.is_empty())
                .filter(|(key, _)| std::ops::RangeBounds::contains(&(lower.as_ref(), upper.as_ref()), *key))
                .map(|(key, value)| Row { key: key.clone(), value: value.clone() })
                .collect();
            for limit in [1, 2, 9] {
                let scan = Scan::new(STORE, range.clone(), limit);
                let expected: Vec<Row> = rows.iter().take(limit).cloned().collect();
                assert_eq!(backend.scan(scan.clone()).await, Ok(expected), "{scan:?}");
                let expected: Vec<Row> = rows.iter().rev().take(limit).cloned().collect();
                assert_eq!(backend.scan(scan.clone().reverse()).await, Ok(expected), "{scan:?} in reverse");
            }
        }
    }
}

pub async fn pages_visit_every_record_once(databases: &impl Databases) {
    let backend = databases.open("a").await;
    fill(&backend, STORE, 25).await;
    let mut range = KeyRange::all();
    let mut seen = Vec::new();
    loop {
        let rows = backend.scan(Scan::new(STORE, range.clone(), 10)).await.expect("scan");
        seen.extend(numbers(&rows));
        match rows.last() {
            Some(last) if rows.len() == 10 => range = range.after(last.key.clone()),
            _ => break,
        }
    }
    assert_eq!(seen, (0..25).collect::<Vec<_>>());
}

pub async fn reverse_pages_visit_every_record_once(databases: &impl Databases) {
    let backend = databases.open("a").await;
    fill(&backend, STORE, 25).await;
    let mut range = KeyRange::all();
    let mut seen = Vec::new();
    loop {
        let rows = backend.scan(Scan::new(STORE, range.clone(), 10).reverse()).await.expect("scan");
        seen.extend(numbers(&rows));
        match rows.last() {
            Some(last) if rows.len() == 10 => range.upper = Bound::Excluded(last.key.clone()),
            _ => break,
        }
    }
    assert_eq!(seen, (0..25).rev().collect::<Vec<_>>());
}

pub async fn a_prefix_range_holds_what_starts_with_it(databases: &impl Databases) {
    let backend = databases.open("a").await;
    let list = |id: &str, n| Key::new().text(id).text("screenshots").number(n);
    let keys = [
        list("a", 0),
        list("a", 50),
        list("aa", 0),
        list("b", 0),
        Key::new().text("a"),
        Key::from_bytes(b"a".to_vec()),
    ];
    commit(&backend, ops(keys.iter().map(|key| put(STORE, key.clone(), b"")).collect())).await;
    let rows = backend.scan(Scan::keys(STORE, KeyRange::prefix(Key::new().text("a")), 10)).await.expect("scan");
    let found: Vec<Key> = rows.into_iter().map(|row| row.key).collect();
    assert_eq!(found, [Key::new().text("a"), list("a", 0), list("a", 50)]);
}

pub async fn a_prefix_of_highest_bytes_has_no_upper_end(databases: &impl Databases) {
    let backend = databases.open("a").await;
    let keys = [
        vec![0xfe, 0xff],
        vec![0xff],
        vec![0xff, 0],
        vec![0xff, 0xff],
        vec![0xff, 0xff, 0xff],
        vec![0xff, 0xff, 0xff, 7],
    ];
    let keys = keys.map(Key::from_bytes);
    commit(&backend, ops(keys.iter().map(|key| put(STORE, key.clone(), b"")).collect())).await;
    for (prefix, expected) in [(vec![0xff], &keys[1..]), (vec![0xff, 0xff], &keys[3..]), (vec![0xfe, 0xff], &keys[..1])]
    {
        let scan = Scan::keys(STORE, KeyRange::prefix(Key::from_bytes(prefix)), 10);
        let rows = backend.scan(scan.clone()).await.expect("scan");
        assert_eq!(rows.iter().map(|row| &row.key).collect::<Vec<_>>(), expected.iter().collect::<Vec<_>>());
        let rows = backend.scan(scan.reverse()).await.expect("scan");
        assert_eq!(rows.iter().map(|row| &row.key).collect::<Vec<_>>(), expected.iter().rev().collect::<Vec<_>>());
    }
}

/// Engines keep large values elsewhere than small ones; a scan must not mix them up.
pub async fn a_scan_reads_values_of_very_different_sizes(databases: &impl Databases) {
    let backend = databases.open("a").await;
    let rows: Vec<Row> = [0usize, 1, 300_000, 7, 70_000, 0, 1 << 20]
        .into_iter()
        .enumerate()
        .map(|(n, length)| Row { key: key(n as u64), value: vec![n as u8 + 1; length] })
        .collect();
    commit(&backend, ops(rows.iter().map(|row| put(StoreName::Parts, row.key.clone(), &row.value)).collect())).await;
    let scan = Scan::new(StoreName::Parts, KeyRange::all(), 100);
    assert!(backend.scan(scan.clone()).await.expect("scan") == rows, "the values differ");
    let reversed: Vec<Row> = rows.into_iter().rev().collect();
    assert!(backend.scan(scan.reverse()).await.expect("scan") == reversed, "the values differ in reverse");
}
