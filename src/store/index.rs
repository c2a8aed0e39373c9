//! The search index as it is stored: what is indexed, which segments there are, and what a write adds.
//!
//! | record | what it says |
//! |---|---|
//! | `meta/index` | the schema, or that nothing is indexed. Every write of a session checks it |
//! | `meta/reindex` | the index is not whole: it is being made anew, and how far that is |
//! | `segments/0, number` | part 0 of a segment. It is live exactly while this is there |
//! | `segments/1, number, part` | its other parts |
//!
//! A segment's number is drawn. Its stamp is the generation of the commit that it is part of, put in inside the transaction; a
//! merged segment has that of its newest source. So stamps are in the order of the commits, whichever tab made them.

use super::Store;
use super::ask::{Answer, corrupt};
use super::head::Head;
use super::plan::Planned;
use crate::backend::{Backend, Batch, Check, Key, KeyRange, Op, Row, Scan, StoreName};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::index::{self, Analysers, Damaged, Entry, Index, Part, PartId, Schema, Scope, Tombstone, Work};
use crate::record::{self, Compression, Fields, Kind, Place, Reader, Writer};
use crate::session::{Id, ListName};
use futures_lite::future::{or, zip};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// What an index may keep in memory between two queries, beside what every query needs: 64 MiB.
const MEMORY_BYTES_MAX: usize = 64 << 20;

/// Parts that are read in one go: 3 MiB, and never more than 64.
const READ_PARTS_MAX: usize = 64;

/// The most segments that there can be. Merging keeps them to some dozens.
const SEGMENTS_MAX: usize = 1 << 16;

/// The most parts of segments whose keys are read at once.
pub(super) const PARTS_MAX: usize = 1 << 16;

/// How long a write waits for the index's code, in milliseconds, before it goes on without.
const LOAD_MS: u64 = 5_000;

/// How long writes do without the index's code once it could not be loaded, in milliseconds.
const UNLOADED_MS: u64 = 30_000;

/// How often something is read anew because other tabs merge what is being read.
const ATTEMPTS_MAX: u32 = 64;

/// What is to be indexed, as whoever opens a store says it.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum IndexChoice {
    /// What the store has; the standard fields where it has nothing.
    #[default]
    Stored,
    /// Nothing.
    Off,
    /// This.
    Fields(Schema),
}

/// The record `index` in `meta`: the schema, or that there is no index.
#[derive(Debug, Clone, PartialEq)]
struct Stored(Option<Schema>);

impl Fields for Stored {
    fn write(&self, out: &mut Writer) {
        out.many(self.0.as_slice());
    }

    fn read(from: &mut Reader<'_>) -> Self {
        Self(from.many().pop())
    }
}

pub(super) fn index_key() -> Key {
    Key::new().text("index")
}

pub(super) fn first_key(number: u64) -> Key {
    Key::new().number(0).number(number)
}

pub(super) fn part_key(part: PartId) -> Key {
    match part.part {
        0 => first_key(part.segment),
        _ => Key::new().number(1).number(part.segment).number(part.part.into()),
    }
}

/// The keys of all parts but part 0.
pub(super) fn other_parts(number: u64) -> KeyRange {
    KeyRange::prefix(Key::new().number(1).number(number))
}

pub(super) fn seal_part(key: &Key, bytes: &[u8]) -> Result<Vec<u8>> {
    record::seal(Place { store: StoreName::Segments, key }, Kind::Segment, bytes, Compression::WhenSmaller)
}

fn open_part(key: &Key, record: &[u8]) -> Result<Vec<u8>> {
    record::open(Place { store: StoreName::Segments, key }, Kind::Segment, record)
}

/// What the store says is indexed.
#[derive(Debug, Default)]
pub(super) struct Config {
    /// The record.
    record: Option<Vec<u8>>,
    /// What this engine indexes; none when there is no index, or it cannot keep it.
    pub(super) schema: Option<Schema>,
    /// There is an index that this engine cannot keep: a newer version made it.
    pub(super) is_foreign: bool,
    /// There is an index of an older version: the same with the analysers of this one.
    renewed: Option<Schema>,
}

