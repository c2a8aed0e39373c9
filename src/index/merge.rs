//! Merging: which segments are made one next, and making it.
//!
//! Only segments that are adjacent in the order of stamps are merged, so that a tombstone never comes to lie before or behind
//! something that it was not before or behind already. The new segment has the stamp of the newest.

use super::bytes::Read;
use super::column::{write_keywords, write_numbers};
use super::core::{self, Group};
use super::entry::Tombstone;
use super::layout::{CORE, Listed, POSITIONS, POSTINGS, Part, SegmentWriter};
use super::postings::{Block, List, Postings};
use super::segment::PartId;
use super::segments::{Attached, Damaged, Index, SegmentFigures, Work, damaged};
use crate::job::Progress;
use std::cmp::Reverse;
use std::collections::VecDeque;

/// How many segments of about one size become one.
pub const FANOUT: usize = 8;

/// Segments up to here are of one size: 16 KiB. Each next size is [`FANOUT`] times as large.
const SMALL_BYTES: u64 = 16 << 10;

/// A segment of which half is dead is written anew when it has at least so many entries.
const DEAD_ENTRIES_MIN: u64 = 1000;

/// Terms that a step of a merge writes.
const STEP_TERMS: u64 = 2048;

/// Which segments are merged next: their numbers in the store, oldest first.
pub type Choice = Vec<u64>;

/// Decides what is merged next, if anything: the smallest size of which [`FANOUT`] segments lie side by side, with smaller ones
/// among them, or a segment of which half is dead.
///
/// So an entry is written about once for each size, and there are about `FANOUT` segments of each: tiered compaction, as of
/// log-structured merge trees.
#[inline(never)]
pub fn choose(segments: &[SegmentFigures]) -> Option<Choice> {
    let numbers = |run: &[SegmentFigures]| run.iter().map(|segment| segment.number).collect();
    let largest = segments.iter().map(|segment| segment.bytes).max()?;
    let (mut least, mut limit) = (0, SMALL_BYTES);
    loop {
        let of_size = |segment: &&SegmentFigures| (least..=limit).contains(&segment.bytes);
        let mut runs = segments.chunk_by(|a, b| a.bytes <= limit && b.bytes <= limit);
        if let Some(run) = runs.find(|run| run.iter().filter(of_size).count() >= FANOUT) {
            return Some(numbers(run));
        }
        if limit >= largest {
            break;
        }
        (least, limit) = (limit + 1, limit.saturating_mul(FANOUT as u64));
    }
    let half = |segment: &&SegmentFigures| segment.entries >= DEAD_ENTRIES_MIN && segment.dead * 2 >= segment.entries;
    segments.iter().find(half).map(|segment| vec![segment.number])
}

/// Merges segments of an index, step by step. It holds an ordinal for each of their entries, and besides that one chunk of
/// terms of each segment. Parts are handed over as they are complete.
///
/// What becomes dead meanwhile stays in the new segment, killed by the newer one that killed it. When it is stored, it is
/// [put in the place](Index::replace) of the others.
#[derive(Debug)]
pub struct Merge {
    numbers: Vec<u64>,
    writer: Option<SegmentWriter>,
    /// Of each segment, by group: the new ordinal of each entry; `GONE` for dead ones.
    entries: Vec<Vec<Vec<u32>>>,
    phase: Phase,
    sources: Vec<Source>,
    done: u64,
    total: u64,
}

const GONE: u32 = u32::MAX;

#[derive(Debug, Clone, Copy)]
enum Phase {
    Entries,
    /// From this field on.
    Columns(usize),
    Terms,
    Done,
}

/// A segment's dictionary while it is merged.
#[derive(Debug, Default)]
struct Source {
    /// The chunk that is unpacked, plus 1.
    chunk: usize,
    terms: VecDeque<(Vec<u8>, Vec<Listed>)>,
}

/// A live entry: session id, index, segment, ordinal there. Of one that two segments have, the newer comes first.
type Live<'a> = (&'a str, u32, Reverse<usize>, u32);

/// A posting with its new entry, and where its positions are among those gathered.
type Moved = (u32, u32, std::ops::Range<usize>);

impl Merge {
    /// A merge of these segments, which are adjacent; see [`choose`].
    pub fn new(choice: Choice) -> Self {
        let sources = choice.iter().map(|_| Source::default()).collect();
        let entries = Vec::new();
        Self { numbers: choice, writer: None, entries, phase: Phase::Entries, sources, done: 0, total: 0 }
    }

