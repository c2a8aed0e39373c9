//! The reference backend: ordered maps in memory. Natively it carries the tests; nothing is kept when it is dropped.
//!
//! Clones share the same maps, so two engines on two clones behave as two tabs on one database.

use super::{Backend, Batch, Check, Direction, Key, KeyRange, Op, Outcome, Row, Scan, StoreName};
use crate::error::{Error, Result};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

type Maps = BTreeMap<StoreName, BTreeMap<Key, Vec<u8>>>;

/// See the module.
#[derive(Debug, Default)]
pub struct Memory {
    maps: Rc<RefCell<Maps>>,
    closed: Cell<bool>,
}

impl Clone for Memory {
    fn clone(&self) -> Self {
        Self { maps: Rc::clone(&self.maps), closed: Cell::new(false) }
    }
}

impl Memory {
    /// An empty database.
    pub fn new() -> Self {
        Self::default()
    }

    /// A copy of everything stored, for tests that compare states.
    pub fn snapshot(&self) -> BTreeMap<StoreName, BTreeMap<Key, Vec<u8>>> {
        self.maps.borrow().clone()
    }

    /// Writes a raw value past every check, for tests that damage records. `None` removes it.
    pub fn tamper(&self, store: StoreName, key: &Key, value: Option<Vec<u8>>) {
        let mut maps = self.maps.borrow_mut();
        let map = maps.entry(store).or_default();
        match value {
            Some(value) => map.insert(key.clone(), value),
            None => map.remove(key),
        };
    }

    fn check_open(&self) -> Result<()> {
        if self.closed.get() { Err(Error::Closed.into()) } else { Ok(()) }
    }
}

fn read<'a>(maps: &'a Maps, store: StoreName, key: &Key) -> Option<&'a Vec<u8>> {
    maps.get(&store).and_then(|map| map.get(key))
}

fn range_is_empty(maps: &Maps, store: StoreName, range: &KeyRange) -> bool {
    range.is_empty()
        || maps.get(&store).is_none_or(|map| map.range((range.lower.as_ref(), range.upper.as_ref())).next().is_none())
}

fn holds(maps: &Maps, check: &Check) -> bool {
    match check {
        Check::Absent(store, key) => read(maps, *store, key).is_none(),
        Check::Present(store, key) => read(maps, *store, key).is_some(),
        Check::Unchanged(store, key, value) => read(maps, *store, key) == Some(value),
        Check::Empty(store, range) => range_is_empty(maps, *store, range),
    }
}

impl Backend for Memory {
    async fn get(&self, store: StoreName, keys: &[Key]) -> Result<Vec<Option<Vec<u8>>>> {
        self.check_open()?;
        let maps = self.maps.borrow();
        Ok(keys.iter().map(|key| read(&maps, store, key).cloned()).collect())
    }

    async fn scan(&self, scan: Scan) -> Result<Vec<Row>> {
        self.check_open()?;
        let maps = self.maps.borrow();
        let Some(map) = maps.get(&scan.store) else { return Ok(Vec::new()) };
        if scan.range.is_empty() {
            return Ok(Vec::new());
        }
        let row = |(key, value): (&Key, &Vec<u8>)| Row {
            key: key.clone(),
            value: if scan.keys_only { Vec::new() } else { value.clone() },
        };
        let rows = map.range((scan.range.lower.as_ref(), scan.range.upper.as_ref()));
        Ok(match scan.direction {
            Direction::Forward => rows.take(scan.limit).map(row).collect(),
            Direction::Reverse => rows.rev().take(scan.limit).map(row).collect(),
        })
    }

    async fn commit(&self, batch: Batch) -> Result<Outcome> {
        self.check_open()?;
        let mut maps = self.maps.borrow_mut();
        if let Some(check) = batch.checks.iter().position(|check| !holds(&maps, check)) {
            return Ok(Outcome::Refused { check });
        }
        // Updates see the state before the batch and may fail, so they are resolved before the first change.
        let mut ops = Vec::with_capacity(batch.ops.len());
        for op in batch.ops {
            ops.push(match op {
                Op::Update(store, key, update) => {
                    let value = update(read(&maps, store, &key).map(Vec::as_slice))?;
                    Op::Put(store, key, value)
                }
                other => other,
            });
        }
        for op in ops {
            match op {
                Op::Put(store, key, value) => {
                    maps.entry(store).or_default().insert(key, value);
                }
                Op::Delete(store, key) => {
                    maps.entry(store).or_default().remove(&key);
                }
                Op::DeleteRange(store, range) if !range.is_empty() => {
                    let map = maps.entry(store).or_default();
                    let keys: Vec<Key> =
                        map.range((range.lower.as_ref(), range.upper.as_ref())).map(|(key, _)| key.clone()).collect();
                    for key in keys {
                        map.remove(&key);
                    }
                }
                Op::DeleteRange(..) | Op::Update(..) => {}
            }
        }
        Ok(Outcome::Committed)
    }

    async fn close(&self) {
        self.closed.set(true);
    }
}
