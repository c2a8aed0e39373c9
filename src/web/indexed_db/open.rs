//! Opening: the upgrade that makes the object stores, the time limit, and what else can be behind a name.

use super::error::{Exception, Phase};
use super::events;
use super::sys::{self, Database, VersionChange};
use crate::backend::StoreName;
use crate::error::{Error, Result};
use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::IdbRequest;

/// Version of the set of object stores. What is in the records has its own version, which the engine keeps.
const STORES_VERSION: u32 = 1;

/// How long an open may take. One that waits for another tab is never answered.
const OPEN_TIMEOUT_MS: i32 = 10_000;

/// Whether the database has to be there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Make it if it is not there.
    Any,
    /// It was open a moment ago. If it is gone, the user or the browser deleted it, and to make an empty one would let the
    /// engine go on as if nothing had happened.
    Existing,
}

/// Opens a database with every store of [`StoreName`].
pub async fn open(name: &str, expect: Expect) -> Result<Database> {
    let request = ask(name, Some(STORES_VERSION))?;
    let opened = within_limit(Box::pin(opened(name.to_owned(), request, expect))).await;
    opened.unwrap_or_else(|| Err(Error::Blocked { name: name.to_owned() }.into()))
}

/// Asks for a database; without a version, for the one that is there. Whatever is thrown here, there is no IndexedDB to
/// be had.
fn ask(name: &str, version: Option<u32>) -> Result<IdbRequest> {
    let refused = |thrown: JsValue| Error::Unavailable { cause: Exception::from(&thrown).cause() };
    let factory = sys::factory().map_err(refused)?;
    let factory = factory.ok_or_else(|| Error::Unavailable { cause: "there is no indexedDB".into() })?;
    Ok(factory.open(name, version).map_err(refused)?)
}

/// Waits for the hoard of that name.
async fn opened(name: String, request: IdbRequest, expect: Expect) -> Result<Database> {
    let database = match answer(request, expect).await {
        Ok(Some(database)) => database,
        Ok(None) => return Err(Error::Closed.into()),
        Err(exception) => {
            // The words hold no version that could be relied on. Opening without one changes nothing.
            if exception.name == "VersionError"
                && let Ok(Some(newer)) = answer(ask(&name, None)?, Expect::Existing).await
            {
                let found = newer.version() as u32;
                newer.close();
                return Err(Error::NewerVersion { found, supported: STORES_VERSION }.into());
            }
            return Err(exception.into_error(Phase::Open));
        }
    };
    let names = database.object_store_names();
    if !StoreName::ALL.iter().all(|store| names.contains(store.as_str())) {
        database.close();
        return Err(Error::invalid("name", format!("the database \"{name}\" exists and is not a hoard")));
    }
    Ok(database)
}

/// Waits for the answer to a request, and upgrades the database when that is needed. `None` if there is none, but should be.
async fn answer(request: IdbRequest, expect: Expect) -> Result<Option<Database>, Exception> {
    let failed = |thrown: JsValue| Exception::from(&thrown);
    let event = events::first(&request, &["success", "upgradeneeded"], &["error"]).await;
    let event: VersionChange = event.map_err(|_| failed(events::cause(&request)))?.unchecked_into();
    if let Some(old) = event.old_version() {
        let gone = old == 0.0 && expect == Expect::Existing;
        let upgraded = if gone { Ok(()) } else { create_stores(&request) };
        if (gone || upgraded.is_err())
            && let Some(transaction) = request.transaction()
        {
            // So that no database is made.
            let _ = transaction.abort();
        }
        let ended = events::done(&request).await;
        if gone {
            return Ok(None);
        }
        upgraded.and(ended).map_err(failed)?;
    }
    request.result().map(|database| Some(database.unchecked_into())).map_err(failed)
}

fn create_stores(request: &IdbRequest) -> Result<(), JsValue> {
    let database: Database = request.result()?.unchecked_into();
    let names = database.object_store_names();
    for store in StoreName::ALL {
        if !names.contains(store.as_str()) {
            database.create_object_store(store.as_str())?;
        }
    }
    Ok(())
}

/// What one task of an open leaves for the other.
#[derive(Default)]
struct Opening {
    given_up: Cell<bool>,
    result: RefCell<Option<Result<Database>>>,
}

impl Opening {
    fn give_up(&self) {
        self.given_up.set(true);
        if let Some(Ok(database)) = self.result.take() {
            database.close();
        }
    }
}

/// Gives up when it is dropped, be it after the limit or because the caller no longer waits.
struct Waiting(Rc<Opening>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

/// Waits for an open up to the limit; `None` after it.
///
/// The open runs on in its own task: it may succeed after the limit, and then the connection has to be closed, or it would
/// block other tabs; and an upgrade has to be made, or the database would be left without stores.
async fn within_limit(open: Pin<Box<dyn Future<Output = Result<Database>>>>) -> Option<Result<Database>> {
    let waiting = Waiting(Rc::default());
    let opening = Rc::clone(&waiting.0);
    let mut timer = JsValue::UNDEFINED;
    let mut open = Some(open);
    let promise = js_sys::Promise::new(&mut |resolve, _| {
        timer = sys::set_timeout(&resolve, OPEN_TIMEOUT_MS);
        let (opening, Some(open)) = (Rc::clone(&opening), open.take()) else { return };
        spawn_local(async move {
            opening.result.replace(Some(open.await));
            if opening.given_up.get() {
                opening.give_up();
            }
            // Nobody listens any more if the limit has passed.
            let _ = resolve.call0(&JsValue::UNDEFINED);
        });
    });
    // The promise never rejects.
    let _ = JsFuture::from(promise).await;
    sys::clear_timeout(&timer);
    opening.result.take()
}
