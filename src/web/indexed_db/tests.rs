//! What only this module can do to itself: lose its connection.

use super::*;
use crate::backend::{Check, KeyRange, Op};
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

const STORE: StoreName = StoreName::Meta;

fn key() -> Key {
    Key::new().number(1)
}

async fn with_a_record(test: &str) -> IndexedDb {
    let backend = IndexedDb::open(&format!("{test} {}", js_sys::Math::random())).await.expect("the database opens");
    let batch = Batch { ops: vec![Op::Put(STORE, key(), vec![7])], ..Batch::default() };
    assert_eq!(backend.commit(batch).await, Ok(Outcome::Committed));
    backend
}

/// The browser's object behind the handle.
fn raw(backend: &IndexedDb) -> Database {
    backend.0.connected().expect("the handle is open").expect("there is a connection")
}

/// Calls the listener as the browser does when it has closed the connection.
fn close_event(backend: &IndexedDb) {
    let raw = raw(backend);
    raw.close();
    raw.onclose().expect("a listener").call0(&raw).expect("the listener runs");
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(method, js_name = deleteDatabase)]
    fn delete_database(this: &sys::Factory, name: &str) -> web_sys::IdbRequest;
    #[wasm_bindgen(method, catch)]
    fn add(
        this: &sys::ObjectStore,
        value: &js_sys::ArrayBuffer,
        key: &js_sys::Uint8Array,
    ) -> Result<web_sys::IdbRequest, JsValue>;
}

async fn delete(name: &str) {
    let factory = sys::factory().expect("no exception").expect("there is one");
    events::done(&factory.delete_database(name)).await.expect("the database goes");
}

/// Firefox, out of space: the connection is dead, and no event says so.
#[wasm_bindgen_test]
async fn a_connection_that_died_silently_is_opened_again() {
    let backend = with_a_record("silent").await;
    raw(&backend).close();
    assert_eq!(backend.get(STORE, &[key()]).await, Ok(vec![Some(vec![7])]));
    raw(&backend).close();
    let batch = Batch {
        checks: vec![Check::Present(STORE, key())],
        ops: vec![Op::Update(STORE, key(), Box::new(|_| Ok(vec![8])))],
        ..Batch::default()
    };
    assert_eq!(backend.commit(batch).await, Ok(Outcome::Committed));
    raw(&backend).close();
    assert_eq!(backend.scan(Scan::new(STORE, KeyRange::all(), 9)).await.map(|rows| rows.len()), Ok(1));
}

#[wasm_bindgen_test]
async fn a_connection_that_the_browser_closed_is_opened_again() {
    let backend = with_a_record("close event").await;
    close_event(&backend);
    assert_eq!(backend.0.status.get(), Status::Lost);
    assert_eq!(backend.get(STORE, &[key()]).await, Ok(vec![Some(vec![7])]));
    assert_eq!(backend.0.status.get(), Status::Open);
}

/// Two calls find the connection gone at the same time: one new connection is kept, the other closed.
#[wasm_bindgen_test]
async fn calls_that_reopen_together_keep_one_connection() {
    let backend = with_a_record("together").await;
    close_event(&backend);
    let reads = [0, 1, 2].map(|_| {
        let backend = IndexedDb(Rc::clone(&backend.0));
        future_to_promise(async move {
            let found = backend.get(STORE, &[key()]).await;
            Ok(JsValue::from_bool(found == Ok(vec![Some(vec![7])])))
        })
    });
    for read in reads {
        assert_eq!(JsFuture::from(read).await, Ok(JsValue::TRUE));
    }
    let name = backend.0.name.clone();
    backend.close().await;
    // Would wait for a connection that nobody holds and nobody closed.
    delete(&name).await;
}

/// Site data was cleared under us. An empty database in its place would look as if everything had been deleted.
#[wasm_bindgen_test]
async fn a_database_that_is_gone_is_not_made_again_behind_the_engine() {
    let backend = with_a_record("gone").await;
    raw(&backend).close();
    delete(&backend.0.name).await;
    assert_eq!(backend.get(STORE, &[key()]).await, Err(Error::DataLoss.into()));
    assert_eq!(backend.get(STORE, &[key()]).await, Err(Error::DataLoss.into()));
    let name = backend.0.name.clone();
    let fresh = IndexedDb::open(&name).await.expect("the caller may open it anew");
    assert_eq!(fresh.get(STORE, &[key()]).await, Ok(vec![None]));
}

