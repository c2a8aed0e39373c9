//! Committing: everything is made ready, then one transaction over the stores it touches, and in it the reads in one
//! burst, the decision, the writes in one burst, `commit()`, and the wait for `complete`.

use super::burst::{self, Write};
use super::deadline::Progress;
use super::events;
use super::exception::Phase;
use super::read::record;
use super::sys::{self, Database, ObjectStore};
use super::transaction::Transaction;
use crate::backend::{Batch, Check, Durability, Op, Outcome, StoreName, Update};
use crate::error::{Error, Result};
use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;
use web_sys::{IdbRequest, IdbTransaction};

/// From about this size on Chromium on LevelDB keeps a value in a file of its own: 64 KiB with what it adds.
///
/// A relaxed transaction never syncs that file, and a strict one that comes later syncs the log and not the files of those
/// before: after a power cut the log names a file that is empty (measured). So such a transaction is strict itself.
const FILE_BYTES_MIN: usize = 60 << 10;

fn failed(value: JsValue) -> Box<Error> {
    sys::exception(&value).into_error(Phase::Commit)
}

/// A batch whose keys and values are JavaScript's already, so that nothing can fail for want of memory once the
/// transaction has begun.
pub struct Staged {
    stores: Vec<StoreName>,
    checks: Vec<StagedCheck>,
    ops: Vec<StagedOp>,
    /// Of the values that are put.
    bytes: usize,
    durability: Durability,
}

/// A check; without a query where its range is empty, which always holds.
struct StagedCheck {
    store: StoreName,
    query: Option<JsValue>,
    holds: Holds,
}

impl StagedCheck {
    fn copy(check: Check) -> Result<Self, JsValue> {
        let (store, key, holds) = match check {
            Check::Absent(store, key) => (store, key, Holds::Nothing),
            Check::Present(store, key) => (store, key, Holds::Something),
            Check::Unchanged(store, key, value) => (store, key, Holds::Value(value)),
            Check::Empty(store, range) => {
                return Ok(Self { store, query: sys::range(&range)?.map(JsValue::from), holds: Holds::Nothing });
            }
        };
        Ok(Self { store, query: Some(sys::key(&key)?.into()), holds })
    }
}

/// What a check wants to find.
enum Holds {
    Nothing,
    Something,
    Value(Vec<u8>),
}

/// A change.
struct StagedOp {
    store: StoreName,
    change: Change,
}

enum Change {
    Write(Write),
    /// A put of what the function makes of the record.
    Update(Uint8Array, Update),
}

impl StagedOp {
    /// `None` where there is nothing to do.
    fn copy(op: Op) -> Result<Option<Self>, JsValue> {
        let (store, change) = match op {
            Op::Put(store, key, value) => (store, Change::Write(Write::Put(sys::key(&key)?, sys::value(&value)?))),
            Op::Delete(store, key) => (store, Change::Write(Write::Delete(sys::key(&key)?))),
            Op::DeleteRange(store, range) => match sys::range(&range)? {
                Some(range) => (store, Change::Write(Write::DeleteRange(range))),
                None => return Ok(None),
            },
            Op::Update(store, key, update) => (store, Change::Update(sys::key(&key)?, update)),
        };
        Ok(Some(Self { store, change }))
    }
}

impl Staged {
    /// Copies a batch over.
    pub fn new(batch: Batch) -> Result<Self> {
        Self::copy(batch).map_err(failed)
    }

    fn copy(batch: Batch) -> Result<Self, JsValue> {
        let mut touched = [false; StoreName::ALL.len()];
        let mut touch = |store: StoreName| {
            if let Some(touched) = touched.get_mut(store as usize) {
                *touched = true;
            }
        };
        let mut checks = Vec::with_capacity(batch.checks.len());
        for check in batch.checks {
            let check = StagedCheck::copy(check)?;
            touch(check.store);
            checks.push(check);
        }
        let mut ops = Vec::with_capacity(batch.ops.len());
        let mut bytes = 0;
        let mut durability = batch.durability;
        for op in batch.ops {
            if let Op::Put(_, _, value) = &op {
                bytes += value.len();
                if value.len() >= FILE_BYTES_MIN && !sys::is_gecko() {
                    durability = Durability::Strict;
                }
            }
            if let Some(op) = StagedOp::copy(op)? {
                touch(op.store);
                ops.push(op);
            }
        }
        let mut stores = Vec::new();
        for (store, touched) in StoreName::ALL.into_iter().zip(touched) {
            if touched {
                stores.push(store);
            }
        }
        Ok(Self { stores, checks, ops, bytes, durability })
    }

    /// Whether there is nothing to check and nothing to do.
    pub fn is_empty(&self) -> bool {
        self.stores.is_empty()
    }

    /// Begins the transaction that [`Self::run`] wants.
    pub fn begin(&self, database: &Database) -> Result<IdbTransaction, JsValue> {
        sys::begin_write(database, &self.stores, self.durability)
    }

