//! From logical operations to one batch.
//!
//! A [`Plan`] is a view of the store in which the operations of a group have already happened, one after the other. Records
//! are read into it when an operation needs them; what was read and what became of it is then the batch: a check that each
//! record the plan rests on is still what was read, and the changes. If another tab was faster, a check fails, nothing is
//! written, and the group is planned anew.
//!
//! An operation that fails leaves the view as it was: everything that can be refused is refused before the first change.

use super::head::Counters;
use super::index::{Changes, Config, Delta};
use super::read::open_chunk;
use super::write::{Document, Documents, Write, Written};
use super::{LIMITS, Store};
use crate::backend::{Backend, Batch, Check, Key, Op, Row, Scan, StoreName};
use crate::blob::{self, Attachment, Blob, Encoding, Hash, PartSet, Reference};
use crate::error::{Error, Result};
use crate::event::{Change, What};
use crate::host::Host;
use crate::map::{Map, distinct};
use crate::record::{self, Compression, Kind, Place};
use crate::session::{
    self, Chunk, ChunkEntry, Directory, Id, Item, ListName, METADATA_LIST, SessionRecord, Span, metadata, reference_key,
};
use std::cell::Cell;
use std::rc::Rc;

/// A session in the view.
struct SessionSlot {
    /// The record as it was read.
    stored: Option<Vec<u8>>,
    /// What the record counted for.
    before: Counters,
    /// The session after the operations so far; none if it does not exist.
    current: Option<SessionRecord>,
    /// Why the stored record cannot be read. It can still be replaced or deleted.
    damage: Option<Box<Error>>,
    /// The record is what this engine last wrote, not what it has just read.
    from_memory: bool,
    /// An operation was refused because something of it is damaged. That has to rest on a record that is checked: the chunk
    /// was read later, and may be of another moment.
    doubted: bool,
    changed: bool,
    metadata_changed: bool,
    /// The stored chunks all go before new ones are written.
    emptied: bool,
}

/// A chunk in the view that differs from what is stored.
struct ChunkSlot {
    /// A record with this key may be stored.
    stored: bool,
    /// The items it has now; none if it goes.
    items: Option<Vec<Item>>,
}

/// An attachment in the view.
#[derive(Clone)]
struct BlobSlot<'w> {
    /// The record as it was read.
    stored: Option<Vec<u8>>,
    /// The record after the operations so far.
    current: Option<Blob>,
    changed: bool,
    /// Bytes that are yet to be stored.
    bytes: Option<&'w [u8]>,
}

/// What an operation has to know beyond the view, so that it can then happen at once.
#[derive(Default)]
struct Prepared {
    /// Of its attachments, in the order in which it has them.
    hashes: std::vec::IntoIter<Hash>,
    /// The stored chunks whose items it takes; none where a chunk is not there.
    chunks: Map<Key, Option<Vec<u8>>>,
    /// The rows of the stored chunks that it deletes.
    rows: Vec<Key>,
}

/// See the module.
pub(super) struct Plan<'w, B, H> {
    store: &'w Store<B, H>,
    now_ms: u64,
    sessions: Map<Id, SessionSlot>,
    chunks: Map<Key, ChunkSlot>,
    /// Rows of `references`: true to be there, false to go.
    rows: Map<Key, bool>,
    blobs: Map<Hash, BlobSlot<'w>>,
    /// The attachments as they were before the operation at hand changed them.
    undo: Vec<(Hash, BlobSlot<'w>)>,
    /// What was read for the operation at hand.
    prepared: Prepared,
    /// What happened so far.
    changes: Vec<Change>,
    /// What becomes of the search index.
    index: Changes,
    /// Some session's record is what this engine last wrote, not what it has just read.
    pub(super) from_memory: bool,
}

/// A batch without the head's update, and what it does to the counters.
#[derive(Default)]
pub(super) struct Planned {
    pub(super) batch: Batch,
    pub(super) before: Counters,
    pub(super) after: Counters,
    pub(super) metadata_changed: bool,
    /// What readers will want to know.
    pub(super) changes: Vec<Change>,
    /// The generation that the commit makes, once it is known.
    pub(super) raised: Rc<Cell<u64>>,
    /// The records of sessions as the batch leaves them.
    pub(super) sessions: Vec<(Id, Vec<u8>)>,
    /// Records of the journal to delete if it comes to a commit without the row of their writer.
    pub(super) journal: Vec<Key>,
    /// The numbers of writes of which nothing would then say that they are decided.
    pub(super) unrecorded: Vec<u64>,
    /// Nothing but deletes was asked for: if what they delete is gone, it is as if this had been committed.
    pub(super) is_deletes: bool,
    /// What is added to the search index.
    pub(super) delta: Option<Delta>,
    /// The numbers of segments that come or go beside, joined by exclusive or.
    pub(super) toggled: u64,
}

impl Planned {
    /// A batch that touches neither sessions nor counters.
    pub(super) fn of(batch: Batch) -> Self {
        Self { batch, ..Self::default() }
    }
}

