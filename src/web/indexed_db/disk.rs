//! The guard against Chromium's way with a full disk, on LevelDB: where a record of the log was torn because the disk was
//! full, the next open keeps the log, whatever is written then comes behind the torn record, and the open after that finds
//! damage in the middle of the log and destroys the databases of the whole origin.
//!
//! 1. Once a disk was full, no write begins: a commit looks for room first, and is refused as `StorageFull` while there is
//!    none. Reads go on. Calls share a look, and there is one a second at most.
//! 2. It looks without IndexedDB: it writes something to the Cache API and removes it again. (Not to the origin's private file
//!    system: Chromium keeps its names in a LevelDB too.)
//! 3. When there is room, LevelDB gets so much to write, on the connection that is open then, that it puts what the torn log
//!    holds into a table and begins another log. Only then other writes may follow.
//! 4. Whoever opens the hoard next has to know. A full disk takes no note, but it lets go of one: the Cache API holds an
//!    entry that says that the log is whole, and it is removed when the disk is full and put back when the log is turned over.
//! 5. The write that found the disk full may have been another tab's, or another database's: all that a handle sees of it is
//!    that its connection is closed unasked. It then looks before it writes, once.
//!
//! No other backend of IndexedDB has this fault, and none of them says the words that arm the guard.

use super::commit::Staged;
use super::exception;
use super::{Attempt, Guard, Handle, events, sys};
use crate::backend::StoreName;
use crate::error::{Error, Result};
use futures_lite::future::or;
use js_sys::{Array, Date, Promise};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use sys::{Blob, Cache, Caches, Response};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

/// What has to fit for the disk to count as having room: more than turning the log over takes, which is about 5 MB in the
/// log and as much in a table. Failing in the middle of that would be the write that must not be.
const ROOM_BYTES: u32 = 16 << 20;

/// One look a second.
const PAUSE_MS: f64 = 1_000.0;

/// Where there is no Cache API, which takes a secure context, there is room after so long.
const TRUST_MS: f64 = 5_000.0;

/// The longest that the Cache API may take.
const LIMIT_MS: i32 = 5_000;

/// LevelDB begins another log once one has 4 MiB. A value of 64 KiB would go to a file of its own.
const FILLERS: u64 = 80;
const FILLER_BYTES: u32 = 60_000;

/// The cache in which an entry says that the log is whole. Where there is no such cache nobody has said anything.
const NOTES: &str = "hoardb";

/// The cache for looking whether there is room.
const ROOM: &str = "hoardb: room";

/// The key of the only entry of either.
const URL: &str = "https://hoardb.invalid/";

/// What a handle knows of the disk.
#[derive(Default)]
pub struct Disk {
    state: Cell<State>,
    /// When it was found full, or last looked at.
    looked: Cell<f64>,
    /// When it was first found full.
    since: Cell<f64>,
    looking: Rc<Attempt>,
    /// Kept, for on a full disk Chromium might not open it.
    notes: RefCell<Option<Cache>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Fine,
    /// Nobody has asked yet what those before knew.
    Unknown,
    /// A connection was closed, and nobody said why.
    Suspected,
    /// The log may be torn.
    Full,
}

impl Disk {
    /// Whether writes may begin.
    pub fn is_fine(&self) -> bool {
        self.state.get() == State::Fine
    }

    pub fn is_full(&self) -> bool {
        self.state.get() == State::Full
    }

    /// The browser closed a connection unasked.
    pub fn suspect(&self) {
        if !self.is_full() && sys::is_chromium() {
            self.state.set(State::Suspected);
        }
    }

    /// Hears why something failed.
    pub fn hear(&self, error: &Error) {
        if let Error::StorageFull { cause } = error
            && exception::is_of_leveldb(cause)
        {
            self.arm();
            self.looked.set(Date::now());
        }
    }

    /// Lets no write begin until there is room.
    fn arm(&self) {
        if self.state.replace(State::Full) != State::Full {
            self.since.set(Date::now());
        }
        if let Some(Ok(removed)) = self.notes.borrow().as_ref().map(|notes| notes.delete(URL)) {
            spawn_local(async {
                settled(removed).await;
            });
        }
    }