impl Config {
    fn open(record: Option<Vec<u8>>) -> Self {
        let key = index_key();
        let place = Place { store: StoreName::Meta, key: &key };
        let stored = record.as_deref().map(|record| record::open_fields(place, Kind::Index, record));
        let (schema, renewed, is_foreign) = match stored {
            Some(Ok(Stored(Some(schema)))) if Analysers::know(&schema) => (Some(schema), None, false),
            Some(Ok(Stored(Some(schema)))) => {
                let renewed = schema.renewed();
                let is_foreign = renewed.is_none();
                (None, renewed, is_foreign)
            }
            Some(Ok(Stored(None))) | None => (None, None, false),
            // A damaged record is made anew.
            Some(Err(error)) => (None, error.is_corrupt().then(Schema::standard), !error.is_corrupt()),
        };
        Self { record, schema, is_foreign, renewed }
    }

    /// The same for a write that cannot be indexed now: as if somebody else had to.
    fn unkept(&self) -> Self {
        Self { record: self.record.clone(), is_foreign: true, ..Self::default() }
    }

    /// That it is still so.
    pub(super) fn check(&self) -> Check {
        Check::still(StoreName::Meta, index_key(), self.record.clone())
    }
}

/// A segment that a commit adds, before its stamp is known.
#[derive(Debug)]
pub(super) struct Delta {
    number: u64,
    /// The last is part 0.
    parts: Vec<Part>,
}

/// The numbers of the segments that come or go with these operations, joined by exclusive or.
pub(super) fn toggled(ops: &[Op]) -> u64 {
    let mut toggled = 0;
    for op in ops {
        if let Op::Put(StoreName::Segments, key, _) | Op::Delete(StoreName::Segments, key) = op {
            toggled ^= first_number(key).unwrap_or_default();
        }
    }
    toggled
}

/// The segment's number in the key of its part 0; none in any other key.
fn first_number(key: &Key) -> Option<u64> {
    let mut key = key.parse();
    let is_first = key.number().ok()? == 0;
    key.number().ok().filter(|_| is_first)
}

impl Delta {
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The operations that store it, to follow the one that raises the generation.
    pub(super) fn ops(&self, raised: &Rc<Cell<u64>>) -> Result<Vec<Op>> {
        let mut ops = Vec::with_capacity(self.parts.len());
        for Part { number, bytes } in &self.parts {
            let key = part_key(PartId { segment: self.number, part: *number });
            if *number > 0 {
                ops.push(Op::Put(StoreName::Segments, key.clone(), seal_part(&key, bytes)?));
                continue;
            }
            let (raised, mut bytes, place) = (Rc::clone(raised), bytes.clone(), key.clone());
            let update = move |_: Option<&[u8]>| {
                index::restamp(&mut bytes, raised.get());
                seal_part(&place, &bytes)
            };
            ops.push(Op::Update(StoreName::Segments, key, Box::new(update)));
        }
        Ok(ops)
    }

    fn into_first(self, stamp: u64) -> Option<Vec<u8>> {
        let mut bytes = self.parts.into_iter().find(|part| part.number == 0)?.bytes;
        index::restamp(&mut bytes, stamp);
        Some(bytes)
    }
}

/// What this engine knows of the index.
#[derive(Default)]
pub(super) struct Indexed {
    /// None when it has to be read again.
    config: RefCell<Option<Rc<Config>>>,
    /// The segments, once somebody has asked.
    pub(super) index: RefCell<Option<Index>>,
    /// Raised whenever segments are taken out of it: what was read before may name them still.
    taken_out: Cell<u64>,
    /// Every commit up to this one is in it.
    known: Cell<u64>,
    /// The store says that the index is not whole.
    unfinished: Cell<bool>,
    /// Segments that cannot be read.
    pub(super) damaged: RefCell<Vec<u64>>,
    /// What the head has more than there is, or less: of segments that are gone, the numbers joined by exclusive or.
    pub(super) lost: Cell<u64>,
    /// Segments added since there was last something to merge.
    added: Cell<u32>,
    /// Somebody is merging.
    pub(super) tended: Cell<bool>,
    /// Stamps of the segments that were last summed up, and the bytes of their records.
    pub(super) stored: RefCell<Option<(Vec<u64>, u64)>>,
    /// Sessions that were deleted without room to say so.
    owed: RefCell<Vec<Id>>,
    /// The index's code is there.
    is_loaded: Cell<bool>,
    /// Until then writes do without it.
    unloaded_until_ms: Cell<u64>,
}

