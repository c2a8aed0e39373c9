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
//!    that its connection is closed unasked. It then looks before it writes. That alone keeps nobody from writing for long,
//!    nor anybody who comes later: it may be the quota that leaves no room, and then a delete has to go through.
//! 6. A Cache API that is missing, broken, or does not answer keeps nobody from writing for long either.
//!
//! No other backend of IndexedDB has this fault, and none of them says the words that arm the guard.

use super::commit::Staged;
use super::exception;
use super::{Attempt, Guard, Handle, events, sys};
use crate::backend::{Batch, Durability, Key, Op, StoreName};
use crate::error::{Error, Result};
use futures_lite::future::or;
use js_sys::{Array, Date, Promise};
use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use sys::{Blob, Cache, Caches, Response};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

/// LevelDB begins another log once one has 4 MiB. A value of 64 KiB would go to a file of its own.
const FILLERS: u64 = 80;
const FILLER_BYTES: usize = 60_000;

/// What has to fit, in fillers, for a disk that was full to have room: more than turning the log over takes, which is 5 MB in
/// the log and as much in a table. Failing in the middle of that would be the write that must not be.
const ROOM: u32 = 240;

/// What has to fit while the disk is only suspected.
const A_LITTLE: u32 = 16;

/// One look a second.
const PAUSE_MS: f64 = if cfg!(test) { 100.0 } else { 1_000.0 };

/// The longest that writes wait for what is only suspected, or for a Cache API that says nothing.
const TRUST_MS: f64 = 20_000.0;

/// The longest that the Cache API may take.
const LIMIT_MS: i32 = if cfg!(test) { 200 } else { 4_000 };

/// The cache in which an entry says that the log is whole, and another that somebody has said so.
const NOTES: &str = "hoardb";
const WHOLE: &str = "https://hoardb.invalid/whole";
const USED: &str = "https://hoardb.invalid/used";

/// The cache for looking whether there is room.
const LOOKS: &str = "hoardb: room";

/// What a handle knows of the disk.
#[derive(Default)]
pub struct Disk {
    state: Cell<State>,
    /// When it was found full, or last looked at.
    looked: Cell<f64>,
    /// When writes were first refused.
    since: Cell<Option<f64>>,
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

/// What the Cache API answers; `None` if it is of no use.
type Answer<'a> = Pin<Box<dyn Future<Output = Option<bool>> + 'a>>;

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
            self.looked.set(Date::now());
            self.arm();
        }
    }

    /// Lets no write begin until there is room, and whoever opens the hoard next know.
    fn arm(&self) {
        self.state.set(State::Full);
        self.refuse();
        if let Some(Ok(removed)) = self.notes.borrow().as_ref().map(|notes| notes.delete(WHOLE)) {
            // Nobody waits, and no rejection goes unheard.
            drop(JsFuture::from(removed));
        }
    }

    fn refuse(&self) {
        self.since.set(self.since.get().or_else(|| Some(Date::now())));
    }
}

impl Handle {
    /// Learns what other engines know, and those before.
    fn ask(self: &Rc<Self>) -> Answer<'_> {
        Box::pin(async move {
            let caches = sys::caches().filter(|_| sys::is_chromium())?;
            if settled(caches.has(NOTES)).await?.is_truthy() {
                let Some(notes) = open(&caches, NOTES).await else {
                    self.disk.suspect();
                    return None;
                };
                self.disk.notes.replace(Some(notes.clone()));
                if has(&notes, USED).await? {
                    if !has(&notes, WHOLE).await? {
                        self.disk.arm();
                    }
                    return None;
                }
            }
            // Nobody has said anything yet, and no write waits for what is said now.
            let handle = Rc::clone(self);
            spawn_local(async move {
                handle.begin_notes(caches).await;
            });
            None
        })
    }

    async fn begin_notes(self: Rc<Self>, caches: Caches) -> Option<bool> {
        let notes = open(&caches, NOTES).await?;
        self.disk.notes.replace(Some(notes.clone()));
        // In this order, as other tabs may be asking.
        put(&notes, WHOLE, 0).await?;
        put(&notes, USED, 0).await
    }

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
        within(self.ask()).await;
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
        let seen = within(has_room(if disk.since.get().is_some() { ROOM } else { A_LITTLE })).await;
        let now = Date::now();
        disk.looked.set(now);
        let over = disk.since.get().map(|since| now - since > TRUST_MS);
        if !seen.unwrap_or(over != Some(false)) && (disk.is_full() || over != Some(true)) {
            if disk.is_full() {
                disk.arm();
            }
            disk.refuse();
            return Err(Error::StorageFull { cause: "the disk was full, and there is no room yet".into() }.into());
        }
        if over.is_some() && seen != Some(false) {
            self.commit(Staged::new(filler())?, Guard::Off).await?;
            let notes = disk.notes.borrow().clone();
            if let Some(notes) = notes {
                within(Box::pin(put(&notes, WHOLE, 0))).await;
            }
        }
        disk.since.set(None);
        disk.state.set(State::Fine);
        Ok(())
    }
}

fn has_room(count: u32) -> Answer<'static> {
    Box::pin(async move {
        let caches = sys::caches()?;
        // One that does not even answer this has other reasons to refuse what follows.
        settled(caches.has(LOOKS)).await?;
        let Some(cache) = open(&caches, LOOKS).await else { return Some(false) };
        let written = put(&cache, WHOLE, count).await;
        // All of it, for Chromium does not get a cache to work again that failed for want of space.
        settled(cache.delete(WHOLE)).await;
        settled(caches.delete(LOOKS)).await;
        Some(written.is_some())
    })
}

async fn open(caches: &Caches, name: &str) -> Option<Cache> {
    settled(caches.open(name)).await.map(JsCast::unchecked_into)
}

async fn has(cache: &Cache, url: &str) -> Option<bool> {
    settled(cache.match_(url)).await.map(|found| !found.is_undefined())
}

/// Puts so many times the noise into an entry of a cache.
async fn put(cache: &Cache, url: &str, count: u32) -> Option<bool> {
    let parts = Array::new_with_length(count).fill(sys::value(&noise()).ok()?.as_ref(), 0, count);
    let response = Response::new(&Blob::new(&parts).ok()?).ok()?;
    settled(cache.put(url, &response)).await.map(|_| true)
}

/// `None` if it was thrown or rejected.
async fn settled(promise: Result<Promise, JsValue>) -> Option<JsValue> {
    JsFuture::from(promise.ok()?).await.ok()
}

async fn within(answer: Answer<'_>) -> Option<bool> {
    or(answer, async {
        events::sleep(LIMIT_MS).await;
        None
    })
    .await
}

/// So much that LevelDB turns its log over, and nothing that stays.
fn filler() -> Batch {
    let mut batch = Batch { durability: Durability::Strict, ..Batch::default() };
    for number in 0..FILLERS {
        batch.ops.push(Op::Put(StoreName::Journal, Key::new().number(number), noise()));
    }
    for number in 0..FILLERS {
        batch.ops.push(Op::Delete(StoreName::Journal, Key::new().number(number)));
    }
    batch
}

/// Bytes that neither the browser nor a file system makes smaller.
fn noise() -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut bytes = Vec::with_capacity(FILLER_BYTES);
    while bytes.len() < FILLER_BYTES {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes
}