#[wasm_bindgen_test]
async fn a_closed_handle_is_not_opened_again() {
    let backend = with_a_record("closed").await;
    let raw = raw(&backend);
    backend.close().await;
    assert!(raw.onversionchange().is_none() && raw.onclose().is_none());
    assert_eq!(backend.get(STORE, &[key()]).await, Err(Error::Closed.into()));
    backend.0.disconnect(Status::Lost);
    assert_eq!(backend.0.status.get(), Status::Closed);
}

/// Runs JavaScript that knows nothing of the backend.
fn javascript(body: &str) {
    js_sys::Function::new_no_args(body).call0(&JsValue::NULL).expect("the script runs");
}

/// A page whose origin may not store anything.
#[wasm_bindgen_test]
async fn closing_waits_for_what_is_under_way() {
    let backend = with_a_record("closing waits").await;
    let order = std::cell::RefCell::new(Vec::new());
    let read = async {
        assert_eq!(backend.get(STORE, &[key()]).await, Ok(vec![Some(vec![7])]));
        order.borrow_mut().push("read");
    };
    let close = async {
        backend.close().await;
        order.borrow_mut().push("closed");
    };
    futures_lite::future::zip(read, close).await;
    assert_eq!(*order.borrow(), ["read", "closed"]);
}

#[wasm_bindgen_test]
async fn an_open_that_is_refused_is_unavailable() {
    javascript(
        "const open = IDBFactory.prototype.open;
        IDBFactory.prototype.open = function () {
            IDBFactory.prototype.open = open;
            throw new DOMException('not here', 'SecurityError');
        };",
    );
    let refused = IndexedDb::open("refused").await.map(drop);
    assert_eq!(refused, Err(Error::Unavailable { cause: "SecurityError: not here".into() }.into()));
}

/// A part of the stores would make it a database of something else for ever.
#[wasm_bindgen_test]
async fn an_upgrade_that_fails_leaves_no_database() {
    let name = format!("half an upgrade {}", js_sys::Math::random());
    javascript(
        "const create = IDBDatabase.prototype.createObjectStore;
        let left = 3;
        IDBDatabase.prototype.createObjectStore = function (...args) {
            if (left-- > 0) return create.apply(this, args);
            IDBDatabase.prototype.createObjectStore = create;
            throw new DOMException('no more', 'ConstraintError');
        };",
    );
    let failed = IndexedDb::open(&name).await.map(drop);
    assert_eq!(failed, Err(Error::Backend { cause: "ConstraintError: no more".into() }.into()));
    let again = IndexedDb::open(&name).await.expect("the database opens");
    assert_eq!(again.get(STORE, &[key()]).await, Ok(vec![None]));
}

/// The requests before it have succeeded, and IndexedDB's own way would be to commit them.
#[wasm_bindgen_test]
async fn a_commit_that_throws_leaves_nothing() {
    let backend = with_a_record("commit throws").await;
    javascript(
        "const commit = IDBTransaction.prototype.commit;
        IDBTransaction.prototype.commit = function () {
            IDBTransaction.prototype.commit = commit;
            throw new DOMException('not now', 'NotSupportedError');
        };",
    );
    let batch = Batch { ops: vec![Op::Put(STORE, key(), vec![8])], ..Batch::default() };
    let failed = backend.commit(batch).await;
    assert_eq!(failed, Err(Error::Backend { cause: "NotSupportedError: not now".into() }.into()));
    assert_eq!(backend.get(STORE, &[key()]).await, Ok(vec![Some(vec![7])]));
}

/// The table itself is tested without a browser.
#[wasm_bindgen_test]
fn exceptions_are_taken_for_what_they_say() {
    let thrown =
        web_sys::DomException::new_with_message_and_name("no more", "QuotaExceededError").expect("an exception");
    let error = sys::exception(thrown.as_ref()).into_error(Phase::Commit);
    assert_eq!(*error, Error::StorageFull { cause: "QuotaExceededError: no more".into() });
    let error = sys::exception(js_sys::TypeError::new("no such thing").as_ref()).into_error(Phase::Read);
    assert_eq!(*error, Error::Backend { cause: "TypeError: no such thing".into() });
    for nothing in [JsValue::UNDEFINED, JsValue::NULL, "text".into(), js_sys::Object::new().into()] {
        let error = sys::exception(&nothing).into_error(Phase::Read);
        assert_eq!(*error, Error::Backend { cause: "no reason given".into() });
    }
}