    /// The segments that are merged.
    pub fn segments(&self) -> &[u64] {
        &self.numbers
    }

    /// The parts that are complete. The last, when it is done, is part 0.
    #[inline(never)]
    pub fn take_parts(&mut self) -> Vec<Part> {
        self.writer.as_mut().map(SegmentWriter::take_parts).unwrap_or_default()
    }

    /// Runs the next step. Done, it returns the last parts; none when a segment is no longer there.
    ///
    /// # Errors
    /// A segment is damaged.
    #[inline(never)]
    pub fn step(&mut self, index: &mut Index) -> Result<Work<Option<Vec<Part>>>, Damaged> {
        let mut missing = Vec::new();
        index.attach(&mut missing)?;
        let places =
            self.numbers.iter().map(|number| index.segments.iter().position(|at| at.segment.number == *number));
        let Some(places) = places.collect::<Option<Vec<usize>>>() else { return Ok(Work::Done(None)) };
        if !missing.is_empty() {
            return Ok(Work::Needs(missing));
        }
        match self.phase {
            Phase::Entries => {
                self.merge_entries(index, &places)?;
                self.phase = Phase::Columns(0);
            }
            Phase::Columns(field) if field < index.schema().fields().len() => {
                self.merge_column(index, &places, field, &mut missing)?;
                if missing.is_empty() {
                    self.phase = Phase::Columns(field + 1);
                }
            }
            Phase::Columns(_) => self.phase = Phase::Terms,
            Phase::Terms => {
                self.merge_terms(index, &places, &mut missing)?;
            }
            Phase::Done => {}
        }
        if !missing.is_empty() {
            return Ok(Work::Needs(missing));
        }
        if matches!(self.phase, Phase::Done) {
            return Ok(Work::Done(Some(self.writer.take().map(SegmentWriter::finish).unwrap_or_default())));
        }
        Ok(Work::Running(Progress { phase: "merge", done: self.done, total: self.total, unit: "terms" }))
    }

    /// Numbers what is live anew, and writes the core.
    fn merge_entries(&mut self, index: &Index, places: &[usize]) -> Result<(), Damaged> {
        let sources: Vec<&Attached> = places.iter().filter_map(|&place| index.segments.get(place)).collect();
        let schema = &index.schema;
        let stamp = sources.iter().map(|source| source.segment.head.stamp).max().unwrap_or(0);
        let mut all_ids = Vec::new();
        for source in &sources {
            let ids = source.segment.core().map(|core| core.ids.all()).transpose();
            all_ids.push(ids.map_err(|damage| damaged(source.segment.number, damage))?.unwrap_or_default());
        }
        // By group.
        let mut live: Vec<Vec<Live<'_>>> = Vec::new();
        for number in 0..schema.groups() {
            let mut of_group = Vec::new();
            for (at, (source, ids)) in sources.iter().zip(&all_ids).enumerate() {
                let group = source.segment.core().and_then(|core| core.groups.get(number));
                let Some(group) = group else { continue };
                for entry in (0..group.length).filter(|&entry| !source.is_dead(number, entry)) {
                    let id = ids.get(group.session(entry) as usize).map_or("", String::as_str);
                    let index = group.indexes.get(entry as usize).copied().unwrap_or(0);
                    of_group.push((id, index, Reverse(at), entry));
                }
            }
            // Stable, because it finds the segments' own order.
            of_group.sort();
            live.push(of_group);
        }
        let mut ids: Vec<&str> = live.iter().flatten().map(|&(id, ..)| id).collect();
        ids.sort();
        ids.dedup();
        let ids: Vec<String> = ids.into_iter().map(str::to_owned).collect();

        self.entries = sources
            .iter()
            .map(|source| {
                (0..schema.groups()).map(|group| vec![GONE; source.segment.entries(group) as usize]).collect()
            })
            .collect();
        let mut groups = Vec::new();
        let mut lengths: Vec<Vec<u32>> = schema.fields().iter().map(|_| Vec::new()).collect();
        for (number, of_group) in live.iter().enumerate() {
            let (mut sessions, mut indexes) = (Vec::new(), Vec::new());
            let (mut session, mut before) = (0, None);
            let fields: Vec<usize> = (0..lengths.len()).filter(|&field| schema.group_of(field) == number).collect();
            for &(id, index, Reverse(at), entry) in of_group {
                if before == Some((id, index)) {
                    continue;
                }
                before = Some((id, index));
                while ids.get(session).is_some_and(|known| known.as_str() < id) {
                    session += 1;
                }
                let slot = self.entries.get_mut(at).and_then(|groups| groups.get_mut(number)?.get_mut(entry as usize));
                if let Some(slot) = slot {
                    *slot = sessions.len() as u32;
                }
                sessions.push(session as u32);
                indexes.push(index);
                let core = sources.get(at).and_then(|source| source.segment.core());
                for &field in &fields {
                    let length =
                        core.and_then(|core| core.tokens(field, entry)).map_or(0, |tokens| tokens.saturating_add(1));
                    if let Some(lengths) = lengths.get_mut(field) {
                        lengths.push(length);
                    }
                }
            }
            groups.push(match number {
                0 => Group::metadata(sessions, ids.len()),
                _ => Group { length: sessions.len() as u32, dense: false, sessions, indexes },
            });
        }
        for (lengths, field) in lengths.iter_mut().zip(schema.fields()) {
            if !field.kind.is_text() || lengths.iter().all(|&length| length == 0) {
                lengths.clear();
            }
        }
        let mut tombstones: Vec<Tombstone> = Vec::new();
        if !places.contains(&0) {
            tombstones.extend(
                sources.iter().filter_map(|source| source.segment.core()).flat_map(|core| core.tombstones.clone()),
            );
            tombstones.sort_unstable();
            tombstones.dedup();
        }
        let mut writer = SegmentWriter::new(stamp, schema);
        writer.unit(CORE, &core::write(&tombstones, &ids, &groups, &lengths));
        self.writer = Some(writer);
        let chunks = sources.iter().flat_map(|source| &source.segment.head.chunks);
        self.total = chunks.map(|chunk| u64::from(chunk.terms)).sum();
        Ok(())
    }

