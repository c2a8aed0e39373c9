//! The top-level fields of metadata: merging a patch, and reading the field that a listing is ordered by.

use crate::error::{Error, Result};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeMap};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::cmp::Ordering;

/// A JSON object's fields in their order, values unparsed.
struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry::<Cow<'de, str>, &'de RawValue>()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

fn parse(json: &[u8]) -> Result<Fields<'_>> {
    serde_json::from_slice(json)
        .map_err(|error| Error::invalid("metadata", format!("it is not a JSON object: {error}")))
}

/// Refuses a text that is not one JSON object.
pub fn check(json: &[u8]) -> Result<()> {
    parse(json).map(|_| ())
}

/// The metadata with the patch's fields put over it and the removed ones left out. Nested objects are replaced whole.
pub fn merge(json: &[u8], patch: &[u8], remove: &[String]) -> Result<Vec<u8>> {
    let Fields(mut fields) = parse(json)?;
    let Fields(patch) = parse(patch)?;
    fields.retain(|(name, _)| !remove.iter().any(|removed| removed == name));
    for (name, value) in patch {
        match fields.iter_mut().find(|(existing, _)| *existing == name) {
            Some(field) => field.1 = value,
            None => fields.push((name, value)),
        }
    }
    serde_json::to_vec(&Fields(fields)).map_err(|error| Error::Backend { cause: format!("metadata: {error}") })
}

/// What a listing is ordered by: numbers and dates (as milliseconds) first, then texts, then sessions without such a field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Sortable {
        Number(f64),
        Text(String),
        Date {
            #[serde(rename = "$date")]
            date: f64,
        },
    }
    let Fields(fields) = parse(json)?;
    let value = fields.iter().rev().find(|(name, _)| name == field).map(|(_, value)| value.get());
    Ok(match value.map(serde_json::from_str::<Sortable>) {
        Some(Ok(Sortable::Number(number) | Sortable::Date { date: number })) => SortKey::Number(number),
        Some(Ok(Sortable::Text(text))) => SortKey::Text(text),
        _ => SortKey::None,
    })
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
