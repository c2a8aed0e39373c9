pub mod backend;
pub mod blob;
pub mod error;
pub mod host;
pub mod job;
pub mod queue;
pub mod record;
pub mod session;
pub mod store;
#[cfg(target_arch = "wasm32")]
pub mod web;
pub use error::{Error, Result};
