//! The sorted session ids of a segment, front-coded in blocks of 8.
//!
//! ```text
//! ids    number of ids; offset of each block but the first, 4 bytes; blocks
//! id     0 and the 16 bytes of a UUID in its usual form; or 1 plus the bytes it shares with the id before, and the others
//! ```
//!
//! The first id of a block shares nothing, so ids are found by bisection over blocks. Ids are UUIDs unless the caller names
//! them, and two random UUIDs share nothing worth mentioning.

use super::bytes::{Cursor, Damage, Read, put, put_bytes};
use crate::session::UNITS_MAX;
use std::cmp::Ordering;

const BLOCK: u32 = 8;

/// A UTF-16 unit takes at most three bytes.
const ID_BYTES_MAX: usize = UNITS_MAX * 3;

const SHARED: Damage = Damage("a session id shares what is not there");

/// Shares nothing and is a UUID.
const UUID: usize = usize::MAX;

/// Writes ids in their order.
pub(super) fn write(ids: &[String], out: &mut Vec<u8>) {
    let (mut offsets, mut blocks) = (Vec::new(), Vec::new());
    for block in ids.chunks(BLOCK as usize) {
        if !blocks.is_empty() {
            offsets.extend_from_slice(&(blocks.len() as u32).to_le_bytes());
        }
        let mut before = "";
        for id in block {
            if let Some(uuid) = parse_uuid(id) {
                blocks.push(0);
                blocks.extend_from_slice(&uuid);
            } else {
                let shared = before.bytes().zip(id.bytes()).take_while(|(a, b)| a == b).count();
                put(&mut blocks, shared as u64 + 1);
                put_bytes(&mut blocks, id.as_bytes().get(shared..).unwrap_or_default());
            }
            before = id;
        }
    }
    put(out, ids.len() as u64);
    out.extend_from_slice(&offsets);
    out.extend_from_slice(&blocks);
}

/// The bytes of a UUID, if it is written as most are: in lower case, with its four hyphens.
fn parse_uuid(id: &str) -> Option<[u8; 16]> {
    let mut uuid = [0; 16];
    let mut digits = id.as_bytes().iter();
    if id.len() != 36 {
        return None;
    }
    for (at, byte) in uuid.iter_mut().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) && *digits.next()? != b'-' {
            return None;
        }
        for _ in 0..2 {
            let digit = match *digits.next()? {
                digit @ b'0'..=b'9' => digit - b'0',
                digit @ b'a'..=b'f' => digit - b'a' + 10,
                _ => return None,
            };
            *byte = *byte << 4 | digit;
        }
    }
    Some(uuid)
}

fn push_uuid(uuid: [u8; 16], out: &mut Vec<u8>) {
    for (at, byte) in uuid.into_iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        out.extend([byte >> 4, byte & 15].map(|digit| if digit < 10 { b'0' + digit } else { b'a' - 10 + digit }));
    }
}

/// The ids of a segment. A session's ordinal is its id's place among them.
#[derive(Debug, Default)]
pub(super) struct Ids {
    count: u32,
    /// Offsets of blocks, then the blocks.
    bytes: Vec<u8>,
}

impl Ids {
    /// Takes over what [`write`] wrote.
    pub(super) fn read(bytes: &[u8]) -> Read<Self> {
        let mut from = Cursor::new(bytes);
        // An id has at least two bytes.
        let count = from.count()? as u32;
        let offsets = count.div_ceil(BLOCK).saturating_sub(1) as usize * 4;
        if offsets > from.rest().len() {
            return Err(Damage("offsets of session ids are missing"));
        }
        Ok(Self { count, bytes: from.rest().to_vec() })
    }

    pub(super) fn len(&self) -> u32 {
        self.count
    }

    pub(super) fn memory(&self) -> usize {
        self.bytes.capacity()
    }

