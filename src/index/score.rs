//! What a word adds to the score of each entry.
//!
//! In a field: boost x BM25 of the term; of a prefix or fuzzy word that of the best of its terms, each times its weight. Over
//! fields: the sum.

use super::bytes::Read;
use super::phrase::Occurrences;
use super::plan::{TermList, Word};
use super::postings::{BLOCK, Block, Postings};
use super::rank::{Bm25, idf};
use super::segments::{Damaged, Index, damaged};

/// A word whose statistics are known.
#[derive(Debug)]
pub(super) struct Weighed<'w> {
    pub(super) word: &'w Word,
    /// Of each list.
    ranks: Vec<Bm25>,
    /// Of each phrase: its BM25, and by segment where it stands.
    phrases: Vec<(usize, Bm25, Vec<Occurrences>)>,
}

/// Sums by entry that are zero between uses.
#[derive(Debug, Default)]
pub(super) struct Sums {
    sums: Vec<f32>,
    /// Where they are not zero: so many of these. As long as the sums, so that nothing has to grow between two postings.
    touched: Vec<u32>,
    count: usize,
}

impl Sums {
    pub(super) fn reserve(&mut self, length: usize) {
        if self.sums.len() < length {
            self.sums.resize(length, 0.0);
            self.touched.resize(length, 0);
        }
    }

    /// What is added is above zero, so an entry is new when its sum is zero.
    #[inline(always)]
    pub(super) fn add(&mut self, at: u32, score: f32) {
        if let Some(sum) = self.touch(at) {
            *sum += score;
        }
    }

    #[inline(always)]
    pub(super) fn raise(&mut self, at: u32, score: f32) {
        if let Some(sum) = self.touch(at).filter(|sum| **sum < score) {
            *sum = score;
        }
    }

    /// The sum, which is no longer zero from now on.
    #[inline(always)]
    fn touch(&mut self, at: u32) -> Option<&mut f32> {
        let sum = self.sums.get_mut(at as usize)?;
        if *sum == 0.0
            && let Some(slot) = self.touched.get_mut(self.count)
        {
            *slot = at;
            self.count += 1;
        }
        Some(sum)
    }

    #[inline(always)]
    pub(super) fn get(&self, at: u32) -> f32 {
        self.sums.get(at as usize).copied().unwrap_or(0.0)
    }

    /// Hands over all of them, and is empty again.
    #[inline(always)]
    pub(super) fn drain(&mut self, mut each: impl FnMut(u32, f32)) {
        for &at in self.touched.get(..self.count).unwrap_or_default() {
            if let Some(sum) = self.sums.get_mut(at as usize) {
                each(at, std::mem::take(sum));
            }
        }
        self.count = 0;
    }

    /// The same, behind what is there.
    pub(super) fn drain_into(&mut self, out: &mut Scores) {
        let Self { sums, touched, count } = self;
        let touched = touched.get(..std::mem::take(count)).unwrap_or_default();
        out.extend(touched.iter().map(|&at| (at, sums.get_mut(at as usize).map_or(0.0, std::mem::take))));
    }

    pub(super) fn clear(&mut self) {
        self.drain(|_, _| {});
    }

    pub(super) fn memory(&self) -> usize {
        (self.sums.capacity() + self.touched.capacity()) * 4
    }
}

/// How many tokens an entry has in a field, by what is kept of it: none, or one more.
#[inline(always)]
fn tokens(lengths: &[u32], entry: u32) -> u32 {
    lengths.get(entry as usize).copied().unwrap_or(1).wrapping_sub(1)
}

/// Scores by number, in the order of numbers.
pub(super) type Scores = Vec<(u32, f32)>;

/// What is in either of two, with the sum.
pub(super) fn join(a: &Scores, b: &Scores, out: &mut Scores) {
    // Room is made before, so that nothing has to be looked at when one is taken over.
    out.clear();
    out.resize(a.len() + b.len(), (0, 0.0));
    let (mut at, mut other_at, mut length) = (0, 0, 0);
    for slot in out.iter_mut() {
        let (Some(&(number, score)), Some(&(other, more))) = (a.get(at), b.get(other_at)) else { break };
        // Which comes next cannot be foreseen: no branch. What is not taken adds nothing.
        let (takes, takes_other) = (number <= other, other <= number);
        let sum = if takes { score } else { 0.0 } + if takes_other { more } else { 0.0 };
        *slot = (number.min(other), sum);
        at += usize::from(takes);
        other_at += usize::from(takes_other);
        length += 1;
    }
    out.truncate(length);
    out.extend_from_slice(a.get(at..).unwrap_or_default());
    out.extend_from_slice(b.get(other_at..).unwrap_or_default());
}

