//! What of a session's JSON is indexed: the values that the fields' paths lead to.
//!
//! A path goes through arrays on its way: `notes.text` is the text of every note. At each object the longest key is taken that
//! the path begins with, so keys that have dots in them are found. A text that is no JSON is read as far as it is; nothing here fails.

use super::entry::{Entry, Value};
use super::schema::{Field, Kind, Schema};
use super::syntax::period;
use crate::session::json::{members, number, text};
use crate::session::{Id, ListName};
use std::borrow::Cow;

/// How many objects and arrays a value may lie in.
pub const DEPTH_MAX: usize = 64;

/// The most values of a field in an entry; further ones are not indexed.
pub const VALUES_MAX: usize = 10_000;

/// What is indexed of a session's metadata. There always is an entry, for a session without any value is still found by
/// what it does not have.
#[inline(never)]
pub fn metadata_entry(schema: &Schema, session: &Id, json: &[u8]) -> Option<Entry> {
    Some(Entry { session: session.clone(), at: None, values: values(schema, None, json) })
}

/// What is indexed of an item of a list; none if it has no text in any field.
#[inline(never)]
pub fn item_entry(schema: &Schema, session: &Id, list: &ListName, index: u64, json: &[u8]) -> Option<Entry> {
    let values = values(schema, Some(list.as_str()), json);
    (!values.is_empty()).then(|| Entry { session: session.clone(), at: Some((list.clone(), index)), values })
}

/// The texts of a text field, in metadata or in an item, in the order in which they are indexed.
#[inline(never)]
pub fn texts(schema: &Schema, field: usize, json: &[u8]) -> Vec<String> {
    match schema.fields().get(field).and_then(|field| value(field, &Root::new(json))) {
        Some(Value::Text(texts)) => texts,
        _ => Vec::new(),
    }
}

fn values(schema: &Schema, list: Option<&str>, json: &[u8]) -> Vec<(usize, Value)> {
    // Not even looked at when nothing of this list is indexed.
    if schema.group(list).is_none() {
        return Vec::new();
    }
    let root = Root::new(json);
    let fields = schema.fields().iter().enumerate().filter(|(_, field)| field.list.as_deref() == list);
    fields.filter_map(|(number, field)| Some((number, value(field, &root)?))).collect()
}

/// A field's value.
fn value(field: &Field, root: &Root<'_>) -> Option<Value> {
    let mut texts = Vec::new();
    let mut single = None;
    let most = match field.kind {
        Kind::Keywords | Kind::Text { .. } => VALUES_MAX,
        Kind::Keyword | Kind::Number | Kind::Date => 1,
    };
    let mut found = 0;
    for path in &field.paths {
        root.visit(path, &mut |leaf| {
            if found >= most {
                return None;
            }
            let taken = match &field.kind {
                Kind::Keyword | Kind::Keywords => keyword(leaf).map(|keyword| texts.push(keyword.into_owned())),
                Kind::Text { .. } if leaf.starts_with('"') => {
                    Some(text(leaf)).filter(|text| !text.is_empty()).map(|text| texts.push(text.into_owned()))
                }
                Kind::Text { .. } => None,
                Kind::Number => moment_or_number(leaf).map(|number| single = Some(number)),
                Kind::Date => date(leaf).map(|number| single = Some(number)),
            };
            found += usize::from(taken.is_some());
            Some(())
        });
    }
    match &field.kind {
        Kind::Number | Kind::Date => single.map(Value::Number),
        _ if texts.is_empty() => None,
        Kind::Text { .. } => Some(Value::Text(texts)),
        Kind::Keyword | Kind::Keywords => Some(Value::Keywords(texts)),
    }
}

/// A text; a number or truth value as it is written.
fn keyword(leaf: &str) -> Option<Cow<'_, str>> {
    match leaf.as_bytes().first()? {
        b'"' => Some(text(leaf)),
        // Minus zero is the only number that is marked, and its text is that of zero.
        b'{' => mark(leaf, "\"$number\"").map(|_| "0".into()),
        b'n' => None,
        _ => Some(leaf.into()),
    }
}

