//! The browser's side: what the core is built on there, and the surface that the npm package calls. It converts and
//! delegates; a decision about sessions, lists or attachments belongs into the core.

mod engine;
mod host;
mod indexed_db;
mod input;
mod job;
mod output;
mod warm;

pub use engine::{Engine, Store};
pub use host::Browser;
pub use indexed_db::IndexedDb;
pub use job::Job;
