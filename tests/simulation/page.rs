//! A page: an engine in a tab, and what becomes of what it is asked. Every answer is held against the oracle.

use super::backend::Connection;
use super::content::Blob;
use super::known;
use super::model::{Answer, Change, IDS};
use super::oracle::{self, Operation, Writer};
use super::world::{SimHost, World};
use hoardb::backend::Durability;
use hoardb::error::{Error, Result};
use hoardb::store::{Options, Receipt, Store, Write, Written};
use std::cell::Cell;
use std::rc::Rc;

/// The engine on a simulated connection.
pub type Engine = Store<Connection, SimHost>;

/// See the module.
pub struct Page {
    pub world: Rc<World>,
    pub tab: usize,
    pub writer: Writer,
    pub store: Engine,
    /// Other pages may have come in between.
    pub is_alone: bool,
    pub is_strict: bool,
    /// The connection was closed for good.
    pub is_closed: Cell<bool>,
}

/// When a read or a job began.
#[derive(Debug, Clone, Copy)]
pub struct Since {
    pub number: u64,
    pub version: u64,
}

impl Page {
    pub async fn open(world: &Rc<World>, tab: usize, writer: Writer, options: Options) -> Result<Self> {
        let since = world.oracle.borrow_mut().begin();
        let connection = Connection::new(world, tab, writer);
        let opened = Store::open(connection, SimHost(Rc::clone(world)), options).await;
        world.executor.trace(format_args!("tab {tab} opens: {:?}", opened.as_ref().err()));
        if let Err(error) = &opened {
            let is_expected = world.oracle.borrow().was_fault(writer, error.code(), since);
            assert!(is_expected || error.code() == "Conflict", "tab {tab} cannot be opened: {error}");
        }
        Ok(Self {
            world: Rc::clone(world),
            tab,
            writer,
            store: opened?,
            is_alone: false,
            is_strict: options.durability == Durability::Strict,
            is_closed: Cell::new(false),
        })
    }

    pub fn begin(&self) -> Since {
        Since { number: self.world.oracle.borrow_mut().begin(), version: self.world.version() }
    }

    /// An error that is of somebody else's making is no problem; any other is.
    pub fn forgive(&self, error: &Error, since: u64, what: &str) {
        self.world.executor.trace(format_args!("tab {}: {what}: {}", self.tab, error.code()));
        let injected = self.world.oracle.borrow().was_fault(self.writer, error.code(), since);
        let conflict = matches!(error, Error::Conflict { .. }) && !self.is_alone;
        let known = known::is_known(error) && !self.is_alone;
        assert!(injected || conflict || known, "tab {}: {what} failed, and nobody made it fail: {error}", self.tab);
        if matches!(error, Error::Closed) {
            self.is_closed.set(true);
        }
    }

    /// The answer, or `None` for an error that is forgiven.
    pub fn unless_faulty<T>(&self, result: Result<T>, since: Since, what: &str) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.forgive(&error, since.number, what);
                None
            }
        }
    }

    /// Submits an operation.
    pub fn submit(&self, changes: Vec<(usize, Change)>, stored: Vec<Blob>) -> (Rc<Operation>, Receipt) {
        let write = match changes.as_slice() {
            [(session, change)] => change.write(*session, &|blob| stored.contains(&blob)),
            several => Write::Delete { ids: several.iter().map(|(session, _)| super::model::id(*session)).collect() },
        };
        let operation = self.world.oracle.borrow_mut().submit(self.writer, self.world.version(), changes, stored);
        self.world.executor.trace(format_args!(
            "tab {}: #{} {:?} {:?}",
            self.tab, operation.number, operation.changes, operation.stored
        ));
        let receipt = self.store.submit(write);
        (operation, receipt)
    }

    /// Waits for the answer to an operation, and judges it.
    pub async fn settle(&self, operation: &Operation, receipt: Receipt) {
        let answer = receipt.answer().await;
        let number = operation.number;
        self.world.executor.trace(format_args!("tab {}: #{number} answers {answer:?}", self.tab));
        let now = self.world.version();
        let durable = self.is_strict.then(|| self.world.database.borrow().durable());
        let judged = match &answer {
            Ok(written) => {
                let answers = answers(written, operation.changes.len() as u64);
                self.world.oracle.borrow_mut().answered(operation, &answers, durable, now)
            }
            Err(error) => match oracle::refusal(error) {
                Some(refusal) => self.world.oracle.borrow_mut().answered(operation, &[refusal], None, now),
                None => {
                    self.forgive(error, number, "a write");
                    // Whoever was not told may find it stored.
                    let may_be_stored = matches!(**error, Error::ConnectionLost { .. });
                    self.world.oracle.borrow_mut().failed(operation, now, may_be_stored)
                }
            },
        };
        judged.unwrap_or_else(|problem| {
            panic!("tab {}: #{number} {:?} answered {answer:?}: {problem}", self.tab, operation.changes)
        });
    }

    /// The commit from which on a read that began then must see a session.
    pub fn from(&self, session: usize, since: Since) -> u64 {
        since.version.max(self.world.oracle.borrow().own_since(session, self.writer, since.number))
    }
}

fn answers(written: &Written, sessions: u64) -> Vec<Answer> {
    assert!(sessions <= IDS.len() as u64);
    match written {
        Written::Done => vec![Answer::Done],
        Written::Index(index) => vec![Answer::Index(*index)],
        Written::Deleted(0) => vec![Answer::Existed(false)],
        Written::Deleted(deleted) if *deleted == sessions => vec![Answer::Existed(true)],
        Written::Deleted(_) => vec![Answer::Existed(true), Answer::Existed(false)],
        Written::Attached(_) => Vec::new(),
    }
}
