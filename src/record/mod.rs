//! The envelope of every stored record.
//!
//! ```text
//! offset 0   2   magic, 0x89 'H'
//!        2   1   format version of the payload
//!        3   1   kind: which of the formats below
//!        4   1   codec: 0 stored, 1 deflate
//!        5   4   raw length: bytes of the payload before the codec, little-endian
//!        9   8   checksum, little-endian
//!       17       payload, as the codec left it
//! ```
//!
//! The checksum is XXH64 over the payload, seeded with the XXH64 of object store, key and the nine header bytes before
//! it. So a flipped bit anywhere, a cut record and a record under another record's key are all noticed. XXH64 (crate
//! `twox-hash`) and not a CRC-64, because it takes the key as a seed for nothing and runs at several GB/s without
//! hardware instructions that wasm lacks. It detects accidents, not attackers: whoever can write the store can compute it.
//! Every reader below therefore treats the payload as hostile too.

mod deflate;
mod fields;

use crate::backend::{Key, StoreName};
use crate::error::{Error, Result};
pub use deflate::{deflate, inflate};
pub use fields::{Fields, Reader, Writer};
use twox_hash::{XxHash32, XxHash64};

/// The most bytes that a record's payload may have, before and after the codec: 4 MiB.
pub const RECORD_BYTES_MAX: usize = 4 << 20;

/// The most bytes that a record of the journal may have, which holds a whole write: 16 MiB.
pub const JOURNAL_BYTES_MAX: usize = 16 << 20;

/// Bytes of an envelope before its payload.
pub const HEADER_BYTES: usize = 17;

/// The newest format version that this build reads, and the one it writes.
pub const FORMAT: u8 = 1;

const MAGIC: [u8; 2] = [0x89, b'H'];
const STORED: u8 = 0;
const DEFLATE: u8 = 1;
/// As it is, under a checksum that JavaScript computes fast: XXH32, then four zero bytes. The page seals its journal so.
const PAGE: u8 = 2;

/// What a payload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// The head of the store.
    Head = 1,
    /// A session: metadata and list directories.
    Session = 2,
    /// A chunk of a list.
    Chunk = 3,
    /// What is known of an attachment.
    Blob = 4,
    /// A part of an attachment.
    Part = 5,
    /// A reference from a chunk or session to an attachment; its payload is empty.
    Reference = 6,
    /// A lease that keeps the parts of an unfinished upload.
    Upload = 7,
    /// A write that was accepted when the page went away.
    Journal = 8,
    /// Which writes of a writer are decided.
    Writer = 9,
    /// Who owns the background work.
    Owner = 10,
    /// The counters are exact; its payload is empty.
    Exact = 11,
    /// A part of a segment of the search index.
    Segment = 12,
    /// What is indexed.
    Index = 13,
    /// The index is being made anew, and how far that is.
    Reindex = 14,
}

/// A record's place, for checksums and messages.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Object store.
    pub store: StoreName,
    /// Key in it.
    pub key: &'a Key,
}

impl Place<'_> {
    /// The place as errors and reports show it.
    pub fn name(&self) -> String {
        format!("{}/{}", self.store.as_str(), self.key.as_bytes().escape_ascii())
    }

    /// An [`Error::Corrupt`] for this place.
    pub fn corrupt(&self, problem: impl Into<String>) -> Box<Error> {
        Error::Corrupt { record: self.name(), problem: problem.into() }.into()
    }

    /// An [`Error::Missing`] for this place.
    pub fn missing(&self) -> Box<Error> {
        Error::Missing { record: self.name() }.into()
    }
}

/// Whether a payload may be deflated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Store it as it is.
    Off,
    /// Deflate it, and keep the result when it is smaller.
    WhenSmaller,
}

fn checksum(place: Place<'_>, header: &[u8], payload: &[u8]) -> u64 {
    let mut identity = Vec::with_capacity(16 + place.key.as_bytes().len() + header.len());
    identity.extend_from_slice(place.store.as_str().as_bytes());
    identity.push(0);
    identity.extend_from_slice(place.key.as_bytes());
    identity.extend_from_slice(header);
    XxHash64::oneshot(XxHash64::oneshot(0, &identity), payload)
}

