//! What the IndexedDB backend promises beyond the conformance suite: what lies in the database, and how it behaves when
//! other code on the page, another tab or the browser itself gets in its way.

#![cfg(target_arch = "wasm32")]

use futures_lite::future::zip;
use hoardb::Error;
use hoardb::backend::{Backend, Batch, Check, Durability, Key, KeyRange, Op, Outcome, Row, Scan, StoreName};
use hoardb::web::IndexedDb;
use js_sys::{ArrayBuffer, Function, Promise, Reflect, Uint8Array};
use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

const STORE: StoreName = StoreName::Chunks;

/// Runs JavaScript that knows nothing of the backend. `name` is the database's, and it has `opened(version, upgrade)` and
/// `deleted()`, which answer with a promise, and `done(request)`.
async fn javascript(name: &str, body: &str) -> JsValue {
    let body = format!(
        "const done = request => new Promise((resolve, reject) => {{
             request.onsuccess = () => resolve(request.result);
             request.onerror = () => reject(request.error);
         }});
         const opened = (version, upgrade) => {{
             const request = indexedDB.open(name, version);
             request.onupgradeneeded = () => upgrade?.(request.result);
             return done(request);
         }};
         const deleted = () => done(indexedDB.deleteDatabase(name));
         return (async () => {{ {body} }})();"
    );
    let promise: Promise = Function::new_with_args("name", &body)
        .call1(&JsValue::NULL, &name.into())
        .expect("the script runs")
        .unchecked_into();
    JsFuture::from(promise).await.expect("the script's promise resolves")
}

fn fresh(test: &str) -> String {
    format!("{test} {}", js_sys::Math::random())
}

fn key(number: u64) -> Key {
    Key::new().number(number)
}

fn ops(ops: Vec<Op>) -> Batch {
    Batch { ops, ..Batch::default() }
}

async fn open(name: &str) -> IndexedDb {
    IndexedDb::open(name).await.expect("the database opens")
}

async fn fill(backend: &IndexedDb, count: u64) {
    let puts = (0..count).map(|n| Op::Put(STORE, key(n), vec![n as u8; 3])).collect();
    assert_eq!(backend.commit(ops(puts)).await, Ok(Outcome::Committed));
}

async fn numbers(backend: &IndexedDb) -> Vec<u64> {
    let rows = backend.scan(Scan::keys(STORE, KeyRange::all(), 10_000)).await.expect("scan");
    rows.iter().map(|row| row.key.parse().number().expect("a number")).collect()
}

/// A view of wasm memory would be stored with the whole memory behind it.
#[wasm_bindgen_test]
async fn values_and_keys_are_stored_as_buffers_of_exactly_their_bytes() {
    let name = fresh("stored bytes");
    let backend = open(&name).await;
    let update = Op::Update(STORE, key(2), Box::new(|_| Ok(vec![9; 77])));
    backend.commit(ops(vec![Op::Put(STORE, key(1), vec![7; 10]), update])).await.expect("commit");
    let script = "const database = await opened();
        const store = database.transaction('chunks').objectStore('chunks');
        const [keys, values] = await Promise.all([done(store.getAllKeys()), done(store.getAll())]);
        database.close();
        return [...keys, ...values];";
    let stored: js_sys::Array = javascript(&name, script).await.unchecked_into();
    let expected = [key(1).as_bytes().to_vec(), key(2).as_bytes().to_vec(), vec![7; 10], vec![9; 77]];
    assert_eq!(stored.length(), 4);
    for (index, bytes) in expected.iter().enumerate() {
        let buffer: ArrayBuffer = stored.get(index as u32).dyn_into().expect("a plain ArrayBuffer");
        assert_eq!(&Uint8Array::new(&buffer).to_vec(), bytes);
    }
}

