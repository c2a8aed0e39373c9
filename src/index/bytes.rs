//! Numbers in a segment's bytes, and what is said when they make no sense.
//!
//! [`crate::record::Reader`] reads the same varints. This one gives up at once and is fast enough for postings.

/// Bytes of a segment that no writer wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Damage(pub(super) &'static str);

/// What is read from a segment.
pub(super) type Read<T> = Result<T, Damage>;

/// Bytes that end too early, or a number that is too large.
const TORN: Damage = Damage("it ends within a number or a text");

/// Appends a varint (LEB128).
#[inline(always)]
pub(super) fn put(out: &mut Vec<u8>, number: u64) {
    if number < 0x80 { out.push(number as u8) } else { put_long(out, number) }
}

#[inline(never)]
fn put_long(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends bytes behind their number.
pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Reads bytes from the front.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    #[inline(always)]
    pub(super) fn byte(&mut self) -> Read<u8> {
        let (&byte, rest) = self.rest.split_first().ok_or(TORN)?;
        self.rest = rest;
        Ok(byte)
    }

    /// A varint. Most take one byte.
    #[inline(always)]
    pub(super) fn number(&mut self) -> Read<u64> {
        match self.rest.split_first() {
            Some((&byte, rest)) if byte < 0x80 => {
                self.rest = rest;
                Ok(byte.into())
            }
            _ => self.long(),
        }
    }

    #[inline(never)]
    fn long(&mut self) -> Read<u64> {
        let (mut number, mut shift) = (0_u64, 0);
        let mut rest = self.rest;
        while let Some((&byte, behind)) = rest.split_first() {
            rest = behind;
            number |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                self.rest = rest;
                return Ok(number);
            }
            shift += 7;
            // Nothing that is written has more than 63 bits but the bits of a float, which are not written as a varint.
            if shift == 63 {
                break;
            }
        }
        Err(TORN)
    }

    /// A varint of 32 bits.
    #[inline(always)]
    pub(super) fn small(&mut self) -> Read<u32> {
        match self.rest.split_first() {
            Some((&byte, rest)) if byte < 0x80 => {
                self.rest = rest;
                Ok(byte.into())
            }
            _ => u32::try_from(self.long()?).map_err(|_| TORN),
        }
    }

    /// A number of things of which each takes at least a byte of what follows, so that it bounds what is reserved for them.
    pub(super) fn count(&mut self) -> Read<usize> {
        let count = self.number()?;
        if count > self.rest.len() as u64 { Err(TORN) } else { Ok(count as usize) }
    }

    #[inline(always)]
    pub(super) fn take(&mut self, length: usize) -> Read<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(TORN)?;
        self.rest = rest;
        Ok(bytes)
    }

    pub(super) fn bytes(&mut self) -> Read<&'a [u8]> {
        let length = self.count()?;
        self.take(length)
    }

    /// The same, in place: for what is read most.
    #[inline(always)]
    pub(super) fn short(&mut self) -> Read<&'a [u8]> {
        let length = self.small()?;
        self.take(length as usize)
    }

    pub(super) fn fixed<const N: usize>(&mut self) -> Read<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(TORN)?;
        self.rest = rest;
        Ok(*bytes)
    }

    /// Succeeds when nothing is left.
    pub(super) fn end(&self) -> Read<()> {
        if self.rest.is_empty() { Ok(()) } else { Err(Damage("bytes follow its end")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_written_and_cut_ones_are_refused() {
        for shift in 0..63 {
            for number in [1_u64 << shift, (1 << shift) - 1] {
                let mut out = Vec::new();
                put(&mut out, number);
                assert_eq!(Cursor::new(&out).number(), Ok(number));
                assert!(Cursor::new(&out[..out.len() - 1]).number().is_err());
            }
        }
        assert!(Cursor::new(&[0xFF; 20]).number().is_err());
        assert!(Cursor::new(&[0xFF, 0xFF, 0xFF, 0xFF, 0x7F]).small().is_err());
        assert!(Cursor::new(&[3, 1, 2]).bytes().is_err());
    }
}
