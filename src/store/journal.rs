//! The journal: writes that were accepted and not yet committed when their page went away.
//!
//! The page writes them itself, one record each, in one transaction and with an explicit `commit()`: that is what survives a
//! navigation, a message to a worker does not. The next engine that opens the store replays them, in their order, exactly
//! once (`store/ledger.rs` says how), and each transaction that stores some of them deletes their records.
//!
//! A record has the common envelope, under a checksum that JavaScript computes fast, and this payload, as fields: version 1,
//! operation, when it was accepted, session ids, list, index, removed fields, documents, lists.

use super::write::{Document, Documents, Write};
use crate::backend::{Key, KeyRange, StoreName};
use crate::blob::{Attachment, Hash};
use crate::error::Result;
use crate::record::{self, Fields, Kind, Place, Reader, Writer};
use crate::session::{Id, ListName};

/// Version of the payload.
const VERSION: u64 = 1;

impl Fields for String {
    fn write(&self, out: &mut Writer) {
        out.bytes(self.as_bytes());
    }

    fn read(from: &mut Reader<'_>) -> Self {
        from.text()
    }
}

impl Fields for Attachment {
    fn write(&self, out: &mut Writer) {
        match self {
            Self::Bytes { media_type, bytes } => {
                out.number(0);
                out.bytes(media_type.as_bytes());
                out.bytes(bytes);
            }
            Self::Stored(hash) => {
                out.number(1);
                out.fixed(hash.as_bytes());
            }
        }
    }

    fn read(from: &mut Reader<'_>) -> Self {
        if from.flag() {
            Self::Stored(Hash::from_bytes(from.fixed()))
        } else {
            Self::Bytes { media_type: from.text(), bytes: from.bytes().to_vec() }
        }
    }
}

impl Fields for Documents {
    fn write(&self, out: &mut Writer) {
        out.bytes(&self.json);
        out.many(&self.lengths);
        out.many(&self.attachments);
    }

    fn read(from: &mut Reader<'_>) -> Self {
        Self { json: from.bytes().to_vec(), lengths: from.many(), attachments: from.many() }
    }
}

impl Documents {
    fn into_document(self) -> Document {
        Document { json: self.json, attachments: self.attachments }
    }
}

/// A list of a whole session.
struct NamedList(String, Documents);

impl Fields for NamedList {
    fn write(&self, out: &mut Writer) {
        self.0.write(out);
        self.1.write(out);
    }

    fn read(from: &mut Reader<'_>) -> Self {
        Self(from.text(), Documents::read(from))
    }
}

/// Reads a record of the journal.
///
/// # Errors
/// [`crate::Error::Corrupt`] for anything but an intact write; [`crate::Error::InvalidId`] for names that no caller could give.
pub(super) fn open(key: &Key, record: &[u8]) -> Result<Write> {
    let place = Place { store: StoreName::Journal, key };
    let payload = record::open(place, Kind::Journal, record)?;
    let from = &mut Reader::new(&payload);
    let version = from.number();
    let operation = from.number();
    let _accepted_ms = from.number();
    let sessions: Vec<String> = from.many();
    let list = from.text();
    let index = from.number();
    let remove: Vec<String> = from.many();
    let documents = Documents::read(from);
    let lists: Vec<NamedList> = from.many();
    if version != VERSION || !from.ended() {
        return Err(place.corrupt("its payload cannot be read"));
    }
    if operation == 3 {
        let mut ids = Vec::with_capacity(sessions.len());
        for id in sessions {
            ids.push(Id::new(id)?);
        }
        return Ok(Write::Delete { ids });
    }
    let id = Id::new(sessions.into_iter().next().unwrap_or_default())?;
    Ok(match operation {
        0 => Write::Create { id, metadata: documents.into_document() },
        1 => Write::Put { id, metadata: documents.into_document() },
        2 => Write::Update { id, patch: documents.into_document(), remove },
        4 => Write::Append { id, list: ListName::new(list)?, items: documents },
        5 => Write::Set { id, list: ListName::new(list)?, index, item: documents.into_document() },
        6 => {
            let mut named = Vec::with_capacity(lists.len());
            for NamedList(name, items) in lists {
                named.push((ListName::new(name)?, items));
            }
            Write::Save { id, metadata: documents.into_document(), lists: named }
        }
        _ => return Err(place.corrupt("its operation is unknown")),
    })
}

/// The key of a writer's write.
pub fn key(writer: u128, seq: u64) -> Key {
    Key::from_bytes(writer.to_be_bytes().to_vec()).number(seq)
}

/// The writer and the number that a key names.
pub(super) fn parse(key: &Key) -> Option<(u128, u64)> {
    let (writer, rest) = key.as_bytes().split_first_chunk()?;
    Some((u128::from_be_bytes(*writer), u64::from_be_bytes(rest.try_into().ok()?)))
}

/// The keys of a writer's writes.
pub(super) fn range(writer: u128) -> KeyRange {
    KeyRange::prefix(Key::from_bytes(writer.to_be_bytes().to_vec()))
}

