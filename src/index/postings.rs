//! Posting lists: in which entries a term stands in a field, how often, and where.
//!
//! ```text
//! list       up to 128 postings: they; more: blocks of 128, the last with what is left
//! block      entry of the last posting minus that of the block before; bytes of the postings; bytes of their positions; postings
//! posting    (entry minus the entry before, minus 1) x 2, plus 1 if the term stands there more than once; how often, minus 2
//! positions  apart from the list, in the same order: the first, then each minus the one before
//! ```
//!
//! All numbers are varints. Entries are ordinals in the field's entry group. The heads of blocks let a reader pass over them.

use super::bytes::{Cursor, Damage, Read, put};
use std::ops::Range;

/// Postings of a block.
pub(super) const BLOCK: usize = 128;

/// A term's postings in a field, as they are written.
#[derive(Debug, Default, Clone)]
pub(super) struct List {
    pub(super) field: usize,
    pub(super) entries: Vec<u32>,
    pub(super) frequencies: Vec<u32>,
    /// Of all postings, one after the other; empty if the field keeps none.
    pub(super) positions: Vec<u32>,
}

impl List {
    /// Empties it for another field.
    pub(super) fn reset(&mut self, field: usize) {
        self.field = field;
        self.entries.clear();
        self.frequencies.clear();
        self.positions.clear();
    }
}

/// Writes a list, and its positions if there are any.
pub(super) fn write(list: &List, postings: &mut Vec<u8>, positions: &mut Vec<u8>) {
    let mut previous = u32::MAX;
    let mut rest = list.positions.as_slice();
    if list.entries.len() <= BLOCK {
        return write_block(&list.entries, &list.frequencies, &mut previous, &mut rest, postings, positions);
    }
    let mut block = Vec::new();
    for (entries, frequencies) in list.entries.chunks(BLOCK).zip(list.frequencies.chunks(BLOCK)) {
        let (before, places) = (previous, positions.len());
        block.clear();
        write_block(entries, frequencies, &mut previous, &mut rest, &mut block, positions);
        put(postings, previous.wrapping_sub(before).into());
        put(postings, block.len() as u64);
        put(postings, (positions.len() - places) as u64);
        postings.extend_from_slice(&block);
    }
}

/// Writes postings behind a previous one, and takes their positions from those that are left.
fn write_block(
    entries: &[u32],
    frequencies: &[u32],
    previous: &mut u32,
    rest: &mut &[u32],
    postings: &mut Vec<u8>,
    positions: &mut Vec<u8>,
) {
    for (&entry, &frequency) in entries.iter().zip(frequencies) {
        let gap = u64::from(entry.wrapping_sub(*previous).wrapping_sub(1));
        *previous = entry;
        put(postings, gap << 1 | u64::from(frequency > 1));
        if frequency > 1 {
            put(postings, (frequency - 2).into());
        }
        // None where the field keeps none.
        let (here, behind) = rest.split_at_checked(frequency as usize).unwrap_or_default();
        *rest = behind;
        let mut last = 0;
        for &position in here {
            put(positions, position.wrapping_sub(last).into());
            last = position;
        }
    }
}

/// Postings that were read: parallel arrays.
#[derive(Debug)]
pub(super) struct Block {
    entries: [u32; BLOCK],
    frequencies: [u32; BLOCK],
    length: usize,
    /// Where the block's positions are among the list's; none in a list without blocks, whose positions begin at 0.
    positions: usize,
}

impl Default for Block {
    fn default() -> Self {
        Self { entries: [0; BLOCK], frequencies: [0; BLOCK], length: 0, positions: 0 }
    }
}

impl Block {
    #[inline(always)]
    pub(super) fn entries(&self) -> &[u32] {
        self.entries.get(..self.length).unwrap_or_default()
    }

    #[inline(always)]
    pub(super) fn frequencies(&self) -> &[u32] {
        self.frequencies.get(..self.length).unwrap_or_default()
    }
}

