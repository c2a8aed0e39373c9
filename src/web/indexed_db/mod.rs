//! [`IndexedDb`], the backend that ships: one IndexedDB database, one object store for each [`StoreName`], keys binary
//! and values plain `ArrayBuffer`s.
//!
//! 1. A commit is one transaction, acknowledged on `complete`; nothing but IndexedDB is awaited inside.
//! 2. A transaction that does not reach its end is aborted, whatever ended it.
//! 3. No view of wasm memory is handed to the browser.
//! 4. When another tab wants to upgrade or delete the database, the connection closes at once and stays closed. When the
//!    browser drops it (a full disk, a storage process that died), the next call opens it again, once.

mod burst;
mod commit;
mod error;
mod events;
mod open;
mod read;
mod sys;
mod transaction;

use crate::backend::{Backend, Batch, Key, Outcome, Row, Scan, StoreName};
use crate::error::{Error, Result};
use commit::Staged;
use error::{Exception, Phase};
use futures_channel::oneshot;
use futures_lite::future::poll_once;
use open::Expect;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use sys::Database;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::IdbTransaction;

/// See the module.
#[derive(Debug)]
pub struct IndexedDb(Rc<Handle>);

#[derive(Debug)]
struct Handle {
    name: String,
    status: Cell<Status>,
    connection: RefCell<Option<Connection>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    /// There is a connection, as far as anyone knows: Firefox closes one for want of space without an event.
    Open,
    /// The browser dropped the connection.
    Lost,
    /// Closed by the caller, or for another tab.
    Closed,
}

impl IndexedDb {
    /// Opens the database of that name, and makes it if it is not there. Waits up to 10 s for other tabs.
    pub async fn open(name: &str) -> Result<Self> {
        let handle =
            Rc::new(Handle { name: name.to_owned(), status: Cell::new(Status::Lost), connection: RefCell::new(None) });
        let database = open::open(name, Expect::Any).await?;
        handle.connect(database);
        Ok(Self(handle))
    }
}

impl Handle {
    fn connect(self: &Rc<Self>, database: Database) {
        self.status.set(Status::Open);
        self.connection.replace(Some(Connection::new(database, Rc::downgrade(self))));
    }

    /// The connection, opened again if the browser dropped it.
    async fn database(self: &Rc<Self>) -> Result<Database> {
        if let Some(database) = self.connected()? {
            return Ok(database);
        }
        let opened = open::open(&self.name, Expect::Existing).await;
        // While that was awaited the handle may have been closed, or another call may have opened it.
        match (self.connected(), opened) {
            (Ok(None), Ok(database)) => {
                self.connect(database.clone());
                Ok(database)
            }
            (Ok(None), Err(error)) => {
                if *error == Error::Closed {
                    self.status.set(Status::Closed);
                }
                Err(error)
            }
            (connected, opened) => {
                if let Ok(database) = opened {
                    database.close();
                }
                connected?.ok_or_else(|| Error::Closed.into())
            }
        }
    }

    fn check_open(&self) -> Result<()> {
        self.connected().map(drop)
    }

    /// The connection; `None` if it was dropped.
    fn connected(&self) -> Result<Option<Database>> {
        match self.status.get() {
            Status::Open => Ok(self.connection.borrow().as_ref().map(|connection| connection.database.clone())),
            Status::Lost => Ok(None),
            Status::Closed => Err(Error::Closed.into()),
        }
    }

    /// Ends the connection. A transaction that is under way ends first, and a closed handle stays closed.
    fn disconnect(&self, status: Status) {
        if self.status.get() != Status::Closed {
            self.status.set(status);
        }
        self.connection.take();
    }

