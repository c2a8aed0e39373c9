//! How a list is cut: one entry for each chunk, in order. Where a chunk starts follows from the entries before it.

use crate::error::{Error, Result};
use crate::record::{Fields, Reader, Writer};
use std::ops::Range;

/// When a chunk is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkLimits {
    /// Most items in a chunk, by default 50.
    pub items: usize,
    /// Most bytes of JSON in a chunk, by default 256 KiB; an item larger than that has a chunk of its own.
    pub bytes: usize,
}

impl Default for ChunkLimits {
    fn default() -> Self {
        Self { items: 50, bytes: 256 << 10 }
    }
}

impl ChunkLimits {
    /// Refuses limits outside 1 to 10,000 items and 1 KiB to 1 MiB.
    pub fn check(self) -> Result<Self> {
        if !(1..=10_000).contains(&self.items) {
            return Err(Error::invalid("chunk.items", "it lies between 1 and 10,000"));
        }
        if !(1 << 10..=1 << 20).contains(&self.bytes) {
            return Err(Error::invalid("chunk.bytes", "it lies between 1,024 and 1,048,576"));
        }
        Ok(self)
    }
}

/// What the directory says of one chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChunkEntry {
    /// Items in it.
    pub items: u64,
    /// Bytes of the items' JSON.
    pub bytes: u64,
    /// Bytes of the stored record.
    pub stored: u64,
    /// The stored record's [checksum](crate::record::checksum_of), by which a reader knows that session and chunk are of one
    /// moment.
    pub checksum: u64,
    /// Rows in `references` that it owns.
    pub references: u64,
    /// Bytes of the attachments in it, each counted as often as it is used.
    pub attachment_bytes: u64,
    /// Full. An open chunk at the end of the list is merged with what is appended once they fill a chunk together.
    pub sealed: bool,
}

impl Fields for ChunkEntry {
    fn write(&self, out: &mut Writer) {
        for (_, figure) in self.figures() {
            out.number(figure);
        }
    }

    fn read(from: &mut Reader<'_>) -> Self {
        Self {
            items: from.number(),
            bytes: from.number(),
            stored: from.number(),
            checksum: from.number(),
            references: from.number(),
            attachment_bytes: from.number(),
            sealed: from.flag(),
        }
    }
}

impl ChunkEntry {
    /// The figures with their names.
    pub fn figures(&self) -> [(&'static str, u64); 7] {
        [
            ("items", self.items),
            ("bytes", self.bytes),
            ("stored", self.stored),
            ("checksum", self.checksum),
            ("references", self.references),
            ("attachment_bytes", self.attachment_bytes),
            ("sealed", self.sealed.into()),
        ]
    }
}

/// A chunk found in a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its number in the directory.
    pub number: usize,
    /// Index of its first item.
    pub first: u64,
    /// What the directory says of it.
    pub entry: ChunkEntry,
}

impl Span {
    /// The indexes of its items.
    pub fn range(&self) -> Range<u64> {
        self.first..self.first + self.entry.items
    }
}

/// The entries of a list's chunks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Directory {
    chunks: Vec<ChunkEntry>,
}

impl Fields for Directory {
    fn write(&self, out: &mut Writer) {
        out.many(&self.chunks);
    }

    fn read(from: &mut Reader<'_>) -> Self {
        Self { chunks: from.many() }
    }
}

impl Directory {
    /// How many items the list has.
    pub fn items(&self) -> u64 {
        self.sum(|entry| entry.items)
    }

    /// How many chunks the list has.
    pub fn chunks(&self) -> usize {
        self.chunks.len()
    }

    /// Adds up a figure over all chunks. Saturating, because a stored directory may hold any numbers.
    pub fn sum(&self, figure: impl Fn(&ChunkEntry) -> u64) -> u64 {
        self.chunks.iter().map(figure).fold(0, u64::saturating_add)
    }

    /// All chunks with the index of their first item.
    pub fn spans(&self) -> Vec<Span> {
        self.overlapping(0..u64::MAX)
    }

    /// The chunks that hold any of these items.
    pub fn overlapping(&self, items: Range<u64>) -> Vec<Span> {
        let mut spans = Vec::new();
        let mut first = 0_u64;
        for (number, &entry) in self.chunks.iter().enumerate() {
            if first.max(items.start) >= items.end {
                break;
            }
            let next = first.saturating_add(entry.items);
            if next > items.start {
                spans.push(Span { number, first, entry });
            }
            first = next;
        }
        spans
    }

    /// The open chunks at the end of the list.
    pub fn open_tail(&self) -> Vec<Span> {
        let open = self.chunks.iter().rev().take_while(|entry| !entry.sealed).count();
        self.spans().split_off(self.chunks.len() - open)
    }

    /// Adds a chunk at the end; returns the index of its first item.
    pub fn push(&mut self, entry: ChunkEntry) -> u64 {
        let first = self.items();
        self.chunks.push(entry);
        first
    }

    /// Removes the chunks from this number on.
    pub fn truncate(&mut self, chunks: usize) {
        self.chunks.truncate(chunks);
    }

    /// Changes what is said of a chunk.
    pub fn replace(&mut self, number: usize, entry: ChunkEntry) {
        if let Some(slot) = self.chunks.get_mut(number) {
            *slot = entry;
        }
    }

    /// Puts chunks in the place of one.
    pub fn splice(&mut self, number: usize, chunks: Vec<ChunkEntry>) {
        if number < self.chunks.len() {
            self.chunks.splice(number..=number, chunks);
        }
    }

    /// Refuses a directory whose items cannot be counted, or that has a chunk without items.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.chunks.iter().any(|entry| entry.items == 0) {
            return Err("a list directory has a chunk without items");
        }
        let total = self.chunks.iter().try_fold(0_u64, |sum, entry| sum.checked_add(entry.items));
        if total.is_none_or(|total| total > 1 << 53) {
            return Err("a list directory has more items than can be counted");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(chunks: &[(u64, bool)]) -> Directory {
        let mut directory = Directory::default();
        for &(items, sealed) in chunks {
            directory.push(ChunkEntry { items, sealed, ..ChunkEntry::default() });
        }
        directory
    }

    #[test]
    fn a_range_finds_just_the_chunks_that_hold_it() {
        let directory = directory(&[(50, true), (50, true), (3, false), (1, false)]);
        let firsts = |range| directory.overlapping(range).iter().map(|span| span.first).collect::<Vec<_>>();
        assert_eq!(directory.items(), 104);
        assert_eq!(firsts(0..1), [0]);
        assert_eq!(firsts(49..51), [0, 50]);
        assert_eq!(firsts(100..200), [100, 103]);
        assert!(firsts(104..200).is_empty());
        assert!(firsts(5..5).is_empty());
        assert_eq!(firsts(0..u64::MAX), [0, 50, 100, 103]);
    }

    #[test]
    fn the_open_tail_is_what_follows_the_last_sealed_chunk() {
        let numbers = |chunks: &[_]| directory(chunks).open_tail().iter().map(|span| span.number).collect::<Vec<_>>();
        assert!(numbers(&[]).is_empty());
        assert!(numbers(&[(1, true)]).is_empty());
        assert_eq!(numbers(&[(1, false), (1, true), (2, false), (1, false)]), [2, 3]);
    }
}
