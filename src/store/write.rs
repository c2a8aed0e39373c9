//! What can be written: the operations, and what each answers.

use crate::blob::{Attachment, Reference};
use crate::error::{Error, Result};
use crate::queue::Operation;
use crate::session::{Id, ListName};

/// A JSON text with the attachments that it uses.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Document {
    /// The text, UTF-8. `{"$attachment":n}` in it is entry n of the table.
    pub json: Vec<u8>,
    /// The table.
    pub attachments: Vec<Attachment>,
}

/// Several JSON texts with one table.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Documents {
    /// The texts end to end, nothing between them.
    pub json: Vec<u8>,
    /// Bytes of each text.
    pub lengths: Vec<u32>,
    /// The table.
    pub attachments: Vec<Attachment>,
}

/// A logical operation: it is stored whole or not at all.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// A new session without items. `AlreadyExists` when the id is taken.
    Create {
        /// Its id.
        id: Id,
        /// Its metadata.
        metadata: Document,
    },
    /// The metadata of a session, new or not; its lists stay.
    Put {
        /// Its id.
        id: Id,
        /// Its metadata.
        metadata: Document,
    },
    /// Some top-level fields of a session's metadata. `NotFound` when there is no such session.
    Update {
        /// Its id.
        id: Id,
        /// The fields to set.
        patch: Document,
        /// The fields to remove.
        remove: Vec<String>,
    },
    /// Sessions with all they have. Ids without a session are passed over; answers how many there were.
    Delete {
        /// Their ids.
        ids: Vec<Id>,
    },
    /// A whole session; what was stored under its id goes.
    Save {
        /// Its id.
        id: Id,
        /// Its metadata.
        metadata: Document,
        /// Its lists.
        lists: Vec<(ListName, Documents)>,
    },
    /// Items at the end of a list, which is made if need be. Answers the index of the first. `NotFound` without the session.
    Append {
        /// The session's id.
        id: Id,
        /// The list's name.
        list: ListName,
        /// The items.
        items: Documents,
    },
    /// One item of a list, replaced. `NotFound` when the list has no such item.
    Set {
        /// The session's id.
        id: Id,
        /// The list's name.
        list: ListName,
        /// The item's index.
        index: u64,
        /// The item.
        item: Document,
    },
    /// An attachment without a reference yet; it stays for the grace period.
    Attach(Attachment),
    /// The open chunks at the end of a list as one. Changes nothing that a reader sees.
    Merge {
        /// The session's id.
        id: Id,
        /// The list's name.
        list: ListName,
    },
}

/// What a write answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Written {
    /// It is stored, and there is nothing more to say.
    Done,
    /// How many sessions were deleted.
    Deleted(u64),
    /// Index of the first item appended.
    Index(u64),
    /// The attachment as it can be referred to.
    Attached(Reference),
}

impl Operation for Write {
    type Answer = Result<Written>;

    fn touches(&self, other: &Self) -> bool {
        self.sessions().iter().any(|id| other.sessions().contains(id))
    }

    fn frees(&self) -> bool {
        matches!(self, Self::Delete { .. })
    }

    fn supersedes(&self, other: &Self) -> bool {
        let mut ids = other.sessions().iter();
        self.frees() && !other.sessions().is_empty() && ids.all(|id| self.sessions().contains(id))
    }

    fn happened(answer: &Self::Answer) -> bool {
        answer.is_ok()
    }

    fn done() -> Self::Answer {
        Ok(Written::Done)
    }
}

impl Document {
    fn bytes(&self) -> usize {
        self.json.len() + attachment_bytes(&self.attachments)
    }
}

impl Documents {
    fn bytes(&self) -> usize {
        self.json.len() + attachment_bytes(&self.attachments)
    }
}

fn attachment_bytes(attachments: &[Attachment]) -> usize {
    let bytes = |attachment: &Attachment| match attachment {
        Attachment::Bytes { bytes, .. } => bytes.len(),
        Attachment::Stored(_) => 0,
    };
    attachments.iter().map(bytes).sum()
}

impl Write {
    /// The sessions that it touches.
    pub fn sessions(&self) -> &[Id] {
        match self {
            Self::Create { id, .. }
            | Self::Put { id, .. }
            | Self::Update { id, .. }
            | Self::Save { id, .. }
            | Self::Append { id, .. }
            | Self::Set { id, .. }
            | Self::Merge { id, .. } => std::slice::from_ref(id),
            Self::Delete { ids } => ids,
            Self::Attach(_) => &[],
        }
    }

    /// The answer of a write that another engine stored.
    pub(super) fn answer(&self, number: Option<u64>) -> Written {
        match (self, number) {
            (Self::Append { .. }, Some(number)) => Written::Index(number),
            (Self::Delete { .. }, Some(number)) => Written::Deleted(number),
            _ => Written::Done,
        }
    }

    /// The error of a write that was refused, from what [`why`] made of it.
    pub(super) fn refusal(&self, why: u64) -> Box<Error> {
        let name = self.sessions().first().map(|id| id.as_str().to_owned()).unwrap_or_default();
        match (why, usize::try_from(why).ok().and_then(|why| MISSING.get(why))) {
            (_, Some(what)) => Error::NotFound { what, name }.into(),
            (EXISTS, None) => Error::AlreadyExists { id: name }.into(),
            _ => Error::Backend { cause: "it was refused before the engine stopped".into() }.into(),
        }
    }

    /// Its attachments, in the order of its texts.
    pub fn attachments(&self) -> Vec<&Attachment> {
        match self {
            Self::Create { metadata, .. } | Self::Put { metadata, .. } => metadata.attachments.iter().collect(),
            Self::Update { patch, .. } => patch.attachments.iter().collect(),
            Self::Delete { .. } | Self::Merge { .. } => Vec::new(),
            Self::Save { metadata, lists, .. } => {
                let items = lists.iter().flat_map(|(_, items)| &items.attachments);
                metadata.attachments.iter().chain(items).collect()
            }
            Self::Append { items, .. } => items.attachments.iter().collect(),
            Self::Set { item, .. } => item.attachments.iter().collect(),
            Self::Attach(attachment) => vec![attachment],
        }
    }

    /// About how many bytes it writes, for the queue's bound.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Create { metadata, .. } | Self::Put { metadata, .. } => metadata.bytes(),
            Self::Update { patch, .. } => patch.bytes(),
            Self::Delete { ids } => ids.len(),
            Self::Save { metadata, lists, .. } => {
                metadata.bytes() + lists.iter().map(|(_, items)| items.bytes()).sum::<usize>()
            }
            Self::Append { items, .. } => items.bytes(),
            Self::Set { item, .. } => item.bytes(),
            Self::Attach(attachment) => attachment_bytes(std::slice::from_ref(attachment)),
            Self::Merge { .. } => 0,
        }
    }
}

/// What a write may not have found.
const MISSING: [&str; 3] = ["session", "item", "attachment"];

/// That there was a session already.
const EXISTS: u64 = 3;

/// Why a write was refused, as a number that is stored.
pub(super) fn why(error: &Error) -> u64 {
    match error {
        Error::NotFound { what, .. } => {
            MISSING.iter().position(|missing| missing == what).map_or(u64::MAX, |at| at as u64)
        }
        Error::AlreadyExists { .. } => EXISTS,
        _ => u64::MAX,
    }
}