#[wasm_bindgen_test]
async fn every_store_is_made_without_key_path_or_generator() {
    let name = fresh("stores");
    open(&name).await.close().await;
    let script = "const database = await opened();
        const names = [...database.objectStoreNames];
        const transaction = database.transaction(names);
        const plain = names.every(name => transaction.objectStore(name).keyPath === null
            && !transaction.objectStore(name).autoIncrement);
        database.close();
        return `${database.version} ${plain} ${names}`;";
    let found = javascript(&name, script).await.as_string();
    assert_eq!(found.as_deref(), Some("1 true blobs,chunks,journal,meta,parts,references,segments,sessions"));
}

/// Other scripts of the page can write to our stores. A key that is not binary is not ours; a value that is not a buffer
/// reads as one without bytes, which no envelope is, so that the engine reports that record and no other.
#[wasm_bindgen_test]
async fn what_other_scripts_write_disturbs_nothing() {
    let name = fresh("foreign");
    let backend = open(&name).await;
    fill(&backend, 3).await;
    let script = "const database = await opened();
        const transaction = database.transaction('chunks', 'readwrite');
        const store = transaction.objectStore('chunks');
        for (const key of [5, 'text', new Date(0), ['array'], []]) store.put('foreign', key);
        store.put(2 ** 40, new Uint8Array([0, 0, 0, 0, 0, 0, 0, 1]));
        await new Promise(resolve => transaction.oncomplete = resolve);
        database.close();";
    javascript(&name, script).await;
    assert_eq!(numbers(&backend).await, [0, 1, 2]);
    let reverse = backend.scan(Scan::new(STORE, KeyRange::all(), 10).reverse()).await.expect("scan");
    let values: Vec<Vec<u8>> = reverse.into_iter().map(|row| row.value).collect();
    assert_eq!(values, [vec![2; 3], vec![], vec![0; 3]]);
    assert_eq!(backend.get(STORE, &[key(1), key(2)]).await, Ok(vec![Some(vec![]), Some(vec![2; 3])]));
    backend.commit(ops(vec![Op::DeleteRange(STORE, KeyRange::all())])).await.expect("commit");
    let checks = vec![Check::Empty(STORE, KeyRange::all())];
    assert_eq!(backend.commit(Batch { checks, ..Batch::default() }).await, Ok(Outcome::Committed));
}

/// Where there is no `getAllRecords`, a reverse page is found with a key cursor; both ways answer alike, in every engine.
#[wasm_bindgen_test]
async fn reverse_scans_work_without_get_all_records() {
    let backend = open(&fresh("reverse")).await;
    fill(&backend, 20).await;
    let prototype = Reflect::get(&js_sys::global(), &"IDBObjectStore".into())
        .and_then(|class| Reflect::get(&class, &"prototype".into()))
        .expect("the class");
    let method = Reflect::get(&prototype, &"getAllRecords".into()).expect("a method or undefined");
    Reflect::set(&prototype, &"getAllRecords".into(), &JsValue::UNDEFINED).expect("the method goes");
    let mut found = Vec::new();
    let ranges = [KeyRange::all(), KeyRange::all().after(key(12)), KeyRange::all().after(key(19))];
    for range in &ranges {
        for limit in [1, 2, 7, 8, 19, 20, 21, 1000] {
            found.push(backend.scan(Scan::new(STORE, range.clone(), limit).reverse()).await);
        }
    }
    Reflect::set(&prototype, &"getAllRecords".into(), &method).expect("the method comes back");
    let mut found = found.into_iter();
    for first in [0, 13, 20] {
        for limit in [1, 2, 7, 8, 19, 20, 21, 1000] {
            let row = |n: u64| Row { key: key(n), value: vec![n as u8; 3] };
            let expected: Vec<Row> = (first..20).rev().take(limit).map(row).collect();
            assert_eq!(found.next(), Some(Ok(expected)), "from {first}, {limit}");
        }
    }
}