/// Reads a list.
#[derive(Debug, Clone)]
pub(super) struct Postings<'a> {
    from: Cursor<'a>,
    /// Postings not read yet.
    left: u32,
    many: bool,
    /// The entry of the last posting that was read or passed over.
    previous: u32,
    /// Bytes of positions that belong to them, in a list with blocks.
    positions: usize,
    /// Entries in the group.
    limit: u32,
}

/// The head of a block.
struct Head {
    last: u32,
    bytes: usize,
    positions: usize,
}

impl<'a> Postings<'a> {
    /// Reads this many postings. They are of entries below the limit.
    pub(super) fn new(bytes: &'a [u8], postings: u32, limit: u32) -> Self {
        let many = postings as usize > BLOCK;
        Self { from: Cursor::new(bytes), left: postings, many, previous: u32::MAX, positions: 0, limit }
    }

    fn head(&mut self) -> Read<Head> {
        let last = self.previous.wrapping_add(self.from.small()?);
        if last >= self.limit {
            return Err(Damage("a posting is of no entry"));
        }
        Ok(Head { last, bytes: self.from.count()?, positions: self.from.small()? as usize })
    }

    /// Reads the next block; false at the end.
    pub(super) fn next(&mut self, block: &mut Block) -> Read<bool> {
        self.next_from(0, block)
    }

    /// Reads the next block, or the first after it that may have postings of this entry or a later one; false at the end.
    pub(super) fn next_from(&mut self, entry: u32, block: &mut Block) -> Read<bool> {
        let mut positions = 0;
        let mut head_last = None;
        loop {
            if self.left == 0 {
                block.length = 0;
                return self.from.end().map(|()| false);
            }
            if !self.many {
                break;
            }
            let head = self.head()?;
            block.positions = self.positions;
            self.positions = self.positions.saturating_add(head.positions);
            if head.last >= entry {
                positions = self.positions;
                head_last = Some(head.last);
                break;
            }
            self.from.take(head.bytes)?;
            self.previous = head.last;
            self.left = self.left.saturating_sub(BLOCK as u32);
        }
        let length = (self.left as usize).min(BLOCK);
        self.left -= length as u32;
        if !self.many {
            block.positions = positions;
        }
        block.length = length;
        // Counted in 64 bits: 128 gaps of 32 bits do not overflow it, so one look at the last entry is enough.
        let mut entry = u64::from(self.previous.wrapping_add(1));
        let mut from = self.from;
        for (slot, frequency) in block.entries.iter_mut().zip(block.frequencies.iter_mut()).take(length) {
            let posting = from.small()?;
            entry += u64::from(posting >> 1);
            *slot = entry as u32;
            entry += 1;
            *frequency = if posting & 1 == 0 { 1 } else { from.small()?.saturating_add(2) };
        }
        self.from = from;
        if entry > self.limit.into() {
            return Err(Damage("a posting is of no entry"));
        }
        self.previous = (entry as u32).wrapping_sub(1);
        if head_last.is_some_and(|last| last != self.previous) {
            return Err(Damage("a block of postings does not end where it says"));
        }
        Ok(true)
    }

    /// Hands over the entries and frequencies of a list without blocks. Of damaged bytes there may be some that are of no entry.
    #[inline(always)]
    pub(super) fn few(bytes: &[u8], postings: u32, limit: u32, mut each: impl FnMut(u32, u32)) -> Read<()> {
        let mut from = Cursor::new(bytes);
        let mut next = 0_u64;
        for _ in 0..postings {
            let posting = from.small()?;
            next += u64::from(posting >> 1);
            let frequency = if posting & 1 == 0 { 1 } else { from.small()?.saturating_add(2) };
            each(next as u32, frequency);
            next += 1;
        }
        if next > limit.into() {
            return Err(Damage("a posting is of no entry"));
        }
        from.end()
    }

    /// Hands over the positions of each posting of a block, with its number in the block. The bytes are those of the whole
    /// list.
    pub(super) fn positions(block: &Block, bytes: &[u8], each: &mut dyn FnMut(usize, &[u32])) -> Read<()> {
        let mut from = Cursor::new(bytes.get(block.positions..).ok_or(Damage("positions end too early"))?);
        let mut buffer = Vec::new();
        for (number, &frequency) in block.frequencies().iter().enumerate() {
            buffer.clear();
            let mut position = 0_u32;
            if frequency as usize > from.rest().len() {
                return Err(Damage("positions end too early"));
            }
            for _ in 0..frequency {
                position = position.wrapping_add(from.small()?);
                buffer.push(position);
            }
            each(number, &buffer);
        }
        Ok(())
    }
}