fn page_checksum(place: Place<'_>, header: &[u8], payload: &[u8]) -> u64 {
    let identity = [place.key.as_bytes(), header].concat();
    XxHash32::oneshot(XxHash32::oneshot(0, &identity), payload).into()
}

/// A part of the checksum that a record was sealed with, 32 bits: enough to tell one state of a record from another.
pub fn checksum_of(record: &[u8]) -> u64 {
    record.get(9..13).and_then(|sum| sum.try_into().ok()).map_or(0, u32::from_le_bytes).into()
}

/// Wraps a payload as the page does.
#[cfg(not(target_arch = "wasm32"))]
pub fn seal_as_page(place: Place<'_>, kind: Kind, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_le_bytes();
    let header = [&MAGIC[..], &[FORMAT, kind as u8, PAGE], &length].concat();
    let checksum = page_checksum(place, &header, payload).to_le_bytes();
    [&header, &checksum[..], payload].concat()
}

/// Wraps a payload.
///
/// # Errors
/// [`Error::TooLarge`] above [`RECORD_BYTES_MAX`].
pub fn seal(place: Place<'_>, kind: Kind, payload: &[u8], compression: Compression) -> Result<Vec<u8>> {
    if payload.len() > RECORD_BYTES_MAX {
        return Err(Error::TooLarge {
            what: format!("the record {}", place.name()),
            limit: RECORD_BYTES_MAX as u64,
            got: payload.len() as u64,
            unit: "bytes",
        }
        .into());
    }
    let deflated = match compression {
        Compression::WhenSmaller => deflate(payload),
        Compression::Off => None,
    };
    let (codec, body) = deflated.as_deref().map_or((STORED, payload), |deflated| (DEFLATE, deflated));
    let mut record = Vec::with_capacity(HEADER_BYTES + body.len());
    record.extend_from_slice(&MAGIC);
    record.extend_from_slice(&[FORMAT, kind as u8, codec]);
    record.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    let checksum = checksum(place, &record, body);
    record.extend_from_slice(&checksum.to_le_bytes());
    record.extend_from_slice(body);
    Ok(record)
}

/// Checks an envelope and returns its payload as it was given to [`seal`].
///
/// # Errors
/// [`Error::Corrupt`] for anything but an intact record of this kind under this key; [`Error::NewerVersion`] for an intact
/// one that a newer version wrote.
pub fn open(place: Place<'_>, kind: Kind, record: &[u8]) -> Result<Vec<u8>> {
    let Some((header, rest)) = record.split_first_chunk::<9>() else {
        return Err(place.corrupt(format!("{} bytes are too few for an envelope", record.len())));
    };
    let Some((sum, body)) = rest.split_first_chunk::<8>() else {
        return Err(place.corrupt(format!("{} bytes are too few for an envelope", record.len())));
    };
    let [magic0, magic1, version, stored_kind, codec, raw_length @ ..] = *header;
    if [magic0, magic1] != MAGIC {
        return Err(place.corrupt("it does not start with the envelope's magic number"));
    }
    let expected = if codec == PAGE { page_checksum(place, header, body) } else { checksum(place, header, body) };
    if expected != u64::from_le_bytes(*sum) {
        return Err(place.corrupt("its checksum does not match"));
    }
    if version > FORMAT {
        return Err(Error::NewerVersion { found: version.into(), supported: FORMAT.into() }.into());
    }
    if stored_kind != kind as u8 {
        return Err(place.corrupt(format!("it is of kind {stored_kind}, not {}", kind as u8)));
    }
    let raw_length = u32::from_le_bytes(raw_length) as usize;
    let limit = if kind == Kind::Journal { JOURNAL_BYTES_MAX } else { RECORD_BYTES_MAX };
    if raw_length > limit {
        return Err(place.corrupt(format!("it claims {raw_length} bytes, the limit is {limit}")));
    }
    match codec {
        STORED | PAGE if body.len() == raw_length => Ok(body.to_vec()),
        STORED | PAGE => Err(place.corrupt(format!("it has {} bytes of the {raw_length} it claims", body.len()))),
        DEFLATE => inflate(body, raw_length).map_err(|problem| place.corrupt(problem)),
        other => Err(place.corrupt(format!("its codec {other} is unknown"))),
    }
}

/// Writes a structure's fields and wraps them.
pub fn seal_fields(place: Place<'_>, kind: Kind, value: &impl Fields, compression: Compression) -> Result<Vec<u8>> {
    let mut out = Writer::default();
    value.write(&mut out);
    seal(place, kind, &out.into_bytes(), compression)
}

