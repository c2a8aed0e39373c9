//! Opening: the upgrade that makes the object stores, the time limit, and what else can be behind a name.

use super::error::{Exception, Phase};
use super::sys;
use crate::backend::StoreName;
use crate::error::{Error, Result};
use indexed_db_futures::database::{Database, VersionChangeEvent};
use indexed_db_futures::factory::OpenDbRequestBuilder;
use indexed_db_futures::internals::SystemRepr;
use indexed_db_futures::prelude::*;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

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
    let gone = Rc::new(Cell::new(false));
    let upgrade = {
        let gone = Rc::clone(&gone);
        move |event: VersionChangeEvent, database: Database| {
            if expect == Expect::Existing && event.old_version() == 0.0 {
                gone.set(true);
                return abandon_upgrade(&database);
            }
            create_stores(&database)
        }
    };
    let request = Database::open(name.to_owned()).with_version(STORES_VERSION).with_on_upgrade_needed(upgrade);
    let database = match within_limit(name, request).await? {
        Ok(database) => database,
        Err(_) if gone.get() => return Err(Error::Closed.into()),
        Err(exception) if exception.name == "VersionError" => return Err(newer_version(name).await),
        Err(exception) => return Err(exception.into_error(Phase::Open)),
    };
    if missing_stores(&database).next().is_some() {
        database.close();
        return Err(Error::invalid("name", format!("the database {name:?} exists and is not a hoard")));
    }
    Ok(database)
}

fn missing_stores(database: &Database) -> impl Iterator<Item = StoreName> + use<> {
    let present: Vec<String> = database.object_store_names().collect();
    StoreName::ALL.into_iter().filter(move |store| !present.iter().any(|name| name == store.as_str()))
}

fn create_stores(database: &Database) -> Result<(), indexed_db_futures::error::Error> {
    for store in missing_stores(database) {
        database.create_object_store(store.as_str()).build()?;
    }
    Ok(())
}

/// Aborts the upgrade, so that no database is made. (An exception from the handler would do the same, and also reach the
/// page's error handler.)
fn abandon_upgrade(database: &Database) -> Result<(), indexed_db_futures::error::Error> {
    let store = database.create_object_store("gone").build()?;
    store.transaction().as_sys().abort()?;
    Ok(())
}

/// What one task of an open leaves for the other.
#[derive(Default)]
struct Opening {
    given_up: Cell<bool>,
    result: RefCell<Option<Result<Database, Exception>>>,
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

/// Waits for the request up to the limit.
///
/// The request runs on in its own task: it may succeed after the limit, and then the connection has to be closed, or it
/// would block other tabs; and its upgrade handler has to stay, or the database would be left without stores.
async fn within_limit<B>(name: &str, request: B) -> Result<Result<Database, Exception>>
where
    B: Build<Ok = indexed_db_futures::future::OpenDbRequest, Err = indexed_db_futures::error::OpenDbError>,
{
    let request = match request.build() {
        Ok(request) => request,
        Err(error) => return Ok(Err(error.into())),
    };
    let waiting = Waiting(Rc::default());
    let opening = Rc::clone(&waiting.0);
    let mut timer = JsValue::UNDEFINED;
    let mut request = Some(request);
    let promise = js_sys::Promise::new(&mut |resolve, _| {
        timer = sys::set_timeout(&resolve, OPEN_TIMEOUT_MS);
        let (opening, Some(request)) = (Rc::clone(&opening), request.take()) else { return };
        spawn_local(async move {
            let result = request.await.map_err(Exception::from);
            opening.result.replace(Some(result));
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
    opening.result.take().ok_or_else(|| Error::Blocked { name: name.to_owned() }.into())
}

/// The error for a database of a higher version, with that version. Opening without a version changes nothing.
async fn newer_version(name: &str) -> Box<Error> {
    let request: OpenDbRequestBuilder<_> = Database::open(name.to_owned());
    match within_limit(name, request).await {
        Ok(Ok(database)) => {
            let found = database.version() as u32;
            database.close();
            Error::NewerVersion { found, supported: STORES_VERSION }.into()
        }
        Ok(Err(exception)) => exception.into_error(Phase::Open),
        Err(error) => error,
    }
}
