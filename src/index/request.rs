//! What a caller asks for, as JSON, as a [`Search`].
//!
//! ```text
//! text, match, fields, prefix, fuzzy    words as they are, and how words are matched
//! query, lenient, utcOffset             what was typed into a search box, see [`super::syntax`]; minutes that its clock is ahead
//! where                                 conditions on fields:
//!   and, or: [where, …]   not: where, or [where, …]
//!   keyword field         text, [text, …], { any, all, exists }
//!   number or date field  number, [number, …], { from, to, exists }; a date is its milliseconds since 1970
//!   text field            { text, match, prefix, fuzzy, exists }; the field `*` is every text field, it has no exists
//! orderBy, reverse, limit, offset
//! facets                                [field or { field, limit }, …]
//! snippets, sessions                    what else is asked for of each hit
//! ```

use super::analysers::{self, Analysers};
use super::analysis::{Wanted, pieces};
use super::given::Given;
use super::plan::{EDITS_MAX, NESTING_MAX, WORDS_MAX, counted};
use super::query::{Matching, Query, Text, Word};
use super::schema::{FIELDS_MAX, Field, Kind, Schema};
use super::search::{FACET_VALUES_MAX, HITS_MAX, Order, Search};
use super::snippet::snippet;
use super::syntax::{self, Name, Options, Problem, QUERY_UNITS_MAX, parse};
use crate::error::{Error, Result};

/// The largest request: 1 MiB.
pub const REQUEST_BYTES_MAX: usize = 1 << 20;

/// The longest snippet, in UTF-16 units.
pub const SNIPPET_UNITS_MAX: u32 = 2_000;

/// How many hits an answer has unless something else is asked for.
const LIMIT: usize = 20;

/// How many values a facet tells unless something else is asked for.
const FACET_VALUES: usize = 10;

/// How long a snippet is unless something else is asked for, in UTF-16 units.
const SNIPPET_UNITS: u32 = 160;

/// The main date field, which `after:`, `before:` and `on:` mean.
const DATE_FIELD: &str = "startedAt";

/// What can stand for a field in a search box, beside its own name, where there is such a field.
const ALIASES: [(&str, &str); 12] = [
    ("tag", "tags"),
    ("topic", "topics"),
    ("type", "category"),
    ("is", "status"),
    ("date", DATE_FIELD),
    ("started", DATE_FIELD),
    ("note", "notes.text"),
    ("notes", "notes.text"),
    ("message", "messages.text"),
    ("messages", "messages.text"),
    ("transcript", "transcript.text"),
    ("transcripts", "transcript.text"),
];

/// A request that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// What the index is asked.
    pub search: Search,
    /// How long snippets are, in UTF-16 units; none: none are asked for.
    pub snippets: Option<usize>,
    /// Whether hits bring their session's metadata.
    pub sessions: bool,
    /// What was overlooked in the query.
    pub problems: Vec<Problem>,
    /// By field: what is highlighted in it. Empty when no snippets are asked for.
    wanted: Vec<Vec<Wanted>>,
}

/// A stretch of a text that shows why it was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snippet {
    /// The stretch.
    pub text: String,
    /// What matches in it, from and to, in UTF-16 units of the stretch.
    pub highlights: Vec<(usize, usize)>,
}

impl Request {
    /// What the words of the query look for in a text field, if snippets are asked for. Those that are excluded are not among them.
    pub fn wanted(&self, field: usize) -> &[Wanted] {
        self.wanted.get(field).map_or(&[], Vec::as_slice)
    }

    /// The stretch of a field's text, of at most so many UTF-16 units, that shows most of the query's words.
    #[inline(never)]
    pub fn snippet(&self, schema: &Schema, field: usize, text: &str, units: usize) -> Snippet {
        let Some(Kind::Text { analyser, .. }) = schema.fields().get(field).map(|field| &field.kind) else {
            return Snippet::default();
        };
        let found = snippet(text, &analysers::of(analyser), self.wanted(field), units);
        let start = found.units.start;
        let highlights = found.highlights.iter().map(|range| (range.start - start, range.end - start)).collect();
        Snippet { text: text.get(found.bytes).unwrap_or_default().to_owned(), highlights }
    }
}

