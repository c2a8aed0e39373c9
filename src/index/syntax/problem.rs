//! What can be wrong with a query, and where.

use super::{QUERY_NESTING_MAX, QUERY_UNITS_MAX, QUERY_WORDS_MAX};

/// Something in a query that cannot be meant, and its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Problem {
    /// What is wrong, and what to do.
    pub reason: Reason,
    /// Where it begins, in UTF-16 units.
    pub at: usize,
    /// Its length, in UTF-16 units.
    pub units: usize,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// More than [`QUERY_UNITS_MAX`].
    #[error("the query is longer than {QUERY_UNITS_MAX} characters; leave out the rest")]
    TooLong,
    /// More than [`QUERY_WORDS_MAX`].
    #[error("the query has more than {QUERY_WORDS_MAX} words and values; leave some out")]
    TooManyWords,
    /// More than [`QUERY_NESTING_MAX`].
    #[error("parentheses and exclusions are nested more than {QUERY_NESTING_MAX} deep; take some away")]
    TooDeep,
    /// A quote without its end.
    #[error("this quote is not closed; add a \" at the end of the phrase, or a \\ before this one")]
    UnclosedQuote,
    /// A parenthesis without its end.
    #[error("this parenthesis is not closed; add a )")]
    UnclosedGroup,
    /// An end without its parenthesis.
    #[error("nothing was opened that this ) closes; take it away, or put a \\ before it")]
    UnopenedGroup,
    /// Parentheses around nothing.
    #[error("there is nothing between these parentheses; take them away, or fill them")]
    EmptyGroup,
    /// An operator without what it joins.
    #[error(
        "{operator} needs something to search {side} it; add it, or put \"{operator}\" in quotes to search for the word"
    )]
    MissingOperand {
        /// `AND`, `OR` or `NOT`.
        operator: &'static str,
        /// `before` or `after`.
        side: &'static str,
    },
    /// No such field.
    #[error("there is no field \"{name}\"; correct it, or put a \\ before the colon to search for the words")]
    UnknownField {
        /// As it was typed.
        name: String,
    },
    /// A field without a value.
    #[error("\"{name}:\" needs a value right behind the colon")]
    MissingValue {
        /// As it was typed.
        name: String,
    },
    /// Not a date.
    #[error("\"{text}\" is no date; write it like 2026-12-31, 2026-12 or 2026-12-31T23:59")]
    BadDate {
        /// As it was typed.
        text: String,
    },
    /// Not a number.
    #[error("\"{text}\" is no number; write it like 5, -0.5 or 1e6")]
    BadNumber {
        /// As it was typed.
        text: String,
    },
    /// From more to less.
    #[error("this range ends before it begins; exchange its ends")]
    EmptyRange,
    /// More edits than can be searched for.
    #[error("a word can be 1 or 2 edits away; write ~1 or ~2")]
    BadDistance,
    /// A keyword, number or date with an operator of words, or words with one of numbers.
    #[error("{operator} does not work on \"{name}\"; take it away, or put the value in quotes")]
    WrongOperator {
        /// As it was typed.
        operator: String,
        /// The field, as it was typed.
        name: String,
    },
    /// All of these, or any of these?
    #[error("either all of these or any of them; use AND or OR between them, not both")]
    MixedValues,
}

impl Reason {
    /// The stable code: the variant's name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong => "TooLong",
            Self::TooManyWords => "TooManyWords",
            Self::TooDeep => "TooDeep",
            Self::UnclosedQuote => "UnclosedQuote",
            Self::UnclosedGroup => "UnclosedGroup",
            Self::UnopenedGroup => "UnopenedGroup",
            Self::EmptyGroup => "EmptyGroup",
            Self::MissingOperand { .. } => "MissingOperand",
            Self::UnknownField { .. } => "UnknownField",
            Self::MissingValue { .. } => "MissingValue",
            Self::BadDate { .. } => "BadDate",
            Self::BadNumber { .. } => "BadNumber",
            Self::EmptyRange => "EmptyRange",
            Self::BadDistance => "BadDistance",
            Self::WrongOperator { .. } => "WrongOperator",
            Self::MixedValues => "MixedValues",
        }
    }
}
