//! The engine: the one place where the parts meet and commit.
//!
//! Writes go through the queue: [`Store::submit`] accepts an operation, [`Store::drain`] turns what has gathered into one
//! transaction after the other. A group is planned on a view of the store (`store/plan.rs`) and committed as one batch,
//! together with the head. Reads (`store/read.rs`, `store/listing.rs`) first wait for the writes accepted before them.
//!
//! Invariants, each checked by [`Store::verify`]:
//! 1. Every attachment that a chunk or a session's metadata uses has a record in `blobs`, and its bytes hash to its key.
//! 2. The rows of `references` are exactly those that the chunks and the metadata call for.
//! 3. The directories of a session name exactly its chunks, with their items and sizes.
//! 4. The counters of the head are the sums over sessions and blobs.
//! 5. The generation rises with every write transaction.

mod ask;
mod collect;
mod head;
mod housekeeping;
mod index;
pub mod journal;
mod ledger;
mod listing;
mod memory;
mod patience;
mod plan;
mod read;
mod reindex;
mod replay;
mod search;
mod tend;
mod upload;
mod verify;
mod write;

pub use collect::Collection;
pub use head::{Counters, Head, STORE_FORMAT};
pub use housekeeping::{Housekeeping, HousekeepingReport, Ownership, WRITER_KEPT_MS};
pub use index::IndexChoice;
pub use listing::{ListQuery, SessionPage};
pub use memory::Invalidation;
pub use read::{AttachmentStat, ChunkRead, ListLoad, ListStat, SessionRead, Stats};
pub use reindex::{ReindexReport, Reindexing};
pub use search::{IndexStats, SearchResult, Shown};
pub use tend::{OptimizeReport, Optimizing};
pub use upload::UPLOAD_LEASE_MS;
pub use verify::{Finding, Verification, VerifyOptions, VerifyReport};
pub use write::{Document, Documents, Write, Written};

use crate::backend::{Backend, Batch, Check, Durability, Key, Op, Outcome, Scan, StoreName};
use crate::blob::GRACE_MS;
use crate::cache::CacheOptions;
use crate::cache::Target;
use crate::error::{Error, Result};
use crate::event::{Event, What};
use crate::host::Host;
use crate::queue::{Ack, Group, Operation, Queue, QueueFigures, Terms, Verdict};
use crate::session::{ChunkLimits, Id, session_key};
use ask::{Answer, corrupt};
use futures_channel::oneshot;
use futures_lite::future::zip;
use index::Indexed;
use ledger::{Decision, Ledger};
use memory::Memory;
use plan::{Plan, Planned};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Bounds on what is stored, beside [`crate::record::RECORD_BYTES_MAX`], which they keep from being reached.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of a session's metadata as JSON: 1 MiB.
    pub metadata_bytes: usize,
    /// Bytes of an item as JSON: 2 MiB.
    pub item_bytes: usize,
    /// Attachments in one item or one session's metadata: 1,024.
    pub item_attachments: usize,
    /// Bytes of an attachment that comes with a write: 16 MiB. Larger ones go through an upload, which has no bound.
    pub attachment_bytes: usize,
    /// Lists of a session: 256.
    pub lists: usize,
    /// Chunks of a session: 65,536.
    pub session_chunks: usize,
}

/// The bounds.
pub const LIMITS: Limits = Limits {
    metadata_bytes: 1 << 20,
    item_bytes: 2 << 20,
    item_attachments: 1024,
    attachment_bytes: 16 << 20,
    lists: 256,
    session_chunks: 1 << 16,
};

/// How often something is tried anew at once when other tabs change what it rests on.
const ATTEMPTS_MAX: u32 = 16;

/// Counters before and after.
type Owed = (Counters, Counters);

/// In place of a generation: the commit was made without the head.
const FRUGAL: u64 = u64::MAX;

/// How long a group is tried anew while others are faster: 8 seconds, in milliseconds. Less than the 10 in which every call is to
/// end, and more than a page is likely to be busy, which in WebKit holds up its worker's transactions, too.
const CONTENTION_MS: u64 = 8000;

/// The longest pause before each of these tries but the first [`ATTEMPTS_MAX`], in milliseconds.
const CONTENTION_PAUSE_MS: u128 = 40;

/// How a store behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// What the acknowledgement of a write promises.
    pub durability: Durability,
    /// When a chunk is full.
    pub chunk: ChunkLimits,
    /// How long an attachment without references stays, in milliseconds.
    pub grace_ms: u64,
    /// Who numbers the writes; drawn when the store is opened if there is none. See [`Terms::seq`].
    pub writer: Option<u128>,
    /// The store held something when it was last seen. An empty one is then not made anew, but [`Error::DataLoss`].
    pub expected: bool,
    /// How much is remembered of what was read, and for how long.
    pub cache: CacheOptions,
    /// What is indexed for searching.
    pub index: IndexChoice,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            durability: Durability::Relaxed,
            chunk: ChunkLimits::default(),
            grace_ms: GRACE_MS,
            writer: None,
            expected: false,
            cache: CacheOptions::default(),
            index: IndexChoice::default(),
        }
    }
}

