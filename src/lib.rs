//! Hoardb keeps thousands of recorded sessions in a browser, over IndexedDB.
//!
//! A *session* is a JSON document with append-only *lists* hanging from it, whose items may carry *attachments*. This crate
//! is the engine of the npm package `hoardb`: a pure core that builds and is tested natively, and, for wasm, the folder `web`
//! that touches the browser. ARCHITECTURE.md says why it is as it is.
//!
//! # The tour
//!
//! | module | the question that it answers |
//! |---|---|
//! | [`error`] | what can go wrong, and what does the caller do then? |
//! | [`backend`] | what does the engine ask of what keeps its bytes? |
//! | [`record`] | what does a stored value look like, and how is damage noticed? |
//! | [`session`] | how are metadata and lists laid out in records? |
//! | [`blob`] | how are attachments known, cut and shared, and when do they go? |
//! | [`cache`] | what that was read lately stays in memory, and when does it go? |
//! | [`queue`] | how do many writes become few transactions? |
//! | [`index`] | which sessions have these words, values and dates? |
//! | [`job`] | what shape has work that takes long? |
//! | [`event`] | what does the engine tell its host without being asked? |
//! | [`host`] | what else comes from outside: clock, randomness, a faster hash |
//! | [`store`] | where do all of these meet and commit? |
//! | `web` | how does a browser reach all this? (wasm only) |
//!
//! # A first use
//!
//! ```
//! use hoardb::backend::memory::Memory;
//! use hoardb::host::Host;
//! use hoardb::session::{Id, ListName};
//! use hoardb::store::{Document, Documents, Options, Store, Write};
//!
//! struct Here;
//! impl Host for Here {
//!     fn now_ms(&self) -> u64 { 0 }
//!     fn random(&self) -> u128 { 4 }
//! }
//!
//! # fn main() -> hoardb::Result<()> {
//! # pollster::block_on(async {
//! let store = Store::open(Memory::new(), Here, Options::default()).await?;
//! let id = Id::new("monday")?;
//! let metadata = Document { json: br#"{"title":"Monday"}"#.to_vec(), attachments: vec![] };
//! store.write(Write::Create { id: id.clone(), metadata }).await?;
//! let items = Documents { json: br#"{"text":"hello"}"#.to_vec(), lengths: vec![16], attachments: vec![] };
//! store.write(Write::Append { id: id.clone(), list: ListName::new("messages")?, items }).await?;
//!
//! let chunks = store.read(&id, &ListName::new("messages")?, 0..10, 1 << 20).await?;
//! assert_eq!(chunks[0].json, br#"[{"text":"hello"}]"#);
//! # Ok(())
//! # })
//! # }
//! ```

#![deny(missing_docs)]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "tests may panic"
    )
)]
#![forbid(unsafe_code)]

pub mod backend;
pub mod blob;
pub mod cache;
pub mod error;
pub mod event;
/// The part of `web` that needs no browser, for its tests.
#[cfg(all(test, not(target_arch = "wasm32")))]
#[path = "web/indexed_db/exception.rs"]
mod exception;
pub mod host;
pub mod index;
pub mod job;
mod map;
pub mod queue;
pub mod record;
pub mod session;
pub mod store;
#[cfg(target_arch = "wasm32")]
pub mod web;

pub use error::{Error, Result};
