//! How a segment is laid out in parts.
//!
//! A segment is five *streams* of bytes, so that a query reads only what it needs:
//!
//! | stream | what is in it | who needs it |
//! |---|---|---|
//! | core | tombstones, session ids, entries, lengths | every query |
//! | columns | one after the other, a column for each field that is no text | filters, order and facets of that field |
//! | terms | the term dictionary in chunks of about 32 KiB | words |
//! | postings | of each term and field, in the order of the terms | words that are found |
//! | positions | in the same order | phrases and highlights |
//!
//! Each stream is cut into parts of at most 48 KiB; what is read at once is not cut, unless it is larger than that. What is
//! left at the ends of the streams goes into part 0 as far as it has room, behind the head that says where everything is. So the
//! segment of a small transaction is one part.
//!
//! ```text
//! part 0  bytes of the head, the head, the ends of the five streams
//! head    format; stamp, 8 bytes; fingerprint of the schema, 8 bytes;
//!         of each stream: how many parts, number and bytes of each, bytes in part 0;
//!         of each field that is no text: bytes of its column;
//!         how many chunks; of each: first term, how many terms, bytes of it, of its postings, of its positions
//! chunk   bytes of the trie of its terms, the trie; of every 32nd term, 4 bytes each: where its lists, postings and positions
//!         begin in the chunk's; the lists of each term
//! lists   of each field that has the term: field x 2, plus 1 if another follows; how many postings; their bytes; bytes of the
//!         positions, if the field keeps them
//! ```

use super::bytes::{Cursor, Damage, Read, put, put_bytes};
use super::postings::{self, List, Span};
use super::schema::Schema;
use super::trie::{Trie, TrieWriter};

/// The most bytes of a part but part 0: 48 KiB. A word needs a few of them, and whole ones are read, checked and inflated. Above
/// 60 KiB Chromium keeps a record in a file of its own, and a transaction with such a record has to be strict.
pub const PART_BYTES: usize = 48 << 10;

/// The most bytes of any part: 1 MiB.
pub const PART_BYTES_MAX: usize = 1 << 20;

/// The most bytes of ends of streams in part 0: 48 KiB.
const TAILS_BYTES: usize = 48 << 10;

/// Whose end comes into part 0 before others': what more queries need.
const TAILS: [Stream; STREAMS] = [CORE, TERMS, POSTINGS, COLUMNS, POSITIONS];

/// A chunk of the term dictionary is full: 32 KiB.
const CHUNK_BYTES: usize = 32 << 10;

/// Of how many terms of a chunk it is known where their lists begin.
const SAMPLE: u32 = 32;

/// The version of this layout.
const FORMAT: u8 = 1;

/// A stream's number.
pub(super) type Stream = usize;
pub(super) const CORE: Stream = 0;
pub(super) const COLUMNS: Stream = 1;
pub(super) const TERMS: Stream = 2;
pub(super) const POSTINGS: Stream = 3;
pub(super) const POSITIONS: Stream = 4;
pub(super) const STREAMS: usize = 5;

/// A part of a segment, to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its number in the segment.
    pub number: u32,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

#[derive(Debug, Default)]
struct Out {
    /// Parts that are complete: number and bytes.
    parts: Vec<(u32, usize)>,
    /// Bytes in them.
    done: u64,
    rest: Vec<u8>,
}

/// Writes a segment.
#[derive(Debug)]
pub(super) struct SegmentWriter {
    stamp: u64,
    fingerprint: u64,
    streams: [Out; STREAMS],
    ready: Vec<Part>,
    numbered: u32,
    columns: Vec<u64>,
    positions: Vec<bool>,
    chunks: Vec<Chunk>,
    open: OpenChunk,
    /// The postings and positions of the list at hand.
    list: [Vec<u8>; 2],
}

/// What the head says of a chunk of the dictionary.
#[derive(Debug, Clone)]
pub(super) struct Chunk {
    pub(super) first: Vec<u8>,
    pub(super) terms: u32,
    pub(super) span: Span,
    pub(super) postings: Span,
    pub(super) positions: Span,
}

#[derive(Debug, Default)]
struct OpenChunk {
    first: Vec<u8>,
    trie: TrieWriter,
    samples: Vec<u8>,
    lists: Vec<u8>,
    postings: u64,
    positions: u64,
}

