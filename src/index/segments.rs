//! The segments that an engine has open, as one index.
//!
//! A session has an *ordinal*: the largest segment lends its own, so that there nothing has to be translated, and the sessions
//! that only others know follow. A tombstone is carried out once, when its segment comes: it marks entries of older
//! segments as dead. What is counted (entries and tokens of each text field, live entries of each session) is kept exact, so that
//! a query never counts what is dead.

use super::bits::Bits;
use super::bytes::{Damage, Read};
use super::entry::{Scope, Tombstone};
use super::schema::Schema;
use super::search::Scratch;
use super::segment::{PartId, Segment};
use crate::error::{Error, Result};
use crate::job::Progress;
use std::rc::Rc;

/// An index: segments, and what follows from all of them.
#[derive(Debug)]
pub struct Index {
    pub(super) schema: Rc<Schema>,
    /// In the order of their stamps.
    pub(super) segments: Vec<Attached>,
    /// How many of them, from the first on, are attached.
    attached: usize,
    pub(super) sessions: Sessions,
    /// By field.
    pub(super) counts: Vec<Counts>,
    pub(super) scratch: Scratch,
}

/// A segment in an index.
#[derive(Debug)]
pub(super) struct Attached {
    pub(super) segment: Segment,
    /// The ordinal of each of its sessions; none where these are its own numbers.
    ordinals: Option<Vec<u32>>,
    /// By group: entries that a newer segment killed.
    dead: Vec<Option<Bits>>,
}

/// What BM25 needs of a text field.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Counts {
    /// Live entries that have the field.
    pub(super) entries: u64,
    /// Tokens in them.
    pub(super) tokens: u64,
}

/// Where a session's live metadata is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Home {
    /// Place of the segment; `u32::MAX` when there is none.
    pub(super) segment: u32,
    pub(super) entry: u32,
}

const OF_BASE: u64 = u32::MAX as u64;

const NOWHERE: Home = Home { segment: u32::MAX, entry: 0 };

/// All sessions, by ordinal.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    /// The place of the segment that lends its numbers, and how many it has.
    base: usize,
    base_length: u32,
    /// Ids from there on.
    more: Vec<String>,
    /// Ordinals of these, in the order of the ids.
    sorted: Vec<u32>,
    /// Of each of these: how many of the base's ids are smaller, and its place in that order.
    places: Vec<u64>,
    /// Live entries of each.
    entries: Vec<u32>,
    homes: Vec<Home>,
    pub(super) alive: Bits,
}

/// Figures of an index.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Figures {
    /// Sessions with a live entry.
    pub sessions: u64,
    /// Live entries.
    pub entries: u64,
    /// Entries that were replaced or deleted and go when their segment is merged.
    pub dead: u64,
    /// Segments, oldest first.
    pub segments: Vec<SegmentFigures>,
    /// Bytes of memory.
    pub memory: u64,
}

/// Figures of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SegmentFigures {
    /// Its number in the store.
    pub number: u64,
    /// Its stamp.
    pub stamp: u64,
    /// Bytes in the store, without the head.
    pub bytes: u64,
    /// Its entries, dead ones too.
    pub entries: u64,
    /// Dead ones among them.
    pub dead: u64,
    /// Its tombstones.
    pub tombstones: u64,
}

/// What a step of long work on an index came to. See [`crate::job`].
#[derive(Debug, Clone, PartialEq)]
pub enum Work<R> {
    /// These parts have to be [loaded](Index::load) before the next step.
    Needs(Vec<PartId>),
    /// There is more to do.
    Running(Progress),
    /// It is done.
    Done(R),
}

/// A segment that cannot be read. The index goes on without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged {
    /// The segment's number in the store.
    pub segment: u64,
    /// What is wrong with it.
    pub problem: String,
}

impl From<Damaged> for Box<Error> {
    fn from(damaged: Damaged) -> Self {
        Error::Corrupt { record: format!("segments/{}", damaged.segment), problem: damaged.problem }.into()
    }
}

pub(super) fn damaged(segment: u64, damage: Damage) -> Damaged {
    Damaged { segment, problem: damage.0.into() }
}

