//! A page: it numbers what its clients write, hands it to an engine that may crash, and sends it again to the next one.
//! Every answer is held against the oracle.

use super::backend::Connection;
use super::content::Blob;
use super::executor::Group;
use super::model::{self, Answer, Change, IDS};
use super::oracle::{self, Operation, Writer};
use super::peers::Unheard;
use super::world::{SimHost, World};
use futures_channel::oneshot;
use hoardb::backend::Durability;
use hoardb::error::{Error, Result};
use hoardb::queue::{Ack, Terms};
use hoardb::store::{Options, Store, Write, Written};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The engine on a simulated connection.
pub type Engine = Store<Connection, SimHost>;

/// A write that is not answered.
struct Pending {
    operation: Rc<Operation>,
    write: Write,
    /// Where its answer goes; dropped when nobody will know.
    reply: oneshot::Sender<Result<Written>>,
    /// The page has written it into the journal.
    journaled: bool,
}

/// See the module.
pub struct Page {
    pub world: Rc<World>,
    pub tab: usize,
    pub writer: Writer,
    pub options: Options,
    /// No other page is about.
    pub is_alone: bool,
    engine: RefCell<Option<Rc<Engine>>>,
    /// Who waits for an engine.
    waiting: RefCell<Vec<oneshot::Sender<()>>>,
    pending: RefCell<BTreeMap<u64, Pending>>,
    /// What may be decided without anything that says so.
    pub unrecorded: RefCell<Vec<u64>>,
    /// What it has given up, and is still in the journal.
    refused: RefCell<Vec<u64>>,
    seq: Cell<u64>,
    is_draining: Cell<bool>,
    is_retrying: Cell<bool>,
    /// It listens to other tabs.
    pub hears: bool,
    pub unheard: RefCell<Vec<Unheard>>,
    /// Another tab spoke while there was no engine.
    pub has_missed: Cell<bool>,
    /// The connection was closed for good: the page needs another engine.
    pub is_closed: Cell<bool>,
}

/// When a read or a job began.
#[derive(Debug, Clone, Copy)]
pub struct Since {
    pub number: u64,
    pub version: u64,
    /// The commit from which on it must see what other tabs did.
    pub heard: u64,
}

impl Page {
    pub fn new(world: &Rc<World>, tab: usize, options: Options, is_alone: bool) -> Rc<Self> {
        let writer = world.number() as Writer;
        let page = Rc::new(Self {
            world: Rc::clone(world),
            tab,
            writer,
            options: Options { writer: Some(writer as u128), ..options },
            is_alone,
            engine: RefCell::default(),
            waiting: RefCell::default(),
            pending: RefCell::default(),
            refused: RefCell::default(),
            unrecorded: RefCell::default(),
            seq: Cell::default(),
            is_draining: Cell::default(),
            is_retrying: Cell::default(),
            hears: world.executor.random(|rng| rng.bool()),
            unheard: RefCell::default(),
            has_missed: Cell::default(),
            is_closed: Cell::default(),
        });
        world.pages.borrow_mut().push(Rc::downgrade(&page));
        page
    }

    // The engine

    /// Opens an engine and sends it what is not answered.
    pub async fn open(self: &Rc<Self>) -> Result<()> {
        // The engine stores what it finds in the journal.
        let refused = self.refused.take();
        if !refused.is_empty() {
            self.erase(refused).await;
        }
        let since = self.begin();
        let connection = Connection::new(&self.world, self.tab, self.writer);
        self.unheard.take();
        self.has_missed.set(false);
        let (world, page) = (Rc::clone(&self.world), Rc::downgrade(self));
        let host = SimHost { world, tab: self.tab, hears: self.hears, page };
        let opened = Store::open(connection, host, self.options.clone()).await;
        self.world.executor.trace(format_args!("tab {} opens: {:?}", self.tab, opened.as_ref().err()));
        if let Err(error) = &opened {
            let is_expected = self.world.oracle.borrow().was_fault(self.writer, error.code(), since.number);
            assert!(is_expected || error.code() == "Conflict", "tab {} cannot be opened: {error}", self.tab);
        }
        let engine = Rc::new(opened?);
        if self.has_missed.get() {
            engine.distrust();
        }
        self.engine.replace(Some(engine));
        self.is_closed.set(false);
        // What stands in the map stands in the order in which it was submitted.
        let seqs: Vec<u64> = self.pending.borrow().keys().copied().collect();
        seqs.into_iter().for_each(|seq| self.send(seq));
        self.waiting.take().into_iter().for_each(|waiting| {
            let _ = waiting.send(());
        });
        Ok(())
    }