/// Unwraps and reads a structure; bytes left over are damage.
pub fn open_fields<T: Fields>(place: Place<'_>, kind: Kind, record: &[u8]) -> Result<T> {
    let payload = open(place, kind, record)?;
    let mut reader = Reader::new(&payload);
    let value = T::read(&mut reader);
    if reader.ended() { Ok(value) } else { Err(place.corrupt("its payload cannot be read")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key::new().text("s").number(7)
    }

    fn place(key: &Key) -> Place<'_> {
        Place { store: StoreName::Chunks, key }
    }

    #[test]
    fn what_is_sealed_opens_again() {
        let key = key();
        for compression in [Compression::Off, Compression::WhenSmaller] {
            for payload in [&b""[..], b"short", &[7; 100_000], &vec![1; RECORD_BYTES_MAX]] {
                let record = seal(place(&key), Kind::Chunk, payload, compression).unwrap();
                assert!(record.len() <= payload.len() + HEADER_BYTES);
                assert_eq!(open(place(&key), Kind::Chunk, &record).unwrap(), payload);
            }
        }
    }

    #[test]
    fn any_single_flipped_bit_is_noticed() {
        let key = key();
        for compression in [Compression::Off, Compression::WhenSmaller] {
            let record = seal(place(&key), Kind::Chunk, &b"abcd".repeat(20), compression).unwrap();
            for bit in 0..record.len() * 8 {
                let mut damaged = record.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                assert!(
                    matches!(open(place(&key), Kind::Chunk, &damaged), Err(error) if matches!(*error, Error::Corrupt { .. })),
                    "bit {bit}"
                );
            }
        }
    }

    #[test]
    fn any_truncation_is_noticed() {
        let key = key();
        let record = seal(place(&key), Kind::Chunk, b"payload", Compression::Off).unwrap();
        for length in 0..record.len() {
            assert!(
                matches!(open(place(&key), Kind::Chunk, &record[..length]), Err(error) if matches!(*error, Error::Corrupt { .. })),
                "{length}"
            );
        }
    }

    #[test]
    fn a_record_under_another_key_or_kind_is_noticed() {
        let (key, other) = (key(), Key::new().text("t").number(7));
        let record = seal(place(&key), Kind::Chunk, b"payload", Compression::Off).unwrap();
        assert!(open(place(&other), Kind::Chunk, &record).is_err());
        assert!(open(Place { store: StoreName::Sessions, key: &key }, Kind::Chunk, &record).is_err());
        assert!(open(place(&key), Kind::Session, &record).is_err());
    }

    #[test]
    fn a_newer_format_is_refused_as_such() {
        let key = key();
        let mut record = seal(place(&key), Kind::Chunk, b"payload", Compression::Off).unwrap();
        record[2] = FORMAT + 1;
        let sum = checksum(place(&key), &record[..9], b"payload");
        record[9..17].copy_from_slice(&sum.to_le_bytes());
        let error = open(place(&key), Kind::Chunk, &record).unwrap_err();
        assert_eq!(*error, Error::NewerVersion { found: 2, supported: 1 });
    }

    #[test]
    fn a_bomb_is_stopped_at_the_length_that_its_header_claims() {
        let key = key();
        let bomb = deflate(&vec![0; 64 << 20]).unwrap();
        for claimed in [0_u32, 1000, RECORD_BYTES_MAX as u32, u32::MAX] {
            let mut record = vec![0x89, b'H', FORMAT, Kind::Chunk as u8, DEFLATE];
            record.extend_from_slice(&claimed.to_le_bytes());
            let sum = checksum(place(&key), &record, &bomb);
            record.extend_from_slice(&sum.to_le_bytes());
            record.extend_from_slice(&bomb);
            assert!(
                matches!(open(place(&key), Kind::Chunk, &record), Err(error) if matches!(*error, Error::Corrupt { .. }))
            );
        }
    }

    #[test]
    fn a_payload_above_the_limit_is_refused() {
        let key = key();
        let error = seal(place(&key), Kind::Chunk, &vec![0; RECORD_BYTES_MAX + 1], Compression::Off).unwrap_err();
        assert_eq!(error.code(), "TooLarge");
    }
}
