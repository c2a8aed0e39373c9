//! Phrases: entries in which terms stand one after the other.
//!
//! A phrase is scored as if it were a term: how often it stands in the entry, in how many live entries it stands at all. Where
//! a slot stands for several terms (a prefix, a fuzzy word) any of them will do, and they weigh the same. A field without
//! positions cannot tell in which order its terms stand: there the phrase stands wherever all of its terms do, as often as the rarest.

use super::bytes::Read;
use super::plan::{Phrase, Slot};
use super::postings::{Block, Postings};
use super::segments::{Damaged, Index, damaged};

/// An entry and how often the phrase stands in it.
pub(super) type Occurrences = Vec<(u32, u32)>;

impl Index {
    /// Live entries with the phrase, by segment, in the order of entries.
    pub(super) fn occurrences(&self, phrase: &Phrase) -> Result<Vec<Occurrences>, Damaged> {
        (0..self.segments.len())
            .map(|segment| {
                let number = self.segments.get(segment).map_or(0, |attached| attached.segment.number);
                self.occurrences_in(phrase, segment).map_err(|damage| damaged(number, damage))
            })
            .collect()
    }

    fn occurrences_in(&self, phrase: &Phrase, segment: usize) -> Read<Occurrences> {
        let in_segment = |slot: &Slot| -> u32 {
            slot.lists
                .iter()
                .filter(|list| list.segment == segment)
                .map(|list| list.postings)
                .fold(0, u32::saturating_add)
        };
        let mut slots: Vec<&Slot> = phrase.slots.iter().collect();
        // The rarest first: it decides which entries are looked at.
        slots.sort_by_key(|slot| in_segment(slot));
        let mut entries: Option<Occurrences> = None;
        for slot in &slots {
            let found = self.entries(slot, segment, phrase.field)?;
            entries = Some(match entries {
                None => found,
                Some(before) => intersect(&before, &found),
            });
            if entries.as_ref().is_some_and(Vec::is_empty) {
                return Ok(Occurrences::new());
            }
        }
        let entries = entries.unwrap_or_default();
        if !self.schema.has_positions(phrase.field) {
            return Ok(entries);
        }
        let mut starts: Option<Vec<u64>> = None;
        for slot in &slots {
            let found = self.starts(slot, segment, phrase.field, &entries)?;
            starts = Some(match starts {
                None => found,
                Some(before) => before.into_iter().filter(|start| found.binary_search(start).is_ok()).collect(),
            });
        }
        let mut occurrences = Occurrences::new();
        for start in starts.unwrap_or_default() {
            let entry = (start >> 32) as u32;
            match occurrences.last_mut() {
                Some((last, often)) if *last == entry => *often += 1,
                _ => occurrences.push((entry, 1)),
            }
        }
        Ok(occurrences)
    }

    /// Live entries that have any of a slot's terms, and how often.
    fn entries(&self, slot: &Slot, segment: usize, field: usize) -> Read<Occurrences> {
        let mut found = Occurrences::new();
        let Some(attached) = self.segments.get(segment) else { return Ok(found) };
        let (group, mut block) = (self.schema.group_of(field), Block::default());
        for list in slot.lists.iter().filter(|list| list.segment == segment) {
            let bytes = attached.segment.postings(&list.span)?;
            let mut postings = Postings::new(&bytes, list.postings, attached.segment.entries(group));
            while postings.next(&mut block)? {
                found.extend(block.entries().iter().copied().zip(block.frequencies().iter().copied()));
            }
        }
        found.sort_unstable();
        found.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            kept.1 = if same { kept.1.saturating_add(next.1) } else { kept.1 };
            same
        });
        found.retain(|(entry, _)| !attached.is_dead(group, *entry));
        Ok(found)
    }

    /// Where the phrase would begin if it stood where this slot's terms do: entry and position, sorted.
    fn starts(&self, slot: &Slot, segment: usize, field: usize, entries: &Occurrences) -> Read<Vec<u64>> {
        let mut starts = Vec::new();
        let Some(attached) = self.segments.get(segment) else { return Ok(starts) };
        let (group, mut block) = (self.schema.group_of(field), Block::default());
        for list in slot.lists.iter().filter(|list| list.segment == segment) {
            let bytes = attached.segment.postings(&list.span)?;
            let places = attached.segment.positions(&list.positions)?;
            let mut postings = Postings::new(&bytes, list.postings, attached.segment.entries(group));
            let mut at = 0;
            while let Some(&(next, _)) = entries.get(at)
                && postings.next_from(next, &mut block)?
            {
                Postings::positions(&block, &places, &mut |number, positions| {
                    let entry = block.entries().get(number).copied().unwrap_or(u32::MAX);
                    while entries.get(at).is_some_and(|&(wanted, _)| wanted < entry) {
                        at += 1;
                    }
                    if entries.get(at).is_some_and(|&(wanted, _)| wanted == entry) {
                        let begins = positions.iter().filter_map(|position| position.checked_sub(slot.offset));
                        starts.extend(begins.map(|begin| u64::from(entry) << 32 | u64::from(begin)));
                    }
                })?;
            }
        }
        starts.sort_unstable();
        starts.dedup();
        Ok(starts)
    }
}

/// Entries in both, as often as in the one that has fewer.
fn intersect(a: &Occurrences, b: &Occurrences) -> Occurrences {
    let mut others = b.iter().peekable();
    let mut both = Occurrences::new();
    for &(entry, often) in a {
        while others.next_if(|(other, _)| *other < entry).is_some() {}
        if let Some(&(_, other)) = others.next_if(|(other, _)| *other == entry) {
            both.push((entry, often.min(other)));
        }
    }
    both
}
