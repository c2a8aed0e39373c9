//! Memory that counts what is asked of it, and fails as a test says.

use hoardb::backend::memory::Memory;
use hoardb::backend::{Backend, Batch, Durability, Key, Op, Outcome, Row, Scan, StoreName};
use hoardb::error::{Error, Result};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

/// What becomes of a commit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fate {
    /// It happens.
    Pass,
    /// There is no room.
    Full,
    /// The connection is lost before it happens.
    LostBefore,
    /// It happens, and the connection is lost before anybody learns of it.
    LostAfter,
    /// It is aborted for no reason given.
    Aborted,
    /// Nobody hears of it any more.
    Silent,
}

#[derive(Debug, Default)]
pub struct Control {
    /// The fates of the next commits; then they pass.
    pub fates: RefCell<VecDeque<Fate>>,
    /// While set, a commit that puts a chunk or a part has no room.
    pub full: Cell<bool>,
    /// While set, a commit that puts anything has no room: the usage is above the quota.
    pub over: Cell<bool>,
    pub commits: Cell<usize>,
    /// Records put by the last commit, by store.
    pub puts: RefCell<Vec<StoreName>>,
    pub reads: Cell<usize>,
    /// Whether the last commit was strict.
    pub strict: Cell<bool>,
}

#[derive(Clone)]
pub struct Unruly {
    pub memory: Memory,
    pub control: Rc<Control>,
}

impl Unruly {
    pub fn new(memory: &Memory) -> Self {
        Self { memory: memory.clone(), control: Rc::default() }
    }

    pub fn next(&self, fates: &[Fate]) {
        self.control.fates.borrow_mut().extend(fates);
    }
}

fn lost() -> Box<Error> {
    Error::ConnectionLost { cause: "as the test says".into() }.into()
}

impl Backend for Unruly {
    async fn get(&self, store: StoreName, keys: &[Key]) -> Result<Vec<Option<Vec<u8>>>> {
        self.control.reads.set(self.control.reads.get() + 1);
        self.memory.get(store, keys).await
    }

    async fn scan(&self, scan: Scan) -> Result<Vec<Row>> {
        self.control.reads.set(self.control.reads.get() + 1);
        self.memory.scan(scan).await
    }

    async fn commit(&self, batch: Batch) -> Result<Outcome> {
        let stores = batch.ops.iter().filter_map(|op| match op {
            Op::Put(store, ..) => Some(*store),
            _ => None,
        });
        let stores: Vec<StoreName> = stores.collect();
        let takes_room = stores.iter().any(|store| matches!(store, StoreName::Chunks | StoreName::Parts));
        let scripted = self.control.fates.borrow_mut().pop_front().unwrap_or(Fate::Pass);
        let puts = batch.ops.iter().any(|op| matches!(op, Op::Put(..) | Op::Update(..)));
        let full = (self.control.full.get() && takes_room) || (self.control.over.get() && puts);
        let fate = if full && scripted != Fate::Silent { Fate::Full } else { scripted };
        match fate {
            Fate::Full => return Err(Error::StorageFull { cause: "as the test says".into() }.into()),
            Fate::LostBefore => return Err(lost()),
            Fate::Aborted => return Err(Error::Backend { cause: "as the test says".into() }.into()),
            Fate::Silent => std::future::pending().await,
            Fate::Pass | Fate::LostAfter => {}
        }
        let strict = batch.durability == Durability::Strict;
        let outcome = self.memory.commit(batch).await?;
        if outcome == Outcome::Committed {
            self.control.commits.set(self.control.commits.get() + 1);
            self.control.puts.replace(stores);
            self.control.strict.set(strict);
        }
        if fate == Fate::LostAfter { Err(lost()) } else { Ok(outcome) }
    }

    async fn close(&self) {
        self.memory.close().await;
    }
}
