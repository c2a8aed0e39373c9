//! What a caller gave, as JSON: each value with the path to it, for errors that name the place.

use super::snippet::is_near;
use crate::error::{Error, Result};
use crate::session::json::{members, number, text};
use std::ops::RangeInclusive;

/// How much of a name that was given is shown in an error, in characters.
const SHOWN_CHARACTERS: usize = 64;

/// A value and the path to it, such as `where.tags.any[3]`.
#[derive(Debug, Clone)]
pub(super) struct Given<'a> {
    pub(super) path: String,
    json: &'a str,
}

impl<'a> Given<'a> {
    /// A whole text. What is no JSON is refused by whichever reads it.
    pub(super) fn new(path: &str, json: &'a str) -> Self {
        Self { path: path.into(), json: json.trim_ascii() }
    }

    /// The error that this value is wrong.
    pub(super) fn wrong(&self, problem: impl Into<String>) -> Box<Error> {
        Error::invalid(if self.path.is_empty() { "options" } else { &self.path }, problem)
    }

    /// The error for a name that is none of the known ones: it tells them, and which was probably meant.
    pub(super) fn unknown(&self, what: &str, name: &str, known: &[&str]) -> Box<Error> {
        // A short name is near everything.
        let edits = (1..=2).filter(|edits| edits * 2 <= name.len());
        let near = edits.into_iter().find_map(|edits| known.iter().find(|known| is_near(known, name, edits)));
        let shown: String = name.chars().take(SHOWN_CHARACTERS).collect();
        let (guess, end) = near.map_or(("", ""), |near| (near, "\"?"));
        let asks = if near.is_some() { "; is it \"" } else { "" };
        self.wrong(
            ["there is no ", what, " \"", &shown, "\"", asks, guess, end, "; known are: ", &known.join(", ")].concat(),
        )
    }

    /// Whether it is just this text.
    pub(super) fn is(&self, json: &str) -> bool {
        self.json == json
    }

    /// Whether it begins like an object (`{`), an array (`[`) or a text (`"`).
    pub(super) fn begins(&self, open: char) -> bool {
        self.json.starts_with(open)
    }

    /// The fields of an object.
    pub(super) fn fields(&self) -> Result<Vec<(String, Self)>> {
        let mut fields = Vec::new();
        let read = members(self.json, b'{', &mut |quoted, json| {
            let name = text(quoted).into_owned();
            let path = if self.path.is_empty() { name.clone() } else { [&self.path, ".", &name].concat() };
            fields.push((name, Self { path, json }));
            Some(())
        });
        read.map(|()| fields).map_err(|_| self.wrong("an object is needed"))
    }

    /// The elements of an array.
    pub(super) fn elements(&self) -> Result<Vec<Self>> {
        let mut elements = Vec::new();
        let read = members(self.json, b'[', &mut |_, json| {
            let path = [&self.path, "[", &elements.len().to_string(), "]"].concat();
            elements.push(Self { path, json });
            Some(())
        });
        read.map(|()| elements).map_err(|_| self.wrong("an array is needed"))
    }

    /// The elements of an array, or the value itself.
    pub(super) fn one_or_many(&self) -> Result<Vec<Self>> {
        if self.begins('[') { self.elements() } else { Ok(vec![self.clone()]) }
    }

    pub(super) fn text(&self) -> Result<String> {
        if self.begins('"') { Ok(text(self.json).into_owned()) } else { Err(self.wrong("a text is needed")) }
    }

    pub(super) fn flag(&self) -> Result<bool> {
        match self.json {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(self.wrong("true or false is needed")),
        }
    }

    pub(super) fn number(&self) -> Result<f64> {
        let digits = self.json.starts_with(|first: char| first == '-' || first.is_ascii_digit());
        digits.then(|| number(self.json)).flatten().ok_or_else(|| self.wrong("a finite number is needed"))
    }

    /// A text as it is, a number or truth value as it is written: what a keyword is compared with.
    pub(super) fn keyword(&self) -> Result<String> {
        match self.json.as_bytes().first() {
            Some(b'"') => Ok(text(self.json).into_owned()),
            Some(b'-' | b'0'..=b'9' | b't' | b'f') => Ok(self.json.to_owned()),
            _ => Err(self.wrong("a text, number or truth value is needed")),
        }
    }

    /// A whole number within bounds.
    pub(super) fn whole(&self, range: RangeInclusive<u32>) -> Result<u32> {
        let number = self.number().ok().map(|number| (number, number as u32));
        match number.filter(|(number, whole)| f64::from(*whole) == *number && range.contains(whole)) {
            Some((_, whole)) => Ok(whole),
            None => {
                let (least, most) = (range.start().to_string(), range.end().to_string());
                Err(self.wrong(["a whole number from ", &least, " to ", &most, " is needed"].concat()))
            }
        }
    }
}
