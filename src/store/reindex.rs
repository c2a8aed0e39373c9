//! Makes the index anew from what is stored, session by session, while it is used and written.
//!
//! It happens in place: what a session has is indexed again in a segment that kills what older ones say of it. Each step is a
//! transaction that checks the records of the sessions it read, and moves the record `meta/reindex`, so that dying anywhere and going
//! on is the same, whoever goes on. While that record is there the index is not whole. A session with many items takes
//! several steps; in those after the first every item brings a tombstone of its own, for it may have been written meanwhile.
//!
//! Before all this, what the index has of sessions that are no more goes. A session that is made in its place while that happens
//! is one of those that are then indexed again; one that is made later has nothing left of another.

use super::Store;
use super::index::delta_of;
use super::plan::Planned;
use super::read::{PAGE_ROWS, open_chunk};
use crate::backend::{Backend, Batch, Check, Key, KeyRange, Op, Outcome, Row, Scan, StoreName};
use crate::error::Result;
use crate::host::Host;
use crate::index::{self, Entry, Schema, Scope, Tombstone};
use crate::job::{Progress, Step};
use crate::record::{self, Compression, Fields, Kind, Place, Reader, Writer};
use crate::session::{Id, ListName, SessionRecord, chunk_key, session_key};

/// The most sessions of a step.
const STEP_SESSIONS: usize = 64;

/// How many bytes of JSON a step reads before it ends: 1 MiB.
const STEP_BYTES: u64 = 1 << 20;

/// Chunks that are read in one go.
const READ_CHUNKS: usize = 16;

/// How often a step is tried again because its sessions are being written; each time with half as many.
const ATTEMPTS_MAX: u32 = 64;

/// What a reindexing came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReindexReport {
    /// Sessions that were indexed.
    pub sessions: u64,
    /// Items of their lists that were looked at.
    pub items: u64,
    /// Segments that there are now.
    pub segments: u64,
    /// Bytes of the records that hold these.
    pub bytes: u64,
}

/// Indexing anew under way. See [`crate::job`].
#[derive(Debug, Default)]
pub struct Reindexing {
    started: bool,
    attempts: u32,
    total: u64,
    report: ReindexReport,
}

impl Reindexing {
    /// Goes on with what somebody began, if anybody did.
    pub fn going_on() -> Self {
        Self { started: true, ..Self::default() }
    }
}

/// The record `reindex` in `meta`: how far it is.
#[derive(Debug, Clone, PartialEq, Default)]
struct Position {
    /// Drawn, so that one beginning is not taken for another.
    number: u64,
    /// What is indexed of sessions that are no more has gone.
    is_swept: bool,
    /// The last session that is done, or the one that is being done; empty at the beginning.
    session: String,
    /// The list of it that is being done; empty when it is done.
    list: String,
    /// The next item of the list.
    item: u64,
    sessions: u64,
    items: u64,
}

impl Fields for Position {
    fn write(&self, out: &mut Writer) {
        out.number(self.number);
        out.number(self.is_swept.into());
        out.bytes(self.session.as_bytes());
        out.bytes(self.list.as_bytes());
        out.number(self.item);
        out.number(self.sessions);
        out.number(self.items);
    }

    fn read(from: &mut Reader<'_>) -> Self {
        Self {
            number: from.number(),
            is_swept: from.flag(),
            session: from.text(),
            list: from.text(),
            item: from.number(),
            sessions: from.number(),
            items: from.number(),
        }
    }
}

pub(super) fn key() -> Key {
    Key::new().text("reindex")
}

impl Position {
    fn seal(&self) -> Result<Vec<u8>> {
        let key = key();
        record::seal_fields(Place { store: StoreName::Meta, key: &key }, Kind::Reindex, self, Compression::Off)
    }

    /// A damaged one is a beginning.
    fn open(record: &[u8]) -> Self {
        let key = key();
        let place = Place { store: StoreName::Meta, key: &key };
        record::open_fields(place, Kind::Reindex, record).unwrap_or_default()
    }
}

/// What a step has gathered.
struct Gathered<'a> {
    schema: &'a Schema,
    position: Position,
    checks: Vec<Check>,
    entries: Vec<Entry>,
    tombstones: Vec<Tombstone>,
    bytes: u64,
}

