//! Makes a segment of entries and tombstones.

use super::column::{write_keywords, write_numbers};
use super::core::{self, ENTRIES_MAX, Group};
use super::entry::{Entry, KEYWORD_BYTES_MAX, TERM_BYTES_MAX, Tombstone, Value, cut, item_index};
use super::intern::Interner;
use super::layout::{CORE, Part, SegmentWriter};
use super::postings::List;
use super::schema::{Analyse, Analyser, Kind, Schema};
use super::sort::{by_number, by_text, number_bits, number_of};
use crate::error::{Error, Result};

/// Positions that are left out between two texts of a field, so that no phrase spans them.
const TEXT_GAP: u32 = 16;

/// Makes a segment: its parts, of which the last is part 0.
///
/// It takes memory for all terms of all entries; who indexes much makes several segments.
///
/// # Errors
/// [`Error::InvalidArgument`] for an entry that is given twice, a value that is not of its field's kind or of another group's
/// field; [`Error::TooLarge`] for too many entries.
#[inline(never)]
pub fn build(
    stamp: u64,
    schema: &Schema,
    analyse: &dyn Analyse,
    entries: &[Entry],
    tombstones: &[Tombstone],
) -> Result<Vec<Part>> {
    let (mut sorted, ids) = sort(schema, entries)?;
    let mut groups: Vec<Group> = Vec::new();
    for group in 0..schema.groups() {
        let first = sorted.partition_point(|entry| entry.group < group);
        let end = sorted.partition_point(|entry| entry.group <= group);
        let mut sessions = Vec::with_capacity(end - first);
        let mut indexes = Vec::new();
        for (ordinal, entry) in (0..).zip(sorted.get_mut(first..end).unwrap_or_default()) {
            entry.ordinal = ordinal;
            sessions.push(entry.session);
            indexes.push(entry.index);
        }
        groups.push(match group {
            0 => Group::metadata(sessions, ids.len()),
            _ => Group { length: sessions.len() as u32, dense: false, sessions, indexes },
        });
    }
    let mut inverter = Inverter::new(schema, &groups);
    for entry in &sorted {
        inverter.add(entry, schema, analyse)?;
    }

    let mut tombstones = tombstones.to_vec();
    tombstones.sort_unstable();
    tombstones.dedup();
    let mut writer = SegmentWriter::new(stamp, schema);
    writer.unit(CORE, &core::write(&tombstones, &ids, &groups, &inverter.lengths()));
    inverter.write(schema, &mut writer);
    Ok(writer.finish())
}

/// An entry with its place.
struct Placed<'e> {
    entry: &'e Entry,
    group: usize,
    session: u32,
    index: u32,
    ordinal: u32,
}

/// The entries by group, session and index; and the ids of the sessions.
fn sort<'e>(schema: &Schema, entries: &'e [Entry]) -> Result<(Vec<Placed<'e>>, Vec<String>)> {
    if entries.len() > ENTRIES_MAX {
        let (limit, got) = (ENTRIES_MAX as u64, entries.len() as u64);
        return Err(Error::TooLarge { what: "a segment".into(), limit, got, unit: "entries" }.into());
    }
    let by_session = by_text(entries.len(), |number| {
        entries.get(number as usize).map_or(&[], |entry| entry.session.as_str().as_bytes())
    });
    let mut ids: Vec<String> = Vec::new();
    let mut sorted = Vec::with_capacity(entries.len());
    for entry in by_session.into_iter().filter_map(|number| entries.get(number as usize)) {
        if ids.last().is_none_or(|id| id != entry.session.as_str()) {
            ids.push(entry.session.as_str().to_owned());
        }
        let list = entry.at.as_ref().map(|(list, _)| list.as_str());
        let group = schema.group(list).ok_or_else(|| Error::invalid("entry", "no field is of its list"))?;
        let index = item_index(entry.at.as_ref().map_or(0, |(_, index)| *index))?;
        sorted.push(Placed { entry, group, session: ids.len() as u32 - 1, index, ordinal: 0 });
    }
    let key = |placed: &Placed<'e>| (placed.group, placed.session, placed.index);
    if !sorted.is_sorted_by_key(key) {
        sorted.sort_by_key(key);
    }
    let twice = sorted.windows(2).any(|pair| matches!(pair, [a, b] if key(a) == key(b)));
    if twice { Err(Error::invalid("entry", "it is given twice")) } else { Ok((sorted, ids)) }
}

/// A term in an entry.
struct Posting {
    term: u32,
    entry: u32,
    frequency: u32,
}

/// A text field while it grows.
#[derive(Default)]
struct Texts {
    /// In the order of entries.
    postings: Vec<Posting>,
    /// In the order of postings.
    positions: Vec<u32>,
    /// By entry.
    lengths: Vec<u32>,
}

/// A keyword column while it grows.
#[derive(Default)]
struct Keywords {
    values: Interner,
    pairs: Vec<(u32, u32)>,
}

