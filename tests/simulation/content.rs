//! What is written: everything is made from a number, a *token*, so that whatever is read back can be recognised and held
//! against what it must be.

use hoardb::blob::{Attachment, Hash, Reference, sha256};
use hoardb::store::{Document, Documents};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// Number of an attachment's content.
pub type Blob = u8;

/// Attachments with their own content; the last takes two parts.
pub const BLOBS: Blob = 7;

pub fn blob_size(blob: Blob) -> usize {
    match blob {
        0 => 0,
        n if n == BLOBS - 1 => (1 << 20) + 7,
        n => 100 + n as usize,
    }
}

pub fn blob_bytes(blob: Blob) -> Vec<u8> {
    vec![blob; blob_size(blob)]
}

pub fn blob_hash(blob: Blob) -> Hash {
    hashes()[blob as usize]
}

pub fn blob_of_hash(hash: &Hash) -> Option<Blob> {
    hashes().iter().position(|known| known == hash).map(|at| at as Blob)
}

fn hashes() -> &'static [Hash] {
    static HASHES: OnceLock<Vec<Hash>> = OnceLock::new();
    HASHES.get_or_init(|| (0..BLOBS).map(|blob| sha256(&blob_bytes(blob))).collect())
}

fn mix(token: u64) -> u64 {
    let mixed = (token ^ 0x5bd1_e995).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 16
}

/// The attachment that an item or a session's metadata has.
pub fn blob_of(token: u64) -> Option<Blob> {
    let mixed = mix(token);
    match mixed % 9 {
        0..3 => Some((mixed >> 8) as Blob % (BLOBS - 1)),
        3 if (mixed >> 8).is_multiple_of(100) => Some(BLOBS - 1),
        _ => None,
    }
}

fn item_json(token: u64, place: usize) -> String {
    let mixed = mix(token) >> 8;
    let padding = if mixed.is_multiple_of(16) { mixed >> 8 & 1023 } else { mixed >> 8 & 15 };
    let padding = "x".repeat(padding as usize);
    match blob_of(token) {
        Some(_) => format!(r#"{{"n":{token},"p":"{padding}","image":{{"$attachment":{place}}}}}"#),
        None => format!(r#"{{"n":{token},"p":"{padding}"}}"#),
    }
}

/// Which attachments go by their hash alone, and with the others their bytes.
pub type Stored<'a> = &'a dyn Fn(Blob) -> bool;

fn attachment(blob: Blob, stored: Stored<'_>) -> Attachment {
    match stored(blob) {
        true => Attachment::Stored(blob_hash(blob)),
        false => Attachment::Bytes { media_type: "image/png".into(), bytes: blob_bytes(blob) },
    }
}

pub fn bytes(blob: Blob) -> Attachment {
    attachment(blob, &|_| false)
}

/// Items with these tokens.
pub fn items(tokens: &[u64], stored: Stored<'_>) -> Documents {
    let mut documents = Documents::default();
    for &token in tokens {
        let text = item_json(token, documents.attachments.len());
        documents.lengths.push(text.len() as u32);
        documents.json.extend_from_slice(text.as_bytes());
        documents.attachments.extend(blob_of(token).map(|blob| attachment(blob, stored)));
    }
    documents
}

/// Metadata with these fields and this cover.
pub fn metadata(fields: &BTreeMap<&'static str, u64>, cover: Option<Blob>, stored: Stored<'_>) -> Document {
    let mut json: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    json.extend(cover.map(|_| r#""cover":{"$attachment":0}"#.to_owned()));
    Document {
        json: format!("{{{}}}", json.join(",")).into_bytes(),
        attachments: cover.iter().map(|&blob| attachment(blob, stored)).collect(),
    }
}

/// The names that fields of metadata have.
pub const FIELDS: [&str; 4] = ["v", "title", "at", "z"];

/// Reads metadata back.
pub fn parse_metadata(
    json: &[u8],
    references: &[Reference],
) -> Result<(BTreeMap<&'static str, u64>, Option<Blob>), String> {
    let text = String::from_utf8_lossy(json);
    let wrong = || format!("not metadata that anyone wrote: {text}");
    let (mut fields, mut cover) = (BTreeMap::new(), None);
    let value: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(json).map_err(|_| wrong())?;
    for (name, value) in value {
        if name == "cover" {
            cover = Some(referenced(value["$attachment"].as_u64().ok_or_else(wrong)?, references)?);
            continue;
        }
        let name = FIELDS.iter().find(|field| **field == name).ok_or_else(wrong)?;
        fields.insert(*name, value.as_u64().ok_or_else(wrong)?);
    }
    Ok((fields, cover))
}

fn referenced(place: u64, references: &[Reference]) -> Result<Blob, String> {
    let reference = references.get(place as usize).ok_or_else(|| format!("no attachment {place}"))?;
    let blob = blob_of_hash(&reference.hash).ok_or_else(|| format!("unknown attachment {}", reference.hash))?;
    if reference.size != blob_size(blob) as u64 {
        return Err(format!("attachment {blob} of {} bytes", reference.size));
    }
    Ok(blob)
}

/// Reads items back: the tokens of a JSON array of items. Each must be, byte for byte, what its token makes it.
pub fn parse_items(json: &[u8], references: &[Reference]) -> Result<Vec<u64>, String> {
    let text = std::str::from_utf8(json).map_err(|_| "not UTF-8".to_owned())?;
    let wrong = || format!("not items that anyone wrote: {text}");
    let mut rest = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).ok_or_else(wrong)?;
    let mut tokens = Vec::new();
    while !rest.is_empty() {
        let digits = rest.strip_prefix(r#"{"n":"#).and_then(|text| text.split(',').next()).ok_or_else(wrong)?;
        let token: u64 = digits.parse().map_err(|_| wrong())?;
        let place = match blob_of(token) {
            Some(blob) => {
                let place = rest.split(r#""$attachment":"#).nth(1).and_then(|text| text.split('}').next());
                let place: u64 = place.and_then(|place| place.parse().ok()).ok_or_else(wrong)?;
                if referenced(place, references)? != blob {
                    return Err(format!("item {token} has another's attachment"));
                }
                place
            }
            None => 0,
        };
        rest = rest.strip_prefix(item_json(token, place as usize).as_str()).ok_or_else(wrong)?;
        rest = rest.strip_prefix(',').unwrap_or(rest);
        tokens.push(token);
    }
    Ok(tokens)
}
