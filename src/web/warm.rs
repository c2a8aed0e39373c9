//! Warming up: what a first read or write needs is run once while the browser opens the database.
//!
//! Chromium compiles a wasm function when it is first called, and a function of JavaScript too. Without this the first
//! session that a page loads takes 2 to 3 ms more than any later one; here the worker has nothing else to do.

use super::engine::Store;
use super::host::Browser;
use super::output;
use crate::error::Result;
use crate::session::{Chunk, Id, Item, SessionRecord, chunk_key, session_key};
use crate::store::{ChunkRead, ListLoad, ListStat, SessionRead};
use std::rc::Rc;
use wasm_bindgen_futures::spawn_local;

/// Seals, opens and converts a session that nobody sees.
pub fn warm_up() {
    // What it runs into is what the first call would run into, which says so.
    let _ = round_trip();
}

/// Looks for a session that hardly exists, while the page hears that the hoard is open. Not before it is told.
pub fn warm_up_reading(store: Rc<Store>) {
    spawn_local(async move {
        Browser::pause(0).await;
        if let Ok(id) = Id::new("a session to warm up with") {
            let _ = store.load(&id, None, 0).await;
        }
    });
}

fn round_trip() -> Result<()> {
    let words = "Chromium compiles a wasm function when it is first called, and JavaScript too. ";
    let mut items = Vec::new();
    for n in 0..16 {
        items.push(Item::from_text(format!("{{\"n\":{n},\"text\":\"{words}\"}}").as_bytes(), &[])?);
    }
    let key = chunk_key("", "", 0);
    let chunk = Chunk::open(&key, &Chunk::from_items(&items)?.seal(&key)?)?;
    let key = session_key("");
    let mut session = SessionRecord { json: b"{}".to_vec(), ..SessionRecord::default() };
    session.json = SessionRecord::open(&key, &session.seal(&key)?)?.json;
    let read =
        ChunkRead { first: 0, count: chunk.len(), json: chunk.array(0..8), attachments: Vec::new(), error: None };
    let stat = ListStat { name: String::new(), items: chunk.len(), chunks: 1, bytes: chunk.item_bytes() };
    let session = SessionRead { json: session.json, attachments: Vec::new() };
    output::load(&session, &[ListLoad { stat, chunks: vec![read] }]);
    Ok(())
}