impl Attached {
    /// The session's ordinal in the index.
    #[inline(always)]
    pub(super) fn ordinal(&self, session: u32) -> u32 {
        match &self.ordinals {
            None => session,
            Some(ordinals) => ordinals.get(session as usize).copied().unwrap_or(u32::MAX),
        }
    }

    /// Whether sessions have the same numbers here and in the index.
    pub(super) fn is_base(&self) -> bool {
        self.ordinals.is_none()
    }

    /// The dead entries of a group, if there are any.
    pub(super) fn dead(&self, group: usize) -> Option<&Bits> {
        self.dead.get(group)?.as_ref()
    }

    pub(super) fn is_dead(&self, group: usize, entry: u32) -> bool {
        self.dead(group).is_some_and(|dead| dead.contains(entry))
    }

    /// The entries that a tombstone kills here, by group.
    fn killed(&self, tombstone: &Tombstone, schema: &Schema) -> Read<Vec<(usize, u32)>> {
        let Some(core) = self.segment.core() else { return Ok(Vec::new()) };
        let Some(session) = core.ids.position(tombstone.session.as_str())? else { return Ok(Vec::new()) };
        let of_session = |number: usize| {
            let group = core.groups.get(number);
            group.map_or(0..0, |group| group.of_session(session)).map(move |entry| (number, entry))
        };
        Ok(match &tombstone.scope {
            Scope::All => (0..core.groups.len()).flat_map(of_session).collect(),
            Scope::Metadata => of_session(0).collect(),
            Scope::Item(list, index) => {
                let item = || {
                    let number = schema.group(Some(list.as_str()))?;
                    let entry = core.groups.get(number)?.item(session, u32::try_from(*index).ok()?)?;
                    Some((number, entry))
                };
                item().into_iter().collect()
            }
        })
    }

    pub(super) fn figures(&self) -> SegmentFigures {
        let core = self.segment.core();
        SegmentFigures {
            number: self.segment.number,
            stamp: self.segment.head.stamp,
            bytes: self.segment.stored(),
            entries: core.map_or(0, |core| core.groups.iter().map(|group| u64::from(group.length)).sum()),
            dead: self.dead.iter().flatten().map(|dead| dead.count() as u64).sum(),
            tombstones: core.map_or(0, |core| core.tombstones.len() as u64),
        }
    }

    fn memory(&self) -> usize {
        let ordinals = self.ordinals.as_ref().map_or(0, |ordinals| ordinals.capacity() * 4);
        self.segment.memory() + ordinals + self.dead.iter().flatten().map(Bits::memory).sum::<usize>()
    }
}

impl Sessions {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// A number that is in the order of ids, and that leads back to the ordinal.
    #[inline(always)]
    pub(super) fn place_of(&self, ordinal: u32) -> u64 {
        match ordinal.checked_sub(self.base_length) {
            None => u64::from(ordinal) << 32 | OF_BASE,
            Some(more) => self.places.get(more as usize).copied().unwrap_or(u64::MAX),
        }
    }

    /// The ordinal of [`Sessions::place_of`].
    pub(super) fn at_place(&self, place: u64) -> u32 {
        if place & OF_BASE == OF_BASE {
            return (place >> 32) as u32;
        }
        self.sorted.get((place & OF_BASE) as usize).copied().unwrap_or(u32::MAX)
    }

    /// Makes the places right after sessions have come.
    fn renumber(&mut self) {
        for (number, &ordinal) in (0..).zip(&self.sorted) {
            let place = ordinal.checked_sub(self.base_length).and_then(|more| self.places.get_mut(more as usize));
            if let Some(place) = place {
                *place = *place & !OF_BASE | number;
            }
        }
    }

    pub(super) fn home(&self, ordinal: u32) -> Option<Home> {
        self.homes.get(ordinal as usize).copied().filter(|home| home.segment != NOWHERE.segment)
    }