/// An exception does not roll back what was queued before it: without an explicit abort, half a batch would be stored.
#[wasm_bindgen_test]
async fn a_throw_in_the_middle_of_a_batch_leaves_nothing() {
    let name = fresh("throw");
    let backend = open(&name).await;
    fill(&backend, 1).await;
    let script = "const put = IDBObjectStore.prototype.put;
        let left = 5;
        IDBObjectStore.prototype.put = function (...args) {
            if (left-- > 0) return put.apply(this, args);
            IDBObjectStore.prototype.put = put;
            throw new DOMException('no clone', 'DataCloneError');
        };";
    javascript(&name, script).await;
    let puts = (10..20).map(|n| Op::Put(STORE, key(n), vec![1]));
    let outcome = backend.commit(ops(puts.chain([Op::Delete(STORE, key(0))]).collect())).await;
    assert_eq!(outcome, Err(Error::Backend { cause: "DataCloneError: no clone".into() }.into()));
    assert_eq!(numbers(&backend).await, [0]);
    fill(&backend, 2).await;
    assert_eq!(numbers(&backend).await, [0, 1]);
}

/// Requests succeed, and then the transaction aborts: that is how Chromium and Firefox report a full disk.
#[wasm_bindgen_test]
async fn an_abort_after_every_request_succeeded_is_an_error() {
    let name = fresh("late abort");
    let backend = open(&name).await;
    fill(&backend, 1).await;
    let script = "const commit = IDBTransaction.prototype.commit;
        IDBTransaction.prototype.commit = function () {
            IDBTransaction.prototype.commit = commit;
            const store = this.objectStore('chunks');
            store.get(1).onsuccess = () => { store.transaction.abort(); };
        };";
    javascript(&name, script).await;
    let outcome = backend.commit(ops(vec![Op::Put(STORE, key(1), vec![1])])).await;
    // It was not us who aborted it: whoever did, another attempt is worth it.
    assert!(matches!(&outcome, Err(error) if matches!(**error, Error::ConnectionLost { .. })), "{outcome:?}");
    assert_eq!(numbers(&backend).await, [0]);
}

/// A request fails, and with it the transaction: the error is the request's.
#[wasm_bindgen_test]
async fn the_error_of_a_request_is_the_error_of_the_commit() {
    let name = fresh("request error");
    let backend = open(&name).await;
    fill(&backend, 1).await;
    let script = "const put = IDBObjectStore.prototype.put;
        IDBObjectStore.prototype.put = function (value, key) {
            IDBObjectStore.prototype.put = put;
            this.put(value, key);
            return this.add(value, key);
        };";
    javascript(&name, script).await;
    let outcome = backend.commit(ops(vec![Op::Put(STORE, key(1), vec![1]), Op::Put(STORE, key(2), vec![1])])).await;
    let Err(Error::Backend { cause }) = outcome.map_err(|error| *error) else { panic!("it was written") };
    assert!(cause.starts_with("ConstraintError"), "{cause}");
    assert_eq!(numbers(&backend).await, [0]);
}

#[wasm_bindgen_test]
async fn commits_ask_for_their_durability_and_for_their_stores_only() {
    let name = fresh("durability");
    let backend = open(&name).await;
    let script = "const begin = IDBDatabase.prototype.transaction;
        globalThis.begun = [];
        globalThis.restore = () => { IDBDatabase.prototype.transaction = begin; };
        IDBDatabase.prototype.transaction = function (...args) {
            const transaction = begin.apply(this, args);
            begun.push(`${[...transaction.objectStoreNames]} ${transaction.mode} ${args[2]?.durability}`);
            return transaction;
        };";
    javascript(&name, script).await;
    fill(&backend, 1).await;
    let checks = vec![Check::Absent(StoreName::Meta, key(1))];
    let update = Op::Update(StoreName::Sessions, key(1), Box::new(|_| Ok(vec![])));
    let batch = Batch { checks, ops: vec![update], durability: Durability::Strict };
    backend.commit(batch).await.expect("commit");
    backend.get(STORE, &[key(1)]).await.expect("get");
    backend.get(STORE, &[]).await.expect("get");
    backend.commit(Batch::default()).await.expect("commit");
    let begun = javascript(&name, "restore(); return begun.join('; ');").await.as_string();
    let expected = "chunks readwrite relaxed; meta,sessions readwrite strict; chunks readonly undefined";
    assert_eq!(begun.as_deref(), Some(expected));
}