/// See the module.
pub struct Store<B, H> {
    backend: B,
    host: H,
    options: Options,
    queue: Queue<Write>,
    ledger: Ledger,
    /// Why writes are being kept.
    problem: RefCell<Option<Box<Error>>>,
    /// Transactions committed.
    transactions: Cell<u64>,
    /// What commits without the head changed of the counters, before and after.
    owed: Cell<Owed>,
    uploads: upload::Uploads,
    orders: listing::Orders,
    memory: Memory,
    indexed: Indexed,
    closed: Cell<bool>,
}

impl<B: Backend, H: Host> Store<B, H> {
    /// Opens a store, making it if the backend is empty. Nothing that is stored is ever removed by opening.
    ///
    /// A damaged or missing head is made again from what is stored.
    ///
    /// # Errors
    /// [`Error::NewerVersion`], [`Error::InvalidArgument`] for options out of bounds, and whatever the backend reports.
    pub async fn open(backend: B, host: H, options: Options) -> Result<Self> {
        options.chunk.check()?;
        options.cache.check()?;
        let ledger = Ledger::new(options.writer.unwrap_or_else(|| host.random()));
        let cache = options.cache;
        let store = Self {
            backend,
            host,
            options,
            queue: Queue::default(),
            ledger,
            problem: RefCell::default(),
            transactions: Cell::new(0),
            owed: Cell::default(),
            uploads: upload::Uploads::default(),
            orders: listing::Orders::default(),
            memory: Memory::new(cache),
            indexed: Indexed::default(),
            closed: Cell::new(false),
        };
        let (head, journal) = zip(store.ensure_head(), store.journal()).await;
        head?;
        store.ensure_index().await?;
        store.replay(journal?).await?;
        Ok(store)
    }

    /// The backend that it keeps everything in.
    pub fn backend(&self) -> &B {
        &self.backend
    }

    async fn ensure_head(&self) -> Result<()> {
        for _ in 0..ATTEMPTS_MAX {
            let keys = [Head::key(), head::exact_key(), self.ledger.key.clone(), index::index_key(), reindex::key()];
            let mut records = self.get(StoreName::Meta, &keys).await?;
            self.indexed.set_unfinished(records.pop().flatten().is_some());
            self.indexed.know(records.pop().flatten());
            self.ledger.know(records.pop().flatten());
            let (exact, stored) = (records.pop().flatten(), records.pop().flatten());
            let known = match stored.as_deref().map(Head::open).transpose() {
                Ok(known) => known,
                Err(error) => corrupt(error).map(|_| None)?,
            };
            if let Some(head) = &known
                && exact.as_deref().is_some_and(head::is_exact)
            {
                self.memory.trust(head.generation);
                return Ok(());
            }
            let generation = match (self.make_head(stored, &known, exact).await, known) {
                (Ok(Some(generation)), _) => generation,
                (Ok(None), _) => continue,
                // The counts stay as they are until there is room.
                (Err(error), Some(head)) if matches!(*error, Error::StorageFull { .. }) => head.generation,
                (Err(error), _) => return Err(error),
            };
            self.memory.trust(generation);
            return Ok(());
        }
        Err(Error::Conflict { attempts: ATTEMPTS_MAX }.into())
    }

    /// Makes the head, or counts anew what it says. Its generation; none when somebody else was faster.
    async fn make_head(
        &self,
        stored: Option<Vec<u8>>,
        known: &Option<Head>,
        exact: Option<Vec<u8>>,
    ) -> Result<Option<u64>> {
        let range = crate::backend::KeyRange::all();
        let is_new = stored.is_none() && self.scan(Scan::keys(StoreName::Sessions, range, 1)).await?.is_empty();
        if is_new && self.options.expected {
            return Err(Error::DataLoss.into());
        }
        let commit = |exact, put: Option<Vec<u8>>, mark: Vec<u8>, index: Option<Op>| {
            let mut ops = vec![Op::Put(StoreName::Meta, head::exact_key(), mark)];
            ops.extend(put.map(|head| Op::Put(StoreName::Meta, Head::key(), head)));
            ops.extend(index);
            let checks = vec![
                Check::still(StoreName::Meta, Head::key(), stored.clone()),
                Check::still(StoreName::Meta, head::exact_key(), exact),
            ];
            self.commit_batch(Batch { checks, ops, durability: Durability::Strict })
        };
        let (mut counters, mut exact, number) = (Counters::default(), exact, self.host.random());
        if !is_new {
            // What is deleted without the head while it counts takes this away.
            let counting = head::seal_exact(Some(number))?;
            if commit(exact, None, counting.clone(), None).await? != Outcome::Committed {
                return Ok(None);
            }
            exact = Some(counting);
            counters = self.recount().await?;
        }
        // Sessions without a readable head: the generation goes on from a number that no store has counted up to.
        let generation = match known {
            Some(head) => head.generation + 1,
            None if is_new => 0,
            None => self.host.now_ms(),
        };
        let head = Head {
            format: STORE_FORMAT,
            store_id: known.as_ref().map_or(number, |head| head.store_id),
            generation,
            metadata_generation: generation,
            segments: known.as_ref().map_or(0, |head| head.segments),
            counters,
        };
        // Whoever deleted without the head could not tell the index either.
        let index = if is_new { self.index_op()? } else { self.reindex_op()? };
        let outcome = commit(exact, Some(head.seal()?), head::seal_exact(None)?, Some(index)).await?;
        if is_new {
            self.indexed.distrust();
        } else {
            self.indexed.set_unfinished(true);
        }
        Ok((outcome == Outcome::Committed).then_some(generation))
    }

