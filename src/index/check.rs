//! Does the index say what the documents say?
//!
//! Of every entry a sum is made of what the index says of it: values, lengths, terms, frequencies and positions, in any order.
//! The documents are indexed once more, a few at a time, and summed in the same way. Where two sums differ, the index is wrong about
//! that entry.

use super::bits::Bits;
use super::build::build;
use super::bytes::Read;
use super::column::{Keywords, Numbers};
use super::entry::Entry;
use super::layout::{POSITIONS, POSTINGS, Terms};
use super::postings::{Block, Postings};
use super::schema::Analyse;
use super::segment::{PartId, Segment};
use super::segments::{Damaged, Index, Work, damaged};
use crate::error::Result;
use crate::job::Progress;
use twox_hash::XxHash64;

/// What is wrong with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// There is a document, and the index knows nothing of it.
    Missing,
    /// The index says something else than the document.
    Mismatch,
    /// The index knows an entry that no document has.
    Orphan,
}

/// An entry about which the index is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The session.
    pub session: String,
    /// List and index of the item; none: the metadata.
    pub at: Option<(String, u64)>,
    /// What is wrong.
    pub problem: Problem,
}

/// What a comparison came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Findings {
    /// The index was merged meanwhile: the check begins anew.
    Changed,
    /// These entries are wrong.
    Wrong(Vec<Finding>),
}

/// A check under way: [`Check::step`] until it is done, then [`Check::expect`] with the entries of all documents, then
/// [`Check::orphans`].
#[derive(Debug, Default)]
pub struct Check {
    segments: Vec<Sums>,
    /// What is summed next: segment, and core, columns or chunk in it.
    segment: usize,
    stage: usize,
}

/// The sums of a segment's entries.
#[derive(Debug)]
struct Sums {
    number: u64,
    /// By group.
    groups: Vec<Vec<u64>>,
    /// Entries that a document was found for.
    seen: Vec<Bits>,
}

impl Sums {
    fn new(segment: &Segment, groups: usize) -> Self {
        let entries = |group| segment.entries(group) as usize;
        Self {
            number: segment.number,
            groups: (0..groups).map(|group| vec![0; entries(group)]).collect(),
            seen: (0..groups).map(|group| Bits::new(entries(group))).collect(),
        }
    }

    /// Adds something that is said of an entry.
    fn add(&mut self, group: usize, entry: u32, said: u64) {
        if let Some(sum) = self.groups.get_mut(group).and_then(|sums| sums.get_mut(entry as usize)) {
            *sum = sum.wrapping_add(said);
        }
    }

    fn core(&mut self, segment: &Segment) {
        let Some(core) = segment.core() else { return };
        for field in 0..core.lengths.len() {
            let group = segment.group_of(field);
            for entry in 0..segment.entries(group) {
                if let Some(tokens) = core.tokens(field, entry) {
                    self.add(group, entry, said(field, b"tokens", &[tokens]));
                }
            }
        }
    }

    fn keywords(&mut self, field: usize, column: &Keywords) -> Read<()> {
        let mut walk = column.trie().walk()?;
        while let Some(value) = walk.next()? {
            for &entry in column.entries(value) {
                self.add(0, entry, said(field, walk.string(), &[]));
            }
        }
        Ok(())
    }

    fn numbers(&mut self, field: usize, column: &Numbers) {
        for (value, entry) in column.pairs() {
            self.add(0, entry, said(field, &(value + 0.0).to_le_bytes(), &[]));
        }
    }