/// Reads a request.
///
/// # Errors
/// [`Error::InvalidArgument`] with the path to what is wrong, such as `where.tags.any[3]`; [`Error::TooLarge`] for what is above
/// its bound; [`Error::InvalidQuery`] for what was typed.
#[inline(never)]
pub fn request(json: &str, schema: &Schema) -> Result<Request> {
    Reader { schema }.request(json)
}

/// How words without an operator are matched.
#[derive(Debug, Clone, Copy, Default)]
struct How {
    any: bool,
    prefix: bool,
    /// Only of the last word.
    last_prefix: bool,
    edits: u8,
}

impl How {
    /// Takes an option; false if it is none of these.
    fn take(&mut self, name: &str, value: &Given<'_>) -> Result<bool> {
        match name {
            "match" => {
                self.any = match &*value.text()? {
                    "all" => false,
                    "any" => true,
                    _ => return Err(value.wrong("it is \"all\" or \"any\"")),
                }
            }
            "prefix" if value.is("\"last\"") => (self.prefix, self.last_prefix) = (false, true),
            "prefix" => {
                self.prefix = value.flag().map_err(|_| value.wrong("it is true, false or \"last\""))?;
                self.last_prefix = self.prefix;
            }
            "fuzzy" => self.edits = value.whole(0..=EDITS_MAX.into())? as u8,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn matching(self, prefix: bool) -> Matching {
        match (prefix, self.edits) {
            (false, 0) => Matching::Exact,
            (true, 0) => Matching::Prefix,
            (false, edits) => Matching::Fuzzy(edits),
            (true, edits) => Matching::PrefixOrFuzzy(edits),
        }
    }

    fn bare(self) -> Matching {
        self.matching(self.prefix)
    }

    fn last(self) -> Matching {
        self.matching(self.last_prefix)
    }

    /// The words of a text; none if there are none.
    fn words(self, value: &Given<'_>, fields: &[String]) -> Result<Option<Query>> {
        let text = bounded(value)?;
        // Any of the words is any of those written as one, too.
        let pieces = |word| if self.any { pieces(word) } else { vec![word] };
        let words = text.split_whitespace().flat_map(pieces);
        let mut words: Vec<Word> = words.map(|word| Word { text: word.into(), how: self.bare() }).collect();
        if words.len() > WORDS_MAX {
            return Err(too_large(&value.path, WORDS_MAX, words.len(), "words"));
        }
        let ended = text.ends_with(char::is_whitespace);
        if let Some(last) = words.last_mut().filter(|_| !ended) {
            last.how = self.last();
        }
        let query = Query::Text(Text { words, all: !self.any, fields: fields.to_vec() });
        Ok((!text.trim().is_empty()).then_some(query))
    }
}

/// A text that is not too long.
pub(super) fn bounded(value: &Given<'_>) -> Result<String> {
    let text = value.text()?;
    let units = text.encode_utf16().count();
    if units <= QUERY_UNITS_MAX {
        Ok(text)
    } else {
        Err(too_large(&value.path, QUERY_UNITS_MAX, units, "UTF-16 units"))
    }
}

fn too_large(what: &str, limit: usize, got: usize, unit: &'static str) -> Box<Error> {
    Error::TooLarge { what: what.into(), limit: limit as u64, got: got as u64, unit }.into()
}

struct Reader<'s> {
    schema: &'s Schema,
}

impl Reader<'_> {
    fn request(&self, json: &str) -> Result<Request> {
        if json.len() > REQUEST_BYTES_MAX {
            return Err(too_large("the request", REQUEST_BYTES_MAX, json.len(), "bytes"));
        }
        let mut how = How::default();
        let (mut text, mut query, mut condition, mut fields) = (None, None, None, Vec::new());
        let (mut lenient, mut offset_minutes) = (false, 0);
        let (mut order, mut reverse) = (None, None);
        let search = Search { query: Query::All, order: Order::Relevance, limit: LIMIT, offset: 0, facets: Vec::new() };
        let mut request = Request { search, snippets: None, sessions: true, problems: Vec::new(), wanted: Vec::new() };
        for (name, value) in Given::new("", json).fields()? {
            match &*name {
                "text" => text = Some(value),
                "query" => query = Some(value),
                "where" => condition = Some(self.condition(&value, 0)?),
                "fields" => fields = text_fields(self.schema, &value)?,
                "lenient" => lenient = value.flag()?,
                "utcOffset" => offset_minutes = offset(&value)?,
                "orderBy" if value.is("\"relevance\"") => order = None,
                "orderBy" => {
                    order = Some(field(self.schema, &value, &|kind| !kind.is_text(), "keyword, number or date field")?)
                }
                "reverse" => reverse = value.flag()?.then_some(value),
                "limit" => request.search.limit = value.whole(0..=HITS_MAX as u32)? as usize,
                "offset" => request.search.offset = value.whole(0..=u32::MAX)? as usize,
                "facets" => request.search.facets = self.facets(&value)?,
                "snippets" => request.snippets = snippets(&value)?,
                "sessions" => request.sessions = value.flag()?,
                _ if how.take(&name, &value)? => {}
                _ => return Err(value.unknown("option", &name, &OPTIONS)),
            }
        }
        request.search.order = match (order, reverse) {
            (Some(name), reverse) => Order::Field { name, reverse: reverse.is_some() },
            (None, None) => Order::Relevance,
            (None, Some(value)) => {
                return Err(value.wrong("it needs \"orderBy\" with a field; the most relevant come first"));
            }
        };
        let mut conditions = Vec::new();
        if let Some(value) = text {
            conditions.extend(how.words(&value, &fields)?);
        }
        if let Some(value) = query {
            let names = names(self.schema);
            let date_field = names.iter().find(|name| name.name == DATE_FIELD && name.kind == syntax::Kind::Date);
            let options = Options {
                names: &names,
                date_field: date_field.map(|_| DATE_FIELD),
                offset_minutes,
                any: how.any,
                bare: how.bare(),
                last: how.last(),
                lenient,
            };
            let mut parsed = parse(&bounded(&value)?, &options).map_err(invalid)?;
            restrict(&mut parsed.query, &fields);
            request.problems = parsed.problems;
            conditions.push(parsed.query);
        }
        conditions.extend(condition);
        conditions.retain(|query| *query != Query::All);
        request.search.query = and(conditions);
        if request.snippets.is_some() {
            let mut words = Vec::new();
            asked_for(self.schema, &request.search.query, &mut words);
            request.wanted = self.schema.fields().iter().map(|field| wanted(field, &words)).collect();
        }
        Ok(request)
    }

