//! What JavaScript gets: the core's answers as plain objects, bytes as copies outside the memory of wasm. Shapes are those of
//! `pkg/src/engine.ts`.
//!
//! The objects are built field by field. A serialiser (serde-wasm-bindgen) is compiled anew for every shape, and cost some KB
//! of wasm after brotli for what stands here (ARCHITECTURE.md).

use super::engine::Store;
use crate::blob::{CollectReport, Reference};
use crate::error::{Error, ErrorReport};
use crate::event::{Change, Event, What};
use crate::index::{self, Facet, Request, Suggestion};
use crate::job::{Progress, Step};
use crate::store::{
    AttachmentStat, ChunkRead, Finding, HousekeepingReport, IndexStats, ListLoad, ListStat, OptimizeReport,
    ReindexReport, SearchResult, SessionPage, SessionRead, Shown, Stats, VerifyReport,
};
use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// A plain object.
    #[wasm_bindgen(js_name = Object)]
    type Plain;
    #[wasm_bindgen(constructor, js_class = Object)]
    fn new() -> Plain;
    #[wasm_bindgen(method, indexing_setter)]
    fn set_text(this: &Plain, name: &str, value: &str);
    #[wasm_bindgen(method, indexing_setter)]
    fn set_number(this: &Plain, name: &str, value: f64);
    #[wasm_bindgen(method, indexing_setter)]
    fn set_flag(this: &Plain, name: &str, value: bool);
    #[wasm_bindgen(method, indexing_setter)]
    fn set_value(this: &Plain, name: &str, value: &JsValue);
}

/// An object under construction.
struct Object(Plain);

impl Object {
    fn new() -> Self {
        Self(Plain::new())
    }

    fn text(self, name: &str, value: &str) -> Self {
        self.0.set_text(name, value);
        self
    }

    /// Sizes and counts, none above 2^53.
    fn number(self, name: &str, value: u64) -> Self {
        self.0.set_number(name, value as f64);
        self
    }

    fn flag(self, name: &str, value: bool) -> Self {
        self.0.set_flag(name, value);
        self
    }

    fn value(self, name: &str, value: &JsValue) -> Self {
        self.0.set_value(name, value);
        self
    }

    fn done(self) -> JsValue {
        self.0.into()
    }
}

/// An array of what `each` makes of the elements.
fn array<T>(elements: &[T], each: fn(&T) -> JsValue) -> JsValue {
    let array = Array::new();
    for element in elements {
        array.push(&each(element));
    }
    array.into()
}

/// What is thrown or rejected with.
pub fn thrown(error: &Error) -> JsValue {
    let ErrorReport { code, message, retryable, needs_reload, at, length } = error.to_report();
    let mut error = Object::new().text("code", code).text("message", &message);
    error = error.flag("retryable", retryable).flag("needsReload", needs_reload);
    for (name, number) in [("at", at), ("length", length)] {
        if let Some(number) = number {
            error = error.number(name, number as u64);
        }
    }
    error.done()
}

/// An attachment as it can be referred to.
pub fn attachment(reference: &Reference) -> JsValue {
    let Reference { hash, size, media_type } = reference;
    Object::new().text("hash", &hash.to_string()).number("size", *size).text("type", media_type).done()
}

/// Entry n is what `{"$attachment":n}` stands for; `null` instead of an empty table.
fn table(references: &[Reference]) -> JsValue {
    if references.is_empty() { JsValue::NULL } else { array(references, attachment) }
}

/// The texts as the text of one array, and the tables of their attachments; `null` for a session that is missing.
fn with_documents(object: Object, sessions: &[Option<&SessionRead>]) -> Object {
    let mut json = vec![b'['];
    let mut attachments = false;
    for session in sessions {
        if json.len() > 1 {
            json.push(b',');
        }
        json.extend_from_slice(session.map_or(b"null", |session| &session.json));
        attachments |= session.is_some_and(|session| !session.attachments.is_empty());
    }
    json.push(b']');
    let tables = if attachments {
        array(sessions, |session| session.map_or(JsValue::NULL, |session| table(&session.attachments)))
    } else {
        JsValue::NULL
    };
    object.value("json", &Uint8Array::from(json.as_slice())).value("tables", &tables)
}