/// Collects what entries say, field by field.
struct Inverter {
    terms: Interner,
    /// Of each term: in which text it was seen last, and the posting made of that.
    seen: Vec<(u32, u32)>,
    texts_seen: u32,
    /// Of the text at hand: posting and position of each token; where the next position of each posting goes.
    tokens: Vec<(u32, u32)>,
    places: Vec<u32>,
    /// By field.
    texts: Vec<Texts>,
    keywords: Vec<Keywords>,
    /// In an order of their own, see [`number_bits`].
    numbers: Vec<Vec<(u64, u32)>>,
}

impl Inverter {
    fn new(schema: &Schema, groups: &[Group]) -> Self {
        let fields = schema.fields();
        let entries = |field| groups.get(schema.group_of(field)).map_or(0, |group| group.length) as usize;
        let texts = |field| Texts { lengths: vec![0; entries(field)], ..Texts::default() };
        Self {
            terms: Interner::default(),
            seen: Vec::new(),
            texts_seen: 0,
            tokens: Vec::new(),
            places: Vec::new(),
            texts: (0..fields.len()).map(texts).collect(),
            keywords: fields.iter().map(|_| Keywords::default()).collect(),
            numbers: fields.iter().map(|_| Vec::new()).collect(),
        }
    }

    fn add(&mut self, entry: &Placed<'_>, schema: &Schema, analyse: &dyn Analyse) -> Result<()> {
        for (given, (number, value)) in entry.entry.values.iter().enumerate() {
            let Some(field) = schema.fields().get(*number).filter(|_| schema.group_of(*number) == entry.group) else {
                return Err(Error::invalid("entry", format!("it cannot have field {number}")));
            };
            let refuse = |problem| Err(Error::invalid(format!("entry.{}", field.name), problem));
            if entry.entry.values.iter().take(given).any(|(other, _)| other == number) {
                return refuse("it is given twice");
            }
            match (&field.kind, value) {
                (Kind::Keyword, Value::Keywords(texts)) if texts.len() > 1 => return refuse("it has several values"),
                (Kind::Keyword | Kind::Keywords, Value::Keywords(texts)) => {
                    let Some(Keywords { values, pairs }) = self.keywords.get_mut(*number) else { continue };
                    let first = pairs.len();
                    for text in texts {
                        let pair = (values.number(cut(text, KEYWORD_BYTES_MAX).as_bytes()), entry.ordinal);
                        if !pairs.get(first..).unwrap_or_default().contains(&pair) {
                            pairs.push(pair);
                        }
                    }
                }
                (Kind::Number | Kind::Date, Value::Number(value)) => {
                    if !value.is_finite() {
                        return refuse("it is no finite number");
                    }
                    if let Some(pairs) = self.numbers.get_mut(*number) {
                        pairs.push((number_bits(*value), entry.ordinal));
                    }
                }
                (Kind::Text { analyser, positions, .. }, Value::Text(texts)) => {
                    self.text(*number, entry.ordinal, texts, analyser, *positions, analyse);
                }
                _ => return refuse("its value is of another kind"),
            }
        }
        Ok(())
    }

    /// Takes the texts of a field.
    fn text(
        &mut self,
        field: usize,
        entry: u32,
        texts: &[String],
        analyser: &Analyser,
        with_positions: bool,
        analyse: &dyn Analyse,
    ) {
        let Self { terms, seen, texts_seen, tokens, places, .. } = self;
        let Some(Texts { postings, positions, lengths }) = self.texts.get_mut(field) else { return };
        *texts_seen += 1;
        let first = postings.len();
        tokens.clear();
        let (mut count, mut base, mut last) = (0_u32, 0_u32, 0_u32);
        for text in texts {
            analyse.terms(analyser, text, &mut |term, position| {
                let term = cut(term, TERM_BYTES_MAX);
                if term.is_empty() {
                    return;
                }
                let term = terms.number(term.as_bytes());
                if term as usize >= seen.len() {
                    seen.push((0, 0));
                }
                let Some((text, posting)) = seen.get_mut(term as usize) else { return };
                if *text != *texts_seen {
                    (*text, *posting) = (*texts_seen, postings.len() as u32);
                    postings.push(Posting { term, entry, frequency: 0 });
                }
                if let Some(posting) = postings.get_mut(*posting as usize) {
                    posting.frequency += 1;
                }
                last = base.saturating_add(position).max(last);
                if with_positions {
                    tokens.push((*posting, last));
                }
                count = count.saturating_add(1);
            });
            base = last.saturating_add(TEXT_GAP);
        }
        if let Some(length) = lengths.get_mut(entry as usize) {
            *length = count.saturating_add(1);
        }
        if !with_positions {
            return;
        }
        let mut end = positions.len() as u32;
        places.clear();
        for posting in postings.iter().skip(first) {
            places.push(end);
            end += posting.frequency;
        }
        positions.resize(end as usize, 0);
        for &(posting, position) in tokens.iter() {
            let Some(place) = places.get_mut(posting as usize - first) else { continue };
            if let Some(slot) = positions.get_mut(*place as usize) {
                *slot = position;
            }
            *place += 1;
        }
    }