/// Another tab deletes or upgrades the database: this one must not be what it waits for.
#[wasm_bindgen_test]
async fn a_version_change_closes_the_handle_at_once_and_for_good() {
    let name = fresh("version change");
    let backend = open(&name).await;
    fill(&backend, 1).await;
    javascript(&name, "await deleted();").await;
    assert_eq!(backend.get(STORE, &[key(0)]).await, Err(Error::Closed.into()));
    assert_eq!(backend.commit(ops(vec![Op::Put(STORE, key(1), vec![])])).await, Err(Error::Closed.into()));
    let databases = javascript(&name, "return (await indexedDB.databases()).some(found => found.name === name);").await;
    assert_eq!(databases, false, "a closed handle has made the database again");
    let again = open(&name).await;
    assert_eq!(numbers(&again).await, Vec::<u64>::new());
    assert_eq!(backend.get(STORE, &[key(0)]).await, Err(Error::Closed.into()));
}

#[wasm_bindgen_test]
async fn a_commit_under_way_ends_before_a_version_change() {
    let name = fresh("version change under way");
    let backend = open(&name).await;
    let mut commit = pin!(backend.commit(ops((0..500).map(|n| Op::Put(STORE, key(n), vec![0; 1000])).collect())));
    // The transaction begins in the first poll; the upgrade is asked for after that.
    let started = poll_fn(|context| Poll::Ready(commit.as_mut().poll(context).is_pending())).await;
    assert!(started);
    let script = "const database = await opened(2);
        const count = await done(database.transaction('chunks').objectStore('chunks').count());
        database.close();
        return count;";
    let count = javascript(&name, script).await;
    assert_eq!(commit.await, Ok(Outcome::Committed));
    assert_eq!(count, 500);
}

#[wasm_bindgen_test]
async fn a_newer_database_is_refused_and_left_alone() {
    let name = fresh("newer");
    javascript(&name, "(await opened(7, database => database.createObjectStore('later'))).close();").await;
    let error = IndexedDb::open(&name).await.map(drop);
    assert_eq!(error, Err(Error::NewerVersion { found: 7, supported: 1 }.into()));
    let script = "const database = await opened();
        database.close();
        return `${database.version} ${[...database.objectStoreNames]}`;";
    assert_eq!(javascript(&name, script).await.as_string().as_deref(), Some("7 later"));
}

#[wasm_bindgen_test]
async fn a_database_of_something_else_is_refused_and_left_alone() {
    let name = fresh("not a hoard");
    javascript(&name, "(await opened(1, database => database.createObjectStore('theirs'))).close();").await;
    let error = IndexedDb::open(&name).await.map(drop).map_err(|error| *error);
    assert!(matches!(&error, Err(Error::InvalidArgument { argument, .. }) if argument == "name"), "{error:?}");
    // No connection is left behind either: this would wait for it for ever.
    javascript(&name, "await deleted();").await;
}

/// Another tab does not let go, of the database or of a transaction. (Both at once, as the runner gives all tests 20 s.)
#[wasm_bindgen_test]
async fn what_waits_for_another_tab_ends_as_blocked() {
    zip(an_open_ends_as_blocked(), transactions_end_as_blocked()).await;
}