/// What a session's record counts for, the attachments' own bytes apart.
pub(super) fn session_counters(session: &SessionRecord, record_bytes: u64) -> Counters {
    let sum = |figure: fn(&ChunkEntry) -> u64| {
        session.lists.iter().map(|list| list.directory.sum(figure)).fold(0, u64::saturating_add)
    };
    Counters {
        sessions: 1,
        items: sum(|entry| entry.items),
        chunks: session.lists.iter().map(|list| list.directory.chunks() as u64).sum(),
        json_bytes: sum(|entry| entry.bytes).saturating_add(session.json.len() as u64),
        json_stored: sum(|entry| entry.stored).saturating_add(record_bytes),
        used_bytes: sum(|entry| entry.attachment_bytes)
            .saturating_add(session.references.iter().map(|reference| reference.size).fold(0, u64::saturating_add)),
        ..Counters::default()
    }
}

/// What a blob's record counts for.
pub(super) fn blob_counters(blob: &Blob) -> Counters {
    Counters { attachments: 1, attachment_bytes: blob.size, attachment_stored: blob.stored_size, ..Counters::default() }
}

/// What the directory says of a chunk with these items; `stored` and `references` follow when it is sealed into a record.
fn entry_of(items: &[Item], sealed: bool) -> ChunkEntry {
    ChunkEntry {
        items: items.len() as u64,
        bytes: items.iter().map(|item| item.json.len() as u64).sum(),
        attachment_bytes: items.iter().flat_map(|item| &item.references).map(|reference| reference.size).sum(),
        sealed,
        ..ChunkEntry::default()
    }
}

/// The distinct attachments of a table.
pub(super) fn hashes(references: &[Reference]) -> Vec<Hash> {
    distinct(references.iter().map(|reference| reference.hash))
}

pub(super) fn no_session(id: &Id) -> Box<Error> {
    Error::NotFound { what: "session", name: id.as_str().to_owned() }.into()
}

impl<'w, B: Backend, H: Host> Plan<'w, B, H> {
    pub(super) fn new(store: &'w Store<B, H>, config: Rc<Config>) -> Self {
        Self {
            store,
            now_ms: store.host.now_ms(),
            sessions: Map::default(),
            chunks: Map::default(),
            rows: Map::default(),
            blobs: Map::default(),
            undo: Vec::new(),
            prepared: Prepared::default(),
            changes: Vec::new(),
            index: Changes::new(config),
            from_memory: false,
        }
    }

    /// Brings the sessions that a group touches into the view with one read. A record that is remembered will do: the commit
    /// checks it.
    pub(super) async fn load(&mut self, writes: &'w [Rc<Write>]) -> Result<()> {
        let mut missing = Vec::new();
        for id in distinct(writes.iter().flat_map(|write| write.sessions()).cloned()) {
            match self.store.memory.get(&session::session_key(id.as_str()), self.now_ms) {
                Some(record) => {
                    self.insert(id.clone(), Some(record))?;
                    self.loaded(&id)?.from_memory = true;
                    self.from_memory = true;
                }
                None => missing.push(id),
            }
        }
        let keys: Vec<Key> = missing.iter().map(|id| session::session_key(id.as_str())).collect();
        let records = self.store.get(StoreName::Sessions, &keys).await?;
        for (id, record) in missing.into_iter().zip(records) {
            self.insert(id, record)?;
        }
        Ok(())
    }

    /// Lets an operation happen in the view.
    pub(super) async fn add(&mut self, write: &'w Write) -> Result<Written> {
        self.prepare(write).await?;
        self.undo.clear();
        let written = self.happen(write);
        match &written {
            Ok(written) => self.note(write, written),
            Err(error) => {
                if error.is_damage() {
                    for id in write.sessions() {
                        self.loaded(id)?.doubted = true;
                    }
                }
                for (hash, slot) in self.undo.drain(..).rev() {
                    self.blobs.insert(hash, slot);
                }
            }
        }
        written
    }

    /// Takes note of what an operation changed.
    fn note(&mut self, write: &Write, written: &Written) {
        let what = match (write, written) {
            (Write::Create { .. } | Write::Put { .. } | Write::Update { .. }, _) => What::Metadata,
            (Write::Delete { ids }, _) => {
                self.changes.extend(ids.iter().map(|id| Change { session: id.clone(), what: What::Deleted }));
                return;
            }
            (Write::Save { .. }, _) => What::Saved,
            (Write::Append { id, list, items }, Written::Index(from)) => {
                let to = from + items.lengths.len() as u64;
                // A recorder appends to few lists again and again.
                for change in self.changes.iter_mut().rev().take(8) {
                    if let Change { session, what: What::Appended { list: other, to: end, .. } } = change
                        && (&*session, &*other, *end) == (id, list, *from)
                    {
                        *end = to;
                        return;
                    }
                }
                What::Appended { list: list.clone(), from: *from, to }
            }
            (Write::Set { list, index, .. }, _) => What::Set { list: list.clone(), index: *index },
            (Write::Append { .. } | Write::Attach(_) | Write::Merge { .. }, _) => return,
        };
        self.changes.extend(write.sessions().iter().map(|id| Change { session: id.clone(), what: what.clone() }));
    }

