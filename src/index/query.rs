//! What can be asked: the tree of a query, after its syntax and before its words are analysed.

/// A condition on sessions.
#[derive(Debug, Clone, PartialEq)]
pub enum Query {
    /// Every session.
    All,
    /// What fulfils all of these.
    And(Vec<Query>),
    /// What fulfils any of these.
    Or(Vec<Query>),
    /// What does not fulfil this.
    Not(Box<Query>),
    /// Words in text fields. The only condition that is scored.
    Text(Text),
    /// A keyword field has any of these values, or all of them. Compared exactly.
    Keyword {
        /// The field's name.
        field: String,
        /// The values.
        values: Vec<String>,
        /// Whether all of them are asked for.
        all: bool,
    },
    /// A number or date field lies between these, both included. Dates are in milliseconds since 1970.
    Range {
        /// The field's name.
        field: String,
        /// At least this.
        from: Option<f64>,
        /// At most this.
        to: Option<f64>,
    },
    /// The field has a value.
    Exists {
        /// The field's name.
        field: String,
    },
}

/// Words looked for in text fields.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Text {
    /// The words and phrases.
    pub words: Vec<Word>,
    /// Whether all of them are asked for.
    pub all: bool,
    /// The fields to look in, by name; none: every text field.
    pub fields: Vec<String>,
}

/// One thing that is looked for in text.
#[derive(Debug, Clone, PartialEq)]
pub struct Word {
    /// As it was written; it is analysed as the field's text was.
    pub text: String,
    /// How it is matched.
    pub how: Matching,
}

/// How a word is matched with terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Matching {
    /// The term itself.
    #[default]
    Exact,
    /// Terms that begin so.
    Prefix,
    /// Terms at most so many edits away: 1 or 2.
    Fuzzy(u8),
    /// Either: terms that begin so, or at most so many edits away.
    PrefixOrFuzzy(u8),
    /// Its terms one after the other.
    Phrase,
}
