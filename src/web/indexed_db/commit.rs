//! Committing: everything is made ready, then one transaction over the stores it touches, and in it the reads in one
//! burst, the decision, the writes in one burst, `commit()`, and the wait for `complete`.

use super::burst::{self, Write};
use super::error::{Exception, Phase};
use super::read::record;
use super::sys::{self, ObjectStore};
use crate::backend::{Batch, Check, Durability, Op, Outcome, StoreName, Update};
use crate::error::{Error, Result};
use indexed_db_futures::database::Database;
use indexed_db_futures::error::Error as IdbError;
use indexed_db_futures::internals::SystemRepr;
use indexed_db_futures::prelude::*;
use indexed_db_futures::transaction::{Transaction, TransactionDurability, TransactionMode, TransactionOptions};
use js_sys::{ArrayBuffer, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{IdbKeyRange, IdbRequest, IdbTransaction};

fn failed(value: JsValue) -> Box<Error> {
    Exception::from(&value).into_error(Phase::Commit)
}

/// A batch whose keys and values are JavaScript's already, so that nothing can fail for want of memory once the
/// transaction has begun.
pub struct Staged {
    stores: Vec<StoreName>,
    checks: Vec<StagedCheck>,
    ops: Vec<StagedOp>,
    durability: Durability,
}

/// A check; without a query where its range is empty, which always holds.
struct StagedCheck {
    store: StoreName,
    query: Option<JsValue>,
    holds: Holds,
}

/// What a check wants to find.
enum Holds {
    Nothing,
    Something,
    Value(Vec<u8>),
}

enum StagedOp {
    Put(StoreName, Uint8Array, ArrayBuffer),
    Delete(StoreName, Uint8Array),
    DeleteRange(StoreName, IdbKeyRange),
    Update(StoreName, Uint8Array, Update),
}

impl Staged {
    /// Copies a batch over.
    pub fn new(batch: Batch) -> Result<Self> {
        let mut touched = [false; StoreName::ALL.len()];
        let mut touch = |store: StoreName| {
            if let Some(touched) = touched.get_mut(store as usize) {
                *touched = true;
            }
            store
        };
        let mut checks = Vec::with_capacity(batch.checks.len());
        for check in batch.checks {
            checks.push(match check {
                Check::Absent(store, key) => StagedCheck {
                    store: touch(store),
                    query: Some(sys::key(&key).map_err(failed)?.into()),
                    holds: Holds::Nothing,
                },
                Check::Present(store, key) => StagedCheck {
                    store: touch(store),
                    query: Some(sys::key(&key).map_err(failed)?.into()),
                    holds: Holds::Something,
                },
                Check::Unchanged(store, key, value) => StagedCheck {
                    store: touch(store),
                    query: Some(sys::key(&key).map_err(failed)?.into()),
                    holds: Holds::Value(value),
                },
                Check::Empty(store, range) => StagedCheck {
                    store: touch(store),
                    query: sys::range(&range).map_err(failed)?.map(JsValue::from),
                    holds: Holds::Nothing,
                },
            });
        }
        let mut ops = Vec::with_capacity(batch.ops.len());
        for op in batch.ops {
            ops.push(match op {
                Op::Put(store, key, value) => {
                    StagedOp::Put(touch(store), sys::key(&key).map_err(failed)?, sys::value(&value).map_err(failed)?)
                }
                Op::Delete(store, key) => StagedOp::Delete(touch(store), sys::key(&key).map_err(failed)?),
                Op::DeleteRange(store, range) => match sys::range(&range).map_err(failed)? {
                    Some(range) => StagedOp::DeleteRange(touch(store), range),
                    None => continue,
                },
                Op::Update(store, key, update) => {
                    StagedOp::Update(touch(store), sys::key(&key).map_err(failed)?, update)
                }
            });
        }
        let stores = StoreName::ALL.into_iter().zip(touched).filter(|(_, touched)| *touched).map(|(store, _)| store);
        Ok(Self { stores: stores.collect(), checks, ops, durability: batch.durability })
    }

    /// Whether there is nothing to check and nothing to do.
    pub fn is_empty(&self) -> bool {
        self.stores.is_empty()
    }

    /// Begins the transaction. Dropping it before its end aborts it.
    pub fn begin<'a>(&self, database: &'a Database) -> Result<Transaction<'a>, Exception> {
        let names: Vec<&str> = self.stores.iter().map(|store| store.as_str()).collect();
        let durability = match self.durability {
            Durability::Relaxed => TransactionDurability::Relaxed,
            Durability::Strict => TransactionDurability::Strict,
        };
        database
            .transaction(names)
            .with_mode(TransactionMode::Readwrite)
            .with_options(TransactionOptions::new().with_durability(durability))
            .build()
            .map_err(Exception::from)
    }

    /// Runs the batch in its transaction.
    pub async fn run(self, transaction: Transaction<'_>) -> Result<Outcome> {
        let raw: IdbTransaction = transaction.as_sys().clone().unchecked_into();
        let end = sys::is_gecko().then(|| sys::end(&raw));
        let outcome = match self.send(&raw).await {
            Ok(Outcome::Committed) => transaction
                .commit()
                .await
                .map_or_else(|error| Err(reason(error, &raw).into_error(Phase::Commit)), |()| Ok(Outcome::Committed)),
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

    /// Everything up to `commit()`.
    async fn send(self, transaction: &IdbTransaction) -> Result<Outcome> {
        let stores = Stores::of(transaction, &self.stores).map_err(failed)?;
        let reads = Reads::send(&stores, &self.checks, &self.ops).map_err(failed)?;
        // Without reads there is no await between the first line and the burst.
        if let Some(last) = reads.last() {
            sys::done(last).await.map_err(failed)?;
        }
        for (index, (check, request)) in self.checks.iter().zip(&reads.checks).enumerate() {
            if !holds(&check.holds, request.as_ref())? {
                return Ok(Outcome::Refused { check: index });
            }
        }
        let mut writes = Vec::with_capacity(self.ops.len());
        for (store, write) in resolve(self.ops, reads.updates)? {
            writes.push((stores.get(store)?, write));
        }
        burst::send(writes.into_iter()).await.map_err(failed)?;
        Ok(Outcome::Committed)
    }
}

/// Why a transaction was aborted: the error of the request that failed, or else what the transaction says.
fn reason(error: IdbError, transaction: &IdbTransaction) -> Exception {
    let of_request = Exception::from(error);
    match transaction.error() {
        Some(error) if of_request.name == "AbortError" => Exception::from(error.as_ref()),
        _ => of_request,
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

    fn get(&self, name: StoreName) -> Result<&ObjectStore> {
        let store = self.0.get(name as usize).and_then(Option::as_ref);
        store.ok_or_else(|| Error::Backend { cause: "a store is not part of its transaction".into() }.into())
    }
}

/// The requests that a batch makes before it writes.
struct Reads {
    checks: Vec<Option<IdbRequest>>,
    updates: Vec<IdbRequest>,
}

impl Reads {
    fn send(stores: &Stores, checks: &[StagedCheck], ops: &[StagedOp]) -> Result<Self, JsValue> {
        let store = |name| stores.get(name).map_err(|_| JsValue::UNDEFINED);
        let check = |check: &StagedCheck| {
            let Some(query) = &check.query else { return Ok(None) };
            let store = store(check.store)?;
            match check.holds {
                Holds::Value(_) => store.get(query.unchecked_ref()).map(Some),
                Holds::Nothing | Holds::Something => store.get_key(query).map(Some),
            }
        };
        let update = |op: &StagedOp| match op {
            StagedOp::Update(name, key, _) => Some(store(*name).and_then(|store| store.get(key))),
            StagedOp::Put(..) | StagedOp::Delete(..) | StagedOp::DeleteRange(..) => None,
        };
        Ok(Self {
            checks: checks.iter().map(check).collect::<Result<_, JsValue>>()?,
            updates: ops.iter().filter_map(update).collect::<Result<_, JsValue>>()?,
        })
    }

    /// The one that was sent last, and is answered last.
    fn last(&self) -> Option<&IdbRequest> {
        self.updates.last().or_else(|| self.checks.iter().rev().find_map(Option::as_ref))
    }
}

fn holds(wanted: &Holds, request: Option<&IdbRequest>) -> Result<bool> {
    let found = match request {
        Some(request) => request.result().map_err(failed)?,
        None => JsValue::UNDEFINED,
    };
    Ok(match wanted {
        Holds::Nothing => found.is_undefined(),
        Holds::Something => !found.is_undefined(),
        Holds::Value(value) => record(&found).as_ref() == Some(value),
    })
}

/// Calls the updates. All of them have returned before the first write is sent: neither an error nor a trap in one of
/// them may leave a part of the batch behind, and a trap aborts nothing that was queued.
fn resolve(ops: Vec<StagedOp>, reads: Vec<IdbRequest>) -> Result<Vec<(StoreName, Write)>> {
    let mut reads = reads.into_iter();
    let mut writes = Vec::with_capacity(ops.len());
    for op in ops {
        writes.push(match op {
            StagedOp::Put(store, key, value) => (store, Write::Put(key, value)),
            StagedOp::Delete(store, key) => (store, Write::Delete(key)),
            StagedOp::DeleteRange(store, range) => (store, Write::DeleteRange(range)),
            StagedOp::Update(store, key, update) => {
                let found = match reads.next() {
                    Some(request) => request.result().map_err(failed)?,
                    None => JsValue::UNDEFINED,
                };
                let value = update(record(&found).as_deref())?;
                (store, Write::Put(key, sys::value(&value).map_err(failed)?))
            }
        });
    }
    Ok(writes)
}
