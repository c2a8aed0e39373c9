//! Deadlines of transactions: another tab that is frozen in a transaction, or a storage process that hangs, keeps the
//! browser from ever answering, and nothing says so.
//!
//! One timer for a handle counts turns of the event loop, about one each [`TICK_MS`], while there are transactions. Turns, and
//! not the clock: a page that was itself frozen, or busy, wakes up with its answers not yet delivered, and must not take
//! the time away for silence.

use super::events;
use crate::error::Result;
use futures_channel::oneshot;
use futures_lite::future::or;
use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use wasm_bindgen_futures::spawn_local;
use web_sys::IdbTransaction;

const TICK_MS: i32 = 500;

/// For how long a transaction may get no answer while no other of the handle ends: 5 s.
const QUIET_TICKS_MAX: u32 = 10;

/// How long it may take in all, when many others are before it: 9 s.
const AGE_TICKS_MAX: u32 = 18;

/// What a transaction that writes much gets on top of that: half a second for each of so many bytes.
const BYTES_PER_TICK: usize = 1 << 20;

/// The transactions of a handle that have not ended.
#[derive(Default)]
pub struct Watch {
    deadlines: RefCell<Vec<Rc<Entry>>>,
    ticking: Cell<bool>,
}

struct Entry {
    transaction: IdbTransaction,
    age: Cell<u32>,
    quiet: Cell<u32>,
    allowance: Cell<u32>,
    aborted: Cell<bool>,
    /// Told at the deadline.
    expired: RefCell<Option<oneshot::Sender<()>>>,
}

/// The deadline of one transaction; dropped when it has ended.
pub struct Deadline {
    watch: Rc<Watch>,
    entry: Rc<Entry>,
    expired: oneshot::Receiver<()>,
}

/// What a transaction tells its deadline.
pub struct Progress(Rc<Entry>);

/// That a deadline has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expired {
    /// The transaction was aborted: it has left no trace and never will.
    Aborted,
    /// It could not be aborted: everything was sent, and it may still be committed.
    Unknown,
}

impl Watch {
    /// The deadline of a transaction that has just begun.
    pub fn over(self: &Rc<Self>, transaction: &IdbTransaction) -> Deadline {
        let (tell, expired) = oneshot::channel();
        let entry = Rc::new(Entry {
            transaction: transaction.clone(),
            age: Cell::new(0),
            quiet: Cell::new(0),
            allowance: Cell::new(0),
            aborted: Cell::new(false),
            expired: RefCell::new(Some(tell)),
        });
        self.deadlines.borrow_mut().push(Rc::clone(&entry));
        if !self.ticking.replace(true) {
            let watch = Rc::clone(self);
            spawn_local(async move {
                while !watch.deadlines.borrow().is_empty() {
                    events::sleep(TICK_MS).await;
                    watch.tick();
                }
                watch.ticking.set(false);
            });
        }
        Deadline { watch: Rc::clone(self), entry, expired }
    }

    fn tick(&self) {
        for entry in &*self.deadlines.borrow() {
            entry.tick();
        }
    }
}

impl Entry {
    fn tick(&self) {
        let (age, quiet, allowance) = (self.age.get() + 1, self.quiet.get() + 1, self.allowance.get());
        self.age.set(age);
        self.quiet.set(quiet);
        if (quiet > QUIET_TICKS_MAX + allowance || age > AGE_TICKS_MAX + allowance)
            && let Some(tell) = self.expired.take()
        {
            // It throws once `commit()` has been called, or when the transaction is over.
            self.aborted.set(self.transaction.abort().is_ok());
            let _ = tell.send(());
        }
    }
}

impl Deadline {
    /// Runs what works in the transaction, up to the deadline.
    pub async fn limit(mut self, work: Pin<Box<dyn Future<Output = Result<()>> + '_>>) -> Result<Result<()>, Expired> {
        let done = async { Ok(work.await) };
        let expired = async {
            // The sender does not go away, as the entry is kept here.
            let _ = (&mut self.expired).await;
            Err(if self.entry.aborted.get() { Expired::Aborted } else { Expired::Unknown })
        };
        or(done, expired).await
    }

    /// The transaction.
    pub fn transaction(&self) -> &IdbTransaction {
        &self.entry.transaction
    }