    /// Accepts a write. Its answer arrives once it is committed, after [`Store::drain`] has run.
    pub fn submit(&self, write: Write) -> Receipt {
        self.submit_as(write, Terms::default())
    }

    /// Accepts a write on these terms.
    pub fn submit_as(&self, write: Write, terms: Terms) -> Receipt {
        if self.closed.get() {
            return Receipt(None);
        }
        let bytes = write.bytes();
        Receipt(Some(self.queue.push(write, terms, bytes, self.host.now_ms())))
    }

    /// Commits what is queued, group by group, until nothing is. Returns at once if somebody else is at it.
    pub async fn drain(&self) {
        let Some(mut group) = self.queue.next_group(false) else { return };
        let mut ready = Some(self.plan(&self.work(&group)).await);
        loop {
            let work = self.work(&group);
            let touched: Vec<Id> = group.operations.iter().flat_map(|write| write.sessions()).cloned().collect();
            // The browser writes one group while the next is planned, which is mostly compressing. Should it rest on the one
            // that is being written after all, by an attachment, its checks are refused and it is planned anew.
            let ahead = async {
                let next = self.queue.full_group(|write| !write.sessions().iter().any(|id| touched.contains(id)))?;
                let plan = self.plan(&self.work(&next)).await;
                Some((next, plan))
            };
            let (answers, ahead) = zip(self.apply(&work, &touched, ready), ahead).await;
            self.settle(group, answers).await;
            // Nothing comes between a delete and its answer, for if the engine ends there, it is done once more. There may be
            // room now. If not, what comes next pays.
            self.pay().await;
            match ahead {
                Some((next, plan)) => (group, ready) = (next, Some(plan)),
                None => match self.queue.next_group(true) {
                    Some(next) => (group, ready) = (next, None),
                    None => return,
                },
            }
        }
    }

    /// Submits a write and commits it, with whatever else is queued.
    pub async fn write(&self, write: Write) -> Result<Written> {
        let receipt = self.submit(write);
        self.drain().await;
        receipt.answer().await
    }

    /// Answers a group, and keeps what was accepted and could not be stored.
    async fn settle(&self, group: Group<Write>, answers: Vec<Result<Written>>) {
        let mut problem = None;
        let mut verdicts = Vec::with_capacity(answers.len());
        for answer in answers {
            verdicts.push(match answer {
                Err(error) if error.is_of_storage() => {
                    problem = Some(error.clone());
                    Verdict::Kept(Err(error))
                }
                answer => Verdict::Answer(answer),
            });
        }
        self.queue.answer(group, verdicts, self.host.now_ms());
        if let Some(error) = &problem
            && matches!(**error, Error::ConnectionLost { .. } | Error::Blocked { .. } | Error::Closed | Error::DataLoss)
        {
            // What comes next would meet the same, and nobody is to wait for it once more.
            self.queue.fail_waiting(Err(error.clone()));
        }
        let waiting = self.queue.figures().kept;
        let kept_before = self.problem.borrow().is_some();
        if waiting > 0 || kept_before || self.memory.shows_kept() {
            // If it cannot be planned now, the next read tries.
            let _ = self.show_kept().await;
        }
        if let Some(error) = problem.filter(|_| waiting > 0) {
            self.problem.replace(Some(error.clone()));
            self.host.report(Event::Full { error, waiting });
        } else if waiting == 0 && kept_before {
            self.problem.take();
            self.host.report(Event::Room);
        }
    }

    /// How the queue is doing.
    pub fn queue(&self) -> QueueFigures {
        self.queue.figures()
    }

    /// How many transactions this engine has committed.
    pub fn transactions(&self) -> u64 {
        self.transactions.get()
    }

