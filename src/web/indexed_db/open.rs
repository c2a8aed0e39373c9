//! Opening: the upgrade that makes the object stores, the time limit, and what else can be behind a name.

use super::events;
use super::exception::{Exception, Meaning, Phase};
use super::sys::{self, Database, VersionChange};
use crate::backend::StoreName;
use crate::error::{Error, Result};
use futures_channel::oneshot;
use futures_lite::future::or;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::IdbRequest;

/// Version of the set of object stores. What is in the records has its own version, which the engine keeps.
const STORES_VERSION: u32 = 1;

/// How long a first open may take. One that waits for another tab is never answered.
pub const OPEN_TIMEOUT_MS: i32 = 10_000;

/// After so long without an answer an open counts as blocked. Only the first one in a queue is told that it is.
const BLOCKED_AFTER_MS: i32 = 2_000;

/// What a database that was open and is not there any more is reported as.
pub const VANISHED: Error = Error::DataLoss;

/// Whether the database has to be there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Make it if it is not there.
    Any,
    /// It was open a moment ago. If it is gone, the user or the browser deleted it, and to make an empty one would let the
    /// engine go on as if nothing had happened.
    Existing,
}

/// How to open.
#[derive(Clone)]
pub struct Way {
    pub expect: Expect,
    pub limit_ms: i32,
    /// Called at most once for each open, as soon as it is known that another connection keeps the database.
    pub on_blocked: Rc<dyn Fn()>,
}

/// Opens a database with every store of [`StoreName`].
///
/// The open runs on in its own task when the limit has passed, or when the caller no longer waits: it may succeed after all,
/// and then the connection has to be closed, or it would block other tabs; and an upgrade has to be made, or the database
/// would be left without stores.
pub async fn open(name: &str, way: Way) -> Result<Database> {
    let request = ask(name, Some(STORES_VERSION))?;
    let waiting = Waiting(Rc::default());
    let (running, mut ended) = oneshot::channel::<()>();
    let blocked = once(Rc::clone(&way.on_blocked));
    {
        let (opening, blocked, name) = (Rc::clone(&waiting.0), Rc::clone(&blocked), name.to_owned());
        spawn_local(async move {
            opening.result.replace(Some(opened(name, request, way.expect, &*blocked).await));
            if opening.given_up.get() {
                opening.give_up();
            }
            drop(running);
        });
    }
    let early = way.limit_ms.min(BLOCKED_AFTER_MS);
    if !within(&mut ended, early).await {
        blocked();
        within(&mut ended, way.limit_ms - early).await;
    }
    let result = waiting.0.result.take();
    result.unwrap_or_else(|| Err(Error::Blocked { name: name.to_owned() }.into()))
}

/// Whether the other end goes away in that time.
async fn within(ended: &mut oneshot::Receiver<()>, milliseconds: i32) -> bool {
    let ended = async {
        let _ = ended.await;
        true
    };
    let over = async {
        events::sleep(milliseconds).await;
        false
    };
    or(ended, over).await
}

/// The same for the first call, nothing for later ones.
fn once(call: Rc<dyn Fn()>) -> Rc<dyn Fn()> {
    let call = Cell::new(Some(call));
    Rc::new(move || {
        if let Some(call) = call.take() {
            call();
        }
    })
}

/// Asks for a database; without a version, for the one that is there. Whatever is thrown here, there is no IndexedDB to
/// be had.
fn ask(name: &str, version: Option<u32>) -> Result<IdbRequest> {
    let refused = |thrown: JsValue| Error::Unavailable { cause: sys::exception(&thrown).cause() };
    let factory = sys::factory().map_err(refused)?;
    let factory = factory.ok_or_else(|| Error::Unavailable { cause: "there is no indexedDB".into() })?;
    Ok(factory.open(name, version).map_err(refused)?)
}

/// Waits for the hoard of that name.
async fn opened(name: String, request: IdbRequest, expect: Expect, blocked: &dyn Fn()) -> Result<Database> {
    let database = match answer(request, expect, blocked).await {
        Ok(Some(database)) => database,
        Ok(None) => return Err(VANISHED.into()),
        Err(exception) if exception.meaning(Phase::Open) == Meaning::Newer => {
            // The words hold no version that could be relied on. Opening without one changes nothing.
            let mut found = STORES_VERSION + 1;
            if let Ok(Some(newer)) = answer(ask(&name, None)?, Expect::Existing, blocked).await {
                found = newer.version() as u32;
                newer.close();
            }
            return Err(Error::NewerVersion { found, supported: STORES_VERSION }.into());
        }
        Err(exception) => return Err(exception.into_error(Phase::Open)),
    };
    let names = database.object_store_names();
    if !StoreName::ALL.iter().all(|store| names.contains(store.as_str())) {
        database.close();
        return Err(Error::invalid("name", format!("the database \"{name}\" exists and is not a hoard")));
    }
    Ok(database)
}

/// Waits for the answer to a request, and upgrades the database when that is needed. `None` if there is none, but should be.
async fn answer(request: IdbRequest, expect: Expect, blocked: &dyn Fn()) -> Result<Option<Database>, Exception> {
    let failed = |thrown: JsValue| sys::exception(&thrown);
    let event = loop {
        let event = events::first(&request, &["success", "upgradeneeded", "blocked"], &["error"]).await;
        let event: VersionChange = event.map_err(|_| failed(events::cause(&request)))?.unchecked_into();
        if event.kind() != "blocked" {
            break event;
        }
        blocked();
    };
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
