//! What JavaScript hands in, as the core's types. Shapes are those of `pkg/src/engine.ts`.

use crate::backend::Durability;
use crate::blob::{Attachment, CollectOptions, Hash};
use crate::cache::CacheOptions;
use crate::error::{Error, Result};
use crate::session::{ChunkLimits, Id, ListName};
use crate::store::{Document, Documents, IndexChoice, Invalidation, ListQuery, Options, VerifyOptions};
use js_sys::{Array, JsString, Reflect, Uint8Array, Uint32Array};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(typescript_type = "EngineOptions")]
    pub type EngineOptionsInput;
    #[wasm_bindgen(typescript_type = "ListQuery")]
    pub type ListQueryInput;
    #[wasm_bindgen(typescript_type = "CollectOptions")]
    pub type CollectOptionsInput;
    #[wasm_bindgen(typescript_type = "VerifyOptions")]
    pub type VerifyOptionsInput;

    /// A `Document` or `Documents`; the latter has lengths.
    #[wasm_bindgen(typescript_type = "Document")]
    pub type DocumentInput;
    #[wasm_bindgen(typescript_type = "Documents")]
    #[derive(Clone)]
    pub type DocumentsInput;
    #[wasm_bindgen(method, getter)]
    fn json(this: &DocumentInput) -> JsValue;
    #[wasm_bindgen(method, getter)]
    fn attachments(this: &DocumentInput) -> JsValue;
    #[wasm_bindgen(method, getter)]
    fn lengths(this: &DocumentsInput) -> JsValue;

    #[wasm_bindgen(typescript_type = "AttachmentInput")]
    pub type AttachmentInput;
    #[wasm_bindgen(method, getter)]
    fn hash(this: &AttachmentInput) -> JsValue;
    #[wasm_bindgen(method, getter)]
    fn bytes(this: &AttachmentInput) -> JsValue;
    #[wasm_bindgen(method, getter, js_name = type)]
    fn media_type(this: &AttachmentInput) -> JsValue;

    #[wasm_bindgen(typescript_type = "ListInput[]")]
    pub type ListInputs;
    type ListInput;
    #[wasm_bindgen(method, getter)]
    fn name(this: &ListInput) -> JsValue;
    #[wasm_bindgen(method, getter)]
    fn items(this: &ListInput) -> DocumentsInput;

    #[wasm_bindgen(typescript_type = "string[]")]
    pub type Texts;

    #[wasm_bindgen(typescript_type = "(event: EngineEvent) => void")]
    pub type ReportInput;
    #[wasm_bindgen(typescript_type = "LoadIndex")]
    pub type LoadIndexInput;
    #[wasm_bindgen(typescript_type = "CacheTarget | null")]
    pub type InvalidateInput;
}

/// A small object. A field that is undefined or null was not given.
struct Fields<'v> {
    argument: &'static str,
    object: &'v JsValue,
}

impl<'v> Fields<'v> {
    fn of(argument: &'static str, object: &'v JsValue) -> Result<Self> {
        if object.is_object() {
            Ok(Self { argument, object })
        } else {
            Err(Error::invalid(argument, "it is an object"))
        }
    }

    fn get<T>(&self, name: &str, kind: &str, read: impl FnOnce(&JsValue) -> Option<T>) -> Result<Option<T>> {
        let value = Reflect::get(self.object, &name.into()).unwrap_or_default();
        if value.is_undefined() || value.is_null() {
            return Ok(None);
        }
        let wrong = || Error::invalid(self.argument, format!("{name} is {kind}"));
        read(&value).map(Some).ok_or_else(wrong)
    }

    fn text(&self, name: &str) -> Result<Option<String>> {
        self.get(name, "a string", JsValue::as_string)
    }

    fn flag(&self, name: &str) -> Result<bool> {
        self.get(name, "true or false", JsValue::as_bool).map(Option::unwrap_or_default)
    }

    fn whole(&self, name: &'static str) -> Result<Option<u64>> {
        self.get(name, "a whole number from 0 on", |value| whole(name, value.as_f64()?).ok())
    }