    fn entry(&self, source: usize, group: usize, entry: u32) -> Option<u32> {
        let new = *self.entries.get(source)?.get(group)?.get(entry as usize)?;
        (new != GONE).then_some(new)
    }

    fn merge_column(
        &mut self,
        index: &mut Index,
        places: &[usize],
        field: usize,
        missing: &mut Vec<PartId>,
    ) -> Result<(), Damaged> {
        let Some(kind) = index.schema.fields().get(field).map(|field| field.kind.clone()) else { return Ok(()) };
        if kind.is_text() {
            return Ok(());
        }
        for &place in places {
            let Some(attached) = index.segments.get_mut(place) else { continue };
            let ready = attached.segment.prepare_column(field, missing);
            ready.map_err(|damage| damaged(attached.segment.number, damage))?;
        }
        if !missing.is_empty() {
            return Ok(());
        }
        let segments = || places.iter().filter_map(|&place| Some(&index.segments.get(place)?.segment)).enumerate();
        let bytes = if kind.is_keyword() {
            let mut values: Vec<(Vec<u8>, Vec<u32>)> = Vec::new();
            for (source, segment) in segments() {
                let Some(column) = segment.keywords(field) else { continue };
                let mut take = || -> Read<()> {
                    let mut walk = column.trie().walk()?;
                    while let Some(value) = walk.next()? {
                        let entries = column.entries(value).iter().filter_map(|&entry| self.entry(source, 0, entry));
                        values.push((walk.string().to_vec(), entries.collect()));
                    }
                    Ok(())
                };
                take().map_err(|damage| damaged(segment.number, damage))?;
            }
            values.sort();
            values.dedup_by(|next, kept| {
                let same = next.0 == kept.0;
                if same {
                    kept.1.append(&mut next.1);
                }
                same
            });
            values.retain_mut(|(_, entries)| {
                entries.sort_unstable();
                entries.dedup();
                !entries.is_empty()
            });
            write_keywords(values.iter().map(|(value, entries)| (value.as_slice(), entries.as_slice())))
        } else {
            let mut pairs: Vec<(f64, u32)> = Vec::new();
            for (source, segment) in segments() {
                let column = segment.numbers(field).into_iter().flat_map(super::column::Numbers::pairs);
                pairs.extend(column.filter_map(|(value, entry)| Some((value, self.entry(source, 0, entry)?))));
            }
            pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            write_numbers(&pairs)
        };
        if let Some(writer) = &mut self.writer {
            writer.column(&bytes);
        }
        Ok(())
    }