impl<B: Backend, H: Host> Store<B, H> {
    /// The operation that says that the index has to be made anew.
    pub(super) fn reindex_op(&self) -> Result<Op> {
        let position = Position { number: self.host.random() as u64, ..Position::default() };
        Ok(Op::Put(StoreName::Meta, key(), position.seal()?))
    }

    /// Has the index made anew. Segments that cannot be read go.
    pub(super) async fn start_reindex(&self) -> Result<()> {
        let damaged = self.indexed.damaged.borrow().clone();
        let mut ops = vec![self.reindex_op()?];
        for number in damaged {
            ops.push(Op::Delete(StoreName::Segments, super::index::first_key(number)));
            ops.push(Op::DeleteRange(StoreName::Segments, super::index::other_parts(number)));
        }
        let config = self.index_config().await?;
        let batch = Batch { checks: vec![config.check()], ops, durability: self.options.durability };
        // What is gone is no longer missed.
        let toggled = self.indexed.lost.take();
        self.commit(Planned { toggled, ..Planned::of(batch) }).await?;
        self.indexed.distrust();
        Ok(())
    }

    /// Runs the next step of indexing everything anew.
    ///
    /// # Errors
    /// [`crate::Error::InvalidArgument`] when nothing is indexed.
    pub async fn reindex(&self, run: &mut Reindexing) -> Result<Step<ReindexReport>> {
        self.settled().await?;
        self.refresh_index().await?;
        if !run.started {
            self.start_reindex().await?;
            run.started = true;
        }
        self.go_on_reindexing(run).await
    }

    /// Goes on with a reindexing that was begun by whomever.
    pub(super) async fn go_on_reindexing(&self, run: &mut Reindexing) -> Result<Step<ReindexReport>> {
        if run.total == 0 {
            run.total = self.head().await?.0.counters.sessions;
        }
        let progress =
            |sessions| Progress { phase: "reindex", done: sessions, total: run.total.max(sessions), unit: "sessions" };
        let config = self.index_config().await?;
        let stored = self.get_one(StoreName::Meta, &key()).await?;
        let (Some(stored), Some(schema)) = (stored, &config.schema) else {
            self.refresh_index().await?;
            let figures = self.with_index(|index| index.figures());
            run.report.segments = figures.segments.len() as u64;
            run.report.bytes = self.stored_bytes(&figures).await?;
            return Ok(Step::Done(progress(run.report.sessions), run.report.clone()));
        };
        let position = Position::open(&stored);
        let checks = vec![config.check(), Check::Unchanged(StoreName::Meta, key(), stored)];
        let (tombstones, entries, bytes) = Default::default();
        let mut gathered = Gathered { schema, position, checks, entries, tombstones, bytes };
        let sessions = (STEP_SESSIONS >> run.attempts.min(6)).max(1);
        let is_last = if gathered.position.is_swept {
            !self.gather(&mut gathered, sessions).await?
        } else {
            self.sweep(&mut gathered).await?;
            false
        };
        let counts = (gathered.position.sessions, gathered.position.items);
        let outcome = self.commit_gathered(gathered, is_last).await?;
        match outcome {
            Outcome::Committed => {
                run.attempts = 0;
                (run.report.sessions, run.report.items) = counts;
                if is_last {
                    self.indexed.distrust();
                }
            }
            Outcome::Refused { .. } => {
                self.indexed.distrust();
                run.attempts += 1;
                if run.attempts > ATTEMPTS_MAX {
                    return Err(crate::Error::Conflict { attempts: run.attempts }.into());
                }
            }
        }
        Ok(Step::Running(progress(run.report.sessions)))
    }

    async fn commit_gathered(&self, gathered: Gathered<'_>, is_last: bool) -> Result<Outcome> {
        let Gathered { schema, position, checks, entries, tombstones, .. } = gathered;
        let delta = delta_of(schema, || self.host.random(), &entries, &tombstones)?;
        let op = if is_last {
            Op::Delete(StoreName::Meta, key())
        } else {
            Op::Put(StoreName::Meta, key(), position.seal()?)
        };
        let batch = Batch { checks, ops: vec![op], durability: self.options.durability };
        self.commit(Planned { delta, ..Planned::of(batch) }).await
    }

