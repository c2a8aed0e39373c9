//! What is typed into a search box.
//!
//! | typed | means |
//! |---|---|
//! | `login error` | both words (or any of them, by an [option](Options::any)) |
//! | `"exact words"` | these words one after the other |
//! | `word*` `word~` `word~2` | words that begin so; words at most one edit, or two, away |
//! | `-draft` `NOT draft` | without it |
//! | `a OR b` `a \| b` `(a OR b) c` | either; parentheses group. `AND` may stand where nothing has to |
//! | `tag:ui` `tag:"two words"` | the keyword, compared exactly |
//! | `tag:(ui login)` `tag:(ui OR login)` | all of these keywords, any of them |
//! | `title:word` `title:(a "b c")` | words in this field |
//! | `size:5` `size:>5` `size:<=5` `size:1..5` `size:1..` | numbers |
//! | `startedAt:2026-01` `startedAt:2026-01-01..2026-02-14` | dates of ISO 8601, to the year, month, day, minute, second or millisecond. Each stands for all of itself |
//! | `after:2026-01-01` `before:2026-02-01` `on:2026` | the [main date](Options::date_field): from this day on, up to the day before, within |
//! | `has:notes` `notes:*` | the field has a value |
//! | `*` | everything |
//! | `\` and a character | the character itself |
//!
//! `AND`, `OR` and `NOT` are upper case. A hyphen excludes where a word could begin; alone or doubled it does not. What has `://` behind it or begins with a
//! digit is no field: `https://…` and `12:30` are words.
//!
//! While people type, a query is often unfinished. [`Options::lenient`] takes it for what it most likely is going to be, and lists what it
//! had to overlook; otherwise the first such problem is the error. A query that breaks a bound is always an error.

mod date;
mod parse;
mod problem;
mod show;

use super::query::Matching;
pub(super) use date::period;
pub use parse::{Parsed, parse};
pub use problem::{Problem, Reason};
pub use show::show;

/// Longest query, in UTF-16 units.
pub const QUERY_UNITS_MAX: usize = 16_384;

/// Most words, phrases and values in a query.
pub const QUERY_WORDS_MAX: usize = 256;

/// How deep parentheses and exclusions may be nested.
pub const QUERY_NESTING_MAX: usize = 32;

/// How many problems are listed.
pub const PROBLEMS_MAX: usize = 16;

/// What a field can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Keywords, one or an array of them.
    Keyword,
    /// Numbers.
    Number,
    /// Milliseconds since 1970.
    Date,
    /// Words.
    Text,
}

/// What can stand before a colon. Case is ignored where no name is written just so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// As it is typed: `tag`.
    pub name: String,
    /// The field that it stands for: `tags`.
    pub field: String,
    /// What this field can be asked for.
    pub kind: Kind,
}

impl Name {
    /// A name for a field.
    pub fn new(name: impl Into<String>, field: impl Into<String>, kind: Kind) -> Self {
        Self { name: name.into(), field: field.into(), kind }
    }
}

/// How a query is read.
#[derive(Debug, Clone, Default)]
pub struct Options<'a> {
    /// The fields, with their aliases.
    pub names: &'a [Name],
    /// The field that `after:`, `before:` and `on:` mean.
    pub date_field: Option<&'a str>,
    /// How far the clock that dates are given by is ahead of UTC, in minutes. A date can say another: `2026-01-01T12:00Z`.
    pub offset_minutes: i32,
    /// Whether any of the words that stand side by side is enough.
    pub any: bool,
    /// How a word without an operator is matched.
    pub bare: Matching,
    /// How such a word is matched if it is the last and nothing stands behind it. A prefix gives results while people type.
    pub last: Matching,
    /// Whether an unfinished query is taken for what it may become.
    pub lenient: bool,
}