impl Indexed {
    /// Takes note of the record that says what is indexed.
    pub(super) fn know(&self, record: Option<Vec<u8>>) -> Rc<Config> {
        let config = Rc::new(Config::open(record));
        self.config.replace(Some(Rc::clone(&config)));
        config
    }

    /// What is indexed may be something else by now.
    pub(super) fn distrust(&self) {
        self.config.take();
        self.known.set(0);
    }

    /// The store says, or it is known, that there may be more than is answered.
    pub(super) fn is_incomplete(&self) -> bool {
        self.unfinished.get() || self.is_damaged() || !self.owed.borrow().is_empty()
    }

    /// Segments were taken out of the index.
    pub(super) fn note_taken_out(&self) {
        self.taken_out.set(self.taken_out.get() + 1);
    }

    /// Every commit up to this one is in the index.
    pub(super) fn known(&self) -> u64 {
        self.known.get()
    }

    pub(super) fn set_unfinished(&self, unfinished: bool) {
        self.unfinished.set(unfinished);
    }

    pub(super) fn is_unfinished(&self) -> bool {
        self.unfinished.get()
    }

    /// Some segment cannot be read, or is gone.
    pub(super) fn is_damaged(&self) -> bool {
        !self.damaged.borrow().is_empty() || self.lost.get() != 0
    }

    /// Takes note of a commit of this engine.
    pub(super) fn committed(&self, generation: u64, delta: Option<Delta>) {
        let mut slot = self.index.borrow_mut();
        if delta.is_some() {
            self.added.set(self.added.get().saturating_add(1));
        }
        let Some(index) = slot.as_mut() else { return };
        if let Some(delta) = delta {
            let number = delta.number;
            let added = delta.into_first(generation).map(|part| index.add(number, part));
            if !matches!(added, Some(Ok(()))) {
                // It is read from the store.
                self.known.set(0);
                return;
            }
        }
        if self.known.get() + 1 == generation {
            self.known.set(generation);
        }
    }

    /// How many segments this engine has added since somebody last looked what there is to merge.
    pub(super) fn added(&self) -> u32 {
        self.added.get()
    }

    pub(super) fn forget_added(&self) {
        self.added.set(0);
    }

    pub(super) fn owe(&self, ids: impl IntoIterator<Item = Id>) {
        self.owed.borrow_mut().extend(ids);
    }

    pub(super) fn take_owed(&self) -> Vec<Id> {
        self.owed.take()
    }
}

/// What the index of a session becomes in a plan.
#[derive(Debug, Default)]
struct Touched {
    /// Everything that was indexed of it goes.
    all: bool,
    metadata: bool,
    /// Stored items that are replaced.
    items: Vec<(ListName, u64)>,
    /// Items that are new.
    entries: Vec<Entry>,
}

/// What a plan does to the index.
#[derive(Debug)]
pub(super) struct Changes {
    config: Rc<Config>,
    sessions: crate::map::Map<Id, Touched>,
}

impl Changes {
    pub(super) fn new(config: Rc<Config>) -> Self {
        Self { config, sessions: crate::map::Map::default() }
    }

    fn touched(&mut self, id: &Id) -> Option<&mut Touched> {
        if !self.sessions.contains_key(id) {
            self.sessions.insert(id.clone(), Touched::default());
        }
        self.sessions.get_mut(id)
    }

    /// A session was deleted.
    pub(super) fn deleted(&mut self, id: &Id) {
        self.sessions.insert(id.clone(), Touched { all: true, ..Touched::default() });
    }

    /// Its metadata was written.
    pub(super) fn metadata(&mut self, id: &Id) {
        if let Some(touched) = self.touched(id) {
            touched.metadata = true;
        }
    }