    fn facets(&self, value: &Given<'_>) -> Result<Vec<(String, usize)>> {
        let mut facets = Vec::new();
        for value in value.elements()? {
            let (mut given, mut limit) = (None, FACET_VALUES);
            if !value.begins('{') {
                given = Some(value.clone());
            } else {
                for (name, value) in value.fields()? {
                    match &*name {
                        "field" => given = Some(value),
                        "limit" => limit = value.whole(0..=FACET_VALUES_MAX as u32)? as usize,
                        _ => return Err(value.unknown("option", &name, &["field", "limit"])),
                    }
                }
            }
            let given = given.ok_or_else(|| value.wrong("it needs a \"field\""))?;
            facets.push((field(self.schema, &given, &Kind::is_keyword, "keyword field")?, limit));
        }
        if facets.len() > FIELDS_MAX {
            return Err(too_large(&value.path, FIELDS_MAX, facets.len(), "facets"));
        }
        Ok(facets)
    }

    /// All that an object of conditions asks for.
    fn condition(&self, given: &Given<'_>, depth: usize) -> Result<Query> {
        if depth > NESTING_MAX {
            return Err(too_large("where", NESTING_MAX, depth, "levels"));
        }
        let mut all = Vec::new();
        for (name, value) in given.fields()? {
            let kind =
                self.schema.number(&name).and_then(|number| self.schema.fields().get(number)).map(|field| &field.kind);
            match (&*name, kind) {
                ("and", _) => all.push(Query::And(self.conditions(&value, depth)?)),
                ("or", _) => all.push(Query::Or(self.conditions(&value, depth)?)),
                ("not", _) => {
                    let excluded = if value.begins('[') {
                        self.conditions(&value, depth)?
                    } else {
                        vec![self.condition(&value, depth + 1)?]
                    };
                    all.extend(excluded.into_iter().map(|query| Query::Not(Box::new(query))));
                }
                ("*", _) => all.push(of_text(&value, None)?),
                (_, Some(Kind::Text { .. })) => all.push(of_text(&value, Some(name))?),
                (_, Some(Kind::Keyword | Kind::Keywords)) => all.push(of_keyword(&value, name)?),
                (_, Some(Kind::Number | Kind::Date)) => all.push(of_number(&value, name)?),
                (_, None) => {
                    let names = self.schema.fields().iter().map(|field| &*field.name);
                    return Err(value.unknown(
                        "field",
                        &name,
                        &names.chain(["and", "or", "not", "*"]).collect::<Vec<_>>(),
                    ));
                }
            }
        }
        Ok(and(all))
    }