    /// Reads the next sessions; false when there are no more.
    async fn gather(&self, to: &mut Gathered<'_>, sessions: usize) -> Result<bool> {
        if !to.position.list.is_empty() {
            let key = session_key(&to.position.session);
            let value = self.get_one(StoreName::Sessions, &key).await?;
            if let Some(value) = value {
                self.gather_session(to, &Row { key, value }, true).await?;
            } else {
                to.position.list.clear();
            }
            return Ok(true);
        }
        let range = match to.position.session.as_str() {
            "" => KeyRange::all(),
            id => KeyRange::all().after(session_key(id)),
        };
        let rows = self.scan(Scan::new(StoreName::Sessions, range, sessions)).await?;
        if rows.is_empty() {
            return Ok(false);
        }
        for row in rows {
            self.gather_session(to, &row, false).await?;
            if to.bytes >= STEP_BYTES || !to.position.list.is_empty() {
                break;
            }
        }
        Ok(true)
    }

    /// Takes what is indexed of a session, or as much of it as a step may.
    async fn gather_session(&self, to: &mut Gathered<'_>, row: &Row, goes_on: bool) -> Result<()> {
        let Ok(id) = row.key.parse().text().and_then(Id::new) else { return Ok(()) };
        to.checks.push(Check::Unchanged(StoreName::Sessions, row.key.clone(), row.value.clone()));
        if !goes_on {
            to.position.session = id.as_str().to_owned();
            to.position.sessions += 1;
            to.tombstones.push(Tombstone { session: id.clone(), scope: Scope::All });
        }
        let from = (std::mem::take(&mut to.position.list), std::mem::take(&mut to.position.item));
        // What is damaged is for `verify`.
        let Ok(session) = SessionRecord::open(&row.key, &row.value) else { return Ok(()) };
        if !goes_on {
            to.bytes += session.json.len() as u64;
            to.entries.extend(index::metadata_entry(to.schema, &id, &session.json));
        }
        let mut behind = goes_on;
        for list in to.schema.lists() {
            let first = if behind && *list == from.0 { from.1 } else { 0 };
            if behind && *list != from.0 {
                continue;
            }
            behind = false;
            let (Some(directory), Ok(name)) = (session.list(list), ListName::new(list.as_str())) else { continue };
            let spans = directory.overlapping(first..u64::MAX);
            for spans in spans.chunks(READ_CHUNKS) {
                if to.bytes >= STEP_BYTES {
                    to.position.list = list.clone();
                    to.position.item = spans.first().map_or(0, |span| span.first);
                    return Ok(());
                }
                let keys: Vec<Key> = spans.iter().map(|span| chunk_key(id.as_str(), list, span.first)).collect();
                let records = self.get(StoreName::Chunks, &keys).await?;
                for ((span, key), record) in spans.iter().zip(&keys).zip(records) {
                    to.bytes += span.entry.bytes;
                    to.position.items += span.entry.items;
                    let Ok(chunk) = open_chunk(key, span, record) else { continue };
                    for (index, item) in (span.first..).zip(chunk.items()?) {
                        if goes_on {
                            let scope = Scope::Item(name.clone(), index);
                            to.tombstones.push(Tombstone { session: id.clone(), scope });
                        }
                        to.entries.extend(index::item_entry(to.schema, &id, &name, index, &item.json));
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes out what the index has of sessions that are no more, some at a time.
    async fn sweep(&self, to: &mut Gathered<'_>) -> Result<()> {
        // Both are in the order of ids.
        let mut known = self.indexed_sessions().await?.into_iter().peekable();
        let mut orphans = Vec::new();
        let mut strike = |row: Row| {
            let id = row.key.parse().text().unwrap_or_default();
            orphans.extend(std::iter::from_fn(|| known.next_if(|known| known.as_str() < id)));
            known.next_if(|known| known == id);
            Ok(())
        };
        self.each_row(Scan::keys(StoreName::Sessions, KeyRange::all(), PAGE_ROWS), &mut strike).await?;
        orphans.extend(known);
        to.position.is_swept = orphans.len() <= PAGE_ROWS;
        orphans.truncate(PAGE_ROWS);
        for id in orphans {
            to.checks.push(Check::Absent(StoreName::Sessions, session_key(&id)));
            to.tombstones.extend(Id::new(id).ok().map(|session| Tombstone { session, scope: Scope::All }));
        }
        Ok(())
    }

    /// The ids of all sessions that the index knows, in their order.
    async fn indexed_sessions(&self) -> Result<Vec<String>> {
        self.refresh_index().await?;
        let mut ids = self.ask_index(&mut index::Index::ids).await?;
        ids.sort_unstable();
        Ok(ids)
    }
}