    /// Where an id is or would be in the order of those that the base does not have, given that it is not before `from`.
    fn place(&self, from: usize, id: &str) -> std::result::Result<usize, usize> {
        let name = |&ordinal: &u32| self.more.get((ordinal - self.base_length) as usize).map_or("", String::as_str);
        let rest = self.sorted.get(from..).unwrap_or_default();
        // It is looked for near there first, for ids come in order.
        let mut bound = 1;
        while rest.get(bound - 1).is_some_and(|ordinal| name(ordinal) < id) {
            bound *= 2;
        }
        let before = bound / 2;
        let near = rest.get(before..bound.min(rest.len())).unwrap_or_default();
        let place = near.binary_search_by(|ordinal| name(ordinal).cmp(id));
        place.map(|place| from + before + place).map_err(|place| from + before + place)
    }

    /// Puts new ordinals where [`Sessions::place`] said, all of them at once.
    fn insert(&mut self, new: &[(usize, u32)]) {
        let mut end = self.sorted.len();
        self.sorted.resize(end + new.len(), 0);
        for (before, &(place, ordinal)) in new.iter().enumerate().rev() {
            self.sorted.copy_within(place..end, place + before + 1);
            if let Some(slot) = self.sorted.get_mut(place + before) {
                *slot = ordinal;
            }
            end = place;
        }
    }
}

impl Index {
    /// An index without segments.
    #[inline(never)]
    pub fn new(schema: Schema) -> Self {
        let counts = vec![Counts::default(); schema.fields().len()];
        Self {
            schema: Rc::new(schema),
            segments: Vec::new(),
            attached: 0,
            sessions: Sessions::default(),
            counts,
            scratch: Scratch::default(),
        }
    }

    /// What is indexed.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Takes a segment by its part 0: one that was just written, or one that the store names. What it says counts from
    /// the next query on.
    ///
    /// # Errors
    /// The segment is damaged, of another schema or has the stamp of another one; the index is as before.
    #[inline(never)]
    pub fn add(&mut self, number: u64, part: Vec<u8>) -> Result<(), Damaged> {
        let segment = Segment::open(number, part, &self.schema).map_err(|damage| damaged(number, damage))?;
        let stamp = segment.head.stamp;
        let place = self.segments.partition_point(|other| other.segment.head.stamp < stamp);
        let taken =
            self.segments.iter().any(|other| other.segment.head.stamp == stamp || other.segment.number == number);
        if taken {
            return Err(damaged(number, Damage("another segment has its number or stamp")));
        }
        let dead = vec![None; self.schema.groups()];
        self.segments.insert(place, Attached { segment, ordinals: None, dead });
        if place < self.attached {
            self.attached = 0;
        }
        Ok(())
    }

    /// Takes a part that a query needs.
    ///
    /// # Errors
    /// The segment is damaged. A part of a segment that is not there is passed over.
    #[inline(never)]
    pub fn load(&mut self, part: PartId, bytes: Vec<u8>) -> Result<(), Damaged> {
        match self.segments.iter_mut().find(|attached| attached.segment.number == part.segment) {
            Some(attached) => attached.segment.load(part.part, bytes).map_err(|damage| damaged(part.segment, damage)),
            None => Ok(()),
        }
    }

    /// Removes segments: merged ones, in whose place another is added, or a damaged one.
    #[inline(never)]
    pub fn remove(&mut self, numbers: &[u64]) {
        self.segments.retain(|attached| !numbers.contains(&attached.segment.number));
        self.attached = 0;
    }

    /// Puts a merged segment in the place of those that it was made of.
    ///
    /// # Errors
    /// The new segment is damaged; the index is as before.
    #[inline(never)]
    pub fn replace(&mut self, numbers: &[u64], number: u64, part: Vec<u8>) -> Result<(), Damaged> {
        let (old, rest): (Vec<Attached>, _) =
            std::mem::take(&mut self.segments).into_iter().partition(|old| numbers.contains(&old.segment.number));
        self.segments = rest;
        self.attached = 0;
        self.add(number, part).inspect_err(|_| {
            self.segments.extend(old);
            self.segments.sort_by_key(|attached| attached.segment.head.stamp);
        })
    }