    fn happen(&mut self, write: &'w Write) -> Result<Written> {
        match write {
            Write::Create { id, metadata } => {
                check_metadata(&metadata.json)?;
                if self.readable(id)?.is_some() {
                    return Err(Error::AlreadyExists { id: id.as_str().to_owned() }.into());
                }
                self.put(id, metadata)
            }
            Write::Put { id, metadata } => self.put(id, metadata),
            Write::Update { id, patch, remove } => self.update(id, patch, remove),
            Write::Delete { ids } => self.delete(ids),
            Write::Save { id, metadata, lists } => self.save(id, metadata, lists),
            Write::Append { id, list, items } => self.append(id, list, items),
            Write::Set { id, list, index, item } => self.set(id, list, *index, item),
            Write::Attach(attachment) => self.attach(attachment),
            Write::Merge { id, list } => self.merge(id, list),
        }
    }

    // What an operation has to know

    /// Reads what an operation needs, all there is to wait for.
    async fn prepare(&mut self, write: &'w Write) -> Result<()> {
        let mut hashes = Vec::new();
        for attachment in write.attachments() {
            hashes.push(match attachment {
                Attachment::Bytes { media_type, bytes } => {
                    blob::check_media_type(media_type)?;
                    if bytes.len() > LIMITS.attachment_bytes {
                        return Err(too_large("an attachment", LIMITS.attachment_bytes, bytes.len(), "bytes"));
                    }
                    self.store.sha256(bytes).await
                }
                Attachment::Stored(hash) => *hash,
            });
        }
        self.load_blobs(&hashes).await?;
        self.prepared = Prepared { hashes: hashes.into_iter(), ..Prepared::default() };
        match write {
            Write::Delete { ids } => {
                for id in ids {
                    self.read_rows(id).await?;
                }
            }
            Write::Save { id, .. } => self.read_rows(id).await?,
            Write::Append { id, list, items } => {
                let tail = self.tail_to_merge(id, list, items.lengths.len(), items.json.len());
                self.read_chunks(id, list, &tail).await?;
            }
            Write::Set { id, list, index, .. } => {
                let span = self.span_of(id, list, *index);
                self.read_chunks(id, list, span.as_slice()).await?;
            }
            Write::Merge { id, list } => {
                let tail = self.open_tail(id, list);
                self.read_chunks(id, list, &tail).await?;
            }
            Write::Create { .. } | Write::Put { .. } | Write::Update { .. } | Write::Attach(_) => {}
        }
        Ok(())
    }

    /// Brings attachments into the view.
    async fn load_blobs(&mut self, hashes: &[Hash]) -> Result<()> {
        let unknown = distinct(hashes.iter().filter(|hash| !self.blobs.contains_key(*hash)).copied());
        let keys: Vec<Key> = unknown.iter().map(blob::blob_key).collect();
        let records = self.store.get(StoreName::Blobs, &keys).await?;
        for ((hash, key), stored) in unknown.into_iter().zip(keys).zip(records) {
            let current = match stored.as_deref().map(|record| Blob::open(&key, record)).transpose() {
                Ok(current) => current,
                // The bytes at hand mend a damaged record.
                Err(error) if error.is_corrupt() => None,
                Err(error) => return Err(error),
            };
            self.blobs.insert(hash, BlobSlot { stored, current, changed: false, bytes: None });
        }
        Ok(())
    }

    /// Reads the chunks among these that are not in the view.
    async fn read_chunks(&mut self, id: &Id, list: &ListName, spans: &[Span]) -> Result<()> {
        let stored = spans.iter().filter(|span| !self.is_pending(id, list, span));
        let keys: Vec<Key> = stored.map(|span| session::chunk_key(id.as_str(), list.as_str(), span.first)).collect();
        let records = self.store.get(StoreName::Chunks, &keys).await?;
        for (key, record) in keys.into_iter().zip(records) {
            self.prepared.chunks.insert(key, record);
        }
        Ok(())
    }

    /// Finds the rows of a session's stored chunks. Rows start with the hash, so they are known only from the chunks.
    async fn read_rows(&mut self, id: &Id) -> Result<()> {
        let Some(slot) = self.sessions.get(id) else { return Ok(()) };
        let mut rows = Vec::new();
        if slot.damage.is_some() {
            // Whatever chunks there are, for the directories cannot be read.
            let mut read = |row: Row| {
                rows_of_chunk(&mut rows, id, &row.key, &row.value);
                Ok(())
            };
            let scan = Scan::new(StoreName::Chunks, session::chunk_range(id.as_str()), READ_CHUNKS_MAX);
            self.store.each_row(scan, &mut read).await?;
        } else if let (Some(session), false) = (&slot.current, slot.emptied) {
            let mut keys = Vec::new();
            for list in &session.lists {
                for span in list.directory.spans().iter().filter(|span| span.entry.references > 0) {
                    let key = session::chunk_key(id.as_str(), &list.name, span.first);
                    if !self.chunks.contains_key(&key) {
                        keys.push(key);
                    }
                }
            }
            for page in keys.chunks(READ_CHUNKS_MAX) {
                let records = self.store.get(StoreName::Chunks, page).await?;
                for (key, record) in page.iter().zip(records) {
                    rows_of_chunk(&mut rows, id, key, &record.unwrap_or_default());
                }
            }
        }
        self.prepared.rows.append(&mut rows);
        Ok(())
    }

