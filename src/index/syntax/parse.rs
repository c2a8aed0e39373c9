//! The syntax's parser: by recursive descent, each character looked at a bounded number of times.
//!
//! It goes on behind a problem in the one way that a person most likely means, so that one reading serves both the strict caller, who gets the
//! first problem, and the lenient one, who gets the query.

use super::{
    Kind, Name, Options, PROBLEMS_MAX, Problem, QUERY_NESTING_MAX, QUERY_UNITS_MAX, QUERY_WORDS_MAX, Reason, date,
};
use crate::index::analysis::pieces;
use crate::index::{Matching, Query, Text, Word};
use crate::session::json::number;
use std::ops::Range;

/// A query that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// What it asks for; [`Query::All`] if that is nothing.
    pub query: Query,
    /// What had to be overlooked, in order. Empty if the reading was strict.
    pub problems: Vec<Problem>,
}

/// Reads a query.
///
/// # Errors
/// The first [`Problem`]; in a lenient reading only a bound that is broken.
pub fn parse(text: &str, options: &Options<'_>) -> Result<Parsed, Problem> {
    if let Some(bytes) = too_long(text) {
        let rest = text.get(bytes..).unwrap_or_default();
        return Err(Problem { reason: Reason::TooLong, at: units(text, bytes), units: units(rest, rest.len()) });
    }
    let mut parser = Parser { text, options, at: 0, depth: 0, words: 0, problems: Vec::new(), broken: None };
    let mut conditions: Vec<Query> = parser.or().into_iter().collect();
    while parser.peek() == Some(')') {
        parser.problem(Reason::UnopenedGroup, parser.at..parser.at + 1);
        parser.at += 1;
        // What is behind it was meant to be asked for too.
        conditions.extend(parser.or());
    }
    let query = if conditions.len() > 1 { Some(Query::And(conditions)) } else { conditions.pop() };
    if let Some(problem) = parser.broken {
        return Err(problem);
    }
    let mut problems = parser.problems;
    problems.sort_by_key(|problem| problem.at);
    if !options.lenient && !problems.is_empty() {
        return Err(problems.swap_remove(0));
    }
    Ok(Parsed { query: query.unwrap_or(Query::All), problems })
}

/// Where the text exceeds its bound.
fn too_long(text: &str) -> Option<usize> {
    let mut units = 0;
    text.char_indices()
        .find(|(_, character)| {
            units += character.len_utf16();
            units > QUERY_UNITS_MAX
        })
        .map(|(at, _)| at)
}

/// The words that are written as one, unless they stand in quotes.
fn any_of(word: &Word) -> Vec<Word> {
    match word.how {
        Matching::Phrase => vec![word.clone()],
        how => pieces(&word.text).into_iter().map(|text| Word { text: text.into(), how }).collect(),
    }
}

/// How many UTF-16 units these first bytes are.
fn units(text: &str, bytes: usize) -> usize {
    text.get(..bytes).unwrap_or_default().chars().map(char::len_utf16).sum()
}

fn is_quote(character: char) -> bool {
    // Phones type the others.
    matches!(character, '"' | '\u{201C}' | '\u{201D}' | '\u{201E}')
}

fn ends_a_word(character: char) -> bool {
    character.is_whitespace() || matches!(character, '(' | ')') || is_quote(character)
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Operator {
    And,
    Or,
    Not,
}

impl Operator {
    fn name(self) -> &'static str {
        match self {
            Self::And => "AND",
            Self::Or => "OR",
            Self::Not => "NOT",
        }
    }
}

/// A word or value without its escapes.
struct Raw {
    text: String,
    /// Where it stands.
    place: Range<usize>,
    /// What was escaped begins here at the latest: what is behind it can be an operator.
    plain_from: usize,
    quoted: bool,
}

impl Raw {
    /// What follows the last escaped character.
    fn plain_end(&self) -> &str {
        self.text.get(self.plain_from..).unwrap_or_default()
    }