    /// Makes all segments count; names the parts that are missing for it.
    pub(super) fn attach(&mut self, missing: &mut Vec<PartId>) -> Result<(), Damaged> {
        for attached in self.segments.iter().skip(self.attached) {
            attached.segment.missing_core(missing);
        }
        if !missing.is_empty() {
            return Ok(());
        }
        if self.attached == 0 {
            let sessions = |at: usize| self.segments.get(at).map_or(0, Attached::sessions);
            let base = (0..self.segments.len()).max_by_key(|&at| sessions(at)).unwrap_or(0);
            self.sessions = Sessions { base, base_length: sessions(base), ..Sessions::default() };
            self.counts.iter_mut().for_each(|counts| *counts = Counts::default());
            self.make_room();
            for attached in &mut self.segments {
                attached.dead.iter_mut().for_each(|dead| *dead = None);
            }
        }
        while self.attached < self.segments.len() {
            let number = self.segments.get(self.attached).map_or(0, |attached| attached.segment.number);
            if let Err(damage) = self.attach_next() {
                self.attached = 0;
                return Err(damaged(number, damage));
            }
            self.attached += 1;
        }
        Ok(())
    }

    fn make_room(&mut self) {
        let length = self.sessions.base_length as usize + self.sessions.more.len();
        self.sessions.entries.resize(length, 0);
        self.sessions.homes.resize(length, NOWHERE);
        self.sessions.alive.grow(length);
    }

    fn attach_next(&mut self) -> Read<()> {
        let at = self.attached;
        let ordinals = self.ordinals(at)?;
        self.make_room();
        let Some((attached, older)) = self.segments.get_mut(..=at).and_then(|known| known.split_last_mut()) else {
            return Ok(());
        };
        attached.ordinals = ordinals;
        let Some(core) = attached.segment.core() else { return Ok(()) };
        for (counts, lengths) in self.counts.iter_mut().zip(&core.lengths) {
            let (mut entries, mut tokens) = (0_u64, 0_u64);
            for &length in lengths {
                entries += u64::from(length > 0);
                tokens += u64::from(length.saturating_sub(1));
            }
            counts.entries += entries;
            counts.tokens += tokens;
        }
        for tombstone in &core.tombstones {
            for other in older.iter_mut() {
                for (group, entry) in other.killed(tombstone, &self.schema)? {
                    kill(other, group, entry, &self.schema, &mut self.counts, &mut self.sessions);
                }
            }
        }
        for (number, group) in core.groups.iter().enumerate() {
            for entry in 0..group.length {
                let ordinal = attached.ordinal(group.session(entry));
                if let Some(entries) = self.sessions.entries.get_mut(ordinal as usize) {
                    *entries += 1;
                }
                self.sessions.alive.insert(ordinal);
                if let Some(home) = self.sessions.homes.get_mut(ordinal as usize).filter(|_| number == 0) {
                    *home = Home { segment: at as u32, entry };
                }
            }
        }
        Ok(())
    }

    /// The ordinals of a segment's sessions; new sessions get one.
    fn ordinals(&mut self, at: usize) -> Read<Option<Vec<u32>>> {
        if at == self.sessions.base {
            return Ok(None);
        }
        let core = |at: usize| self.segments.get(at).and_then(|attached| attached.segment.core());
        let (Some(core), base) = (core(at), core(self.sessions.base)) else { return Ok(None) };
        let mut ordinals = Vec::with_capacity(core.ids.len() as usize);
        let ids = core.ids.all()?;
        let of_base = base.map_or_else(|| Ok(vec![(0, false); ids.len()]), |base| base.ids.find_all(&ids))?;
        let (mut new, mut from) = (Vec::new(), 0);
        for (id, (next, found)) in ids.into_iter().zip(of_base) {
            if found {
                ordinals.push(next);
                continue;
            }
            let place = self.sessions.place(from, &id);
            from = place.unwrap_or_else(|place| place);
            match place {
                Ok(place) => ordinals.push(self.sessions.sorted.get(place).copied().unwrap_or(u32::MAX)),
                Err(place) => {
                    let ordinal = self.sessions.base_length + self.sessions.more.len() as u32;
                    new.push((place, ordinal));
                    self.sessions.places.push(u64::from(next) << 32);
                    self.sessions.more.push(id);
                    ordinals.push(ordinal);
                }
            }
        }
        self.sessions.insert(&new);
        if !new.is_empty() {
            self.sessions.renumber();
        }
        Ok(Some(ordinals))
    }

