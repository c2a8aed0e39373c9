//! What the engine remembers of what is stored: the records of sessions and chunks, and what it is about to store.
//!
//! 1. A clean entry is a record as this engine last read or wrote it. Writes may rest on it, for each commit checks the
//!    records that it rests on. Reads may rest on it while the engine is sure to hear of other tabs' commits: the host passes
//!    their messages on ([`Store::peer`]), and after a time in which some may have been missed ([`Store::distrust`]) the next
//!    read first holds the generation against the last one heard of.
//! 2. A dirty entry is a record that a kept write will make, or nothing where it will delete one. Only reads see it; it lies under
//!    a key of its own.

use super::Store;
use super::ask::Answer;
use super::ledger::Ledger;
use super::plan::Plan;
use crate::backend::{Backend, Key, KeyRange, Op, StoreName};
use crate::cache::{Cache, CacheOptions, CacheStats, Flights, Glob, Target, Ticket};
use crate::error::Result;
use crate::host::Host;
use crate::session::{self, Id};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::ops::Bound;
use std::rc::Rc;

/// Generations of other tabs that are heard of before those in between: 64. Beyond it some were missed.
const AHEAD_MAX: usize = 64;

/// What to forget.
#[derive(Debug, Clone)]
pub enum Invalidation {
    /// Everything.
    All,
    /// A session, with its lists.
    Session(Id),
    /// Sessions whose ids begin so.
    Prefix(String),
    /// Sessions whose ids match: `*` is any text, `?` one character.
    Pattern(String),
}

/// See the module.
pub(super) struct Memory {
    cache: RefCell<Cache<Vec<u8>>>,
    flights: Flights<Result<Option<Vec<u8>>>>,
    trusted: Cell<bool>,
    /// Every commit up to this one is known.
    generation: Cell<u64>,
    /// Commits known beyond it.
    ahead: RefCell<BTreeSet<u64>>,
    /// Keys of the dirty entries.
    dirty: RefCell<Vec<Key>>,
    /// What they rest on.
    shown: Cell<Shown>,
    /// Calls that make them.
    shows: Cell<u64>,
}

/// What the dirty entries rest on.
#[derive(Debug, Clone, Copy, Default)]
struct Shown {
    /// The number of the call that made them.
    call: u64,
    generation: u64,
    /// [`crate::queue::Queue::kept_changes`]
    kept: u64,
}

fn dirty_key(store: StoreName, key: &Key) -> Key {
    // No id begins with this byte.
    Key::from_bytes([&[u8::MAX, store as u8], key.as_bytes()].concat())
}

fn is_cached(store: StoreName) -> bool {
    matches!(store, StoreName::Sessions | StoreName::Chunks)
}

impl Memory {
    pub(super) fn new(options: CacheOptions) -> Self {
        Self {
            cache: RefCell::new(Cache::new(options)),
            flights: Flights::default(),
            trusted: Cell::new(false),
            generation: Cell::new(0),
            ahead: RefCell::default(),
            dirty: RefCell::default(),
            shown: Cell::default(),
            shows: Cell::default(),
        }
    }

    /// A record that a write may rest on, for its commit checks it.
    pub(super) fn get(&self, key: &Key, now_ms: u64) -> Option<Vec<u8>> {
        self.cache.borrow_mut().get(key, now_ms).cloned()
    }

    /// A record as a commit left it.
    pub(super) fn put(&self, key: Key, record: Vec<u8>, now_ms: u64) {
        self.cache.borrow_mut().insert(key, record, now_ms);
    }

    pub(super) fn forget(&self, target: &Target) -> usize {
        self.flights.forget(target);
        self.cache.borrow_mut().invalidate(target)
    }

    /// Forgets a session with its chunks.
    pub(super) fn forget_session(&self, id: &Id) {
        self.forget(&Target::Prefix(session::session_key(id.as_str())));
    }

    /// Forgets the chunks that a batch changes; the sessions' records follow when it is committed.
    pub(super) fn forget_changed(&self, ops: &[Op]) {
        for op in ops {
            match op {
                Op::Put(StoreName::Chunks, key, _) | Op::Delete(StoreName::Chunks | StoreName::Sessions, key) => {
                    self.forget(&Target::Key(key.clone()));
                }
                Op::DeleteRange(StoreName::Chunks, KeyRange { lower: Bound::Included(prefix), .. }) => {
                    self.forget(&Target::Prefix(prefix.clone()));
                }
                _ => {}
            }
        }
    }