    /// Items were written at the end of a list.
    pub(super) fn items<'i>(&mut self, id: &Id, list: &ListName, first: u64, items: impl Iterator<Item = &'i [u8]>) {
        let config = Rc::clone(&self.config);
        let Some(schema) = config.schema.as_ref().filter(|schema| schema.has_list(list.as_str())) else { return };
        let entries = (first..).zip(items).filter_map(|(index, json)| index::item_entry(schema, id, list, index, json));
        let entries: Vec<Entry> = entries.collect();
        if !entries.is_empty()
            && let Some(touched) = self.touched(id)
        {
            touched.entries.extend(entries);
        }
    }

    /// An item was replaced.
    pub(super) fn replaced(&mut self, id: &Id, list: &ListName, index: u64, json: &[u8]) {
        let config = Rc::clone(&self.config);
        let Some(schema) = config.schema.as_ref().filter(|schema| schema.has_list(list.as_str())) else { return };
        let entry = index::item_entry(schema, id, list, index, json);
        let Some(touched) = self.touched(id) else { return };
        let at = (list.clone(), index);
        touched.entries.retain(|entry| entry.at.as_ref() != Some(&at));
        touched.entries.extend(entry);
        if !touched.items.contains(&at) {
            touched.items.push(at);
        }
    }

    /// Whether somebody else keeps the index.
    pub(super) fn is_foreign(&self) -> bool {
        self.config.is_foreign
    }

    /// The check that the plan rests on, and the segment. `session` tells a session's metadata after the plan, if there is any, and
    /// whether one was stored before.
    pub(super) fn finish(
        self,
        random: impl FnOnce() -> u128,
        session: impl Fn(&Id) -> (Option<Vec<u8>>, bool),
    ) -> Result<(Check, Option<Delta>)> {
        let check = self.config.check();
        let Some(schema) = &self.config.schema else { return Ok((check, None)) };
        let (mut entries, mut tombstones) = (Vec::new(), Vec::new());
        for (id, touched) in self.sessions.into_sorted() {
            let (json, was_stored) = session(&id);
            let mut bury = |scope| tombstones.push(Tombstone { session: id.clone(), scope });
            if was_stored && touched.all {
                bury(Scope::All);
            } else if was_stored {
                if touched.metadata {
                    bury(Scope::Metadata);
                }
                touched.items.into_iter().for_each(|(list, index)| bury(Scope::Item(list, index)));
            }
            if let Some(json) = json {
                if touched.metadata {
                    entries.extend(index::metadata_entry(schema, &id, &json));
                }
                entries.extend(touched.entries);
            }
        }
        Ok((check, delta_of(schema, random, &entries, &tombstones)?))
    }
}

/// A segment of these, if there are any.
pub(super) fn delta_of(
    schema: &Schema,
    random: impl FnOnce() -> u128,
    entries: &[Entry],
    tombstones: &[Tombstone],
) -> Result<Option<Delta>> {
    if entries.is_empty() && tombstones.is_empty() {
        return Ok(None);
    }
    let parts = index::build(0, schema, &Analysers, entries, tombstones)?;
    Ok(Some(Delta { number: random() as u64, parts }))
}

impl<B: Backend, H: Host> Store<B, H> {
    /// Sees to it that the store has the index that was asked for. What is to be indexed anew is only noted.
    pub(super) async fn ensure_index(&self) -> Result<()> {
        for _ in 0..super::ATTEMPTS_MAX {
            let config = self.index_config().await?;
            // A foreign one is left to whoever made it.
            if self.options.index == IndexChoice::Stored && config.record.is_some() && config.renewed.is_none() {
                return Ok(());
            }
            let (wanted, put) = self.wanted(config.renewed.clone())?;
            if matches!(&put, Op::Put(_, _, record) if config.record.as_ref() == Some(record)) {
                return Ok(());
            }
            let mut ops = vec![put];
            if config.record.is_some() {
                for number in self.segment_numbers().await? {
                    ops.push(Op::Delete(StoreName::Segments, first_key(number)));
                }
                ops.push(Op::DeleteRange(StoreName::Segments, KeyRange::all()));
            }
            let is_kept = wanted.0.is_some();
            ops.push(if is_kept { self.reindex_op()? } else { Op::Delete(StoreName::Meta, super::reindex::key()) });
            let outcome = self.commit_ops(vec![config.check()], ops).await?;
            self.indexed.distrust();
            if outcome == crate::backend::Outcome::Committed {
                self.indexed.set_unfinished(is_kept);
                return Ok(());
            }
        }
        Err(Error::Conflict { attempts: super::ATTEMPTS_MAX }.into())
    }

