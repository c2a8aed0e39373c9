//! IndexedDB as a backend at its worst: a connection of one tab, on a database that several share.
//!
//! A call becomes a transaction that the browser runs: it takes its time to arrive, waits for its turn, takes its time to
//! run, and answers later still. It goes on when its tab has crashed, or does not. What it reads is what is committed.

use super::database::{Scope, Turn};
use super::executor::Group;
use super::faults::Fault;
use super::known;
use super::oracle::Writer;
use super::world::World;
use futures_channel::oneshot;
use hoardb::backend::{Backend, Batch, Durability, Key, Op, Outcome, Row, Scan, StoreName};
use hoardb::error::{Error, Result};
use hoardb::store::Head;
use std::cell::Cell;
use std::rc::Rc;

/// A tab's connection. See the module.
#[derive(Clone)]
pub struct Connection {
    world: Rc<World>,
    pub state: Rc<ConnectionState>,
}

/// What is known of a connection on both sides.
pub struct ConnectionState {
    pub tab: usize,
    /// Its own number.
    pub number: usize,
    /// The page that uses it.
    pub writer: Writer,
    /// Raised when it is lost: transactions that began before do not end well.
    epoch: Cell<u64>,
    /// Calls that still fail before it works again.
    dead_calls: Cell<u32>,
    /// The same, while another tab is in the way.
    blocked_calls: Cell<u32>,
    closed: Cell<bool>,
}

fn lost() -> Box<Error> {
    Error::ConnectionLost { cause: "simulated".into() }.into()
}

fn full() -> Box<Error> {
    Error::StorageFull { cause: "simulated".into() }.into()
}

fn backend() -> Box<Error> {
    Error::Backend { cause: "simulated".into() }.into()
}

impl Connection {
    pub fn new(world: &Rc<World>, tab: usize, writer: Writer) -> Self {
        let state = ConnectionState {
            tab,
            number: world.number() as usize,
            writer,
            epoch: Cell::default(),
            dead_calls: Cell::default(),
            blocked_calls: Cell::default(),
            closed: Cell::default(),
        };
        Self { world: Rc::clone(world), state: Rc::new(state) }
    }

    /// The browser drops the connection.
    pub fn lose(&self) {
        self.state.epoch.set(self.state.epoch.get() + 1);
        let calls = self.world.executor.random(|rng| rng.u32(..=self.world.odds.borrow().dead_calls_max));
        self.state.dead_calls.set(calls);
        self.world.executor.trace(format_args!("tab {} loses its connection", self.state.tab));
        self.noted(lost());
    }

    /// An error on its way to the engine. The oracle knows that it is none of the engine's making.
    fn noted(&self, error: Box<Error>) -> Box<Error> {
        self.world.oracle.borrow_mut().fault(self.state.writer, error.code());
        error
    }

    fn begin(&self) -> Result<()> {
        let failing = |calls: &Cell<u32>| {
            let left = calls.get();
            calls.set(left.saturating_sub(1));
            left > 0
        };
        if self.state.closed.get() {
            return Err(self.noted(Error::Closed.into()));
        }
        if failing(&self.state.dead_calls) {
            return Err(self.noted(lost()));
        }
        if failing(&self.state.blocked_calls) {
            return Err(self.noted(Error::Blocked { name: "simulated".into() }.into()));
        }
        Ok(())
    }