/// The record that the page writes for a write, for tests and for whoever has to know what it looks like.
#[cfg(not(target_arch = "wasm32"))]
pub fn record(writer: u128, seq: u64, accepted_ms: u64, write: &Write) -> (Key, Vec<u8>) {
    let one = |document: &Document| Documents {
        json: document.json.clone(),
        lengths: vec![document.json.len() as u32],
        attachments: document.attachments.clone(),
    };
    let nothing = Documents::default;
    let (operation, list, index, remove, documents, lists) = match write {
        Write::Create { metadata, .. } => (0, "", 0, &[][..], one(metadata), &[][..]),
        Write::Put { metadata, .. } => (1, "", 0, &[][..], one(metadata), &[][..]),
        Write::Update { patch, remove, .. } => (2, "", 0, &remove[..], one(patch), &[][..]),
        Write::Delete { .. } => (3, "", 0, &[][..], nothing(), &[][..]),
        Write::Append { list, items, .. } => (4, list.as_str(), 0, &[][..], items.clone(), &[][..]),
        Write::Set { list, index, item, .. } => (5, list.as_str(), *index, &[][..], one(item), &[][..]),
        Write::Save { metadata, lists, .. } => (6, "", 0, &[][..], one(metadata), &lists[..]),
        Write::Attach(_) | Write::Merge { .. } => (u64::MAX, "", 0, &[][..], nothing(), &[][..]),
    };
    let mut out = Writer::default();
    out.number(VERSION);
    out.number(operation);
    out.number(accepted_ms);
    out.many(&write.sessions().iter().map(|id| id.as_str().to_owned()).collect::<Vec<_>>());
    out.bytes(list.as_bytes());
    out.number(index);
    out.many(remove);
    documents.write(&mut out);
    let named = lists.iter().map(|(name, items)| NamedList(name.as_str().to_owned(), items.clone()));
    out.many(&named.collect::<Vec<_>>());
    let key = key(writer, seq);
    let record = record::seal_as_page(Place { store: StoreName::Journal, key: &key }, Kind::Journal, &out.into_bytes());
    (key, record)
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;

    fn writes() -> Vec<Write> {
        let id = || Id::new("é").unwrap();
        let list = || ListName::new("shots").unwrap();
        let bytes = || Attachment::Bytes { media_type: "image/png".into(), bytes: vec![0, 255] };
        let document = || Document { json: br#"{"a":{"$attachment":0}}"#.to_vec(), attachments: vec![bytes()] };
        let items = || Documents {
            json: b"12".to_vec(),
            lengths: vec![1, 1],
            attachments: vec![Attachment::Stored(Hash::from_bytes([7; 32]))],
        };
        vec![
            Write::Create { id: id(), metadata: document() },
            Write::Put { id: id(), metadata: document() },
            Write::Update { id: id(), patch: document(), remove: vec!["b".into()] },
            Write::Delete { ids: vec![id(), Id::new("b").unwrap()] },
            Write::Append { id: id(), list: list(), items: items() },
            Write::Set { id: id(), list: list(), index: 300, item: document() },
            Write::Save { id: id(), metadata: document(), lists: vec![(list(), items())] },
        ]
    }

    #[test]
    fn every_write_is_read_as_it_was_written() {
        for write in writes() {
            let (key, record) = record(5, 9, 1, &write);
            assert_eq!(parse(&key), Some((5, 9)));
            assert_eq!(open(&key, &record).unwrap(), write);
        }
    }

    /// What the page writes, one record of each kind, pinned by the package's tests too.
    #[test]
    fn what_the_page_writes_is_read_and_what_is_written_here_is_the_same() {
        let bytes = |hex: &str| -> Vec<u8> {
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
        };
        let examples = include_str!("../../pkg/test/unit/journal.hex");
        for line in examples.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let [name, key, stored] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
            let (key, stored) = (Key::from_bytes(bytes(key)), bytes(stored));
            let write = open(&key, &stored).unwrap_or_else(|error| panic!("{name}: {error}"));
            let (writer, seq) = parse(&key).unwrap();
            let payload = record::open(Place { store: StoreName::Journal, key: &key }, Kind::Journal, &stored).unwrap();
            let mut from = Reader::new(&payload);
            let accepted_ms = (from.number(), from.number(), from.number()).2;
            assert_eq!(record(writer, seq, accepted_ms, &write), (key, stored), "{name}");
        }
    }

    #[test]
    fn damage_is_noticed_and_never_a_panic() {
        for write in writes() {
            let (key, record) = record(5, 9, 1, &write);
            for at in 0..record.len() {
                let mut damaged = record.clone();
                damaged[at] ^= 0x10;
                assert!(open(&key, &damaged).is_err());
                assert!(open(&key, &record[..at]).is_err());
            }
            assert!(open(&super::key(5, 10), &record).is_err(), "under another's key");
        }
    }
}