/// What is in both of two, with the sum.
pub(super) fn intersect(a: &Scores, b: &Scores, out: &mut Scores) {
    out.clear();
    let mut rest = b.iter();
    let mut other = rest.next();
    for &(number, score) in a {
        while other.is_some_and(|(other, _)| *other < number) {
            other = rest.next();
        }
        if let Some(&(_, of_other)) = other.filter(|(other, _)| *other == number) {
            out.push((number, score + of_other));
        }
    }
}

/// The [`idf`] of rare terms of a field, by the number of their entries; 0 until it is known. Most terms of a prefix are rare, and a
/// logarithm takes longer than reading their postings.
#[derive(Default)]
struct Known {
    field: usize,
    idfs: [f32; 32],
}

/// What [`Index::entry_scores`] works with.
#[derive(Debug, Default)]
pub(super) struct Workspace {
    block: Block,
    next: Scores,
    joined: Scores,
    best: Sums,
    total: Sums,
}

impl Workspace {
    pub(super) fn memory(&self) -> usize {
        size_of::<Block>()
            + (self.next.capacity() + self.joined.capacity()) * 8
            + self.best.memory()
            + self.total.memory()
    }
}

impl Index {
    /// Counts in how many live entries each term stands.
    pub(super) fn weigh<'w>(&self, word: &'w Word) -> Result<Weighed<'w>, Damaged> {
        let mut ranks = Vec::with_capacity(word.lists.len());
        let mut known = Known::default();
        let same = |a: &TermList, b: &TermList| a.field == b.field && a.term == b.term;
        for lists in word.lists.chunk_by(same) {
            let mut entries = 0_u64;
            for list in lists {
                let number = self.segments.get(list.segment).map_or(0, |attached| attached.segment.number);
                entries += self.live_postings(list).map_err(|damage| damaged(number, damage))?;
            }
            for list in lists {
                ranks.push(self.rank(list.field, entries, list.weight, &mut known));
            }
        }
        let mut phrases = Vec::new();
        for phrase in &word.phrases {
            let found = self.occurrences(phrase)?;
            let entries = found.iter().map(|found| found.len() as u64).sum();
            phrases.push((phrase.field, self.rank(phrase.field, entries, 1.0, &mut known), found));
        }
        Ok(Weighed { word, ranks, phrases })
    }

    fn rank(&self, field: usize, entries: u64, weight: f32, known: &mut Known) -> Bm25 {
        let counts = self.counts.get(field).copied().unwrap_or_default();
        if known.field != field {
            *known = Known { field, ..Known::default() };
        }
        let idf = match known.idfs.get_mut(entries as usize) {
            None => idf(counts, entries),
            Some(known) => {
                if *known == 0.0 {
                    *known = idf(counts, entries);
                }
                *known
            }
        };
        Bm25::new(counts, idf, weight * self.schema.boost(field))
    }

    /// How many of a list's postings are of live entries. Where nothing is dead that is known.
    fn live_postings(&self, list: &TermList) -> Read<u64> {
        let group = self.schema.group_of(list.field);
        let Some(attached) = self.segments.get(list.segment) else { return Ok(0) };
        let Some(dead) = attached.dead(group) else { return Ok(list.postings.into()) };
        let bytes = attached.segment.postings(&list.span)?;
        let mut postings = Postings::new(&bytes, list.postings, attached.segment.entries(group));
        let (mut block, mut live) = (Block::default(), 0);
        while postings.next(&mut block)? {
            live += block.entries().iter().filter(|&&entry| !dead.contains(entry)).count() as u64;
        }
        Ok(live)
    }

    /// The live entries of a group of a segment that match a word, each once, with what it adds.
    pub(super) fn entry_scores(
        &self,
        word: &Weighed<'_>,
        segment: usize,
        group: usize,
        space: &mut Workspace,
        out: &mut Scores,
    ) -> Read<()> {
        let Some(attached) = self.segments.get(segment) else { return Ok(()) };
        let Some(core) = attached.segment.core() else { return Ok(()) };
        let here = |list: &TermList| list.segment == segment && self.schema.group_of(list.field) == group;
        let mut fields = word.word.lists.iter().filter(|list| here(list)).map(|list| list.field);
        let mut before = None;
        let single = fields.all(|field| before.replace(field) != Some(field));
        if !single || word.phrases.iter().any(|(field, ..)| self.schema.group_of(*field) == group) {
            return self.sum_entries(word, segment, group, space, out);
        }
        // The usual case: in each field the word is one term. The lists are in the order of entries, and so is the sum.
        let Workspace { block, next, joined, .. } = space;
        for (list, rank) in word.word.lists.iter().zip(&word.ranks).filter(|(list, _)| here(list)) {
            let lengths = core.lengths.get(list.field).map_or(&[][..], Vec::as_slice);
            let bytes = attached.segment.postings(&list.span)?;
            let first = out.is_empty();
            let scores = if first { &mut *out } else { &mut *next };
            scores.clear();
            scores.reserve(list.postings as usize);
            let mut postings = Postings::new(&bytes, list.postings, attached.segment.entries(group));
            while postings.next(block)? {
                scores.extend(
                    block
                        .entries()
                        .iter()
                        .zip(block.frequencies())
                        .map(|(&entry, &frequency)| (entry, rank.score(frequency, tokens(lengths, entry)))),
                );
            }
            if !first {
                join(out, next, joined);
                std::mem::swap(out, joined);
            }
        }
        if let Some(dead) = attached.dead(group) {
            out.retain(|(entry, _)| !dead.contains(*entry));
        }
        Ok(())
    }

    /// The same for a word of several terms or fields.
    fn sum_entries(
        &self,
        word: &Weighed<'_>,
        segment: usize,
        group: usize,
        space: &mut Workspace,
        out: &mut Scores,
    ) -> Read<()> {
        let Some(attached) = self.segments.get(segment) else { return Ok(()) };
        let Some(core) = attached.segment.core() else { return Ok(()) };
        let limit = attached.segment.entries(group);
        let Workspace { block, best, total, .. } = space;
        best.reserve(limit as usize);
        total.reserve(limit as usize);
        let here = |list: &TermList| list.segment == segment && self.schema.group_of(list.field) == group;
        let same = |a: &TermList, b: &TermList| a.field == b.field;
        let mut ranks = word.ranks.iter();
        for lists in word.word.lists.chunk_by(same) {
            // Of several terms in a field the best counts.
            let sums = &mut *best;
            for (list, rank) in lists.iter().zip(ranks.by_ref()).filter(|(list, _)| here(list)) {
                let lengths = core.lengths.get(list.field).map_or(&[][..], Vec::as_slice);
                let bytes = attached.segment.postings(&list.span)?;
                // Most terms of a prefix are rare.
                if list.postings as usize <= BLOCK {
                    Postings::few(&bytes, list.postings, limit, |entry, frequency| {
                        sums.raise(entry, rank.score(frequency, tokens(lengths, entry)));
                    })?;
                    continue;
                }
                let mut postings = Postings::new(&bytes, list.postings, limit);
                while postings.next(block)? {
                    for (&entry, &frequency) in block.entries().iter().zip(block.frequencies()) {
                        sums.raise(entry, rank.score(frequency, tokens(lengths, entry)));
                    }
                }
            }
            best.drain(|entry, score| total.add(entry, score));
        }
        for (field, rank, found) in &word.phrases {
            let found = found.get(segment).filter(|_| self.schema.group_of(*field) == group);
            for &(entry, frequency) in found.into_iter().flatten() {
                let tokens = core.tokens(*field, entry).unwrap_or(0);
                total.add(entry, rank.score(frequency, tokens));
            }
        }
        total.drain_into(out);
        if let Some(dead) = attached.dead(group) {
            out.retain(|(entry, _)| !dead.contains(*entry));
        }
        Ok(())
    }
}