    /// Merges some terms.
    fn merge_terms(&mut self, index: &Index, places: &[usize], missing: &mut Vec<PartId>) -> Result<(), Damaged> {
        let end = self.done + STEP_TERMS;
        let mut lists: Vec<List> = Vec::new();
        loop {
            for (source, &place) in self.sources.iter_mut().zip(places) {
                let Some(Attached { segment, .. }) = index.segments.get(place) else { continue };
                source.fill(segment, missing).map_err(|damage| damaged(segment.number, damage))?;
            }
            if !missing.is_empty() || self.done >= end {
                return Ok(());
            }
            // All chunks that are unpacked are loaded: now terms follow until one of them is used up.
            while self.done < end {
                let terms = self.sources.iter().filter_map(|source| source.terms.front().map(|(term, _)| term));
                let Some(term) = terms.min().cloned() else {
                    self.phase = Phase::Done;
                    return Ok(());
                };
                let mut used = 0;
                let mut gathered: Vec<(usize, usize, Listed)> = Vec::new();
                let mut empty = false;
                for (number, source) in self.sources.iter_mut().enumerate() {
                    if source.terms.front().is_none_or(|(other, _)| *other != term) {
                        continue;
                    }
                    if let Some((_, listed)) = source.terms.pop_front() {
                        gathered.extend(listed.into_iter().map(|listed| (listed.field, number, listed)));
                        empty |= source.terms.is_empty();
                        self.done += 1;
                    }
                }
                gathered.sort_by_key(|(field, source, _)| (*field, *source));
                for of_field in gathered.chunk_by(|a, b| a.0 == b.0) {
                    if lists.len() <= used {
                        lists.push(List::default());
                    }
                    let Some(list) = lists.get_mut(used) else { continue };
                    self.merge_lists(index, places, of_field, list)?;
                    used += usize::from(!list.entries.is_empty());
                }
                if let Some(writer) = self.writer.as_mut().filter(|_| used > 0) {
                    writer.term(&term, lists.get(..used).unwrap_or_default());
                }
                if empty {
                    break;
                }
            }
        }
    }

    /// Merges the postings of a term in a field.
    fn merge_lists(
        &self,
        index: &Index,
        places: &[usize],
        lists: &[(usize, usize, Listed)],
        out: &mut List,
    ) -> Result<(), Damaged> {
        let field = lists.first().map_or(0, |(field, ..)| *field);
        out.reset(field);
        let mut moved: Vec<Moved> = Vec::new();
        let mut positions: Vec<u32> = Vec::new();
        for (_, source, listed) in lists {
            let Some(attached) = places.get(*source).and_then(|&place| index.segments.get(place)) else { continue };
            let done = self.move_list(attached, *source, listed, &mut moved, &mut positions);
            done.map_err(|damage| damaged(attached.segment.number, damage))?;
        }
        if lists.len() > 1 {
            moved.sort_by_key(|(entry, ..)| *entry);
        }
        for (entry, frequency, range) in moved {
            out.entries.push(entry);
            out.frequencies.push(frequency);
            out.positions.extend_from_slice(positions.get(range).unwrap_or_default());
        }
        Ok(())
    }

    fn move_list(
        &self,
        attached: &Attached,
        source: usize,
        listed: &Listed,
        moved: &mut Vec<Moved>,
        positions: &mut Vec<u32>,
    ) -> Read<()> {
        let Some(core) = attached.segment.core() else { return Ok(()) };
        let group = attached.segment.group_of(listed.field);
        let limit = core.groups.get(group).map_or(0, |group| group.length);
        let (bytes, places) =
            (attached.segment.postings(&listed.span)?, attached.segment.positions(&listed.positions)?);
        let mut postings = Postings::new(&bytes, listed.postings, limit);
        let mut block = Block::default();
        while postings.next(&mut block)? {
            let first = moved.len();
            for (&entry, &frequency) in block.entries().iter().zip(block.frequencies()) {
                // What is dead keeps its place until its positions were read.
                let entry = self.entry(source, group, entry).unwrap_or(GONE);
                moved.push((entry, frequency, 0..0));
            }
            if !places.is_empty() {
                Postings::positions(&block, &places, &mut |number, found| {
                    if let Some((entry, _, range)) = moved.get_mut(first + number)
                        && *entry != GONE
                    {
                        *range = positions.len()..positions.len() + found.len();
                        positions.extend_from_slice(found);
                    }
                })?;
            }
            let mut at = 0;
            moved.retain(|(entry, ..)| {
                at += 1;
                at <= first || *entry != GONE
            });
        }
        Ok(())
    }
}

