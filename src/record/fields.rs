//! How the fields of a record are written: one after the other, without names, in the order of the structure.
//!
//! | field | bytes |
//! |---|---|
//! | number | varint: seven bits a byte, lowest first, the top bit set on all but the last (LEB128, as in DWARF and protobuf) |
//! | flag | number, 0 or 1 |
//! | text, bytes | number of bytes, then they |
//! | fixed bytes | they |
//! | many | number of elements, then they |
//!
//! By hand, because a serialiser (serde with postcard, whose bytes these are) took 4 KB more of the engine's wasm.

/// What is stored as fields.
pub trait Fields: Sized {
    /// Writes all of them.
    fn write(&self, out: &mut Writer);

    /// Reads them in the same order. What it returns counts only if the reader has not [failed](Reader::ended).
    fn read(from: &mut Reader<'_>) -> Self;
}

/// Writes fields.
#[derive(Debug, Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// A whole number.
    pub fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    /// Bytes whose number is known to the reader.
    pub fn fixed(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Bytes of any number.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.fixed(bytes);
    }

    /// Elements of any number.
    pub fn many<T: Fields>(&mut self, elements: &[T]) {
        self.number(elements.len() as u64);
        for element in elements {
            element.write(self);
        }
    }

    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// Reads fields. What cannot be read is empty or zero, and so is everything behind it; [`Reader::ended`] tells.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    failed: bool,
}

impl<'a> Reader<'a> {
    /// Reads from these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, failed: false }
    }

    /// What is not read yet; `None` if something could not be read.
    pub fn rest(&self) -> Option<&'a [u8]> {
        (!self.failed).then_some(self.rest)
    }

    /// Whether everything could be read and nothing is left.
    pub fn ended(&self) -> bool {
        self.rest() == Some(&[])
    }

    /// What was read makes no sense.
    pub fn fail(&mut self) {
        self.failed = true;
        self.rest = &[];
    }

    /// A whole number.
    pub fn number(&mut self) -> u64 {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let Some((&byte, rest)) = self.rest.split_first() else { break };
            self.rest = rest;
            let bits = u64::from(byte & 0x7F);
            if bits << shift >> shift != bits {
                break;
            }
            number |= bits << shift;
            if byte < 0x80 {
                return number;
            }
        }
        self.fail();
        0
    }

    /// A number that takes 32 bits.
    pub fn small(&mut self) -> u32 {
        u32::try_from(self.number()).unwrap_or_else(|_| {
            self.fail();
            0
        })
    }

    /// Yes or no.
    pub fn flag(&mut self) -> bool {
        match self.number() {
            flag @ (0 | 1) => flag == 1,
            _ => {
                self.fail();
                false
            }
        }
    }

    /// Exactly this many bytes.
    pub fn fixed<const N: usize>(&mut self) -> [u8; N] {
        match self.rest.split_first_chunk() {
            Some((bytes, rest)) => {
                self.rest = rest;
                *bytes
            }
            None => {
                self.fail();
                [0; N]
            }
        }
    }

    /// Bytes of any number.
    pub fn bytes(&mut self) -> &'a [u8] {
        let length = usize::try_from(self.number()).unwrap_or(usize::MAX);
        match self.rest.split_at_checked(length) {
            Some((bytes, rest)) => {
                self.rest = rest;
                bytes
            }
            None => {
                self.fail();
                &[]
            }
        }
    }

    /// UTF-8 text.
    pub fn text(&mut self) -> String {
        std::str::from_utf8(self.bytes()).map(str::to_owned).unwrap_or_else(|_| {
            self.fail();
            String::new()
        })
    }

    /// Elements of any number. Memory follows what is there, not what is claimed.
    pub fn many<T: Fields>(&mut self) -> Vec<T> {
        let mut elements = Vec::new();
        for _ in 0..self.number() {
            // An element has at least one byte.
            if self.rest.is_empty() {
                self.fail();
                break;
            }
            elements.push(T::read(self));
        }
        elements
    }
}

impl Fields for u32 {
    fn write(&self, out: &mut Writer) {
        out.number((*self).into());
    }

    fn read(from: &mut Reader<'_>) -> Self {
        from.small()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_length_are_read_as_written() {
        for shift in 0..64 {
            for number in [1_u64 << shift, (1 << shift) - 1, u64::MAX >> shift] {
                let mut out = Writer::default();
                out.number(number);
                let bytes = out.into_bytes();
                let mut reader = Reader::new(&bytes);
                assert_eq!(reader.number(), number);
                assert!(reader.ended());
                let mut cut = Reader::new(&bytes[..bytes.len() - 1]);
                cut.number();
                assert!(!cut.ended(), "{number} without its last byte");
            }
        }
    }

    #[test]
    fn what_no_writer_writes_is_refused() {
        let eleven = [0x80; 11];
        let beyond = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02];
        for bytes in [&eleven[..], &beyond] {
            let mut reader = Reader::new(bytes);
            assert_eq!((reader.number(), reader.rest()), (0, None));
        }
        type Read = fn(&mut Reader<'_>);
        let reads: [(&[u8], Read); 6] = [
            (&[2], |from| {
                from.flag();
            }),
            (&[0xFF, 0xFF, 0xFF, 0xFF, 0x7F], |from| {
                from.small();
            }),
            (&[3, b'a', b'b'], |from| {
                from.bytes();
            }),
            (&[1, 0xFF], |from| {
                let _ = from.text();
            }),
            (&[1, 2, 3], |from| {
                from.fixed::<4>();
            }),
            (&[0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 1], |from| {
                let _ = from.many::<u32>();
            }),
        ];
        for (bytes, read) in reads {
            let mut reader = Reader::new(bytes);
            read(&mut reader);
            assert_eq!(reader.rest(), None, "{bytes:?}");
            assert_eq!((reader.number(), reader.bytes()), (0, &[][..]), "nothing comes behind a failure");
        }
    }
}