    fn size(&self, name: &'static str) -> Result<Option<usize>> {
        Ok(self.whole(name)?.map(|size| usize::try_from(size).unwrap_or(usize::MAX)))
    }
}

/// The database's name, the store's options but for what is indexed, and the JSON that says this if it is something else than before.
pub fn engine_options(value: &JsValue) -> Result<(String, Options, Option<String>)> {
    let given = Fields::of("options", value)?;
    let defaults = Options::default();
    let durability = match given.text("durability")?.as_deref() {
        None => defaults.durability,
        Some("relaxed") => Durability::Relaxed,
        Some("strict") => Durability::Strict,
        Some(_) => return Err(Error::invalid("options", "durability is relaxed or strict")),
    };
    let options = Options {
        durability,
        chunk: ChunkLimits {
            items: given.size("chunkItems")?.unwrap_or(defaults.chunk.items),
            bytes: given.size("chunkBytes")?.unwrap_or(defaults.chunk.bytes),
        },
        grace_ms: given.whole("graceMs")?.unwrap_or(defaults.grace_ms),
        writer: given.text("writer")?.map(|writer| self::writer(&writer)).transpose()?,
        expected: given.flag("expected")?,
        cache: CacheOptions {
            bytes_max: given.size("cacheBytes")?.unwrap_or(defaults.cache.bytes_max),
            ttl_ms: given.whole("cacheTtlMs")?.unwrap_or(defaults.cache.ttl_ms),
        },
        index: IndexChoice::Stored,
    };
    let name = given.text("name")?.ok_or_else(|| Error::invalid("options", "name is a string"))?;
    Ok((name, options, given.text("index")?))
}

fn writer(text: &str) -> Result<u128> {
    let number = u128::from_str_radix(text, 16).ok().filter(|_| text.len() == 32);
    number.ok_or_else(|| Error::invalid("options", "writer is 32 hexadecimal digits"))
}

/// What to forget; everything if it is null.
pub fn invalidate(value: &JsValue) -> Result<Invalidation> {
    if value.is_null() || value.is_undefined() {
        return Ok(Invalidation::All);
    }
    let given = Fields::of("target", value)?;
    if let Some(id) = given.text("id")? {
        return Ok(Invalidation::Session(Id::new(id)?));
    }
    if let Some(prefix) = given.text("prefix")? {
        return Ok(Invalidation::Prefix(prefix));
    }
    let pattern = given.text("pattern")?;
    pattern.map(Invalidation::Pattern).ok_or_else(|| Error::invalid("target", "id, prefix or pattern is needed"))
}

/// The ids among these texts.
pub fn known_ids(texts: &Texts) -> Vec<Id> {
    let mut ids = Vec::new();
    for text in Array::from(texts).iter() {
        ids.extend(text.as_string().and_then(|text| Id::new(text).ok()));
    }
    ids
}

/// Which sessions to list.
pub fn list_query(value: &JsValue) -> Result<ListQuery> {
    let given = Fields::of("query", value)?;
    Ok(ListQuery {
        order_by: given.text("orderBy")?,
        reverse: given.flag("reverse")?,
        limit: given.size("limit")?.ok_or_else(|| Error::invalid("query", "limit is a number"))?,
        after: given.text("after")?,
    })
}

/// What to collect.
pub fn collect_options(value: &JsValue) -> Result<CollectOptions> {
    let given = Fields::of("options", value)?;
    Ok(CollectOptions { dry_run: given.flag("dryRun")?, grace_ms: given.whole("graceMs")? })
}

/// What to verify.
pub fn verify_options(value: &JsValue) -> Result<VerifyOptions> {
    let given = Fields::of("options", value)?;
    Ok(VerifyOptions { full: given.flag("full")?, repair: given.flag("repair")? })
}

/// A text; `None` when it is no string or holds a lone surrogate, which would silently become another character.
fn text(value: &JsValue) -> Option<String> {
    let string = value.dyn_ref::<JsString>()?;
    let text = String::from(string);
    // A replacement character may be the caller's own, so only then is the string looked at unit by unit.
    (!text.contains(char::REPLACEMENT_CHARACTER) || string.is_valid_utf16()).then_some(text)
}