/// The request fails for itself: those before it, those after it and the transaction go on.
#[wasm_bindgen_test]
async fn a_request_that_fails_alone_aborts_nothing() {
    let backend = with_a_record("alone").await;
    let transaction = sys::begin_write(&raw(&backend), &[STORE], Default::default()).expect("a transaction");
    let ended = events::first(&transaction, &["complete"], &["abort"]);
    let store = sys::store(&transaction, STORE.as_str()).expect("a store");
    let value = |byte| sys::value(&[byte]).expect("a value");
    let key = |number| sys::key(&Key::new().number(number)).expect("a key");
    let requests = [
        store.put_and_return(&value(1), &key(2)).expect("a request"),
        // It is taken.
        store.add(&value(2), &key(1)).expect("a request"),
        store.put_and_return(&value(3), &key(3)).expect("a request"),
    ];
    let ends = [0, 1, 2].map(|n: usize| events::first(&requests[n], &["success"], &["error"]));
    let mut outcomes = Vec::new();
    for (request, end) in requests.iter().zip(ends) {
        outcomes.push(events::done_alone(request, end).await.map_err(|thrown| sys::exception(&thrown).name));
    }
    sys::finish(&transaction);
    assert_eq!(outcomes, [Ok(()), Err("ConstraintError".into()), Ok(())]);
    assert!(ended.await.is_ok(), "it was aborted");
    let keys = [1, 2, 3].map(|number| Key::new().number(number));
    assert_eq!(backend.get(STORE, &keys).await, Ok(vec![Some(vec![7]), Some(vec![1]), Some(vec![3])]));
}

#[wasm_bindgen_test]
async fn a_blocked_event_reaches_the_caller_at_once_and_once() {
    let backend = with_a_record("blocked event").await;
    javascript(
        "const open = IDBFactory.prototype.open;
        IDBFactory.prototype.open = function (...args) {
            IDBFactory.prototype.open = open;
            const real = open.apply(this, args);
            const request = new EventTarget();
            const blocked = () => request.dispatchEvent(new Event('blocked'));
            setTimeout(blocked, 50);
            setTimeout(blocked, 60);
            real.onsuccess = () => setTimeout(() => {
                request.result = real.result;
                request.dispatchEvent(new Event('success'));
            }, 200);
            return request;
        };",
    );
    let told = Rc::new(Cell::new(0));
    let on_blocked = {
        let told = Rc::clone(&told);
        Rc::new(move || told.set(told.get() + 1))
    };
    let again = IndexedDb::open_with(&backend.0.name, on_blocked).await.expect("it opens after all");
    assert_eq!(told.get(), 1);
    assert_eq!(again.get(STORE, &[key()]).await, Ok(vec![Some(vec![7])]));
}

/// Counts calls of `IDBFactory.open` from now on.
fn count_opens() {
    javascript(
        "const open = IDBFactory.prototype.open;
        globalThis.opens = 0;
        globalThis.restore = () => { IDBFactory.prototype.open = open; };
        IDBFactory.prototype.open = function (...args) {
            opens++;
            return open.apply(this, args);
        };",
    );
}

fn opens() -> f64 {
    let opens = js_sys::Reflect::get(&js_sys::global(), &"opens".into());
    opens.ok().and_then(|opens| opens.as_f64()).expect("a number")
}

/// Makes so many transactions find the connection dead.
fn kill_connections(count: u32) {
    javascript(&format!(
        "const begin = IDBDatabase.prototype.transaction;
        let left = {count};
        globalThis.revive = () => {{ IDBDatabase.prototype.transaction = begin; }};
        IDBDatabase.prototype.transaction = function (...args) {{
            if (left-- > 0) this.close();
            return begin.apply(this, args);
        }};"
    ));
}

