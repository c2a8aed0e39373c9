//! The engine as JavaScript sees it. Each method converts its arguments, calls the core, and converts the answer.
//!
//! Writes are accepted in the order of the calls, before the call returns; the promise tells when they are committed. The
//! first write of a turn schedules the queue to be emptied at the end of that turn, so that all writes of a turn share a
//! transaction.

use super::host::Browser;
use super::indexed_db::IndexedDb;
use super::input::{
    self, AttachmentInput, CollectOptionsInput, DocumentInput, DocumentsInput, EngineOptionsInput, InvalidateInput,
    ListInputs, ListQueryInput, LoadIndexInput, ReportInput, Texts, VerifyOptionsInput,
};
use super::job::Job;
use super::output::{self, thrown};
use super::warm::{warm_up, warm_up_reading};
use crate::blob::PartSet;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::host::Host;
use crate::index;
use crate::queue::{Ack, Terms};
use crate::store::{self, IndexChoice, Ownership, Write, Written};
use futures_lite::future::zip;
use js_sys::{JsString, Promise, Uint8Array};
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{future_to_promise, spawn_local};

/// How often what is kept is tried again, in milliseconds.
const RETRY_MS: i32 = 2000;

/// The core on what a browser has.
pub type Store = store::Store<IndexedDb, Browser>;

// The shapes are those that the package declares, in one place.
#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
import type {
  Attachment, AttachmentInput, AttachmentStat, ChunkOut, CollectOptions, Document, Documents, DocumentsOut,
  CacheTarget, EngineEvent, EngineOptions, EngineStats, JobStep, ListInput, ListQuery, ListStat, LoadIndex, SearchOut, SessionLoad,
  SessionPage, SuggestionOut, VerifyOptions,
} from "../engine.js";
"#;

/// An open hoard.
#[wasm_bindgen]
pub struct Engine {
    store: Rc<Store>,
    draining: Rc<Cell<bool>>,
    retrying: Rc<Cell<bool>>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl Engine {
    /// Accepts a write now, and promises its answer.
    fn write(&self, write: Result<Write>, terms: Terms, answer: fn(Written) -> JsValue) -> Promise {
        let receipt = write.map(|write| self.store.submit_as(write, terms));
        if !self.draining.replace(true) {
            let (store, draining) = (Rc::clone(&self.store), Rc::clone(&self.draining));
            let retrying = Rc::clone(&self.retrying);
            spawn_local(async move {
                draining.set(false);
                store.drain().await;
                tend(&store);
                retry(store, retrying).await;
            });
        }
        promise(Box::pin(async move { receipt?.answer().await.map(answer) }))
    }

    /// Promises the answer of anything else, if its arguments can be read.
    fn call<A, F: Future<Output = Result<JsValue>> + 'static>(
        &self,
        arguments: Result<A>,
        call: impl FnOnce(Rc<Store>, A) -> F,
    ) -> Promise {
        match arguments {
            Ok(arguments) => promise(Box::pin(call(Rc::clone(&self.store), arguments))),
            Err(error) => Promise::reject(&thrown(&error)),
        }
    }
}

/// Lets the index be tended, if there is anything to do, while others go on.
fn tend(store: &Rc<Store>) {
    if store.is_to_tend() {
        let store = Rc::clone(store);
        spawn_local(async move {
            // Whatever keeps it from being done now, it is tried again after the next write or search.
            let _ = store.tend().await;
        });
    }
}

/// What is to be indexed. Where options cannot be read for want of the index's code, it is left as it is.
async fn index_choice(json: Option<String>, browser: &Browser) -> Result<IndexChoice> {
    Ok(match json.as_deref() {
        None => IndexChoice::Stored,
        Some("false") => IndexChoice::Off,
        Some(_) if browser.load_index().await.is_err() => IndexChoice::Stored,
        Some(json) => index::Schema::from_options(json)?.map_or(IndexChoice::Off, IndexChoice::Fields),
    })
}

