//! What is on the disk, and who waits for whom: ordered maps, transactions with overlapping stores one after the other, and
//! a log of commits, of which a power cut takes the end.

use hoardb::backend::{Check, Direction, Key, KeyRange, Op, Row, Scan, StoreName};
use hoardb::error::Result;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// A stored value.
pub type Record = Rc<[u8]>;

/// A record as it was before a commit.
pub type Before = (StoreName, Key, Option<Record>);

/// The stores and the log.
#[derive(Default)]
pub struct Database {
    maps: [BTreeMap<Key, Record>; StoreName::ALL.len()],
    /// Number of the last commit.
    version: u64,
    /// Number of the last commit that survives a power cut.
    durable: u64,
    /// How to take back each commit after the last durable one.
    undo: Vec<Vec<Before>>,
}

impl Database {
    pub fn version(&self) -> u64 {
        self.version
    }

    pub fn durable(&self) -> u64 {
        self.durable
    }

    fn map(&self, store: StoreName) -> &BTreeMap<Key, Record> {
        &self.maps[store as usize]
    }

    pub fn read(&self, store: StoreName, key: &Key) -> Option<&Record> {
        self.map(store).get(key)
    }

    pub fn range(&self, store: StoreName, range: &KeyRange) -> impl DoubleEndedIterator<Item = (&Key, &Record)> {
        let range = (!range.is_empty()).then(|| self.map(store).range((range.lower.as_ref(), range.upper.as_ref())));
        range.into_iter().flatten()
    }

    pub fn scan(&self, scan: &Scan) -> Vec<Row> {
        let row = |(key, value): (&Key, &Record)| Row {
            key: key.clone(),
            value: if scan.keys_only { Vec::new() } else { value.to_vec() },
        };
        let rows = self.range(scan.store, &scan.range);
        match scan.direction {
            Direction::Forward => rows.take(scan.limit).map(row).collect(),
            Direction::Reverse => rows.rev().take(scan.limit).map(row).collect(),
        }
    }

    pub fn holds(&self, check: &Check) -> bool {
        match check {
            Check::Absent(store, key) => self.read(*store, key).is_none(),
            Check::Present(store, key) => self.read(*store, key).is_some(),
            Check::Unchanged(store, key, value) => self.read(*store, key).is_some_and(|record| **record == **value),
            Check::Empty(store, range) => self.range(*store, range).next().is_none(),
        }
    }

    /// The operations with their updates made of the stored values.
    pub fn resolve(&self, ops: Vec<Op>) -> Result<Vec<Op>> {
        let mut resolved = Vec::with_capacity(ops.len());
        for op in ops {
            resolved.push(match op {
                Op::Update(store, key, update) => {
                    let value = update(self.read(store, &key).map(|record| &**record))?;
                    Op::Put(store, key, value)
                }
                other => other,
            });
        }
        Ok(resolved)
    }

    /// Commits resolved operations and returns what they replaced.
    pub fn apply(&mut self, ops: Vec<Op>) -> &[Before] {
        let mut before = Vec::new();
        for op in ops {
            match op {
                Op::Put(store, key, value) => self.put(&mut before, store, key, Some(value.into())),
                Op::Delete(store, key) => self.put(&mut before, store, key, None),
                Op::DeleteRange(store, range) => {
                    let keys: Vec<Key> = self.range(store, &range).map(|(key, _)| key.clone()).collect();
                    keys.into_iter().for_each(|key| self.put(&mut before, store, key, None));
                }
                Op::Update(..) => unreachable!("updates are resolved"),
            }
        }
        self.version += 1;
        self.undo.push(before);
        self.undo.last().expect("it was pushed")
    }

    /// Writes a record past every check. `None` removes it.
    pub fn put(&mut self, before: &mut Vec<Before>, store: StoreName, key: Key, record: Option<Record>) {
        let map = &mut self.maps[store as usize];
        let old = match record {
            Some(record) => map.insert(key.clone(), record),
            None => map.remove(&key),
        };
        before.push((store, key, old));
    }

    /// A strict transaction is complete: this commit and all before it are on the disk.
    pub fn harden(&mut self, version: u64) {
        let hardened = version.saturating_sub(self.durable) as usize;
        self.undo.drain(..hardened.min(self.undo.len()));
        self.durable = self.durable.max(version);
    }

    /// The power goes. What was written after this commit is gone; it is one that may be the last.
    pub fn cut(&mut self, last: u64) {
        assert!((self.durable..=self.version).contains(&last));
        while self.version > last {
            let before = self.undo.pop().expect("commits after the durable one can be taken back");
            for (store, key, record) in before.into_iter().rev() {
                self.put(&mut Vec::new(), store, key, record);
            }
            self.version -= 1;
        }
        self.harden(last);
    }
}

/// The stores that a transaction is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    stores: u32,
    writes: bool,
}

impl Scope {
    pub fn read(store: StoreName) -> Self {
        Self { stores: 1 << store as u32, writes: false }
    }

    pub fn write(stores: impl Iterator<Item = StoreName>) -> Self {
        Self { stores: stores.fold(0, |stores, store| stores | 1 << store as u32), writes: true }
    }

    fn waits_for(self, earlier: Self) -> bool {
        self.stores & earlier.stores != 0 && (self.writes || earlier.writes)
    }
}

/// The transactions that are under way, in the order in which they were created.
#[derive(Default)]
pub struct Transactions(RefCell<Vec<(u64, Scope)>>, RefCell<Vec<Waker>>, RefCell<u64>);

impl Transactions {
    /// Creates a transaction. It has begun when [`Turn::begun`] is over, and ends when it is dropped.
    pub fn create(self: &Rc<Self>, scope: Scope) -> Turn {
        let mut number = self.2.borrow_mut();
        *number += 1;
        self.0.borrow_mut().push((*number, scope));
        Turn { transactions: Rc::clone(self), number: *number, scope }
    }
}

/// A place among the transactions.
pub struct Turn {
    transactions: Rc<Transactions>,
    number: u64,
    scope: Scope,
}

impl Turn {
    /// Waits for those that come first.
    pub async fn begun(&self) {
        poll_fn(|context| {
            let live = self.transactions.0.borrow();
            let mut earlier = live.iter().take_while(|(number, _)| *number != self.number);
            if earlier.any(|(_, scope)| self.scope.waits_for(*scope)) {
                self.transactions.1.borrow_mut().push(context.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.transactions.0.borrow_mut().retain(|(number, _)| *number != self.number);
        self.transactions.1.take().into_iter().for_each(Waker::wake);
    }
}
