//! BM25, and the best of many without sorting all.
//!
//! What has all of the words comes before what lacks one; the score decides among each of them. BM25 alone may put what
//! has one rare word before what has all that was asked for. The idea is the coordination factor that Lucene multiplied its
//! scores by; here the scores stay BM25's, and only the order is another.

use super::segments::Counts;
use super::sort::number_bits;
use std::collections::BinaryHeap;

/// How soon more of a term counts less. The usual values of both; Robertson and Zaragoza, The Probabilistic Relevance Framework
/// (2009), section 3.4.
const K1: f32 = 1.2;
/// How much the length of a text counts.
const B: f32 = 0.75;

/// Less than any term's of fewer than 2^32 entries.
const IDF_MIN: f64 = 1e-11;
/// Less than any average length where one of 2^20 entries has a token.
const TOKENS_MIN: f64 = 1e-6;

/// The part of BM25 that is the same for a term in all entries.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Bm25 {
    factor: f32,
    constant: f32,
    slope: f32,
}

impl Bm25 {
    /// Of a field, for a term of this [`idf`].
    pub(super) fn new(counts: Counts, idf: f32, weight: f32) -> Self {
        let average = (counts.tokens as f64 / (counts.entries as f64).max(1.0)).max(TOKENS_MIN);
        Self { factor: weight * (K1 + 1.0) * idf, constant: K1 * (1.0 - B), slope: K1 * B / average as f32 }
    }

    /// The score of a text of so many tokens in which the term stands so often.
    #[inline(always)]
    pub(super) fn score(&self, frequency: u32, tokens: u32) -> f32 {
        let frequency = frequency as f32;
        self.factor * frequency / (frequency + self.constant + self.slope * tokens as f32)
    }
}

/// How much a term tells that is in so many of a field's entries. Above zero whatever the counts of a damaged segment say, for a
/// score of zero means that there is none yet.
pub(super) fn idf(counts: Counts, in_entries: u64) -> f32 {
    let (all, with) = (counts.entries as f64, in_entries as f64);
    ((all - with + 0.5) / (with + 0.5)).max(0.0).ln_1p().max(IDF_MIN) as f32
}

/// What a result is ordered by: the smallest first. Ties are decided by session id.
pub(super) type Key = u64;

/// The key of a score: the highest first. Scores are not negative, so their bits are in their order.
pub(super) fn score_key(score: f32) -> Key {
    (!score.to_bits()).into()
}

/// Makes the key of a score that of a result which lacks one of the words: behind all that have all of them.
pub(super) fn lacking(score_key: Key) -> Key {
    score_key | 1 << 32
}

/// The score of a key.
pub(super) fn score_of(key: Key) -> f32 {
    f32::from_bits(!(key as u32))
}

/// The key of a number; one that is missing comes last whatever the direction.
pub(super) fn number_key(number: f64, reverse: bool) -> Key {
    if number.is_nan() {
        return Key::MAX;
    }
    // Minus zero is zero.
    let ascending = number_bits(number + 0.0);
    if reverse { !ascending } else { ascending }
}

/// Room that is made at once: for a page of hits.
const ROOM: usize = 32;

/// Keeps the first so many of all that are pushed.
#[derive(Debug)]
pub(super) struct Top {
    wanted: usize,
    /// Key, and what decides ties; the last of them on top.
    kept: BinaryHeap<(Key, u64)>,
    /// Nothing larger is among the first.
    bound: Key,
}

impl Top {
    pub(super) fn new(wanted: usize) -> Self {
        Self { wanted, kept: BinaryHeap::with_capacity(wanted.min(ROOM)), bound: if wanted > 0 { Key::MAX } else { 0 } }
    }

    #[inline(always)]
    pub(super) fn fits(&self, key: Key) -> bool {
        key <= self.bound
    }

    /// Takes what fits.
    #[inline(never)]
    pub(super) fn push(&mut self, key: Key, tie: u64) {
        if self.kept.len() < self.wanted {
            self.kept.push((key, tie));
        } else if let Some(mut last) = self.kept.peek_mut().filter(|last| (key, tie) < **last) {
            *last = (key, tie);
        }
        if self.kept.len() == self.wanted {
            self.bound = self.kept.peek().map_or(0, |last| last.0);
        }
    }

    /// The first so many, in order.
    pub(super) fn finish(self) -> Vec<(Key, u64)> {
        self.kept.into_sorted_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_the_order_of_what_they_stand_for() {
        let numbers = [f64::MIN, -1.5, -0.0, 0.0, 1e-300, 2.0, f64::MAX];
        for (a, b) in numbers.iter().flat_map(|a| numbers.iter().map(move |b| (*a, *b))) {
            assert_eq!(number_key(a, false).cmp(&number_key(b, false)), a.partial_cmp(&b).unwrap(), "{a} {b}");
            assert_eq!(number_key(b, true).cmp(&number_key(a, true)), a.partial_cmp(&b).unwrap(), "{a} {b}");
            assert!(number_key(a, true) < number_key(f64::NAN, true));
        }
        assert!(score_key(2.0) < score_key(1.0) && score_key(1.0) < score_key(0.0));
        assert!(lacking(score_key(f32::MAX)) > score_key(0.0) && lacking(score_key(2.0)) < lacking(score_key(1.0)));
        assert_eq!((score_of(score_key(0.3)), score_of(lacking(score_key(0.3)))), (0.3, 0.3));
    }

    #[test]
    fn a_score_is_above_zero_whatever_is_counted() {
        for (entries, tokens, with) in
            [(1, 0, 0), (0, 0, 9), (3, 1, u32::MAX), (u32::MAX, u32::MAX, u32::MAX), (1, 9, 1)]
        {
            let counts = Counts { entries: entries.into(), tokens: tokens.into() };
            let rank = Bm25::new(counts, idf(counts, with.into()), 0.01);
            for (frequency, tokens) in [(1, 0), (1, u32::MAX), (u32::MAX, 0), (u32::MAX, u32::MAX)] {
                let score = rank.score(frequency, tokens);
                assert!(score > 0.0 && score.is_finite(), "{counts:?} {with} {frequency} {tokens}: {score}");
            }
        }
    }

    #[test]
    fn the_first_of_many_are_those_of_a_sorted_list() {
        let mut random = fastrand::Rng::with_seed(8);
        for _ in 0..200 {
            let mut all: Vec<(Key, u64)> = (0..random.u64(..300)).map(|ordinal| (random.u64(..20), ordinal)).collect();
            let wanted = random.usize(..50);
            let mut top = Top::new(wanted);
            // In any order, and past the test that spares most of them the way.
            random.shuffle(&mut all);
            for &(key, ordinal) in &all {
                if top.fits(key) {
                    top.push(key, ordinal);
                }
            }
            let mut sorted = all;
            sorted.sort_unstable();
            sorted.truncate(wanted);
            assert_eq!(top.finish(), sorted);
        }
    }
}