    fn block(&self, block: u32) -> Read<Cursor<'_>> {
        let blocks = self.count.div_ceil(BLOCK).saturating_sub(1) as usize * 4;
        let offset = match block.checked_sub(1) {
            None => 0,
            Some(before) => {
                let at = before as usize * 4;
                let offset = self.bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes);
                offset.ok_or(Damage("a block of session ids is missing"))? as usize
            }
        };
        let bytes = self.bytes.get(blocks.saturating_add(offset)..);
        Ok(Cursor::new(bytes.ok_or(Damage("a block of session ids is missing"))?))
    }

    /// The id of a session.
    pub(super) fn get(&self, ordinal: u32) -> Read<String> {
        if ordinal >= self.count {
            return Err(Damage("a session has no id"));
        }
        let mut from = self.block(ordinal / BLOCK)?;
        let mut steps = [(0_usize, &[][..]); BLOCK as usize];
        let steps = steps.get_mut(..=(ordinal % BLOCK) as usize).unwrap_or_default();
        for step in steps.iter_mut() {
            *step = match from.small()? {
                0 => (UUID, from.take(16)?),
                shared => (shared as usize - 1, from.short()?),
            };
        }
        // From the last to the first, each as far as the ids behind it share it.
        let mut id = Vec::new();
        let mut missing = None;
        for &(shared, bytes) in steps.iter().rev() {
            let mut spelt = Vec::new();
            let (start, bytes) = match (shared, bytes.first_chunk()) {
                (UUID, Some(uuid)) => {
                    push_uuid(*uuid, &mut spelt);
                    (0, &spelt[..])
                }
                _ => (shared, bytes),
            };
            let end = match missing {
                Some(end) => end,
                None if start > ID_BYTES_MAX => break,
                None => {
                    id = vec![0; start + bytes.len()];
                    id.len()
                }
            };
            if start < end {
                let own = bytes.get(..end - start).ok_or(SHARED)?;
                if let Some(place) = id.get_mut(start..end) {
                    place.copy_from_slice(own);
                }
            }
            missing = Some(end.min(start));
            if start == 0 {
                break;
            }
        }
        if missing != Some(0) {
            return Err(SHARED);
        }
        String::from_utf8(id).map_err(|_| Damage("a session id is no UTF-8"))
    }

    /// The ordinal of the first id that is not smaller, and whether it is this one.
    pub(super) fn find(&self, id: &str) -> Read<(u32, bool)> {
        let id = id.as_bytes();
        let mut found = Step::default();
        let (mut low, mut high) = (0, self.count.div_ceil(BLOCK));
        // The last block whose first id is not larger.
        while low < high {
            let middle = (low + high) / 2;
            found.next(&mut self.block(middle)?)?;
            if found.text() <= id { low = middle + 1 } else { high = middle }
        }
        let Some(block) = low.checked_sub(1) else { return Ok((0, false)) };
        let mut from = self.block(block)?;
        let end = self.count.min((block + 1) * BLOCK);
        for ordinal in block * BLOCK..end {
            found.next(&mut from)?;
            match found.text().cmp(id) {
                Ordering::Less => {}
                other => return Ok((ordinal, other == Ordering::Equal)),
            }
        }
        Ok((end, false))
    }

    /// What [`Ids::find`] says of each of these, which are in order.
    pub(super) fn find_all(&self, ids: &[String]) -> Read<Vec<(u32, bool)>> {
        // For a few it is quicker to look each up than to go through all there are.
        if ids.len() < self.count.div_ceil(BLOCK) as usize {
            return ids.iter().map(|id| self.find(id)).collect();
        }
        let mut places = Vec::with_capacity(ids.len());
        let (mut found, mut from) = (Step::default(), self.block(0)?);
        let (mut ordinal, mut is_read) = (0, false);
        for id in ids {
            places.push(loop {
                if ordinal == self.count {
                    break (ordinal, false);
                }
                if !is_read {
                    if ordinal.is_multiple_of(BLOCK) {
                        from = self.block(ordinal / BLOCK)?;
                    }
                    found.next(&mut from)?;
                    is_read = true;
                }
                match found.text().cmp(id.as_bytes()) {
                    Ordering::Less => (ordinal, is_read) = (ordinal + 1, false),
                    other => break (ordinal, other == Ordering::Equal),
                }
            });
        }
        Ok(places)
    }

    /// The ordinal of an id that is there.
    pub(super) fn position(&self, id: &str) -> Read<Option<u32>> {
        Ok(Some(self.find(id)?).filter(|(_, found)| *found).map(|(ordinal, _)| ordinal))
    }

    /// All ids in order.
    pub(super) fn all(&self) -> Read<Vec<String>> {
        let mut ids = Vec::new();
        let mut id = Step::default();
        let mut from = self.block(0)?;
        for ordinal in 0..self.count {
            if ordinal.is_multiple_of(BLOCK) {
                from = self.block(ordinal / BLOCK)?;
            }
            id.next(&mut from)?;
            ids.push(String::from_utf8(id.text().to_vec()).map_err(|_| Damage("a session id is no UTF-8"))?);
        }
        Ok(ids)
    }
}

