//! A chunk: the items of one stretch of a list, in one record.
//!
//! Payload: a header of fields (`references`: the attachments that the items use, each once; `lengths`: bytes of each item's
//! text), then the items as one JSON array text, so that a reader hands it to `JSON.parse` as it is. `{"$attachment":n}` in
//! it is entry n of `references`.

use super::directory::ChunkLimits;
use super::placeholder;
use crate::backend::{Key, KeyRange, StoreName};
use crate::blob::Reference;
use crate::error::Result;
use crate::map::Map;
use crate::record::{self, Compression, Kind, Place, Reader, Writer};
use std::ops::Range;

/// An item of a list on its own: its JSON text, and the table that the text's placeholders point into.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Item {
    /// The JSON text, UTF-8.
    pub json: Vec<u8>,
    /// One entry for each place where an attachment stands, in the order of the places.
    pub references: Vec<Reference>,
}

impl Item {
    /// About how many bytes it takes in a chunk's payload.
    fn weight(&self) -> usize {
        let entry = |reference: &Reference| 48 + reference.media_type.len();
        self.json.len() + self.references.iter().map(entry).sum::<usize>()
    }

    /// Cuts an item out of a text with a larger table. Afterwards place n of the text is numbered n.
    pub fn from_text(json: &[u8], table: &[Reference]) -> Result<Self> {
        let mut references = Vec::new();
        if table.is_empty() && !placeholder::any(json) {
            return Ok(Self { json: json.to_vec(), references });
        }
        let json = placeholder::rewrite(json, &mut |n| {
            references.push(table.get(n).cloned().ok_or_else(|| {
                crate::Error::invalid("json", format!("$attachment {n} is not in the table of {}", table.len()))
            })?);
            Ok(references.len() - 1)
        })?;
        Ok(Self { json, references })
    }
}

/// Attachments as entries of a table, each once, found again by their number.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) references: Vec<Reference>,
    /// Numbers by hash and media type.
    numbers: Map<Key, usize>,
}

impl Table {
    fn number(&mut self, reference: &Reference) -> usize {
        let key = Key::new().hash(reference.hash.as_bytes()).text(&reference.media_type);
        if let Some(&number) = self.numbers.get(&key) {
            return number;
        }
        let number = self.references.len();
        self.references.push(reference.clone());
        self.numbers.insert(key, number);
        number
    }

    /// The item's text with its places numbered as in this table.
    pub(super) fn text<'i>(&mut self, item: &'i Item) -> Result<std::borrow::Cow<'i, [u8]>> {
        if item.references.is_empty() {
            return Ok((&item.json).into());
        }
        let mut references = item.references.iter();
        let text = placeholder::rewrite(&item.json, &mut |_| {
            let reference =
                references.next().ok_or_else(|| crate::Error::invalid("json", "more places than attachments"))?;
            Ok(self.number(reference))
        })?;
        Ok(text.into())
    }
}

/// A chunk as it is read: whole texts, cut on demand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chunk {
    /// The attachments that the items use.
    pub references: Vec<Reference>,
    lengths: Vec<u32>,
    json: Vec<u8>,
}

impl Chunk {
    /// Puts items together.
    pub fn from_items<'i>(items: impl IntoIterator<Item = &'i Item>) -> Result<Self> {
        let mut table = Table::default();
        let mut lengths = Vec::new();
        let mut json = vec![b'['];
        for item in items {
            if !lengths.is_empty() {
                json.push(b',');
            }
            let text = table.text(item)?;
            lengths.push(text.len() as u32);
            json.extend_from_slice(&text);
        }
        json.push(b']');
        Ok(Self { references: table.references, lengths, json })
    }

    /// How many items it has.
    pub fn len(&self) -> u64 {
        self.lengths.len() as u64
    }

    /// Whether it has no items.
    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// Bytes of the items' texts, without brackets and commas.
    pub fn item_bytes(&self) -> u64 {
        self.lengths.iter().map(|&length| u64::from(length)).sum()
    }

    /// The items in `range` (counted within the chunk) as a JSON array text; what lies outside the chunk is left out.
    pub fn array(&self, range: Range<u64>) -> Vec<u8> {
        if range.start == 0 && range.end >= self.len() {
            return self.json.clone();
        }
        let mut out = vec![b'['];
        for text in
            self.texts().into_iter().skip(range.start as usize).take(range.end.saturating_sub(range.start) as usize)
        {
            if out.len() > 1 {
                out.push(b',');
            }
            out.extend_from_slice(text);
        }
        out.push(b']');
        out
    }

    /// The items' texts, as many as there are bytes for.
    fn texts(&self) -> Vec<&[u8]> {
        let mut texts = Vec::with_capacity(self.lengths.len());
        let mut at = 1;
        for &length in &self.lengths {
            let Some(text) = self.json.get(at..at + length as usize) else { break };
            texts.push(text);
            at += length as usize + 1;
        }
        texts
    }

    /// The items on their own.
    pub fn items(&self) -> Result<Vec<Item>> {
        let mut items = Vec::with_capacity(self.lengths.len());
        for text in self.texts() {
            items.push(Item::from_text(text, &self.references)?);
        }
        Ok(items)
    }

    /// Seals the chunk for its key.
    pub fn seal(&self, key: &Key) -> Result<Vec<u8>> {
        let place = Place { store: StoreName::Chunks, key };
        let mut out = Writer::default();
        out.many(&self.references);
        out.many(&self.lengths);
        out.fixed(&self.json);
        record::seal(place, Kind::Chunk, &out.into_bytes(), Compression::WhenSmaller)
    }

    /// Opens a record.
    pub fn open(key: &Key, record: &[u8]) -> Result<Self> {
        let place = Place { store: StoreName::Chunks, key };
        let mut payload = record::open(place, Kind::Chunk, record)?;
        let mut reader = Reader::new(&payload);
        let (references, lengths): (_, Vec<u32>) = (reader.many(), reader.many());
        let json = reader.rest().ok_or_else(|| place.corrupt("its header cannot be read"))?.len();
        payload.drain(..payload.len() - json);
        let commas = lengths.len().saturating_sub(1) as u64;
        let expected = lengths.iter().map(|&length| u64::from(length)).sum::<u64>() + commas + 2;
        let chunk = Self { references, lengths, json: payload };
        if chunk.json.len() as u64 != expected || chunk.json.first() != Some(&b'[') || chunk.json.last() != Some(&b']')
        {
            return Err(place.corrupt(format!("its items have {} bytes, its header says {expected}", chunk.json.len())));
        }
        Ok(chunk)
    }
}

