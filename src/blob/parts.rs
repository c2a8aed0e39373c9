//! Where an attachment's bytes are: parts of one size, numbered from 0, under a key prefix of their own.

use crate::backend::{Key, KeyRange};
use crate::error::{Error, Result};
use crate::map::Ordered;
use std::ops::Range;

/// Bytes of every part but the last: 1 MiB. Ranges and streams need memory for a few parts, whatever the size of the whole.
pub const PART_BYTES_MAX: usize = 1 << 20;

/// The key prefix of one attachment's parts: 16 random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartSet([u8; 16]);

impl PartSet {
    /// A part set from 128 random bits.
    pub fn from_random(random: u128) -> Self {
        Self(random.to_be_bytes())
    }

    /// A part set from its bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Reads the 32 hexadecimal digits that [`Display`](std::fmt::Display) writes.
    pub fn parse(text: &str) -> Result<Self> {
        if text.len() != 32 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(Error::invalid("upload", "an upload's name is what uploadBegin returned"));
        }
        u128::from_str_radix(text, 16)
            .map(Self::from_random)
            .map_err(|_| Error::invalid("upload", "an upload's name is what uploadBegin returned"))
    }

    /// The part set that a key in `parts` belongs to.
    pub fn of_key(key: &Key) -> Option<Self> {
        key.as_bytes().first_chunk::<16>().map(|bytes| Self(*bytes))
    }
}

impl Ordered for PartSet {
    fn bytes(&self) -> Key {
        prefix(*self)
    }
}

impl std::fmt::Display for PartSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

fn prefix(set: PartSet) -> Key {
    Key::from_bytes(set.0.to_vec())
}

/// The key of part `n`.
pub fn part_key(set: PartSet, n: u64) -> Key {
    prefix(set).number(n)
}

/// The keys of all parts.
pub fn part_range(set: PartSet) -> KeyRange {
    KeyRange::prefix(prefix(set))
}

/// How many parts a number of bytes takes.
pub fn part_count(bytes: u64) -> u64 {
    bytes.div_ceil(PART_BYTES_MAX as u64)
}

/// Which parts a byte range touches.
pub fn parts_of(bytes: &Range<u64>) -> Range<u64> {
    if bytes.is_empty() {
        return 0..0;
    }
    bytes.start / PART_BYTES_MAX as u64..part_count(bytes.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_range_touches_just_its_parts() {
        let part = PART_BYTES_MAX as u64;
        assert_eq!(parts_of(&(0..0)), 0..0);
        assert_eq!(parts_of(&(5..5)), 0..0);
        assert_eq!(parts_of(&(0..1)), 0..1);
        assert_eq!(parts_of(&(0..part)), 0..1);
        assert_eq!(parts_of(&(part - 1..part + 1)), 0..2);
        assert_eq!(parts_of(&(part..part + 1)), 1..2);
        assert_eq!(parts_of(&(3 * part..5 * part)), 3..5);
    }

    #[test]
    fn part_sets_print_and_parse() {
        let set = PartSet::from_random(0x0123 << 100);
        assert_eq!(PartSet::parse(&set.to_string()), Ok(set));
        assert_eq!(PartSet::of_key(&part_key(set, 9)), Some(set));
        assert!(PartSet::parse("+0000000000000000000000000000001").is_err());
    }
}