    /// Runs the batch in its transaction.
    pub async fn run(self, transaction: IdbTransaction, progress: &Progress) -> Result<Outcome> {
        let raw = transaction.clone();
        let transaction = Transaction::new(transaction);
        let end = sys::is_gecko().then(|| events::first(&raw, &["complete", "abort"], &[]));
        let outcome = match self.send(&raw, progress).await.unwrap_or_else(|thrown| Err(failed(thrown))) {
            Ok(Outcome::Committed) => {
                transaction.commit().await.map_err(|exception| exception.into_error(Phase::Commit))
            }
            refused_or_failed => {
                drop(transaction);
                refused_or_failed
            }
        };
        if let (Err(error), Some(end)) = (&outcome, end)
            && matches!(**error, Error::StorageFull { .. })
        {
            // Resolves only; what matters is that it is over.
            let _ = end.await;
            sys::leave_cleanup_mode(&raw);
        }
        outcome
    }

    /// Everything up to `commit()`. What is thrown is the outer error, that of an update the inner one.
    async fn send(self, transaction: &IdbTransaction, progress: &Progress) -> Result<Result<Outcome>, JsValue> {
        let stores = Stores::of(transaction, &self.stores)?;
        let reads = Reads::send(&stores, &self.checks, &self.ops)?;
        // Without reads there is no await between the first line and the burst.
        if let Some(last) = reads.last() {
            events::done(last).await?;
            progress.answered();
        }
        progress.allow(self.bytes);
        for (index, (check, request)) in self.checks.iter().zip(&reads.checks).enumerate() {
            if !holds(&check.holds, request.as_ref())? {
                return Ok(Ok(Outcome::Refused { check: index }));
            }
        }
        match resolve(&stores, self.ops, reads.updates)? {
            Ok(writes) => burst::send(&writes, progress).await.map(|()| Ok(Outcome::Committed)),
            Err(error) => Ok(Err(error)),
        }
    }
}

/// The object stores of one transaction.
struct Stores([Option<ObjectStore>; StoreName::ALL.len()]);

impl Stores {
    fn of(transaction: &IdbTransaction, names: &[StoreName]) -> Result<Self, JsValue> {
        let mut stores = [const { None }; StoreName::ALL.len()];
        for &name in names {
            if let Some(store) = stores.get_mut(name as usize) {
                *store = Some(sys::store(transaction, name.as_str())?);
            }
        }
        Ok(Self(stores))
    }

    fn get(&self, name: StoreName) -> Result<&ObjectStore, JsValue> {
        let store = self.0.get(name as usize).and_then(Option::as_ref);
        store.ok_or_else(|| js_sys::Error::new("a store is not part of its transaction").into())
    }
}

/// The requests that a batch makes before it writes.
struct Reads {
    checks: Vec<Option<IdbRequest>>,
    updates: Vec<IdbRequest>,
}

impl Reads {
    fn send(stores: &Stores, checks: &[StagedCheck], ops: &[StagedOp]) -> Result<Self, JsValue> {
        let mut reads = Self { checks: Vec::with_capacity(checks.len()), updates: Vec::new() };
        for check in checks {
            let store = stores.get(check.store)?;
            reads.checks.push(match (&check.query, &check.holds) {
                (None, _) => None,
                (Some(query), Holds::Value(_)) => Some(store.get(query.unchecked_ref())?),
                (Some(query), Holds::Nothing | Holds::Something) => Some(store.get_key(query)?),
            });
        }
        for op in ops {
            if let Change::Update(key, _) = &op.change {
                reads.updates.push(stores.get(op.store)?.get(key)?);
            }
        }
        Ok(reads)
    }

    /// The one that was sent last, and is answered last.
    fn last(&self) -> Option<&IdbRequest> {
        self.updates.last().or_else(|| self.checks.iter().rev().find_map(Option::as_ref))
    }
}

fn holds(wanted: &Holds, request: Option<&IdbRequest>) -> Result<bool, JsValue> {
    let found = request.map_or(Ok(JsValue::UNDEFINED), IdbRequest::result)?;
    Ok(match wanted {
        Holds::Nothing => found.is_undefined(),
        Holds::Something => !found.is_undefined(),
        Holds::Value(value) => record(&found).as_ref() == Some(value),
    })
}

/// Calls the updates. All of them have returned before the first write is sent: neither an error nor a trap in one of
/// them may leave a part of the batch behind, and a trap aborts nothing that was queued.
fn resolve(
    stores: &Stores,
    ops: Vec<StagedOp>,
    reads: Vec<IdbRequest>,
) -> Result<Result<Vec<(&ObjectStore, Write)>>, JsValue> {
    let mut reads = reads.into_iter();
    let mut writes = Vec::with_capacity(ops.len());
    for op in ops {
        let write = match op.change {
            Change::Write(write) => write,
            Change::Update(key, update) => {
                let found = reads.next().map_or(Ok(JsValue::UNDEFINED), |request| request.result())?;
                match update(record(&found).as_deref()) {
                    Ok(value) => Write::Put(key, sys::value(&value)?),
                    Err(error) => return Ok(Err(error)),
                }
            }
        };
        writes.push((stores.get(op.store)?, write));
    }
    Ok(Ok(writes))
}