    /// What is to be indexed, given what is to be renewed, and the operation that says so.
    fn wanted(&self, renewed: Option<Schema>) -> Result<(Stored, Op)> {
        let wanted = match &self.options.index {
            IndexChoice::Stored => Stored(Some(renewed.unwrap_or_else(Schema::standard))),
            IndexChoice::Off => Stored(None),
            IndexChoice::Fields(schema) => Stored(Some(schema.clone())),
        };
        let key = index_key();
        let place = Place { store: StoreName::Meta, key: &key };
        let record = record::seal_fields(place, Kind::Index, &wanted, Compression::WhenSmaller)?;
        Ok((wanted, Op::Put(StoreName::Meta, key, record)))
    }

    /// The operation that says what is indexed in a new store.
    pub(super) fn index_op(&self) -> Result<Op> {
        self.wanted(None).map(|(_, op)| op)
    }

    /// What is indexed.
    pub(super) fn index_config(&self) -> Answer<'_, Result<Rc<Config>>> {
        Box::pin(async move {
            if let Some(config) = self.indexed.config.borrow().as_ref() {
                return Ok(Rc::clone(config));
            }
            Ok(self.indexed.know(self.get_one(StoreName::Meta, &index_key()).await?))
        })
    }

    /// Sees to it that the index's code is there. Nothing of it may be called before.
    pub(super) async fn need_index(&self) -> Result<()> {
        if !self.indexed.is_loaded.get() {
            self.host.load_index().await.map_err(|cause| Error::SearchUnavailable { cause })?;
            self.indexed.is_loaded.set(true);
        }
        Ok(())
    }

    /// Whether the index's code is there, or comes soon. If not, nobody asks for it again for some time.
    pub(super) async fn can_index(&self) -> bool {
        if self.indexed.is_loaded.get() {
            return true;
        }
        if self.host.now_ms() < self.indexed.unloaded_until_ms.get() {
            return false;
        }
        let is_late = async {
            self.host.sleep(LOAD_MS).await;
            false
        };
        let can_index = or(async { self.need_index().await.is_ok() }, is_late).await;
        if !can_index {
            self.indexed.unloaded_until_ms.set(self.host.now_ms() + UNLOADED_MS);
        }
        can_index
    }

    /// What is indexed, for a write. Without the index's code it goes on without, and has everything indexed anew later.
    pub(super) async fn kept_config(&self) -> Result<Rc<Config>> {
        let config = self.index_config().await?;
        if config.schema.is_none() || self.can_index().await {
            return Ok(config);
        }
        self.indexed.set_unfinished(true);
        Ok(Rc::new(config.unkept()))
    }

    /// Brings the index up to what is stored.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when nothing is indexed, [`Error::NewerVersion`] when a newer version keeps the index,
    /// [`Error::SearchUnavailable`] without the index's code.
    pub(super) fn refresh_index(&self) -> Answer<'_, Result<()>> {
        Box::pin(async move {
            self.trusted().await?;
            for _ in 0..ATTEMPTS_MAX {
                let generation = self.memory.generation();
                if self.indexed.index.borrow().is_some() && self.indexed.known.get() >= generation {
                    return Ok(());
                }
                let keys = [Head::key(), index_key(), super::reindex::key()];
                let records = self.get(StoreName::Meta, &keys);
                // Whoever searches for the first time waits for all of it: both are read at once.
                let is_first = self.indexed.index.borrow().is_none();
                let (records, rows) = if is_first {
                    let range = KeyRange::prefix(Key::new().number(0));
                    let scan = self.scan(Scan::new(StoreName::Segments, range, READ_PARTS_MAX));
                    let (records, rows) = zip(records, scan).await;
                    let is_all = |rows: &Vec<Row>| rows.len() < READ_PARTS_MAX && self.indexed.index.borrow().is_none();
                    (records, Some(rows?).filter(is_all))
                } else {
                    (records.await, None)
                };
                let mut records = records?;
                self.indexed.set_unfinished(records.pop().flatten().is_some());
                self.know_config(records.pop().flatten()).await?;
                let head = records.pop().flatten();
                let at_once = rows.is_some();
                let Some(there) = self.read_segments(rows).await? else { continue };
                // One is gone, unless they were read at different moments. If both were read at once, nobody knows which was first.
                let named = head.as_deref().and_then(|head| Head::open(head).ok()).map_or(there, |head| head.segments);
                if named != there && (at_once || !self.is_still(StoreName::Meta, &Head::key(), head.as_deref()).await?)
                {
                    continue;
                }
                self.indexed.lost.set(named ^ there);
                // What looks damaged may only be of another schema by now.
                let record = self.index_config().await?.record.clone();
                let looks_damaged = !self.indexed.damaged.borrow().is_empty();
                if looks_damaged && !self.is_still(StoreName::Meta, &index_key(), record.as_deref()).await? {
                    continue;
                }
                self.indexed.known.set(generation);
                return Ok(());
            }
            Err(Error::Conflict { attempts: ATTEMPTS_MAX }.into())
        })
    }

    /// Takes note of what is indexed; an index of something else is forgotten.
    async fn know_config(&self, record: Option<Vec<u8>>) -> Result<()> {
        let config = self.indexed.know(record);
        if config.schema.is_some() {
            self.need_index().await?;
        }
        let mut index = self.indexed.index.borrow_mut();
        match &config.schema {
            Some(schema) if index.as_ref().is_some_and(|index| index.schema() == schema) => {}
            Some(schema) => {
                *index = Some(Index::new(schema.clone()));
                self.indexed.note_taken_out();
                self.indexed.damaged.borrow_mut().clear();
            }
            None => {
                *index = None;
                return Err(if config.is_foreign {
                    Error::NewerVersion { found: super::STORE_FORMAT + 1, supported: super::STORE_FORMAT }.into()
                } else {
                    Error::invalid("index", "this hoard keeps no index; open it with one to search")
                });
            }
        }
        Ok(())
    }

    /// The numbers of all segments that there are.
    async fn segment_numbers(&self) -> Result<Vec<u64>> {
        let range = KeyRange::prefix(Key::new().number(0));
        let rows = self.scan(Scan::keys(StoreName::Segments, range, SEGMENTS_MAX)).await?;
        Ok(rows.iter().filter_map(|row| first_number(&row.key)).collect())
    }

    /// Reads the segments that are new and forgets those that are gone. Answers the numbers of all that there are, joined by
    /// exclusive or; nothing if they change meanwhile. `rows` are the records of all parts 0, if they were read.
    async fn read_segments(&self, rows: Option<Vec<Row>>) -> Result<Option<u64>> {
        let taken_out = self.indexed.taken_out.get();
        let numbers = match &rows {
            Some(rows) => rows.iter().filter_map(|row| first_number(&row.key)).collect(),
            None => self.segment_numbers().await?,
        };
        let there = numbers.iter().fold(0, |there, number| there ^ number);
        self.indexed.damaged.borrow_mut().retain(|number| numbers.contains(number));
        let known = self.with_index(|index| index.numbers());
        let gone: Vec<u64> = known.iter().copied().filter(|number| !numbers.contains(number)).collect();
        let mut read = Vec::new();
        for Row { key, value } in rows.iter().flatten() {
            read.extend(first_number(key).map(|number| (number, open_part(key, value))));
        }
        let is_known = |number: &u64| {
            let is_read = rows.is_some() || known.contains(number);
            is_read || self.indexed.damaged.borrow().contains(number)
        };
        let new: Vec<u64> = numbers.into_iter().filter(|number| !is_known(number)).collect();
        for numbers in new.chunks(READ_PARTS_MAX) {
            let keys: Vec<Key> = numbers.iter().map(|&number| first_key(number)).collect();
            let records = self.get(StoreName::Segments, &keys).await?;
            for ((number, key), record) in numbers.iter().zip(&keys).zip(records) {
                let Some(record) = record else { return Ok(None) };
                read.push((*number, open_part(key, &record)));
            }
        }
        let mut slot = self.indexed.index.borrow_mut();
        let Some(index) = slot.as_mut().filter(|_| self.indexed.taken_out.get() == taken_out) else { return Ok(None) };
        if !gone.is_empty() {
            index.remove(&gone);
            self.indexed.note_taken_out();
        }
        for (number, part) in read {
            let added = match part {
                Ok(_) if index.has(number) => continue,
                Ok(part) => index.add(number, part).is_ok(),
                Err(error) => corrupt(error).map(|_| false)?,
            };
            if !added {
                self.indexed.damaged.borrow_mut().push(number);
            }
        }
        Ok(Some(there))
    }

    /// Does something with the index, if it is there.
    pub(super) fn with_index<R: Default>(&self, with: impl FnOnce(&mut Index) -> R) -> R {
        self.indexed.index.borrow_mut().as_mut().map(with).unwrap_or_default()
    }

    /// Asks the index until it has an answer: loads what it lacks, and goes on without what is damaged.
    pub(super) fn ask_index<'a, R: 'a>(
        &'a self,
        ask: &'a mut dyn FnMut(&mut Index) -> Result<Work<R>, Damaged>,
    ) -> Answer<'a, Result<R>> {
        Box::pin(async move {
            // Merging replaces segments under our hands, but only so often.
            let mut loads = 0;
            while loads < ATTEMPTS_MAX {
                let answer = self.indexed.index.borrow_mut().as_mut().map(&mut *ask);
                match answer {
                    Some(Ok(Work::Done(answer))) => return Ok(answer),
                    Some(Ok(Work::Running(_))) => loads = 0,
                    Some(Ok(Work::Needs(parts))) => {
                        loads += 1;
                        self.load_parts(&parts).await?;
                    }
                    Some(Err(damage)) => self.damaged_segment(&damage),
                    None => self.refresh_index().await?,
                }
            }
            Err(Error::Conflict { attempts: loads }.into())
        })
    }

    /// Loads parts that the index lacks.
    pub(super) fn load_parts<'a>(&'a self, parts: &'a [PartId]) -> Answer<'a, Result<()>> {
        Box::pin(async move {
            for parts in parts.chunks(READ_PARTS_MAX) {
                let keys: Vec<Key> = parts.iter().map(|&part| part_key(part)).collect();
                let records = self.get(StoreName::Segments, &keys).await?;
                for ((part, key), record) in parts.iter().zip(&keys).zip(records) {
                    let damage = match record.map(|record| open_part(key, &record)) {
                        Some(Ok(bytes)) => self.with_index(|index| index.load(*part, bytes).err()),
                        Some(Err(error)) => {
                            corrupt(error)?;
                            Some(Damaged { segment: part.segment, problem: "a part cannot be read".into() })
                        }
                        None => {
                            // It was merged meanwhile, or it is lost.
                            self.indexed.known.set(0);
                            self.refresh_index().await?;
                            let lost = self.with_index(|index| index.has(part.segment))
                                && self.get_one(StoreName::Segments, key).await?.is_none();
                            lost.then_some(Damaged { segment: part.segment, problem: "a part is missing".into() })
                        }
                    };
                    if let Some(damage) = damage {
                        self.damaged_segment(&damage);
                    }
                }
            }
            Ok(())
        })
    }

    /// Goes on without a segment.
    pub(super) fn damaged_segment(&self, damage: &Damaged) {
        self.with_index(|index| index.remove(&[damage.segment]));
        self.indexed.note_taken_out();
        let mut damaged = self.indexed.damaged.borrow_mut();
        if !damaged.contains(&damage.segment) {
            damaged.push(damage.segment);
        }
    }

    /// Gives back memory.
    pub(super) fn shed_index(&self) {
        self.with_index(|index| {
            if index.memory() > MEMORY_BYTES_MAX {
                index.shed();
            }
        });
    }

    /// What was deleted without room to say so, as far as it is still gone, so that the next commit says it.
    pub(super) async fn pay_index(&self) -> Result<()> {
        let owed = self.indexed.take_owed();
        if owed.is_empty() {
            return Ok(());
        }
        let config = self.index_config().await?;
        let Some(schema) = &config.schema else { return Ok(()) };
        if !self.can_index().await {
            self.indexed.owe(owed);
            return Ok(());
        }
        let mut checks = vec![config.check()];
        let mut tombstones = Vec::with_capacity(owed.len());
        for id in &owed {
            checks.push(Check::Absent(StoreName::Sessions, crate::session::session_key(id.as_str())));
            tombstones.push(Tombstone { session: id.clone(), scope: Scope::All });
        }
        let delta = delta_of(schema, || self.host.random(), &[], &tombstones)?;
        let batch = Batch { checks, durability: self.options.durability, ..Batch::default() };
        match self.commit_now(Planned { delta, ..Planned::of(batch) }).await {
            Ok(crate::backend::Outcome::Committed) => Ok(()),
            // Another tab made one of them again: nobody knows what is indexed of it.
            Ok(_) => self.start_reindex().await,
            Err(error) => {
                self.indexed.owe(owed);
                Err(error)
            }
        }
    }
}