    fn conditions(&self, value: &Given<'_>, depth: usize) -> Result<Vec<Query>> {
        value.elements()?.iter().map(|value| self.condition(value, depth + 1)).collect()
    }
}

const OPTIONS: [&str; 16] = [
    "text",
    "match",
    "fields",
    "prefix",
    "fuzzy",
    "query",
    "lenient",
    "utcOffset",
    "where",
    "facets",
    "snippets",
    "sessions",
    "orderBy",
    "reverse",
    "limit",
    "offset",
];

/// What can stand before a colon in a search box.
fn names(schema: &Schema) -> Vec<Name> {
    let mut names = Vec::new();
    for field in schema.fields() {
        let kind = match field.kind {
            Kind::Keyword | Kind::Keywords => syntax::Kind::Keyword,
            Kind::Number => syntax::Kind::Number,
            Kind::Date => syntax::Kind::Date,
            Kind::Text { .. } => syntax::Kind::Text,
        };
        names.push(Name::new(&*field.name, &*field.name, kind));
    }
    for (alias, field) in ALIASES {
        if schema.number(alias).is_none()
            && let Some(known) = names.iter().find(|name| name.name == field)
        {
            names.push(Name::new(alias, field, known.kind));
        }
    }
    names
}

fn invalid(problem: Problem) -> Box<Error> {
    let Problem { reason, at, units } = problem;
    Error::InvalidQuery { message: reason.to_string(), reason: reason.code(), at, length: units }.into()
}

/// How far a clock is ahead of UTC, in minutes: at most a day.
fn offset(value: &Given<'_>) -> Result<i32> {
    let minutes = value.number()?;
    if minutes.abs() <= 1440.0 {
        Ok(minutes as i32)
    } else {
        Err(value.wrong("it lies between -1,440 and 1,440 minutes"))
    }
}

fn snippets(value: &Given<'_>) -> Result<Option<usize>> {
    let mut units = SNIPPET_UNITS;
    if !value.begins('{') {
        return Ok(value.flag()?.then_some(units as usize));
    }
    for (name, value) in value.fields()? {
        match &*name {
            "length" => units = value.whole(16..=SNIPPET_UNITS_MAX)?,
            _ => return Err(value.unknown("option", &name, &["length"])),
        }
    }
    Ok(Some(units as usize))
}

/// A field of the kinds that are taken.
fn field(schema: &Schema, value: &Given<'_>, takes: &dyn Fn(&Kind) -> bool, what: &str) -> Result<String> {
    let name = value.text()?;
    let fields = schema.fields().iter().filter(|field| takes(&field.kind));
    let known: Vec<&str> = fields.map(|field| &*field.name).collect();
    if known.contains(&&*name) { Ok(name) } else { Err(value.unknown(what, &name, &known)) }
}

/// Text fields, at least one.
pub(super) fn text_fields(schema: &Schema, value: &Given<'_>) -> Result<Vec<String>> {
    let mut fields = Vec::new();
    for value in value.elements()? {
        fields.push(field(schema, &value, &Kind::is_text, "text field")?);
    }
    if fields.is_empty() { Err(value.wrong("at least one field is needed")) } else { Ok(fields) }
}

fn and(mut conditions: Vec<Query>) -> Query {
    match conditions.len() {
        0 => Query::All,
        1 => conditions.swap_remove(0),
        _ => Query::And(conditions),
    }
}

/// Has words without a field looked for in these.
fn restrict(query: &mut Query, fields: &[String]) {
    match query {
        Query::And(parts) | Query::Or(parts) => parts.iter_mut().for_each(|part| restrict(part, fields)),
        Query::Not(part) => restrict(part, fields),
        Query::Text(text) if text.fields.is_empty() => text.fields = fields.to_vec(),
        _ => {}
    }
}

/// The words that are asked for and the fields in which they are looked for, but none that are excluded.
fn asked_for<'q>(schema: &Schema, query: &'q Query, words: &mut Vec<(&'q Word, &'q [String])>) {
    match query {
        Query::And(parts) | Query::Or(parts) => parts.iter().for_each(|part| asked_for(schema, part, words)),
        Query::Text(text) => {
            let counted = counted(&text.words, schema, &schema.text_fields(&text.fields), &Analysers);
            words.extend(counted.into_iter().map(|word| (word, &*text.fields)));
        }
        _ => {}
    }
}

