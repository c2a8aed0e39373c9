//! Reading sessions, items and attachments.
//!
//! A read that takes two steps (the session's record, then its chunks) may be overtaken by a writer in another tab. A chunk
//! that is not as the directory said is therefore damage only if the session is unchanged when it is read again.

use super::Store;
use super::ask::Answer;
use super::head::{Counters, Head};
use super::plan::no_session;
use crate::backend::{Backend, Key, Row, Scan, StoreName};
use crate::blob::{self, Blob, Hash, Reference};
use crate::error::{Error, ErrorReport, Result};
use crate::host::Host;
use crate::record::{self, Kind, Place};
use crate::session::{self, Chunk, Id, ListName, SessionRecord, Span};
use futures_lite::future::zip;
use std::ops::Range;

/// The most bytes of an attachment that one call reads: 4 MiB.
pub const ATTACHMENT_READ_BYTES_MAX: u64 = 4 << 20;

/// The most chunks that one call reads: 256.
const READ_CHUNKS_MAX: usize = 256;

/// Chunks that loading a session reads before it knows what the session has.
const LOAD_CHUNKS: usize = 8;

/// How often a read is tried again at once because the session changed meanwhile, and how often at all.
const ATTEMPTS_AT_ONCE: u32 = 8;
const ATTEMPTS_MAX: u32 = 64;

/// A session's metadata.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionRead {
    /// A JSON object; `{"$attachment":n}` in it is entry n of the table.
    pub json: Vec<u8>,
    /// The table.
    pub attachments: Vec<Reference>,
}

/// The items of a list that one chunk holds.
#[derive(Debug, Clone, PartialEq)]
pub struct ChunkRead {
    /// Index of the first item here.
    pub first: u64,
    /// How many items.
    pub count: u64,
    /// The items as a JSON array text; empty when the chunk cannot be read.
    pub json: Vec<u8>,
    /// `{"$attachment":n}` in it is entry n of this table.
    pub attachments: Vec<Reference>,
    /// Why the chunk cannot be read, `Corrupt` or `Missing`.
    pub error: Option<Box<Error>>,
}

/// A list of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListStat {
    /// Its name.
    pub name: String,
    /// Items.
    pub items: u64,
    /// Chunks.
    pub chunks: u64,
    /// Bytes of the items' JSON.
    pub bytes: u64,
}

/// What is known of an attachment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachmentStat {
    /// SHA-256 of the original, 64 hexadecimal digits.
    pub hash: String,
    /// Bytes of the original.
    pub size: u64,
    /// Media type that came with the first copy.
    pub media_type: String,
    /// Bytes as stored.
    pub stored_size: u64,
    /// How the stored bytes relate to the original; `identity`: they are it.
    pub encoding: &'static str,
    /// How many chunks and sessions refer to it.
    pub references: u64,
}

/// Totals of the store. All sizes are bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// Sessions.
    pub sessions: u64,
    /// Items in all lists.
    pub items: u64,
    /// Chunks of all lists.
    pub chunks: u64,
    /// Attachments, each once.
    pub attachments: u64,
    /// What was handed in: JSON, and attachments as often as they are used.
    pub logical_bytes: u64,
    /// What is stored for it.
    pub stored_bytes: u64,
    /// JSON as it was handed in.
    pub json_bytes: u64,
    /// The records that hold it.
    pub json_stored_bytes: u64,
    /// Originals of the attachments, each once.
    pub attachment_bytes: u64,
    /// Attachments as they are stored.
    pub attachment_stored_bytes: u64,
    /// Originals of the attachments, as often as they are used.
    pub referenced_bytes: u64,
    /// What storing each attachment once saves.
    pub saved_by_deduplication: u64,
    /// What compression saves.
    pub saved_by_compression: u64,
    /// Raised by every write transaction.
    pub generation: u64,
    /// Made once, when the store was created.
    pub store_id: u128,
}

impl Stats {
    pub(super) fn new(head: &Head) -> Self {
        let Head { counters, generation, store_id, .. } = *head;
        let Counters { json_bytes, json_stored, attachment_bytes, attachment_stored, used_bytes, .. } = counters;
        Self {
            sessions: counters.sessions,
            items: counters.items,
            chunks: counters.chunks,
            attachments: counters.attachments,
            logical_bytes: json_bytes.saturating_add(used_bytes),
            stored_bytes: json_stored.saturating_add(attachment_stored),
            json_bytes,
            json_stored_bytes: json_stored,
            attachment_bytes,
            attachment_stored_bytes: attachment_stored,
            referenced_bytes: used_bytes,
            saved_by_deduplication: used_bytes.saturating_sub(attachment_bytes),
            saved_by_compression: json_bytes
                .saturating_add(attachment_bytes)
                .saturating_sub(json_stored.saturating_add(attachment_stored)),
            generation,
            store_id,
        }
    }
}

