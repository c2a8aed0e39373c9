//! What a caller asks for, as JSON: what it is read as, and what is wrong with it.

use hoardb::Error;
use hoardb::index::Matching::{self, Exact, Fuzzy, Phrase, Prefix, PrefixOrFuzzy};
use hoardb::index::{Order, Query, REQUEST_BYTES_MAX, Request, Schema, Suggest, Text, Word, request};
use std::time::{Duration, Instant};

fn schema() -> Schema {
    let options = r#"{"fields":{"size":"number","body":{"kind":"text","analyser":"en"}}}"#;
    Schema::from_options(options).unwrap().unwrap()
}

fn read(json: &str) -> Request {
    request(json, &schema()).unwrap_or_else(|error| panic!("{json}: {error}"))
}

fn query(json: &str) -> Query {
    read(json).search.query
}

fn condition(json: &str) -> Query {
    query(&format!("{{\"where\":{json}}}"))
}

fn refused(json: &str) -> Error {
    *request(json, &schema()).expect_err(json)
}

fn words(all: bool, words: &[(&str, Matching)], fields: &[&str]) -> Query {
    let words = words.iter().map(|(text, how)| Word { text: (*text).into(), how: *how }).collect();
    Query::Text(Text { words, all, fields: fields.iter().map(|&field| field.into()).collect() })
}

fn keyword(field: &str, values: &[&str], all: bool) -> Query {
    Query::Keyword { field: field.into(), values: values.iter().map(|&value| value.into()).collect(), all }
}

fn range(field: &str, from: Option<f64>, to: Option<f64>) -> Query {
    Query::Range { field: field.into(), from, to }
}

fn not(query: Query) -> Query {
    Query::Not(Box::new(query))
}

fn exists(field: &str) -> Query {
    Query::Exists { field: field.into() }
}