/// Tries what is kept again from time to time, until nothing is.
async fn retry(store: Rc<Store>, retrying: Rc<Cell<bool>>) {
    if store.queue().kept == 0 || retrying.replace(true) {
        return;
    }
    while store.queue().kept > 0 {
        Browser::pause(RETRY_MS).await;
        // Whoever has to know why it failed is told by an event.
        let _ = store.retry().await;
    }
    retrying.set(false);
}

/// On what terms a write comes: its number, and when it is acknowledged.
fn terms(seq: f64, ack: u8) -> Terms {
    let ack = match ack {
        0 => Ack::Accepted,
        1 => Ack::Committed,
        _ => Ack::Durable,
    };
    Terms { seq: seq as u64, ack, background: false }
}

/// One for all methods, boxed, because each kind of future would bring its own copy of what makes a promise of it.
pub(super) fn promise(answer: Pin<Box<dyn Future<Output = Result<JsValue>>>>) -> Promise {
    future_to_promise(async move { answer.await.map_err(|error| thrown(&error)) })
}

fn nothing(_: Written) -> JsValue {
    JsValue::UNDEFINED
}

fn number(written: Written) -> JsValue {
    match written {
        Written::Deleted(number) | Written::Index(number) => (number as f64).into(),
        Written::Done | Written::Attached(_) => JsValue::UNDEFINED,
    }
}

fn reference(written: Written) -> JsValue {
    match written {
        Written::Attached(reference) => output::attachment(&reference),
        Written::Done | Written::Deleted(_) | Written::Index(_) => JsValue::UNDEFINED,
    }
}

/// The name of an upload. One that is not well-formed names no upload.
fn upload(name: &str) -> Result<PartSet> {
    PartSet::parse(name).map_err(|_| Error::NotFound { what: "upload", name: name.to_owned() }.into())
}

#[wasm_bindgen]
impl Engine {
    /// Opens a hoard, making it if it is not there.
    #[wasm_bindgen(unchecked_return_type = "Promise<Engine>")]
    pub fn open(options: EngineOptionsInput, report: ReportInput, load_index: LoadIndexInput) -> Promise {
        promise(Box::pin(async move {
            let (name, mut options, index) = input::engine_options(&options)?;
            let browser = Browser::new(report.into(), load_index.into());
            options.index = index_choice(index, &browser).await?;
            let (name_of_blocked, ear) = (name.clone(), browser.clone());
            let on_blocked = Rc::new(move || {
                let error = Error::Blocked { name: name_of_blocked.clone() }.into();
                ear.report(Event::Blocked { error });
            });
            let (database, ()) = zip(IndexedDb::open_with(&name, on_blocked), async { warm_up() }).await;
            let store = Rc::new(Store::open(database?, browser, options).await?);
            warm_up_reading(Rc::clone(&store));
            tend(&store);
            Ok(Self { store, draining: Rc::default(), retrying: Rc::default() }.into())
        }))
    }

    /// Stores a new session. `AlreadyExists` when the id is taken.
    #[wasm_bindgen(unchecked_return_type = "Promise<void>")]
    pub fn create(&self, id: JsString, meta: &DocumentInput, seq: f64, ack: u8) -> Promise {
        let write = || Ok(Write::Create { id: input::id(&id)?, metadata: input::document(meta)? });
        self.write(write(), terms(seq, ack), nothing)
    }

    /// Stores a session's metadata, new or not. Its lists stay.
    #[wasm_bindgen(unchecked_return_type = "Promise<void>")]
    pub fn put(&self, id: JsString, meta: &DocumentInput, seq: f64, ack: u8) -> Promise {
        let write = || Ok(Write::Put { id: input::id(&id)?, metadata: input::document(meta)? });
        self.write(write(), terms(seq, ack), nothing)
    }

    /// Sets and removes top-level fields of a session's metadata.
    #[wasm_bindgen(unchecked_return_type = "Promise<void>")]
    pub fn update(&self, id: JsString, patch: &DocumentInput, remove: &Texts, seq: f64, ack: u8) -> Promise {
        let write = || {
            let (patch, remove) = (input::document(patch)?, input::field_names(remove)?);
            Ok(Write::Update { id: input::id(&id)?, patch, remove })
        };
        self.write(write(), terms(seq, ack), nothing)
    }