#[wasm_bindgen_test]
async fn a_connection_that_is_dead_three_times_over_is_opened_again() {
    let backend = with_a_record("dead three times").await;
    count_opens();
    kill_connections(3);
    let read = backend.get(STORE, &[key()]).await;
    javascript("restore(); revive();");
    assert_eq!(read, Ok(vec![Some(vec![7])]));
    assert_eq!(opens(), 3.0);
}

#[wasm_bindgen_test]
async fn a_connection_that_stays_dead_is_lost_after_three_attempts() {
    let backend = with_a_record("dead for good").await;
    count_opens();
    kill_connections(1_000);
    let began = js_sys::Date::now();
    let batch = Batch { ops: vec![Op::Put(STORE, key(), vec![8])], ..Batch::default() };
    let outcome = backend.commit(batch).await;
    let took = js_sys::Date::now() - began;
    javascript("restore(); revive();");
    assert!(matches!(&outcome, Err(error) if matches!(**error, Error::ConnectionLost { .. })), "{outcome:?}");
    assert_eq!(opens(), 3.0);
    assert!((1_400.0..6_000.0).contains(&took), "{took} ms");
    // The next call tries anew.
    assert_eq!(backend.get(STORE, &[key()]).await, Ok(vec![Some(vec![7])]));
}

/// The answer to an open, made up.
const OPENS_FAIL: &str = "const open = IDBFactory.prototype.open;
    globalThis.opens = 0;
    globalThis.restore = () => { IDBFactory.prototype.open = open; };
    IDBFactory.prototype.open = function () {
        opens++;
        const request = new EventTarget();
        request.error = new DOMException('MESSAGE', 'NAME');
        request.transaction = null;
        setTimeout(() => request.dispatchEvent(new Event('error')), 5);
        return request;
    };";

#[wasm_bindgen_test]
async fn calls_that_find_the_connection_gone_share_each_attempt() {
    let backend = with_a_record("shared").await;
    for (name, message, attempts, code) in [
        ("UnknownError", "Internal error opening backing store for indexedDB.open.", 3.0, "ConnectionLost"),
        (
            "UnknownError",
            "Connection to Indexed Database server lost. Refresh the page to try again",
            3.0,
            "ConnectionLost",
        ),
        // No attempt more would help.
        ("QuotaExceededError", "Encountered full disk while opening backing store", 1.0, "StorageFull"),
    ] {
        close_event(&backend);
        javascript(&OPENS_FAIL.replace("NAME", name).replace("MESSAGE", message));
        let calls = [0, 1, 2, 3, 4].map(|_| {
            let backend = IndexedDb(Rc::clone(&backend.0));
            future_to_promise(async move {
                let code = backend.get(STORE, &[key()]).await.map_or_else(|error| error.code(), |_| "");
                Ok(code.into())
            })
        });
        for call in calls {
            assert_eq!(JsFuture::from(call).await, Ok(code.into()));
        }
        javascript("restore();");
        assert_eq!(opens(), attempts, "{name}");
        assert_eq!(backend.get(STORE, &[key()]).await, Ok(vec![Some(vec![7])]));
    }
}

#[wasm_bindgen_test]
async fn closing_while_the_connection_is_opened_again_ends_all_calls() {
    let backend = with_a_record("closed while reopening").await;
    close_event(&backend);
    let keys = [key()];
    let mut read = Box::pin(backend.get(STORE, &keys));
    assert_eq!(poll_once(&mut read).await, None);
    backend.close().await;
    assert_eq!(read.await, Err(Error::Closed.into()));
    // Would wait for a connection that was left behind.
    delete(&backend.0.name).await;
}