fn name(argument: &'static str, value: &JsValue) -> Result<String> {
    text(value).ok_or_else(|| Error::InvalidId { argument, problem: "it is not a well-formed string".into() }.into())
}

/// A session's id.
pub fn id(value: &JsValue) -> Result<Id> {
    Id::new(name("session id", value)?)
}

/// Several sessions' ids.
pub fn ids(value: &Texts) -> Result<Vec<Id>> {
    each("ids", value, id)
}

/// A list's name.
pub fn list_name(value: &JsValue) -> Result<ListName> {
    ListName::new(name("list name", value)?)
}

/// Several lists' names.
pub fn list_names(value: &Texts) -> Result<Vec<ListName>> {
    each("lists", value, list_name)
}

/// Names of metadata fields. One that is not a well-formed string names no field that could be stored.
pub fn field_names(value: &Texts) -> Result<Vec<String>> {
    let names = each("remove", value, |value| Ok(text(value)))?;
    Ok(names.into_iter().flatten().collect())
}

/// A hash in hexadecimal digits.
pub fn hash(value: &JsValue) -> Result<Hash> {
    Hash::parse(&text(value).unwrap_or_default())
}

/// A whole number from 0 to 2^53 that counts or addresses something.
pub fn whole(argument: &'static str, value: f64) -> Result<u64> {
    const MAX: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && (0.0..=MAX).contains(&value) {
        Ok(value as u64)
    } else {
        Err(Error::invalid(argument, "it is a whole number from 0 on"))
    }
}

/// The same, or `Infinity` for no end.
pub fn end(argument: &'static str, value: f64) -> Result<u64> {
    if value == f64::INFINITY { Ok(u64::MAX) } else { whole(argument, value) }
}

/// What `read` makes of the elements of an array.
fn each<T>(argument: &'static str, value: &JsValue, read: fn(&JsValue) -> Result<T>) -> Result<Vec<T>> {
    let array = value.dyn_ref::<Array>().ok_or_else(|| Error::invalid(argument, "it is an array"))?;
    let mut all = Vec::with_capacity(array.length() as usize);
    for value in array.iter() {
        all.push(read(&value)?);
    }
    Ok(all)
}

fn bytes(argument: &'static str, value: &JsValue) -> Result<Vec<u8>> {
    match value.dyn_ref::<Uint8Array>() {
        Some(bytes) => Ok(bytes.to_vec()),
        None => Err(Error::invalid(argument, "it is a Uint8Array")),
    }
}

/// One attachment: its bytes, or the hash of one that is stored.
pub fn attachment(value: &AttachmentInput) -> Result<Attachment> {
    let given = value.hash();
    if !given.is_undefined() {
        return hash(&given).map(Attachment::Stored);
    }
    let media_type = text(&value.media_type()).ok_or_else(|| Error::invalid("type", "it is a string"))?;
    Ok(Attachment::Bytes { media_type, bytes: bytes("bytes", &value.bytes())? })
}

fn attachments(value: &JsValue) -> Result<Vec<Attachment>> {
    each("attachments", value, |value| attachment(value.unchecked_ref()))
}

/// A JSON text and its attachments.
pub fn document(value: &DocumentInput) -> Result<Document> {
    Ok(Document { json: bytes("json", &value.json())?, attachments: attachments(&value.attachments())? })
}

/// Several JSON texts and their attachments.
pub fn documents(value: &DocumentsInput) -> Result<Documents> {
    let lengths = value.lengths();
    let lengths = lengths.dyn_ref::<Uint32Array>().ok_or_else(|| Error::invalid("lengths", "it is a Uint32Array"))?;
    let Document { json, attachments } = document(value.unchecked_ref())?;
    Ok(Documents { json, lengths: lengths.to_vec(), attachments })
}

/// The lists of a session that is saved whole.
pub fn lists(value: &ListInputs) -> Result<Vec<(ListName, Documents)>> {
    each("lists", value, |value| {
        let input: &ListInput = value.unchecked_ref();
        Ok((list_name(&input.name())?, documents(&input.items())?))
    })
}