impl From<SessionRecord> for SessionRead {
    fn from(session: SessionRecord) -> Self {
        Self { json: session.json, attachments: session.references }
    }
}

/// A list as a whole session brings it.
#[derive(Debug, Clone, PartialEq)]
pub struct ListLoad {
    /// What is known of the list.
    pub stat: ListStat,
    /// Its first chunks; the others are [read](Store::read) from behind the last.
    pub chunks: Vec<ChunkRead>,
}

impl<B: Backend, H: Host> Store<B, H> {
    /// Reads the metadata of sessions, in the order asked; `None` where there is no such session.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if any of the records is damaged.
    pub async fn sessions(&self, ids: &[Id]) -> Result<Vec<Option<SessionRead>>> {
        self.settled_for(ids).await?;
        let keys: Vec<Key> = ids.iter().map(|id| session::session_key(id.as_str())).collect();
        let records = self.recall(StoreName::Sessions, &keys).await?;
        let mut sessions = Vec::with_capacity(keys.len());
        for (key, record) in keys.iter().zip(records) {
            sessions.push(match record {
                Some(record) => Some(SessionRecord::open(key, &record)?.into()),
                None => None,
            });
        }
        Ok(sessions)
    }

    /// How many sessions there are.
    pub async fn count(&self) -> Result<u64> {
        self.settled().await?;
        Ok(self.counted_head().await?.counters.sessions)
    }

    /// Totals.
    pub async fn stats(&self) -> Result<Stats> {
        self.settled().await?;
        Ok(Stats::new(&self.counted_head().await?))
    }

    /// The lists of a session, in the order in which they were first written.
    pub async fn lists(&self, id: &Id) -> Result<Vec<ListStat>> {
        self.settled_for(std::slice::from_ref(id)).await?;
        let session = self.session_record(id).await?;
        Ok(session.lists.into_iter().map(ListStat::from).collect())
    }

    /// Reads a session with the beginning of each list, or of those that are named: from each as many chunks as
    /// [`Store::read`] would with `bytes_max`.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such session.
    pub async fn load(
        &self,
        id: &Id,
        lists: Option<&[ListName]>,
        bytes_max: u64,
    ) -> Result<(SessionRead, Vec<ListLoad>)> {
        self.settled_for(std::slice::from_ref(id)).await?;
        let mut before = None;
        for attempt in 1.. {
            let shown = self.memory.shows_kept();
            let (mut session, rows) = self.session_and_chunks(id).await?;
            let moment = session.moment();
            let mut loaded = Vec::new();
            let mut whole = true;
            for list in std::mem::take(&mut session.lists) {
                let name = ListName::new(list.name.as_str())?;
                if lists.is_some_and(|lists| !lists.contains(&name)) {
                    continue;
                }
                let items = 0..u64::MAX;
                let spans = within(&list.directory, &items, bytes_max);
                let chunks = match from_rows(id, &name, &spans, &rows) {
                    Some(chunks) => chunks,
                    None => self.read_spans(id, &name, &spans, &items).await?,
                };
                whole &= chunks.iter().all(|chunk| chunk.error.is_none());
                loaded.push(ListLoad { stat: list.into(), chunks });
            }
            if whole || attempt == ATTEMPTS_MAX || before == Some(moment) {
                return Ok((session.into(), loaded));
            }
            // What is shown of kept writes says nothing of what is stored.
            before = (!shown).then_some(moment);
            self.look_anew(id, attempt).await;
        }
        Err(no_session(id))
    }

    /// A session's record, and its first chunks if they are not remembered. Most sessions have few: they are asked for together
    /// with the record that says which they are.
    async fn session_and_chunks(&self, id: &Id) -> Result<(SessionRecord, Vec<Row>)> {
        if self.remembers(id) {
            return Ok((self.session_record(id).await?, Vec::new()));
        }
        let ticket = self.ticket();
        let scan = Scan::new(StoreName::Chunks, session::chunk_range(id.as_str()), LOAD_CHUNKS);
        let (session, rows) = zip(self.session_record(id), self.scan(scan)).await;
        let rows = rows?;
        for Row { key, value } in &rows {
            self.keep(ticket, key.clone(), value.clone());
        }
        Ok((session?, rows))
    }

    /// Forgets what is remembered and shown of a session: it may be of different times.
    async fn look_anew(&self, id: &Id, attempt: u32) {
        if attempt > ATTEMPTS_AT_ONCE {
            self.host.sleep((self.host.random() % 20) as u64).await;
        }
        self.forget(std::slice::from_ref(id));
        if self.memory.shows_kept() {
            // If it cannot be planned now, the next read tries.
            let _ = self.show_kept().await;
        }
    }

