//! The options that a caller gives for an index, as JSON.
//!
//! ```text
//! false, or {
//!   fields    of the metadata by name: kind, { kind, path, analyser, boost, positions }, or false
//!   items     texts of list items by "list.path": true, { analyser, boost, positions }, or false
//!   analyser  of every text field that does not name its own
//! }
//! ```
//!
//! They come on top of the [standard](Schema::standard) fields, in whose place they stand where they have the same name; `false`
//! takes one away.

use super::given::Given;
use super::schema::{Analyser, BOOSTS, Field, Kind, Schema};
use crate::error::{Error, Result};
use crate::session::{ListName, UNITS_MAX};

const KINDS: [&str; 5] = ["keyword", "keyword[]", "date", "number", "text"];

/// The most paths of a field.
const PATHS_MAX: usize = 64;

/// Names that mean something else in a condition.
const RESERVED: [&str; 4] = ["and", "or", "not", "*"];

impl Schema {
    /// Reads the options; none if no index is kept.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] with the path to what is wrong, such as `index.fields.size.kind`; [`Error::TooLarge`] for too
    /// many fields.
    #[inline(never)]
    pub fn from_options(json: &str) -> Result<Option<Self>> {
        let given = Given::new("index", json);
        if given.is("false") {
            return Ok(None);
        }
        let mut analyser = Analyser::named("plain")?;
        let (mut own, mut items) = (Vec::new(), Vec::new());
        for (name, value) in given.fields()? {
            match &*name {
                "fields" => own = value.fields()?,
                "items" => items = value.fields()?,
                "analyser" => analyser = named(&value)?,
                _ => return Err(value.unknown("option", &name, &["fields", "items", "analyser"])),
            }
        }
        // Whatever the order in which they are written, it is the same index.
        own.sort_by(|(a, _), (b, _)| a.cmp(b));
        items.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut fields = Self::standard_with(&analyser).fields().to_vec();
        for (name, value) in own {
            let field = if value.is("false") { None } else { Some(of_metadata(&name, &value, &analyser)?) };
            put(&mut fields, false, &name, field, &value)?;
        }
        for (name, value) in items {
            let field = if value.is("false") { None } else { Some(of_items(&name, &value, &analyser)?) };
            put(&mut fields, true, &name, field, &value)?;
        }
        Self::new(fields).map(Some)
    }
}

/// Puts a field in the place of the one of its name or behind all, or takes one away.
fn put(fields: &mut Vec<Field>, of_items: bool, name: &str, field: Option<Field>, value: &Given<'_>) -> Result<()> {
    let known = |field: &Field| field.list.is_some() == of_items && field.name == name;
    match (fields.iter().position(known), field) {
        (Some(place), None) => drop(fields.remove(place)),
        (Some(place), Some(field)) => {
            if let Some(slot) = fields.get_mut(place) {
                *slot = field;
            }
        }
        (None, Some(field)) => fields.push(field),
        (None, None) => {
            let names = fields.iter().filter(|field| field.list.is_some() == of_items).map(|field| &*field.name);
            return Err(value.unknown("standard field", name, &names.collect::<Vec<_>>()));
        }
    }
    Ok(())
}

fn named(value: &Given<'_>) -> Result<Analyser> {
    Analyser::named(&value.text()?).map_err(|error| match *error {
        Error::InvalidArgument { problem, .. } => value.wrong(problem),
        _ => error,
    })
}

/// What may be said of a text field.
struct OfText {
    analyser: Analyser,
    boost: f32,
    positions: bool,
    /// Where any of it was said.
    said: Option<String>,
}

impl OfText {
    fn new(analyser: &Analyser) -> Self {
        Self { analyser: analyser.clone(), boost: 1.0, positions: true, said: None }
    }

    /// Takes an option; false if it is not one of a text field.
    fn take(&mut self, name: &str, value: &Given<'_>) -> Result<bool> {
        match name {
            "analyser" => self.analyser = named(value)?,
            "boost" => {
                self.boost = value.number()? as f32;
                if !BOOSTS.contains(&self.boost) {
                    return Err(value.wrong("a boost lies between 0.001 and 1,000"));
                }
            }
            "positions" => self.positions = value.flag()?,
            _ => return Ok(false),
        }
        self.said = Some(value.path.clone());
        Ok(true)
    }

    fn kind(self) -> Kind {
        Kind::Text { analyser: self.analyser, boost: self.boost, positions: self.positions }
    }
}

