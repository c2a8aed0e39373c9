//! Sessions: metadata, and append-only lists cut into chunks.
//!
//! A session is one record in `sessions`, its [`SessionRecord`]: the metadata as JSON, and for each list a [`Directory`] that
//! says how its items are cut. The items are in `chunks`, one [`Chunk`] a record, under session id, list and index of the
//! first item. Listing sessions reads no chunk; appending reads none either until a chunk is full.
//!
//! The engine takes and gives JSON as bytes and looks into it only where it must: for the top-level fields of metadata
//! ([`metadata`]) and for the places where attachments stand ([`placeholder`]).

mod chunk;
mod directory;
mod id;
pub(crate) mod json;
pub mod metadata;
pub mod placeholder;
mod record;

pub use chunk::{Chunk, Item, chunk_key, chunk_range, list_range, parse_chunk_key, split};
pub use directory::{ChunkEntry, ChunkLimits, Directory, Span};
pub use id::{Id, ListName, UNITS_MAX};
pub use record::{ListEntry, SessionRecord, session_key};

use crate::backend::Key;
use crate::blob::Hash;
use crate::error::Result;

/// The list name under which a session's own metadata refers to attachments.
pub const METADATA_LIST: &str = "";

/// The key in `references` that says: this chunk (or with [`METADATA_LIST`] and 0, this metadata) uses that attachment.
pub fn reference_key(hash: &Hash, id: &str, list: &str, first: u64) -> Key {
    Key::new().hash(hash.as_bytes()).text(id).text(list).number(first)
}

/// Attachment and owner of a row's key: session id, list, first item.
pub fn parse_reference_key(key: &Key) -> Result<(Hash, &str, &str, u64)> {
    let mut components = key.parse();
    let hash = Hash::from_bytes(components.hash()?);
    let owner = (components.text()?, components.text()?, components.number()?);
    components.end()?;
    Ok((hash, owner.0, owner.1, owner.2))
}