    fn session_record<'a>(&'a self, id: &'a Id) -> Answer<'a, Result<SessionRecord>> {
        Box::pin(async move {
            let key = session::session_key(id.as_str());
            let record = self.recall(StoreName::Sessions, std::slice::from_ref(&key)).await?.pop().flatten();
            let record = record.ok_or_else(|| no_session(id))?;
            SessionRecord::open(&key, &record)
        })
    }

    /// Reads items of a list, as whole chunks cut to the range: the first that holds any, and as many more as stay within
    /// `bytes_max` bytes of JSON together. A range that lies behind the end, or a list never written, has none.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such session. A damaged chunk is no error of the call but of that
    /// [`ChunkRead`], so that the others can be read.
    pub async fn read(&self, id: &Id, list: &ListName, items: Range<u64>, bytes_max: u64) -> Result<Vec<ChunkRead>> {
        self.settled_for(std::slice::from_ref(id)).await?;
        let mut session = self.session_record(id).await?;
        for attempt in 1.. {
            let directory = session.list(list.as_str());
            let spans = directory.map(|directory| within(directory, &items, bytes_max)).unwrap_or_default();
            let chunks = self.read_spans(id, list, &spans, &items).await?;
            if attempt == ATTEMPTS_MAX || chunks.iter().all(|chunk| chunk.error.is_none()) {
                return Ok(chunks);
            }
            // What is shown of kept writes says nothing of what is stored.
            let shown = self.memory.shows_kept();
            self.look_anew(id, attempt).await;
            let again = self.session_record(id).await?;
            if attempt > 1 && again.moment() == session.moment() && !shown && !self.memory.shows_kept() {
                return Ok(chunks);
            }
            session = again;
        }
        Ok(Vec::new())
    }

    async fn read_spans(&self, id: &Id, list: &ListName, spans: &[Span], items: &Range<u64>) -> Result<Vec<ChunkRead>> {
        let keys: Vec<Key> =
            spans.iter().map(|span| session::chunk_key(id.as_str(), list.as_str(), span.first)).collect();
        let records = self.recall(StoreName::Chunks, &keys).await?;
        let mut chunks = Vec::with_capacity(spans.len());
        for ((span, key), record) in spans.iter().zip(&keys).zip(records) {
            let chunk = open_chunk(key, span, record);
            match chunk {
                Err(error) if !error.is_damage() => return Err(error),
                chunk => chunks.push(ChunkRead::new(chunk, span, items)),
            }
        }
        Ok(chunks)
    }

    /// What is known of an attachment.
    pub async fn stat(&self, hash: &Hash) -> Result<AttachmentStat> {
        self.settled().await?;
        let blob = self.blob(hash).await?;
        let references = self.count_rows(StoreName::References, blob::reference_range(hash)).await?;
        Ok(AttachmentStat {
            hash: hash.to_string(),
            size: blob.size,
            media_type: blob.media_type,
            stored_size: blob.stored_size,
            encoding: blob.encoding.as_str(),
            references,
        })
    }

    async fn blob(&self, hash: &Hash) -> Result<Blob> {
        let key = blob::blob_key(hash);
        let record = self.recall(StoreName::Blobs, std::slice::from_ref(&key)).await?.pop().flatten();
        let record = record.ok_or_else(|| Error::NotFound { what: "attachment", name: hash.to_string() })?;
        Blob::open(&key, &record)
    }

    /// Reads bytes of an attachment, at most 4 MiB. Every part's checksum is verified; where the
    /// range is the whole attachment, so is its SHA-256.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::InvalidArgument`] for a range outside the attachment or over the bound,
    /// [`Error::Corrupt`] and [`Error::Missing`] for damaged parts.
    pub async fn attachment_bytes(&self, hash: &Hash, range: Range<u64>) -> Result<Vec<u8>> {
        self.settled().await?;
        let mut blob = self.blob(hash).await?;
        if range.start > range.end || range.end > blob.size {
            let problem = format!("{} to {} does not lie within its {} bytes", range.start, range.end, blob.size);
            return Err(Error::invalid("range", problem));
        }
        if range.end - range.start > ATTACHMENT_READ_BYTES_MAX {
            let problem = format!("at most {ATTACHMENT_READ_BYTES_MAX} bytes are read in one call");
            return Err(Error::invalid("range", problem));
        }
        let bytes = loop {
            match self.parts(&blob, &range).await {
                // It was deleted and stored anew meanwhile, under another set of parts. Or a kept write that has it is planned anew,
                // which only happens if what other tabs did is known.
                Err(error) if matches!(*error, Error::Missing { .. }) => {
                    self.distrust();
                    match self.blob(hash).await? {
                        now if now.parts == blob.parts => return Err(error),
                        now => blob = now,
                    }
                }
                bytes => break bytes?,
            }
        };
        if range.start == 0 && range.end == blob.size && self.sha256(&bytes).await != *hash {
            let key = blob::blob_key(hash);
            return Err(Place { store: StoreName::Blobs, key: &key }.corrupt("its bytes do not hash to its key"));
        }
        Ok(bytes)
    }