/// Metadata texts and their attachments.
pub fn documents(sessions: &[Option<SessionRead>]) -> JsValue {
    let sessions: Vec<_> = sessions.iter().map(Option::as_ref).collect();
    with_documents(Object::new(), &sessions).done()
}

/// One page of a listing.
pub fn page(page: &SessionPage) -> JsValue {
    let sessions: Vec<_> = page.sessions.iter().map(Some).collect();
    let damaged =
        array(&page.damaged, |(id, error)| Object::new().text("id", id.as_str()).value("error", &thrown(error)).done());
    let next = page.next.as_deref().map_or(JsValue::NULL, JsValue::from_str);
    with_documents(Object::new(), &sessions).value("damaged", &damaged).value("next", &next).done()
}

/// Chunks of a list.
pub fn chunks(chunks: &[ChunkRead]) -> JsValue {
    array(chunks, |ChunkRead { first, count, json, attachments, error }| {
        let chunk = Object::new().number("first", *first).number("count", *count);
        let chunk = chunk.value("json", &Uint8Array::from(json.as_slice())).value("attachments", &table(attachments));
        chunk.value("error", &error.as_ref().map_or(JsValue::NULL, |error| thrown(error))).done()
    })
}

fn list(stat: &ListStat) -> Object {
    let ListStat { name, items, chunks, bytes } = stat;
    Object::new().text("name", name).number("items", *items).number("chunks", *chunks).number("bytes", *bytes)
}

/// Lists of a session.
pub fn lists(stats: &[ListStat]) -> JsValue {
    array(stats, |stat| list(stat).done())
}

/// A session with the beginning of its lists.
pub fn load(session: &SessionRead, lists: &[ListLoad]) -> JsValue {
    let lists = array(lists, |ListLoad { stat, chunks: read }| list(stat).value("read", &chunks(read)).done());
    let meta = with_documents(Object::new(), &[Some(session)]).done();
    Object::new().value("meta", &meta).value("lists", &lists).done()
}

/// What is known of an attachment.
pub fn attachment_stat(stat: &AttachmentStat) -> JsValue {
    let AttachmentStat { hash, size, media_type, stored_size, encoding, references } = stat;
    let stat = Object::new().text("hash", hash).number("size", *size).text("type", media_type);
    stat.number("storedSize", *stored_size).text("encoding", encoding).number("references", *references).done()
}

/// What a search found.
pub fn search(request: &Request, result: &SearchResult) -> JsValue {
    let SearchResult { found, sessions, snippets, incomplete } = result;
    let object = Object::new().number("total", found.total).flag("cut", found.cut).flag("incomplete", *incomplete);
    let ids = array(&found.hits, |hit| JsValue::from_str(&hit.session));
    let scores = array(&found.hits, |hit| JsValue::from_f64(hit.score.into()));
    let at = array(&found.hits, |hit| match &hit.at {
        Some((list, index)) => Object::new().text("list", list).number("index", *index).done(),
        None => JsValue::NULL,
    });
    let meta = if request.sessions { documents(sessions) } else { JsValue::NULL };
    let shown = match request.snippets {
        Some(_) => array(snippets, |shown| array(shown, snippet)),
        None => JsValue::NULL,
    };
    let facets = array(&found.facets, |Facet { field, values, others }| {
        let object = Object::new().text("field", field).number("others", *others);
        let names = array(values, |(value, _)| JsValue::from_str(value));
        object.value("values", &names).value("counts", &array(values, |(_, count)| (*count as f64).into())).done()
    });
    let problems = array(&request.problems, |problem| {
        let object = Object::new().text("code", problem.reason.code()).text("message", &problem.to_string());
        object.number("at", problem.at as u64).number("length", problem.units as u64).done()
    });
    let object = object.value("ids", &ids).value("scores", &scores).value("at", &at).value("meta", &meta);
    object.value("snippets", &shown).value("facets", &facets).value("problems", &problems).done()
}