    /// Learns what other engines know, and those before.
    async fn ask(&self) {
        let Some(caches) = sys::caches().filter(|_| sys::is_chromium()) else { return };
        if within(is_torn(&caches, &self.notes)).await == Some(true) {
            self.arm();
        }
    }
}

impl Handle {
    /// Asks what those before knew of the disk, and waits for nothing: only a write does.
    pub(super) fn ask_about_the_disk(self: &Rc<Self>) {
        if sys::is_chromium() {
            self.disk.state.set(State::Unknown);
            let handle = Rc::clone(self);
            spawn_local(async move {
                // What it is, the next write hears.
                let _ = handle.await_room().await;
            });
        }
    }

    /// Does what is next before a write may begin, or says why none may.
    pub(super) async fn await_room(self: &Rc<Self>) -> Result<()> {
        self.disk.looking.share(Box::pin(Rc::clone(self).make_sure_of_room())).await
    }

    async fn make_sure_of_room(self: Rc<Self>) -> Result<()> {
        let disk = &self.disk;
        let first = disk.state.get() == State::Unknown;
        disk.ask().await;
        if first {
            // There may be no connection yet.
            if disk.state.get() == State::Unknown {
                disk.state.set(State::Fine);
            }
            return Ok(());
        }
        let pause = (disk.looked.get() + PAUSE_MS - Date::now()).min(PAUSE_MS);
        if pause > 0.0 {
            events::sleep(pause as i32).await;
        }
        self.check_open()?;
        let room = match sys::caches() {
            Some(caches) => within(has_room(&caches)).await.is_some(),
            None => Date::now() - disk.since.get() > TRUST_MS,
        };
        disk.looked.set(Date::now());
        if !room {
            disk.arm();
            return Err(Error::StorageFull { cause: exception::FULL_DISK.into() }.into());
        }
        if disk.is_full() {
            self.commit(Staged::filler(StoreName::Journal, &noise(), FILLERS)?, Guard::Off).await?;
            let notes = disk.notes.borrow().clone();
            if let Some(notes) = notes {
                within(put(&notes, 0)).await;
            }
        }
        disk.state.set(State::Fine);
        Ok(())
    }
}

/// Whether an engine has removed the entry that the log is whole.
async fn is_torn(caches: &Caches, notes: &RefCell<Option<Cache>>) -> Option<bool> {
    let is_there = settled(caches.has(NOTES).ok()?).await? == JsValue::TRUE;
    let cache = open(caches, NOTES).await?;
    let torn = if is_there {
        settled(cache.match_(URL).ok()?).await?.is_undefined()
    } else {
        put(&cache, 0).await?;
        false
    };
    notes.replace(Some(cache));
    Some(torn)
}

async fn has_room(caches: &Caches) -> Option<()> {
    let cache = open(caches, ROOM).await?;
    let written = put(&cache, ROOM_BYTES / FILLER_BYTES + 1).await;
    // All of it, for Chromium does not get a cache to work again that failed for want of space.
    settled(cache.delete(URL).ok()?).await;
    settled(caches.delete(ROOM).ok()?).await;
    written
}

async fn open(caches: &Caches, name: &str) -> Option<Cache> {
    settled(caches.open(name).ok()?).await.map(JsCast::unchecked_into)
}

/// Puts so many times the noise into the only entry of a cache.
async fn put(cache: &Cache, count: u32) -> Option<()> {
    let parts = Array::new_with_length(count).fill(sys::value(&noise()).ok()?.as_ref(), 0, count);
    settled(cache.put(URL, &Response::new(&Blob::new(&parts).ok()?).ok()?).ok()?).await.map(drop)
}

async fn settled(promise: Promise) -> Option<JsValue> {
    JsFuture::from(promise).await.ok()
}

async fn within<T>(work: impl Future<Output = Option<T>>) -> Option<T> {
    or(work, async {
        events::sleep(LIMIT_MS).await;
        None
    })
    .await
}

/// Bytes that neither the browser nor a file system makes smaller.
fn noise() -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut bytes = Vec::with_capacity(FILLER_BYTES as usize);
    while bytes.len() < FILLER_BYTES as usize {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes
}