    /// Deletes sessions with all they have; answers how many there were.
    #[wasm_bindgen(unchecked_return_type = "Promise<number>")]
    pub fn delete(&self, ids: &Texts, seq: f64, ack: u8) -> Promise {
        self.write(input::ids(ids).map(|ids| Write::Delete { ids }), terms(seq, ack), number)
    }

    /// Stores a whole session in place of what was stored under its id.
    #[wasm_bindgen(unchecked_return_type = "Promise<void>")]
    pub fn save(&self, id: JsString, meta: &DocumentInput, lists: &ListInputs, seq: f64, ack: u8) -> Promise {
        let write = || {
            let (metadata, lists) = (input::document(meta)?, input::lists(lists)?);
            Ok(Write::Save { id: input::id(&id)?, metadata, lists })
        };
        self.write(write(), terms(seq, ack), nothing)
    }

    /// Adds items at the end of a list; answers the index of the first.
    #[wasm_bindgen(unchecked_return_type = "Promise<number>")]
    pub fn append(&self, id: JsString, list: JsString, items: &DocumentsInput, seq: f64, ack: u8) -> Promise {
        let write = || {
            let (id, list) = (input::id(&id)?, input::list_name(&list)?);
            Ok(Write::Append { id, list, items: input::documents(items)? })
        };
        self.write(write(), terms(seq, ack), number)
    }

    /// Replaces one item of a list.
    #[wasm_bindgen(unchecked_return_type = "Promise<void>")]
    pub fn set(&self, id: JsString, list: JsString, index: f64, item: &DocumentInput, seq: f64, ack: u8) -> Promise {
        let write = || {
            let (id, list) = (input::id(&id)?, input::list_name(&list)?);
            Ok(Write::Set { id, list, index: input::whole("index", index)?, item: input::document(item)? })
        };
        self.write(write(), terms(seq, ack), nothing)
    }

    /// Stores an attachment without a reference yet.
    #[wasm_bindgen(unchecked_return_type = "Promise<Attachment>")]
    pub fn attach(&self, attachment: &AttachmentInput, ack: u8) -> Promise {
        self.write(input::attachment(attachment).map(Write::Attach), terms(0.0, ack), reference)
    }

    /// Begins an upload and names it.
    #[wasm_bindgen(js_name = uploadBegin, unchecked_return_type = "Promise<string>")]
    pub fn upload_begin(&self) -> Promise {
        self.call(Ok(()), |store, ()| async move { Ok(store.upload_begin().await?.to_string().into()) })
    }

    /// Takes the next bytes of an upload, at most 4 MiB at a time, one call after the other.
    #[wasm_bindgen(js_name = uploadPart, unchecked_return_type = "Promise<void>")]
    pub fn upload_part(&self, name: String, bytes: Vec<u8>) -> Promise {
        self.call(upload(&name), |store, set| async move {
            store.upload_part(set, &bytes).await?;
            Ok(JsValue::UNDEFINED)
        })
    }

    /// Ends an upload: its bytes are an attachment.
    #[wasm_bindgen(js_name = uploadFinish, unchecked_return_type = "Promise<Attachment>")]
    pub fn upload_finish(&self, name: String, media_type: String) -> Promise {
        self.call(upload(&name), |store, set| async move {
            Ok(output::attachment(&store.upload_finish(set, &media_type).await?))
        })
    }

    /// Gives an upload up.
    #[wasm_bindgen(js_name = uploadCancel, unchecked_return_type = "Promise<void>")]
    pub fn upload_cancel(&self, name: String) -> Promise {
        self.call(upload(&name), |store, set| async move {
            store.upload_cancel(set).await?;
            Ok(JsValue::UNDEFINED)
        })
    }