    // Sessions

    fn put(&mut self, id: &Id, metadata: &'w Document) -> Result<Written> {
        check_metadata(&metadata.json)?;
        self.readable(id)?;
        let item = self.document(metadata)?;
        self.replace_metadata(id, item)
    }

    fn update(&mut self, id: &Id, patch: &'w Document, remove: &[String]) -> Result<Written> {
        check_metadata(&patch.json)?;
        let session = self.existing(id)?;
        let (json, mut table) = (session.json.clone(), session.references.clone());
        let patch = self.document(patch)?;
        let offset = table.len();
        table.extend(patch.references);
        let patch = session::placeholder::rewrite(&patch.json, &mut |n| Ok(n + offset))?;
        let merged = metadata::merge(&json, &patch, remove)?;
        check_metadata_size(&merged)?;
        self.replace_metadata(id, Item::from_text(&merged, &table)?)
    }

    fn replace_metadata(&mut self, id: &Id, item: Item) -> Result<Written> {
        self.index.metadata(id);
        let slot = self.loaded(id)?;
        slot.changed = true;
        slot.metadata_changed = true;
        let session = slot.current.get_or_insert_default();
        session.json = item.json;
        let old = std::mem::replace(&mut session.references, item.references);
        let new = hashes(&session.references);
        for hash in hashes(&old) {
            self.rows.insert(reference_key(&hash, id.as_str(), METADATA_LIST, 0), false);
        }
        for hash in &new {
            self.rows.insert(reference_key(hash, id.as_str(), METADATA_LIST, 0), true);
        }
        Ok(Written::Done)
    }

    fn delete(&mut self, ids: &[Id]) -> Result<Written> {
        let mut deleted = 0;
        for id in ids {
            deleted += u64::from(self.delete_one(id)?);
        }
        Ok(Written::Deleted(deleted))
    }

    /// Returns whether there was such a session, readable or not.
    fn delete_one(&mut self, id: &Id) -> Result<bool> {
        let slot = self.loaded(id)?;
        if slot.current.is_none() && slot.damage.is_none() {
            return Ok(false);
        }
        // Once the stored chunks are marked to go, what is left is in the view.
        let references = slot.current.take().map(|session| session.references).unwrap_or_default();
        slot.damage = None;
        slot.changed = true;
        slot.metadata_changed = true;
        slot.emptied = true;
        self.index.deleted(id);
        for hash in hashes(&references) {
            self.rows.insert(reference_key(&hash, id.as_str(), METADATA_LIST, 0), false);
        }
        for row in std::mem::take(&mut self.prepared.rows) {
            self.rows.insert(row, false);
        }
        let pending: Vec<Key> = self.chunks.keys().filter(|key| in_session(key, id)).cloned().collect();
        for key in pending {
            self.chunks.remove(&key);
        }
        Ok(true)
    }

    fn save(&mut self, id: &Id, metadata: &'w Document, lists: &'w [(ListName, Documents)]) -> Result<Written> {
        check_metadata(&metadata.json)?;
        for (_, items) in lists {
            check_items(items)?;
        }
        if lists.len() > LIMITS.lists {
            return Err(too_large("a session's lists", LIMITS.lists, lists.len(), "lists"));
        }
        let metadata = self.document(metadata)?;
        let mut contents = Vec::with_capacity(lists.len());
        for (name, items) in lists {
            contents.push((name, self.items(items)?));
        }
        let pieces: usize =
            contents.iter().map(|(_, items)| session::split(items, self.store.options.chunk).len()).sum();
        check_chunks(pieces)?;
        self.delete_one(id)?;
        self.replace_metadata(id, metadata)?;
        for (name, items) in contents {
            self.add_items(id, name, items)?;
        }
        Ok(Written::Done)
    }

    // Lists

    fn append(&mut self, id: &Id, list: &ListName, documents: &'w Documents) -> Result<Written> {
        check_items(documents)?;
        let session = self.existing(id)?;
        let lists = session.lists.len() + usize::from(session.list(list.as_str()).is_none());
        if lists > LIMITS.lists {
            return Err(too_large("a session's lists", LIMITS.lists, lists, "lists"));
        }
        let chunks: usize = session.lists.iter().map(|list| list.directory.chunks()).sum();
        check_chunks(chunks + documents.lengths.len().div_ceil(self.store.options.chunk.items))?;
        let items = self.items(documents)?;
        let index = self.add_items(id, list, items)?;
        Ok(Written::Index(index))
    }

