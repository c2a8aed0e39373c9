//! SHA-256 values.

use crate::backend::Key;
use crate::error::{Error, Result};
use crate::map::Ordered;
use sha2::{Digest, Sha256};

/// A SHA-256 value (FIPS 180-4); shown as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// A hash from its bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads 64 hexadecimal digits, in either case.
    pub fn parse(text: &str) -> Result<Self> {
        let problem = || Error::invalid("hash", "a hash is 64 hexadecimal digits");
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(problem());
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            for &digit in pair {
                let value = (digit as char).to_digit(16).ok_or_else(problem)?;
                *byte = (*byte << 4) | value as u8;
            }
        }
        Ok(Self(bytes))
    }
}

impl From<Sha256> for Hash {
    fn from(sha256: Sha256) -> Self {
        Self(sha256.finalize().into())
    }
}

impl Ordered for Hash {
    fn bytes(&self) -> Key {
        Key::new().hash(&self.0)
    }
}

impl std::fmt::Display for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hash({self})")
    }
}

/// Hashes bytes that are all there. For streams use [`sha2::Sha256`] and [`Hash::from_bytes`].
pub fn sha256(bytes: &[u8]) -> Hash {
    Sha256::new_with_prefix(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_print_and_parse() {
        let hash = sha256(b"abc"); // FIPS 180-4, example B.1
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash.to_string(), text);
        assert_eq!(Hash::parse(text), Ok(hash));
        assert_eq!(Hash::parse(&text.to_uppercase()), Ok(hash));
        for wrong in ["", "ba78", &"g".repeat(64), &format!("{text}0"), &"é".repeat(32)] {
            assert_eq!(Hash::parse(wrong).unwrap_err().code(), "InvalidArgument", "{wrong}");
        }
    }
}