    /// The id of a session.
    pub(super) fn id(&self, ordinal: u32) -> Result<String, Damaged> {
        let Some(more) = ordinal.checked_sub(self.sessions.base_length) else {
            let Some(base) = self.segments.get(self.sessions.base) else { return Ok(String::new()) };
            let id = base.segment.core().map_or(Err(Damage("it has no ids")), |core| core.ids.get(ordinal));
            return id.map_err(|damage| damaged(base.segment.number, damage));
        };
        Ok(self.sessions.more.get(more as usize).cloned().unwrap_or_default())
    }

    /// Whether there is such a segment.
    #[inline(never)]
    pub fn has(&self, number: u64) -> bool {
        self.segments.iter().any(|attached| attached.segment.number == number)
    }

    /// The segments' numbers.
    #[inline(never)]
    pub fn numbers(&self) -> Vec<u64> {
        self.segments.iter().map(|attached| attached.segment.number).collect()
    }

    /// The ids of all sessions, in no order.
    ///
    /// # Errors
    /// A segment is damaged.
    #[inline(never)]
    pub fn ids(&mut self) -> Result<Work<Vec<String>>, Damaged> {
        let mut missing = Vec::new();
        self.attach(&mut missing)?;
        if !missing.is_empty() {
            return Ok(Work::Needs(missing));
        }
        let alive = self.sessions.alive.to_vec();
        alive.into_iter().map(|ordinal| self.id(ordinal)).collect::<Result<_, _>>().map(Work::Done)
    }

    /// Drops what was loaded for queries, but no core. It is loaded again when it is needed.
    #[inline(never)]
    pub fn shed(&mut self) {
        self.segments.iter_mut().for_each(|attached| attached.segment.shed());
        self.scratch = Scratch::default();
    }

    /// Bytes of memory.
    #[inline(never)]
    pub fn memory(&self) -> usize {
        let more: usize = self.sessions.more.iter().map(|id| id.len() + size_of::<String>() + 12).sum();
        let sessions = self.sessions.len() * (4 + size_of::<Home>()) + self.sessions.alive.memory() + more;
        sessions + self.segments.iter().map(Attached::memory).sum::<usize>() + self.scratch.memory()
    }

    /// Figures of the index.
    #[inline(never)]
    pub fn figures(&self) -> Figures {
        let segments: Vec<SegmentFigures> = self.segments.iter().map(Attached::figures).collect();
        let dead = segments.iter().map(|segment| segment.dead).sum();
        Figures {
            sessions: self.sessions.alive.count() as u64,
            entries: segments.iter().map(|segment| segment.entries).sum::<u64>() - dead,
            dead,
            segments,
            memory: self.memory() as u64,
        }
    }
}

impl Attached {
    fn sessions(&self) -> u32 {
        self.segment.core().map_or(0, |core| core.ids.len())
    }
}

/// Marks an entry as dead and takes it out of what is counted.
fn kill(
    attached: &mut Attached,
    group: usize,
    entry: u32,
    schema: &Schema,
    counts: &mut [Counts],
    sessions: &mut Sessions,
) {
    let (Some(core), Some(dead)) = (attached.segment.core(), attached.dead.get_mut(group)) else { return };
    let Some(entries) = core.groups.get(group) else { return };
    let dead = dead.get_or_insert_with(|| Bits::new(entries.length as usize));
    if dead.contains(entry) {
        return;
    }
    dead.insert(entry);
    for (field, counts) in counts.iter_mut().enumerate().filter(|(field, _)| schema.group_of(*field) == group) {
        if let Some(tokens) = core.tokens(field, entry) {
            counts.entries = counts.entries.saturating_sub(1);
            counts.tokens = counts.tokens.saturating_sub(tokens.into());
        }
    }
    let session = entries.session(entry);
    let ordinal = match &attached.ordinals {
        None => session,
        Some(ordinals) => ordinals.get(session as usize).copied().unwrap_or(u32::MAX),
    };
    if let Some(left) = sessions.entries.get_mut(ordinal as usize) {
        *left = left.saturating_sub(1);
        if *left == 0 {
            sessions.alive.remove(ordinal);
        }
    }
    if let Some(home) = sessions.homes.get_mut(ordinal as usize).filter(|_| group == 0) {
        *home = NOWHERE;
    }
}
