//! A set of dense ordinals, one bit each.

/// A set of numbers below its length.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Bits {
    words: Vec<u64>,
    length: usize,
}

impl Bits {
    /// The empty set.
    pub(super) fn new(length: usize) -> Self {
        Self { words: vec![0; length.div_ceil(64)], length }
    }

    /// The places of what passes a test.
    pub(super) fn collect<T>(all: &[T], test: impl Fn(&T) -> bool) -> Self {
        let word = |of_word: &[T]| of_word.iter().rev().fold(0, |word, one| word << 1 | u64::from(test(one)));
        Self { words: all.chunks(64).map(word).collect(), length: all.len() }
    }

    /// Makes room for more numbers.
    pub(super) fn grow(&mut self, length: usize) {
        self.length = length;
        self.words.resize(length.div_ceil(64), 0);
    }

    /// Adds a number; one beyond the length is passed over.
    #[inline(always)]
    pub(super) fn insert(&mut self, number: u32) {
        if let Some(word) = self.words.get_mut(number as usize / 64) {
            *word |= 1 << (number % 64);
        }
    }

    /// Takes a number out.
    pub(super) fn remove(&mut self, number: u32) {
        if let Some(word) = self.words.get_mut(number as usize / 64) {
            *word &= !(1 << (number % 64));
        }
    }

    #[inline(always)]
    pub(super) fn contains(&self, number: u32) -> bool {
        self.words.get(number as usize / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    /// Keeps what is in the other one too.
    pub(super) fn and(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= other;
        }
    }

    /// Adds what is in the other one.
    pub(super) fn or(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word |= other;
        }
    }

    /// Takes out what is in the other one.
    pub(super) fn and_not(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= !other;
        }
    }

    /// How many numbers are in it.
    pub(super) fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The numbers in ascending order.
    pub(super) fn to_vec(&self) -> Vec<u32> {
        let mut numbers = Vec::with_capacity(self.count());
        for (at, &word) in self.words.iter().enumerate() {
            let mut rest = word;
            while rest != 0 {
                numbers.push(at as u32 * 64 + rest.trailing_zeros());
                rest &= rest - 1;
            }
        }
        numbers
    }

    /// Bytes of memory.
    pub(super) fn memory(&self) -> usize {
        self.words.capacity() * 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_joined_and_cut() {
        let of = |numbers: &[u32]| {
            let mut bits = Bits::new(200);
            numbers.iter().for_each(|&number| bits.insert(number));
            bits
        };
        let (a, b) = (of(&[0, 63, 64, 199]), of(&[63, 100, 199]));
        let (mut and, mut or, mut not) = (a.clone(), a.clone(), a.clone());
        and.and(&b);
        or.or(&b);
        not.and_not(&b);
        assert_eq!(and.to_vec(), [63, 199]);
        assert_eq!(or.to_vec(), [0, 63, 64, 100, 199]);
        assert_eq!(not.to_vec(), [0, 64]);
        assert_eq!(or.count(), 5);
        assert!(a.contains(64) && !a.contains(65) && !a.contains(100_000));
        not.remove(64);
        assert_eq!(not, of(&[0]));
        let numbers: Vec<u32> = (0..200).collect();
        assert_eq!(Bits::collect(&numbers, |number| a.contains(*number)), a);
    }
}