impl SegmentWriter {
    pub(super) fn new(stamp: u64, schema: &Schema) -> Self {
        Self {
            stamp,
            fingerprint: schema.fingerprint(),
            streams: Default::default(),
            ready: Vec::new(),
            numbered: 0,
            columns: Vec::new(),
            positions: (0..schema.fields().len()).map(|field| schema.has_positions(field)).collect(),
            chunks: Vec::new(),
            open: OpenChunk::default(),
            list: Default::default(),
        }
    }

    fn flush(&mut self, stream: Stream, length: usize) {
        let Some(out) = self.streams.get_mut(stream) else { return };
        let rest = out.rest.split_off(length.min(out.rest.len()));
        let bytes = std::mem::replace(&mut out.rest, rest);
        self.numbered += 1;
        out.parts.push((self.numbered, bytes.len()));
        out.done += bytes.len() as u64;
        self.ready.push(Part { number: self.numbered, bytes });
    }

    /// Appends what is read at once.
    pub(super) fn unit(&mut self, stream: Stream, unit: &[u8]) {
        let length = self.streams.get(stream).map_or(0, |out| out.rest.len());
        if length > 0 && length + unit.len() > PART_BYTES {
            self.flush(stream, length);
        }
        if let Some(out) = self.streams.get_mut(stream) {
            out.rest.extend_from_slice(unit);
        }
        while self.streams.get(stream).is_some_and(|out| out.rest.len() > PART_BYTES) {
            self.flush(stream, PART_BYTES);
        }
    }

    fn at(&self, stream: Stream) -> u64 {
        self.streams.get(stream).map_or(0, |out| out.done + out.rest.len() as u64)
    }

    /// Appends the column of the next field that is no text.
    pub(super) fn column(&mut self, column: &[u8]) {
        self.unit(COLUMNS, column);
        self.columns.push(column.len() as u64);
    }

    /// Appends a term, larger than the one before, with its lists in the order of fields.
    pub(super) fn term(&mut self, term: &[u8], lists: &[List]) {
        let (start, places) = (self.at(POSTINGS), self.at(POSITIONS));
        let chunk = &mut self.open;
        if chunk.trie.strings() == 0 {
            chunk.first = term.to_vec();
            (chunk.postings, chunk.positions) = (start, places);
        }
        if chunk.trie.strings().is_multiple_of(SAMPLE) {
            let sample = [chunk.lists.len() as u64, start - chunk.postings, places - chunk.positions];
            sample.iter().for_each(|&at| chunk.samples.extend_from_slice(&(at as u32).to_le_bytes()));
        }
        chunk.trie.insert(term);
        let [mut posting_bytes, mut position_bytes] = std::mem::take(&mut self.list);
        for (number, list) in (1..).zip(lists) {
            posting_bytes.clear();
            position_bytes.clear();
            postings::write(list, &mut posting_bytes, &mut position_bytes);
            let infos = &mut self.open.lists;
            put(infos, (list.field as u64) << 1 | u64::from(number < lists.len()));
            put(infos, list.entries.len() as u64);
            put(infos, posting_bytes.len() as u64);
            if self.positions.get(list.field) == Some(&true) {
                put(infos, position_bytes.len() as u64);
            }
            self.unit(POSTINGS, &posting_bytes);
            self.unit(POSITIONS, &position_bytes);
        }
        self.list = [posting_bytes, position_bytes];
        if self.open.trie.size() + self.open.lists.len() >= CHUNK_BYTES {
            self.close_chunk();
        }
    }

    fn close_chunk(&mut self) {
        let mut chunk = std::mem::take(&mut self.open);
        let terms = chunk.trie.strings();
        if terms == 0 {
            return;
        }
        let mut bytes = Vec::new();
        put_bytes(&mut bytes, &chunk.trie.finish());
        bytes.append(&mut chunk.samples);
        bytes.append(&mut chunk.lists);
        self.unit(TERMS, &bytes);
        let end = self.at(TERMS);
        self.chunks.push(Chunk {
            first: chunk.first,
            terms,
            span: end - bytes.len() as u64..end,
            postings: chunk.postings..self.at(POSTINGS),
            positions: chunk.positions..self.at(POSITIONS),
        });
    }

