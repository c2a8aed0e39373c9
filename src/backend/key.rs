//! Keys: byte strings whose order is the same on every backend.
//!
//! A key is a list of components, encoded so that comparing bytes compares components one after the other:
//! a string is its UTF-8 bytes and a NUL (ids hold none), a number is eight bytes big-endian, a hash its 32 bytes.
//! IndexedDB stores it as a binary key, which every engine compares byte by byte (arrays of strings it would compare by
//! UTF-16 unit, which no Rust map does).

use crate::error::{Error, Result};

/// A record's key within its object store.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Key(Vec<u8>);

impl Key {
    /// The empty key, to which components are added. As a range bound it lies before every record.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a string component. The string holds no NUL (see [`crate::session::Id`]).
    pub fn text(mut self, text: &str) -> Self {
        self.0.extend_from_slice(text.as_bytes());
        self.0.push(0);
        self
    }

    /// Adds a number component.
    pub fn number(mut self, number: u64) -> Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    /// Adds 32 bytes as they are.
    pub fn hash(mut self, hash: &[u8; 32]) -> Self {
        self.0.extend_from_slice(hash);
        self
    }

    /// The encoded bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// A key from encoded bytes, as a backend reads it. Any bytes are a key; [`Key::parse`] finds out what they mean.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The smallest key larger than every key that starts with this one; `None` if there is no such key.
    pub fn successor_of_prefix(&self) -> Option<Self> {
        let mut bytes = self.0.clone();
        while let Some(last) = bytes.pop() {
            if last < u8::MAX {
                bytes.push(last + 1);
                return Some(Self(bytes));
            }
        }
        None
    }

    /// Reads the components back, in order.
    pub fn parse(&self) -> Components<'_> {
        Components { rest: &self.0 }
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({})", self.0.escape_ascii())
    }
}

/// Reads a key's components; each call takes the next one off the front.
#[derive(Debug, Clone)]
pub struct Components<'a> {
    rest: &'a [u8],
}

impl<'a> Components<'a> {
    fn damaged() -> Box<Error> {
        Error::Corrupt { record: "key".into(), problem: "it does not have the components of its store".into() }.into()
    }

    /// The next component as a string.
    pub fn text(&mut self) -> Result<&'a str> {
        let end = self.rest.iter().position(|&byte| byte == 0).ok_or_else(Self::damaged)?;
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest.get(1..).ok_or_else(Self::damaged)?;
        std::str::from_utf8(text).map_err(|_| Self::damaged())
    }

    /// The next component as a number.
    pub fn number(&mut self) -> Result<u64> {
        let (number, rest) = self.rest.split_first_chunk::<8>().ok_or_else(Self::damaged)?;
        self.rest = rest;
        Ok(u64::from_be_bytes(*number))
    }

    /// The next component as a hash.
    pub fn hash(&mut self) -> Result<[u8; 32]> {
        let (hash, rest) = self.rest.split_first_chunk::<32>().ok_or_else(Self::damaged)?;
        self.rest = rest;
        Ok(*hash)
    }

    /// Succeeds when nothing is left.
    pub fn end(&self) -> Result<()> {
        if self.rest.is_empty() { Ok(()) } else { Err(Self::damaged()) }
    }
}