/// A name or path that is not empty or very long.
fn name_of(name: &str, value: &Given<'_>) -> Result<()> {
    let fits = (1..=UNITS_MAX).contains(&name.encode_utf16().count());
    if fits { Ok(()) } else { Err(value.wrong("a name or path has 1 to 512 UTF-16 units")) }
}

fn of_metadata(name: &str, value: &Given<'_>, analyser: &Analyser) -> Result<Field> {
    name_of(name, value)?;
    if RESERVED.contains(&name) {
        return Err(value.wrong("a field cannot be called \"and\", \"or\", \"not\" or \"*\""));
    }
    let mut of_text = OfText::new(analyser);
    let (mut kind, mut paths) = (None, vec![name.to_owned()]);
    if !value.begins('{') {
        kind = Some(value.clone());
    } else {
        for (option, value) in value.fields()? {
            match &*option {
                "kind" => kind = Some(value),
                "path" => {
                    let given = value.one_or_many()?;
                    if !(1..=PATHS_MAX).contains(&given.len()) {
                        return Err(value.wrong("1 to 64 paths are needed"));
                    }
                    paths.clear();
                    for value in given {
                        let path = value.text()?;
                        name_of(&path, &value)?;
                        paths.push(path);
                    }
                }
                _ if of_text.take(&option, &value)? => {}
                _ => {
                    let known = ["kind", "path", "analyser", "boost", "positions"];
                    return Err(value.unknown("option", &option, &known));
                }
            }
        }
    }
    let Some(given) = kind else {
        return Err(Error::invalid([&value.path, ".kind"].concat(), "it is needed"));
    };
    let text = given.text()?;
    let kind = match &*text {
        "keyword" => Kind::Keyword,
        "keyword[]" => Kind::Keywords,
        "date" => Kind::Date,
        "number" => Kind::Number,
        "text" => return Ok(Field { name: name.into(), list: None, paths, kind: of_text.kind() }),
        _ => return Err(given.unknown("kind", &text, &KINDS)),
    };
    match of_text.said {
        Some(path) => Err(Error::invalid(path, "only a field of kind \"text\" has it")),
        None => Ok(Field { name: name.into(), list: None, paths, kind }),
    }
}

fn of_items(name: &str, value: &Given<'_>, analyser: &Analyser) -> Result<Field> {
    name_of(name, value)?;
    let (list, path) = name
        .split_once('.')
        .filter(|(list, path)| !list.is_empty() && !path.is_empty())
        .ok_or_else(|| value.wrong("it is called by list and path, such as \"messages.text\""))?;
    ListName::new(list).map_err(|error| value.wrong(error.to_string()))?;
    let mut of_text = OfText::new(analyser);
    if !value.is("true") {
        for (option, value) in value.fields()? {
            if !of_text.take(&option, &value)? {
                return Err(value.unknown("option", &option, &["analyser", "boost", "positions"]));
            }
        }
    }
    Ok(Field::item(list, path, of_text.kind()))
}

#[cfg(test)]
mod tests {
    use super::super::Analysers;
    use super::*;

    fn schema(json: &str) -> Schema {
        Schema::from_options(json).unwrap().unwrap()
    }

    fn names(schema: &Schema) -> Vec<&str> {
        schema.fields().iter().map(|field| &*field.name).collect()
    }

