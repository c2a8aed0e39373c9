//! The raw IndexedDB calls, in one place.
//!
//! `indexed_db_futures` opens the database, upgrades it, and begins, commits and aborts write transactions. It makes a
//! future with two closures and a channel of every request, knows no `getAllRecords` and no binary keys in ranges, and its
//! read transactions either abort or wait for `complete`. A burst of thousands of requests that needs one future at its
//! end is therefore written against the objects themselves. Every call here catches what JavaScript throws: an exception
//! that passed through wasm frames would leave a transaction open with half of a batch in it.

use crate::backend::{Direction, Key, KeyRange};
use js_sys::{Array, ArrayBuffer, Function, Object, Promise, Uint8Array};
use std::ops::Bound;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{IdbKeyRange, IdbRequest, IdbTransaction, IdbTransactionMode};

#[wasm_bindgen]
extern "C" {
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
    static IS_GECKO: bool = NAVIGATOR.with(|navigator| {
        // The others say "like Gecko", without a version.
        navigator.as_ref().is_some_and(|navigator| navigator.user_agent().contains("Gecko/"))
    });
}

/// Whether this is Firefox's engine, whose transactions need care (see [`super::burst`]).
pub fn is_gecko() -> bool {
    IS_GECKO.with(|is_gecko| *is_gecko)
}

/// The store of a transaction.
pub fn store(transaction: &IdbTransaction, name: &str) -> Result<ObjectStore, JsValue> {
    transaction.unchecked_ref::<Transaction>().object_store(name)
}

/// Says that no more requests come. Without it the browser finds that out when the page comes back to it, which the page of
/// a frozen tab does not do, and every writer waits for it.
pub fn finish(transaction: &IdbTransaction) {
    // An engine without `commit` finds out by itself.
    let _ = transaction.unchecked_ref::<Transaction>().commit();
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

/// Waits for a request, and so for every request made before it in its transaction: they succeed in order, and when one
/// fails it takes the transaction and all later ones with it. The answer comes in the microtask of the request's event,
/// where the transaction still accepts requests. The error is the one that ended the transaction.
pub async fn done(last: &IdbRequest) -> Result<(), JsValue> {
    let promise = Promise::new(&mut |resolve, reject| {
        last.set_onsuccess(Some(&resolve));
        last.set_onerror(Some(&reject));
    });
    match JsFuture::from(promise).await {
        Ok(_) => Ok(()),
        Err(_) => {
            let cause = last.transaction().and_then(|transaction| transaction.error());
            let own = || last.error().ok().flatten();
            Err(cause.or_else(own).map_or(JsValue::UNDEFINED, JsValue::from))
        }
    }
}

/// Begins to wait for a transaction's end, whichever it is.
pub fn end(transaction: &IdbTransaction) -> JsFuture {
    JsFuture::from(Promise::new(&mut |resolve, _| {
        for event in ["complete", "abort"] {
            // Fails for no object that has events.
            let _ = transaction.add_event_listener_with_callback(event, &resolve);
        }
    }))
}

/// After a transaction that exceeded the quota, Gecko's next one on that connection may only delete: a `put` throws, on the
/// first retry even when there is space again. An empty transaction takes that turn.
pub fn leave_cleanup_mode(after: &IdbTransaction) {
    let begun = after.db().transaction_with_str_and_mode("meta", IdbTransactionMode::Readwrite);
    // If it cannot begin, neither can the next, which reports it.
    if let Ok(transaction) = begun {
        let _ = transaction.abort();
    }
}