/// What these words look for in a field.
fn wanted(field: &Field, words: &[(&Word, &[String])]) -> Vec<Wanted> {
    let Kind::Text { analyser, .. } = &field.kind else { return Vec::new() };
    let analyser = analysers::of(analyser);
    let here = words.iter().filter(|(_, fields)| fields.is_empty() || fields.contains(&field.name));
    here.map(|(word, _)| analyser.wanted(word)).filter(|wanted| !wanted.parts.is_empty()).collect()
}

/// Whether the field has a value or has none.
fn exists(value: &Given<'_>, field: &str) -> Result<Query> {
    let exists = Query::Exists { field: field.into() };
    Ok(if value.flag()? { exists } else { Query::Not(Box::new(exists)) })
}

/// A condition that is written as an object: what each of its parts asks for. Without any it asks for nothing, which is a mistake.
fn parts<'a>(
    value: &Given<'a>,
    known: &[&str],
    part: &mut dyn FnMut(&str, &Given<'a>) -> Result<Option<Query>>,
) -> Result<Vec<Query>> {
    let mut all = Vec::new();
    let mut count = 0;
    for (name, value) in value.fields()? {
        count += 1;
        if !known.contains(&&*name) {
            return Err(value.unknown("condition", &name, known));
        }
        all.extend(part(&name, &value)?);
    }
    if count == 0 { Err(value.wrong(["one of these is needed: ", &known.join(", ")].concat())) } else { Ok(all) }
}

fn of_keyword(value: &Given<'_>, field: String) -> Result<Query> {
    let any = |value: &Given<'_>, all: bool| -> Result<Query> {
        let values = value.elements()?.iter().map(Given::keyword).collect::<Result<_>>()?;
        Ok(Query::Keyword { field: field.clone(), values, all })
    };
    if value.begins('[') {
        return any(value, false);
    }
    if !value.begins('{') {
        return Ok(Query::Keyword { field: field.clone(), values: vec![value.keyword()?], all: false });
    }
    let all = parts(value, &["any", "all", "exists"], &mut |name, value| {
        Ok(Some(match name {
            "exists" => exists(value, &field)?,
            name => any(value, name == "all")?,
        }))
    })?;
    Ok(and(all))
}

fn of_number(value: &Given<'_>, field: String) -> Result<Query> {
    let range = |from, to| Query::Range { field: field.clone(), from, to };
    if value.begins('[') {
        let values = value.elements()?.iter().map(Given::number).collect::<Result<Vec<_>>>()?;
        return Ok(Query::Or(values.into_iter().map(|value| range(Some(value), Some(value))).collect()));
    }
    if !value.begins('{') {
        let number = value.number()?;
        return Ok(range(Some(number), Some(number)));
    }
    let (mut from, mut to) = (None, None);
    let mut all = parts(value, &["from", "to", "exists"], &mut |name, value| {
        match name {
            "from" => from = Some(value.number()?),
            "to" => to = Some(value.number()?),
            _ => return exists(value, &field).map(Some),
        }
        Ok(None)
    })?;
    if from.is_some() || to.is_some() {
        all.push(range(from, to));
    }
    Ok(and(all))
}

/// Words in a field, or in every text field.
fn of_text(value: &Given<'_>, field: Option<String>) -> Result<Query> {
    if !value.begins('{') {
        return Err(value.wrong("text is searched for words: { text: \"…\" }"));
    }
    let known = ["text", "match", "prefix", "fuzzy", "exists"];
    let known = if field.is_some() { &known[..] } else { &known[..4] };
    let (mut how, mut text) = (How::default(), None);
    let mut all = parts(value, known, &mut |name, value| {
        match (name, &field) {
            ("text", _) => text = Some(value.clone()),
            ("exists", Some(field)) => return exists(value, field).map(Some),
            _ => drop(how.take(name, value)?),
        }
        Ok(None)
    })?;
    match text {
        Some(text) => all.extend(how.words(&text, field.as_slice())?),
        None if all.is_empty() => return Err(value.wrong("it needs a \"text\"")),
        None => {}
    }
    Ok(and(all))
}
