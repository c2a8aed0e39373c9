//! The head: one small record that every write transaction reads and raises.

use crate::backend::{Key, StoreName};
use crate::error::Result;
use crate::record::{self, Compression, Fields, Kind, Place, Reader, Writer};

/// The newest store format that this build opens, and the one it creates.
pub const STORE_FORMAT: u32 = 1;

/// The key of the record in `meta` that says that the counters are exact. It is deleted together with what a transaction without the
/// head deletes, and comes back when they have been counted anew.
pub(super) fn exact_key() -> Key {
    Key::new().text("exact")
}

/// That record. With the number of whoever counts in it, it says that somebody is at it: should anything be deleted without the
/// head meanwhile, it is gone, and the count is worth nothing.
pub(super) fn seal_exact(counting: Option<u128>) -> Result<Vec<u8>> {
    let key = exact_key();
    let payload = counting.map_or_else(Vec::new, |number| number.to_le_bytes().to_vec());
    record::seal(Place { store: StoreName::Meta, key: &key }, Kind::Exact, &payload, Compression::Off)
}

/// Whether that record says that they are. A damaged one does not.
pub(super) fn is_exact(record: &[u8]) -> bool {
    let key = exact_key();
    record::open(Place { store: StoreName::Meta, key: &key }, Kind::Exact, record)
        .is_ok_and(|payload| payload.is_empty())
}

/// Totals over the whole store, kept exact by every transaction and recomputed by `verify`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Sessions.
    pub sessions: u64,
    /// Items in all lists.
    pub items: u64,
    /// Chunks of all lists.
    pub chunks: u64,
    /// Attachments, each once.
    pub attachments: u64,
    /// Bytes of JSON as it was handed in: metadata and items.
    pub json_bytes: u64,
    /// Bytes of the records that hold it.
    pub json_stored: u64,
    /// Bytes of the attachments' originals, each once.
    pub attachment_bytes: u64,
    /// Bytes of the attachments as they are stored.
    pub attachment_stored: u64,
    /// Bytes of the attachments' originals, as often as they are used.
    pub used_bytes: u64,
}

impl Counters {
    fn zip(self, other: Self, with: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            sessions: with(self.sessions, other.sessions),
            items: with(self.items, other.items),
            chunks: with(self.chunks, other.chunks),
            attachments: with(self.attachments, other.attachments),
            json_bytes: with(self.json_bytes, other.json_bytes),
            json_stored: with(self.json_stored, other.json_stored),
            attachment_bytes: with(self.attachment_bytes, other.attachment_bytes),
            attachment_stored: with(self.attachment_stored, other.attachment_stored),
            used_bytes: with(self.used_bytes, other.used_bytes),
        }
    }

    /// The figures with their names.
    pub(super) fn figures(&self) -> [(&'static str, u64); 9] {
        [
            ("sessions", self.sessions),
            ("items", self.items),
            ("chunks", self.chunks),
            ("attachments", self.attachments),
            ("json_bytes", self.json_bytes),
            ("json_stored", self.json_stored),
            ("attachment_bytes", self.attachment_bytes),
            ("attachment_stored", self.attachment_stored),
            ("used_bytes", self.used_bytes),
        ]
    }

    /// These and those.
    pub fn plus(self, other: Self) -> Self {
        self.zip(other, u64::saturating_add)
    }

    /// These without those.
    pub fn minus(self, other: Self) -> Self {
        self.zip(other, u64::saturating_sub)
    }
}

/// The record `head` in `meta`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Format of the whole store.
    pub format: u32,
    /// Made once, when the store was created.
    pub store_id: u128,
    /// Raised by every write transaction.
    pub generation: u64,
    /// The generation in which a session's metadata last changed; while it stands still, listings keep their order.
    pub metadata_generation: u64,
    /// The numbers of all segments of the index, joined by exclusive or: tells whether one is gone.
    pub segments: u64,
    /// Totals.
    pub counters: Counters,
}

impl Fields for Counters {
    fn write(&self, out: &mut Writer) {
        for (_, figure) in self.figures() {
            out.number(figure);
        }
    }

    fn read(from: &mut Reader<'_>) -> Self {
        Self {
            sessions: from.number(),
            items: from.number(),
            chunks: from.number(),
            attachments: from.number(),
            json_bytes: from.number(),
            json_stored: from.number(),
            attachment_bytes: from.number(),
            attachment_stored: from.number(),
            used_bytes: from.number(),
        }
    }
}

impl Fields for Head {
    fn write(&self, out: &mut Writer) {
        out.number(self.format.into());
        out.fixed(&self.store_id.to_le_bytes());
        out.number(self.generation);
        out.number(self.metadata_generation);
        out.number(self.segments);
        self.counters.write(out);
    }

    fn read(from: &mut Reader<'_>) -> Self {
        Self {
            format: from.small(),
            store_id: u128::from_le_bytes(from.fixed()),
            generation: from.number(),
            metadata_generation: from.number(),
            segments: from.number(),
            counters: Counters::read(from),
        }
    }
}

impl Head {
    /// Its key in `meta`.
    pub fn key() -> Key {
        Key::new().text("head")
    }

    /// Seals it.
    pub fn seal(&self) -> Result<Vec<u8>> {
        let key = Self::key();
        record::seal_fields(Place { store: StoreName::Meta, key: &key }, Kind::Head, self, Compression::Off)
    }

    /// Opens it.
    ///
    /// # Errors
    /// [`crate::Error::NewerVersion`] when a newer version made the store, [`crate::Error::Corrupt`] when it is damaged.
    pub fn open(record: &[u8]) -> Result<Self> {
        let key = Self::key();
        let head: Self = record::open_fields(Place { store: StoreName::Meta, key: &key }, Kind::Head, record)?;
        if head.format > STORE_FORMAT {
            return Err(crate::Error::NewerVersion { found: head.format, supported: STORE_FORMAT }.into());
        }
        Ok(head)
    }
}
