//! A query in the syntax again.

use super::{Kind, Options, date, parse};
use crate::index::analysis::pieces;
use crate::index::{Matching, Query, Text, Word};

/// The query as it can be typed: text that a strict [`parse`] with these options, but bare words as they are, reads as just this query. None if there is no such
/// text: a field without a name, a range of NaN, conditions nested too deep.
pub fn show(query: &Query, options: &Options<'_>) -> Option<String> {
    let options = Options { lenient: false, bare: Matching::Exact, last: Matching::Exact, ..options.clone() };
    let text = Shower { options: &options }.show(query, 0)?;
    // So nothing has to be known here about what the parser makes of what.
    (parse(&text, &options).ok()?.query == *query).then_some(text)
}

struct Shower<'a> {
    options: &'a Options<'a>,
}

impl Shower<'_> {
    fn show(&self, query: &Query, depth: usize) -> Option<String> {
        if depth > super::QUERY_NESTING_MAX {
            return None;
        }
        Some(match query {
            Query::All => "*".to_owned(),
            Query::And(conditions) => {
                let is_words = |query: &Query| matches!(query, Query::Text(text) if text.fields.is_empty());
                let alone = conditions.iter().filter(|query| is_words(query)).count() == 1;
                // With `any`, a word that is written as several would be any of them, but next to an `AND`.
                let is_cut = |word: &Word| word.how != Matching::Phrase && pieces(&word.text).len() > 1;
                let is_whole = |query: &Query| matches!(query, Query::Text(text) if self.options.any && text.fields.is_empty() && text.all && matches!(&text.words[..], [word] if is_cut(word)));
                let shown = conditions.iter().map(|query| match query {
                    Query::Text(text) if is_whole(query) || alone && text.all != self.options.any => {
                        self.show(query, depth + 1)
                    }
                    // Words of two conditions would become one.
                    Query::Text(_) if !alone && is_words(query) => Some(format!("({})", self.show(query, depth + 1)?)),
                    _ => self.inner(query, depth + 1),
                });
                let joint = if conditions.iter().any(is_whole) { " AND " } else { " " };
                shown.collect::<Option<Vec<_>>>()?.join(joint)
            }
            Query::Or(conditions) => {
                let is_word = |query: &Query| matches!(query, Query::Text(text) if text.fields.is_empty() && text.words.len() == 1);
                let shown = conditions.iter().map(|query| match query {
                    Query::And(_) => self.show(query, depth + 1),
                    // Single words would become one condition.
                    Query::Text(_) if is_word(query) => Some(format!("({})", self.show(query, depth + 1)?)),
                    _ => self.inner(query, depth + 1),
                });
                shown.collect::<Option<Vec<_>>>()?.join(" OR ")
            }
            Query::Not(query) => {
                let shown = self.inner(query, depth + 1)?;
                // Two hyphens would be a word.
                format!("{}{shown}", if shown.starts_with('-') { "NOT " } else { "-" })
            }
            Query::Text(Text { words, all, fields }) => {
                let joint = match (all, self.options.any) {
                    (true, true) => " AND ",
                    (false, false) => " OR ",
                    _ => " ",
                };
                let shown = words.iter().map(shown_word).collect::<Option<Vec<_>>>()?;
                match &fields[..] {
                    [] => shown.join(joint),
                    [field] => self.with(field, Kind::Text, &shown, joint)?,
                    _ => return None,
                }
            }
            Query::Keyword { field, values, all } => {
                let shown: Vec<_> = values.iter().map(|value| escaped(value)).collect();
                self.with(field, Kind::Keyword, &shown, if *all { " " } else { " OR " })?
            }
            Query::Range { field, from, to } => {
                let name = |kind| self.name(field, kind).map(|name| (name, kind));
                let (name, kind) = name(Kind::Date).or_else(|| name(Kind::Number))?;
                let end = |value: &Option<f64>| match value {
                    None => Some(String::new()),
                    Some(value) if kind == Kind::Date => date::write(*value),
                    Some(value) => Some(value.to_string()),
                };
                format!("{name}:{}..{}", end(from)?, end(to)?)
            }
            Query::Exists { field } => {
                let known = self.options.names.iter().find(|name| name.field == *field)?;
                format!("has:{}", escaped(&known.name))
            }
        })
    }

    /// In parentheses where it would fall apart.
    fn inner(&self, query: &Query, depth: usize) -> Option<String> {
        let shown = self.show(query, depth)?;
        let is_one = match query {
            Query::And(_) | Query::Or(_) => false,
            Query::Text(text) => text.words.len() == 1 || !text.fields.is_empty(),
            _ => true,
        };
        Some(if is_one { shown } else { format!("({shown})") })
    }

    fn name(&self, field: &str, kind: Kind) -> Option<&str> {
        self.options.names.iter().find(|name| name.field == field && name.kind == kind).map(|name| &*name.name)
    }

    fn with(&self, field: &str, kind: Kind, values: &[String], joint: &str) -> Option<String> {
        let name = self.name(field, kind)?;
        Some(match values {
            [value] => format!("{name}:{value}"),
            values => format!("{name}:({})", values.join(joint)),
        })
    }
}

fn shown_word(word: &Word) -> Option<String> {
    Some(match word.how {
        Matching::Exact => escaped(&word.text),
        Matching::Prefix => format!("{}*", escaped(&word.text)),
        Matching::Fuzzy(edits) => format!("{}~{edits}", escaped(&word.text)),
        Matching::Phrase => format!("\"{}\"", quoted(&word.text)),
        Matching::PrefixOrFuzzy(_) => return None,
    })
}

/// With a `\` before whatever could be more than itself.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for (at, character) in text.chars().enumerate() {
        let special = character.is_whitespace() || "\\()\":*~-|\u{201C}\u{201D}\u{201E}".contains(character);
        if special || at == 0 && matches!(text, "AND" | "OR" | "NOT") {
            out.push('\\');
        }
        out.push(character);
    }
    if out.is_empty() { "\"\"".to_owned() } else { out }
}

fn quoted(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        if "\\\"\u{201C}\u{201D}\u{201E}".contains(character) {
            out.push('\\');
        }
        out.push(character);
    }
    out
}