/// A number; a date as its milliseconds since 1970.
fn moment_or_number(leaf: &str) -> Option<f64> {
    match leaf.as_bytes().first()? {
        b'{' if mark(leaf, "\"$number\"").is_some() => Some(0.0),
        b'{' => moment_or_number(mark(leaf, "\"$date\"")?),
        b'-' | b'0'..=b'9' => number(leaf),
        _ => None,
    }
}

/// A date as milliseconds since 1970: marked, as a number, or as text of ISO 8601, in UTC unless it says otherwise.
fn date(leaf: &str) -> Option<f64> {
    if leaf.starts_with('"') { period(&text(leaf), 0).map(|(start, _)| start as f64) } else { moment_or_number(leaf) }
}

/// What an object holds that stands for a value that JSON has no form for. Its name is one with a single `$`.
fn mark<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    let mut marked = None;
    let _ = members(object, b'{', &mut |quoted, value| {
        marked = (quoted == name).then_some(value);
        None
    });
    marked
}

type Leaves<'f, 'a> = &'f mut dyn FnMut(&'a str) -> Option<()>;

/// An object's fields, as far as they can be read.
type Object<'a> = Vec<(Cow<'a, str>, &'a str)>;

/// A text, of which the outermost object is read once for all paths.
struct Root<'a> {
    json: &'a str,
    object: Object<'a>,
}

impl<'a> Root<'a> {
    fn new(json: &'a [u8]) -> Self {
        // Up to where it is no text any more.
        let valid = |json| std::str::from_utf8(json).map_err(|error| error.valid_up_to());
        let json = valid(json).or_else(|end| valid(json.get(..end).unwrap_or_default())).unwrap_or("").trim_ascii();
        Self { json, object: object(json) }
    }

    fn visit(&self, path: &str, leaves: Leaves<'_, 'a>) {
        if self.json.starts_with('{') {
            enter(&self.object, path, 1, leaves);
        } else {
            visit(self.json, path, 0, leaves);
        }
    }
}

fn object(json: &str) -> Object<'_> {
    let mut fields = Object::new();
    // Whatever comes before damage counts.
    let _ = members(json, b'{', &mut |quoted, value| {
        let name = text(quoted);
        // Keys of the caller's own that start with `$` have one more in front; the others are marks.
        match name.strip_prefix('$') {
            None => fields.push((name, value)),
            Some(own) if own.starts_with('$') => fields.push((own.to_owned().into(), value)),
            Some(_) => {}
        }
        Some(())
    });
    fields
}

/// Hands over what a path leads to, until nothing more is wanted.
fn visit<'a>(json: &'a str, path: &str, depth: usize, leaves: Leaves<'_, 'a>) -> Option<()> {
    match json.as_bytes().first() {
        Some(b'[' | b'{') if depth >= DEPTH_MAX => Some(()),
        Some(b'[') => {
            let mut wanted = Some(());
            let _ = members(json, b'[', &mut |_, element| {
                wanted = visit(element, path, depth + 1, leaves);
                wanted
            });
            wanted
        }
        Some(b'{') if !path.is_empty() => enter(&object(json), path, depth + 1, leaves),
        _ if path.is_empty() => leaves(json),
        _ => Some(()),
    }
}