/// A tab keeps ours from opening; an open says so after its limit. When it succeeds after all, nobody wants that connection
/// any more, and it must not block others in its turn.
async fn an_open_ends_as_blocked() {
    let name = fresh("blocked");
    let script = "globalThis.holder = await opened(1);
        globalThis.deletion = deleted();";
    javascript(&name, script).await;
    let began = js_sys::Date::now();
    let told = Rc::new(RefCell::new(Vec::new()));
    let on_blocked = {
        let told = Rc::clone(&told);
        Rc::new(move || told.borrow_mut().push(js_sys::Date::now() - began))
    };
    let opened = IndexedDb::open_with(&name, on_blocked).await.map(drop);
    assert_eq!(opened, Err(Error::Blocked { name: name.clone() }.into()));
    let waited = js_sys::Date::now() - began;
    assert!((9_000.0..15_000.0).contains(&waited), "{waited} ms");
    // No engine sends the event to an open behind a deletion; the backend says it by itself.
    assert!(matches!(told.borrow()[..], [told] if told < 6_000.0), "{told:?}");
    javascript(&name, "holder.close(); await deletion; await deleted();").await;
    fill(&open(&name).await, 1).await;
}

/// Another tab is frozen in the middle of a transaction. Nothing says so, and it may last for hours.
async fn transactions_end_as_blocked() {
    let name = fresh("spinning");
    let backend = open(&name).await;
    fill(&backend, 1).await;
    let script = "const database = await opened();
        const transaction = database.transaction([...database.objectStoreNames], 'readwrite');
        const store = transaction.objectStore('chunks');
        let on = true;
        const spin = () => { if (on) store.get(0).onsuccess = spin; };
        spin();
        globalThis.release = () => new Promise(resolve => {
            transaction.oncomplete = () => { database.close(); resolve(); };
            on = false;
        });";
    javascript(&name, script).await;
    let began = js_sys::Date::now();
    let took = || js_sys::Date::now() - began;
    let checked = Batch {
        checks: vec![Check::Present(STORE, key(0))],
        ops: vec![Op::Put(STORE, key(1), vec![1]), Op::Delete(STORE, key(0))],
        ..Batch::default()
    };
    let commits = zip(backend.commit(checked), backend.commit(ops(vec![Op::Put(STORE, key(2), vec![2])])));
    let read = async { (backend.get(STORE, &[key(0)]).await, took()) };
    let scan = async { (backend.scan(Scan::new(STORE, KeyRange::all(), 9)).await, took()) };
    let ((checked, unchecked), ((read, read_took), (scan, scan_took))) = zip(commits, zip(read, scan)).await;
    let all_took = took();
    javascript(&name, "await release();").await;
    let blocked = || Box::new(Error::Blocked { name: name.clone() });
    assert_eq!((read, scan, checked), (Err(blocked()), Err(blocked()), Err(blocked())));
    for took in [read_took, scan_took, all_took] {
        assert!((4_500.0..9_500.0).contains(&took), "{took} ms");
    }
    // `commit()` had been called: whether it can be taken back is the engine's choice, and the answer has to say so.
    let code = unchecked.map_err(|error| error.code());
    assert!(matches!(code, Err("Blocked" | "ConnectionLost")), "{code:?}");
    let found = numbers(&backend).await;
    assert!(found == [0] || (found == [0, 2] && code == Err("ConnectionLost")), "{found:?} after {code:?}");
    fill(&backend, 2).await;
    assert_eq!(backend.get(STORE, &[key(1)]).await, Ok(vec![Some(vec![1; 3])]));
}

/// The values of these keys cannot be read; the browser says so in these words.
fn unreadable(keys: &[u64], name: &str, message: &str) -> String {
    format!(
        "const {{ get, getAll, getAllRecords }} = IDBObjectStore.prototype;
         globalThis.restore = () => {{
             Object.assign(IDBObjectStore.prototype, {{ get, getAll }});
             if (getAllRecords) IDBObjectStore.prototype.getAllRecords = getAllRecords;
         }};
         const failing = real => {{
             const request = new EventTarget();
             request.error = new DOMException('{message}', '{name}');
             request.transaction = null;
             Object.defineProperty(request, 'result', {{ get() {{ throw request.error; }} }});
             real.onsuccess = () => request.dispatchEvent(new Event('error', {{ cancelable: true }}));
             return request;
         }};
         const last = bytes => new Uint8Array(bytes).at(-1);
         IDBObjectStore.prototype.get = function (key) {{
             const request = get.call(this, key);
             return {keys:?}.includes(last(key)) ? failing(request) : request;
         }};
         IDBObjectStore.prototype.getAll = function (...args) {{ return failing(getAll.apply(this, args)); }};
         if (getAllRecords) IDBObjectStore.prototype.getAllRecords = function (...args) {{
             return failing(getAllRecords.apply(this, args));
         }};"
    )
}