fn snippet(shown: &Shown) -> JsValue {
    let Shown { field, at, text, highlights } = shown;
    let mut object = Object::new().text("field", field).text("text", text);
    if let Some((list, index)) = at {
        object = object.text("list", list).number("index", *index);
    }
    let places = Array::new();
    for (start, end) in highlights {
        places.push(&(*start as f64).into());
        places.push(&(*end as f64).into());
    }
    object.value("highlights", &places).done()
}

/// Completions of a text.
pub fn suggestions(suggestions: &[Suggestion]) -> JsValue {
    array(suggestions, |Suggestion { text, count }| Object::new().text("text", text).number("count", *count).done())
}

fn index_stats(stats: &IndexStats) -> JsValue {
    let IndexStats { schema, figures: index, stored_bytes, building } = stats;
    let object = figures(&[
        ("sessions", index.sessions),
        ("entries", index.entries),
        ("deleted", index.dead),
        ("segments", index.segments.len() as u64),
        ("bytes", *stored_bytes),
        ("memory", index.memory),
    ]);
    let fields = array(schema.fields(), |field| {
        let mut object = Object::new().text("name", &field.name).text("kind", field.kind.as_str());
        if let Some(list) = &field.list {
            object = object.text("list", list);
        }
        if let index::Kind::Text { analyser, .. } = &field.kind {
            object = object.text("analyser", &analyser.name);
        }
        object.done()
    });
    object.flag("building", *building).value("fields", &fields).done()
}

/// An object of figures.
fn figures(figures: &[(&str, u64)]) -> Object {
    let mut object = Object::new();
    for (name, figure) in figures {
        object = object.number(name, *figure);
    }
    object
}

/// What happened, as whoever opened the engine is told.
pub fn event(event: &Event) -> JsValue {
    let object = Object::new();
    match event {
        Event::Committed { generation, changes } => {
            object.text("type", "committed").number("generation", *generation).value("changes", &array(changes, change))
        }
        Event::Full { error, waiting } => {
            object.text("type", "full").number("waiting", *waiting).value("error", &thrown(error))
        }
        Event::Blocked { error } => object.text("type", "blocked").value("error", &thrown(error)),
        Event::Room => object.text("type", "room"),
        Event::Unrecorded { seqs } => {
            object.text("type", "unrecorded").value("seqs", &array(seqs, |seq| JsValue::from(*seq as f64)))
        }
        Event::Healed { cause } => object.text("type", "healed").text("cause", &cause.to_string()),
        Event::Failed { error } => object.text("type", "failed").number("seq", 0).value("error", &thrown(error)),
    }
    .done()
}

fn change(Change { session, what }: &Change) -> JsValue {
    let object = Object::new().text("session", session.as_str());
    match what {
        What::Metadata => object.text("kind", "metadata"),
        What::Deleted => object.text("kind", "deleted"),
        What::Saved => object.text("kind", "saved"),
        What::Appended { list, from, to } => {
            object.text("kind", "appended").text("list", list.as_str()).number("from", *from).number("to", *to)
        }
        What::Set { list, index } => {
            let object = object.text("kind", "set").text("list", list.as_str());
            object.number("from", *index).number("to", *index + 1)
        }
    }
    .done()
}

