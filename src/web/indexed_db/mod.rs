//! [`IndexedDb`], the backend that ships: one IndexedDB database, one object store for each [`StoreName`], keys binary
//! and values plain `ArrayBuffer`s.
//!
//! 1. A commit is one transaction, acknowledged on `complete`; nothing but IndexedDB is awaited inside.
//! 2. A transaction that does not reach its end is aborted, whatever ended it.
//! 3. No view of wasm memory is handed to the browser.
//! 4. When another tab wants to upgrade or delete the database, the connection closes at once and stays closed.
//! 5. When the browser drops the connection (a full disk, a storage process that died), the next call opens it again: a
//!    transaction that could not begin has done nothing. What was under way fails with `ConnectionLost`, and whoever asked
//!    for it knows what to do about it.
//! 6. Every call ends: an open after its limit, a transaction at its deadline.
//! 7. Where Chromium met a full disk, nothing is written before there is room and its log is whole ([`disk`] says why).

mod burst;
mod commit;
mod deadline;
mod disk;
mod events;
mod exception;
mod open;
mod read;
mod sys;
mod transaction;

use crate::backend::{Backend, Batch, Key, Outcome, Row, Scan, StoreName};
use crate::error::{Error, Result};
use commit::Staged;
use deadline::{Deadline, Expired, Watch};
use disk::Disk;
use exception::Phase;
use futures_channel::oneshot;
use futures_lite::future::poll_once;
use open::{Expect, OPEN_TIMEOUT_MS, VANISHED, Way};
use read::Values;
use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use sys::Database;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::IdbTransaction;

/// What is waited before each attempt to open a connection again that the browser dropped.
const REOPEN_PAUSES_MS: [i32; 3] = [100, 400, 1_000];

/// What all of these attempts may take, for one call.
const REOPEN_BUDGET_MS: i32 = 2_500;

/// See the module.
pub struct IndexedDb(Rc<Handle>);

impl std::fmt::Debug for IndexedDb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("IndexedDb").field(&self.0.name).field(&self.0.status.get()).finish()
    }
}

struct Handle {
    name: String,
    status: Cell<Status>,
    connection: RefCell<Option<Connection>>,
    /// Transactions under way, and who waits for their end.
    running: Rc<Running>,
    /// To open it again.
    reopening: Rc<Attempt>,
    disk: Disk,
    watch: Rc<Watch>,
    on_blocked: Rc<dyn Fn()>,
}

/// Whether a transaction waits for room on a disk that was full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Guard {
    On,
    Off,
}

/// Counts what is under way.
#[derive(Default)]
struct Running {
    count: Cell<usize>,
    waiting: RefCell<Vec<oneshot::Sender<()>>>,
}

/// One of them, until it is dropped.
struct One(Rc<Running>);

impl Running {
    fn begin(self: &Rc<Self>) -> One {
        self.count.set(self.count.get() + 1);
        One(Rc::clone(self))
    }

    /// Waits until nothing is under way.
    async fn ended(&self) {
        if self.count.get() > 0 {
            let (tell, told) = oneshot::channel();
            self.waiting.borrow_mut().push(tell);
            // It ends without a word.
            let _ = told.await;
        }
    }
}

impl Drop for One {
    fn drop(&mut self) {
        let rest = self.0.count.get() - 1;
        self.0.count.set(rest);
        if rest == 0 {
            self.0.waiting.take();
        }
    }
}

/// One attempt at something, for which several calls wait.
struct Attempt {
    /// Those who wait for the one that is under way.
    waiting: RefCell<Vec<oneshot::Sender<()>>>,
    /// What came of the last one.
    outcome: RefCell<Result<()>>,
}

impl Default for Attempt {
    fn default() -> Self {
        Self { waiting: RefCell::default(), outcome: RefCell::new(Ok(())) }
    }
}

impl Attempt {
    /// Waits for the attempt that is under way, or else makes this one.
    async fn share(self: &Rc<Self>, attempt: Work<'static>) -> Result<()> {
        let (tell, told) = oneshot::channel();
        self.waiting.borrow_mut().push(tell);
        if self.waiting.borrow().len() == 1 {
            // A task of its own, as the call that began it may be dropped.
            let shared = Rc::clone(self);
            spawn_local(async move {
                let outcome = attempt.await;
                *shared.outcome.borrow_mut() = outcome;
                // Which tells all of them.
                shared.waiting.take();
            });
        }
        // It ends without a word. The task of the next attempt runs after those that are told now.
        let _ = told.await;
        self.outcome.borrow().clone()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    /// There is a connection, as far as anyone knows: Firefox closes one for want of space without an event.
    Open,
    /// The browser dropped the connection.
    Lost,
    /// The browser dropped the connection, and the database was not there any more.
    Vanished,
    /// Closed by the caller, or for another tab.
    Closed,
}

impl IndexedDb {
    /// Opens the database of that name, and makes it if it is not there. Waits up to 10 s for other tabs.
    pub async fn open(name: &str) -> Result<Self> {
        Self::open_with(name, Rc::new(|| ())).await
    }