    fn terms(&mut self, segment: &Segment, terms: &Terms<'_>, count: u32) -> Read<()> {
        let mut walk = terms.trie.walk()?;
        let mut lists = terms.lists(0)?;
        let mut block = Block::default();
        for _ in 0..count {
            if walk.next()?.is_none() {
                break;
            }
            let mut listed = Vec::new();
            lists.next(&mut |list| listed.push(list))?;
            for list in listed {
                let group = segment.group_of(list.field);
                let (bytes, places) = (segment.postings(&list.span)?, segment.positions(&list.positions)?);
                let mut postings = Postings::new(&bytes, list.postings, segment.entries(group));
                while postings.next(&mut block)? {
                    for (&entry, &frequency) in block.entries().iter().zip(block.frequencies()) {
                        self.add(group, entry, said(list.field, walk.string(), &[frequency]));
                    }
                    if !places.is_empty() {
                        Postings::positions(&block, &places, &mut |number, positions| {
                            let entry = block.entries().get(number).copied().unwrap_or(u32::MAX);
                            self.add(group, entry, said(list.field, walk.string(), positions).rotate_left(1));
                        })?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// A number for a statement about an entry.
fn said(field: usize, what: &[u8], numbers: &[u32]) -> u64 {
    let of_what = XxHash64::oneshot(field as u64, what);
    numbers
        .iter()
        .fold(of_what, |hash, &number| (hash.rotate_left(5) ^ u64::from(number)).wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

impl Check {
    /// A check that has not begun.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs the next step of summing up what the index says.
    ///
    /// # Errors
    /// A segment is damaged.
    #[inline(never)]
    pub fn step(&mut self, index: &mut Index) -> Result<Work<()>, Damaged> {
        let mut missing = Vec::new();
        index.attach(&mut missing)?;
        if !missing.is_empty() {
            return Ok(Work::Needs(missing));
        }
        let (groups, fields) = (index.schema.groups(), index.schema.fields().len());
        let total = index.segments.len() as u64;
        let Some(segment) = index.segments.get_mut(self.segment).map(|attached| &mut attached.segment) else {
            return Ok(Work::Done(()));
        };
        if self.segments.len() == self.segment {
            self.segments.push(Sums::new(segment, groups));
        }
        let Some(sums) = self.segments.get_mut(self.segment) else { return Ok(Work::Done(())) };
        let step = step(sums, segment, self.stage, fields, &mut missing);
        let done = step.map_err(|damage| damaged(segment.number, damage))?;
        if !missing.is_empty() {
            return Ok(Work::Needs(missing));
        }
        (self.segment, self.stage) = if done { (self.segment + 1, 0) } else { (self.segment, self.stage + 1) };
        Ok(Work::Running(Progress { phase: "check", done: self.segment as u64, total, unit: "segments" }))
    }

    /// Whether the segments are still those that were summed; newer ones may have come.
    fn fits(&self, index: &Index) -> bool {
        let numbers = index.segments.iter().map(|attached| attached.segment.number);
        numbers.take(self.segments.len()).eq(self.segments.iter().map(|sums| sums.number))
    }

    /// Compares entries of documents, each given once in all, with what was summed.
    ///
    /// # Errors
    /// As those of [`build`].
    #[inline(never)]
    pub fn expect(&mut self, index: &Index, entries: &[Entry], analyse: &dyn Analyse) -> Result<Findings> {
        if !self.fits(index) {
            return Ok(Findings::Changed);
        }
        let own = recompute(index, entries, analyse)?;
        let mut wrong = Vec::new();
        for entry in entries {
            let list = entry.at.as_ref().map(|(list, _)| list.as_str());
            let group = index.schema.group(list).unwrap_or(0);
            let item = entry.at.as_ref().map_or(0, |(_, index)| *index as u32);
            let expected = own.1.iter().find_map(|sums| sum_of(&own.0, sums, entry.session.as_str(), group, item));
            let mut problem = Some(Problem::Missing);
            for sums in &mut self.segments {
                if let Some((at, sum)) = sum_of(index, sums, entry.session.as_str(), group, item) {
                    problem = (expected.map(|(_, expected)| expected) != Some(sum)).then_some(Problem::Mismatch);
                    if let Some(seen) = sums.seen.get_mut(group) {
                        seen.insert(at);
                    }
                    break;
                }
            }
            if let Some(problem) = problem {
                let at = entry.at.as_ref().map(|(list, index)| (list.as_str().to_owned(), *index));
                wrong.push(Finding { session: entry.session.as_str().to_owned(), at, problem });
            }
        }
        Ok(Findings::Wrong(wrong))
    }

    /// Live entries that no document was given for, at most so many.
    #[inline(never)]
    pub fn orphans(&self, index: &Index, most: usize) -> Findings {
        if !self.fits(index) {
            return Findings::Changed;
        }
        let mut orphans = Vec::new();
        for (attached, sums) in index.segments.iter().zip(&self.segments) {
            let Some(core) = attached.segment.core() else { continue };
            for (number, (group, seen)) in core.groups.iter().zip(&sums.seen).enumerate() {
                let left = (0..group.length).filter(|&entry| !seen.contains(entry) && !attached.is_dead(number, entry));
                for entry in left.take(most.saturating_sub(orphans.len())) {
                    let item = group.indexes.get(entry as usize).copied().unwrap_or(0);
                    let at = index.schema.list(number).map(|list| (list.to_owned(), item.into()));
                    let session = core.ids.get(group.session(entry)).unwrap_or_default();
                    orphans.push(Finding { session, at, problem: Problem::Orphan });
                }
            }
        }
        Findings::Wrong(orphans)
    }
}

/// Sums up a stage of a segment: its core, a column, or a chunk of terms. Returns whether it was the last.
fn step(sums: &mut Sums, segment: &mut Segment, stage: usize, fields: usize, missing: &mut Vec<PartId>) -> Read<bool> {
    if stage == 0 {
        sums.core(segment);
    } else if let Some(field) = (1..=fields).contains(&stage).then(|| stage - 1) {
        if segment.prepare_column(field, missing)? {
            if let Some(column) = segment.keywords(field) {
                sums.keywords(field, column)?;
            }
            if let Some(column) = segment.numbers(field) {
                sums.numbers(field, column);
            }
        }
    } else if let Some(chunk) = segment.head.chunks.get(stage - 1 - fields) {
        segment.need(POSTINGS, &chunk.postings, missing)?;
        segment.need(POSITIONS, &chunk.positions, missing)?;
        if missing.is_empty() {
            let count = chunk.terms;
            let segment = &*segment;
            segment.chunk(stage - 1 - fields, missing, &mut |terms| sums.terms(segment, terms, count))?;
        }
    }
    Ok(stage >= fields + segment.head.chunks.len())
}

/// The entries indexed anew, with their sums.
fn recompute(index: &Index, entries: &[Entry], analyse: &dyn Analyse) -> Result<(Index, Vec<Sums>)> {
    let mut own = Index::new(index.schema().clone());
    let mut parts = build(0, index.schema(), analyse, entries, &[])?;
    if let Some(head) = parts.pop() {
        own.add(0, head.bytes)?;
    }
    for part in parts {
        own.load(PartId { segment: 0, part: part.number }, part.bytes)?;
    }
    let mut check = Check::new();
    while let Work::Running(_) = check.step(&mut own)? {}
    Ok((own, check.segments))
}

/// The live entry of a session and item in a segment, and its sum.
fn sum_of(index: &Index, sums: &Sums, session: &str, group: usize, item: u32) -> Option<(u32, u64)> {
    let attached = index.segments.iter().find(|attached| attached.segment.number == sums.number)?;
    let core = attached.segment.core()?;
    let session = core.ids.position(session).ok()??;
    let entries = core.groups.get(group)?;
    let entry = if group == 0 { entries.of_session(session).next()? } else { entries.item(session, item)? };
    let sum = *sums.groups.get(group)?.get(entry as usize)?;
    (!attached.is_dead(group, entry)).then_some((entry, sum))
}