/// Totals of the store, and how its engine is doing.
pub fn stats(stats: &Stats, index: Option<&IndexStats>, store: &Store) -> JsValue {
    let queue = store.queue();
    let queue = figures(&[
        ("waiting", queue.waiting),
        ("bytes", queue.bytes),
        ("kept", queue.kept),
        ("accepted", queue.accepted),
        ("operations", queue.answered),
        ("transactions", store.transactions()),
        ("longestWaitMs", queue.longest_wait_ms),
    ]);
    let cache = store.cache();
    let rate = JsValue::from(cache.hit_rate);
    let cache = figures(&[
        ("entries", cache.entries as u64),
        ("bytes", cache.bytes as u64),
        ("bytesMax", cache.bytes_max as u64),
        ("dirty", cache.dirty as u64),
        ("hits", cache.hits),
        ("misses", cache.misses),
        ("evictions", cache.evictions),
        ("expirations", cache.expirations),
        ("oldestMs", cache.oldest_ms),
        ("averageAgeMs", cache.average_age_ms),
        ("recommendedBytes", cache.recommended_bytes as u64),
    ])
    .value("hitRate", &rate);
    figures(&[
        ("sessions", stats.sessions),
        ("items", stats.items),
        ("chunks", stats.chunks),
        ("attachments", stats.attachments),
        ("logicalBytes", stats.logical_bytes),
        ("storedBytes", stats.stored_bytes),
        ("jsonBytes", stats.json_bytes),
        ("jsonStoredBytes", stats.json_stored_bytes),
        ("attachmentBytes", stats.attachment_bytes),
        ("attachmentStoredBytes", stats.attachment_stored_bytes),
        ("referencedBytes", stats.referenced_bytes),
        ("savedByDeduplication", stats.saved_by_deduplication),
        ("savedByCompression", stats.saved_by_compression),
        ("generation", stats.generation),
    ])
    .text("storeId", &format!("{:032x}", stats.store_id))
    .value("queue", &queue.done())
    .value("cache", &cache.done())
    .value("index", &index.map_or(JsValue::UNDEFINED, index_stats))
    .done()
}

/// A job's report.
pub trait Report {
    /// As a plain object.
    fn to_object(&self) -> JsValue;
}

impl Report for CollectReport {
    fn to_object(&self) -> JsValue {
        let Self { dry_run, marked, attachments, bytes, uploads } = self;
        let report = Object::new().flag("dryRun", *dry_run).number("marked", *marked);
        report.number("attachments", *attachments).number("bytes", *bytes).number("uploads", *uploads).done()
    }
}

impl Report for VerifyReport {
    fn to_object(&self) -> JsValue {
        let Self { full, clean, sessions, chunks, attachments, findings, findings_left_out } = self;
        let findings = array(findings, |Finding { code, record, problem, repaired }| {
            let finding = Object::new().text("code", code).text("record", record).text("problem", problem);
            finding.flag("repaired", *repaired).done()
        });
        let report = Object::new().flag("full", *full).flag("clean", *clean);
        let report = report.number("sessions", *sessions).number("chunks", *chunks).number("attachments", *attachments);
        report.value("findings", &findings).number("findingsLeftOut", *findings_left_out).done()
    }
}

impl Report for HousekeepingReport {
    fn to_object(&self) -> JsValue {
        let Self { collected, merged, forgotten } = self;
        let report = Object::new().value("collected", &collected.to_object());
        report.number("merged", *merged).number("forgotten", *forgotten).done()
    }
}

impl Report for OptimizeReport {
    fn to_object(&self) -> JsValue {
        let Self { segments_before, segments_after, bytes_before, bytes_after } = self;
        let report = Object::new().number("segmentsBefore", *segments_before).number("segmentsAfter", *segments_after);
        report.number("bytesBefore", *bytes_before).number("bytesAfter", *bytes_after).done()
    }
}

impl Report for ReindexReport {
    fn to_object(&self) -> JsValue {
        let Self { sessions, items, segments, bytes } = self;
        let report = Object::new().number("sessions", *sessions).number("items", *items);
        report.number("segments", *segments).number("bytes", *bytes).done()
    }
}

/// A step of a job.
pub fn step<R: Report>(step: &Step<R>) -> JsValue {
    let (Progress { phase, done, total, unit }, report) = match step {
        Step::Running(progress) => (progress, None),
        Step::Done(progress, report) => (progress, Some(report.to_object())),
    };
    let progress = Object::new().text("phase", phase).number("done", *done).number("total", *total).text("unit", unit);
    let step = Object::new().flag("done", report.is_some()).value("progress", &progress.done());
    match report {
        Some(report) => step.value("report", &report).done(),
        None => step.done(),
    }
}
