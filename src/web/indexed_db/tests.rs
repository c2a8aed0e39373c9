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
    assert_eq!(backend.get(STORE, &[key()]).await, Err(Error::Closed.into()));
    assert_eq!(backend.get(STORE, &[key()]).await, Err(Error::Closed.into()));
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

/// What engines were seen to throw, and what it means.
#[wasm_bindgen_test]
fn exceptions_become_the_errors_of_the_table() {
    let error = |phase, name: &str, message: &str| {
        let exception = web_sys::DomException::new_with_message_and_name(message, name).expect("an exception");
        super::error::Exception::from(exception.as_ref()).into_error(phase)
    };
    for (phase, name, message, code) in [
        // Chromium's quota; Chromium on SQLite with a full disk; Firefox with either.
        (Phase::Commit, "QuotaExceededError", "", "StorageFull"),
        (Phase::Commit, "QuotaExceededError", "Encountered disk full while committing transaction.", "StorageFull"),
        (Phase::Open, "QuotaExceededError", "Encountered full disk while opening backing store", "StorageFull"),
        // Chromium on LevelDB with a full disk: large values, small values.
        (Phase::Commit, "DataError", "Failed to write blobs (IOError)", "StorageFull"),
        (
            Phase::Commit,
            "UnknownError",
            "Internal error committing transaction. IO error: FILE_ERROR_NO_SPACE",
            "StorageFull",
        ),
        // Firefox, in the transaction after that.
        (
            Phase::Commit,
            "InvalidStateError",
            "A mutation operation was attempted on a database that did not allow mutations.",
            "StorageFull",
        ),
        // WebKit, whose storage process died.
        (
            Phase::Begin,
            "UnknownError",
            "Connection to Indexed Database server lost. Refresh the page to try again",
            "ConnectionLost",
        ),
        (
            Phase::Open,
            "UnknownError",
            "Connection to Indexed Database server lost. Refresh the page to try again",
            "ConnectionLost",
        ),
        (
            Phase::Read,
            "UnknownError",
            "An internal error was encountered in the Indexed Database server",
            "ConnectionLost",
        ),
        // Site data cleared under an open connection.
        (Phase::Commit, "UnknownError", "Force close delete origin", "ConnectionLost"),
        // A connection that turned out to be dead, again after it was reopened.
        (Phase::Begin, "InvalidStateError", "The database connection is closing.", "ConnectionLost"),
        // Firefox's private windows of old; an opaque origin.
        (Phase::Open, "InvalidStateError", "A mutation operation was attempted on a database", "Unavailable"),
        (Phase::Open, "SecurityError", "access to the Indexed Database API is denied in this context.", "Unavailable"),
        // A damaged profile.
        (Phase::Open, "UnknownError", "The operation failed for reasons unrelated to the database itself", "Backend"),
        (Phase::Open, "UnknownError", "Internal error opening backing store for indexedDB.open.", "Backend"),
        (Phase::Read, "DataError", "Failed to read large IndexedDB value", "Backend"),
        (Phase::Read, "NotReadableError", "", "Backend"),
        (Phase::Commit, "TransactionInactiveError", "The transaction has finished.", "Backend"),
        (Phase::Commit, "UnknownError", "The serialized keys and/or value are too large (max=133169152)", "Backend"),
    ] {
        let found = error(phase, name, message);
        assert_eq!(found.code(), code, "{phase:?} {name} {message}");
        assert!(found.to_string().contains(name) && found.to_string().contains(message), "{found}");
    }
    let nothing = super::error::Exception::from(&JsValue::UNDEFINED).into_error(Phase::Read);
    assert_eq!(*nothing, Error::Backend { cause: "no reason given".into() });
}