    /// Tries what is kept again. Says whether everything is stored now.
    pub async fn retry(&self) -> Result<()> {
        if self.queue.figures().kept > 0 {
            self.queue.retry();
            self.drain().await;
            self.queue.settled(|_| true).await;
        }
        self.problem.borrow().clone().map_or(Ok(()), Err)
    }

    fn work<'a>(&'a self, group: &'a Group<Write>) -> Work<'a> {
        let terms = (0..group.operations.len()).map(|index| group.terms(index));
        let (seqs, acks) = terms.map(|terms| (terms.seq, terms.ack)).unzip();
        Work {
            writes: &group.operations,
            seqs,
            acks,
            ledger: &self.ledger,
            durable: group.durable(),
            journal: &[],
            superseded: self.queue.superseded(group),
            given_up: self.queue.given_up(),
        }
    }

    /// Plans a group: what each operation answers if the plan is committed, and what there is to commit.
    fn plan<'a>(&'a self, work: &Work<'a>) -> Answer<'a, Draft> {
        let Work { writes, seqs, ledger, .. } = work.clone();
        Box::pin(async move {
            let config = match self.kept_config().await {
                Ok(config) => config,
                Err(error) => return Draft { answers: Vec::new(), planned: Err(error), from_memory: false },
            };
            let mut plan = Plan::new(self, config);
            if let Err(error) = plan.load(writes).await {
                return Draft { answers: Vec::new(), planned: Err(error), from_memory: false };
            }
            let mut answers: Vec<Result<Written>> = Vec::with_capacity(writes.len());
            let mut unplanned: Vec<(&Write, Box<Error>)> = Vec::new();
            for (write, seq) in writes.iter().zip(seqs) {
                let earlier = unplanned.iter().find(|(earlier, _)| write.touches(earlier));
                let answer = match (ledger.decided(seq), earlier) {
                    (Some(Decision::Stored(number)), _) => Ok(write.answer(number)),
                    (Some(Decision::Refused(why)), _) => Err(write.refusal(why)),
                    // It must not happen before one that is still to happen.
                    (None, Some((_, error))) => Err(error.clone()),
                    (None, None) => plan.add(write).await,
                };
                if let Err(error) = &answer
                    && error.is_of_storage()
                {
                    unplanned.push((write, error.clone()));
                }
                answers.push(answer);
            }
            let from_memory = plan.from_memory;
            Draft { answers, planned: plan.finish(), from_memory }
        })
    }

