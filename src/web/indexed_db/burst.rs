//! Sending a batch's writes: in one burst, so that a page that goes away leaves all of it or nothing. With Gecko's exceptions.
//!
//! Gecko sends requests to its storage thread as they come, and learns of a failed one only when its error event has come
//! back and nobody prevented it. Meanwhile the requests behind it are executed. Measured in Firefox 153 at its quota:
//!
//! 1. After an early `commit()` a failed request aborts the transaction only if it is the last one; otherwise everything
//!    but the failed request is committed. It happens with values above 1 MiB, which Gecko writes to files of their own: put
//!    small, large, small left the first and the third. Hence `commit()` waits there for the last request.
//! 2. Once about 2 MiB are dirty, SQLite writes pages to disk before the commit. If that fails it rolls back by itself, and
//!    each request that is already on its way is then committed on its own, although the transaction aborts: 128 puts of
//!    16 KiB left 1 behind, in every attempt; 96 left none. Hence requests beyond [`BURST_BYTES`] go one at a time there.
//!
//! That costs Firefox about 0.1 ms for each request of a large batch. In the same trials Chromium (on LevelDB and on SQLite,
//! at its quota) and WebKitGTK (on a full disk) stored nothing of any batch.

use super::deadline::Progress;
use super::events;
use super::sys::{self, ObjectStore};
use js_sys::{ArrayBuffer, Uint8Array};
use wasm_bindgen::JsValue;
use web_sys::IdbRequest;

/// What Gecko may be sent at once: half of what SQLite keeps in memory.
const BURST_BYTES: u32 = 1 << 20;

/// What a request counts beside its value, for the pages of the tree that it changes. (512 puts of 20 bytes all over a table
/// failed no request.)
const REQUEST_BYTES: u32 = 2 << 10;

/// What the deletion of a range counts; how many records it removes is not known.
const RANGE_BYTES: u32 = 64 << 10;

/// A write to one store.
pub enum Write {
    /// Writes a record.
    Put(Uint8Array, ArrayBuffer),
    /// Deletes a record.
    Delete(Uint8Array),
    /// Deletes the records of a range.
    DeleteRange(web_sys::IdbKeyRange),
}

impl Write {
    fn send(&self, store: &ObjectStore) -> Result<(), JsValue> {
        match self {
            Self::Put(key, value) => store.put(value, key),
            Self::Delete(key) => store.delete(key),
            Self::DeleteRange(range) => store.delete(range),
        }
    }

    fn send_and_return(&self, store: &ObjectStore) -> Result<IdbRequest, JsValue> {
        match self {
            Self::Put(key, value) => store.put_and_return(value, key),
            Self::Delete(key) => store.delete_and_return(key),
            Self::DeleteRange(range) => store.delete_and_return(range),
        }
    }

    fn bytes(&self) -> u32 {
        match self {
            Self::Put(_, value) => value.byte_length().saturating_add(REQUEST_BYTES),
            Self::Delete(_) => REQUEST_BYTES,
            Self::DeleteRange(_) => RANGE_BYTES,
        }
    }
}

/// Sends writes in their order. When it returns, `commit()` may be called.
pub async fn send(writes: &[(&ObjectStore, Write)], progress: &Progress) -> Result<(), JsValue> {
    if sys::is_gecko() {
        return send_to_gecko(writes, progress).await;
    }
    for (store, write) in writes {
        write.send(store)?;
    }
    Ok(())
}

async fn send_to_gecko(writes: &[(&ObjectStore, Write)], progress: &Progress) -> Result<(), JsValue> {
    let mut bytes = 0_u32;
    let mut last = None;
    for (store, write) in writes {
        bytes = bytes.saturating_add(write.bytes());
        // The one before has to have succeeded before this one goes, and not only this one before the next.
        if bytes > BURST_BYTES
            && let Some(before) = last.take()
        {
            events::done(&before).await?;
            progress.answered();
        }
        last = Some(write.send_and_return(store)?);
    }
    match last {
        Some(last) => events::done(&last).await,
        None => Ok(()),
    }
}
