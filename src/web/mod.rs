//! The browser's side: what the core is built on there, and the surface that the npm package calls. It converts and
//! delegates; a decision about sessions, lists or attachments belongs into the core.

mod indexed_db;

pub use indexed_db::IndexedDb;
