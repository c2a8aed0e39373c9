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
mod listing;
mod plan;
mod read;
mod recent;
mod upload;
mod verify;
mod write;

pub use collect::Collection;
pub use head::{Counters, Head, STORE_FORMAT};
pub use listing::{ListQuery, SessionPage};
pub use read::{AttachmentStat, ChunkRead, ListLoad, ListStat, SessionRead, Stats};
pub use upload::UPLOAD_LEASE_MS;
pub use verify::{Finding, Verification, VerifyOptions, VerifyReport};
pub use write::{Document, Documents, Write, Written};

use crate::backend::{Backend, Batch, Check, Durability, Op, Outcome, Scan, StoreName};
use crate::blob::GRACE_MS;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::queue::Queue;
use crate::session::{ChunkLimits, Id};
use ask::Answer;
use futures_channel::oneshot;
use futures_lite::future::zip;
use plan::{Plan, Planned};
use recent::Recent;
use std::cell::Cell;

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

/// How often a group is planned anew when other tabs change what it rests on.
const ATTEMPTS_MAX: u32 = 16;

/// How a store behaves.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// What the acknowledgement of a write promises.
    pub durability: Durability,
    /// When a chunk is full.
    pub chunk: ChunkLimits,
    /// How long an attachment without references stays, in milliseconds.
    pub grace_ms: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { durability: Durability::Relaxed, chunk: ChunkLimits::default(), grace_ms: GRACE_MS }
    }
}