    /// By field, nothing where no entry has it.
    fn lengths(&mut self) -> Vec<Vec<u32>> {
        let lengths = |texts: &mut Texts| {
            let lengths = std::mem::take(&mut texts.lengths);
            if lengths.iter().all(|&length| length == 0) { Vec::new() } else { lengths }
        };
        self.texts.iter_mut().map(lengths).collect()
    }

    fn write(mut self, schema: &Schema, writer: &mut SegmentWriter) {
        for (number, field) in schema.fields().iter().enumerate() {
            if let Some(column) = self.keywords.get(number).filter(|_| field.kind.is_keyword()) {
                writer.column(&column.write());
            } else if let Some(pairs) = self.numbers.get_mut(number).filter(|_| field.kind.is_number()) {
                by_number(pairs);
                let pairs: Vec<(f64, u32)> = pairs.iter().map(|&(bits, entry)| (number_of(bits), entry)).collect();
                writer.column(&write_numbers(&pairs));
            }
        }
        let by_term: Vec<(usize, ByTerm)> = (0..)
            .zip(&self.texts)
            .filter(|(_, texts)| !texts.postings.is_empty())
            .map(|(field, texts)| (field, ByTerm::new(texts, self.terms.len())))
            .collect();
        let mut lists: Vec<List> = by_term.iter().map(|_| List::default()).collect();
        for term in self.terms.sorted() {
            let mut used = 0;
            for (field, by_term) in &by_term {
                let (postings, positions) = by_term.get(term);
                let Some(list) = lists.get_mut(used).filter(|_| !postings.is_empty()) else { continue };
                used += 1;
                list.reset(*field);
                list.entries.extend(postings.iter().map(|&(entry, _)| entry));
                list.frequencies.extend(postings.iter().map(|&(_, frequency)| frequency));
                list.positions.extend_from_slice(positions);
            }
            writer.term(self.terms.get(term), lists.get(..used).unwrap_or_default());
        }
    }
}

/// The postings and positions of a text field, term by term.
struct ByTerm {
    starts: Vec<u32>,
    /// Entry and frequency.
    postings: Vec<(u32, u32)>,
    position_starts: Vec<u32>,
    positions: Vec<u32>,
}

impl ByTerm {
    /// Sorts by counting. Postings are read in their order and written once, for memory is what this waits for.
    fn new(texts: &Texts, terms: usize) -> Self {
        let (mut starts, mut position_starts) = (vec![0; terms + 1], vec![0; terms + 1]);
        for &Posting { term, frequency, .. } in &texts.postings {
            if let (Some(start), Some(position)) =
                (starts.get_mut(term as usize + 1), position_starts.get_mut(term as usize + 1))
            {
                (*start, *position) = (*start + 1, *position + frequency);
            }
        }
        sum_up(&mut starts);
        sum_up(&mut position_starts);
        let (mut next, mut next_position) = (starts.clone(), position_starts.clone());
        let mut postings = vec![(0, 0); texts.postings.len()];
        let mut positions = vec![0; texts.positions.len()];
        let mut rest = texts.positions.iter();
        for &Posting { term, entry, frequency } in &texts.postings {
            let (Some(place), Some(at)) = (next.get_mut(term as usize), next_position.get_mut(term as usize)) else {
                continue;
            };
            if let Some(slot) = postings.get_mut(*place as usize) {
                *slot = (entry, frequency);
            }
            *place += 1;
            // One after the other: there are few. None where the field keeps none.
            for &position in rest.by_ref().take(frequency as usize) {
                if let Some(slot) = positions.get_mut(*at as usize) {
                    *slot = position;
                }
                *at += 1;
            }
        }
        Self { starts, postings, position_starts, positions }
    }

    /// A term's postings and their positions.
    fn get(&self, term: u32) -> (&[(u32, u32)], &[u32]) {
        let postings = self.postings.get(range(&self.starts, term)).unwrap_or_default();
        (postings, self.positions.get(range(&self.position_starts, term)).unwrap_or_default())
    }
}

/// Makes counts the places where each begins.
fn sum_up(counts: &mut [u32]) {
    let mut sum = 0;
    for count in counts {
        sum += *count;
        *count = sum;
    }
}

/// From where to where a bucket is.
#[inline(always)]
fn range(starts: &[u32], bucket: u32) -> std::ops::Range<usize> {
    let start = |at: usize| starts.get(at).copied().unwrap_or(0) as usize;
    start(bucket as usize)..start(bucket as usize + 1)
}

impl Keywords {
    fn write(&self) -> Vec<u8> {
        let mut starts = vec![0_u32; self.values.len() + 1];
        for &(value, _) in &self.pairs {
            if let Some(start) = starts.get_mut(value as usize + 1) {
                *start += 1;
            }
        }
        sum_up(&mut starts);
        let mut next = starts.clone();
        let mut entries = vec![0; self.pairs.len()];
        for &(value, entry) in &self.pairs {
            let Some(place) = next.get_mut(value as usize) else { continue };
            if let Some(slot) = entries.get_mut(*place as usize) {
                *slot = entry;
            }
            *place += 1;
        }
        let order = self.values.sorted();
        write_keywords(order.iter().map(|&value| {
            let range = range(&starts, value);
            (self.values.get(value), entries.get(range).unwrap_or_default())
        }))
    }
}