    /// Commits a group as it was planned, if it was, and plans it anew as often as another tab is faster.
    ///
    /// After a lost connection the ledger says whether the commit happened; if not, it is tried again.
    async fn apply(&self, work: &Work<'_>, touched: &[Id], mut ready: Option<Draft>) -> Vec<Result<Written>> {
        let all = |error: Box<Error>| work.writes.iter().map(|_| Err(error.clone())).collect();
        let (mut patience, mut lost) = (self.patience(), None);
        let until_ms = self.host.now_ms().saturating_add(CONTENTION_MS);
        let strict = self.options.durability == Durability::Strict;
        let durable = strict || work.durable;
        for attempt in 0.. {
            if attempt >= ATTEMPTS_MAX {
                if self.host.now_ms() >= until_ms {
                    return all(Error::Conflict { attempts: attempt }.into());
                }
                // Others are at it as often as we are. Whoever waits a while, each another, gets through.
                self.host.sleep((self.host.random() % CONTENTION_PAUSE_MS) as u64).await;
            }
            if work.ledger.is_in_doubt() {
                ready = None;
                if let Err(error) = self.learn(work.ledger).await {
                    return all(error);
                }
            }
            let Draft { answers, planned, from_memory } = match ready.take() {
                Some(draft) => draft,
                None => self.plan(work).await,
            };
            // What is committed is checked. An answer without a commit would rest on nothing.
            if from_memory && (answers.iter().any(Result::is_err) || !matches!(planned, Ok(Some(_)))) {
                self.forget(touched);
                continue;
            }
            let ((decided, refused), replayed) = (work.decided(&answers), work.replayed(&answers));
            let (mut planned, changes_nothing) = match planned {
                Ok(Some(planned)) => (planned, false),
                // The journal may have such a write, too: unless it is decided, another tab does it later.
                // And what was decided before may not be durable.
                Ok(None) if durable || !work.journal.is_empty() || !decided.is_empty() => {
                    (Planned::of(Batch::default()), work.journal.is_empty())
                }
                Ok(None) => return answers,
                Err(error) => return all(error),
            };
            if planned.batch.ops.iter().all(|op| matches!(op, Op::Delete(..) | Op::DeleteRange(..))) {
                planned.journal = decided.iter().map(|seq| journal::key(work.ledger.writer(), *seq)).collect();
                planned.unrecorded = work.cancelled(&decided);
                planned.is_deletes = work.writes.iter().all(|write| write.frees());
            }
            let (row_check, row, record) = match work.ledger.entry(self.host.now_ms(), &decided, &replayed, &refused) {
                Ok(entry) => entry,
                Err(error) => return all(error),
            };
            let row_index = planned.batch.checks.len();
            planned.batch.checks.push(row_check);
            planned.batch.ops.push(row);
            for (key, answer) in work.journal.iter().zip(&answers) {
                // What could not be planned for want of storage stays for the next open.
                if !answer.as_ref().is_err_and(|error| error.is_of_storage()) {
                    planned.batch.checks.push(Check::Present(StoreName::Journal, key.clone()));
                    planned.batch.ops.push(Op::Delete(StoreName::Journal, key.clone()));
                }
            }
            planned.batch.durability = if durable { Durability::Strict } else { Durability::Relaxed };
            let (sessions, raised) = (std::mem::take(&mut planned.sessions), Rc::clone(&planned.raised));
            let problem = match self.commit(planned).await {
                Ok(Outcome::Committed) => None,
                Ok(Outcome::Refused { check }) => {
                    self.forget(touched);
                    self.indexed.distrust();
                    if check == row_index
                        && let Err(error) = self.learn(work.ledger).await
                    {
                        return all(error);
                    }
                    // Its page took a write back.
                    if check > row_index {
                        return all(Error::Cancelled.into());
                    }
                    continue;
                }
                Err(error) => Some(error),
            };
            if let Some(error) = problem {
                self.forget(touched);
                if changes_nothing && !durable && matches!(*error, Error::StorageFull { .. }) {
                    // To refuse needs no room. But nobody else may have decided them meanwhile.
                    if let Err(error) = self.learn(work.ledger).await {
                        return all(error);
                    }
                    if decided.iter().any(|seq| work.ledger.decided(*seq).is_some()) {
                        continue;
                    }
                    return answers;
                }
                let failed = |error: Box<Error>| answers.iter().map(|answer| without_commit(answer, &error)).collect();
                // Without a row nothing tells whether it happened, and to do it again may be to do it twice.
                if !matches!(*error, Error::ConnectionLost { .. }) || raised.get() == FRUGAL {
                    return failed(error);
                }
                work.ledger.doubt(work.numbers(&answers));
                match self.learn(work.ledger).await {
                    Ok(stored) if stored.as_ref() == Some(&record) => {
                        // That it happened does not say that it survives loss of power.
                        if durable && let Err(error) = self.barrier().await {
                            work.ledger.know(Some(record));
                            let durable = |ack: Ack| strict || ack == Ack::Durable;
                            let answers = answers.into_iter().zip(&work.acks);
                            return answers
                                .map(
                                    |(answer, ack)| if durable(*ack) { answer.and(Err(error.clone())) } else { answer },
                                )
                                .collect();
                        }
                        lost = Some(error);
                    }
                    Ok(_) if patience.wait(&self.host).await => {
                        lost = Some(error);
                        continue;
                    }
                    Ok(_) | Err(_) => return failed(error),
                }
            }
            self.healed(lost);
            self.queue.forget_given_up(&work.given_up);
            if raised.get() == FRUGAL {
                work.ledger.remember(&decided, &work.numbers(&answers), &refused);
            } else {
                work.ledger.know(Some(record));
            }
            // Unless something newer is known already, which may have changed them.
            if self.memory.newest() <= raised.get() {
                for (id, record) in sessions {
                    self.memory.put(session_key(id.as_str()), record, self.host.now_ms());
                }
            }
            return answers;
        }
        Vec::new()
    }

    /// Forgets what is remembered of sessions: somebody else may have changed them.
    fn forget(&self, ids: &[Id]) {
        for id in ids {
            self.memory.forget_session(id);
        }
    }

    /// Reads a writer's row.
    fn learn<'a>(&'a self, ledger: &'a Ledger) -> Answer<'a, Result<Option<Vec<u8>>>> {
        Box::pin(async move {
            let stored = self.get_one(StoreName::Meta, &ledger.key).await?;
            ledger.know(stored.clone());
            Ok(stored)
        })
    }

