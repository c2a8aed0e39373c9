//! What is put into an index: entries, and tombstones of what they replace.

use crate::error::{Error, Result};
use crate::session::{Id, ListName};

/// A session's metadata or an item of one of its lists, as far as it is indexed.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The session.
    pub session: Id,
    /// List and index of the item; none: the metadata.
    pub at: Option<(ListName, u64)>,
    /// Values of fields, by the fields' numbers. A field that is not there has no value.
    pub values: Vec<(usize, Value)>,
}

/// A field's value in an entry.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Of a keyword field: its texts. Only the first [`KEYWORD_BYTES_MAX`] bytes of each count.
    Keywords(Vec<String>),
    /// Of a number or date field.
    Number(f64),
    /// Of a text field: one or more texts. No phrase spans two of them.
    Text(Vec<String>),
}

/// The bytes of a keyword that are compared: 1 KiB.
pub const KEYWORD_BYTES_MAX: usize = 1024;

/// The bytes of a term that are compared: 255.
pub const TERM_BYTES_MAX: usize = 255;

/// Which entries of a session a tombstone kills.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// All of them.
    All,
    /// Its metadata.
    Metadata,
    /// An item of a list.
    Item(ListName, u64),
}

/// Kills what older segments say of a session.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tombstone {
    /// The session.
    pub session: Id,
    /// Which of its entries.
    pub scope: Scope,
}

/// The beginning of a text, at most so many bytes and whole characters.
pub(super) fn cut(text: &str, bytes: usize) -> &str {
    if text.len() <= bytes {
        return text;
    }
    let end = (0..=bytes).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

/// An item's index as segments hold it.
pub(super) fn item_index(index: u64) -> Result<u32> {
    u32::try_from(index).map_err(|_| {
        let what = "the index of an item in a list".into();
        Error::TooLarge { what, limit: u32::MAX.into(), got: index, unit: "items" }.into()
    })
}
