//! The search index: which sessions have these words, values and dates, and in which order.
//!
//! What is indexed are [entries](Entry): the metadata of a session is one, each item of a list that has an indexed text is another.
//! Every write adds a small *segment* with the entries that it made and *tombstones* of those that it replaced, in the same
//! transaction as the data. Segments never change; [merging](Merge) makes one of several.
//!
//! | file | the question that it answers |
//! |---|---|
//! | `schema`, `entry`, `query` | what is indexed, what is put in, what is asked? |
//! | `layout` | how is a segment cut into parts, and where is what? |
//! | `core`, `ids`, `column`, `trie`, `postings` | how are entries, session ids, values, terms and postings written? |
//! | `options`, `request`, `given` | what does the caller want to have indexed, and to find? |
//! | `extract` | what of a JSON text is put in? |
//! | `build` | how do entries become a segment? |
//! | `segment` | what of a segment is in memory, and what is missing? |
//! | `segments` | how do many segments make one index? |
//! | `plan`, `search` | how is a query checked, bounded and answered? |
//! | `score`, `phrase`, `rank`, `values` | what is a word worth, where do phrases stand, in which order do results come? |
//! | `suggest` | how may the word go on that is being typed? |
//! | `merge` | which segments are merged next, and how? |
//! | `check` | does the index say what the documents say? |
//! | [`analysis`], `analysers` | how does text become terms? |
//! | [`syntax`] | how is a query typed into a search box? |
//! | [`snippet`] | which stretch of a text shows why it was found? |
//! | `bytes`, `bits`, `intern`, `sort` | numbers in bytes, sets of ordinals, texts by number, sorting |
//!
//! Nothing here waits or stores. [`build`] and [`Merge`] return [parts](Part), which the store writes as records;
//! [`Index::search`] names the parts that it lacks, and answers when they were [loaded](Index::load). The store finds accidents
//! by the records' checksums; what is read here is checked all the same, so that no bytes whatever make it panic, run on
//! or take much memory.
//!
//! In a browser it is a module of wasm of its own (ARCHITECTURE.md, "Two modules"). What is called from outside is
//! `#[inline(never)]` for that, and named in `.ci/cut.mjs`.

mod analysers;
pub mod analysis;
mod bits;
mod build;
mod bytes;
mod check;
mod column;
mod core;
mod entry;
mod extract;
mod given;
mod ids;
mod intern;
mod layout;
mod merge;
mod options;
mod phrase;
mod plan;
mod postings;
mod query;
mod rank;
mod request;
mod schema;
mod score;
mod search;
mod segment;
mod segments;
pub mod snippet;
mod sort;
mod suggest;
pub mod syntax;
mod trie;
mod values;

pub use analysers::Analysers;
pub use build::build;
pub use check::{Check, Finding, Findings, Problem};
pub use entry::{Entry, KEYWORD_BYTES_MAX, Scope, TERM_BYTES_MAX, Tombstone, Value};
pub use extract::{DEPTH_MAX, VALUES_MAX, item_entry, metadata_entry, texts};
pub use layout::{PART_BYTES, PART_BYTES_MAX, Part, restamp};
pub use merge::{Choice, FANOUT, Merge, choose};
pub use plan::{CONDITIONS_MAX, EDITS_MAX, EXPANSION_TERMS_MAX, NESTING_MAX, PARTS_MAX, WORDS_MAX};
pub use query::{Matching, Query, Text, Word};
pub use request::{REQUEST_BYTES_MAX, Request, SNIPPET_UNITS_MAX, Snippet, request};
pub use schema::{Analyse, Analyser, BOOSTS, FIELDS_MAX, Field, Kind, Schema};
pub use search::{Answer, FACET_VALUES_MAX, Facet, Found, HITS_MAX, Hit, Order, Search};
pub use segment::PartId;
pub use segments::{Damaged, Figures, Index, SegmentFigures, Work};
pub use suggest::{SUGGESTIONS_MAX, Suggest, Suggestion};
