//! The record in `sessions`.

use super::directory::Directory;
use super::id::ListName;
use crate::backend::{Key, StoreName};
use crate::blob::Reference;
use crate::error::Result;
use crate::record::{self, Compression, Fields, Kind, Place, Reader, Writer};

/// A list of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListEntry {
    /// Its name.
    pub name: String,
    /// How it is cut.
    pub directory: Directory,
}

/// A session without its items.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionRecord {
    /// Raised by every write to the session or any of its chunks. A session that is deleted and made again within a
    /// millisecond may meet its old one; see [`SessionRecord::moment`].
    pub revision: u64,
    /// The attachments that the metadata uses; `{"$attachment":n}` in it is entry n.
    pub references: Vec<Reference>,
    /// The metadata, a JSON object.
    pub json: Vec<u8>,
    /// The lists, in the order in which they were first written.
    pub lists: Vec<ListEntry>,
}

impl Fields for ListEntry {
    fn write(&self, out: &mut Writer) {
        out.bytes(self.name.as_bytes());
        self.directory.write(out);
    }

    fn read(from: &mut Reader<'_>) -> Self {
        Self { name: from.text(), directory: Directory::read(from) }
    }
}

impl Fields for SessionRecord {
    fn write(&self, out: &mut Writer) {
        out.number(self.revision);
        out.many(&self.references);
        out.bytes(&self.json);
        out.many(&self.lists);
    }

    fn read(from: &mut Reader<'_>) -> Self {
        Self { revision: from.number(), references: from.many(), json: from.bytes().to_owned(), lists: from.many() }
    }
}

impl SessionRecord {
    /// A number that is another one whenever the lists are: from the revision and the checksums of all chunks.
    pub fn moment(&self) -> u64 {
        let mut moment = self.revision;
        for list in &self.lists {
            moment = moment.rotate_left(7) ^ list.directory.sum(|entry| entry.checksum);
        }
        moment
    }

    /// A list's directory, if the list was ever written.
    pub fn list(&self, name: &str) -> Option<&Directory> {
        self.lists.iter().find(|list| list.name == name).map(|list| &list.directory)
    }

    /// A list's directory, new if need be.
    pub fn list_mut(&mut self, name: &ListName) -> &mut Directory {
        let at = self.lists.iter().position(|list| list.name == name.as_str()).unwrap_or_else(|| {
            self.lists.push(ListEntry { name: name.as_str().to_owned(), directory: Directory::default() });
            self.lists.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "the position was found or made on the line above")]
        &mut self.lists[at].directory
    }

    /// Seals the record for its key.
    pub fn seal(&self, key: &Key) -> Result<Vec<u8>> {
        record::seal_fields(Place { store: StoreName::Sessions, key }, Kind::Session, self, Compression::WhenSmaller)
    }

    /// Opens a record.
    pub fn open(key: &Key, record: &[u8]) -> Result<Self> {
        let place = Place { store: StoreName::Sessions, key };
        let session: Self = record::open_fields(place, Kind::Session, record)?;
        for list in &session.lists {
            list.directory.check().map_err(|problem| place.corrupt(problem))?;
            ListName::new(list.name.as_str()).map_err(|_| place.corrupt("a list has an invalid name"))?;
        }
        Ok(session)
    }
}

/// The key of a session in `sessions`.
pub fn session_key(id: &str) -> Key {
    Key::new().text(id)
}
