//! The raw IndexedDB calls, in one place.
//!
//! There is no crate in between. `indexed_db_futures` made the engine 13 KB larger after brotli, 35 KB before it: it waits
//! for each request and each transaction with closures and a channel of tokio's. For that it knew no `getAllRecords`, no
//! binary keys in ranges, and no read transaction that is neither aborted nor waited for. Every call here catches what
//! JavaScript throws: an exception that passed through wasm frames would leave a transaction open with half of a batch in
//! it.

use super::exception::Exception;
use crate::backend::{Direction, Durability, Key, KeyRange, StoreName};
use js_sys::{Array, ArrayBuffer, Function, Object, Promise, Uint8Array};
use std::ops::Bound;
use wasm_bindgen::prelude::*;
use web_sys::{IdbDatabase, IdbKeyRange, IdbRequest, IdbTransaction};

#[wasm_bindgen]
extern "C" {
    type Global;
    #[wasm_bindgen(thread_local_v2, js_name = globalThis)]
    static GLOBAL: Global;
    /// Throws where the origin may not store anything.
    #[wasm_bindgen(method, getter, catch, js_name = indexedDB)]
    fn indexed_db(this: &Global) -> Result<Option<Factory>, JsValue>;
    #[wasm_bindgen(method, getter, catch)]
    fn caches(this: &Global) -> Result<Option<Caches>, JsValue>;

    /// `caches`.
    #[wasm_bindgen(js_name = CacheStorage)]
    pub type Caches;
    #[wasm_bindgen(method, catch)]
    pub fn has(this: &Caches, name: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub fn open(this: &Caches, name: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub fn delete(this: &Caches, name: &str) -> Result<Promise, JsValue>;

    #[derive(Clone)]
    pub type Cache;
    #[wasm_bindgen(method, catch, js_name = match)]
    pub fn match_(this: &Cache, url: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub fn put(this: &Cache, url: &str, response: &Response) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub fn delete(this: &Cache, url: &str) -> Result<Promise, JsValue>;

    pub type Response;
    #[wasm_bindgen(constructor, catch)]
    pub fn new(body: &Blob) -> Result<Response, JsValue>;

    pub type Blob;
    #[wasm_bindgen(constructor, catch)]
    pub fn new(parts: &Array) -> Result<Blob, JsValue>;

    /// `indexedDB`.
    #[wasm_bindgen(js_name = IDBFactory)]
    pub type Factory;
    /// Without a version the database is opened in the one that it has.
    #[wasm_bindgen(method, catch)]
    pub fn open(this: &Factory, name: &str, version: Option<u32>) -> Result<IdbRequest, JsValue>;

    /// The event of an open's request.
    pub type VersionChange;
    #[wasm_bindgen(method, getter, js_name = type)]
    pub fn kind(this: &VersionChange) -> String;
    /// `None` when it is no `upgradeneeded`; 0 when there is no database yet.
    #[wasm_bindgen(method, getter, js_name = oldVersion)]
    pub fn old_version(this: &VersionChange) -> Option<f64>;

    /// A connection.
    #[wasm_bindgen(extends = IdbDatabase, js_name = IDBDatabase)]
    #[derive(Debug, Clone)]
    pub type Database;
    #[wasm_bindgen(method, getter, js_name = objectStoreNames)]
    pub fn object_store_names(this: &Database) -> Names;
    /// Makes a store without key path or generator. The store that it returns is not looked at.
    #[wasm_bindgen(method, catch, js_name = createObjectStore)]
    pub fn create_object_store(this: &Database, name: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = transaction)]
    fn transaction_with_options(
        this: &Database,
        stores: &Array,
        mode: &str,
        options: &TransactionOptions,
    ) -> Result<IdbTransaction, JsValue>;

    #[wasm_bindgen(extends = Object)]
    type TransactionOptions;
    #[wasm_bindgen(method, setter)]
    fn set_durability(this: &TransactionOptions, durability: &str);

    /// The names of object stores.
    #[wasm_bindgen(js_name = DOMStringList)]
    pub type Names;
    #[wasm_bindgen(method)]
    pub fn contains(this: &Names, name: &str) -> bool;

    /// An `abort` or `error` event, whose target is the transaction or a request of it.
    pub type Failure;
    /// Keeps a request's error from aborting the transaction.
    #[wasm_bindgen(method, js_name = preventDefault)]
    pub fn prevent_default(this: &Failure);
    #[wasm_bindgen(method, getter)]
    fn target(this: &Failure) -> Failed;
    type Failed;
    #[wasm_bindgen(method, getter, catch)]
    fn error(this: &Failed) -> Result<JsValue, JsValue>;

    /// An object store with the calls that the engine makes. `web_sys` would return a request from each write, which
    /// costs a slot in the table of JavaScript values and is never looked at: what fails aborts the transaction.
    #[wasm_bindgen(js_name = IDBObjectStore)]
    pub type ObjectStore;

    #[wasm_bindgen(method, catch)]
    pub fn put(this: &ObjectStore, value: &ArrayBuffer, key: &Uint8Array) -> Result<(), JsValue>;

    /// Deletes the record of a key, or those of a range.
    #[wasm_bindgen(method, catch)]
    pub fn delete(this: &ObjectStore, query: &JsValue) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch, js_name = put)]
    pub fn put_and_return(this: &ObjectStore, value: &ArrayBuffer, key: &Uint8Array) -> Result<IdbRequest, JsValue>;
    #[wasm_bindgen(method, catch, js_name = delete)]
    pub fn delete_and_return(this: &ObjectStore, query: &JsValue) -> Result<IdbRequest, JsValue>;

    #[wasm_bindgen(method, catch)]
    pub fn get(this: &ObjectStore, key: &Uint8Array) -> Result<IdbRequest, JsValue>;

    /// The key itself if there is such a record, or the first key of a range; `undefined` if there is none.
    #[wasm_bindgen(method, catch, js_name = getKey)]
    pub fn get_key(this: &ObjectStore, query: &JsValue) -> Result<IdbRequest, JsValue>;

    #[wasm_bindgen(method, catch, js_name = getAll)]
    pub fn get_all(this: &ObjectStore, range: &IdbKeyRange, limit: u32) -> Result<IdbRequest, JsValue>;

    #[wasm_bindgen(method, catch, js_name = getAllKeys)]
    pub fn get_all_keys(this: &ObjectStore, range: &IdbKeyRange, limit: u32) -> Result<IdbRequest, JsValue>;

    /// The method, or `undefined` where the engine has none.
    #[wasm_bindgen(method, getter, js_name = getAllRecords)]
    pub fn get_all_records_if_any(this: &ObjectStore) -> JsValue;

    #[wasm_bindgen(method, catch, js_name = getAllRecords)]
    pub fn get_all_records(this: &ObjectStore, options: &GetAllOptions) -> Result<IdbRequest, JsValue>;

    #[wasm_bindgen(method, catch, js_name = openKeyCursor)]
    pub fn open_key_cursor(this: &ObjectStore, range: &IdbKeyRange, direction: &str) -> Result<IdbRequest, JsValue>;

    #[wasm_bindgen(method, catch, js_name = objectStore)]
    fn object_store(this: &Transaction, name: &str) -> Result<ObjectStore, JsValue>;

    #[wasm_bindgen(method, catch, js_name = commit)]
    fn commit(this: &Transaction) -> Result<(), JsValue>;

    /// A transaction, with `web_sys`'s calls written anew.
    #[wasm_bindgen(js_name = IDBTransaction)]
    type Transaction;

    #[wasm_bindgen(extends = Object)]
    pub type GetAllOptions;
    #[wasm_bindgen(method, setter)]
    fn set_query(this: &GetAllOptions, range: &IdbKeyRange);
    #[wasm_bindgen(method, setter)]
    fn set_count(this: &GetAllOptions, limit: u32);
    #[wasm_bindgen(method, setter)]
    fn set_direction(this: &GetAllOptions, direction: &str);

    /// One entry of what `getAllRecords` returns.
    pub type Record;
    #[wasm_bindgen(method, getter)]
    pub fn key(this: &Record) -> JsValue;
    #[wasm_bindgen(method, getter)]
    pub fn value(this: &Record) -> JsValue;

    #[wasm_bindgen(js_name = Uint8Array)]
    type Bytes;
    #[wasm_bindgen(constructor, catch, js_class = Uint8Array)]
    fn copied(bytes: &[u8]) -> Result<Bytes, JsValue>;

    type Navigator;
    #[wasm_bindgen(thread_local_v2, js_name = navigator)]
    static NAVIGATOR: Option<Navigator>;
    #[wasm_bindgen(method, getter, js_name = userAgent)]
    fn user_agent(this: &Navigator) -> String;

    #[wasm_bindgen(js_name = setTimeout)]
    pub fn set_timeout(callback: &Function, milliseconds: i32) -> JsValue;
    #[wasm_bindgen(js_name = clearTimeout)]
    pub fn clear_timeout(timer: &JsValue);
}

