//! What the engine tells its host without being asked.

use crate::error::Error;
use crate::session::{Id, ListName};

/// What happened to a session in a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Its metadata was stored or changed.
    Metadata,
    /// It was deleted with all that it had.
    Deleted,
    /// All of it was stored in place of what was there.
    Saved,
    /// Items were added at the end of a list.
    Appended {
        /// The list.
        list: ListName,
        /// Index of the first.
        from: u64,
        /// Index after the last.
        to: u64,
    },
    /// An item was replaced.
    Set {
        /// The list.
        list: ListName,
        /// Its index.
        index: u64,
    },
}

/// One change of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The session.
    pub session: Id,
    /// What happened to it.
    pub what: What,
}

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// This engine committed something.
    Committed {
        /// The generation that the commit made.
        generation: u64,
        /// What it changed, in order. Appends to one list are one change. Empty for work that no reader sees.
        changes: Vec<Change>,
    },
    /// Storage is full, and accepted writes are being kept until there is room.
    Full {
        /// `StorageFull`, or what else keeps them from being stored.
        error: Box<Error>,
        /// How many are kept.
        waiting: u64,
    },
    /// Every write that was kept is stored or decided.
    Room,
    /// Without room, a commit of deletes is about to decide these writes of the engine's own writer, which they leave nothing of, and
    /// cannot record that it did. Should the engine end before it answers them, nobody knows, and to send them again may be to
    /// store them twice. None: that commit failed.
    Unrecorded {
        /// Their numbers.
        seqs: Vec<u64>,
    },
    /// The connection is to be opened again, and another tab keeps that from happening.
    Blocked {
        /// `Blocked`.
        error: Box<Error>,
    },
    /// The connection was lost, and works again.
    Healed {
        /// What was wrong.
        cause: Box<Error>,
    },
    /// A write that the journal held was refused when it was replayed.
    Failed {
        /// Why.
        error: Box<Error>,
    },
}