impl Source {
    /// Unpacks the next chunk when the last is used up, and makes sure that the postings of what is unpacked are loaded.
    fn fill(&mut self, segment: &super::segment::Segment, missing: &mut Vec<PartId>) -> Read<()> {
        while self.terms.is_empty() && self.chunk < segment.head.chunks.len() {
            let terms = &mut self.terms;
            let count = segment.head.chunks.get(self.chunk).map_or(0, |chunk| chunk.terms);
            let done = segment.chunk(self.chunk, missing, &mut |chunk| {
                let mut walk = chunk.trie.walk()?;
                let mut lists = chunk.lists(0)?;
                for _ in 0..count {
                    if walk.next()?.is_none() {
                        break;
                    }
                    let mut listed = Vec::new();
                    lists.next(&mut |list| listed.push(list))?;
                    terms.push_back((walk.string().to_vec(), listed));
                }
                Ok(())
            })?;
            if !done {
                return Ok(());
            }
            self.chunk += 1;
        }
        let Some(chunk) = self.chunk.checked_sub(1).and_then(|at| segment.head.chunks.get(at)) else { return Ok(()) };
        if !self.terms.is_empty() {
            segment.need(POSTINGS, &chunk.postings, missing)?;
            segment.need(POSITIONS, &chunk.positions, missing)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(sizes: &[(u64, u64, u64)]) -> Vec<SegmentFigures> {
        (1..)
            .zip(sizes)
            .map(|(number, &(bytes, entries, dead))| SegmentFigures {
                number,
                stamp: number,
                bytes,
                entries,
                dead,
                tombstones: 0,
            })
            .collect()
    }

    #[test]
    fn the_smallest_size_of_which_there_are_enough_is_merged() {
        let (small, large) = ((1000, 1, 0), (1 << 20, 500, 0));
        assert_eq!(choose(&[]), None);
        assert_eq!(choose(&segments(&[small; 7])), None);
        assert_eq!(choose(&segments(&[small; 8])), Some((1..=8).collect()));
        assert_eq!(choose(&segments(&[[large].as_slice(), &[small; 8]].concat())), Some((2..=9).collect()));
        assert_eq!(choose(&segments(&[[small; 5].as_slice(), &[large], &[small; 5]].concat())), None);
        assert_eq!(choose(&segments(&[[large; 7].as_slice(), &[small; 3]].concat())), None);
        let mixed = [[large; 4].as_slice(), &[small; 3], &[large; 4]].concat();
        assert_eq!(choose(&segments(&mixed)), Some((1..=11).collect()), "the small ones go along");
    }

    #[test]
    fn what_is_half_dead_is_written_anew() {
        assert_eq!(choose(&segments(&[(1 << 20, 2000, 999), (1 << 20, 2000, 1000)])), Some(vec![2]));
        assert_eq!(choose(&segments(&[(1 << 20, 10, 10)])), None);
    }

    #[test]
    fn a_long_history_stays_few_segments_and_each_byte_is_written_a_few_times() {
        let mut now: Vec<SegmentFigures> = Vec::new();
        let (mut written, mut number) = (0, 0);
        for _ in 0..10_000 {
            number += 1;
            now.push(SegmentFigures { number, stamp: number, bytes: 1000, entries: 1, ..SegmentFigures::default() });
            while let Some(choice) = choose(&now) {
                number += 1;
                let place = now.iter().position(|segment| segment.number == choice[0]).unwrap();
                let merged = now.splice(place..place + choice.len(), []).collect::<Vec<_>>();
                let (bytes, entries) = merged.iter().fold((0, 0), |sum, of| (sum.0 + of.bytes, sum.1 + of.entries));
                now.insert(
                    place,
                    SegmentFigures { number, stamp: number, bytes, entries, ..SegmentFigures::default() },
                );
                written += bytes;
            }
            assert!(now.len() <= 5 * FANOUT, "{}", now.len());
        }
        assert!(written <= 6 * 10_000_000, "{written} bytes were written");
    }
}
