//! Attachments: content-addressed, stored once, in parts.
//!
//! An attachment is known by the SHA-256 of its original bytes (its [`struct@Hash`]). The `blobs` store says what is known of it
//! ([`Blob`]), the `parts` store holds its bytes in pieces of at most [`PART_BYTES_MAX`], and every chunk or session that
//! uses it has a row in `references`. Whoever counts references counts rows: there is no counter to get wrong.
//!
//! Invariants:
//! 1. A row in `references` implies a record in `blobs`, and that implies all of its parts.
//! 2. A transaction that adds a reference checks in that same transaction that the blob is there and not up for deletion.
//! 3. A transaction that deletes a blob checks in that same transaction that no row refers to it.

mod collect;
mod hash;
mod parts;

pub use collect::{CollectOptions, CollectReport, Due, GRACE_MS, due};
pub use hash::{Hash, sha256};
pub use parts::{PART_BYTES_MAX, PartSet, part_count, part_key, part_range, parts_of};

use crate::backend::{Key, KeyRange, Row, StoreName};
use crate::error::{Error, Result};
use crate::record::{self, Compression, Fields, Kind, Place, Reader, Writer};

/// The longest media type that is stored: 255 bytes.
pub const MEDIA_TYPE_BYTES_MAX: usize = 255;

/// An attachment as a chunk or session refers to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// SHA-256 of the original bytes.
    pub hash: Hash,
    /// Bytes of the original.
    pub size: u64,
    /// Media type that the caller gave it here; empty when unknown.
    pub media_type: String,
}

impl Fields for Reference {
    fn write(&self, out: &mut Writer) {
        out.fixed(self.hash.as_bytes());
        out.number(self.size);
        out.bytes(self.media_type.as_bytes());
    }

    fn read(from: &mut Reader<'_>) -> Self {
        Self { hash: Hash::from_bytes(from.fixed()), size: from.number(), media_type: from.text() }
    }
}

/// An attachment as a caller hands it in.
#[derive(Debug, Clone, PartialEq)]
pub enum Attachment {
    /// Its bytes, at most the engine`s limit; larger ones go through an upload.
    Bytes {
        /// Media type, at most [`MEDIA_TYPE_BYTES_MAX`] bytes; may be empty.
        media_type: String,
        /// The original bytes.
        bytes: Vec<u8>,
    },
    /// One that is stored already.
    Stored(Hash),
}

/// How an attachment's stored bytes relate to its original bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// They are the original bytes. Stored as 0.
    Identity,
}

impl Encoding {
    /// The name that reports use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
        }
    }
}

/// The record in `blobs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// Bytes of the original.
    pub size: u64,
    /// Media type that came with the first copy.
    pub media_type: String,
    /// How the parts are to be read.
    pub encoding: Encoding,
    /// SHA-256 of the stored bytes; equals the key while the encoding is the identity.
    pub stored_hash: Hash,
    /// Bytes in all parts together.
    pub stored_size: u64,
    /// Where the parts are. Not the hash, because a streamed upload stores parts before its hash is known.
    pub parts: PartSet,
    /// When the collector found it without references, in milliseconds since 1970; cleared when a reference is added.
    pub unreferenced_since: Option<u64>,
}

impl Fields for Blob {
    fn write(&self, out: &mut Writer) {
        out.number(self.size);
        out.bytes(self.media_type.as_bytes());
        out.number(match self.encoding {
            Encoding::Identity => 0,
        });
        out.fixed(self.stored_hash.as_bytes());
        out.number(self.stored_size);
        out.fixed(self.parts.as_bytes());
        out.number(self.unreferenced_since.is_some().into());
        if let Some(since) = self.unreferenced_since {
            out.number(since);
        }
    }

    fn read(from: &mut Reader<'_>) -> Self {
        Self {
            size: from.number(),
            media_type: from.text(),
            encoding: {
                if from.number() != 0 {
                    from.fail();
                }
                Encoding::Identity
            },
            stored_hash: Hash::from_bytes(from.fixed()),
            stored_size: from.number(),
            parts: PartSet::from_bytes(from.fixed()),
            unreferenced_since: from.flag().then(|| from.number()),
        }
    }
}

impl Blob {
    /// Seals the record for its key.
    pub fn seal(&self, hash: &Hash) -> Result<Vec<u8>> {
        let key = blob_key(hash);
        record::seal_fields(Place { store: StoreName::Blobs, key: &key }, Kind::Blob, self, Compression::Off)
    }

    /// Opens a record.
    pub fn open(key: &Key, record: &[u8]) -> Result<Self> {
        let place = Place { store: StoreName::Blobs, key };
        let blob: Self = record::open_fields(place, Kind::Blob, record)?;
        if blob.encoding == Encoding::Identity && blob.stored_size != blob.size {
            return Err(place.corrupt("its stored size is not its size"));
        }
        Ok(blob)
    }

    /// Opens a row of `blobs`.
    pub fn open_row(row: &Row) -> Result<(Hash, Self)> {
        Ok((Hash::from_bytes(row.key.parse().hash()?), Self::open(&row.key, &row.value)?))
    }

    /// The reference that a new user of this attachment stores.
    pub fn reference(&self, hash: Hash) -> Reference {
        Reference { hash, size: self.size, media_type: self.media_type.clone() }
    }
}

/// The key of an attachment in `blobs`.
pub fn blob_key(hash: &Hash) -> Key {
    Key::new().hash(hash.as_bytes())
}

/// The rows of `references` that name an attachment.
pub fn reference_range(hash: &Hash) -> KeyRange {
    KeyRange::prefix(Key::new().hash(hash.as_bytes()))
}

/// Refuses a media type that is too long or holds control characters.
pub fn check_media_type(media_type: &str) -> Result<()> {
    if media_type.len() > MEDIA_TYPE_BYTES_MAX {
        return Err(Error::TooLarge {
            what: "an attachment's media type".into(),
            limit: MEDIA_TYPE_BYTES_MAX as u64,
            got: media_type.len() as u64,
            unit: "bytes",
        }
        .into());
    }
    if media_type.chars().any(char::is_control) {
        return Err(Error::invalid("type", "a media type has no control characters"));
    }
    Ok(())
}