/// A Cache API whose disk is `full` or not, and that counts how often somebody looked for room; and what is written to
/// IndexedDB meanwhile.
const DISK: &str = "const real = Object.getOwnPropertyDescriptor(globalThis, 'caches');
    const { put } = IDBObjectStore.prototype;
    const { transaction } = IDBDatabase.prototype;
    const all = new Map();
    Object.assign(globalThis, { full: false, looks: 0, filled: 0, begun: 0, all });
    globalThis.restore = () => {
        if (real) Object.defineProperty(globalThis, 'caches', real);
        else delete globalThis.caches;
        IDBObjectStore.prototype.put = put;
        IDBDatabase.prototype.transaction = transaction;
    };
    IDBObjectStore.prototype.put = function (value, key) {
        if (this.name === 'journal') filled += value.byteLength;
        return put.call(this, value, key);
    };
    IDBDatabase.prototype.transaction = function (...args) {
        if (args[1] === 'readwrite') begun++;
        return transaction.apply(this, args);
    };
    const caches = {
        has: async (name) => all.has(name),
        delete: async (name) => all.delete(name),
        open: async (name) => {
            if (!all.has(name)) all.set(name, new Map());
            const entries = all.get(name);
            return {
                match: async (url) => entries.get(url),
                delete: async (url) => entries.delete(url),
                put: async (url, response) => {
                    const { size } = await response.blob();
                    if (size > 100_000) looks++;
                    if (full) throw new DOMException('no room', 'UnknownError');
                    entries.set(url, size);
                },
            };
        },
    };
    Object.defineProperty(globalThis, 'caches', { configurable: true, value: caches });";

/// The value of a global variable of the script above.
fn figure(name: &str) -> f64 {
    let figure = js_sys::Reflect::get(&js_sys::global(), &name.into());
    figure.ok().and_then(|figure| figure.as_f64()).expect("a number")
}

fn learn_that_the_disk_is_full(backend: &IndexedDb) {
    let cause = "UnknownError: Internal error committing transaction. IO error: FILE_ERROR_NO_SPACE";
    backend.0.disk.hear(&Error::StorageFull { cause: cause.into() });
}

async fn write(backend: &IndexedDb, value: u8) -> Result<Outcome, &'static str> {
    let batch = Batch { ops: vec![Op::Put(STORE, key(), vec![value])], ..Batch::default() };
    backend.commit(batch).await.map_err(|error| error.code())
}

/// On Chromium's LevelDB every one of these writes would be another that makes it destroy the database.
#[wasm_bindgen_test]
async fn nothing_is_written_on_a_full_disk_and_first_of_all_the_log_is_turned_over() {
    let backend = with_a_record("full disk").await;
    javascript(DISK);
    javascript("full = true;");
    learn_that_the_disk_is_full(&backend);
    for _ in 0..2 {
        assert_eq!(write(&backend, 8).await, Err("StorageFull"));
    }
    assert_eq!((figure("looks"), figure("begun")), (2.0, 0.0));
    assert_eq!(backend.get(STORE, &[key()]).await, Ok(vec![Some(vec![7])]));
    javascript("full = false;");
    // They share the look and the filler.
    let writes = [1, 2, 3].map(|value| {
        let backend = IndexedDb(Rc::clone(&backend.0));
        future_to_promise(async move { Ok((write(&backend, value).await == Ok(Outcome::Committed)).into()) })
    });
    for write in writes {
        assert_eq!(JsFuture::from(write).await, Ok(JsValue::TRUE));
    }
    let (looks, filled, begun) = (figure("looks"), figure("filled"), figure("begun"));
    let after = write(&backend, 9).await;
    let looks_after = figure("looks");
    javascript("restore();");
    assert_eq!((looks, begun), (3.0, 4.0));
    assert!(filled > f64::from(4 << 20), "{filled} bytes");
    assert_eq!(backend.scan(Scan::keys(StoreName::Journal, KeyRange::all(), 9)).await, Ok(Vec::new()));
    assert_eq!((after, looks_after), (Ok(Outcome::Committed), 3.0));
    assert_eq!(backend.get(STORE, &[key()]).await, Ok(vec![Some(vec![9])]));
}

/// Another tab may have filled the disk, or nobody.
#[wasm_bindgen_test]
async fn a_connection_closed_unasked_is_reason_to_look_once() {
    let backend = with_a_record("unasked").await;
    let expected = if sys::is_chromium() { 1.0 } else { 0.0 };
    javascript(DISK);
    close_event(&backend);
    let outcomes = [write(&backend, 8).await, write(&backend, 9).await];
    let (looks, filled) = (figure("looks"), figure("filled"));
    close_event(&backend);
    javascript("full = true;");
    let full = write(&backend, 10).await;
    javascript("restore();");
    assert_eq!(outcomes, [Ok(Outcome::Committed); 2]);
    assert_eq!((looks, filled), (expected, 0.0));
    assert_eq!(full, if sys::is_chromium() { Err("StorageFull") } else { Ok(Outcome::Committed) });
}