    /// The open chunks at a list's end that items to come are put together with. Stored ones are read again only when they
    /// fill a chunk; one that is still in the view costs nothing.
    fn tail_to_merge(&self, id: &Id, list: &ListName, items: usize, bytes: usize) -> Vec<Span> {
        let session = self.sessions.get(id).and_then(|slot| slot.current.as_ref());
        let Some(directory) = session.and_then(|session| session.list(list.as_str())) else { return Vec::new() };
        let limits = self.store.options.chunk;
        let mut tail = directory.open_tail();
        let tail_items = tail.iter().map(|span| span.entry.items as usize).sum::<usize>();
        let tail_bytes = tail.iter().map(|span| span.entry.bytes as usize).sum::<usize>();
        if tail_items + items < limits.items && tail_bytes + bytes < limits.bytes {
            let last = tail.pop().filter(|span| self.is_pending(id, list, span));
            tail = last.into_iter().collect();
        }
        tail
    }

    /// The open chunks at a list's end, if they are worth merging: more than one.
    fn open_tail(&self, id: &Id, list: &ListName) -> Vec<Span> {
        let session = self.sessions.get(id).and_then(|slot| slot.current.as_ref());
        let tail = session.and_then(|session| session.list(list.as_str())).map(|list| list.open_tail());
        tail.filter(|tail| tail.len() > 1).unwrap_or_default()
    }

    /// Makes one chunk of the open ones at a list's end.
    fn merge(&mut self, id: &Id, list: &ListName) -> Result<Written> {
        let tail = self.open_tail(id, list);
        if let Some(first) = tail.first() {
            let items = self.take_chunks(id, list, &tail)?;
            self.directory(id, list)?.truncate(first.number);
            self.push_items(id, list, items)?;
        }
        Ok(Written::Done)
    }

    /// Puts items at the end of a list of a session that exists, and returns the index of the first.
    fn add_items(&mut self, id: &Id, list: &ListName, mut items: Vec<Item>) -> Result<u64> {
        let index = self.directory(id, list)?.items();
        if items.is_empty() {
            return Ok(index);
        }
        self.index.items(id, list, index, items.iter().map(|item| item.json.as_slice()));
        let bytes = items.iter().map(|item| item.json.len()).sum();
        let merged = self.tail_to_merge(id, list, items.len(), bytes);
        if let Some(first) = merged.first() {
            match self.take_chunks(id, list, &merged) {
                Ok(mut taken) => {
                    taken.append(&mut items);
                    items = taken;
                    self.directory(id, list)?.truncate(first.number);
                }
                // A damaged tail stays as it is, and is not appended to any more.
                Err(error) if error.is_damage() => {
                    let directory = self.directory(id, list)?;
                    for span in &merged {
                        directory.replace(span.number, ChunkEntry { sealed: true, ..span.entry });
                    }
                }
                Err(error) => return Err(error),
            }
        }
        self.push_items(id, list, items)?;
        Ok(index)
    }

    fn push_items(&mut self, id: &Id, list: &ListName, items: Vec<Item>) -> Result<()> {
        let pieces = session::split(&items, self.store.options.chunk);
        let mut items = items.into_iter();
        for (count, sealed) in pieces {
            let piece: Vec<Item> = items.by_ref().take(count).collect();
            let first = self.directory(id, list)?.push(entry_of(&piece, sealed));
            self.write_chunk(session::chunk_key(id.as_str(), list.as_str(), first), piece);
        }
        self.loaded(id)?.changed = true;
        Ok(())
    }

    /// Where an item lies.
    fn span_of(&self, id: &Id, list: &ListName, index: u64) -> Option<Span> {
        let session = self.sessions.get(id)?.current.as_ref()?;
        session.list(list.as_str())?.overlapping(index..index.saturating_add(1)).pop()
    }

    fn set(&mut self, id: &Id, list: &ListName, index: u64, document: &'w Document) -> Result<Written> {
        check_item_size(document.json.len())?;
        check_table(&document.json, document.attachments.len())?;
        let session = self.existing(id)?;
        let length = session.list(list.as_str()).map_or(0, Directory::items);
        let chunks: usize = session.lists.iter().map(|list| list.directory.chunks()).sum();
        let Some(span) = self.span_of(id, list, index) else {
            let name = format!("{index} of \"{}\" ({length} items)", list.as_str());
            return Err(Error::NotFound { what: "item", name }.into());
        };
        check_chunks(chunks + 2)?;
        let item = self.document(document)?;
        let mut items = self.take_chunks(id, list, &[span])?;
        self.index.replaced(id, list, index, &item.json);
        if let Some(slot) = items.get_mut((index - span.first) as usize) {
            *slot = item;
        }
        // The chunk may have outgrown its bounds. Its pieces stand where it stood.
        let mut pieces = Vec::new();
        let mut first = span.first;
        let lengths = session::split(&items, self.store.options.chunk);
        let mut items = items.into_iter();
        for (count, _) in lengths {
            let piece: Vec<Item> = items.by_ref().take(count).collect();
            pieces.push(entry_of(&piece, span.entry.sealed));
            self.write_chunk(session::chunk_key(id.as_str(), list.as_str(), first), piece);
            first += count as u64;
        }
        self.directory(id, list)?.splice(span.number, pieces);
        self.loaded(id)?.changed = true;
        Ok(Written::Done)
    }

    fn is_pending(&self, id: &Id, list: &ListName, span: &Span) -> bool {
        let key = session::chunk_key(id.as_str(), list.as_str(), span.first);
        self.chunks.get(&key).is_some_and(|slot| slot.items.is_some())
    }

