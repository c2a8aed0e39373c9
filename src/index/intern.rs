//! Texts by number: each distinct one is kept once.
//!
//! A table with linear probing. `HashMap` takes a keyed hash and is compiled for each pair of types; this is asked once for
//! every token of every text.

use super::sort::by_text;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Interner {
    bytes: Vec<u8>,
    /// Where each text ends.
    ends: Vec<u32>,
    /// The upper half of a text's hash, so that others are rarely looked at, above its number plus 1; or 0. A power of two of them.
    table: Vec<u64>,
}

impl Interner {
    /// A text's number.
    pub(super) fn number(&mut self, text: &[u8]) -> u32 {
        // At most half of the table is used.
        if self.ends.len() * 2 >= self.table.len() {
            self.grow();
        }
        let hash = hash(text);
        let mask = self.table.len() - 1;
        let mut at = hash as usize & mask;
        while let Some(&taken) = self.table.get(at).filter(|&&taken| taken != 0) {
            if taken >> 32 == hash >> 32 && is_same(self.get(taken as u32 - 1), text) {
                return taken as u32 - 1;
            }
            at = (at + 1) & mask;
        }
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len() as u32);
        let number = self.ends.len() as u32;
        if let Some(slot) = self.table.get_mut(at) {
            *slot = hash >> 32 << 32 | u64::from(number);
        }
        number - 1
    }

    fn grow(&mut self) {
        let length = (self.table.len() * 2).max(16);
        self.table.clear();
        self.table.resize(length, 0);
        for number in 0..self.ends.len() as u32 {
            let hash = hash(self.get(number));
            let mut at = hash as usize & (length - 1);
            while self.table.get(at).is_some_and(|&taken| taken != 0) {
                at = (at + 1) & (length - 1);
            }
            if let Some(slot) = self.table.get_mut(at) {
                *slot = hash >> 32 << 32 | u64::from(number + 1);
            }
        }
    }

    /// A number's text.
    #[inline(always)]
    pub(super) fn get(&self, number: u32) -> &[u8] {
        let number = number as usize;
        let start = if number == 0 { 0 } else { self.ends.get(number - 1).copied().unwrap_or(0) };
        let end = self.ends.get(number).copied().unwrap_or(start);
        self.bytes.get(start as usize..end as usize).unwrap_or_default()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The numbers in the order of their texts.
    pub(super) fn sorted(&self) -> Vec<u32> {
        by_text(self.ends.len(), |number| self.get(number))
    }
}

/// Whether two texts are the same, eight bytes at a time: the comparison of the standard library, which is built for size in the engine,
/// takes one after the other.
#[inline(always)]
fn is_same(a: &[u8], b: &[u8]) -> bool {
    let ((words, rest), (other_words, other_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    a.len() == b.len()
        && words.iter().zip(other_words).all(|(a, b)| u64::from_le_bytes(*a) == u64::from_le_bytes(*b))
        && rest.iter().zip(other_rest).all(|(a, b)| a == b)
}

/// Multiply and fold, eight bytes at a time, as FxHash does.
#[inline(always)]
fn hash(text: &[u8]) -> u64 {
    let mix = |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(0x517C_C1B7_2722_0A95);
    let (words, rest) = text.as_chunks();
    let mut hash = text.len() as u64;
    for &word in words {
        hash = mix(hash, u64::from_le_bytes(word));
    }
    let mut last = 0;
    for &byte in rest {
        last = last << 8 | u64::from(byte);
    }
    hash = mix(hash, last);
    // The product's upper bits are the better ones; the table is entered by the lower.
    hash ^ hash >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_any_length_are_told_apart_by_any_byte() {
        for length in 0..20 {
            let text = vec![b'a'; length];
            assert!(is_same(&text, &text.clone()) && !is_same(&text, &vec![b'a'; length + 1]));
            for at in 0..length {
                let mut other = text.clone();
                other[at] = b'b';
                assert!(!is_same(&text, &other), "{length} {at}");
            }
        }
    }

    #[test]
    fn a_text_keeps_its_number() {
        let mut interner = Interner::default();
        let texts: Vec<String> = (0..2000).map(|n| format!("{}", n % 1000 * 7)).collect();
        for (n, text) in texts.iter().enumerate() {
            assert_eq!(interner.number(text.as_bytes()), n as u32 % 1000);
        }
        assert_eq!((interner.get(3), interner.len()), (&b"21"[..], 1000));
        assert!(interner.sorted().is_sorted_by_key(|&number| interner.get(number)));
    }

    #[test]
    fn texts_with_the_same_hash_are_told_apart() {
        // The first eight bytes are mixed into the second: another second makes up for another first.
        let first = [1_u64, 2];
        let mixed = first.map(|word| (16_u64.rotate_left(5) ^ word).wrapping_mul(0x517C_C1B7_2722_0A95).rotate_left(5));
        let second = [7, 7 ^ mixed[0] ^ mixed[1]];
        let texts: Vec<Vec<u8>> =
            first.iter().zip(second).map(|(a, b)| [a.to_le_bytes(), b.to_le_bytes()].concat()).collect();
        assert_eq!(hash(&texts[0]), hash(&texts[1]));
        let mut interner = Interner::default();
        assert_eq!([0, 1, 0, 1].map(|text: usize| interner.number(&texts[text])), [0, 1, 0, 1]);
    }
}
