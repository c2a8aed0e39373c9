//! Which writes of a writer are decided: how each is stored exactly once.
//!
//! A writer is a page's connection, known by 128 random bits; it numbers its writes. Each group's transaction also writes the
//! writer's row in `meta`, which says up to which number they are stored or refused, and checks that the row is still what this
//! engine last wrote. Hence:
//! 1. After a commit whose outcome is unknown, the row says whether it happened.
//! 2. A write that arrives again, from a page whose engine crashed or from the journal, is known by its number.
//! 3. Two engines with the same write, the page's own and one that replays its journal, cannot both store it: whoever comes
//!    second is refused, reads the row, and finds the write decided.

#[cfg(doc)]
use super::Write;
use crate::backend::{Check, Key, Op, StoreName};
use crate::error::Result;
use crate::record::{self, Compression, Fields, Kind, Place, Reader, Writer as Out};
use std::cell::{Cell, RefCell};

/// Writes whose answers are remembered: those that another engine stored, and those that were refused. Of the latter only
/// such as are among the last so many: 4,096.
const REPLAYED_MAX: usize = 4096;

/// A stretch of numbers, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stretch(u64, u64);

impl Fields for Stretch {
    fn write(&self, out: &mut Out) {
        out.number(self.0);
        out.number(self.1);
    }

    fn read(from: &mut Reader<'_>) -> Self {
        Self(from.number(), from.number())
    }
}

/// The row of a writer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Row {
    /// When it was last written, in milliseconds since 1970.
    pub(super) at_ms: u64,
    /// Raised with every transaction, so that no two rows are alike.
    transactions: u64,
    /// The numbers that are decided, in order and apart.
    decided: Vec<Stretch>,
    /// Numbers that a replay of the journal stored, and what they answer if that is a number.
    replayed: Vec<Stretch>,
    /// Numbers of writes that were refused, which nobody may have been told yet, and why: see [`Write::refusal`].
    refused: Vec<Stretch>,
}

/// What is decided of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// It is stored; with its answer where that is a number and another engine stored it.
    Stored(Option<u64>),
    /// It was refused, for this reason.
    Refused(u64),
}

impl Fields for Row {
    fn write(&self, out: &mut Out) {
        out.number(self.at_ms);
        out.number(self.transactions);
        out.many(&self.decided);
        out.many(&self.replayed);
        out.many(&self.refused);
    }

    fn read(from: &mut Reader<'_>) -> Self {
        Self {
            at_ms: from.number(),
            transactions: from.number(),
            decided: from.many(),
            replayed: from.many(),
            refused: from.many(),
        }
    }
}

impl Row {
    pub(super) fn open(key: &Key, record: &[u8]) -> Result<Self> {
        record::open_fields(Place { store: StoreName::Meta, key }, Kind::Writer, record)
    }

    /// Whether a write is decided.
    pub(super) fn decides(&self, seq: u64) -> bool {
        let after = self.decided.partition_point(|stretch| stretch.0 <= seq);
        after.checked_sub(1).and_then(|at| self.decided.get(at)).is_some_and(|stretch| seq <= stretch.1)
    }

    /// What a replay answered.
    pub(super) fn answer(&self, seq: u64) -> Option<u64> {
        self.replayed.iter().find(|replayed| replayed.0 == seq).map(|replayed| replayed.1)
    }

    /// Takes note that a write is decided. Number 0 is none.
    fn decide(&mut self, seq: u64) {
        if seq == 0 || self.decides(seq) {
            return;
        }
        let at = self.decided.partition_point(|stretch| stretch.0 < seq);
        self.decided.insert(at, Stretch(seq, seq));
        let mut joined: Vec<Stretch> = Vec::with_capacity(self.decided.len());
        for stretch in std::mem::take(&mut self.decided) {
            match joined.last_mut() {
                Some(last) if last.1 + 1 == stretch.0 => last.1 = stretch.1,
                _ => joined.push(stretch),
            }
        }
        self.decided = joined;
    }
}

/// The row of one writer as this engine knows it.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) key: Key,
    writer: u128,
    state: RefCell<(Option<Vec<u8>>, Row)>,
    /// A commit was lost, and what is stored could not be read since.
    unknown: Cell<bool>,
    /// What writes of the last lost commit answer if it happened, where that is a number.
    tried: RefCell<Vec<(u64, u64)>>,
    /// What commits decided that could not write the row. The next one that can does.
    unrecorded: RefCell<Vec<(u64, Decision)>>,
}

/// Keys of all writers' rows start with this.
pub(super) fn prefix() -> Key {
    Key::new().text("writer")
}

/// The writer whose row has this key.
pub(super) fn writer_of(key: &Key) -> Option<u128> {
    let mut components = key.parse();
    components.text().ok()?;
    u128::from_str_radix(components.text().ok()?, 16).ok()
}

impl Ledger {
    pub(super) fn new(writer: u128) -> Self {
        let key = prefix().text(&format!("{writer:032x}"));
        let (state, unknown, tried, unrecorded) = Default::default();
        Self { key, writer, state, unknown, tried, unrecorded }
    }

    pub(super) fn writer(&self) -> u128 {
        self.writer
    }

    /// Takes note that what is stored may be what was last tried, or not; and what writes would answer then.
    pub(super) fn doubt(&self, answers: Vec<(u64, u64)>) {
        self.unknown.set(true);
        self.tried.replace(answers);
    }