    /// Commits a batch together with the head: generation raised, counters adjusted.
    ///
    /// Above its quota a browser refuses every transaction that puts anything. One that only deletes is then committed without
    /// the head, which follows with the next commit; until then counts are too high, and other tabs learn of it by message. Should
    /// the engine end before that, they are counted anew when the store is opened. No row says that it happened, so if its outcome
    /// is lost, it has happened if what it deletes is gone.
    fn commit(&self, planned: Planned) -> Answer<'_, Result<Outcome>> {
        let committed = self.commit_now(planned);
        Box::pin(async move {
            self.pay().await;
            // If this fails it stays owed.
            let _ = self.pay_index().await;
            committed.await
        })
    }

    /// Commits before anything that is owed.
    fn commit_now(&self, planned: Planned) -> Answer<'_, Result<Outcome>> {
        let Planned {
            batch,
            before,
            after,
            metadata_changed,
            changes,
            raised,
            journal,
            unrecorded,
            is_deletes,
            delta,
            toggled,
            ..
        } = planned;
        let (mut batch, mut changes) = (batch, changes);
        let made = Rc::clone(&raised);
        let spare = deletes_only(&batch, &journal);
        let toggled = toggled ^ index::toggled(&batch.ops) ^ delta.as_ref().map_or(0, index::Delta::number);
        let update = move |record: Option<&[u8]>| {
            let record = record.ok_or_else(|| Error::Missing { record: "meta/head".into() })?;
            let mut head = Head::open(record)?;
            head.generation += 1;
            made.set(head.generation);
            if metadata_changed {
                head.metadata_generation = head.generation;
            }
            head.segments ^= toggled;
            head.counters = head.counters.plus(after).minus(before);
            head.seal()
        };
        batch.ops.push(Op::Update(StoreName::Meta, Head::key(), Box::new(update)));
        let indexed = delta.as_ref().map_or(Ok(Vec::new()), |delta| delta.ops(&raised));
        self.memory.forget_changed(&batch.ops);
        let changed: Vec<Key> = batch.ops.iter().filter_map(changed_record).collect();
        Box::pin(async move {
            batch.ops.extend(indexed?);
            let mut outcome = self.commit_batch(batch).await;
            if let (Err(error), Some(spare)) = (&outcome, spare)
                && matches!(**error, Error::StorageFull { .. })
            {
                let tell = |seqs: Vec<u64>| {
                    if !unrecorded.is_empty() {
                        self.host.report(Event::Unrecorded { seqs });
                    }
                };
                tell(unrecorded.clone());
                outcome = self.commit_frugally(&spare).await;
                if is_deletes && outcome.as_ref().is_err_and(|error| is_lost(error)) && self.have_gone(&spare).await {
                    outcome = Ok(Outcome::Committed);
                }
                raised.set(FRUGAL);
                if !matches!(&outcome, Ok(Outcome::Committed)) && !outcome.as_ref().is_err_and(|error| is_lost(error)) {
                    tell(Vec::new());
                }
                if outcome == Ok(Outcome::Committed) {
                    let owed = self.owed.get();
                    self.owed.set((owed.0.plus(before), owed.1.plus(after)));
                    let deleted = changes.iter().filter(|change| change.what == What::Deleted);
                    self.indexed.owe(deleted.map(|change| change.session.clone()));
                    let generation = self.memory.generation();
                    self.host.report(Event::Committed { generation, changes: std::mem::take(&mut changes) });
                }
            }
            // Whoever read meanwhile may have read what was there before.
            for key in changed {
                self.memory.forget(&Target::Key(key));
            }
            let lost = outcome.as_ref().is_err_and(|error| is_lost(error));
            // After a lost connection nobody knows yet. To tell of a change that did not happen does no harm.
            if !matches!(raised.get(), 0 | FRUGAL) && (lost || outcome == Ok(Outcome::Committed)) {
                self.transactions.set(self.transactions.get() + 1);
                self.memory.note(raised.get());
                if !lost {
                    self.indexed.committed(raised.get(), delta);
                }
                self.host.report(Event::Committed { generation: raised.get(), changes });
            }
            outcome
        })
    }

    /// Commits deletes without the head.
    async fn commit_frugally(&self, spare: &Batch) -> Result<Outcome> {
        loop {
            let Some(mut batch) = deletes_only(spare, &[]) else { return Ok(Outcome::Committed) };
            let counted = batch.checks.len();
            let owes = self.owed.get() != Owed::default();
            if owes {
                batch.checks.push(Check::still(StoreName::Meta, head::exact_key(), None));
            }
            match self.commit_batch(batch).await? {
                // Somebody has counted anew what is owed.
                Outcome::Refused { check } if owes && check == counted => self.owed.set(Owed::default()),
                outcome => return Ok(outcome),
            }
        }
    }

    /// Whether the sessions that a batch deletes are gone, and its records of the journal. If they had to survive loss of power
    /// to be so, they do now.
    async fn have_gone(&self, spare: &Batch) -> bool {
        let mut checks = spare.checks.clone();
        checks.retain(|check| matches!(check, Check::Absent(StoreName::Sessions, _)));
        for op in &spare.ops {
            if let Op::Delete(store @ (StoreName::Sessions | StoreName::Journal), key) = op {
                checks.push(Check::Absent(*store, key.clone()));
            }
        }
        let mut patience = self.patience();
        loop {
            let ops = vec![Op::Delete(StoreName::Meta, head::exact_key())];
            match self.commit_batch(Batch { checks: checks.clone(), ops, durability: spare.durability }).await {
                Err(error) if patience.after(&error, &self.host).await => {}
                outcome => return outcome == Ok(Outcome::Committed),
            }
        }
    }

    /// Puts into the head what commits without it changed, unless somebody has counted or counts anew. Without room it stays owed.
    async fn pay(&self) {
        let owed = self.owed.take();
        if owed == Owed::default() {
            return;
        }
        let not_counted = Check::still(StoreName::Meta, head::exact_key(), None);
        let batch = Batch { checks: vec![not_counted], durability: self.options.durability, ..Batch::default() };
        let payment = self.commit_now(Planned { before: owed.0, after: owed.1, ..Planned::of(batch) });
        if payment.await.is_err_and(|error| matches!(*error, Error::StorageFull { .. })) {
            self.owed.set(owed);
        }
    }

    /// Commits changes that touch neither sessions nor counters.
    fn commit_ops(&self, checks: Vec<Check>, ops: Vec<Op>) -> Answer<'_, Result<Outcome>> {
        self.commit(Planned::of(Batch { checks, ops, durability: self.options.durability }))
    }

    /// The head as it is stored, and whether it is exact: deletes above the quota leave it as it is.
    fn head(&self) -> Answer<'_, Result<(Head, bool)>> {
        Box::pin(async move {
            let mut records = self.get(StoreName::Meta, &[Head::key(), head::exact_key()]).await?;
            let exact = records.pop().flatten().as_deref().is_some_and(head::is_exact);
            let head = records.pop().flatten();
            Ok((Head::open(&head.ok_or_else(|| Error::Missing { record: "meta/head".into() })?)?, exact))
        })
    }

    /// The head with exact counters.
    async fn counted_head(&self) -> Result<Head> {
        match self.head().await? {
            (head, true) => Ok(head),
            (head, false) => Ok(Head { counters: self.recount().await?, ..head }),
        }
    }

    /// Waits for every write accepted before, and refuses to go on once the store is closed.
    async fn settled(&self) -> Result<()> {
        self.settled_where(&|_| true).await
    }

    /// Waits for the writes accepted before that touch these sessions.
    async fn settled_for(&self, ids: &[Id]) -> Result<()> {
        self.settled_where(&|write| write.sessions().iter().any(|id| ids.contains(id))).await
    }

    fn settled_where<'a>(&'a self, concerns: &'a dyn Fn(&Write) -> bool) -> Answer<'a, Result<()>> {
        Box::pin(async move {
            if self.closed.get() {
                return Err(Error::Closed.into());
            }
            self.queue.settled(concerns).await;
            Ok(())
        })
    }

    /// Makes everything accepted so far survive power loss: a strict transaction is a barrier for those before it.
    ///
    /// # Errors
    /// What keeps accepted writes from being stored, if there are any: [`Error::StorageFull`] and others.
    pub async fn flush(&self) -> Result<()> {
        self.settled().await?;
        self.retry().await?;
        self.barrier().await
    }

    /// A strict transaction, which makes every one before it durable.
    async fn barrier(&self) -> Result<()> {
        let mut patience = self.patience();
        loop {
            // A barrier that was made twice is one.
            match self.commit(Planned::of(Batch { durability: Durability::Strict, ..Batch::default() })).await {
                Ok(_) => return Ok(()),
                Err(error) if patience.after(&error, &self.host).await => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Commits what is queued and lets go of the backend. Every later call fails with [`Error::Closed`].
    ///
    /// # Errors
    /// What keeps accepted writes from being stored. The store is then still open.
    pub async fn close(&self) -> Result<()> {
        if self.closed.get() {
            return Ok(());
        }
        self.drain().await;
        self.queue.settled(|_| true).await;
        self.retry().await?;
        self.closed.set(true);
        // A writer that has nothing in the journal need not be remembered. If this fails it is, for a while.
        if let Some((check, op)) = self.ledger.forget() {
            let nothing = Check::Empty(StoreName::Journal, journal::range(self.ledger.writer()));
            let _ = self.commit_ops(vec![check, nothing], vec![op]).await;
        }
        self.backend.close().await;
        Ok(())
    }
}

/// Whether nobody knows what became of it.
fn is_lost(error: &Error) -> bool {
    matches!(error, Error::ConnectionLost { .. })
}

/// What an operation of a group answers that was not committed. What rests on nothing that is stored keeps its own reason.
fn without_commit(answer: &Result<Written>, error: &Error) -> Result<Written> {
    match answer {
        Err(own) if own.is_of_arguments() => Err(own.clone()),
        _ => Err(error.clone().into()),
    }
}

/// Writes that are planned and committed together.
#[derive(Clone)]
struct Work<'a> {
    writes: &'a [Rc<Write>],
    /// The number of each among its writer's.
    seqs: Vec<u64>,
    /// When each is acknowledged.
    acks: Vec<Ack>,
    /// What is known of the writer.
    ledger: &'a Ledger,
    /// They have to survive loss of power.
    durable: bool,
    /// The records of the journal that they come from.
    journal: &'a [Key],
    /// The numbers of kept writes that a delete leaves nothing of, each with the index of the delete.
    superseded: Vec<(usize, u64)>,
    /// The numbers of writes that were given up before.
    given_up: Vec<u64>,
}

impl Work<'_> {
    /// The numbers that this commit decides, and those that it refuses. What could not be planned for want of storage is still to
    /// be stored, and what was decided before is.
    fn decided(&self, answers: &[Result<Written>]) -> (Vec<u64>, Vec<(u64, u64)>) {
        let (mut decided, mut refused) = (self.given_up.clone(), Vec::new());
        for (seq, answer) in self.seqs.iter().zip(answers) {
            if *seq == 0 || self.ledger.decided(*seq).is_some() {
                continue;
            }
            match answer {
                Err(error) if error.is_of_storage() => continue,
                Err(error) => refused.push((*seq, write::why(error))),
                Ok(_) => {}
            }
            decided.push(*seq);
        }
        for (delete, seq) in &self.superseded {
            if *seq > 0 && matches!(answers.get(*delete), Some(Ok(_))) {
                decided.push(*seq);
            }
        }
        (decided, refused)
    }

    /// Those of them that are no deletes: if nothing but deletes is committed, they came to nothing.
    fn cancelled(&self, decided: &[u64]) -> Vec<u64> {
        if !self.journal.is_empty() {
            return Vec::new();
        }
        let mut cancelled = decided.to_vec();
        for (_, seq) in self.writes.iter().zip(&self.seqs).filter(|(write, _)| write.frees()) {
            cancelled.retain(|decided| decided != seq);
        }
        cancelled.retain(|seq| !self.given_up.contains(seq));
        cancelled
    }

    /// What the writer itself will want to answer, if it is still there.
    fn replayed(&self, answers: &[Result<Written>]) -> Vec<(u64, u64)> {
        if self.journal.is_empty() { Vec::new() } else { self.numbers(answers) }
    }

    /// The answers that are numbers.
    fn numbers(&self, answers: &[Result<Written>]) -> Vec<(u64, u64)> {
        let mut numbers = Vec::new();
        for (seq, answer) in self.seqs.iter().zip(answers) {
            if let Ok(Written::Index(number) | Written::Deleted(number)) = answer
                && *seq > 0
            {
                numbers.push((*seq, *number));
            }
        }
        numbers
    }
}