    /// The parts that are complete, to be stored.
    pub(super) fn take_parts(&mut self) -> Vec<Part> {
        std::mem::take(&mut self.ready)
    }

    /// Completes the segment; the last part is part 0.
    pub(super) fn finish(mut self) -> Vec<Part> {
        self.close_chunk();
        let mut room = TAILS_BYTES;
        for stream in TAILS {
            let rest = self.streams.get(stream).map_or(0, |out| out.rest.len());
            match room.checked_sub(rest) {
                Some(left) => room = left,
                None => self.flush(stream, rest),
            }
        }
        let mut head = vec![FORMAT];
        head.extend_from_slice(&self.stamp.to_le_bytes());
        head.extend_from_slice(&self.fingerprint.to_le_bytes());
        for out in &self.streams {
            put(&mut head, out.parts.len() as u64);
            for &(number, bytes) in &out.parts {
                put(&mut head, number.into());
                put(&mut head, bytes as u64);
            }
            put(&mut head, out.rest.len() as u64);
        }
        self.columns.iter().for_each(|&bytes| put(&mut head, bytes));
        put(&mut head, self.chunks.len() as u64);
        for chunk in &self.chunks {
            put_bytes(&mut head, &chunk.first);
            put(&mut head, chunk.terms.into());
            for span in [&chunk.span, &chunk.postings, &chunk.positions] {
                put(&mut head, span.end - span.start);
            }
        }
        let mut bytes = Vec::new();
        put_bytes(&mut bytes, &head);
        self.streams.iter().for_each(|out| bytes.extend_from_slice(&out.rest));
        self.ready.push(Part { number: 0, bytes });
        self.ready
    }
}

/// Gives a segment another stamp, in its part 0. It is known only when the segment is stored.
#[inline(never)]
pub fn restamp(part: &mut [u8], stamp: u64) {
    let length = part.len();
    let mut from = Cursor::new(part);
    // Behind the head's length and the format.
    let read = from.number().and_then(|_| from.byte());
    let at = length - from.rest().len();
    if read.is_ok()
        && let Some(bytes) = part.get_mut(at..at + 8)
    {
        bytes.copy_from_slice(&stamp.to_le_bytes());
    }
}

/// A stretch of a stream: where it ends, in which part it is, and where it begins there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch {
    pub(super) end: u64,
    pub(super) part: u32,
    pub(super) at: usize,
}

/// What the head of a segment says.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) stamp: u64,
    pub(super) streams: [Vec<Stretch>; STREAMS],
    /// By field; of text nothing.
    pub(super) columns: Vec<Span>,
    pub(super) chunks: Vec<Chunk>,
    /// Parts besides part 0.
    pub(super) parts: u32,
}

impl Head {
    /// Reads part 0.
    pub(super) fn read(part: &[u8], schema: &Schema) -> Read<Self> {
        let mut from = Cursor::new(part);
        let mut head = Cursor::new(from.bytes()?);
        let mut tail = part.len() - from.rest().len();
        if head.byte()? != FORMAT {
            return Err(Damage("its format is unknown"));
        }
        let stamp = u64::from_le_bytes(head.fixed()?);
        let fingerprint = u64::from_le_bytes(head.fixed()?);
        if fingerprint != schema.fingerprint() {
            return Err(Damage("it was made by another schema"));
        }
        let mut streams: [Vec<Stretch>; STREAMS] = Default::default();
        let mut numbers = Vec::new();
        for stream in &mut streams {
            let mut end = 0_u64;
            for _ in 0..head.count()? {
                let (part, bytes) = (head.small()?, u64::from(head.small()?));
                if !(1..=PART_BYTES_MAX as u64).contains(&bytes) {
                    return Err(Damage("a part is empty or too large"));
                }
                numbers.push(part);
                end += bytes;
                stream.push(Stretch { end, part, at: 0 });
            }
            let bytes = head.small()? as usize;
            if bytes > 0 {
                end += bytes as u64;
                stream.push(Stretch { end, part: 0, at: tail });
                tail = tail.checked_add(bytes).ok_or(Damage("the end of a stream is missing"))?;
            }
        }
        if tail != part.len() {
            return Err(Damage("the end of a stream is missing"));
        }
        numbers.sort_unstable();
        if (1..).zip(&numbers).any(|(expected, &number): (u32, _)| expected != number) {
            return Err(Damage("its parts are not numbered one after the other"));
        }
        let mut columns = Vec::new();
        let mut end = 0;
        for field in schema.fields() {
            let bytes = if field.kind.is_text() { 0 } else { u64::from(head.small()?) };
            columns.push(end..end + bytes);
            end += bytes;
        }
        let mut chunks = Vec::new();
        let mut ends = [0; 3];
        for _ in 0..head.count()? {
            let (first, terms) = (head.bytes()?.to_vec(), head.small()?);
            let mut spans = [const { 0..0 }; 3];
            for (span, end) in spans.iter_mut().zip(&mut ends) {
                let start = *end;
                *end += u64::from(head.small()?);
                *span = start..*end;
            }
            let [span, postings, positions] = spans;
            chunks.push(Chunk { first, terms, span, postings, positions });
        }
        head.end()?;
        Ok(Self { stamp, streams, columns, chunks, parts: numbers.len() as u32 })
    }