/// An id made out of the one before it. A UUID is spelled out only when somebody looks at it.
#[derive(Default)]
struct Step {
    text: Vec<u8>,
    uuid: Option<[u8; 16]>,
}

impl Step {
    fn next(&mut self, from: &mut Cursor<'_>) -> Read<()> {
        match from.small()? {
            0 => self.uuid = Some(from.fixed()?),
            shared => {
                if shared > 1 {
                    self.text();
                }
                self.uuid = None;
                self.text.truncate(shared as usize - 1);
                self.text.extend_from_slice(from.bytes()?);
            }
        }
        Ok(())
    }

    fn text(&mut self) -> &[u8] {
        if let Some(uuid) = self.uuid.take() {
            self.text.clear();
            push_uuid(uuid, &mut self.text);
        }
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn an_id_that_shares_what_is_not_there_is_damaged_and_takes_no_memory() {
        for shared in [1, 600, u64::from(u32::MAX) - 1] {
            let mut bytes = vec![1];
            put(&mut bytes, shared + 1);
            put_bytes(&mut bytes, b"own");
            assert!(Ids::read(&bytes).and_then(|ids| ids.get(0)).is_err(), "{shared}");
        }
    }

    #[test]
    fn ids_are_found_by_name_and_ordinal_and_uuids_take_17_bytes() {
        let mut random = fastrand::Rng::with_seed(7);
        for count in [0, 1, 7, 8, 9, 17, 100] {
            let mut ids: BTreeSet<String> = BTreeSet::new();
            while ids.len() < count {
                let mut uuid = Vec::new();
                push_uuid(random.u128(..).to_be_bytes(), &mut uuid);
                ids.insert(String::from_utf8(uuid).unwrap());
                let named = random.u32(..30).to_string();
                ids.extend((ids.len() < count && count != 100).then_some(named));
            }
            let ids: Vec<String> = ids.into_iter().collect();
            let mut bytes = Vec::new();
            write(&ids, &mut bytes);
            if count == 100 {
                assert_eq!(bytes.len(), 1 + 12 * 4 + 100 * 17);
            }
            let read = Ids::read(&bytes).unwrap();
            assert_eq!(read.all().unwrap(), ids);
            for (ordinal, id) in (0..).zip(&ids) {
                assert_eq!(read.get(ordinal).unwrap(), *id);
                assert_eq!((read.find(id), read.position(id)), (Ok((ordinal, true)), Ok(Some(ordinal))));
                let between = format!("{id}~");
                let next = ids.iter().filter(|id| **id < between).count() as u32;
                assert_eq!((read.find(&between), read.position(&between)), (Ok((next, false)), Ok(None)));
            }
            assert_eq!(read.find(""), Ok((0, false)));
            let mut mixed: Vec<String> = ids.iter().flat_map(|id| [id.clone(), format!("{id}~")]).collect();
            mixed.push(String::new());
            mixed.sort_unstable();
            for step in [1, 2, 5, 40] {
                let some: Vec<String> = mixed.iter().step_by(step).cloned().collect();
                let each: Read<Vec<_>> = some.iter().map(|id| read.find(id)).collect();
                assert_eq!(read.find_all(&some), each, "every {step}th");
            }
            assert!(read.get(count as u32).is_err());
        }
        assert_eq!(parse_uuid("0123456F-89ab-cdef-0123-456789abcdef"), None);
        assert_eq!(parse_uuid("012345678-9ab-cdef-0123-456789abcdef"), None);
    }
}
