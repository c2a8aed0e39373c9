//! The seam between the engine and what keeps its bytes.
//!
//! A [`Backend`] holds ordered maps from [`Key`] to bytes, one per [`StoreName`]. It knows nothing of sessions, chunks or
//! envelopes. [`memory::Memory`] is the reference; `web::IndexedDb` is the one that ships. One conformance suite
//! (`tests/conformance`) runs on both, and its names are the contract in tests.
//!
//! What holds for every backend:
//! 1. [`Backend::commit`] is all or nothing, and serialised with every other commit on the same database, in this tab or
//!    another: its checks and updates see the state that its operations change.
//! 2. A read sees every commit that was acknowledged before the read began, and never part of one.
//! 3. A commit that returned an error other than [`ConnectionLost`](crate::Error::ConnectionLost) left no trace. After `ConnectionLost` the
//!    outcome is unknown until the store is read again.

mod key;
pub mod memory;

pub use key::{Components, Key};

use crate::error::Result;
use std::ops::Bound;

/// The object stores of a hoard. The names are part of the stored format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StoreName {
    /// name → the head (format, generation, counters) and upload pins.
    Meta,
    /// id → metadata and list directories.
    Sessions,
    /// id, list, first item → items.
    Chunks,
    /// hash → what is known of an attachment.
    Blobs,
    /// part set, n → at most 1 MiB of an attachment.
    Parts,
    /// hash, id, list, first item → empty.
    References,
    /// n → one immutable index segment.
    Segments,
    /// n → operations accepted but not yet committed when the page went away.
    Journal,
}

impl StoreName {
    /// Every store, in the order of the variants.
    pub const ALL: [Self; 8] = [
        Self::Meta,
        Self::Sessions,
        Self::Chunks,
        Self::Blobs,
        Self::Parts,
        Self::References,
        Self::Segments,
        Self::Journal,
    ];

    /// The name of the IndexedDB object store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Sessions => "sessions",
            Self::Chunks => "chunks",
            Self::Blobs => "blobs",
            Self::Parts => "parts",
            Self::References => "references",
            Self::Segments => "segments",
            Self::Journal => "journal",
        }
    }
}

/// A range of keys, each end included, excluded or open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRange {
    /// Where it starts.
    pub lower: Bound<Key>,
    /// Where it ends.
    pub upper: Bound<Key>,
}

impl KeyRange {
    /// Every key.
    pub fn all() -> Self {
        Self { lower: Bound::Unbounded, upper: Bound::Unbounded }
    }

    /// Every key that starts with `prefix`, the prefix itself included.
    pub fn prefix(prefix: Key) -> Self {
        let upper = prefix.successor_of_prefix().map_or(Bound::Unbounded, Bound::Excluded);
        Self { lower: Bound::Included(prefix), upper }
    }

    /// The rest of this range after `key`, for reading on from a page's last key.
    pub fn after(self, key: Key) -> Self {
        Self { lower: Bound::Excluded(key), upper: self.upper }
    }

    /// Whether no key can lie in it. Backends answer such a range without asking (IndexedDB throws on it).
    pub fn is_empty(&self) -> bool {
        match (&self.lower, &self.upper) {
            (Bound::Included(lower), Bound::Included(upper)) => lower > upper,
            (Bound::Included(lower) | Bound::Excluded(lower), Bound::Included(upper) | Bound::Excluded(upper)) => {
                lower >= upper
            }
            _ => false,
        }
    }
}

/// Which way a scan runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// From the smallest key up.
    #[default]
    Forward,
    /// From the largest key down.
    Reverse,
}

/// A request for one page of records in key order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// Where to look.
    pub store: StoreName,
    /// Which keys.
    pub range: KeyRange,
    /// At most this many records; at least 1.
    pub limit: usize,
    /// Which end of the range comes first.
    pub direction: Direction,
    /// Leave the values out: every [`Row::value`] is then empty.
    pub keys_only: bool,
}

impl Scan {
    /// The first `limit` records of a range, in ascending order, with their values.
    pub fn new(store: StoreName, range: KeyRange, limit: usize) -> Self {
        Self { store, range, limit, direction: Direction::Forward, keys_only: false }
    }

