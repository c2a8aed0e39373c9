//! The top-level fields of metadata: merging a patch, and reading the field that a listing is ordered by.

use super::json::{self, Field};
use crate::error::{Error, Result};
use std::cmp::Ordering;

fn parse(json: &[u8]) -> Result<Vec<Field<'_>>> {
    json::fields(json).map_err(|at| Error::invalid("metadata", format!("it is not a JSON object, from byte {at} on")))
}

/// Refuses a text that is not one JSON object.
pub fn check(json: &[u8]) -> Result<()> {
    parse(json).map(drop)
}

/// The metadata with the patch's fields put over it and the removed ones left out. Nested objects are replaced whole.
pub fn merge(json: &[u8], patch: &[u8], remove: &[String]) -> Result<Vec<u8>> {
    let (mut fields, patch) = (parse(json)?, parse(patch)?);
    fields.retain(|field| !remove.iter().any(|removed| *removed == field.name));
    for new in patch {
        match fields.iter_mut().find(|field| field.name == new.name) {
            Some(field) => field.value = new.value,
            None => fields.push(new),
        }
    }
    let mut merged = String::from("{");
    for Field { quoted, value, .. } in fields {
        let comma = if merged.len() > 1 { "," } else { "" };
        merged.extend([comma, quoted, ":", value]);
    }
    merged.push('}');
    Ok(merged.into_bytes())
}

/// What a listing is ordered by: numbers and dates (as milliseconds) first, then texts, then sessions without such a field.
#[derive(Debug, Clone, PartialEq)]
pub enum SortKey {
    /// A number, or a date in milliseconds since 1970.
    Number(f64),
    /// A text.
    Text(String),
    /// The field is absent or of a kind without an order.
    None,
}

impl Eq for SortKey {}

impl Ord for SortKey {
    fn cmp(&self, other: &Self) -> Ordering {
        let rank = |key: &Self| match key {
            Self::Number(_) => 0,
            Self::Text(_) => 1,
            Self::None => 2,
        };
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            _ => rank(self).cmp(&rank(other)),
        }
    }
}

impl PartialOrd for SortKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Reads one top-level field as a sort key. A date is `{"$date":ms}`.
pub fn sort_key(json: &[u8], field: &str) -> Result<SortKey> {
    let fields = parse(json)?;
    let Some(value) = value_of(&fields, field) else { return Ok(SortKey::None) };
    Ok(match value.as_bytes() {
        [b'"', ..] => json::unquote(value).map_or(SortKey::None, |text| SortKey::Text(text.into_owned())),
        [b'{', ..] => {
            parse(value.as_bytes()).ok().and_then(|date| number(value_of(&date, "$date")?)).unwrap_or(SortKey::None)
        }
        _ => number(value).unwrap_or(SortKey::None),
    })
}

/// The text of a field's value: of the last, if there are several of that name, as JavaScript has it.
fn value_of<'a>(fields: &[Field<'a>], name: &str) -> Option<&'a str> {
    fields.iter().rev().find(|field| field.name == name).map(|field| field.value)
}

fn number(value: &str) -> Option<SortKey> {
    value
        .starts_with(|first: char| first == '-' || first.is_ascii_digit())
        .then(|| json::number(value).map(SortKey::Number))?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(json: &str, patch: &str, remove: &[&str]) -> String {
        let remove: Vec<String> = remove.iter().map(|&name| name.to_owned()).collect();
        String::from_utf8(merge(json.as_bytes(), patch.as_bytes(), &remove).unwrap()).unwrap()
    }

    #[test]
    fn a_patch_replaces_adds_and_removes_fields_in_place() {
        assert_eq!(
            merged(r#"{"a":1,"b":{"x":[1]},"c":"é"}"#, r#"{"b":2,"d":null}"#, &["c"]),
            r#"{"a":1,"b":2,"d":null}"#
        );
        assert_eq!(merged(r#"{"a":1}"#, "{}", &["a", "z"]), "{}");
        assert_eq!(merged(r#"{"a":"\ud800"}"#, r#"{"b":"\ud800"}"#, &[]), r#"{"a":"\ud800","b":"\ud800"}"#);
        assert_eq!(merged(r#"{"a\n":1}"#, r#"{"a\n":2,"__proto__":3}"#, &[]), r#"{"a\n":2,"__proto__":3}"#);
    }

    #[test]
    fn what_is_not_an_object_is_refused() {
        for json in ["", "null", "[1]", "{\"a\":}", "{} {}", "{\"a\":1,}"] {
            assert_eq!(check(json.as_bytes()).unwrap_err().code(), "InvalidArgument", "{json}");
        }
    }

    #[test]
    fn deep_nesting_is_passed_over_without_recursion() {
        let json = format!("{{\"a\":{}{},\"b\":1}}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert_eq!(sort_key(json.as_bytes(), "b"), Ok(SortKey::Number(1.0)));
    }

    #[test]
    fn fields_sort_by_number_date_and_text() {
        let json = br#"{"n":2.5,"d":{"$date":1000},"t":"x","o":{"$date":"no"},"l":[1]}"#;
        assert_eq!(sort_key(json, "n").unwrap(), SortKey::Number(2.5));
        assert_eq!(sort_key(json, "d").unwrap(), SortKey::Number(1000.0));
        assert_eq!(sort_key(json, "t").unwrap(), SortKey::Text("x".into()));
        for none in ["o", "l", "absent"] {
            assert_eq!(sort_key(json, none).unwrap(), SortKey::None);
        }
        let mut keys = [SortKey::None, SortKey::Text("b".into()), SortKey::Number(3.0), SortKey::Number(-1.0)];
        keys.sort();
        assert_eq!(keys, [SortKey::Number(-1.0), SortKey::Number(3.0), SortKey::Text("b".into()), SortKey::None]);
    }
}
