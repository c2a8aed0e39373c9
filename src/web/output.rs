//! What JavaScript gets: the core's answers as plain objects, bytes as copies outside the memory of wasm. Shapes are those of
//! `pkg/src/engine.ts`.

use crate::blob::Reference;
use crate::error::{Error, ErrorReport};
use crate::job::{Progress, Step};
use crate::store::{ChunkRead, ListLoad, ListStat, SessionPage, SessionRead};
use serde::Serialize;
use wasm_bindgen::prelude::*;

/// What is thrown or rejected with.
pub fn thrown(error: &Error) -> JsValue {
    object(&error.to_report())
}

/// A plain object, or an array of them.
pub fn object(value: &(impl Serialize + ?Sized)) -> JsValue {
    // What comes here has neither maps nor numbers above 2^53, the only things that could fail.
    value.serialize(&serde_wasm_bindgen::Serializer::new().serialize_missing_as_null(true)).unwrap_or(JsValue::NULL)
}

/// An attachment as it can be referred to.
pub fn attachment(reference: &Reference) -> JsValue {
    object(&AttachmentOut::from(reference))
}

/// Metadata texts, `null` for a missing session, and their attachments.
pub fn documents(sessions: &[Option<SessionRead>]) -> JsValue {
    let sessions = || sessions.iter().map(Option::as_ref);
    object(&DocumentsOut { json: &json(sessions()), tables: tables(sessions()) })
}

/// One page of a listing.
pub fn page(page: &SessionPage) -> JsValue {
    let sessions = || page.sessions.iter().map(Some);
    object(&PageOut {
        json: &json(sessions()),
        tables: tables(sessions()),
        damaged: page
            .damaged
            .iter()
            .map(|(id, error)| DamagedOut { id: id.as_str(), error: error.to_report() })
            .collect(),
        next: page.next.as_deref(),
    })
}

/// Chunks of a list.
pub fn chunks(chunks: &[ChunkRead]) -> JsValue {
    object(&chunks.iter().map(chunk).collect::<Vec<_>>())
}

fn chunk(chunk: &ChunkRead) -> ChunkOut<'_> {
    let ChunkRead { first, count, json, attachments, .. } = chunk;
    ChunkOut { first: *first, count: *count, json, attachments: table(attachments), error: chunk.error_report() }
}

/// A session with the beginning of its lists.
pub fn load(session: SessionRead, lists: &[ListLoad]) -> JsValue {
    let session = [Some(session)];
    let sessions = || session.iter().map(Option::as_ref);
    let lists = lists.iter().map(|ListLoad { stat: ListStat { name, items, chunks, bytes }, chunks: read }| ListOut {
        name,
        items: *items,
        chunks: *chunks,
        bytes: *bytes,
        read: read.iter().map(chunk).collect(),
    });
    object(&LoadOut {
        meta: DocumentsOut { json: &json(sessions()), tables: tables(sessions()) },
        lists: lists.collect(),
    })
}

/// A step of a job.
pub fn step<R: Serialize>(step: &Step<R>) -> JsValue {
    let (progress, report) = match step {
        Step::Running(progress) => (progress, None),
        Step::Done(progress, report) => (progress, Some(report)),
    };
    object(&StepOut { done: report.is_some(), progress, report })
}

#[derive(Serialize)]
struct AttachmentOut<'a> {
    hash: String,
    size: u64,
    #[serde(rename = "type")]
    media_type: &'a str,
}

#[derive(Serialize)]
struct DocumentsOut<'a> {
    #[serde(with = "serde_bytes")]
    json: &'a [u8],
    tables: Option<Vec<Table<'a>>>,
}

#[derive(Serialize)]
struct PageOut<'a> {
    #[serde(with = "serde_bytes")]
    json: &'a [u8],
    tables: Option<Vec<Table<'a>>>,
    damaged: Vec<DamagedOut<'a>>,
    next: Option<&'a str>,
}

#[derive(Serialize)]
struct DamagedOut<'a> {
    id: &'a str,
    error: ErrorReport,
}

#[derive(Serialize)]
struct ChunkOut<'a> {
    first: u64,
    count: u64,
    #[serde(with = "serde_bytes")]
    json: &'a [u8],
    attachments: Table<'a>,
    error: Option<ErrorReport>,
}

#[derive(Serialize)]
struct LoadOut<'a> {
    meta: DocumentsOut<'a>,
    lists: Vec<ListOut<'a>>,
}

#[derive(Serialize)]
struct ListOut<'a> {
    name: &'a str,
    items: u64,
    chunks: u64,
    bytes: u64,
    read: Vec<ChunkOut<'a>>,
}

#[derive(Serialize)]
struct StepOut<'a, R> {
    done: bool,
    progress: &'a Progress,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<&'a R>,
}

/// Entry n is what `{"$attachment":n}` stands for; `None` instead of an empty table.
type Table<'a> = Option<Vec<AttachmentOut<'a>>>;

impl<'a> From<&'a Reference> for AttachmentOut<'a> {
    fn from(reference: &'a Reference) -> Self {
        Self { hash: reference.hash.to_string(), size: reference.size, media_type: &reference.media_type }
    }
}

fn table(references: &[Reference]) -> Table<'_> {
    (!references.is_empty()).then(|| references.iter().map(AttachmentOut::from).collect())
}

/// `None` when no session has an attachment.
fn tables<'a>(sessions: impl Iterator<Item = Option<&'a SessionRead>>) -> Option<Vec<Table<'a>>> {
    let tables: Vec<Table<'a>> = sessions.map(|session| table(&session?.attachments)).collect();
    tables.iter().any(Option::is_some).then_some(tables)
}

/// The texts as the text of one array.
fn json<'a>(sessions: impl Iterator<Item = Option<&'a SessionRead>>) -> Vec<u8> {
    let mut json = vec![b'['];
    for (n, session) in sessions.enumerate() {
        if n > 0 {
            json.push(b',');
        }
        json.extend_from_slice(session.map_or(b"null", |session| &session.json));
    }
    json.push(b']');
    json
}