    /// For what works in the transaction.
    pub fn progress(&self) -> Progress {
        Progress(Rc::clone(&self.entry))
    }
}

impl Progress {
    /// The browser has answered a request: it has not been forgotten.
    pub fn answered(&self) {
        self.0.quiet.set(0);
    }

    /// So many bytes are about to be written. Not said before the transaction has had its turn: what waits for another tab
    /// waits no longer for being large.
    pub fn allow(&self, bytes: usize) {
        self.0.allowance.set(u32::try_from(bytes / BYTES_PER_TICK).unwrap_or(0));
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        let mut deadlines = self.watch.deadlines.borrow_mut();
        if let Some(index) = deadlines.iter().position(|entry| Rc::ptr_eq(entry, &self.entry)) {
            deadlines.swap_remove(index);
        }
        // Those behind it are not stuck, unless this one was.
        if self.entry.expired.borrow().is_some() {
            for entry in &*deadlines {
                entry.quiet.set(0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{IndexedDb, sys};
    use super::*;
    use crate::backend::StoreName;
    use wasm_bindgen_test::wasm_bindgen_test;

    async fn transaction() -> (IndexedDb, IdbTransaction) {
        let backend =
            IndexedDb::open(&format!("deadline {}", js_sys::Math::random())).await.expect("the database opens");
        let database = backend.0.connected().expect("it is open").expect("there is a connection");
        let transaction = sys::begin_read(&database, StoreName::Meta).expect("a transaction");
        (backend, transaction)
    }

    fn passed(deadline: &Deadline) -> bool {
        deadline.entry.expired.borrow().is_none()
    }

    fn ticks(watch: &Watch, count: u32) {
        for _ in 0..count {
            watch.tick();
        }
    }

    /// Only ticks count here, none of which passes by itself as nothing is awaited.
    #[wasm_bindgen_test]
    async fn a_transaction_expires_when_nothing_happens_for_long() {
        let (_backend, transaction) = transaction().await;
        let watch = Rc::new(Watch::default());
        let silent = watch.over(&transaction);
        ticks(&watch, QUIET_TICKS_MAX);
        assert!(!passed(&silent));
        let later = watch.over(&transaction);
        ticks(&watch, 1);
        assert!(passed(&silent) && !passed(&later));
        // That one was stuck: it says nothing about the others.
        drop(silent);
        ticks(&watch, QUIET_TICKS_MAX - 1);
        assert!(!passed(&later));
        ticks(&watch, 1);
        assert!(passed(&later));
    }

    #[wasm_bindgen_test]
    async fn a_transaction_behind_others_has_longer_but_not_for_ever() {
        let (_backend, transaction) = transaction().await;
        let watch = Rc::new(Watch::default());
        let waiting = watch.over(&transaction);
        for _ in 0..AGE_TICKS_MAX {
            drop(watch.over(&transaction));
            watch.tick();
        }
        assert!(!passed(&waiting));
        drop(watch.over(&transaction));
        watch.tick();
        assert!(passed(&waiting));
    }

    #[wasm_bindgen_test]
    async fn a_transaction_that_writes_much_has_longer() {
        let (_backend, transaction) = transaction().await;
        let watch = Rc::new(Watch::default());
        let (large, answered) = (watch.over(&transaction), watch.over(&transaction));
        large.progress().allow(5 * BYTES_PER_TICK);
        ticks(&watch, QUIET_TICKS_MAX);
        answered.progress().answered();
        ticks(&watch, 5);
        assert!(!passed(&large) && !passed(&answered));
        ticks(&watch, 1);
        assert!(passed(&large) && !passed(&answered));
    }

    /// There is one timer while there are transactions, and none after them.
    #[wasm_bindgen_test]
    async fn the_timer_stops_when_nothing_is_under_way() {
        let (_backend, transaction) = transaction().await;
        let watch = Rc::new(Watch::default());
        for _ in 0..3 {
            drop(watch.over(&transaction));
        }
        assert!(watch.ticking.get());
        events::sleep(3 * TICK_MS).await;
        assert!(!watch.ticking.get() && Rc::strong_count(&watch) == 1);
        drop(watch.over(&transaction));
        assert!(watch.ticking.get());
    }
}