/// See the module.
pub struct Store<B, H> {
    backend: B,
    host: H,
    options: Options,
    queue: Queue<Write, Result<Written>>,
    uploads: upload::Uploads,
    orders: listing::Orders,
    recent: Recent,
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
        let store = Self {
            backend,
            host,
            options,
            queue: Queue::default(),
            uploads: upload::Uploads::default(),
            orders: listing::Orders::default(),
            recent: Recent::default(),
            closed: Cell::new(false),
        };
        store.ensure_head().await?;
        Ok(store)
    }

    /// The backend that it keeps everything in.
    pub fn backend(&self) -> &B {
        &self.backend
    }

    async fn ensure_head(&self) -> Result<()> {
        for _ in 0..ATTEMPTS_MAX {
            let stored = self.get_one(StoreName::Meta, &Head::key()).await?;
            match stored.as_deref().map(Head::open).transpose() {
                Ok(Some(_)) => return Ok(()),
                Ok(None) => {}
                Err(error) if error.is_corrupt() => {}
                Err(error) => return Err(error),
            }
            // Sessions without a readable head: their totals are recomputed, and the generation goes on from a number that
            // no store has counted up to.
            let range = crate::backend::KeyRange::all();
            let is_new = stored.is_none() && self.scan(Scan::keys(StoreName::Sessions, range, 1)).await?.is_empty();
            let generation = if is_new { 0 } else { self.host.now_ms() };
            let counters = if is_new { Counters::default() } else { self.recount().await? };
            let head = Head {
                format: STORE_FORMAT,
                store_id: self.host.random(),
                generation,
                metadata_generation: generation,
                counters,
            };
            let check = Check::still(StoreName::Meta, Head::key(), stored);
            let batch = Batch {
                checks: vec![check],
                ops: vec![Op::Put(StoreName::Meta, Head::key(), head.seal()?)],
                durability: Durability::Strict,
            };
            if self.commit_batch(batch).await? == Outcome::Committed {
                return Ok(());
            }
        }
        Err(Error::Conflict { attempts: ATTEMPTS_MAX }.into())
    }

    /// Accepts a write. Its answer arrives once it is committed, after [`Store::drain`] has run.
    pub fn submit(&self, write: Write) -> Receipt {
        if self.closed.get() {
            return Receipt(None);
        }
        let bytes = write.bytes();
        Receipt(Some(self.queue.push(write, bytes)))
    }

    /// Commits what is queued, group by group, until nothing is. Returns at once if somebody else is at it.
    pub async fn drain(&self) {
        let Some(first) = self.queue.next_group(false) else { return };
        let mut ready = Some(self.plan(&first.operations).await);
        let mut group = first;
        loop {
            let touched: Vec<Id> = group.operations.iter().flat_map(Write::sessions).cloned().collect();
            // The browser writes one group while the next is planned, which is mostly compressing. Should it rest on the one
            // that is being written after all, by an attachment, its checks are refused and it is planned anew.
            let ahead = async {
                let next = self.queue.full_group(|write| !write.sessions().iter().any(|id| touched.contains(id)))?;
                let plan = self.plan(&next.operations).await;
                Some((next, plan))
            };
            let (answers, ahead) = zip(self.apply(&group.operations, &touched, ready), ahead).await;
            self.queue.answer(group, answers);
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

    /// Plans a group: what each operation answers if the plan is committed, and what there is to commit.
    fn plan<'a>(&'a self, writes: &'a [Write]) -> Answer<'a, Draft> {
        Box::pin(async move {
            let mut plan = Plan::new(self);
            if let Err(error) = plan.load(writes, &self.recent).await {
                return Draft { answers: Vec::new(), planned: Err(error), from_memory: false };
            }
            let mut answers = Vec::with_capacity(writes.len());
            for write in writes {
                answers.push(plan.add(write).await);
            }
            let from_memory = plan.from_memory;
            Draft { answers, planned: plan.finish(), from_memory }
        })
    }

    /// Commits a group as it was planned, if it was, and plans it anew as often as another tab is faster.
    async fn apply(&self, writes: &[Write], touched: &[Id], mut ready: Option<Draft>) -> Vec<Result<Written>> {
        let all = |error: Box<Error>| writes.iter().map(|_| Err(error.clone())).collect();
        for _ in 0..ATTEMPTS_MAX {
            let Draft { answers, planned, from_memory } = match ready.take() {
                Some(draft) => draft,
                None => self.plan(writes).await,
            };
            // What is committed is checked. An answer without a commit would rest on nothing.
            if from_memory && (answers.iter().any(Result::is_err) || !matches!(planned, Ok(Some(_)))) {
                self.recent.clear();
                continue;
            }
            let mut planned = match planned {
                Ok(Some(planned)) => planned,
                Ok(None) => return answers,
                Err(error) => return all(error),
            };
            let sessions = std::mem::take(&mut planned.sessions);
            match self.commit(planned).await {
                Ok(Outcome::Committed) => {
                    self.recent.put(touched, sessions);
                    return answers;
                }
                Ok(Outcome::Refused { .. }) => self.recent.clear(),
                // What failed before the commit keeps its own reason.
                Err(error) => {
                    self.recent.clear();
                    return answers.into_iter().map(|answer| answer.and(Err(error.clone()))).collect();
                }
            }
        }
        all(Error::Conflict { attempts: ATTEMPTS_MAX }.into())
    }

    /// Commits a batch together with the head: generation raised, counters adjusted.
    fn commit(&self, planned: Planned) -> Answer<'_, Result<Outcome>> {
        let Planned { mut batch, before, after, metadata_changed, .. } = planned;
        let update = move |record: Option<&[u8]>| {
            let record = record.ok_or_else(|| Error::Missing { record: "meta/head".into() })?;
            let mut head = Head::open(record)?;
            head.generation += 1;
            if metadata_changed {
                head.metadata_generation = head.generation;
            }
            head.counters = head.counters.plus(after).minus(before);
            head.seal()
        };
        batch.ops.push(Op::Update(StoreName::Meta, Head::key(), Box::new(update)));
        self.commit_batch(batch)
    }

    /// Commits changes that touch neither sessions nor counters.
    fn commit_ops(&self, checks: Vec<Check>, ops: Vec<Op>) -> Answer<'_, Result<Outcome>> {
        self.commit(Planned::of(Batch { checks, ops, durability: self.options.durability }))
    }

    /// The head as it is stored.
    async fn head(&self) -> Result<Head> {
        let record = self.get_one(StoreName::Meta, &Head::key()).await?;
        Head::open(&record.ok_or_else(|| Error::Missing { record: "meta/head".into() })?)
    }

    /// Waits for every write accepted before, and refuses to go on once the store is closed.
    async fn settled(&self) -> Result<()> {
        if self.closed.get() {
            return Err(Error::Closed.into());
        }
        self.queue.settled().await;
        Ok(())
    }

    /// Makes everything committed so far survive power loss: a strict transaction is a barrier for those before it.
    pub async fn flush(&self) -> Result<()> {
        self.settled().await?;
        self.commit(Planned::of(Batch { durability: Durability::Strict, ..Batch::default() })).await?;
        Ok(())
    }

    /// Commits what is queued and lets go of the backend. Every later call fails with [`Error::Closed`].
    pub async fn close(&self) {
        if self.closed.replace(true) {
            return;
        }
        self.drain().await;
        self.queue.settled().await;
        self.backend.close().await;
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