    /// The same without values.
    pub fn keys(store: StoreName, range: KeyRange, limit: usize) -> Self {
        Self { keys_only: true, ..Self::new(store, range, limit) }
    }

    /// The same from the other end.
    pub fn reverse(self) -> Self {
        Self { direction: Direction::Reverse, ..self }
    }
}

/// A record as a scan returns it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its key.
    pub key: Key,
    /// Its value; empty when the scan asked for keys only.
    pub value: Vec<u8>,
}

/// What a commit requires of the stored state. If one does not hold, nothing is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// No record has this key.
    Absent(StoreName, Key),
    /// Some record has this key.
    Present(StoreName, Key),
    /// The record has exactly this value.
    Unchanged(StoreName, Key, Vec<u8>),
    /// No record's key lies in the range.
    Empty(StoreName, KeyRange),
}

impl Check {
    /// That a record still is what was read: this value, or not there.
    pub fn still(store: StoreName, key: Key, read: Option<Vec<u8>>) -> Self {
        match read {
            Some(value) => Self::Unchanged(store, key, value),
            None => Self::Absent(store, key),
        }
    }
}

/// Computes a new value from the stored one, inside the transaction. It must be quick and touch nothing else; an error
/// aborts the commit and is what the commit returns.
pub type Update = Box<dyn FnOnce(Option<&[u8]>) -> Result<Vec<u8>>>;

/// One change.
pub enum Op {
    /// Writes a record, new or not.
    Put(StoreName, Key, Vec<u8>),
    /// Removes a record if it is there.
    Delete(StoreName, Key),
    /// Removes every record whose key lies in the range.
    DeleteRange(StoreName, KeyRange),
    /// Reads a record and writes what the function makes of it. Sees the state before the batch.
    Update(StoreName, Key, Update),
}

impl std::fmt::Debug for Op {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Put(store, key, value) => write!(f, "Put({store:?}, {key:?}, {} bytes)", value.len()),
            Self::Delete(store, key) => write!(f, "Delete({store:?}, {key:?})"),
            Self::DeleteRange(store, range) => write!(f, "DeleteRange({store:?}, {range:?})"),
            Self::Update(store, key, _) => write!(f, "Update({store:?}, {key:?})"),
        }
    }
}

/// How much a commit's acknowledgement promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Survives the death of the process.
    #[default]
    Relaxed,
    /// Survives power loss, and so does every commit acknowledged before it on the same database. Not for a batch without
    /// operations: it writes nothing, and so is no barrier.
    Strict,
}

/// Changes that happen together or not at all.
#[derive(Debug, Default)]
pub struct Batch {
    /// What must hold for anything to be written. Checked first, against the state before the batch.
    pub checks: Vec<Check>,
    /// The changes, applied in this order.
    pub ops: Vec<Op>,
    /// What the acknowledgement promises.
    pub durability: Durability,
}

/// What became of a batch that met no error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Every operation is stored.
    Committed,
    /// The check with this index did not hold; nothing was written.
    Refused {
        /// Index into [`Batch::checks`].
        check: usize,
    },
}

/// What keeps the bytes. See the module for what holds for every implementation.
#[expect(async_fn_in_trait, reason = "the engine runs on one thread; no future is sent")]
pub trait Backend {
    /// Reads records by key, in one transaction. The answer has one entry for each key, in the same order, `None` where
    /// there is no record. An empty slice is answered without a transaction.
    async fn get(&self, store: StoreName, keys: &[Key]) -> Result<Vec<Option<Vec<u8>>>>;

    /// Reads one page of a range. Fewer rows than the limit means that the range ends there. No cursor stays open: a
    /// next page is a new scan with [`KeyRange::after`], or, in reverse, one whose upper bound excludes the last key.
    async fn scan(&self, scan: Scan) -> Result<Vec<Row>>;

    /// Applies a batch atomically. Checks come first; then every [`Op::Update`] function is called with the value before
    /// the batch; then all operations are sent in one burst. Returns when the transaction is complete, not when its
    /// requests succeeded. Nothing outside the transaction is awaited on the way. A batch without operations only checks.
    async fn commit(&self, batch: Batch) -> Result<Outcome>;

    /// Lets go of the storage. Every later call fails with [`Error::Closed`](crate::Error::Closed).
    async fn close(&self);
}