/// A group that was planned.
struct Draft {
    answers: Vec<Result<Written>>,
    /// None when there is nothing to write.
    planned: Result<Option<Planned>>,
    /// It rests on what this engine remembers, not only on what it has read.
    from_memory: bool,
}

/// The promise of an answer to a write.
#[must_use = "the answer says whether the write was stored"]
pub struct Receipt(Option<oneshot::Receiver<Result<Written>>>);

impl Receipt {
    /// Waits for the answer.
    pub async fn answer(self) -> Result<Written> {
        match self.0 {
            Some(receiver) => receiver.await.unwrap_or(Err(Error::Closed.into())),
            None => Err(Error::Closed.into()),
        }
    }
}

/// The session or chunk whose record an operation changes.
fn changed_record(op: &Op) -> Option<Key> {
    match op {
        Op::Put(StoreName::Chunks | StoreName::Sessions, key, _)
        | Op::Delete(StoreName::Chunks | StoreName::Sessions, key) => Some(key.clone()),
        _ => None,
    }
}

/// The deletes of a batch, if it puts nothing but what `meta` keeps of its writer; of the record that says that the counts are
/// exact; and of records of the journal, which would be done once more as nothing says that they are decided.
fn deletes_only(batch: &Batch, journal: &[Key]) -> Option<Batch> {
    let mut spare = Batch { checks: batch.checks.clone(), durability: batch.durability, ..Batch::default() };
    for op in &batch.ops {
        spare.ops.push(match op {
            Op::Delete(store, key) => Op::Delete(*store, key.clone()),
            Op::DeleteRange(store, range) => Op::DeleteRange(*store, range.clone()),
            Op::Put(StoreName::Meta, ..) => continue,
            Op::Put(..) | Op::Update(..) => return None,
        });
    }
    spare.ops.extend(journal.iter().map(|key| Op::Delete(StoreName::Journal, key.clone())));
    if spare.ops.is_empty() {
        return None;
    }
    spare.ops.push(Op::Delete(StoreName::Meta, head::exact_key()));
    Some(spare)
}