/// The log is as torn as before when the browser was started again and there is room.
#[wasm_bindgen_test]
async fn whoever_opens_a_hoard_after_a_full_disk_turns_the_log_over() {
    javascript(DISK);
    let backend = with_a_record("full before").await;
    let filled_at_first = figure("filled");
    learn_that_the_disk_is_full(&backend);
    let name = backend.0.name.clone();
    backend.close().await;
    let next = IndexedDb::open(&name).await.expect("it opens");
    let second = write(&next, 8).await;
    let filled_then = figure("filled");
    next.close().await;
    let last = IndexedDb::open(&name).await.expect("it opens");
    let third = write(&last, 9).await;
    let filled_later = figure("filled");
    javascript("restore();");
    assert_eq!([second, third], [Ok(Outcome::Committed); 2]);
    assert_eq!(filled_at_first, 0.0);
    assert_eq!(filled_then > f64::from(4 << 20), sys::is_chromium());
    assert_eq!(filled_later, filled_then);
}

/// The quota may leave no room as well, and then it is deleting that makes some.
#[wasm_bindgen_test]
async fn a_suspicion_alone_is_told_to_nobody() {
    let backend = with_a_record("suspicion").await;
    javascript(DISK);
    javascript("full = true;");
    close_event(&backend);
    let first = write(&backend, 8).await;
    let name = backend.0.name.clone();
    backend.close().await;
    let next = IndexedDb::open(&name).await.expect("it opens");
    let second = write(&next, 9).await;
    let filled = figure("filled");
    javascript("restore();");
    assert_eq!(first, if sys::is_chromium() { Err("StorageFull") } else { Ok(Outcome::Committed) });
    assert_eq!((second, filled), (Ok(Outcome::Committed), 0.0));
}

/// A context that is not secure has none; site data may be damaged; and what is asked may never be answered.
#[wasm_bindgen_test]
async fn a_cache_api_of_no_use_keeps_nobody_from_writing() {
    const NO_CACHES: [(&str, f64); 4] = [
        ("undefined", 1_500.0),
        ("new Proxy({}, { get: () => () => { throw new Error('no'); } })", 1_500.0),
        ("new Proxy({}, { get: () => async () => { throw new Error('no'); } })", 1_500.0),
        ("new Proxy({}, { get: () => () => new Promise(() => {}) })", 3_000.0),
    ];
    for (value, most) in NO_CACHES {
        javascript(DISK);
        javascript(&format!("Object.defineProperty(globalThis, 'caches', {{ configurable: true, value: {value} }});"));
        let began = js_sys::Date::now();
        let backend = IndexedDb::open(&format!("no caches {}", js_sys::Math::random())).await.expect("it opens");
        let read = backend.get(STORE, &[key()]).await;
        let opened = js_sys::Date::now() - began;
        let first = write(&backend, 7).await;
        close_event(&backend);
        let second = write(&backend, 8).await;
        let took = js_sys::Date::now() - began;
        javascript("restore();");
        assert_eq!((read, first, second), (Ok(vec![None]), Ok(Outcome::Committed), Ok(Outcome::Committed)), "{value}");
        assert!(opened < 1_500.0 && took < most, "{value}: {opened} ms, {took} ms");
    }
}

/// Chromium cannot open what it has closed for want of space, and says nothing of space then.
#[wasm_bindgen_test]
async fn what_a_full_disk_keeps_from_opening_again_is_full() {
    let backend = with_a_record("full and gone").await;
    javascript(DISK);
    learn_that_the_disk_is_full(&backend);
    close_event(&backend);
    let failing = OPENS_FAIL.replace("globalThis.restore", "globalThis.reopen").replace("NAME", "UnknownError");
    javascript(&failing.replace("MESSAGE", "Internal error opening backing store for indexedDB.open."));
    let read = backend.get(STORE, &[key()]).await.map_err(|error| error.code());
    javascript("reopen(); restore();");
    assert_eq!(read, Err("StorageFull"));
    assert_eq!(backend.get(STORE, &[key()]).await, Ok(vec![Some(vec![7])]));
}