    /// Whether it has to be read before anything rests on it.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.unknown.get()
    }

    /// Takes note of what is stored. A damaged row says nothing, and is written anew.
    pub(super) fn know(&self, stored: Option<Vec<u8>>) {
        let row = stored.as_deref().and_then(|record| Row::open(&self.key, record).ok()).unwrap_or_default();
        self.unrecorded.borrow_mut().retain(|(seq, _)| !row.decides(*seq));
        self.state.replace((stored, row));
        self.unknown.set(false);
    }

    /// Takes note that a commit decided these though it could not write the row; and what they answer where that is a number.
    pub(super) fn remember(&self, seqs: &[u64], numbers: &[(u64, u64)], refused: &[(u64, u64)]) {
        let named = |of: &[(u64, u64)], seq| of.iter().find(|named| named.0 == seq).map(|named| named.1);
        let stored = |seq| Decision::Stored(named(numbers, seq));
        let decisions =
            seqs.iter().map(|seq| (*seq, named(refused, *seq).map_or_else(|| stored(*seq), Decision::Refused)));
        self.unrecorded.borrow_mut().extend(decisions);
    }

    /// What is decided of a write.
    pub(super) fn decided(&self, seq: u64) -> Option<Decision> {
        if let Some((_, decision)) = self.unrecorded.borrow().iter().find(|unrecorded| unrecorded.0 == seq) {
            return Some(*decision);
        }
        let row = &self.state.borrow().1;
        let refused = row.refused.iter().find(|refused| refused.0 == seq);
        let stored = || {
            let tried = self.tried.borrow();
            let tried = tried.iter().find(|tried| tried.0 == seq).map(|tried| tried.1);
            Decision::Stored(row.answer(seq).or(tried))
        };
        let decision = refused.map_or_else(stored, |refused| Decision::Refused(refused.1));
        (seq > 0 && row.decides(seq)).then_some(decision)
    }

    /// The check and the change that a transaction makes with these writes, and the record that it leaves.
    pub(super) fn entry(
        &self,
        now_ms: u64,
        seqs: &[u64],
        replayed: &[(u64, u64)],
        refused: &[(u64, u64)],
    ) -> Result<(Check, Op, Vec<u8>)> {
        let state = self.state.borrow();
        let mut row = state.1.clone();
        row.at_ms = now_ms;
        row.transactions += 1;
        for (seq, decision) in self.unrecorded.borrow().iter() {
            row.decide(*seq);
            match decision {
                Decision::Stored(None) => {}
                Decision::Stored(Some(answer)) => row.replayed.push(Stretch(*seq, *answer)),
                Decision::Refused(why) => row.refused.push(Stretch(*seq, *why)),
            }
        }
        seqs.iter().for_each(|seq| row.decide(*seq));
        row.replayed.extend(replayed.iter().map(|(seq, answer)| Stretch(*seq, *answer)));
        row.replayed.drain(..row.replayed.len().saturating_sub(REPLAYED_MAX));
        row.refused.extend(refused.iter().map(|(seq, why)| Stretch(*seq, *why)));
        let newest = row.decided.last().map_or(0, |last| last.1);
        row.refused.retain(|refused| refused.0 + REPLAYED_MAX as u64 > newest);
        let place = Place { store: StoreName::Meta, key: &self.key };
        let record = record::seal_fields(place, Kind::Writer, &row, Compression::Off)?;
        let check = Check::still(StoreName::Meta, self.key.clone(), state.0.clone());
        Ok((check, Op::Put(StoreName::Meta, self.key.clone(), record.clone()), record))
    }

    /// The change that forgets the writer, if it has a row.
    pub(super) fn forget(&self) -> Option<(Check, Op)> {
        let stored = self.state.borrow().0.clone()?;
        let check = Check::Unchanged(StoreName::Meta, self.key.clone(), stored);
        Some((check, Op::Delete(StoreName::Meta, self.key.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_decided_in_any_order_and_take_little_room() {
        let mut rng = fastrand::Rng::with_seed(1);
        let mut seqs: Vec<u64> = (1..=300).collect();
        rng.shuffle(&mut seqs);
        let mut row = Row::default();
        for (n, seq) in seqs.iter().enumerate() {
            assert!(!row.decides(*seq));
            row.decide(*seq);
            row.decide(*seq);
            assert!(seqs.iter().enumerate().all(|(at, seq)| row.decides(*seq) == (at <= n)));
        }
        assert_eq!(row.decided, [Stretch(1, 300)]);
        assert!(!row.decides(0) && !row.decides(301));
    }

    #[test]
    fn a_row_is_read_as_it_was_written() {
        let ledger = Ledger::new(7);
        let (_, _, record) = ledger.entry(5, &[1, 2, 9], &[(9, 42)], &[(2, 1)]).unwrap();
        ledger.know(Some(record));
        let decisions = [1, 2, 3, 9].map(|seq| ledger.decided(seq));
        let stored = |answer| Some(Decision::Stored(answer));
        assert_eq!(decisions, [stored(None), Some(Decision::Refused(1)), None, stored(Some(42))]);
        ledger.know(Some(vec![1, 2, 3]));
        assert_eq!(ledger.decided(1), None, "damage says nothing");
    }
}