#[test]
fn a_request_without_anything_is_for_the_first_of_all_sessions() {
    let Request { search, snippets, sessions, problems, .. } = read(" { } ");
    assert_eq!((search.query, search.order, search.limit, search.offset), (Query::All, Order::Relevance, 20, 0));
    assert_eq!((search.facets.len(), snippets, sessions, problems.len()), (0, None, true, 0));
    for nothing in [r#"{"text":" \n"}"#, r#"{"query":""}"#, r#"{"where":{}}"#, r#"{"text":"","query":"*","where":{}}"#]
    {
        assert_eq!(query(nothing), Query::All, "{nothing}");
    }
}

#[test]
fn what_else_is_asked_for_is_taken_over() {
    let Request { search, snippets, sessions, .. } = read(
        r#"{"limit":0,"offset":40,"orderBy":"startedAt","reverse":true,"facets":["tags",{"field":"status","limit":3}],
            "snippets":{"length":200},"sessions":false}"#,
    );
    assert_eq!((search.limit, search.offset, snippets, sessions), (0, 40, Some(200), false));
    assert_eq!(search.order, Order::Field { name: "startedAt".into(), reverse: true });
    assert_eq!(search.facets, [("tags".into(), 10), ("status".into(), 3)]);
    assert_eq!(read(r#"{"snippets":true}"#).snippets, Some(160));
    assert_eq!(read(r#"{"snippets":{}}"#).snippets, Some(160));
    assert_eq!(read(r#"{"snippets":false,"orderBy":"relevance","reverse":false}"#).search.order, Order::Relevance);
}

#[test]
fn text_is_words_as_they_are() {
    let all = |how| words(true, &[("tag:a", how), ("-b", how)], &[]);
    assert_eq!(query(r#"{"text":" tag:a\n-b"}"#), all(Exact));
    for (options, how) in [
        (r#""prefix":true"#, Prefix),
        (r#""fuzzy":2"#, Fuzzy(2)),
        (r#""fuzzy":1,"prefix":true"#, PrefixOrFuzzy(1)),
        (r#""fuzzy":0,"prefix":false"#, Exact),
    ] {
        assert_eq!(query(&format!(r#"{{"text":"tag:a -b",{options}}}"#)), all(how), "{options}");
    }
    let last = |how, last, fields: &[&str]| words(false, &[("a", how), ("b", last)], fields);
    assert_eq!(query(r#"{"text":"a b","prefix":"last","match":"any"}"#), last(Exact, Prefix, &[]));
    assert_eq!(query(r#"{"text":"a b ","prefix":"last","match":"any"}"#), last(Exact, Exact, &[]));
    assert_eq!(
        query(r#"{"match":"any","prefix":"last","fuzzy":1,"fields":["title","notes.text"],"text":"a b"}"#),
        last(Fuzzy(1), PrefixOrFuzzy(1), &["title", "notes.text"])
    );
}

#[test]
fn a_query_is_joined_with_text_and_conditions() {
    assert_eq!(
        query(r#"{"text":"a","query":"b is:done","where":{"tags":"x"}}"#),
        Query::And(vec![
            words(true, &[("a", Exact)], &[]),
            Query::And(vec![words(true, &[("b", Exact)], &[]), keyword("status", &["done"], false)]),
            keyword("tags", &["x"], false),
        ])
    );
    // Operators of the syntax stay; bare words are matched as the options say, and only they in those fields.
    assert_eq!(
        query(r#"{"query":"a b* \"c d\" e~2 title:f -g","fuzzy":1,"prefix":"last","fields":["body"]}"#),
        Query::And(vec![
            words(true, &[("a", Fuzzy(1)), ("b", Prefix), ("c d", Phrase), ("e", Fuzzy(2))], &["body"]),
            words(true, &[("f", Fuzzy(1))], &["title"]),
            not(words(true, &[("g", PrefixOrFuzzy(1))], &["body"])),
        ])
    );
    assert_eq!(query(r#"{"query":"a b","match":"any"}"#), words(false, &[("a", Exact), ("b", Exact)], &[]));
    // What is written as one word is several, but in quotes and for who wants all of them.
    let any = words(false, &[("a", Exact), ("b", Exact), ("don't", Exact), ("日本", Exact)], &[]);
    assert_eq!(query(r#"{"text":"a/b don't 日本","match":"any"}"#), any);
    assert_eq!(query(r#"{"query":"a/b, don't 日本","match":"any"}"#), any);
    assert_eq!(query(r#"{"query":"a/b","match":"any"}"#), words(false, &[("a", Exact), ("b", Exact)], &[]));
    assert_eq!(query(r#"{"text":"a/b"}"#), words(true, &[("a/b", Exact)], &[]));
    let quoted = words(false, &[("a/b", Matching::Phrase), ("c", Exact)], &[]);
    assert_eq!(query(r#"{"query":"\"a/b\" c","match":"any"}"#), quoted);
    assert_eq!(query(r#"{"query":"a/b AND c","match":"any"}"#), words(true, &[("a/b", Exact), ("c", Exact)], &[]));
    assert_eq!(query(r#"{"query":"notes:a"}"#), words(true, &[("a", Exact)], &["notes.text"]));
    // The clock of the page decides what a day is.
    let from = |offset: &str| match query(&format!(r#"{{"query":"after:2026-01-01"{offset}}}"#)) {
        Query::Range { field, from: Some(from), to: None } if field == "startedAt" => from,
        other => panic!("{other:?}"),
    };
    assert_eq!(from(""), 1_767_225_600_000.0);
    assert_eq!(from(r#","utcOffset":-90"#), 1_767_225_600_000.0 + 90.0 * 60_000.0);
}

#[test]
fn conditions_are_read_by_the_kind_of_their_field() {
    assert_eq!(condition(r#"{"status":"done"}"#), keyword("status", &["done"], false));
    assert_eq!(condition(r#"{"tags":["a",1.5,true]}"#), keyword("tags", &["a", "1.5", "true"], false));
    assert_eq!(
        condition(r#"{"tags":{"any":["a","b"],"all":["c"],"exists":true}}"#),
        Query::And(vec![keyword("tags", &["a", "b"], false), keyword("tags", &["c"], true), exists("tags")])
    );
    assert_eq!(condition(r#"{"tags":{"exists":false}}"#), not(exists("tags")));
    assert_eq!(condition(r#"{"size":-1.5e1}"#), range("size", Some(-15.0), Some(-15.0)));
    assert_eq!(
        condition(r#"{"startedAt":[1,2]}"#),
        Query::Or(vec![range("startedAt", Some(1.0), Some(1.0)), range("startedAt", Some(2.0), Some(2.0))])
    );
    assert_eq!(condition(r#"{"startedAt":{"from":5}}"#), range("startedAt", Some(5.0), None));
    assert_eq!(
        condition(r#"{"size":{"to":5,"exists":true,"from":1}}"#),
        Query::And(vec![exists("size"), range("size", Some(1.0), Some(5.0))])
    );
    assert_eq!(
        condition(r#"{"messages.text":{"text":"a b","match":"any","prefix":"last"}}"#),
        words(false, &[("a", Exact), ("b", Prefix)], &["messages.text"])
    );
    assert_eq!(condition(r#"{"*":{"text":"a","fuzzy":1}}"#), words(true, &[("a", Fuzzy(1))], &[]));
    assert_eq!(condition(r#"{"title":{"exists":false}}"#), not(exists("title")));
    assert_eq!(condition(r#"{"title":{"text":"  "}}"#), Query::All);
}

#[test]
fn conditions_are_joined() {
    let (a, b) = (keyword("tags", &["a"], false), keyword("status", &["b"], false));
    assert_eq!(condition(r#"{"tags":"a","status":"b"}"#), Query::And(vec![a.clone(), b.clone()]));
    assert_eq!(condition(r#"{"or":[{"tags":"a"},{"status":"b"}]}"#), Query::Or(vec![a.clone(), b.clone()]));
    assert_eq!(condition(r#"{"and":[{"tags":"a"},{}]}"#), Query::And(vec![a.clone(), Query::All]));
    assert_eq!(condition(r#"{"not":{"tags":"a"}}"#), not(a.clone()));
    assert_eq!(
        condition(r#"{"not":[{"tags":"a"},{"status":"b","tags":"a"}]}"#),
        Query::And(vec![not(a.clone()), not(Query::And(vec![b, a]))])
    );
    assert_eq!(condition(r#"{"or":[]}"#), Query::Or(vec![]), "any of nothing is nothing");
}

/// Requests that make no sense, and what is said of each.
#[test]
fn what_is_wrong_is_named_with_its_place() {
    for (json, message) in [
        ("", "options: an object is needed"),
        ("null", "options: an object is needed"),
        (r#"{"text":"a"}}"#, "options: an object is needed"),
        (r#"{"text":"a",}"#, "options: an object is needed"),
        (r#"{"text":null}"#, "text: a text is needed"),
        (r#"{"text":["a"]}"#, "text: a text is needed"),
        (r#"{"match":"some"}"#, "match: it is \"all\" or \"any\""),
        (r#"{"prefix":"first"}"#, "prefix: it is true, false or \"last\""),
        (r#"{"fuzzy":3}"#, "fuzzy: a whole number from 0 to 2 is needed"),
        (r#"{"fuzzy":0.5}"#, "fuzzy: a whole number from 0 to 2 is needed"),
        (r#"{"fuzzy":null}"#, "fuzzy: a whole number from 0 to 2 is needed"),
        (r#"{"limit":-1}"#, "limit: a whole number from 0 to 1000 is needed"),
        (r#"{"limit":1001}"#, "limit: a whole number from 0 to 1000 is needed"),
        (r#"{"limit":1e400}"#, "limit: a whole number from 0 to 1000 is needed"),
        (r#"{"offset":"5"}"#, "offset: a whole number from 0 to 4294967295 is needed"),
        (r#"{"snippets":{"length":15}}"#, "snippets.length: a whole number from 16 to 2000 is needed"),
        (r#"{"snippets":{"size":20}}"#, "snippets.size: there is no option \"size\"; known are: length"),
        (r#"{"sessions":1}"#, "sessions: true or false is needed"),
        (r#"{"utcOffset":1441}"#, "utcOffset: it lies between -1,440 and 1,440 minutes"),
        (r#"{"reverse":true}"#, "reverse: it needs \"orderBy\" with a field; the most relevant come first"),
        (
            r#"{"orderBy":"title"}"#,
            "orderBy: there is no keyword, number or date field \"title\"; known are: topics, tags, startedAt, category, subCategory, status, size",
        ),
        (
            r#"{"facets":["size"]}"#,
            "facets[0]: there is no keyword field \"size\"; known are: topics, tags, category, subCategory, status",
        ),
        (
            r#"{"facets":[{"field":"tagz"}]}"#,
            "facets[0].field: there is no keyword field \"tagz\"; is it \"tags\"?; known are: topics, tags, category, subCategory, status",
        ),
        (r#"{"facets":[{"limit":5}]}"#, "facets[0]: it needs a \"field\""),
        (r#"{"facets":[{"field":"tags","limit":1001}]}"#, "facets[0].limit: a whole number from 0 to 1000 is needed"),
        (r#"{"facets":"tags"}"#, "facets: an array is needed"),
        (r#"{"fields":[]}"#, "fields: at least one field is needed"),
        (r#"{"where":[]}"#, "where: an object is needed"),
        (
            r#"{"where":{"Tags":"a"}}"#,
            "where.Tags: there is no field \"Tags\"; is it \"tags\"?; known are: topics, tags, startedAt, category, subCategory, status, title, text, notes.text, messages.text, transcript.text, body, size, and, or, not, *",
        ),
        (r#"{"where":{"tags":null}}"#, "where.tags: a text, number or truth value is needed"),
        (
            r#"{"where":{"tags":{"any":["a","b","c",{}]}}}"#,
            "where.tags.any[3]: a text, number or truth value is needed",
        ),
        (r#"{"where":{"tags":{"any":"a"}}}"#, "where.tags.any: an array is needed"),
        (
            r#"{"where":{"tags":{"from":1}}}"#,
            "where.tags.from: there is no condition \"from\"; known are: any, all, exists",
        ),
        (r#"{"where":{"tags":{}}}"#, "where.tags: one of these is needed: any, all, exists"),
        (r#"{"where":{"size":"5"}}"#, "where.size: a finite number is needed"),
        (r#"{"where":{"size":{"from":null}}}"#, "where.size.from: a finite number is needed"),
        (r#"{"where":{"startedAt":{"from":1,"to":1e999}}}"#, "where.startedAt.to: a finite number is needed"),
        (r#"{"where":{"size":[1,null]}}"#, "where.size[1]: a finite number is needed"),
        (r#"{"where":{"title":"a"}}"#, "where.title: text is searched for words: { text: \"…\" }"),
        (r#"{"where":{"title":{"prefix":true}}}"#, "where.title: it needs a \"text\""),
        (
            r#"{"where":{"title":{"txt":"a"}}}"#,
            "where.title.txt: there is no condition \"txt\"; is it \"text\"?; known are: text, match, prefix, fuzzy, exists",
        ),
        (
            r#"{"where":{"*":{"exists":true}}}"#,
            "where.*.exists: there is no condition \"exists\"; known are: text, match, prefix, fuzzy",
        ),
        (r#"{"where":{"and":{"tags":"a"}}}"#, "where.and: an array is needed"),
        (r#"{"where":{"or":[{"tags":"a"},5]}}"#, "where.or[1]: an object is needed"),
        (
            r#"{"where":{"not":{"or":[{"x":1}]}}}"#,
            "where.not.or[0].x: there is no field \"x\"; known are: topics, tags, startedAt, category, subCategory, status, title, text, notes.text, messages.text, transcript.text, body, size, and, or, not, *",
        ),
        (
            r#"{"signal":{}}"#,
            "signal: there is no option \"signal\"; known are: text, match, fields, prefix, fuzzy, query, lenient, utcOffset, where, facets, snippets, sessions, orderBy, reverse, limit, offset",
        ),
    ] {
        let error = refused(json);
        assert_eq!((error.code(), &*error.to_string()), ("InvalidArgument", message), "{json}");
    }
    let long = "x".repeat(100_000);
    assert!(
        refused(&format!("{{\"where\":{{\"{long}\":1}}}}")).to_string().len() < 100_500,
        "the name is cut where it is told"
    );
}

#[test]
fn what_is_too_large_is_refused_soon() {
    let start = Instant::now();
    let many = vec!["word"; 10_000].join(" ");
    let nested = |depth: usize| format!("{{\"where\":{}{{}}{}}}", "{\"not\":".repeat(depth), "}".repeat(depth));
    read(&nested(64));
    let deep = format!("{{\"where\":{}", "[".repeat(500_000));
    for (json, code) in [
        (format!("{{\"text\":\"{}\"}}", vec!["a"; 257].join(" ")), "TooLarge"),
        (format!("{{\"text\":\"{}\"}}", "a".repeat(16_385)), "TooLarge"),
        (format!("{{\"text\":\"{many}\"}}"), "TooLarge"),
        (format!("{{\"query\":\"{}\"}}", vec!["a"; 257].join(" ")), "InvalidQuery"),
        (format!("{{\"query\":\"{many}\"}}"), "TooLarge"),
        (format!("{{\"query\":\"{}a{}\",\"lenient\":true}}", "(".repeat(1000), ")".repeat(1000)), "InvalidQuery"),
        (format!("{{\"where\":{{\"*\":{{\"text\":\"{many}\"}}}}}}"), "TooLarge"),
        (nested(65), "TooLarge"),
        (nested(1000), "TooLarge"),
        (deep, "InvalidArgument"),
        (format!("{{\"facets\":[{}]}}", vec!["\"tags\""; 65].join(",")), "TooLarge"),
        (format!("{{\"text\":\"a\"{}}}", " ".repeat(REQUEST_BYTES_MAX)), "TooLarge"),
    ] {
        let error = refused(&json);
        assert_eq!(error.code(), code, "{error}: {}", &json[..80.min(json.len())]);
    }
    assert_eq!(
        refused(&format!("{{\"text\":\"{}\"}}", vec!["a"; 300].join(" "))).to_string(),
        "text takes 300 words, the limit is 256"
    );
    assert!(start.elapsed() < Duration::from_secs(20), "it ends");
}

#[test]
fn a_query_that_cannot_be_meant_says_where() {
    for (typed, reason, at, length, message) in [
        ("é \\\"a", "UnclosedQuote", 2, 1, "query: this quote is not closed"),
        ("😀 tagz:ui", "UnknownField", 3, 4, "query: there is no field \"tagz\""),
        ("(a", "UnclosedGroup", 0, 1, "query: this parenthesis is not closed"),
        ("size:NaN..5", "BadNumber", 5, 3, "query: \"NaN\" is no number"),
        ("after:tomorrow", "BadDate", 6, 8, "query: \"tomorrow\" is no date"),
    ] {
        let json = format!("{{\"query\":\"{typed}\"}}");
        let error = refused(&json);
        let report = error.to_report();
        assert_eq!((report.code, report.at, report.length), ("InvalidQuery", Some(at), Some(length)), "{typed}");
        assert!(report.message.starts_with(message), "{}", report.message);
        assert!(!report.retryable && !report.needs_reload && error.is_of_arguments());
        assert!(matches!(error, Error::InvalidQuery { reason: found, .. } if found == reason), "{typed}");
        let lenient = read(&format!("{{\"query\":\"{typed}\",\"lenient\":true}}"));
        let problems: Vec<_> =
            lenient.problems.iter().map(|problem| (problem.reason.code(), problem.at, problem.units)).collect();
        assert_eq!(problems, [(reason, at, length)], "{typed}");
    }
    // Nothing of these is an operator.
    for typed in ["^a.*$", "[a-z]+", "a{2}", "$1", "%20", "a/b/c", "<b>", "--", "a:b", "C:\\\\x"] {
        read(&format!("{{\"query\":\"{typed}\",\"lenient\":true}}"));
    }
}

#[test]
fn the_words_that_are_asked_for_are_highlighted_where_they_are_looked_for() {
    let schema = schema();
    let request = read(
        r#"{"snippets":true,"query":"running title:log* -secret \"the end\"","text":"日本","where":{"not":{"*":{"text":"hidden"}},
            "or":[{"body":{"text":"cars"}},{"tags":"x"}]}}"#,
    );
    let terms = |field: &str| -> Vec<String> {
        let wanted = request.wanted(schema.number(field).unwrap());
        wanted
            .iter()
            .map(|wanted| wanted.parts.iter().map(|part| &*part.any[0].0).collect::<Vec<_>>().join(" "))
            .collect()
    };
    assert_eq!(terms("title"), ["日本", "running", "the end", "log"]);
    assert_eq!(terms("body"), ["日本", "run", "end", "car"]);
    assert_eq!(terms("messages.text"), ["日本", "running", "the end"]);
    assert_eq!(terms("tags"), [""; 0]);
    let snippet = |field: &str, text: &str, units| request.snippet(&schema, schema.number(field).unwrap(), text, units);
    let found = snippet("body", "😀 He runs. The secret cars are hidden.", 160);
    assert_eq!(found.text, "😀 He runs. The secret cars are hidden.");
    assert_eq!(found.highlights, [(6, 10), (23, 27)]);
    // Places are those in the stretch.
    let long = format!("{}é Logging in 日本. {}", "Other words. ".repeat(50), "And more. ".repeat(50));
    let found = snippet("title", &long, 20);
    let shown: Vec<u16> = found.text.encode_utf16().collect();
    let marked: Vec<String> =
        found.highlights.iter().map(|&(from, to)| String::from_utf16(&shown[from..to]).unwrap()).collect();
    assert_eq!(marked, ["Logging", "日本"]);
    assert!(shown.len() <= 20);
    assert_eq!(snippet("tags", "running", 20).text, "");
    // What is not asked, as it is left out of the body, is no reason for a hit in the title.
    let request = read(r#"{"snippets":true,"text":"the login"}"#);
    assert_eq!(request.wanted(schema.number("title").unwrap()).len(), 1);
    let request = read(r#"{"snippets":true,"text":"the login","fields":["title"]}"#);
    assert_eq!(request.wanted(schema.number("title").unwrap()).len(), 2);
    // Who asks for no snippets does not pay for them.
    let body = schema.number("body").unwrap();
    assert_eq!(
        (read(r#"{"text":"a"}"#).wanted(body).len(), read(r#"{"text":"b","snippets":true}"#).wanted(body).len()),
        (0, 1)
    );
}

#[test]
fn a_suggestion_is_asked_for_in_the_same_way() {
    let read = |json: &str| Suggest::from_request(json, &schema());
    let all = Suggest { text: "a b".into(), fields: vec!["title".into()], limit: 3, edits: 1 };
    assert_eq!(read(r#"{"text":"a b","fields":["title"],"limit":3,"fuzzy":1}"#).unwrap(), all);
    assert_eq!(read("{}").unwrap(), Suggest { limit: 8, ..Suggest::default() });
    for (json, message) in [
        (r#"{"limit":0}"#, "limit: a whole number from 1 to 100 is needed"),
        (r#"{"fuzzy":3}"#, "fuzzy: a whole number from 0 to 2 is needed"),
        (r#"{"txt":""}"#, "txt: there is no option \"txt\"; is it \"text\"?; known are: text, fields, limit, fuzzy"),
        (
            r#"{"fields":["tags"]}"#,
            "fields[0]: there is no text field \"tags\"; known are: title, text, notes.text, messages.text, transcript.text, body",
        ),
        ("[]", "options: an object is needed"),
    ] {
        assert_eq!(read(json).unwrap_err().to_string(), message, "{json}");
    }
    let long = format!("{{\"text\":\"{}\"}}", "a".repeat(16_385));
    assert_eq!(read(&long).unwrap_err().code(), "TooLarge");
}

/// JSON that is nearly a request.
fn random_json(random: &mut fastrand::Rng, depth: u32, out: &mut String) {
    const KEYS: [&str; 34] = [
        "text",
        "match",
        "fields",
        "prefix",
        "fuzzy",
        "query",
        "lenient",
        "where",
        "facets",
        "snippets",
        "sessions",
        "orderBy",
        "reverse",
        "limit",
        "offset",
        "and",
        "or",
        "not",
        "*",
        "any",
        "all",
        "from",
        "to",
        "exists",
        "tags",
        "status",
        "size",
        "startedAt",
        "title",
        "messages.text",
        "field",
        "length",
        "utcOffset",
        "x\\u0000\\ud800",
    ];
    const VALUES: [&str; 30] = [
        "null",
        "true",
        "false",
        "0",
        "1",
        "2",
        "-0",
        "1e999",
        "5.5",
        "1767225600000",
        "20",
        "\"\"",
        "\"all\"",
        "\"any\"",
        "\"last\"",
        "\"relevance\"",
        "\"tags\"",
        "\"size\"",
        "\"title\"",
        "\"日本語 wi-fi\"",
        "\"\\ud83d\"",
        "\"a tag:ui size:1..5 -b (c OR d\"",
        "\"startedAt:2026-01 \\\"x\"",
        "\"*\"",
        "[]",
        "{}",
        "{\"text\":\"a\"}",
        "[\"title\"]",
        "tru",
        "\"",
    ];
    match random.u8(..if depth < 6 { 4 } else { 1 }) {
        0 | 1 if depth > 0 => {
            let most = if random.u8(..9) == 0 { 30 } else { 28 };
            out.push_str(VALUES[random.usize(..most)]);
        }
        2 if depth > 0 => {
            out.push('[');
            for n in 0..random.usize(..4) {
                out.push_str(if n > 0 { "," } else { "" });
                random_json(random, depth + 1, out);
            }
            out.push(']');
        }
        _ => {
            out.push('{');
            for n in 0..random.usize(..4) {
                out.push_str(if n > 0 { "," } else { "" });
                out.push_str(&format!("\"{}\":", KEYS[random.usize(..KEYS.len())]));
                random_json(random, depth + 1, out);
            }
            out.push('}');
        }
    }
}

#[test]
fn any_request_is_one_or_an_error_about_it() {
    let seconds = std::env::var("HOARDB_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(1.0);
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let mut random = fastrand::Rng::with_seed(9);
    let schema = schema();
    let mut index = hoardb::index::Index::new(schema.clone());
    let (mut count, mut good) = (0_u64, 0_u64);
    while Instant::now() < end {
        let mut json = String::new();
        random_json(&mut random, 0, &mut json);
        if random.u8(..8) == 0 {
            let mut bytes = json.into_bytes();
            let at = random.usize(..bytes.len());
            bytes[at] = random.u8(..);
            json = String::from_utf8_lossy(&bytes).into_owned();
        }
        match request(&json, &schema) {
            Ok(request) => {
                // What was read can be asked, and shown.
                index
                    .search(&request.search, &hoardb::index::Analysers)
                    .unwrap_or_else(|error| panic!("{json}: {error}"));
                for field in 0..schema.fields().len() {
                    let snippet = request.snippet(&schema, field, "日本語 wi-fi title", 16);
                    assert!(snippet.highlights.iter().all(|(from, to)| from < to && *to <= 16));
                }
                good += 1;
            }
            Err(error) => assert!(error.is_of_arguments() && !error.to_string().is_empty(), "{json}: {error}"),
        }
        count += 1;
    }
    assert!(count > 100 && good > count / 50, "{good} of {count}");
    println!("{count} requests, {good} of them good");
}
