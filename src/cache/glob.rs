//! Patterns over ids: `*` stands for any text, `?` for one character, everything else for itself.
//!
//! All positions in the pattern at which a text may be are followed at once, a bit each, so a text takes one step of a few
//! words for each of its bytes, whatever the pattern. Going back to the last `*` instead, as is usual, takes the product of
//! both lengths for `*aaaa…b`.

use crate::error::{Error, Result};

/// Bytes of a pattern: 2,048. An id has at most 1,536.
pub const PATTERN_BYTES_MAX: usize = 2048;

const BITS: usize = u64::BITS as usize;

/// A pattern, ready to match. An element is what stands for a byte or, `?`, a character; bit n of a set says that the first n
/// elements have been matched.
#[derive(Debug, Clone)]
pub struct Glob {
    literal: usize,
    pattern: Vec<u8>,
    elements: usize,
    words: usize,
    /// For each byte, which bits may be entered with it.
    enter: Vec<u64>,
    /// Where a `*` follows: any byte stays.
    star: Vec<u64>,
    /// Where a `?` came before: the further bytes of its character stay.
    question: Vec<u64>,
}

fn set(words: &mut [u64], bit: usize) {
    if let Some(word) = words.get_mut(bit / BITS) {
        *word |= 1 << (bit % BITS);
    }
}

/// Whether a byte of UTF-8 is not the first of its character.
fn continues(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

impl Glob {
    /// Makes a pattern ready.
    ///
    /// # Errors
    /// [`Error::TooLarge`].
    pub fn new(pattern: &str) -> Result<Self> {
        let bytes = pattern.as_bytes();
        if bytes.len() > PATTERN_BYTES_MAX {
            let (limit, got) = (PATTERN_BYTES_MAX as u64, bytes.len() as u64);
            return Err(Error::TooLarge { what: "pattern".into(), limit, got, unit: "bytes" }.into());
        }
        let elements = bytes.iter().filter(|&&byte| byte != b'*').count();
        let words = elements / BITS + 1;
        let mut glob = Self {
            literal: bytes.iter().position(|byte| b"*?".contains(byte)).unwrap_or(bytes.len()),
            pattern: bytes.to_vec(),
            elements,
            words,
            enter: vec![0; words * 256],
            star: vec![0; words],
            question: vec![0; words],
        };
        let mut bit = 0;
        for &byte in bytes {
            if byte == b'*' {
                set(&mut glob.star, bit);
                continue;
            }
            bit += 1;
            if byte == b'?' {
                set(&mut glob.question, bit);
            }
            for entered in 0..=u8::MAX {
                if if byte == b'?' { !continues(entered) } else { byte == entered } {
                    set(glob.enter.get_mut(usize::from(entered) * words..).unwrap_or_default(), bit);
                }
            }
        }
        Ok(glob)
    }

    /// What every text that matches begins with.
    pub fn literal_prefix(&self) -> &[u8] {
        self.pattern.get(..self.literal).unwrap_or_default()
    }

    /// Whether the whole text matches.
    pub fn matches(&self, text: &[u8]) -> bool {
        let mut at = vec![0_u64; self.words];
        set(&mut at, 0);
        for &byte in text {
            let enter = self.enter.get(usize::from(byte) * self.words..).unwrap_or_default();
            let stay = if continues(byte) { u64::MAX } else { 0 };
            let (mut carry, mut alive) = (0, 0);
            for (((word, enter), star), question) in at.iter_mut().zip(enter).zip(&self.star).zip(&self.question) {
                let next = (*word << 1 | carry) & enter | *word & (star | question & stay);
                carry = *word >> (BITS - 1);
                *word = next;
                alive |= next;
            }
            if alive == 0 {
                return false;
            }
        }
        at.get(self.elements / BITS).is_some_and(|word| word >> (self.elements % BITS) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Glob::new(pattern).unwrap().matches(text.as_bytes())
    }

    /// The definition, in time that grows with every `*`.
    fn slowly(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], _) => text.is_empty(),
            (['*', rest @ ..], _) => (0..=text.len()).any(|n| slowly(rest, &text[n..])),
            (['?', rest @ ..], [_, tail @ ..]) => slowly(rest, tail),
            ([c, rest @ ..], [d, tail @ ..]) => c == d && slowly(rest, tail),
            _ => false,
        }
    }

    #[test]
    fn a_star_is_any_text_and_a_question_mark_one_character() {
        for (pattern, text) in [("", ""), ("*", ""), ("a*c", "ac"), ("a*c", "abcbc"), ("?", "ü"), ("?*🎈", "🎈🎈")]
        {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("", "a"), ("?", ""), ("?", "ab"), ("??", "ü"), ("a*c", "abcb"), ("a", "ab")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
        assert_eq!(Glob::new("rec-?1*").unwrap().literal_prefix(), b"rec-");
    }

    #[test]
    fn every_pattern_matches_as_defined() {
        let mut rng = fastrand::Rng::with_seed(3);
        let mut some = |from: &[char], most: usize| -> Vec<char> {
            (0..rng.usize(..=most)).map(|_| from[rng.usize(..from.len())]).collect()
        };
        let mut matched = 0;
        for _ in 0..30_000 {
            let (pattern, text) = (some(&['a', 'é', '*', '?', '😀'], 7), some(&['a', 'é', '😀'], 8));
            // As it is, and moved across the border between two words.
            for padding in [0, 61] {
                let pad = "x".repeat(padding);
                let whole = |chars: &[char]| pad.clone() + &chars.iter().collect::<String>();
                let expected = slowly(&pattern, &text);
                assert_eq!(matches(&whole(&pattern), &whole(&text)), expected, "{pattern:?} {text:?} {padding}");
                matched += usize::from(expected);
            }
        }
        assert!(matched > 5_000, "{matched}");
    }

    #[test]
    fn a_pattern_made_to_be_slow_takes_a_step_for_each_byte() {
        let pattern = "*a".repeat(PATTERN_BYTES_MAX / 2 - 1) + "*b";
        let glob = Glob::new(&pattern).unwrap();
        let text = "a".repeat(100_000);
        // Going back would take 10^8 steps for one such text; this takes 1,600 words of 32 for each.
        assert!(!glob.matches(text.as_bytes()) && glob.matches((text + "b").as_bytes()));
        assert_eq!(Glob::new(&"a".repeat(PATTERN_BYTES_MAX + 1)).unwrap_err().code(), "TooLarge");
    }
}
