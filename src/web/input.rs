//! What JavaScript hands in, as the core's types. Shapes are those of `pkg/src/engine.ts`.

use crate::backend::Durability;
use crate::blob::{Attachment, Hash};
use crate::error::{Error, Result};
use crate::session::{ChunkLimits, Id, ListName};
use crate::store::{Document, Documents, Options};
use js_sys::{Array, JsString, Uint8Array, Uint32Array};
use serde::Deserialize;
use serde::de::DeserializeOwned;
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
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EngineOptions {
    name: String,
    durability: Option<DurabilityOption>,
    chunk_items: Option<usize>,
    chunk_bytes: Option<usize>,
    grace_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum DurabilityOption {
    Relaxed,
    Strict,
}

/// A small object by its fields.
pub fn object<T: DeserializeOwned>(argument: &'static str, value: impl Into<JsValue>) -> Result<T> {
    serde_wasm_bindgen::from_value(value.into()).map_err(|error| Error::invalid(argument, error.to_string()))
}

/// The database's name and the store's options.
pub fn engine_options(value: EngineOptionsInput) -> Result<(String, Options)> {
    let given: EngineOptions = object("options", value)?;
    let defaults = Options::default();
    let options = Options {
        durability: given.durability.map_or(defaults.durability, |durability| match durability {
            DurabilityOption::Relaxed => Durability::Relaxed,
            DurabilityOption::Strict => Durability::Strict,
        }),
        chunk: ChunkLimits {
            items: given.chunk_items.unwrap_or(defaults.chunk.items),
            bytes: given.chunk_bytes.unwrap_or(defaults.chunk.bytes),
        },
        grace_ms: given.grace_ms.unwrap_or(defaults.grace_ms),
    };
    Ok((given.name, options))
}

/// A text; `None` when it is no string or holds a lone surrogate, which would silently become another character.
fn text(value: &JsValue) -> Option<String> {
    let string = value.dyn_ref::<JsString>()?;
    let text = String::from(string);
    // A replacement character may be the caller's own, so only then is the string looked at unit by unit.
    (!text.contains(char::REPLACEMENT_CHARACTER) || string.is_valid_utf16()).then_some(text)
}

fn name(argument: &'static str, value: &JsValue) -> Result<String> {
    text(value).ok_or_else(|| Error::InvalidId { argument, problem: "it is not a well-formed string".into() })
}

/// A session's id.
pub fn id(value: &JsValue) -> Result<Id> {
    Id::new(name("session id", value)?)
}

/// Several sessions' ids.
pub fn ids(value: &Texts) -> Result<Vec<Id>> {
    array("ids", value)?.iter().map(|value| id(&value)).collect()
}

/// A list's name.
pub fn list_name(value: &JsValue) -> Result<ListName> {
    ListName::new(name("list name", value)?)
}

/// Several lists' names.
pub fn list_names(value: &Texts) -> Result<Vec<ListName>> {
    array("lists", value)?.iter().map(|value| list_name(&value)).collect()
}

/// Names of metadata fields. One that is not a well-formed string names no field that could be stored.
pub fn field_names(value: &Texts) -> Result<Vec<String>> {
    Ok(array("remove", value)?.iter().filter_map(|value| text(&value)).collect())
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

fn array<'v>(argument: &'static str, value: &'v JsValue) -> Result<&'v Array> {
    value.dyn_ref::<Array>().ok_or_else(|| Error::invalid(argument, "it is an array"))
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
    array("attachments", value)?.iter().map(|value| attachment(value.unchecked_ref())).collect()
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
    let list = |value: JsValue| {
        let input: &ListInput = value.unchecked_ref();
        Ok((list_name(&input.name())?, documents(&input.items())?))
    };
    array("lists", value)?.iter().map(list).collect()
}
