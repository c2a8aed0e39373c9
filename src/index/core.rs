//! The core of a segment, which every query needs: tombstones, session ids, entries, and how many tokens each entry has in each
//! text field.
//!
//! Entries are numbered in each *group* on its own: the metadata is one, the items of each list are another. In a group they
//! are in the order of session and index. A text field belongs to one group, so its lengths and postings are dense.
//!
//! ```text
//! core        tombstones, ids, groups, lengths: bytes of each, then they
//! tombstones  how many; of each its session id and scope (0 all; 1 metadata; 2 list and index of an item)
//! groups      of each group: how many entries; for metadata, whether every session has one, or the gaps between the sessions
//!             that do; for items, runs of one session: gap to the session before, how many, gaps between their indexes
//! lengths     of each field: whether there are any; of each entry of the group: 0 without the field, or tokens plus 1
//! ```

use super::bytes::{Cursor, Damage, Read, put, put_bytes};
use super::entry::{Scope, Tombstone};
use super::ids::{self, Ids};
use super::schema::Schema;
use crate::session::{Id, ListName};
use std::ops::Range;

/// The most entries of a group in a segment.
pub(super) const ENTRIES_MAX: usize = 1 << 30;

/// The entries of a group.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// How many there are.
    pub(super) length: u32,
    /// Entry n is of session n.
    pub(super) dense: bool,
    /// The session of each entry, unless dense.
    pub(super) sessions: Vec<u32>,
    /// The index of each item; nothing for metadata.
    pub(super) indexes: Vec<u32>,
}

impl Group {
    /// The metadata of these sessions, of so many.
    pub(super) fn metadata(sessions: Vec<u32>, of: usize) -> Self {
        let (length, dense) = (sessions.len() as u32, sessions.len() == of);
        Self { length, dense, sessions: if dense { Vec::new() } else { sessions }, indexes: Vec::new() }
    }

    /// The session that an entry is of.
    #[inline(always)]
    pub(super) fn session(&self, entry: u32) -> u32 {
        if self.dense { entry } else { self.sessions.get(entry as usize).copied().unwrap_or(u32::MAX) }
    }

    /// The entries of a session.
    pub(super) fn of_session(&self, session: u32) -> Range<u32> {
        if self.dense {
            return session..self.length.min(session.saturating_add(1)).max(session);
        }
        let first = self.sessions.partition_point(|&other| other < session);
        let rest = self.sessions.get(first..).unwrap_or_default();
        first as u32..(first + rest.partition_point(|&other| other == session)) as u32
    }

    /// The entry of an item.
    pub(super) fn item(&self, session: u32, index: u32) -> Option<u32> {
        let range = self.of_session(session);
        let indexes = self.indexes.get(range.start as usize..range.end as usize)?;
        indexes.binary_search(&index).ok().map(|at| range.start + at as u32)
    }

    fn write(&self, metadata: bool, out: &mut Vec<u8>) {
        put(out, self.length.into());
        if metadata {
            out.push(self.dense.into());
            let mut next = 0;
            for &session in &self.sessions {
                put(out, session.wrapping_sub(next).into());
                next = session.wrapping_add(1);
            }
            return;
        }
        let (mut at, mut before) = (0, 0);
        while let Some(&session) = self.sessions.get(at) {
            let range = self.of_session(session);
            put(out, (session - before).into());
            put(out, range.len().saturating_sub(1) as u64);
            let mut next = 0;
            for &index in self.indexes.get(at..range.end as usize).unwrap_or_default() {
                put(out, index.wrapping_sub(next).into());
                next = index.wrapping_add(1);
            }
            (at, before) = (at + range.len().max(1), session);
        }
    }

    fn read(metadata: bool, sessions: u32, from: &mut Cursor<'_>) -> Read<Self> {
        let mut group = Self { length: from.small()?, ..Self::default() };
        let length = group.length as usize;
        if metadata {
            group.dense = from.byte()? == 1;
            if group.dense {
                return if group.length == sessions { Ok(group) } else { Err(Damage("sessions without an entry")) };
            }
        }
        if length > from.rest().len() {
            return Err(Damage("entries are missing"));
        }
        group.sessions.reserve_exact(length);
        if metadata {
            let mut next = 0_u32;
            for _ in 0..length {
                let session = next.checked_add(from.small()?).filter(|&session| session < sessions);
                group.sessions.push(session.ok_or(Damage("an entry is of no session"))?);
                next = session.unwrap_or(0) + 1;
            }
            return Ok(group);
        }
        group.indexes.reserve_exact(length);
        let mut before = 0_u32;
        while group.sessions.len() < length {
            let session = before.checked_add(from.small()?).filter(|&session| session < sessions);
            let session = session.ok_or(Damage("an entry is of no session"))?;
            let items = from.count()? + 1;
            if items > length - group.sessions.len() {
                return Err(Damage("a session has more entries than there are"));
            }
            let mut next = 0_u64;
            for _ in 0..items {
                let index = next + u64::from(from.small()?);
                group.sessions.push(session);
                group.indexes.push(u32::try_from(index).map_err(|_| Damage("an item's index is too large"))?);
                next = index + 1;
            }
            before = session;
        }
        Ok(group)
    }