    /// What is read is no older than this.
    pub(super) fn generation(&self) -> u64 {
        self.generation.get()
    }

    /// The last commit that is known, though some before it may not be.
    pub(super) fn newest(&self) -> u64 {
        self.ahead.borrow().last().map_or(0, |last| *last).max(self.generation.get())
    }

    /// Whether reads see anything that is kept.
    pub(super) fn shows_kept(&self) -> bool {
        !self.dirty.borrow().is_empty()
    }

    /// Takes note of a commit.
    pub(super) fn note(&self, generation: u64) {
        let mut ahead = self.ahead.borrow_mut();
        ahead.insert(generation);
        while let Some(&first) = ahead.first()
            && first <= self.generation.get() + 1
        {
            ahead.pop_first();
            self.generation.set(self.generation.get().max(first));
        }
        if ahead.len() > AHEAD_MAX {
            self.trusted.set(false);
        }
    }

    /// What is read from now on is no older than this generation.
    pub(super) fn trust(&self, generation: u64) {
        self.ahead.borrow_mut().retain(|ahead| *ahead > generation);
        self.generation.set(self.generation.get().max(generation));
        self.trusted.set(true);
    }
}

impl<B: Backend, H: Host> Store<B, H> {
    /// Another tab committed this: what is remembered of these sessions may be outdated.
    pub fn peer(&self, generation: u64, sessions: &[Id]) {
        for id in sessions {
            self.memory.forget_session(id);
        }
        self.memory.note(generation);
    }

    /// Messages of other tabs may have been missed.
    pub fn distrust(&self) {
        self.memory.trusted.set(false);
    }

    /// Forgets clean records; how many.
    ///
    /// # Errors
    /// [`crate::Error::InvalidArgument`] for a pattern that is too long.
    pub fn invalidate(&self, target: &Invalidation) -> Result<usize> {
        Ok(self.memory.forget(&match target {
            Invalidation::All => Target::All,
            Invalidation::Session(id) => Target::Prefix(session::session_key(id.as_str())),
            Invalidation::Prefix(prefix) => Target::Prefix(Key::from_bytes(prefix.clone().into_bytes())),
            Invalidation::Pattern(pattern) => Target::Pattern(Glob::new(pattern)?),
        }))
    }

    /// How the cache is doing.
    pub fn cache(&self) -> CacheStats {
        self.memory.cache.borrow().stats(self.host.now_ms())
    }