    #[test]
    fn fields_come_on_top_of_the_standard_ones_or_in_their_place() {
        assert_eq!(Schema::from_options(" false ").unwrap(), None);
        let standard = schema("{}");
        assert_eq!(
            names(&standard),
            [
                "topics",
                "tags",
                "startedAt",
                "category",
                "subCategory",
                "status",
                "title",
                "text",
                "notes.text",
                "messages.text",
                "transcript.text"
            ]
        );
        let changed = schema(
            r#"{"analyser":"en","items":{"log.line.text":{"boost":3,"positions":false},"notes.text":false,"chat.text":true},
                "fields":{"topics":false,"title":"keyword","size":{"kind":"number","path":"meta.size"},
                "body":{"kind":"text","path":["a","b.c"],"analyser":"plain"}}}"#,
        );
        let plain = Analyser::named("plain").unwrap();
        let english = Analyser::named("en").unwrap();
        assert!(Analysers::know(&changed));
        let all = names(&changed);
        assert_eq!(all[..2], ["tags", "startedAt"]);
        assert_eq!(all[7..], ["messages.text", "transcript.text", "body", "size", "chat.text", "log.line.text"]);
        let field = |name: &str| &changed.fields()[changed.number(name).unwrap()];
        assert_eq!(field("title").kind, Kind::Keyword);
        assert_eq!(field("text").kind, Kind::text(&english));
        assert_eq!((&field("size").kind, &field("size").paths[..]), (&Kind::Number, &["meta.size".to_owned()][..]));
        assert_eq!((&field("body").kind, field("body").paths.len()), (&Kind::text(&plain), 2));
        let kind = Kind::Text { analyser: english, boost: 3.0, positions: false };
        let line =
            Field { name: "log.line.text".into(), list: Some("log".into()), paths: vec!["line.text".into()], kind };
        assert_eq!(field("log.line.text"), &line);
        // The order in which they are written makes no other index.
        let orders = [r#"{"fields":{"a":"date","b":"number"}}"#, r#"{"fields":{"b":"number","a":"date"}}"#];
        assert_eq!(schema(orders[0]).fingerprint(), schema(orders[1]).fingerprint());
        for foreign in
            [Analyser { name: "xx".into(), ..plain.clone() }, Analyser { version: plain.version + 1, ..plain }]
        {
            let schema = Schema::new(vec![Field::metadata("a", Kind::text(&foreign))]).unwrap();
            assert!(!Analysers::know(&schema), "{foreign:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_by_its_path() {
        for (json, message) in [
            ("true", "index: an object is needed"),
            ("{", "index: an object is needed"),
            ("{} {}", "index: an object is needed"),
            (
                r#"{"field":{}}"#,
                "index.field: there is no option \"field\"; is it \"fields\"?; known are: fields, items, analyser",
            ),
            (r#"{"fields":[]}"#, "index.fields: an object is needed"),
            (r#"{"analyser":5}"#, "index.analyser: a text is needed"),
            (
                r#"{"fields":{"x":"keywords"}}"#,
                "index.fields.x: there is no kind \"keywords\"; is it \"keyword\"?; known are: keyword, keyword[], date, number, text",
            ),
            (
                r#"{"fields":{"x":{"kind":"words"}}}"#,
                "index.fields.x.kind: there is no kind \"words\"; known are: keyword, keyword[], date, number, text",
            ),
            (r#"{"fields":{"x":true}}"#, "index.fields.x: a text is needed"),
            (r#"{"fields":{"x":{"path":"y"}}}"#, "index.fields.x.kind: it is needed"),
            (
                r#"{"fields":{"x":{"kind":"text","boost":0}}}"#,
                "index.fields.x.boost: a boost lies between 0.001 and 1,000",
            ),
            (r#"{"fields":{"x":{"kind":"text","boost":null}}}"#, "index.fields.x.boost: a finite number is needed"),
            (
                r#"{"fields":{"x":{"kind":"date","positions":true}}}"#,
                "index.fields.x.positions: only a field of kind \"text\" has it",
            ),
            (r#"{"fields":{"x":{"kind":"date","path":[]}}}"#, "index.fields.x.path: 1 to 64 paths are needed"),
            (
                r#"{"fields":{"x":{"kind":"date","path":["a",""]}}}"#,
                "index.fields.x.path[1]: a name or path has 1 to 512 UTF-16 units",
            ),
            (
                r#"{"fields":{"tagz":false}}"#,
                "index.fields.tagz: there is no standard field \"tagz\"; is it \"tags\"?; known are: topics, tags, startedAt, category, subCategory, status, title, text",
            ),
            (
                r#"{"fields":{"not":"date"}}"#,
                "index.fields.not: a field cannot be called \"and\", \"or\", \"not\" or \"*\"",
            ),
            (r#"{"fields":{"messages.text":"text"}}"#, "index.fields.messages.text: there are two fields of this name"),
            (
                r#"{"items":{"messages":true}}"#,
                "index.items.messages: it is called by list and path, such as \"messages.text\"",
            ),
            (
                r#"{"items":{"a.b":{"kind":"text"}}}"#,
                "index.items.a.b.kind: there is no option \"kind\"; known are: analyser, boost, positions",
            ),
            (r#"{"items":{"a.b":"text"}}"#, "index.items.a.b: an object is needed"),
        ] {
            assert_eq!(Schema::from_options(json).unwrap_err().to_string(), message, "{json}");
        }
        let unknown = Schema::from_options(r#"{"fields":{"x":{"kind":"text","analyser":"xx"}}}"#).unwrap_err();
        assert!(unknown.to_string().starts_with("index.fields.x.analyser: there is no \"xx\""), "{unknown}");
        let many: Vec<String> = (0..64).map(|n| format!("\"f{n}\":\"date\"")).collect();
        let many = Schema::from_options(&format!("{{\"fields\":{{{}}}}}", many.join(",")));
        assert_eq!(many.unwrap_err().code(), "TooLarge");
    }
}