    /// Reads sessions' metadata in the order asked, `null` where there is none.
    #[wasm_bindgen(unchecked_return_type = "Promise<DocumentsOut>")]
    pub fn get(&self, ids: &Texts) -> Promise {
        self.call(input::ids(ids), |store, ids| async move { Ok(output::documents(&store.sessions(&ids).await?)) })
    }

    /// Reads one page of sessions' metadata.
    #[wasm_bindgen(unchecked_return_type = "Promise<SessionPage>")]
    pub fn list(&self, query: ListQueryInput) -> Promise {
        let query = input::list_query(&query);
        self.call(query, |store, query| async move { Ok(output::page(&store.list(&query).await?)) })
    }

    /// Counts the sessions.
    #[wasm_bindgen(unchecked_return_type = "Promise<number>")]
    pub fn count(&self) -> Promise {
        self.call(Ok(()), |store, ()| async move { Ok((store.count().await? as f64).into()) })
    }

    /// Names and measures the lists of a session.
    #[wasm_bindgen(unchecked_return_type = "Promise<ListStat[]>")]
    pub fn lists(&self, id: JsString) -> Promise {
        self.call(input::id(&id), |store, id| async move { Ok(output::lists(&store.lists(&id).await?)) })
    }

    /// Reads items of a list as chunks cut to the range: at least one, and more within `bytesMax` of JSON.
    #[wasm_bindgen(unchecked_return_type = "Promise<ChunkOut[]>")]
    pub fn read(
        &self,
        id: JsString,
        list: JsString,
        from: f64,
        to: f64,
        #[wasm_bindgen(js_name = bytesMax)] bytes_max: f64,
    ) -> Promise {
        let arguments = || {
            let range = input::whole("from", from)?..input::end("to", to)?;
            Ok((input::id(&id)?, input::list_name(&list)?, range, input::end("bytesMax", bytes_max)?))
        };
        self.call(arguments(), |store, (id, list, range, bytes_max)| async move {
            Ok(output::chunks(&store.read(&id, &list, range, bytes_max).await?))
        })
    }

    /// See [`store::Store::load`]; without names it is every list.
    #[wasm_bindgen(unchecked_return_type = "Promise<SessionLoad>")]
    pub fn load(
        &self,
        id: JsString,
        #[wasm_bindgen(unchecked_param_type = "string[] | null")] lists: Option<Texts>,
        #[wasm_bindgen(js_name = bytesMax)] bytes_max: f64,
    ) -> Promise {
        let arguments = || {
            let lists = lists.as_ref().map(input::list_names).transpose()?;
            Ok((input::id(&id)?, lists, input::end("bytesMax", bytes_max)?))
        };
        self.call(arguments(), |store, (id, lists, bytes_max)| async move {
            let (session, lists) = store.load(&id, lists.as_deref(), bytes_max).await?;
            Ok(output::load(&session, &lists))
        })
    }

    /// Reads bytes of an attachment, at most 4 MiB.
    #[wasm_bindgen(js_name = readAttachment, unchecked_return_type = "Promise<Uint8Array>")]
    pub fn read_attachment(&self, hash: JsString, start: f64, end: f64) -> Promise {
        let arguments = || Ok((input::hash(&hash)?, input::whole("start", start)?..input::whole("end", end)?));
        self.call(arguments(), |store, (hash, range)| async move {
            let bytes = store.attachment_bytes(&hash, range).await?;
            Ok(Uint8Array::from(bytes.as_slice()).into())
        })
    }

    /// Says what is known of an attachment.
    #[wasm_bindgen(unchecked_return_type = "Promise<AttachmentStat>")]
    pub fn stat(&self, hash: JsString) -> Promise {
        self.call(
            input::hash(&hash),
            |store, hash| async move { Ok(output::attachment_stat(&store.stat(&hash).await?)) },
        )
    }

    /// Searches; the request is JSON (see [`crate::index::request()`]).
    #[wasm_bindgen(unchecked_return_type = "Promise<SearchOut>")]
    pub fn search(&self, request: String) -> Promise {
        self.call(Ok(request), |store, request| async move {
            let request = index::request(&request, &store.schema().await?)?;
            let result = store.search(&request).await?;
            if result.incomplete {
                tend(&store);
            }
            Ok(output::search(&request, &result))
        })
    }