    /// Takes the items of chunks out of the view, and with them the rows that they own. All or none.
    fn take_chunks(&mut self, id: &Id, list: &ListName, spans: &[Span]) -> Result<Vec<Item>> {
        let key_of = |span: &Span| session::chunk_key(id.as_str(), list.as_str(), span.first);
        let mut opened = Map::default();
        let mut prepared = std::mem::take(&mut self.prepared.chunks);
        for span in spans {
            let key = key_of(span);
            if let Some(record) = prepared.remove(&key) {
                // It has to be the one that the directory means: what is written in its place would be taken for whole.
                let chunk = open_chunk(&key, span, record)?;
                let items = chunk.items()?;
                opened.insert(key, (items, chunk.references));
            }
        }
        let mut items = Vec::new();
        for span in spans {
            let key = key_of(span);
            if let Some((stored, references)) = opened.remove(&key) {
                for hash in hashes(&references) {
                    self.rows.insert(reference_key(&hash, id.as_str(), list.as_str(), span.first), false);
                }
                items.extend(stored);
                self.chunks.insert(key, ChunkSlot { stored: true, items: None });
            } else if let Some(slot) = self.chunks.get_mut(&key) {
                items.extend(slot.items.take().unwrap_or_default());
                if !slot.stored {
                    self.chunks.remove(&key);
                }
            }
        }
        Ok(items)
    }

    fn write_chunk(&mut self, key: Key, items: Vec<Item>) {
        let stored = self.chunks.get(&key).is_some_and(|slot| slot.stored);
        self.chunks.insert(key, ChunkSlot { stored, items: Some(items) });
    }

    // Attachments

    fn attach(&mut self, attachment: &'w Attachment) -> Result<Written> {
        let references = self.intern(std::slice::from_ref(attachment), false)?;
        let reference = references.into_iter().next();
        reference.map(Written::Attached).ok_or_else(|| Error::Backend { cause: "no attachment".into() }.into())
    }

    /// A text on its own, its attachments known to the view.
    fn document(&mut self, document: &'w Document) -> Result<Item> {
        check_table(&document.json, document.attachments.len())?;
        let references = self.intern(&document.attachments, true)?;
        Item::from_text(&document.json, &references)
    }

    /// Texts on their own, their attachments known to the view. The texts were checked.
    fn items(&mut self, documents: &'w Documents) -> Result<Vec<Item>> {
        let references = self.intern(&documents.attachments, true)?;
        let mut items = Vec::with_capacity(documents.lengths.len());
        for text in texts(documents) {
            items.push(Item::from_text(text, &references)?);
        }
        Ok(items)
    }

    /// Makes attachments known to the view, and has those stored that are not.
    fn intern(&mut self, attachments: &'w [Attachment], referenced: bool) -> Result<Vec<Reference>> {
        let hashes: Vec<Hash> = self.prepared.hashes.by_ref().take(attachments.len()).collect();
        for (attachment, hash) in attachments.iter().zip(&hashes) {
            let is_there = self.blobs.get(hash).is_some_and(|slot| slot.current.is_some());
            if matches!(attachment, Attachment::Stored(_)) && !is_there {
                return Err(Error::NotFound { what: "attachment", name: hash.to_string() }.into());
            }
        }
        let mut references = Vec::with_capacity(attachments.len());
        for (attachment, hash) in attachments.iter().zip(hashes) {
            let Some(slot) = self.blobs.get_mut(&hash) else { continue };
            self.undo.push((hash, slot.clone()));
            let blob = match (&mut slot.current, attachment) {
                (Some(blob), _) => blob,
                (none, Attachment::Bytes { media_type, bytes }) => {
                    slot.changed = true;
                    slot.bytes = Some(bytes);
                    none.insert(Blob {
                        size: bytes.len() as u64,
                        media_type: media_type.clone(),
                        encoding: Encoding::Identity,
                        stored_hash: hash,
                        stored_size: bytes.len() as u64,
                        parts: PartSet::from_random(self.store.host.random()),
                        unreferenced_since: (!referenced).then_some(self.now_ms),
                    })
                }
                (None, Attachment::Stored(_)) => continue,
            };
            // A reference takes the mark off; a new `put` of an attachment without references starts its grace period anew.
            let since = if referenced { None } else { blob.unreferenced_since.map(|_| self.now_ms) };
            if blob.unreferenced_since != since {
                blob.unreferenced_since = since;
                slot.changed = true;
            }
            let media_type = match attachment {
                Attachment::Bytes { media_type, .. } => media_type.clone(),
                Attachment::Stored(_) => blob.media_type.clone(),
            };
            references.push(Reference { hash, size: blob.size, media_type });
        }
        Ok(references)
    }

    // The view's records