/// Where something lies in a stream: bytes from, to.
pub(super) type Span = Range<u64>;

#[cfg(test)]
mod tests {
    use super::*;

    fn list(random: &mut fastrand::Rng, length: usize) -> List {
        let mut list = List::default();
        let mut entry = 0;
        for _ in 0..length {
            entry += 1 + if random.u8(..) == 0 { random.u32(..1000) } else { random.u32(..3) };
            list.entries.push(entry - 1);
            let frequency = if random.bool() { 1 } else { random.u32(1..200) };
            list.frequencies.push(frequency);
            let mut position = 0;
            for _ in 0..frequency {
                position += random.u32(..50);
                list.positions.push(position);
                position += 1;
            }
        }
        list
    }

    #[test]
    fn lists_are_read_as_written_whole_or_from_an_entry_on() {
        let mut random = fastrand::Rng::with_seed(6);
        for length in [0, 1, 2, 127, 128, 129, 255, 256, 257, 1000] {
            let list = list(&mut random, length);
            let (mut bytes, mut position_bytes) = (Vec::new(), Vec::new());
            write(&list, &mut bytes, &mut position_bytes);
            let limit = list.entries.last().map_or(0, |last| last + 1);
            let mut postings = Postings::new(&bytes, length as u32, limit);
            let (mut block, mut entries, mut frequencies, mut positions) = (Block::default(), vec![], vec![], vec![]);
            while postings.next(&mut block).unwrap() {
                entries.extend_from_slice(block.entries());
                frequencies.extend_from_slice(block.frequencies());
                Postings::positions(&block, &position_bytes, &mut |_, found| positions.extend_from_slice(found))
                    .unwrap();
            }
            assert_eq!((&entries, &frequencies, &positions), (&list.entries, &list.frequencies, &list.positions));

            let target = random.u32(..=limit);
            let mut postings = Postings::new(&bytes, length as u32, limit);
            let (mut rest, mut found) = (vec![], vec![]);
            while postings.next_from(target, &mut block).unwrap() {
                rest.extend_from_slice(block.entries());
                Postings::positions(&block, &position_bytes, &mut |_, at| found.extend_from_slice(at)).unwrap();
            }
            assert!(list.entries.ends_with(&rest) && list.positions.ends_with(&found));
            assert!(rest.len() >= list.entries.iter().filter(|&&entry| entry >= target).count());

            if length <= BLOCK {
                let (mut entries, mut frequencies) = (vec![], vec![]);
                let mut each = |entry, frequency| {
                    entries.push(entry);
                    frequencies.push(frequency);
                };
                Postings::few(&bytes, length as u32, limit, &mut each).unwrap();
                assert_eq!((&entries, &frequencies), (&list.entries, &list.frequencies));
                for cut in 0..bytes.len() {
                    assert!(Postings::few(&bytes[..cut], length as u32, limit, |_, _| {}).is_err());
                }
                if length > 0 {
                    assert!(Postings::few(&bytes, length as u32, limit - 1, |_, _| {}).is_err(), "beyond the limit");
                    assert!(Postings::few(&bytes, length as u32 - 1, limit, |_, _| {}).is_err(), "bytes are left");
                }
            }

            for cut in 0..bytes.len() {
                let mut postings = Postings::new(&bytes[..cut], length as u32, limit);
                let end = loop {
                    match postings.next(&mut block) {
                        Ok(true) => {}
                        end => break end,
                    }
                };
                assert!(end.is_err(), "cut to {cut} of {}", bytes.len());
            }
            if length > 0 {
                let mut postings = Postings::new(&bytes, length as u32, limit - 1);
                assert!((0..length).any(|_| postings.next(&mut block).is_err()), "an entry beyond the limit");
            }
        }
    }
}