    /// Completes the last word of a text; the request is JSON (see [`crate::index::Suggest`]).
    #[wasm_bindgen(unchecked_return_type = "Promise<SuggestionOut[]>")]
    pub fn suggest(&self, request: String) -> Promise {
        self.call(Ok(request), |store, request| async move {
            let request = index::Suggest::from_request(&request, &store.schema().await?)?;
            Ok(output::suggestions(&store.suggest(&request).await?))
        })
    }

    /// Starts making one segment of the index.
    pub fn optimize(&self) -> Job {
        Job::optimize(Rc::clone(&self.store))
    }

    /// Starts indexing everything anew.
    pub fn reindex(&self) -> Job {
        Job::reindex(Rc::clone(&self.store))
    }

    /// Adds up what is stored; what the index holds only if asked, for it has to be read.
    #[wasm_bindgen(unchecked_return_type = "Promise<EngineStats>")]
    pub fn stats(&self, index: bool) -> Promise {
        self.call(Ok(index), |store, index| async move {
            let stats = store.stats().await?;
            // An index of a newer version is none for this one.
            let index = if index { store.index_stats().await.unwrap_or_default() } else { None };
            Ok(output::stats(&stats, index.as_ref(), &store))
        })
    }

    /// Starts collecting attachments that nothing refers to.
    pub fn collect(&self, options: CollectOptionsInput) -> std::result::Result<Job, JsValue> {
        let options = input::collect_options(&options).map_err(|error| thrown(&error))?;
        Ok(Job::collect(Rc::clone(&self.store), options))
    }

    /// Starts looking for damage.
    pub fn verify(&self, options: VerifyOptionsInput) -> std::result::Result<Job, JsValue> {
        let options = input::verify_options(&options).map_err(|error| thrown(&error))?;
        Ok(Job::verify(Rc::clone(&self.store), options))
    }

    /// Takes the background work over; answers the fencing number.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn background(&self) -> Promise {
        self.call(Ok(()), |store, ()| async move { Ok(store.own().await?.fence.to_string().into()) })
    }

    /// Starts the background work, under a fencing number.
    pub fn housekeeping(&self, fence: String) -> std::result::Result<Job, JsValue> {
        let ownership = fence.parse().map_err(|_| Error::invalid("fence", "it is what background answered"));
        let ownership = ownership.and_then(Ownership::of).map_err(|error| thrown(&error))?;
        Ok(Job::housekeeping(Rc::clone(&self.store), ownership))
    }

    /// Another tab committed this: what is remembered of these sessions may be outdated.
    pub fn peer(&self, generation: f64, sessions: &Texts) {
        self.store.peer(generation as u64, &input::known_ids(sessions));
    }

    /// Messages of other tabs may have been missed: what is remembered is held against the generation before it is used.
    pub fn distrust(&self) {
        self.store.distrust();
    }

    /// Forgets what is remembered of a session, of those whose ids start with a prefix or match a pattern, or everything.
    /// Answers how many records that were.
    pub fn invalidate(&self, target: InvalidateInput) -> std::result::Result<f64, JsValue> {
        let forget = || self.store.invalidate(&input::invalidate(&target)?);
        forget().map(|records| records as f64).map_err(|error| thrown(&error))
    }

    /// Makes everything accepted so far survive power loss.
    #[wasm_bindgen(unchecked_return_type = "Promise<void>")]
    pub fn flush(&self) -> Promise {
        self.call(Ok(()), |store, ()| async move {
            store.flush().await?;
            Ok(JsValue::UNDEFINED)
        })
    }

    /// Commits what was accepted and closes. Every later call fails with `Closed`.
    #[wasm_bindgen(unchecked_return_type = "Promise<void>")]
    pub fn close(&self) -> Promise {
        self.call(Ok(()), |store, ()| async move {
            store.close().await?;
            Ok(JsValue::UNDEFINED)
        })
    }
}