    /// Puts a session's record into the view.
    fn insert(&mut self, id: Id, stored: Option<Vec<u8>>) -> Result<()> {
        let key = session::session_key(id.as_str());
        let (current, damage) = match stored.as_deref().map(|record| SessionRecord::open(&key, record)).transpose() {
            Ok(current) => (current, None),
            Err(damage) if damage.is_corrupt() => (None, Some(damage)),
            Err(error) => return Err(error),
        };
        let bytes = stored.as_ref().map_or(0, |record| record.len() as u64);
        let before = current.as_ref().map(|session| session_counters(session, bytes)).unwrap_or_default();
        let slot = SessionSlot {
            stored,
            before,
            current,
            damage,
            from_memory: false,
            doubted: false,
            changed: false,
            metadata_changed: false,
            emptied: false,
        };
        self.sessions.insert(id, slot);
        Ok(())
    }

    fn loaded(&mut self, id: &Id) -> Result<&mut SessionSlot> {
        self.sessions.get_mut(id).ok_or_else(|| no_session(id))
    }

    /// A session if there is one; an error if it cannot be read.
    fn readable(&mut self, id: &Id) -> Result<Option<&SessionRecord>> {
        let slot = self.loaded(id)?;
        match &slot.damage {
            Some(damage) => Err(damage.clone()),
            None => Ok(slot.current.as_ref()),
        }
    }

    /// A session that has to exist.
    fn existing(&mut self, id: &Id) -> Result<&SessionRecord> {
        self.readable(id)?.ok_or_else(|| no_session(id))
    }

    fn directory(&mut self, id: &Id, list: &ListName) -> Result<&mut Directory> {
        let session = self.loaded(id)?.current.as_mut().ok_or_else(|| no_session(id))?;
        Ok(session.list_mut(list))
    }

    // The batch

    /// The batch for the view, or `None` if nothing changed.
    pub(super) fn finish(mut self) -> Result<Option<Planned>> {
        let mut batch = Batch { durability: self.store.options.durability, ..Batch::default() };
        let mut puts = Vec::new();
        let (mut before, mut after) = (Counters::default(), Counters::default());
        let mut metadata_changed = false;
        let mut sessions = Vec::new();
        let mut doubted = false;
        // Somebody else has to index what is written.
        let is_foreign = self.index.is_foreign() && !self.changes.is_empty();
        let (index_check, delta) = self.index.finish(
            || self.store.host.random(),
            |id| {
                let slot = self.sessions.get(id);
                let json = slot.and_then(|slot| slot.current.as_ref()).map(|session| session.json.clone());
                (json, slot.is_some_and(|slot| slot.stored.is_some()))
            },
        )?;
        for (id, mut slot) in self.sessions.into_sorted() {
            if !slot.changed && !slot.from_memory && !slot.doubted {
                continue;
            }
            doubted |= slot.doubted;
            let key = session::session_key(id.as_str());
            batch.checks.push(Check::still(StoreName::Sessions, key.clone(), slot.stored.clone()));
            if !slot.changed {
                continue;
            }
            metadata_changed |= slot.metadata_changed;
            before = before.plus(slot.before);
            if slot.emptied && slot.stored.is_some() {
                batch.ops.push(Op::DeleteRange(StoreName::Chunks, session::chunk_range(id.as_str())));
            }
            let Some(session) = &mut slot.current else {
                if slot.stored.is_some() {
                    batch.ops.push(Op::Delete(StoreName::Sessions, key));
                }
                continue;
            };
            // The clock keeps a session that is deleted and made again from meeting its old revisions.
            session.revision = (session.revision + 1).max(self.now_ms);
            for list in &mut session.lists {
                for span in list.directory.spans() {
                    let key = session::chunk_key(id.as_str(), &list.name, span.first);
                    let Some(items) = self.chunks.get_mut(&key).and_then(|slot| slot.items.take()) else { continue };
                    self.chunks.remove(&key);
                    let chunk = Chunk::from_items(&items)?;
                    let record = chunk.seal(&key)?;
                    let hashes = hashes(&chunk.references);
                    let entry = ChunkEntry {
                        stored: record.len() as u64,
                        checksum: record::checksum_of(&record),
                        references: hashes.len() as u64,
                        ..span.entry
                    };
                    list.directory.replace(span.number, entry);
                    for hash in hashes {
                        self.rows.insert(reference_key(&hash, id.as_str(), &list.name, span.first), true);
                    }
                    puts.push(Op::Put(StoreName::Chunks, key, record));
                }
            }
            let record = session.seal(&key)?;
            after = after.plus(session_counters(session, record.len() as u64));
            sessions.push((id.clone(), record.clone()));
            puts.push(Op::Put(StoreName::Sessions, key, record));
        }
        for (key, slot) in self.chunks.into_sorted() {
            if slot.stored && slot.items.is_none() {
                batch.ops.push(Op::Delete(StoreName::Chunks, key));
            }
        }
        batch.ops.append(&mut puts);
        for (key, there) in self.rows.into_sorted() {
            batch.ops.push(if there {
                let place = Place { store: StoreName::References, key: &key };
                let record = record::seal(place, Kind::Reference, &[], Compression::Off)?;
                Op::Put(StoreName::References, key, record)
            } else {
                Op::Delete(StoreName::References, key)
            });
        }
        for (hash, slot) in self.blobs.into_sorted() {
            let key = blob::blob_key(&hash);
            let Some(blob) = slot.current else { continue };
            if !slot.changed {
                // It is there, so its bytes are not written; that it still is there is checked where the reference is added.
                // And that it is as it was: the collector may just have marked it.
                batch.checks.push(Check::still(StoreName::Blobs, key, slot.stored));
                continue;
            }
            batch.checks.push(Check::still(StoreName::Blobs, key.clone(), slot.stored));
            batch.ops.push(Op::Put(StoreName::Blobs, key, blob.seal(&hash)?));
            if let Some(bytes) = slot.bytes {
                after = after.plus(blob_counters(&blob));
                batch.ops.append(&mut part_puts(blob.parts, 0, bytes)?);
            }
        }
        if batch.ops.is_empty() && !doubted {
            return Ok(None);
        }
        batch.checks.push(index_check);
        if is_foreign {
            batch.ops.push(self.store.reindex_op()?);
        }
        let (changes, planned) = (self.changes, Planned::of(batch));
        Ok(Some(Planned { before, after, metadata_changed, changes, sessions, delta, ..planned }))
    }
}