    /// Makes sure that what is remembered is what is stored.
    pub(super) fn trusted(&self) -> Answer<'_, Result<()>> {
        Box::pin(async move {
            if !self.memory.trusted.get() || !self.host.hears_peers() {
                let (head, exact) = self.head().await?;
                let generation = head.generation;
                if !exact || generation != self.memory.generation.get() {
                    self.memory.forget(&Target::All);
                }
                self.memory.trust(generation);
            }
            Ok(())
        })
    }

    /// Reads records as they will be once everything kept is stored, from memory where they are remembered.
    pub(super) fn recall<'a>(&'a self, store: StoreName, keys: &'a [Key]) -> Answer<'a, Result<Vec<Option<Vec<u8>>>>> {
        Box::pin(async move {
            if is_cached(store) || self.memory.shows_kept() {
                self.trusted().await?;
                // What is shown of kept writes rests on what was stored then.
                let shown = self.memory.shown.get();
                let is_old = shown.generation != self.memory.generation() && self.memory.shows_kept();
                if is_old || shown.kept != self.queue.kept_changes() {
                    self.show_kept().await?;
                }
            }
            let mut found = Vec::with_capacity(keys.len());
            let mut missing = Vec::new();
            let ticket = {
                let mut cache = self.memory.cache.borrow_mut();
                let (now_ms, dirty) = (self.host.now_ms(), !self.memory.dirty.borrow().is_empty());
                for (at, key) in keys.iter().enumerate() {
                    let mut record = None;
                    if dirty {
                        record = cache.get(&dirty_key(store, key), now_ms).cloned();
                    }
                    let is_deleted = record.as_ref().is_some_and(Vec::is_empty);
                    if record.is_none() && is_cached(store) {
                        record = cache.get(key, now_ms).cloned();
                    }
                    if record.is_none() {
                        missing.push(at);
                    }
                    found.push(record.filter(|_| !is_deleted));
                }
                cache.ticket()
            };
            let unknown: Vec<Key> = missing.iter().filter_map(|&at| keys.get(at).cloned()).collect();
            let read = match unknown.as_slice() {
                [] => return Ok(found),
                // Who asks for a record that is being read waits for the same answer.
                [key] if is_cached(store) => vec![self.memory.flights.share(key, self.get_one(store, key)).await?],
                _ => self.get(store, &unknown).await?,
            };
            for ((at, key), record) in missing.into_iter().zip(unknown).zip(read) {
                if let Some(record) = &record
                    && is_cached(store)
                {
                    self.keep(ticket, key, record.clone());
                }
                if let Some(slot) = found.get_mut(at) {
                    *slot = record;
                }
            }
            Ok(found)
        })
    }

    /// Remembers a record that was read since the ticket was taken.
    pub(super) fn keep(&self, ticket: Ticket, key: Key, record: Vec<u8>) {
        self.memory.cache.borrow_mut().insert_if_current(ticket, key, record, self.host.now_ms());
    }

    pub(super) fn ticket(&self) -> Ticket {
        self.memory.cache.borrow().ticket()
    }

    /// Whether a session's record is remembered, so that its chunks may be too.
    pub(super) fn remembers(&self, id: &Id) -> bool {
        let key = session::session_key(id.as_str());
        let dirty = !self.memory.dirty.borrow().is_empty();
        dirty || (self.memory.trusted.get() && self.memory.get(&key, self.host.now_ms()).is_some())
    }

    /// Lets reads see what is kept, and nothing of what was kept before. Until it is planned they see what they saw.
    ///
    /// # Errors
    /// What the store cannot be read for. The next read tries again.
    pub(super) async fn show_kept(&self) -> Result<()> {
        let call = self.memory.shows.get() + 1;
        self.memory.shows.set(call);
        let kept = self.queue.kept_changes();
        let (ops, generation) = self.plan_to_show().await?;
        // Another call knew more.
        if self.memory.shown.get().call > call {
            return Ok(());
        }
        self.memory.shown.set(Shown { call, generation, kept });
        let mut cache = self.memory.cache.borrow_mut();
        let mut dirty = self.memory.dirty.borrow_mut();
        for key in dirty.drain(..) {
            cache.remove(&key);
        }
        for op in ops {
            let (store, key, record) = match op {
                Op::Put(store, key, record) => (store, key, record),
                Op::Delete(StoreName::Sessions, key) => (StoreName::Sessions, key, Vec::new()),
                _ => continue,
            };
            let key = dirty_key(store, &key);
            cache.insert_dirty(key.clone(), record, self.host.now_ms());
            dirty.push(key);
        }
        Ok(())
    }

    /// What kept writes will change, and the generation that this rests on.
    async fn plan_to_show(&self) -> Result<(Vec<Op>, u64)> {
        let kept = self.queue.kept();
        if kept.is_empty() {
            return Ok((Vec::new(), self.memory.generation()));
        }
        self.trusted().await?;
        let generation = self.memory.generation();
        // Another tab may have stored some from the journal, or this one just now.
        let ledger = Ledger::new(self.ledger.writer());
        self.learn(&ledger).await?;
        let (decided, kept): (Vec<_>, Vec<_>) = kept.into_iter().partition(|(_, seq)| ledger.decided(*seq).is_some());
        for (write, _) in decided {
            self.forget(write.sessions());
        }
        let kept: Vec<_> = kept.into_iter().map(|(write, _)| write).collect();
        let mut plan = Plan::new(self, Rc::default());
        let planned = async {
            plan.load(&kept).await?;
            for write in &kept {
                // One that will be refused shows nothing.
                match plan.add(write).await {
                    Err(error) if error.is_of_storage() => return Err(error),
                    _ => {}
                }
            }
            plan.finish()
        };
        match planned.await {
            Ok(planned) => Ok((planned.map_or_else(Vec::new, |planned| planned.batch.ops), generation)),
            Err(error) if error.is_of_storage() => Err(error),
            // What is damaged hides what will become of it.
            Err(_) => Ok((Vec::new(), generation)),
        }
    }
}
