//! Columns: the values that metadata has in a keyword, number or date field.
//!
//! ```text
//! keywords  bytes of the trie of the distinct values, the trie; of each value: how many entries have it, gaps between them
//! numbers   how many; 0 and the first value and each minus the one before (all are whole), or 1 and 8 bytes each; in
//!           ascending order, then the entry of each in the same order
//! ```
//!
//! In memory both directions are there: from a value to its entries for filters, from an entry to its values for order and
//! facets.

use super::bits::Bits;
use super::bytes::{Cursor, Damage, Read, put, put_bytes};
use super::trie::{Trie, TrieWriter};

/// Whole numbers up to here are exact.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// A keyword field's values.
#[derive(Debug)]
pub(super) struct Keywords {
    trie: Vec<u8>,
    /// Where the entries of each value begin, and where the last end.
    starts: Vec<u32>,
    entries: Vec<u32>,
    /// Where the values of each entry begin, and where the last end.
    firsts: Vec<u32>,
    values: Vec<u32>,
    /// Of each value that many entries have: which.
    frequent: Vec<Option<Bits>>,
}

/// A value is frequent when it has more than one in so many entries: then a bitmap takes less than its entries.
const FREQUENT: usize = 32;

/// A number or date field's values.
#[derive(Debug)]
pub(super) struct Numbers {
    sorted: Vec<f64>,
    entries: Vec<u32>,
    /// Not a number where there is none.
    by_entry: Vec<f64>,
}

/// A column in memory.
#[derive(Debug)]
pub(super) enum Column {
    Keywords(Keywords),
    Numbers(Numbers),
}

/// Writes a keyword column: distinct values in order, each with its entries in order.
pub(super) fn write_keywords<'v>(values: impl Iterator<Item = (&'v [u8], &'v [u32])>) -> Vec<u8> {
    let (mut trie, mut lists) = (TrieWriter::default(), Vec::new());
    for (value, entries) in values {
        trie.insert(value);
        put(&mut lists, entries.len() as u64);
        let mut next = 0;
        for &entry in entries {
            put(&mut lists, entry.wrapping_sub(next).into());
            next = entry.wrapping_add(1);
        }
    }
    let mut out = Vec::new();
    put(&mut out, trie.strings().into());
    put_bytes(&mut out, &trie.finish());
    out.extend_from_slice(&lists);
    out
}

/// Writes a number column, sorted by value and entry.
pub(super) fn write_numbers(values: &[(f64, u32)]) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, values.len() as u64);
    let whole = values.iter().all(|(value, _)| value.abs() < WHOLE_MAX && value.trunc() == *value);
    out.push((!whole).into());
    let mut before = None;
    for &(value, _) in values {
        if !whole {
            out.extend_from_slice(&value.to_le_bytes());
            continue;
        }
        let value = value as i64;
        match before {
            // The sign goes into the lowest bit.
            None => put(&mut out, (value << 1 ^ value >> 63) as u64),
            Some(before) => put(&mut out, value.wrapping_sub(before) as u64),
        }
        before = Some(value);
    }
    values.iter().for_each(|&(_, entry)| put(&mut out, entry.into()));
    out
}

impl Keywords {
    /// Reads a column of a group with so many entries.
    pub(super) fn read(bytes: &[u8], length: u32) -> Read<Self> {
        let mut from = Cursor::new(bytes);
        let distinct = from.count()?;
        let trie = from.bytes()?.to_vec();
        let mut starts = Vec::with_capacity(distinct + 1);
        let mut entries = Vec::new();
        let mut firsts = vec![0_u32; length as usize + 1];
        for _ in 0..distinct {
            starts.push(entries.len() as u32);
            let mut next = 0_u64;
            for _ in 0..from.count()? {
                let entry = next + u64::from(from.small()?);
                let slot = firsts.get_mut(entry as usize + 1).ok_or(Damage("a value is of no entry"))?;
                *slot += 1;
                entries.push(entry as u32);
                next = entry + 1;
            }
        }
        from.end()?;
        starts.push(entries.len() as u32);
        // Counts become the places where each entry's values begin; then each value goes to its entries' next place.
        let mut sum = 0;
        for first in &mut firsts {
            sum += *first;
            *first = sum;
        }
        let mut next = firsts.clone();
        let mut values = vec![0; entries.len()];
        for (value, range) in (0..).zip(starts.windows(2)) {
            let &[start, end] = range else { continue };
            for &entry in entries.get(start as usize..end as usize).unwrap_or_default() {
                if let Some(place) = next.get_mut(entry as usize) {
                    if let Some(slot) = values.get_mut(*place as usize) {
                        *slot = value;
                    }
                    *place += 1;
                }
            }
        }
        let mut column = Self { trie, starts, entries, firsts, values, frequent: Vec::new() };
        for value in 0..distinct as u32 {
            let entries = column.entries(value);
            let bits = (entries.len() > length as usize / FREQUENT).then(|| {
                let mut bits = Bits::new(length as usize);
                entries.iter().for_each(|&entry| bits.insert(entry));
                bits
            });
            column.frequent.push(bits);
        }
        Ok(column)
    }

    /// How many distinct values there are.
    pub(super) fn distinct(&self) -> u32 {
        self.starts.len() as u32 - 1
    }

    pub(super) fn trie(&self) -> Trie<'_> {
        Trie::new(&self.trie)
    }

    /// The entries that have a value.
    pub(super) fn entries(&self, value: u32) -> &[u32] {
        slice(&self.starts, &self.entries, value)
    }

    /// The same as a set, if there are many.
    pub(super) fn frequent(&self, value: u32) -> Option<&Bits> {
        self.frequent.get(value as usize)?.as_ref()
    }

    /// The values of an entry, in order.
    #[inline(always)]
    pub(super) fn values(&self, entry: u32) -> &[u32] {
        slice(&self.firsts, &self.values, entry)
    }
}