    /// The same; calls `on_blocked` when this open, or a later one of a dropped connection, waits for another tab. It is
    /// called once for each, long before the open gives up.
    pub async fn open_with(name: &str, on_blocked: Rc<dyn Fn()>) -> Result<Self> {
        let handle = Rc::new(Handle {
            name: name.to_owned(),
            status: Cell::new(Status::Lost),
            connection: RefCell::default(),
            running: Rc::default(),
            reopening: Rc::default(),
            disk: Disk::default(),
            watch: Rc::default(),
            on_blocked: Rc::clone(&on_blocked),
        });
        let way = Way { expect: Expect::Any, limit_ms: OPEN_TIMEOUT_MS, on_blocked };
        handle.ask_about_the_disk();
        handle.connect(open::open(name, way).await?);
        Ok(Self(handle))
    }
}

impl Handle {
    fn connect(self: &Rc<Self>, database: Database) {
        self.status.set(Status::Open);
        self.connection.replace(Some(Connection::new(database, Rc::downgrade(self))));
    }

    fn check_open(&self) -> Result<()> {
        self.connected().map(drop)
    }

    /// The connection; `None` if it was dropped.
    fn connected(&self) -> Result<Option<Database>> {
        match self.status.get() {
            Status::Open => Ok(self.connection.borrow().as_ref().map(|connection| connection.database.clone())),
            Status::Lost => Ok(None),
            Status::Vanished => Err(VANISHED.into()),
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

    /// Ends the connection if it still is this one.
    fn lose(&self, dead: &JsValue) {
        if let Ok(Some(database)) = self.connected()
            && AsRef::<JsValue>::as_ref(&database) == dead
        {
            self.disconnect(Status::Lost);
        }
    }

    /// Opens a dropped connection again, after a pause. Calls that find it dropped at the same time share one attempt.
    async fn reopen(self: &Rc<Self>, pause_ms: i32, limit_ms: i32) -> Result<()> {
        let handle = Rc::clone(self);
        self.reopening.share(Box::pin(async move { handle.reopen_now(pause_ms, limit_ms).await })).await
    }

    async fn reopen_now(self: &Rc<Self>, pause_ms: i32, limit_ms: i32) -> Result<()> {
        events::sleep(pause_ms).await;
        self.check_open()?;
        let way = Way { expect: Expect::Existing, limit_ms, on_blocked: Rc::clone(&self.on_blocked) };
        match open::open(&self.name, way).await {
            Ok(database) => {
                // The handle may have been closed meanwhile.
                if let Err(closed) = self.check_open() {
                    database.close();
                    return Err(closed);
                }
                self.connect(database);
                Ok(())
            }
            Err(error) => {
                if *error == VANISHED {
                    self.disconnect(Status::Vanished);
                }
                Err(error)
            }
        }
    }

    /// Begins a transaction, on a new connection if the one there was turns out to be dead. That is safe, for what could not
    /// begin has done nothing.
    async fn begin(
        self: &Rc<Self>,
        guard: Guard,
        begin: &dyn Fn(&Database) -> Result<IdbTransaction, JsValue>,
    ) -> Result<IdbTransaction> {
        let mut pauses = REOPEN_PAUSES_MS.into_iter();
        let mut began = None;
        let mut lost = String::new();
        loop {
            // The connection may have been lost for want of space, and another is written to later than it was opened.
            while guard == Guard::On && !self.disk.is_fine() {
                self.await_room().await?;
            }
            if let Some(database) = self.connected()? {
                match begin(&database).map_err(|thrown| *sys::exception(&thrown).into_error(Phase::Begin)) {
                    Ok(transaction) => return Ok(transaction),
                    Err(Error::ConnectionLost { cause }) => lost = cause,
                    Err(error) => return Err(self.hear(error)),
                }
                self.lose(&database);
            }
            let now = js_sys::Date::now();
            // The clock may have been set back.
            let spent = (now - *began.get_or_insert(now)).max(0.0) as i32;
            match pauses.next() {
                Some(pause) if spent + pause < REOPEN_BUDGET_MS => {
                    match self.reopen(pause, REOPEN_BUDGET_MS - spent - pause).await.map_err(|error| *error) {
                        Ok(()) => {}
                        // A backing store that cannot be opened may be one that is still being closed.
                        Err(Error::ConnectionLost { cause } | Error::Backend { cause }) => lost = cause,
                        Err(error) => return Err(self.hear(error)),
                    }
                }
                // Chromium cannot open what it closed for want of space, and has other words for it.
                _ if self.disk.is_full() => return Err(Error::StorageFull { cause: lost }.into()),
                _ => return Err(Error::ConnectionLost { cause: lost }.into()),
            }
        }
    }

    fn hear(&self, error: Error) -> Box<Error> {
        self.disk.hear(&error);
        error.into()
    }

    /// Runs what works in a transaction that has just begun, up to its deadline.
    async fn run(&self, deadline: Deadline, writes: bool, work: Work<'_>) -> Result<()> {
        let _one = self.running.begin();
        let database = deadline.transaction().db();
        let result = deadline.limit(work).await.unwrap_or_else(|expired| {
            Err(Box::new(match expired {
                Expired::Unknown if writes => Error::ConnectionLost { cause: "the browser does not answer".into() },
                _ => Error::Blocked { name: self.name.clone() },
            }))
        });
        if let Err(error) = &result {
            self.disk.hear(error);
            if matches!(**error, Error::ConnectionLost { .. }) {
                self.lose(database.as_ref());
            }
        }
        result
    }

    async fn commit(self: &Rc<Self>, staged: Staged, guard: Guard) -> Result<Outcome> {
        let transaction = self.begin(guard, &|database| staged.begin(database)).await?;
        let deadline = self.watch.over(&transaction);
        let progress = deadline.progress();
        let mut outcome = Outcome::Committed;
        let work = async {
            outcome = staged.run(transaction, &progress).await?;
            Ok(())
        };
        self.run(deadline, true, Box::pin(work)).await?;
        Ok(outcome)
    }

    /// Runs what reads from a store; one value after the other if that fails.
    async fn read<'a>(
        self: &Rc<Self>,
        store: StoreName,
        read: &dyn Fn(IdbTransaction, Values) -> Work<'a>,
    ) -> Result<()> {
        let mut values = Values::Together;
        loop {
            let transaction = self.begin(Guard::Off, &|database| sys::begin_read(database, store)).await?;
            let deadline = self.watch.over(&transaction);
            let result = self.run(deadline, false, read(transaction, values)).await;
            match result {
                Err(error) if values == Values::Together && matches!(*error, Error::Backend { .. }) => {
                    values = Values::Each;
                }
                result => return result,
            }
        }
    }
}

/// What works in a transaction. It leaves its answer with whoever made it.
type Work<'a> = Pin<Box<dyn Future<Output = Result<()>> + 'a>>;

/// An open connection and its listeners. Dropping it closes it.
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
                    if status == Status::Lost {
                        handle.disk.suspect();
                    }
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
    sys::exception(&thrown).into_error(Phase::Read)
}

impl Backend for IndexedDb {
    async fn get(&self, store: StoreName, keys: &[Key]) -> Result<Vec<Option<Vec<u8>>>> {
        self.0.check_open()?;
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let found = &RefCell::default();
        let read = |transaction, values| -> Work<'_> {
            Box::pin(async move {
                found.replace(read::get(transaction, store, keys, values).await.map_err(unread)?);
                Ok(())
            })
        };
        self.0.read(store, &read).await?;
        Ok(found.take())
    }

    async fn scan(&self, scan: Scan) -> Result<Vec<Row>> {
        self.0.check_open()?;
        if scan.range.is_empty() || scan.limit == 0 {
            return Ok(Vec::new());
        }
        let scan = &scan;
        let found = &RefCell::default();
        let read = |transaction, values| -> Work<'_> {
            Box::pin(async move {
                found.replace(read::scan(transaction, scan, values).await.map_err(unread)?);
                Ok(())
            })
        };
        self.0.read(scan.store, &read).await?;
        Ok(found.take())
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
                outcome.set(Some(handle.commit(staged, Guard::On).await));
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
        // Who closes may end this worker next, and WebKit does not let go of a database whose worker ended within a transaction.
        self.0.running.ended().await;
    }
}

#[cfg(test)]
mod tests;