thread_local! {
    // The others say "like Gecko", without a version.
    static IS_GECKO: bool = user_agent_has("Gecko/");
}

fn user_agent_has(product: &str) -> bool {
    NAVIGATOR.with(|navigator| navigator.as_ref().is_some_and(|navigator| navigator.user_agent().contains(product)))
}

/// Whether this is Firefox's engine, whose transactions need care (see [`super::burst`]).
pub fn is_gecko() -> bool {
    IS_GECKO.with(|is_gecko| *is_gecko)
}

/// Whether this is Chromium's engine.
pub fn is_chromium() -> bool {
    user_agent_has("Chrome/")
}

/// `caches`, which a context that is not secure does not have.
pub fn caches() -> Option<Caches> {
    GLOBAL.with(Global::caches).ok().flatten()
}

/// `indexedDB`, if there is one.
pub fn factory() -> Result<Option<Factory>, JsValue> {
    GLOBAL.with(Global::indexed_db)
}

/// Begins a transaction that reads. It ends when its requests have.
pub fn begin_read(database: &Database, store: StoreName) -> Result<IdbTransaction, JsValue> {
    database.transaction_with_str(store.as_str())
}

/// Begins a transaction that writes.
pub fn begin_write(
    database: &Database,
    stores: &[StoreName],
    durability: Durability,
) -> Result<IdbTransaction, JsValue> {
    let names = Array::new();
    for store in stores {
        names.push(&store.as_str().into());
    }
    let options = Object::new().unchecked_into::<TransactionOptions>();
    options.set_durability(match durability {
        Durability::Relaxed => "relaxed",
        Durability::Strict => "strict",
    });
    database.transaction_with_options(&names, "readwrite", &options)
}