    /// The engine is gone. What its caller is not told now is sent to the next one; `gives_up` says what is not.
    pub fn crash(&self, gives_up: impl Fn(&Operation) -> bool) {
        self.engine.take();
        self.is_closed.set(false);
        self.is_draining.set(false);
        self.is_retrying.set(false);
        self.world.oracle.borrow_mut().ended(self.writer);
        let mut refused = self.refused.borrow_mut();
        let unrecorded = self.unrecorded.take();
        self.pending.borrow_mut().retain(|seq, pending| {
            let given_up = gives_up(&pending.operation) || unrecorded.contains(seq);
            refused.extend((given_up && pending.journaled).then_some(*seq));
            !given_up
        });
    }

    /// The page is gone, and does nothing any more.
    pub fn end(&self) {
        self.crash(|_| true);
        self.refused.take();
    }

    /// The engine, if there is one.
    pub fn engine(&self) -> Option<Rc<Engine>> {
        self.engine.borrow().clone()
    }

    /// Has the engine do something. `None` if it crashes meanwhile.
    pub async fn call<T: 'static, F: Future<Output = T> + 'static>(
        &self,
        call: impl FnOnce(Rc<Engine>) -> F,
    ) -> Option<T> {
        let engine = loop {
            if let Some(engine) = self.engine() {
                break engine;
            }
            let (sender, receiver) = oneshot::channel();
            self.waiting.borrow_mut().push(sender);
            let _ = receiver.await;
        };
        let (reply, replied) = oneshot::channel();
        let call = call(engine);
        self.world.executor.spawn(Group::Engine(self.tab), async move {
            let _ = reply.send(call.await);
        });
        replied.await.ok()
    }

    // Writes

    /// Submits an operation. Its answer is waited for with [`Page::settle`].
    pub fn submit(
        self: &Rc<Self>,
        changes: Vec<(usize, Change)>,
        stored: Vec<Blob>,
        ack: Ack,
    ) -> (Rc<Operation>, oneshot::Receiver<Result<Written>>) {
        let write = match changes.as_slice() {
            [(session, change)] => change.write(*session, &|blob| stored.contains(&blob)),
            several => Write::Delete { ids: several.iter().map(|(session, _)| model::id(*session)).collect() },
        };
        self.seq.set(self.seq.get() + 1);
        let seq = self.seq.get();
        let operation =
            self.world.oracle.borrow_mut().submit(self.writer, seq, ack, self.world.version(), changes, stored);
        let Operation { number, changes, stored, .. } = &*operation;
        self.world.executor.trace(format_args!("tab {}: #{number} {ack:?} {changes:?} {stored:?}", self.tab));
        let (reply, replied) = oneshot::channel();
        self.pending
            .borrow_mut()
            .insert(seq, Pending { operation: Rc::clone(&operation), write, reply, journaled: false });
        self.send(seq);
        (operation, replied)
    }

    /// Hands a write to the engine, if there is one.
    fn send(self: &Rc<Self>, seq: u64) {
        let Some(engine) = self.engine() else { return };
        self.world.executor.trace(format_args!("tab {}: seq {seq} is sent", self.tab));
        let receipt = match self.pending.borrow().get(&seq) {
            Some(Pending { operation, write, .. }) => {
                engine.submit_as(write.clone(), Terms { seq, ack: operation.ack, background: false })
            }
            None => return,
        };
        let (page, group) = (Rc::clone(self), Group::Engine(self.tab));
        self.world.executor.spawn(group, async move {
            let answer = receipt.answer().await;
            // A page that has given up waits for nothing.
            let pending = page.pending.borrow_mut().remove(&seq);
            if let Some(pending) = pending {
                // A delete may have been stored without the row of its writer, which says that it is.
                let is_delete = matches!(pending.write, Write::Delete { .. });
                let is_unrecorded = is_delete || page.unrecorded.borrow().contains(&seq);
                if pending.journaled && (answer.is_err() || is_unrecorded) {
                    page.erase(vec![seq]).await;
                }
                page.judge(&pending.operation, &answer, pending.journaled);
                let _ = pending.reply.send(answer);
            }
        });
        if !self.is_draining.replace(true) {
            let page = Rc::clone(self);
            self.world.executor.spawn(group, async move {
                page.is_draining.set(false);
                engine.drain().await;
                let tended = Rc::clone(&engine);
                page.world.executor.spawn(group, async move {
                    // What it meets it meets again.
                    let _ = tended.tend().await;
                });
                page.retry(&engine).await;
            });
        }
    }