    /// Reads a range of the stored bytes. The range lies within them.
    pub(super) async fn parts(&self, blob: &Blob, range: &Range<u64>) -> Result<Vec<u8>> {
        let numbers = blob::parts_of(range);
        let keys: Vec<Key> = numbers.clone().map(|n| blob::part_key(blob.parts, n)).collect();
        let records = self.recall(StoreName::Parts, &keys).await?;
        let mut bytes = Vec::with_capacity((range.end - range.start) as usize);
        for ((n, key), record) in numbers.zip(&keys).zip(records) {
            let place = Place { store: StoreName::Parts, key };
            let part = record::open(place, Kind::Part, &record.ok_or_else(|| place.missing())?)?;
            let start = n * blob::PART_BYTES_MAX as u64;
            let length = (blob.stored_size - start).min(blob::PART_BYTES_MAX as u64);
            if part.len() as u64 != length {
                return Err(place.corrupt(format!("it has {} bytes instead of {length}", part.len())));
            }
            let from = range.start.saturating_sub(start).min(length) as usize;
            let to = (range.end - start).min(length) as usize;
            bytes.extend_from_slice(part.get(from..to).unwrap_or_default());
        }
        Ok(bytes)
    }
}

/// How many rows one scan reads where values are small: 1,000.
pub(super) const PAGE_ROWS: usize = 1000;

/// The first chunk of a range and those after it that stay within the bound.
fn within(directory: &session::Directory, items: &Range<u64>, bytes_max: u64) -> Vec<Span> {
    let (mut spans, mut bytes) = (Vec::new(), 0_u64);
    for span in directory.overlapping(items.clone()) {
        bytes = bytes.saturating_add(span.entry.bytes);
        if !spans.is_empty() && (bytes > bytes_max || spans.len() == READ_CHUNKS_MAX) {
            break;
        }
        spans.push(span);
    }
    spans
}

/// Opens a chunk and holds it against the directory.
pub(super) fn open_chunk(key: &Key, span: &Span, record: Option<Vec<u8>>) -> Result<Chunk> {
    let place = Place { store: StoreName::Chunks, key };
    let record = record.ok_or_else(|| place.missing())?;
    let chunk = Chunk::open(key, &record)?;
    if chunk.len() != span.entry.items {
        return Err(place.corrupt(format!("it has {} items, the directory says {}", chunk.len(), span.entry.items)));
    }
    if record::checksum_of(&record) != span.entry.checksum {
        return Err(place.corrupt("it is not the record that its session's directory means"));
    }
    Ok(chunk)
}

/// Chunks out of rows that were read before it was known which are needed; `None` if any is not among them as it should be.
fn from_rows(id: &Id, list: &ListName, spans: &[Span], rows: &[Row]) -> Option<Vec<ChunkRead>> {
    let mut chunks = Vec::with_capacity(spans.len());
    for span in spans {
        let key = session::chunk_key(id.as_str(), list.as_str(), span.first);
        let row = rows.iter().find(|row| row.key == key)?;
        let chunk = open_chunk(&key, span, Some(row.value.clone())).ok()?;
        chunks.push(ChunkRead::new(Ok(chunk), span, &(0..u64::MAX)));
    }
    Some(chunks)
}

impl From<session::ListEntry> for ListStat {
    fn from(list: session::ListEntry) -> Self {
        Self {
            items: list.directory.items(),
            chunks: list.directory.chunks() as u64,
            bytes: list.directory.sum(|entry| entry.bytes),
            name: list.name,
        }
    }
}

impl ChunkRead {
    fn new(chunk: Result<Chunk>, span: &Span, items: &Range<u64>) -> Self {
        let range = span.range();
        let (from, to) = (items.start.max(range.start), items.end.min(range.end));
        let (json, attachments, error) = match chunk {
            Ok(chunk) => (chunk.array(from - range.start..to - range.start), chunk.references, None),
            Err(error) => (b"[]".to_vec(), Vec::new(), Some(error)),
        };
        Self { first: from, count: to.saturating_sub(from), json, attachments, error }
    }

    /// The error as plain fields.
    pub fn error_report(&self) -> Option<ErrorReport> {
        self.error.as_ref().map(|error| error.to_report())
    }
}