/// What was thrown, or what an event tells.
pub fn exception(thrown: &JsValue) -> Exception {
    // A `DOMException` is an `Error` too.
    match thrown.dyn_ref::<js_sys::Error>() {
        Some(error) => Exception { name: error.name().into(), message: error.message().into() },
        None => Exception::default(),
    }
}

/// The error that an `abort` or `error` event is about, if it says.
pub fn error_of_target(event: &JsValue) -> JsValue {
    event.unchecked_ref::<Failure>().target().error().unwrap_or_default()
}

/// The store of a transaction.
pub fn store(transaction: &IdbTransaction, name: &str) -> Result<ObjectStore, JsValue> {
    transaction.unchecked_ref::<Transaction>().object_store(name)
}

/// Says that no more requests come.
pub fn commit(transaction: &IdbTransaction) -> Result<(), JsValue> {
    transaction.unchecked_ref::<Transaction>().commit()
}

/// Says that no more requests come, to a transaction that reads. Without it the browser finds that out when the page comes
/// back to it, which the page of a frozen tab does not do, and every writer waits for it.
pub fn finish(transaction: &IdbTransaction) {
    // An engine without `commit` finds out by itself.
    let _ = commit(transaction);
}

/// A copy outside the memory of wasm. What is stored must never be a view of that memory: every engine then stores the
/// whole memory, and with it whatever else lies in it.
fn copy(bytes: &[u8]) -> Result<Uint8Array, JsValue> {
    Bytes::copied(bytes).map(JsCast::unchecked_into)
}

/// A value as it is stored: a buffer of exactly these bytes.
pub fn value(bytes: &[u8]) -> Result<ArrayBuffer, JsValue> {
    Ok(copy(bytes)?.buffer())
}

/// A binary key.
pub fn key(key: &Key) -> Result<Uint8Array, JsValue> {
    copy(key.as_bytes())
}

/// The bytes of a stored value. A value of another type was not written by this library; it reads as no bytes, which no
/// record is, and so is reported like any damaged record.
pub fn read(value: &JsValue) -> Vec<u8> {
    value.dyn_ref::<ArrayBuffer>().map(|buffer| Uint8Array::new(buffer).to_vec()).unwrap_or_default()
}

/// The bytes of a stored key, which IndexedDB always returns as a buffer where the range holds binary keys only.
pub fn read_key(key: &JsValue) -> Key {
    Key::from_bytes(read(key))
}

/// A range for IndexedDB; `None` where it is empty, on which IndexedDB would throw.
///
/// An open end stops where binary keys begin and end: strings and numbers sort before them, arrays after them, and a key
/// of such a type is not ours.
pub fn range(range: &KeyRange) -> Result<Option<IdbKeyRange>, JsValue> {
    if range.is_empty() {
        return Ok(None);
    }
    let (lower, lower_open): (JsValue, bool) = match &range.lower {
        Bound::Included(bound) => (key(bound)?.into(), false),
        Bound::Excluded(bound) => (key(bound)?.into(), true),
        Bound::Unbounded => (copy(&[])?.into(), false),
    };
    let (upper, upper_open): (JsValue, bool) = match &range.upper {
        Bound::Included(bound) => (key(bound)?.into(), false),
        Bound::Excluded(bound) if bound.as_bytes().is_empty() => return Ok(None),
        Bound::Excluded(bound) => (key(bound)?.into(), true),
        Bound::Unbounded => (Array::new().into(), true),
    };
    IdbKeyRange::bound_with_lower_open_and_upper_open(&lower, &upper, lower_open, upper_open).map(Some)
}

/// The argument of `getAllRecords`.
pub fn get_all_options(range: &IdbKeyRange, limit: u32, direction: Direction) -> GetAllOptions {
    let options = Object::new().unchecked_into::<GetAllOptions>();
    options.set_query(range);
    options.set_count(limit);
    options.set_direction(match direction {
        Direction::Forward => "next",
        Direction::Reverse => "prev",
    });
    options
}

/// After a transaction that exceeded the quota, Gecko's next one on that connection may only delete: a `put` throws, on the
/// first retry even when there is space again. An empty transaction takes that turn.
pub fn leave_cleanup_mode(after: &IdbTransaction) {
    // If it cannot begin, neither can the next, which reports it.
    if let Ok(transaction) = begin_write(after.db().unchecked_ref(), &[StoreName::Meta], Durability::Relaxed) {
        let _ = transaction.abort();
    }
}