    /// Begins a transaction.
    ///
    /// A connection that turns out to be dead is opened again, once: a transaction that could not begin has done nothing.
    async fn begin(
        self: &Rc<Self>,
        begin: &dyn Fn(&Database) -> Result<IdbTransaction, JsValue>,
    ) -> Result<IdbTransaction> {
        let mut reopened = false;
        loop {
            let exception = match begin(&self.database().await?) {
                Ok(transaction) => return Ok(transaction),
                Err(thrown) => Exception::from(&thrown),
            };
            if reopened || exception.name != DEAD {
                return self.noticing(Err(exception.into_error(Phase::Begin)));
            }
            self.disconnect(Status::Lost);
            reopened = true;
        }
    }

    async fn commit(self: &Rc<Self>, staged: Staged) -> Result<Outcome> {
        let transaction = self.begin(&|database| staged.begin(database)).await?;
        self.noticing(staged.run(transaction).await)
    }

    /// Takes note when a call finds out that the connection is gone.
    fn noticing<T>(&self, result: Result<T>) -> Result<T> {
        if result.as_ref().is_err_and(|error| matches!(**error, Error::ConnectionLost { .. })) {
            self.disconnect(Status::Lost);
        }
        result
    }
}

/// What a connection that was closed throws when a transaction is begun.
const DEAD: &str = "InvalidStateError";

/// An open connection and its listeners. Dropping it closes it.
#[derive(Debug)]
struct Connection {
    database: Database,
    _on_version_change: Closure<dyn FnMut()>,
    _on_close: Closure<dyn FnMut()>,
}

impl Connection {
    fn new(database: Database, handle: Weak<Handle>) -> Self {
        let disconnect = |status: Status| {
            let handle = Weak::clone(&handle);
            Closure::<dyn FnMut()>::new(move || {
                if let Some(handle) = handle.upgrade() {
                    handle.disconnect(status);
                }
            })
        };
        let (on_version_change, on_close) = (disconnect(Status::Closed), disconnect(Status::Lost));
        database.set_onversionchange(Some(on_version_change.as_ref().unchecked_ref()));
        database.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        Self { database, _on_version_change: on_version_change, _on_close: on_close }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.database.set_onversionchange(None);
        self.database.set_onclose(None);
        self.database.close();
    }
}

fn unread(thrown: JsValue) -> Box<Error> {
    Exception::from(&thrown).into_error(Phase::Read)
}

impl Backend for IndexedDb {
    async fn get(&self, store: StoreName, keys: &[Key]) -> Result<Vec<Option<Vec<u8>>>> {
        self.0.check_open()?;
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let transaction = self.0.begin(&|database| sys::begin_read(database, store)).await?;
        self.0.noticing(read::get(transaction, store, keys).await.map_err(unread))
    }

    async fn scan(&self, scan: Scan) -> Result<Vec<Row>> {
        self.0.check_open()?;
        if scan.range.is_empty() || scan.limit == 0 {
            return Ok(Vec::new());
        }
        let transaction = self.0.begin(&|database| sys::begin_read(database, scan.store)).await?;
        self.0.noticing(read::scan(transaction, &scan).await.map_err(unread))
    }

    async fn commit(&self, batch: Batch) -> Result<Outcome> {
        self.0.check_open()?;
        let staged = Staged::new(batch)?;
        if staged.is_empty() {
            return Ok(Outcome::Committed);
        }
        let (running, ended) = oneshot::channel::<()>();
        let outcome = Rc::new(Cell::new(None));
        let mut task = {
            let (handle, outcome) = (Rc::clone(&self.0), Rc::clone(&outcome));
            Box::pin(async move {
                outcome.set(Some(handle.commit(staged).await));
                drop(running);
            })
        };
        // The transaction begins now, in the order of the calls. What follows is a task of its own: a transaction ends when
        // nothing is asked of it for a moment, so that must not depend on when, or whether, the caller polls.
        if poll_once(&mut task).await.is_none() {
            spawn_local(task);
        }
        // It ends without a word.
        let _ = ended.await;
        outcome.take().unwrap_or_else(|| Err(Error::Closed.into()))
    }

    async fn close(&self) {
        self.0.disconnect(Status::Closed);
    }
}

#[cfg(test)]
mod tests;