fn enter<'a>(object: &Object<'a>, path: &str, depth: usize, leaves: Leaves<'_, 'a>) -> Option<()> {
    let behind = |name: &str| {
        let rest = path.strip_prefix(name)?;
        if rest.is_empty() { Some(rest) } else { rest.strip_prefix('.').filter(|rest| !rest.is_empty()) }
    };
    // Of several of one name the last counts, as in JavaScript.
    let found = object.iter().filter_map(|(name, value)| Some((name.len(), behind(name)?, *value)));
    match found.max_by_key(|(length, ..)| *length) {
        Some((_, rest, value)) => visit(value, rest, depth, leaves),
        None => Some(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::schema::Analyser;
    use super::*;

    fn schema() -> Schema {
        let plain = Analyser { name: "plain".into(), version: 1 };
        let field = |name: &str, paths: &[&str], kind| Field {
            name: name.into(),
            list: None,
            paths: paths.iter().map(|&path| path.into()).collect(),
            kind,
        };
        Schema::new(vec![
            field("tags", &["tags"], Kind::Keywords),
            field("status", &["status", "state"], Kind::Keyword),
            field("size", &["meta.size"], Kind::Number),
            field("at", &["at"], Kind::Date),
            field("text", &["title", "notes.text", "a.b.c", "$own.$key"], Kind::text(&plain)),
            Field::item("messages", "text", Kind::text(&plain)),
            Field::item("messages", "parts.text", Kind::text(&plain)),
        ])
        .unwrap()
    }

    fn values_of(json: &str) -> Vec<(String, Value)> {
        let schema = schema();
        let entry = metadata_entry(&schema, &Id::new("s").unwrap(), json.as_bytes()).unwrap();
        entry.values.into_iter().map(|(number, value)| (schema.fields()[number].name.clone(), value)).collect()
    }

    /// The value of the only field that has one.
    fn only(json: &str) -> Value {
        let mut values = values_of(json);
        assert_eq!(values.len(), 1, "{json}: {values:?}");
        values.remove(0).1
    }

    fn keywords(texts: &[&str]) -> Value {
        Value::Keywords(texts.iter().map(|&text| text.into()).collect())
    }

    fn words(texts: &[&str]) -> Value {
        Value::Text(texts.iter().map(|&text| text.into()).collect())
    }

    #[test]
    fn keywords_are_texts_and_whatever_is_written_like_one_word() {
        assert_eq!(
            only(r#"{"tags":["a",[1.5,"b"],true,null,{"x":1},{"$number":"-0"},{"$date":1},""]}"#),
            keywords(&["a", "1.5", "b", "true", "0", ""])
        );
        assert_eq!(only(r#" {"tags" : "\u0061\n" } "#), keywords(&["a\n"]));
        assert_eq!(
            only(r#"{"tags":{"$$date":1,"x":2},"status":["first","second"],"state":"third"}"#),
            keywords(&["first"])
        );
        assert_eq!(only(r#"{"status":null,"state":"third"}"#), keywords(&["third"]));
    }

    #[test]
    fn numbers_and_dates_are_read_in_all_of_their_forms() {
        for (size, expected) in [("5", 5.0), ("-0.5e1", -5.0), (r#"{"$number":"-0"}"#, 0.0), (r#"{"$date":7}"#, 7.0)] {
            assert_eq!(only(&format!(r#"{{"meta":{{"size":{size}}}}}"#)), Value::Number(expected), "{size}");
        }
        for at in [
            r#"{"$date":1767225600000}"#,
            "1767225600000",
            r#""2026-01-01T00:00:00.000Z""#,
            r#""2026-01-01""#,
            r#"[null,"2026"]"#,
        ] {
            assert_eq!(only(&format!(r#"{{"at":{at}}}"#)), Value::Number(1_767_225_600_000.0), "{at}");
        }
        for none in [r#""5""#, "true", "1e999", "{}", r#"{"date":1}"#, r#"{"$$date":1}"#, r#"{"$date":"x"}"#] {
            assert_eq!(values_of(&format!(r#"{{"meta":{{"size":{none}}}}}"#)), [], "{none}");
        }
        assert_eq!(values_of(r#"{"at":"yesterday"}"#), []);
    }

    #[test]
    fn paths_go_through_arrays_objects_and_keys_with_dots() {
        assert_eq!(
            only(r#"{"notes":[{"text":"a"},[{"text":["b",5,""]}],{"x":1},"c"],"title":"t"}"#),
            words(&["t", "a", "b"])
        );
        for json in [
            r#"{"a":{"b":{"c":"x"}}}"#,
            r#"{"a.b.c":"x"}"#,
            r#"{"a.b":{"c":"x"}}"#,
            r#"{"a":{"b.c":"x","b":{"c":"y"}}}"#,
        ] {
            assert_eq!(only(json), words(&["x"]), "{json}");
        }
        assert_eq!(only(r#"{"a":{"b":{"c":"y"}},"a.b.c":"x"}"#), words(&["x"]));
        assert_eq!(only(r#"{"title":"old","title":"new"}"#), words(&["new"]));
        assert_eq!(only(r#"{"$$own":{"$$key":"x"}}"#), words(&["x"]));
        for none in
            [r#"{"$own":{"$key":"x"}}"#, r#"{"a.b.":"x","a.":{"b.c":"x"}}"#, r#"{"notes":"c"}"#, r#"{"title":""}"#]
        {
            assert_eq!(values_of(none), [], "{none}");
        }
        assert_eq!(only(r#"{"title":"\ud800!"}"#), words(&["\u{FFFD}!"]));
    }

    #[test]
    fn an_item_is_an_entry_if_it_has_text() {
        let schema = schema();
        let (session, list) = (Id::new("s").unwrap(), ListName::new("messages").unwrap());
        let entry = |json: &str| item_entry(&schema, &session, &list, 7, json.as_bytes());
        let found = entry(r#"{"text":"hello","tags":["a"],"parts":[{"text":"p"},{"text":"q"}]}"#).unwrap();
        assert_eq!(found.at, Some((list.clone(), 7)));
        assert_eq!(found.values, [(5, words(&["hello"])), (6, words(&["p", "q"]))]);
        assert_eq!(entry(r#"[{"text":"hello"}]"#).unwrap().values, [(5, words(&["hello"]))]);
        for none in ["5", "", "\"text\"", r#"{"text":""}"#, r#"{"text":5}"#, r#"{"title":"x"}"#] {
            assert_eq!(entry(none), None, "{none}");
        }
        let other = ListName::new("other").unwrap();
        assert_eq!(item_entry(&schema, &session, &other, 0, br#"{"text":"hello"}"#), None);
        let json = r#"{"parts":[{"text":"p"},{"text":"q"}]}"#;
        assert_eq!(texts(&schema, 6, json.as_bytes()), ["p", "q"]);
        assert!(texts(&schema, 0, br#"{"tags":["a"]}"#).is_empty() && texts(&schema, 99, b"{}").is_empty());
    }

    #[test]
    fn of_a_damaged_text_counts_what_comes_before() {
        let json = r#"{"title":"é","tags":["x"],"notes":[{"text":"n"}],"at":1}"#;
        let complete = values_of(json);
        for length in 0..json.len() {
            let schema = schema();
            let bytes = &json.as_bytes()[..length];
            let entry = metadata_entry(&schema, &Id::new("s").unwrap(), bytes).unwrap();
            assert!(entry.values.len() <= complete.len());
        }
        assert_eq!(only(r#"{"title":"t","tags":[}"#), words(&["t"]));
        assert_eq!(only(r#"{"title":"t"} more"#), words(&["t"]));
        let mut bytes = br#"{"title":"t","tags":[""#.to_vec();
        bytes.extend(b"\xff\"]}");
        let entry = metadata_entry(&schema(), &Id::new("s").unwrap(), &bytes).unwrap();
        assert_eq!(entry.values, [(4, words(&["t"]))]);
    }

    #[test]
    fn depth_and_number_of_values_are_bounded() {
        let nested = |depth: usize| format!("{{\"title\":{}\"t\"{}}}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(values_of(&nested(DEPTH_MAX - 1)).len(), 1);
        assert_eq!(values_of(&nested(DEPTH_MAX)), []);
        assert_eq!(values_of(&nested(100_000)), []);
        let many = vec!["\"t\""; VALUES_MAX + 1].join(",");
        let Value::Text(texts) = only(&format!("{{\"title\":[[{many}],[{many}]],\"notes\":{{\"text\":[{many}]}}}}"))
        else {
            panic!()
        };
        assert_eq!(texts.len(), VALUES_MAX);
    }
}