    /// The end of a stream.
    pub(super) fn length(&self, stream: Stream) -> u64 {
        self.streams.get(stream).and_then(|stretches| stretches.last()).map_or(0, |last| last.end)
    }
}

/// Where a term's postings in a field are.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub(super) field: usize,
    /// How many postings there are.
    pub(super) postings: u32,
    pub(super) span: Span,
    /// Of its positions; nothing if the field keeps none.
    pub(super) positions: Span,
}

/// A chunk's bytes, taken apart.
#[derive(Debug)]
pub(super) struct Terms<'a> {
    pub(super) trie: Trie<'a>,
    samples: &'a [u8],
    lists: &'a [u8],
    head: &'a Chunk,
    schema: &'a Schema,
}

impl<'a> Terms<'a> {
    pub(super) fn read(bytes: &'a [u8], head: &'a Chunk, schema: &'a Schema) -> Read<Self> {
        let mut from = Cursor::new(bytes);
        let trie = Trie::new(from.bytes()?);
        let samples = from.take((head.terms.div_ceil(SAMPLE) as usize).saturating_mul(12))?;
        Ok(Self { trie, samples, lists: from.rest(), head, schema })
    }

    /// A reader of the lists of terms from this one on.
    pub(super) fn lists(&self, ordinal: u32) -> Read<Lists<'a>> {
        let at = (ordinal / SAMPLE) as usize * 12;
        let mut sample = Cursor::new(self.samples.get(at..).unwrap_or_default());
        let mut place = || Ok(u32::from_le_bytes(sample.fixed()?));
        let (lists, postings, positions) = (place()? as usize, u64::from(place()?), u64::from(place()?));
        let lists = self.lists.get(lists..).ok_or(Damage("the lists of a term are missing"))?;
        let mut lists = Lists {
            from: Cursor::new(lists),
            postings: self.head.postings.start + postings,
            positions: self.head.positions.start + positions,
            ends: (self.head.postings.end, self.head.positions.end),
            schema: self.schema,
        };
        for _ in 0..ordinal % SAMPLE {
            lists.next(&mut |_| {})?;
        }
        Ok(lists)
    }
}

/// Lists of one term after the other.
#[derive(Debug)]
pub(super) struct Lists<'a> {
    from: Cursor<'a>,
    postings: u64,
    positions: u64,
    ends: (u64, u64),
    schema: &'a Schema,
}

impl Lists<'_> {
    /// Hands over the lists of the next term.
    pub(super) fn next(&mut self, each: &mut dyn FnMut(Listed)) -> Read<()> {
        loop {
            let head = self.from.small()?;
            let field = (head >> 1) as usize;
            let count = self.from.small()?;
            let mut end = self.postings + u64::from(self.from.small()?);
            let span = self.postings..end;
            self.postings = end;
            end = self.positions;
            if self.schema.has_positions(field) {
                end += u64::from(self.from.small()?);
            }
            let positions = self.positions..end;
            self.positions = end;
            // Each posting takes at least a byte, so its number bounds what is reserved for it.
            if field >= self.schema.fields().len()
                || self.postings > self.ends.0
                || self.positions > self.ends.1
                || u64::from(count) > span.end - span.start
            {
                return Err(Damage("a term has postings that are not there"));
            }
            each(Listed { field, postings: count, span, positions });
            if head & 1 == 0 {
                return Ok(());
            }
        }
    }
}