const FILE_GONE: (&str, &str) = ("DataError", "Failed to read large IndexedDB value");
const GECKO: (&str, &str) = ("UnknownError", "The operation failed for reasons unrelated to the database itself");

/// It reads as a record without bytes, which the engine reports as damaged. The others must not suffer.
#[wasm_bindgen_test]
async fn a_record_that_the_browser_cannot_read_leaves_the_others_readable() {
    let name = fresh("unreadable");
    let backend = open(&name).await;
    fill(&backend, 6).await;
    let row = |n: u64| Row { key: key(n), value: if n == 3 { vec![] } else { vec![n as u8; 3] } };
    for (exception, message) in [FILE_GONE, GECKO] {
        javascript(&name, &unreadable(&[3], exception, message)).await;
        let read = backend.get(STORE, &[key(2), key(3), key(9)]).await;
        let scan = backend.scan(Scan::new(STORE, KeyRange::all(), 5)).await;
        let reverse = backend.scan(Scan::new(STORE, KeyRange::all(), 5).reverse()).await;
        javascript(&name, "restore();").await;
        assert_eq!(read, Ok(vec![Some(vec![2; 3]), Some(vec![]), None]), "{exception}");
        assert_eq!(scan, Ok((0..5).map(row).collect()), "{exception}");
        assert_eq!(reverse, Ok((1..6).rev().map(row).collect()), "{exception}");
    }
}

/// Words that may be about the disk as well are taken to be about a record only where others can be read.
#[wasm_bindgen_test]
async fn a_disk_that_does_not_answer_is_not_taken_for_damaged_records() {
    let name = fresh("disk");
    let backend = open(&name).await;
    fill(&backend, 2).await;
    javascript(&name, &unreadable(&[0, 1], GECKO.0, GECKO.1)).await;
    let read = backend.get(STORE, &[key(0), key(1)]).await;
    let scan = backend.scan(Scan::new(STORE, KeyRange::all(), 5)).await;
    javascript(&name, "restore();").await;
    let failed = || Box::new(Error::Backend { cause: format!("{}: {}", GECKO.0, GECKO.1) });
    assert_eq!((read, scan), (Err(failed()), Err(failed())));
    assert_eq!(numbers(&backend).await, [0, 1]);
}

/// The caller of an open goes away: the connection is closed, and the database has its stores.
#[wasm_bindgen_test]
async fn an_abandoned_open_leaves_a_whole_database_and_no_connection() {
    let name = fresh("abandoned");
    {
        let mut opening = pin!(IndexedDb::open(&name));
        let pending = poll_fn(|context| Poll::Ready(opening.as_mut().poll(context).is_pending())).await;
        assert!(pending);
    }
    let again = open(&name).await;
    fill(&again, 1).await;
    drop(again);
    // No version change can be waiting for anyone, or this would not get past an ignored one.
    let script = "const request = indexedDB.open(name, 2);
        let blocked = false;
        request.onblocked = () => { blocked = true; };
        (await done(request)).close();
        return blocked;";
    assert_eq!(javascript(&name, script).await, false);
}

#[wasm_bindgen_test]
async fn a_name_may_be_any_text() {
    for name in ["\u{1F5C4} Ablage/../x\u{202e}", "a".repeat(500).as_str()] {
        fill(&open(&fresh(name)).await, 1).await;
    }
}