/// The key of the chunk that starts with item `first`.
pub fn chunk_key(id: &str, list: &str, first: u64) -> Key {
    Key::new().text(id).text(list).number(first)
}

/// Session id, list and first item of a chunk's key.
pub fn parse_chunk_key(key: &Key) -> Result<(&str, &str, u64)> {
    let mut components = key.parse();
    Ok((components.text()?, components.text()?, components.number()?))
}

/// The keys of all chunks of a session.
pub fn chunk_range(id: &str) -> KeyRange {
    KeyRange::prefix(Key::new().text(id))
}

/// The keys of all chunks of one list.
pub fn list_range(id: &str, list: &str) -> KeyRange {
    KeyRange::prefix(Key::new().text(id).text(list))
}

/// Cuts items into chunks. Returns how many items each takes and whether it is sealed; only the last may be open.
pub fn split(items: &[Item], limits: ChunkLimits) -> Vec<(usize, bool)> {
    let mut pieces = Vec::new();
    let (mut count, mut bytes) = (0, 0);
    for item in items {
        let length = item.weight();
        if count > 0 && bytes + length > limits.bytes {
            pieces.push((count, true));
            (count, bytes) = (0, 0);
        }
        count += 1;
        bytes += length;
        if count >= limits.items || bytes >= limits.bytes {
            pieces.push((count, true));
            (count, bytes) = (0, 0);
        }
    }
    if count > 0 {
        pieces.push((count, false));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::sha256;

    fn reference(n: u8) -> Reference {
        Reference { hash: sha256(&[n]), size: 1, media_type: "image/png".into() }
    }

    fn item(text: &str, references: &[u8]) -> Item {
        Item { json: text.into(), references: references.iter().map(|&n| reference(n)).collect() }
    }

    #[test]
    fn a_chunk_keeps_its_items_and_shares_their_attachments() {
        let items = [
            item("1", &[]),
            item(r#"{"i":{"$attachment":0},"j":{"$attachment":1}}"#, &[7, 8]),
            item(r#"{"$attachment":0}"#, &[8]),
            item(r#""é""#, &[]),
        ];
        let key = chunk_key("s", "l", 0);
        let chunk = Chunk::from_items(&items).unwrap();
        assert_eq!(chunk.references, [reference(7), reference(8)]);
        let opened = Chunk::open(&key, &chunk.seal(&key).unwrap()).unwrap();
        assert_eq!(opened, chunk);
        assert_eq!(opened.items().unwrap(), items);
        let text = |range| String::from_utf8(opened.array(range)).unwrap();
        assert_eq!(text(0..9), r#"[1,{"i":{"$attachment":0},"j":{"$attachment":1}},{"$attachment":1},"é"]"#);
        assert_eq!(text(2..3), r#"[{"$attachment":1}]"#);
        assert_eq!(text(3..3), "[]");
        assert_eq!(text(9..12), "[]");
    }

    #[test]
    fn lengths_that_do_not_add_up_are_damage() {
        let key = chunk_key("s", "l", 0);
        let place = Place { store: StoreName::Chunks, key: &key };
        for lengths in [vec![], vec![9], vec![1, 1], vec![u32::MAX; 3]] {
            let mut payload = Writer::default();
            payload.many::<Reference>(&[]);
            payload.many::<u32>(&lengths);
            payload.fixed(b"[12]");
            let record = record::seal(place, Kind::Chunk, &payload.into_bytes(), Compression::Off).unwrap();
            assert_eq!(Chunk::open(&key, &record).unwrap_err().code(), "Corrupt");
        }
    }

    #[test]
    fn items_are_split_by_number_and_by_bytes() {
        let limits = ChunkLimits { items: 3, bytes: 10 };
        let items = |lengths: &[usize]| -> Vec<Item> { lengths.iter().map(|&n| item(&"1".repeat(n), &[])).collect() };
        assert!(split(&[], limits).is_empty());
        assert_eq!(split(&items(&[1, 1]), limits), [(2, false)]);
        assert_eq!(split(&items(&[1, 1, 1]), limits), [(3, true)]);
        assert_eq!(split(&items(&[1; 7]), limits), [(3, true), (3, true), (1, false)]);
        assert_eq!(split(&items(&[6, 6, 1]), limits), [(1, true), (2, false)]);
        assert_eq!(
            split(&items(&[40, 1]), limits),
            [(1, true), (1, false)],
            "an item above the limit has its own chunk"
        );
    }
}
