//! Memory whose N-th call goes wrong, in each way in which a browser's can.

use hoardb::backend::memory::Memory;
use hoardb::backend::{Backend, Batch, Key, Outcome, Row, Scan, StoreName};
use hoardb::error::{Error, Result};
use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;

/// How a call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A write transaction is aborted for want of space.
    Quota,
    /// The same, and the connection is dead: the next call fails too.
    DiskFull,
    /// The connection is lost before anything happens.
    LostBefore,
    /// The connection is lost after everything happened.
    LostAfter,
    /// It throws.
    Throw,
    /// The page dies before anything happens.
    CrashBefore,
    /// The page dies after everything happened.
    CrashAfter,
}

impl Fault {
    pub const ALL: [Self; 7] = [
        Self::Quota,
        Self::DiskFull,
        Self::LostBefore,
        Self::LostAfter,
        Self::Throw,
        Self::CrashBefore,
        Self::CrashAfter,
    ];

    pub fn is_crash(self) -> bool {
        matches!(self, Self::CrashBefore | Self::CrashAfter)
    }

    /// The codes that an operation may answer.
    pub fn codes(self) -> &'static [&'static str] {
        match self {
            Self::Quota => &["StorageFull"],
            Self::DiskFull => &["StorageFull", "ConnectionLost"],
            Self::LostBefore | Self::LostAfter => &["ConnectionLost"],
            Self::Throw => &["Backend"],
            Self::CrashBefore | Self::CrashAfter => &[],
        }
    }

    /// Whether a call that only reads can meet it.
    fn hits_reads(self) -> bool {
        !matches!(self, Self::Quota | Self::DiskFull)
    }
}

/// Whether just that call goes wrong, or all from it on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Once,
    Persistent,
}

/// What goes wrong, and where.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub at: usize,
    pub fault: Fault,
    pub mode: Mode,
}

/// See the module.
#[derive(Clone)]
pub struct Failing {
    memory: Memory,
    plan: Rc<Cell<Option<Plan>>>,
    calls: Rc<Cell<usize>>,
    hits: Rc<Cell<usize>>,
    /// The connection died with the call before.
    dead: Rc<Cell<bool>>,
}

impl Failing {
    pub fn new(memory: &Memory, plan: Option<Plan>) -> Self {
        Self {
            memory: memory.clone(),
            plan: Rc::new(Cell::new(plan)),
            calls: Rc::default(),
            hits: Rc::default(),
            dead: Rc::default(),
        }
    }

    pub fn calls(&self) -> usize {
        self.calls.get()
    }

    /// How many calls went wrong.
    pub fn hits(&self) -> usize {
        self.hits.get()
    }

    /// From now on this goes wrong.
    pub fn fail(&self, plan: Plan) {
        self.plan.set(Some(plan));
    }

    /// From now on nothing goes wrong.
    pub fn mend(&self) {
        self.plan.set(None);
        self.dead.set(false);
    }

    async fn call<T>(&self, writes: bool, call: impl Future<Output = Result<T>>) -> Result<T> {
        let number = self.calls.get();
        self.calls.set(number + 1);
        let lost = || Err(Error::ConnectionLost { cause: format!("call {number}") }.into());
        if self.dead.take() {
            return lost();
        }
        let Some(Plan { at, fault, mode }) = self.plan.get() else { return call.await };
        let is_hit = match mode {
            // The first call from there on that can meet it.
            Mode::Once => number >= at && self.hits.get() == 0,
            Mode::Persistent => number >= at,
        };
        if !is_hit || !(writes || fault.hits_reads()) {
            return call.await;
        }
        self.hits.set(self.hits.get() + 1);
        match fault {
            Fault::Quota => Err(Error::StorageFull { cause: format!("call {number}") }.into()),
            Fault::DiskFull => {
                self.dead.set(true);
                Err(Error::StorageFull { cause: format!("call {number}") }.into())
            }
            Fault::Throw => Err(Error::Backend { cause: format!("call {number}") }.into()),
            Fault::LostBefore => lost(),
            // Once it is lost nothing reaches the database any more.
            Fault::LostAfter if self.hits.get() > 1 => lost(),
            Fault::LostAfter => {
                call.await?;
                lost()
            }
            Fault::CrashBefore => pending().await,
            Fault::CrashAfter => {
                call.await?;
                pending().await
            }
        }
    }
}

impl Backend for Failing {
    async fn get(&self, store: StoreName, keys: &[Key]) -> Result<Vec<Option<Vec<u8>>>> {
        self.call(false, self.memory.get(store, keys)).await
    }

    async fn scan(&self, scan: Scan) -> Result<Vec<Row>> {
        self.call(false, self.memory.scan(scan)).await
    }

    async fn commit(&self, batch: Batch) -> Result<Outcome> {
        let writes = !batch.ops.is_empty();
        self.call(writes, self.memory.commit(batch)).await
    }

    async fn close(&self) {}
}