    /// Whether it is this operator and not the escaped or quoted character.
    fn is(&self, operator: &str) -> bool {
        !self.quoted && self.plain_from == 0 && self.text == operator
    }
}

/// What stands before a colon.
enum Prefix<'a> {
    Field(&'a Name),
    After,
    Before,
    On,
    Has,
}

struct Parser<'a> {
    text: &'a str,
    options: &'a Options<'a>,
    at: usize,
    depth: usize,
    words: usize,
    problems: Vec<Problem>,
    /// A bound was exceeded: reading stops.
    broken: Option<Problem>,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        if self.broken.is_some() { "" } else { self.text.get(self.at..).unwrap_or_default() }
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn place(&self, bytes: Range<usize>) -> (usize, usize) {
        let at = units(self.text, bytes.start);
        (at, units(self.text, bytes.end).saturating_sub(at))
    }

    fn problem(&mut self, reason: Reason, bytes: Range<usize>) {
        if self.problems.len() < PROBLEMS_MAX {
            let (at, units) = self.place(bytes);
            self.problems.push(Problem { reason, at, units });
        }
    }

    fn breaks(&mut self, reason: Reason, bytes: Range<usize>) {
        if self.broken.is_none() {
            let (at, units) = self.place(bytes);
            self.broken = Some(Problem { reason, at, units });
        }
    }

    /// Counts a word or value.
    fn count(&mut self, bytes: Range<usize>) {
        self.words += 1;
        if self.words > QUERY_WORDS_MAX {
            self.breaks(Reason::TooManyWords, bytes);
        }
    }

    fn enter(&mut self, bytes: Range<usize>) {
        self.depth += 1;
        if self.depth > QUERY_NESTING_MAX {
            self.breaks(Reason::TooDeep, bytes);
        }
    }

    /// The operator that comes next, and its length.
    fn operator(&self) -> Option<(Operator, usize)> {
        let rest = self.rest();
        if rest.starts_with('|') {
            return Some((Operator::Or, if rest.starts_with("||") { 2 } else { 1 }));
        }
        [Operator::And, Operator::Or, Operator::Not].into_iter().find_map(|operator| {
            let behind = rest.strip_prefix(operator.name())?;
            behind.chars().next().is_none_or(ends_a_word).then_some((operator, operator.name().len()))
        })
    }

    /// Alternatives, up to a `)` or the end.
    fn or(&mut self) -> Option<Query> {
        let mut alternatives: Vec<Query> = Vec::new();
        let mut single = true;
        loop {
            let words = self.words;
            let (query, is_word) = self.and();
            single &= is_word || query.is_none();
            let here = self.at;
            let operator = self.operator();
            if let (Some((_, length)), None) = (operator, &query)
                && words == self.words
            {
                self.problem(Reason::MissingOperand { operator: "OR", side: "before" }, here..here + length);
            }
            alternatives.extend(query);
            let Some((_, length)) = operator else { break };
            self.at += length;
            self.skip_space();
            if self.peek().is_none_or(|next| next == ')') {
                self.problem(Reason::MissingOperand { operator: "OR", side: "after" }, here..here + length);
                break;
            }
        }
        if alternatives.len() > 1 && single {
            // Words of which any is enough are one condition.
            let words = alternatives.into_iter().flat_map(|query| match query {
                Query::Text(text) => text.words,
                _ => Vec::new(),
            });
            return Some(Query::Text(Text { words: words.collect(), all: false, fields: Vec::new() }));
        }
        if alternatives.len() > 1 { Some(Query::Or(alternatives)) } else { alternatives.pop() }
    }

    /// Conditions side by side, up to `OR`, a `)` or the end; and whether it is a single word or phrase.
    fn and(&mut self) -> (Option<Query>, bool) {
        let mut conditions: Vec<Query> = Vec::new();
        let mut words: Vec<Word> = Vec::new();
        // Where the words stand among the conditions.
        let mut place = 0;
        let mut joined: Option<Range<usize>> = None;
        let mut explicit = false;
        loop {
            self.skip_space();
            let Some(next) = self.peek().filter(|&next| next != ')') else { break };
            match self.operator() {
                Some((Operator::Or, _)) => break,
                Some((Operator::And, length)) => {
                    let here = self.at..self.at + length;
                    self.at += length;
                    if joined.is_some() || conditions.is_empty() && words.is_empty() {
                        self.problem(Reason::MissingOperand { operator: "AND", side: "before" }, here.clone());
                    }
                    joined = Some(here);
                    explicit = true;
                    continue;
                }
                _ => {}
            }
            joined = None;
            if words.is_empty() {
                place = conditions.len();
            }
            if next == '(' || self.excludes().is_some() {
                conditions.extend(self.unary());
            } else {
                match self.condition() {
                    Some(Query::Text(text)) if text.fields.is_empty() => words.extend(text.words),
                    other => conditions.extend(other),
                }
            }
        }
        if let Some(here) = joined {
            self.problem(Reason::MissingOperand { operator: "AND", side: "after" }, here);
        }
        let single = words.len() == 1 && conditions.is_empty();
        if !words.is_empty() {
            if self.options.any && (!explicit || single) {
                words = words.iter().flat_map(any_of).collect();
            }
            let all = explicit && !single || !self.options.any || words.len() == 1;
            conditions.insert(place.min(conditions.len()), Query::Text(Text { words, all, fields: Vec::new() }));
        }
        (if conditions.len() > 1 { Some(Query::And(conditions)) } else { conditions.pop() }, single)
    }

    /// The length of what excludes the next condition.
    fn excludes(&self) -> Option<usize> {
        let rest = self.rest();
        if let Some(behind) = rest.strip_prefix('-') {
            let next = behind.chars().next()?;
            return (next != '-' && next != ')' && !next.is_whitespace()).then_some(1);
        }
        self.operator().filter(|(operator, _)| *operator == Operator::Not).map(|(_, length)| length)
    }

    /// A condition, a group, or either excluded.
    fn unary(&mut self) -> Option<Query> {
        let here = self.at;
        if let Some(length) = self.excludes() {
            self.enter(here..here + length);
            self.at += length;
            self.skip_space();
            let inner = if self.peek().is_none_or(|next| next == ')')
                || matches!(self.operator(), Some((Operator::And | Operator::Or, _)))
            {
                self.problem(Reason::MissingOperand { operator: "NOT", side: "after" }, here..here + length);
                None
            } else {
                self.unary()
            };
            self.depth -= 1;
            return inner.map(|inner| Query::Not(Box::new(inner)));
        }
        if self.peek() != Some('(') {
            return self.condition();
        }
        self.enter(here..here + 1);
        self.at += 1;
        let words = self.words;
        let problems = self.problems.len();
        let inner = self.or();
        self.close(here);
        if inner.is_none() && words == self.words && problems == self.problems.len() {
            self.problem(Reason::EmptyGroup, here..self.at);
        }
        self.depth -= 1;
        inner
    }

    fn close(&mut self, open: usize) {
        self.skip_space();
        if self.peek() == Some(')') {
            self.at += 1;
        } else {
            self.problem(Reason::UnclosedGroup, open..open + 1);
        }
    }

    /// A word, a phrase, or a field with what it is asked for.
    fn condition(&mut self) -> Option<Query> {
        let start = self.at;
        if let Some((prefix, name)) = self.prefix() {
            return self.field(prefix, name, start);
        }
        let raw = self.raw()?;
        if raw.is("*") {
            return Some(Query::All);
        }
        let word = self.word(raw)?;
        Some(Query::Text(Text { words: vec![word], all: true, fields: Vec::new() }))
    }

    /// A name and its colon, if one comes next.
    fn prefix(&mut self) -> Option<(Prefix<'a>, &'a str)> {
        let rest = self.rest();
        let length = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.')))?;
        let (name, behind) = rest.split_at_checked(length)?;
        let first = name.chars().next()?;
        if !behind.starts_with(':') || behind.starts_with("://") || first.is_numeric() || first == '-' {
            return None;
        }
        let names = self.options.names;
        let found = names.iter().find(|known| known.name == name);
        let found = found.or_else(|| names.iter().find(|known| known.name.eq_ignore_ascii_case(name)));
        let prefix = match (found, name) {
            (Some(known), _) => Prefix::Field(known),
            (None, "after") if self.options.date_field.is_some() => Prefix::After,
            (None, "before") if self.options.date_field.is_some() => Prefix::Before,
            (None, "on") if self.options.date_field.is_some() => Prefix::On,
            (None, "has") => Prefix::Has,
            _ => {
                self.problem(Reason::UnknownField { name: name.to_owned() }, self.at..self.at + length);
                return None;
            }
        };
        self.at += length + 1;
        Some((prefix, name))
    }

    /// What a field is asked for.
    fn field(&mut self, prefix: Prefix<'a>, name: &str, start: usize) -> Option<Query> {
        if self.peek().is_none_or(|next| next.is_whitespace() || next == ')') {
            self.problem(Reason::MissingValue { name: name.to_owned() }, start..self.at);
            return None;
        }
        match prefix {
            Prefix::Field(Name { field, kind: Kind::Keyword | Kind::Text, .. }) if self.peek() == Some('(') => {
                let Prefix::Field(Name { kind, .. }) = prefix else { return None };
                self.values(field, *kind, name)
            }
            Prefix::Field(Name { field, kind: Kind::Keyword, .. }) => match self.keyword(name)? {
                raw if raw.is("*") => Some(Query::Exists { field: field.clone() }),
                raw => Some(Query::Keyword { field: field.clone(), values: vec![raw.text], all: false }),
            },
            Prefix::Field(Name { field, kind: Kind::Text, .. }) => {
                let raw = self.raw()?;
                if raw.is("*") {
                    return Some(Query::Exists { field: field.clone() });
                }
                let words = vec![self.word(raw)?];
                Some(Query::Text(Text { words, all: true, fields: vec![field.clone()] }))
            }
            Prefix::Field(Name { field, kind, .. }) => {
                let raw = self.value(name)?;
                if raw.is("*") {
                    return Some(Query::Exists { field: field.clone() });
                }
                let (from, to) = self.range(*kind, &raw)?;
                Some(Query::Range { field: field.clone(), from, to })
            }
            Prefix::Has => {
                let raw = self.value(name)?;
                let names = self.options.names;
                let found = names
                    .iter()
                    .find(|known| known.name == raw.text)
                    .or_else(|| names.iter().find(|known| known.field == raw.text));
                if found.is_none() {
                    self.problem(Reason::UnknownField { name: raw.text }, raw.place);
                }
                found.map(|known| Query::Exists { field: known.field.clone() })
            }
            Prefix::After | Prefix::Before | Prefix::On => {
                let raw = self.value(name)?;
                let field = self.options.date_field?.to_owned();
                let (start, end) = self.limits(Kind::Date, &raw.text, raw.place)?;
                Some(match prefix {
                    Prefix::After => Query::Range { field, from: Some(start), to: None },
                    Prefix::Before => Query::Range { field, from: None, to: Some(start - 1.0) },
                    _ => Query::Range { field, from: Some(start), to: Some(end) },
                })
            }
        }
    }

    /// A value that cannot be a group.
    fn value(&mut self, name: &str) -> Option<Raw> {
        if self.peek() == Some('(') {
            self.problem(Reason::WrongOperator { operator: "(".into(), name: name.into() }, self.at..self.at + 1);
            return None;
        }
        let raw = self.raw()?;
        self.count(raw.place.clone());
        Some(raw)
    }

    fn keyword(&mut self, name: &str) -> Option<Raw> {
        let raw = self.value(name)?;
        if raw.plain_end().ends_with('*') && !raw.quoted && !raw.is("*") {
            let place = raw.place.end - 1..raw.place.end;
            self.problem(Reason::WrongOperator { operator: "*".into(), name: name.into() }, place);
        }
        Some(raw)
    }

    /// Several keywords, or words of one field, between parentheses.
    fn values(&mut self, field: &str, kind: Kind, name: &str) -> Option<Query> {
        let open = self.at;
        self.at += 1;
        let (mut values, mut words) = (Vec::new(), Vec::new());
        let mut seen: Option<Operator> = None;
        // An operator that waits for what is behind it.
        let mut waiting: Option<(Operator, Range<usize>)> = None;
        loop {
            self.skip_space();
            let Some(next) = self.peek().filter(|&next| next != ')') else { break };
            if let Some((operator @ (Operator::And | Operator::Or), length)) = self.operator() {
                let here = self.at..self.at + length;
                self.at += length;
                if waiting.is_some() || values.is_empty() && words.is_empty() {
                    self.problem(Reason::MissingOperand { operator: operator.name(), side: "before" }, here.clone());
                }
                if seen.is_some_and(|seen| seen != operator) {
                    self.problem(Reason::MixedValues, here.clone());
                }
                seen = seen.or(Some(operator));
                waiting = Some((operator, here));
                continue;
            }
            if waiting.take().is_none() && !(values.is_empty() && words.is_empty()) {
                // Side by side: all of them.
                if seen == Some(Operator::Or) {
                    self.problem(Reason::MixedValues, self.at..self.at);
                }
                seen = seen.or(if self.options.any && kind == Kind::Text {
                    Some(Operator::Or)
                } else {
                    Some(Operator::And)
                });
            }
            if next == '(' {
                self.problem(Reason::WrongOperator { operator: "(".into(), name: name.into() }, self.at..self.at + 1);
                self.at += 1;
            } else if kind == Kind::Text {
                words.extend(self.raw().and_then(|raw| self.word(raw)));
            } else {
                values.extend(self.keyword(name).map(|raw| raw.text));
            }
        }
        if let Some((operator, here)) = waiting {
            self.problem(Reason::MissingOperand { operator: operator.name(), side: "after" }, here);
        }
        let nothing = values.is_empty() && words.is_empty();
        self.close(open);
        if nothing {
            self.problem(Reason::EmptyGroup, open..self.at);
            return None;
        }
        let all = seen != Some(Operator::Or);
        Some(if kind == Kind::Text {
            Query::Text(Text { all: all || words.len() == 1, words, fields: vec![field.to_owned()] })
        } else {
            Query::Keyword { field: field.to_owned(), all: all && values.len() > 1, values }
        })
    }

    /// What comes next, up to its end: a quoted phrase or a word. Nothing is left of a quote alone.
    fn raw(&mut self) -> Option<Raw> {
        let start = self.at;
        let quoted = self.peek().is_some_and(is_quote);
        let mut raw = Raw { text: String::new(), place: start..start, plain_from: 0, quoted };
        let mut characters = self.rest().char_indices();
        let mut end = self.rest().len();
        let mut closed = !quoted;
        if quoted {
            characters.next();
        }
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => match characters.clone().next() {
                    // In quotes only a quote and this itself need it: `"C:\temp"` is fine.
                    Some((_, next)) if !quoted || is_quote(next) || next == '\\' => {
                        characters.next();
                        raw.text.push(next);
                        raw.plain_from = raw.text.len();
                    }
                    _ => raw.text.push(character),
                },
                _ if quoted && is_quote(character) => {
                    end = at + character.len_utf8();
                    closed = true;
                    break;
                }
                _ if !quoted && ends_a_word(character) => {
                    end = at;
                    break;
                }
                _ => raw.text.push(character),
            }
        }
        self.at += end;
        raw.place.end = self.at;
        if !closed {
            let quote = self.text.get(start..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
            self.problem(Reason::UnclosedQuote, start..start + quote);
        }
        (self.at > start).then_some(raw)
    }

    /// A word or phrase, with how it is matched.
    fn word(&mut self, raw: Raw) -> Option<Word> {
        let Raw { mut text, place, plain_from, quoted } = raw;
        if quoted {
            if let Some(operator @ ('*' | '~')) = self.peek() {
                self.problem(
                    Reason::WrongOperator { operator: operator.into(), name: text.clone() },
                    self.at..self.at + 1,
                );
                self.at += 1;
            }
            if text.trim().is_empty() {
                return None;
            }
            self.count(place);
            return Some(Word { text, how: Matching::Phrase });
        }
        if text.bytes().all(|byte| byte == b'-') && plain_from == 0 {
            // A dash between words.
            return None;
        }
        self.count(place.clone());
        let is_last = place.end == self.text.len();
        let mut how = if is_last { self.options.last } else { self.options.bare };
        let length = text.len();
        let bare = text.trim_end_matches(|c: char| c.is_ascii_digit());
        let operator = bare.len().checked_sub(1).filter(|&at| at >= plain_from && at > 0 && bare.ends_with('~'));
        if let Some(at) = operator {
            how = match text.get(bare.len()..) {
                Some("" | "1") => Matching::Fuzzy(1),
                Some("2") => Matching::Fuzzy(2),
                _ => {
                    self.problem(Reason::BadDistance, place.end - (length - at)..place.end);
                    Matching::Fuzzy(2)
                }
            };
            text.truncate(at);
        } else if text.len() > 1 && plain_from < length && text.ends_with('*') {
            text.pop();
            how = Matching::Prefix;
        }
        Some(Word { text, how })
    }

    /// `5`, `>5`, `5..6`.
    fn range(&mut self, kind: Kind, raw: &Raw) -> Option<(Option<f64>, Option<f64>)> {
        let text = &*raw.text;
        let place = raw.place.clone();
        let step = |value: f64, up: bool| match (kind, up) {
            (Kind::Date, true) => value + 1.0,
            (Kind::Date, false) => value - 1.0,
            (_, true) => value.next_up(),
            (_, false) => value.next_down(),
        };
        if let Some((from, to)) = text.split_once("..") {
            if from.is_empty() && to.is_empty() {
                return self.limits(kind, text, place).map(|_| (None, None));
            }
            let middle = place.start + from.len();
            let from = if from.is_empty() { None } else { Some(self.limits(kind, from, place.start..middle)?.0) };
            let to = if to.is_empty() { None } else { Some(self.limits(kind, to, middle + 2..place.end)?.1) };
            if from.zip(to).is_some_and(|(from, to)| from > to) {
                self.problem(Reason::EmptyRange, place);
            }
            return Some((from, to));
        }
        for (operator, greater, included) in
            [(">=", true, true), ("<=", false, true), (">", true, false), ("<", false, false)]
        {
            if let Some(value) = text.strip_prefix(operator) {
                let (start, end) = self.limits(kind, value, place.start + operator.len()..place.end)?;
                return Some(match (greater, included) {
                    (true, true) => (Some(start), None),
                    (true, false) => (Some(step(end, true)), None),
                    (false, true) => (None, Some(end)),
                    (false, false) => (None, Some(step(start, false))),
                });
            }
        }
        self.limits(kind, text, place).map(|(start, end)| (Some(start), Some(end)))
    }

    /// The first and last value of a number or a date.
    fn limits(&mut self, kind: Kind, text: &str, place: Range<usize>) -> Option<(f64, f64)> {
        let limits = if kind == Kind::Date {
            date::period(text, self.options.offset_minutes).map(|(start, end)| (start as f64, end as f64))
        } else {
            decimal(text).map(|value| (value, value))
        };
        if limits.is_none() {
            let text = text.to_owned();
            let reason = if kind == Kind::Date { Reason::BadDate { text } } else { Reason::BadNumber { text } };
            self.problem(reason, place);
        }
        limits
    }
}

/// A finite number as JSON writes it, or with a `+`.
fn decimal(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    (is_digits(whole) && is_digits(part) && is_digits(exponent))
        .then(|| number(text.strip_prefix('+').unwrap_or(text)))?
}