    /// Runs a transaction. `work` happens in its turn and at once.
    async fn transaction<T: 'static>(
        &self,
        scope: Scope,
        writes: bool,
        work: impl FnOnce(&Self, Option<Fault>) -> Result<T> + 'static,
    ) -> Result<T> {
        self.begin()?;
        let executor = &self.world.executor;
        let fault = executor.random(|rng| self.world.odds.borrow().draw(rng, writes));
        if let Some(fault) = fault {
            executor.trace(format_args!("tab {}: {fault:?}", self.state.tab));
        }
        let most_ms = self.world.latency_ms;
        match fault {
            Some(Fault::Throw) => return Err(self.noted(backend())),
            Some(Fault::Blocked) => {
                self.state.blocked_calls.set(executor.random(|rng| rng.u32(..3)));
                return Err(self.noted(Error::Blocked { name: "simulated".into() }.into()));
            }
            Some(Fault::VersionChange) => {
                self.state.closed.set(true);
                return Err(self.noted(Error::Closed.into()));
            }
            _ => {}
        }
        let (answer, answered) = oneshot::channel();
        let connection = self.clone();
        executor.spawn(Group::Transaction(self.state.tab, self.state.number), async move {
            let executor = &connection.world.executor;
            let epoch = connection.state.epoch.get();
            executor.pause(most_ms).await;
            let turn: Turn = connection.world.transactions.create(scope);
            turn.begun().await;
            executor.pause(most_ms).await;
            let result = connection.finish(epoch, fault, work);
            drop(turn);
            executor.pause(most_ms).await;
            let _ = answer.send(connection.deliver(epoch, fault, result));
        });
        // A crashed browser answers nobody.
        answered.await.unwrap_or_else(|_| Err(lost()))
    }

    fn finish<T>(
        &self,
        epoch: u64,
        fault: Option<Fault>,
        work: impl FnOnce(&Self, Option<Fault>) -> Result<T>,
    ) -> Result<T> {
        // A transaction whose connection was lost meanwhile may still make it to its end; nobody will hear of it.
        if self.state.epoch.get() != epoch && self.world.executor.random(|rng| rng.bool()) {
            return Err(self.noted(lost()));
        }
        match fault {
            Some(Fault::LostBefore) => {
                self.lose();
                Err(self.noted(lost()))
            }
            Some(Fault::DiskFull) => {
                self.lose();
                Err(self.noted(full()))
            }
            _ => work(self, fault),
        }
    }

    fn deliver<T>(&self, epoch: u64, fault: Option<Fault>, result: Result<T>) -> Result<T> {
        if fault == Some(Fault::LostAfter) {
            self.lose();
        }
        match result {
            Ok(_) if self.state.epoch.get() != epoch => Err(self.noted(lost())),
            result => result,
        }
    }

    /// What a write transaction does in its turn.
    fn commit_now(&self, batch: Batch, fault: Option<Fault>) -> Result<(Outcome, u64)> {
        let mut database = self.world.database.borrow_mut();
        if let Some(check) = batch.checks.iter().position(|check| !database.holds(check)) {
            self.world.executor.trace(format_args!("tab {}: check {check} is refused", self.state.tab));
            return Ok((Outcome::Refused { check }, 0));
        }
        let ops = database.resolve(batch.ops)?;
        if ops.is_empty() {
            return Ok((Outcome::Committed, 0));
        }
        match fault {
            Some(Fault::Quota) => return Err(self.noted(full())),
            Some(Fault::LateAbort) => return Err(self.noted(backend())),
            _ => {}
        }
        // A full disk still lets records go and their counters change.
        let grows = |op: &Op| matches!(op, Op::Put(store, ..) if *store != StoreName::Meta);
        if self.world.is_full() && ops.iter().any(grows) {
            return Err(self.noted(full()));
        }
        let (count, bytes) =
            (ops.len(), ops.iter().fold(0, |sum: u64, op| sum.rotate_left(7).wrapping_add(weight(op))));
        let changed = database.apply(ops).to_vec();
        let version = database.version();
        self.world.executor.trace(format_args!(
            "tab {} commits {version}: {count} operations, {bytes}, {:?}",
            self.state.tab, batch.durability
        ));
        if known::REVISION_BY_CLOCK {
            self.world.executor.skip(1);
        }
        let committed = self.world.oracle.borrow_mut().committed(self.state.writer, &database, &changed);
        if changed.iter().any(|(store, ..)| matches!(store, StoreName::Sessions | StoreName::Chunks)) {
            let has_head = changed.iter().any(|(store, key, _)| *store == StoreName::Meta && *key == Head::key());
            let generation = has_head.then(|| self.world.oracle.borrow().generation());
            self.world.unheard(self.state.tab, version, generation);
        }
        committed.unwrap_or_else(|problem| panic!("commit {version} of tab {}: {problem}", self.state.tab));
        Ok((Outcome::Committed, version))
    }
}

/// The bytes of an operation, mixed: two runs that write different bytes have different traces.
fn weight(op: &Op) -> u64 {
    match op {
        Op::Put(_, _, value) => value.iter().fold(0, |sum, &byte| sum.wrapping_mul(31).wrapping_add(byte.into())),
        _ => 1,
    }
}

impl Backend for Connection {
    async fn get(&self, store: StoreName, keys: &[Key]) -> Result<Vec<Option<Vec<u8>>>> {
        if keys.is_empty() {
            return if self.state.closed.get() { Err(Error::Closed.into()) } else { Ok(Vec::new()) };
        }
        let keys = keys.to_vec();
        self.transaction(Scope::read(store), false, move |connection, _| {
            let database = connection.world.database.borrow();
            Ok(keys.iter().map(|key| database.read(store, key).map(|record| record.to_vec())).collect())
        })
        .await
    }

    async fn scan(&self, scan: Scan) -> Result<Vec<Row>> {
        if scan.range.is_empty() {
            return if self.state.closed.get() { Err(Error::Closed.into()) } else { Ok(Vec::new()) };
        }
        self.transaction(Scope::read(scan.store), false, move |connection, _| {
            Ok(connection.world.database.borrow().scan(&scan))
        })
        .await
    }

    async fn commit(&self, batch: Batch) -> Result<Outcome> {
        use hoardb::backend::Check;
        let of_check = |check: &Check| match check {
            Check::Absent(store, _) | Check::Present(store, _) | Check::Unchanged(store, ..) => *store,
            Check::Empty(store, _) => *store,
        };
        let of_op = |op: &Op| match op {
            Op::Put(store, ..) | Op::Delete(store, _) | Op::Update(store, ..) => *store,
            Op::DeleteRange(store, _) => *store,
        };
        let scope = Scope::write(batch.checks.iter().map(of_check).chain(batch.ops.iter().map(of_op)));
        let is_strict = batch.durability == Durability::Strict;
        let world = Rc::clone(&self.world);
        let (outcome, version) =
            self.transaction(scope, true, move |connection, fault| connection.commit_now(batch, fault)).await?;
        if is_strict {
            world.database.borrow_mut().harden(version);
        }
        Ok(outcome)
    }

    async fn close(&self) {
        self.state.closed.set(true);
    }
}
