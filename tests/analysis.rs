//! Analysis, the syntax of a search box, and snippets: on sentences of many languages, and on random text.
#![cfg(not(target_arch = "wasm32"))]

#[path = "analysis/languages.rs"]
mod languages;
#[path = "analysis/properties.rs"]
mod properties;
#[path = "analysis/snippets.rs"]
mod snippets;
#[path = "analysis/support.rs"]
mod support;
#[path = "analysis/syntax.rs"]
mod syntax;