    /// Tries what is kept again from time to time, as the engine's face to the browser does.
    async fn retry(&self, engine: &Engine) {
        if engine.queue().kept == 0 || self.is_retrying.replace(true) {
            return;
        }
        while engine.queue().kept > 0 && !self.is_closed.get() {
            self.world.executor.pause(500).await;
            let since = self.begin();
            if let Err(error) = engine.retry().await {
                self.forgive(&error, Since { number: 0, ..since }, "retry");
            }
        }
        self.is_retrying.set(false);
    }

    /// Waits for the answer to a write. The engine may crash before.
    pub async fn settle(&self, operation: &Operation, replied: oneshot::Receiver<Result<Written>>) {
        if replied.await.is_err() {
            self.world.executor.trace(format_args!("tab {}: #{} is not answered", self.tab, operation.number));
        }
    }

    /// Judges the answer to a write.
    fn judge(&self, operation: &Operation, answer: &Result<Written>, journaled: bool) {
        let number = operation.number;
        self.world.executor.trace(format_args!("tab {}: #{number} answers {answer:?}", self.tab));
        let now = self.world.version();
        let is_strict = self.options.durability == Durability::Strict && operation.ack != Ack::Accepted;
        let is_durable = is_strict || operation.ack == Ack::Durable;
        let durable = is_durable.then(|| self.world.database.borrow().durable());
        let judged = match answer {
            Ok(written) => {
                let answers = answers(written, operation.changes.len() as u64);
                self.world.oracle.borrow_mut().answered(operation, &answers, durable, now)
            }
            Err(error) => match oracle::refusal(error) {
                Some(refusal) => self.world.oracle.borrow_mut().answered(operation, &[refusal], None, now),
                None => {
                    // The reason may be older than the write: what comes before it on its session is kept for it.
                    self.forgive(error, Since { number: 0, version: 0, heard: 0 }, "a write");
                    // Whoever was not told may find it stored, or stored and not known to survive loss of power.
                    // So may another tab, before the page took it out of the journal.
                    let may_be_stored = matches!(**error, Error::ConnectionLost { .. }) || is_durable || journaled;
                    self.world.oracle.borrow_mut().failed(operation, now, may_be_stored)
                }
            },
        };
        judged.unwrap_or_else(|problem| {
            panic!("tab {}: #{number} {:?} answered {answer:?}: {problem}", self.tab, operation.changes)
        });
    }

    /// What is not answered and not in the journal, in order. It is from now on.
    pub fn to_journal(&self) -> Vec<(Rc<Operation>, Write)> {
        let mut pending = self.pending.borrow_mut();
        let missing = pending.values_mut().filter(|pending| !pending.journaled);
        let mark = |pending: &mut Pending| {
            pending.journaled = true;
            (Rc::clone(&pending.operation), pending.write.clone())
        };
        missing.map(mark).collect()
    }

    /// The journal did not take these.
    pub fn not_in_journal(&self, seqs: impl Iterator<Item = u64>) {
        let mut pending = self.pending.borrow_mut();
        for seq in seqs {
            pending.entry(seq).and_modify(|pending| pending.journaled = false);
        }
    }

    // Judging

    pub fn begin(&self) -> Since {
        let number = self.world.oracle.borrow_mut().begin();
        Since { number, version: self.world.version(), heard: self.heard() }
    }

    /// An error that is of somebody else's making is no problem; any other is.
    pub fn forgive(&self, error: &Error, since: Since, what: &str) {
        self.world.executor.trace(format_args!("tab {}: {what}: {}", self.tab, error.code()));
        let injected = self.world.oracle.borrow().was_fault(self.writer, error.code(), since.number);
        let conflict = matches!(error, Error::Conflict { .. }) && !self.is_alone;
        assert!(injected || conflict, "tab {}: {what} failed, and nobody made it fail: {error}", self.tab);
        if matches!(error, Error::Closed) {
            self.is_closed.set(true);
        }
    }

    /// The answer of a call, or `None` for an error that is forgiven and for an engine that crashed.
    pub fn unless_faulty<T>(&self, result: Option<Result<T>>, since: Since, what: &str) -> Option<T> {
        match result? {
            Ok(value) => Some(value),
            Err(error) => {
                self.forgive(&error, since, what);
                None
            }
        }
    }

    /// The commit from which on a read that began then must see a session.
    pub fn from(&self, session: usize, since: Since) -> u64 {
        since.heard.max(self.world.oracle.borrow().own_since(session, self.writer, since))
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