    fn memory(&self) -> usize {
        (self.sessions.capacity() + self.indexes.capacity()) * 4
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Core {
    pub(super) tombstones: Vec<Tombstone>,
    pub(super) ids: Ids,
    /// By group.
    pub(super) groups: Vec<Group>,
    /// By field, then by entry of its group: 0 without the field, or tokens plus 1. Nothing if no entry has it.
    pub(super) lengths: Vec<Vec<u32>>,
}

/// Writes a core.
pub(super) fn write(tombstones: &[Tombstone], ids: &[String], groups: &[Group], lengths: &[Vec<u32>]) -> Vec<u8> {
    let mut sections = [const { Vec::new() }; 4];
    let [graves, names, entries, tokens] = &mut sections;
    put(graves, tombstones.len() as u64);
    for Tombstone { session, scope } in tombstones {
        put_bytes(graves, session.as_str().as_bytes());
        match scope {
            Scope::All => put(graves, 0),
            Scope::Metadata => put(graves, 1),
            Scope::Item(list, index) => {
                put(graves, 2);
                put_bytes(graves, list.as_str().as_bytes());
                put(graves, *index);
            }
        }
    }
    ids::write(ids, names);
    for (number, group) in groups.iter().enumerate() {
        group.write(number == 0, entries);
    }
    for lengths in lengths {
        tokens.push((!lengths.is_empty()).into());
        lengths.iter().for_each(|&length| put(tokens, length.into()));
    }
    let mut out = Vec::new();
    sections.iter().for_each(|section| put_bytes(&mut out, section));
    out
}

impl Core {
    /// Reads a core.
    pub(super) fn read(bytes: &[u8], schema: &Schema) -> Read<Self> {
        let mut from = Cursor::new(bytes);
        let mut graves = Cursor::new(from.bytes()?);
        let mut tombstones = Vec::new();
        for _ in 0..graves.count()? {
            tombstones.push(tombstone(&mut graves)?);
        }
        graves.end()?;
        let ids = Ids::read(from.bytes()?)?;
        let mut entries = Cursor::new(from.bytes()?);
        let groups: Read<Vec<Group>> =
            (0..schema.groups()).map(|group| Group::read(group == 0, ids.len(), &mut entries)).collect();
        let groups = groups?;
        entries.end()?;
        let mut tokens = Cursor::new(from.bytes()?);
        let mut lengths = Vec::new();
        for number in 0..schema.fields().len() {
            let mut of_field = Vec::new();
            if tokens.byte()? == 1 {
                let entries = groups.get(schema.group_of(number)).map_or(0, |group| group.length) as usize;
                if entries > tokens.rest().len() {
                    return Err(Damage("lengths of entries are missing"));
                }
                of_field.reserve_exact(entries);
                for _ in 0..entries {
                    of_field.push(tokens.small()?);
                }
            }
            lengths.push(of_field);
        }
        tokens.end()?;
        from.end()?;
        Ok(Self { tombstones, ids, groups, lengths })
    }

    /// How many tokens an entry has in a field; none if it does not have the field.
    pub(super) fn tokens(&self, field: usize, entry: u32) -> Option<u32> {
        self.lengths.get(field)?.get(entry as usize)?.checked_sub(1)
    }

    /// Bytes of memory.
    pub(super) fn memory(&self) -> usize {
        let lengths: usize = self.lengths.iter().map(|lengths| lengths.capacity() * 4).sum();
        let groups: usize = self.groups.iter().map(Group::memory).sum();
        let graves = self.tombstones.capacity() * size_of::<Tombstone>()
            + self.tombstones.iter().map(|tombstone| tombstone.session.as_str().len()).sum::<usize>();
        self.ids.memory() + lengths + groups + graves
    }
}

fn tombstone(from: &mut Cursor<'_>) -> Read<Tombstone> {
    const DAMAGE: Damage = Damage("a tombstone names no session or list");
    let name = |bytes: &[u8]| std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| DAMAGE);
    let session = Id::new(name(from.bytes()?)?).map_err(|_| DAMAGE)?;
    let scope = match from.byte()? {
        0 => Scope::All,
        1 => Scope::Metadata,
        2 => Scope::Item(ListName::new(name(from.bytes()?)?).map_err(|_| DAMAGE)?, from.number()?),
        _ => return Err(DAMAGE),
    };
    Ok(Tombstone { session, scope })
}