#[inline(always)]
fn slice<'a>(starts: &[u32], all: &'a [u32], at: u32) -> &'a [u32] {
    let at = at as usize;
    let (Some(&start), Some(&end)) = (starts.get(at), starts.get(at + 1)) else { return &[] };
    all.get(start as usize..end as usize).unwrap_or_default()
}

impl Numbers {
    /// Reads a column of a group with so many entries.
    pub(super) fn read(bytes: &[u8], length: u32) -> Read<Self> {
        let mut from = Cursor::new(bytes);
        let count = from.count()?;
        let whole = from.byte()? == 0;
        let mut sorted = Vec::with_capacity(count.min(from.rest().len()));
        let mut before = 0_i64;
        for at in 0..count {
            if !whole {
                sorted.push(f64::from_le_bytes(from.fixed()?));
                continue;
            }
            let number = from.number()?;
            before = match at {
                0 => (number >> 1) as i64 ^ -((number & 1) as i64),
                _ => before.wrapping_add(number as i64),
            };
            sorted.push(before as f64);
        }
        let mut by_entry = vec![f64::NAN; length as usize];
        let mut entries = Vec::with_capacity(count.min(from.rest().len()));
        for &value in &sorted {
            let entry = from.small()?;
            *by_entry.get_mut(entry as usize).ok_or(Damage("a value is of no entry"))? = value;
            entries.push(entry);
        }
        from.end()?;
        Ok(Self { sorted, entries, by_entry })
    }

    /// The entries whose value lies between these, both included.
    pub(super) fn between(&self, from: f64, to: f64) -> &[u32] {
        let first = self.sorted.partition_point(|&value| value < from);
        let end = self.sorted.partition_point(|&value| value <= to);
        self.entries.get(first..end).unwrap_or_default()
    }

    /// The same as a set, by looking at the value of each entry: faster where there are many.
    pub(super) fn set_between(&self, from: f64, to: f64) -> Bits {
        Bits::collect(&self.by_entry, |value| (*value >= from) & (*value <= to))
    }

    /// Values and entries in ascending order.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (f64, u32)> {
        self.sorted.iter().copied().zip(self.entries.iter().copied())
    }

    /// The value of an entry; not a number if it has none.
    #[inline(always)]
    pub(super) fn value(&self, entry: u32) -> f64 {
        self.by_entry.get(entry as usize).copied().unwrap_or(f64::NAN)
    }
}

impl Column {
    /// Bytes of memory.
    pub(super) fn memory(&self) -> usize {
        match self {
            Self::Keywords(Keywords { trie, starts, entries, firsts, values, frequent }) => {
                let bitmaps: usize = frequent.iter().flatten().map(Bits::memory).sum();
                let sets = frequent.len() * size_of::<Option<Bits>>() + bitmaps;
                sets + trie.len() + (starts.len() + entries.len() + firsts.len() + values.len()) * 4
            }
            Self::Numbers(Numbers { sorted, entries, by_entry }) => {
                (sorted.len() + by_entry.len()) * 8 + entries.len() * 4
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_found_from_both_sides() {
        let values: [(&[u8], &[u32]); 3] = [(b"", &[1, 9]), (b"a", &[0, 1, 2]), (b"b", &[1])];
        let bytes = write_keywords(values.into_iter());
        let column = Keywords::read(&bytes, 10).unwrap();
        assert_eq!((column.distinct(), column.entries(0), column.entries(1)), (3, &[1, 9][..], &[0, 1, 2][..]));
        assert_eq!([0, 1, 3, 9, 10].map(|entry| column.values(entry)), [&[1][..], &[0, 1, 2], &[], &[0], &[]]);
        assert_eq!(column.trie().find(b"b"), Ok((2, true)));
        assert!(Keywords::read(&bytes, 9).is_err(), "an entry beyond the last");
        for cut in 0..bytes.len() {
            assert!(Keywords::read(&bytes[..cut], 10).is_err());
        }
    }

    #[test]
    fn numbers_whole_or_not_are_read_as_written() {
        for numbers in [&[-5.0, -5.0, 0.0, 1_700_000_000_000.0][..], &[-1e300, 0.1, 0.2, 1e16], &[9e15], &[]] {
            let pairs: Vec<(f64, u32)> = numbers.iter().copied().zip([3, 4, 0, 1]).collect();
            let bytes = write_numbers(&pairs);
            let column = Numbers::read(&bytes, 5).unwrap();
            assert_eq!(column.pairs().collect::<Vec<_>>(), pairs);
            assert!(pairs.iter().all(|&(value, entry)| column.value(entry) == value) && column.value(2).is_nan());
            let (least, most) = (f64::NEG_INFINITY, f64::INFINITY);
            assert_eq!(column.between(least, most).len(), pairs.len());
            assert_eq!(column.set_between(least, most).count(), pairs.len());
            for cut in 0..bytes.len() {
                assert!(Numbers::read(&bytes[..cut], 5).is_err());
            }
        }
        let column = Numbers::read(&write_numbers(&[(1.0, 2), (1.0, 7), (3.0, 0)]), 8).unwrap();
        assert_eq!(column.between(1.0, 1.0), [2, 7]);
        assert_eq!(column.between(1.5, 3.0), [0]);
        assert!(column.between(4.0, 0.0).is_empty());
    }
}