/// The operations that store bytes as parts, numbered from `first`.
pub(super) fn part_puts(set: PartSet, first: u64, bytes: &[u8]) -> Result<Vec<Op>> {
    let mut puts = Vec::new();
    for (n, part) in (first..).zip(bytes.chunks(blob::PART_BYTES_MAX)) {
        let key = blob::part_key(set, n);
        let record = record::seal(Place { store: StoreName::Parts, key: &key }, Kind::Part, part, Compression::Off)?;
        puts.push(Op::Put(StoreName::Parts, key, record));
    }
    Ok(puts)
}

/// How many chunks are read in one go: 64, so at most 256 MiB if every one of them had the largest size.
const READ_CHUNKS_MAX: usize = 64;

/// Adds the rows of a stored chunk. Those of a damaged one cannot be known; `verify` finds them by their owner.
fn rows_of_chunk(rows: &mut Vec<Key>, id: &Id, key: &Key, record: &[u8]) {
    let mut components = key.parse();
    let place = (components.text(), components.text(), components.number());
    if let ((Ok(_), Ok(list), Ok(first)), Ok(chunk)) = (place, Chunk::open(key, record)) {
        for hash in hashes(&chunk.references) {
            rows.push(reference_key(&hash, id.as_str(), list, first));
        }
    }
}

fn in_session(key: &Key, id: &Id) -> bool {
    key.parse().text().is_ok_and(|owner| owner == id.as_str())
}

/// The texts of documents, as many as there are bytes for.
fn texts(documents: &Documents) -> Vec<&[u8]> {
    let mut texts = Vec::with_capacity(documents.lengths.len());
    let mut rest = documents.json.as_slice();
    for &length in &documents.lengths {
        let Some((text, after)) = rest.split_at_checked(length as usize) else { break };
        texts.push(text);
        rest = after;
    }
    texts
}

fn too_large(what: &str, limit: usize, got: usize, unit: &'static str) -> Box<Error> {
    Error::TooLarge { what: what.to_owned(), limit: limit as u64, got: got as u64, unit }.into()
}

fn check_metadata_size(json: &[u8]) -> Result<()> {
    if json.len() > LIMITS.metadata_bytes {
        return Err(too_large("a session's metadata", LIMITS.metadata_bytes, json.len(), "bytes of JSON"));
    }
    Ok(())
}

fn check_metadata(json: &[u8]) -> Result<()> {
    check_metadata_size(json)?;
    metadata::check(json)
}

fn check_item_size(bytes: usize) -> Result<()> {
    if bytes == 0 {
        return Err(Error::invalid("item", "an item has a JSON text"));
    }
    if bytes > LIMITS.item_bytes {
        return Err(too_large("an item", LIMITS.item_bytes, bytes, "bytes of JSON"));
    }
    Ok(())
}

/// Refuses a text that names an entry which its table does not have, or too many of them.
fn check_table(json: &[u8], entries: usize) -> Result<()> {
    let mut places = 0;
    session::placeholder::rewrite(json, &mut |n| {
        places += 1;
        if n < entries {
            Ok(n)
        } else {
            Err(Error::invalid("json", format!("$attachment {n} is not in the table of {entries}")))
        }
    })?;
    if places > LIMITS.item_attachments {
        return Err(too_large("an item's attachments", LIMITS.item_attachments, places, "attachments"));
    }
    Ok(())
}

fn check_items(documents: &Documents) -> Result<()> {
    let total: u64 = documents.lengths.iter().map(|&length| u64::from(length)).sum();
    if total != documents.json.len() as u64 {
        return Err(Error::invalid(
            "items",
            format!("their lengths add up to {total} of {} bytes", documents.json.len()),
        ));
    }
    for text in texts(documents) {
        check_item_size(text.len())?;
        if !documents.attachments.is_empty() || session::placeholder::any(text) {
            check_table(text, documents.attachments.len())?;
        }
    }
    Ok(())
}

fn check_chunks(chunks: usize) -> Result<()> {
    if chunks > LIMITS.session_chunks {
        return Err(too_large("a session", LIMITS.session_chunks, chunks, "chunks"));
    }
    Ok(())
}
