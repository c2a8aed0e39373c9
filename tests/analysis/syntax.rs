//! The syntax of a search box. `HOARDB_FUZZ_SECONDS` sets how long random queries are tried, 1 by default.

use crate::support::random_text;
use fastrand::Rng;
use hoardb::index::Matching::{self, Exact, Fuzzy, Phrase, Prefix};
use hoardb::index::syntax::{
    Kind, Name, Options, PROBLEMS_MAX, Problem, QUERY_NESTING_MAX, QUERY_UNITS_MAX, QUERY_WORDS_MAX, parse, show,
};
use hoardb::index::{Query, Text, Word};
use std::time::{Duration, Instant};

fn names() -> Vec<Name> {
    vec![
        Name::new("tag", "tags", Kind::Keyword),
        Name::new("tags", "tags", Kind::Keyword),
        Name::new("status", "status", Kind::Keyword),
        Name::new("startedAt", "startedAt", Kind::Date),
        Name::new("size", "size", Kind::Number),
        Name::new("title", "title", Kind::Text),
        Name::new("messages.text", "messages.text", Kind::Text),
    ]
}

fn options(names: &[Name]) -> Options<'_> {
    Options { names, date_field: Some("startedAt"), ..Options::default() }
}

fn strict(text: &str) -> Result<Query, Problem> {
    parse(text, &options(&names())).map(|parsed| {
        assert_eq!(parsed.problems, []);
        parsed.query
    })
}

fn words(all: bool, words: &[(&str, Matching)]) -> Query {
    in_field(&[], all, words)
}

fn in_field(fields: &[&str], all: bool, words: &[(&str, Matching)]) -> Query {
    let words = words.iter().map(|(text, how)| Word { text: (*text).to_owned(), how: *how }).collect();
    Query::Text(Text { words, all, fields: fields.iter().map(|&field| field.to_owned()).collect() })
}

fn keyword(field: &str, all: bool, values: &[&str]) -> Query {
    Query::Keyword { field: field.to_owned(), values: values.iter().map(|&value| value.to_owned()).collect(), all }
}

fn range(field: &str, from: Option<f64>, to: Option<f64>) -> Query {
    Query::Range { field: field.to_owned(), from, to }
}

fn not(query: Query) -> Query {
    Query::Not(Box::new(query))
}

const JANUARY: f64 = 1_767_225_600_000.0;
const DAY: f64 = 86_400_000.0;

#[test]
fn what_is_typed_is_what_is_asked() {
    let a = || words(true, &[("a", Exact)]);
    let b = || words(true, &[("b", Exact)]);
    for (text, expected) in [
        ("", Query::All),
        (" \u{3000}\n", Query::All),
        ("*", Query::All),
        ("- --", Query::All),
        ("login error", words(true, &[("login", Exact), ("error", Exact)])),
        ("login AND error", words(true, &[("login", Exact), ("error", Exact)])),
        (
            "\"exact words\" word* word~ word~2",
            words(true, &[("exact words", Phrase), ("word", Prefix), ("word", Fuzzy(1)), ("word", Fuzzy(2))]),
        ),
        ("“exact words” „so“", words(true, &[("exact words", Phrase), ("so", Phrase)])),
        ("a OR b", words(false, &[("a", Exact), ("b", Exact)])),
        ("a | \"b c\" || d*", words(false, &[("a", Exact), ("b c", Phrase), ("d", Prefix)])),
        ("a b OR c", Query::Or(vec![words(true, &[("a", Exact), ("b", Exact)]), words(true, &[("c", Exact)])])),
        ("(a OR b) c", Query::And(vec![words(false, &[("a", Exact), ("b", Exact)]), words(true, &[("c", Exact)])])),
        ("((a)) (b)", Query::And(vec![a(), b()])),
        ("-a", not(a())),
        ("NOT a", not(a())),
        ("NOT -a", not(not(a()))),
        ("b -a", Query::And(vec![b(), not(a())])),
        ("-(a OR b)", not(words(false, &[("a", Exact), ("b", Exact)]))),
        ("-tag:ui", not(keyword("tags", false, &["ui"]))),
        (
            "--verbose well-known a - b",
            words(true, &[("--verbose", Exact), ("well-known", Exact), ("a", Exact), ("b", Exact)]),
        ),
        ("tag:ui status:done", Query::And(vec![keyword("tags", false, &["ui"]), keyword("status", false, &["done"])])),
        ("a tag:ui b", Query::And(vec![words(true, &[("a", Exact), ("b", Exact)]), keyword("tags", false, &["ui"])])),
        ("tag:ui a", Query::And(vec![keyword("tags", false, &["ui"]), a()])),
        ("Tag:\"two words\"", keyword("tags", false, &["two words"])),
        ("tag:\"\"", keyword("tags", false, &[""])),
        ("tag:(a b)", keyword("tags", true, &["a", "b"])),
        ("tag:( a AND \"b c\" )", keyword("tags", true, &["a", "b c"])),
        ("tag:(a OR b|c)", keyword("tags", false, &["a", "b|c"])),
        ("tag:(a)", keyword("tags", false, &["a"])),
        ("tag:a:b tag:c~1", Query::And(vec![keyword("tags", false, &["a:b"]), keyword("tags", false, &["c~1"])])),
        ("tag:ui\\*", keyword("tags", false, &["ui*"])),
        ("title:word", in_field(&["title"], true, &[("word", Exact)])),
        ("title:\"a b\"", in_field(&["title"], true, &[("a b", Phrase)])),
        ("messages.text:(a* \"b c\")", in_field(&["messages.text"], true, &[("a", Prefix), ("b c", Phrase)])),
        ("title:(a OR b~)", in_field(&["title"], false, &[("a", Exact), ("b", Fuzzy(1))])),
        ("size:5", range("size", Some(5.0), Some(5.0))),
        ("size:-1.5e1..+20", range("size", Some(-15.0), Some(20.0))),
        ("size:..5", range("size", None, Some(5.0))),
        ("size:5..", range("size", Some(5.0), None)),
        ("size:>=5", range("size", Some(5.0), None)),
        ("size:<=5", range("size", None, Some(5.0))),
        ("size:>5", range("size", Some(5.0_f64.next_up()), None)),
        ("size:<5", range("size", None, Some(5.0_f64.next_down()))),
        ("startedAt:2026-01-01", range("startedAt", Some(JANUARY), Some(JANUARY + DAY - 1.0))),
        ("startedAt:2026-01", range("startedAt", Some(JANUARY), Some(JANUARY + 31.0 * DAY - 1.0))),
        ("startedAt:2026-01-01..2026-01-02", range("startedAt", Some(JANUARY), Some(JANUARY + 2.0 * DAY - 1.0))),
        ("startedAt:>2026-01-01", range("startedAt", Some(JANUARY + DAY), None)),
        ("startedAt:<2026-01-01", range("startedAt", None, Some(JANUARY - 1.0))),
        ("startedAt:<=2026-01-01T10:00Z", range("startedAt", None, Some(JANUARY + DAY / 24.0 * 10.0 + 59_999.0))),
        ("after:2026-01-01", range("startedAt", Some(JANUARY), None)),
        ("before:2026-01-01", range("startedAt", None, Some(JANUARY - 1.0))),
        ("on:2026", range("startedAt", Some(JANUARY), Some(JANUARY + 365.0 * DAY - 1.0))),
        ("has:tag", Query::Exists { field: "tags".into() }),
        (
            "size:* title:*",
            Query::And(vec![Query::Exists { field: "size".into() }, Query::Exists { field: "title".into() }]),
        ),
        ("https://a.b/c?d=(e) 12:30", words(true, &[("https://a.b/c?d=", Exact), ("e", Exact), ("12:30", Exact)])),
        (
            "\\OR a\\:b \\-c d\\* e\\~1 f\\ g \\\"",
            words(
                true,
                &[
                    ("OR", Exact),
                    ("a:b", Exact),
                    ("-c", Exact),
                    ("d*", Exact),
                    ("e~1", Exact),
                    ("f g", Exact),
                    ("\"", Exact),
                ],
            ),
        ),
        ("\"C:\\temp \\\"x\\\" \\\\\"", words(true, &[("C:\\temp \"x\" \\", Phrase)])),
        ("ORANGE and or not NOTE", words(true, &["ORANGE", "and", "or", "not", "NOTE"].map(|word| (word, Exact)))),
        ("a AND NOT b", Query::And(vec![a(), not(b())])),
        ("a* OR .*[a-z]+?{2}^$", words(false, &[("a", Prefix), (".*[a-z]+?{2}^$", Exact)])),
    ] {
        // The group in a URL is opaque, and so a condition of its own.
        let expected = if text.starts_with("https") {
            Query::And(vec![
                words(true, &[("https://a.b/c?d=", Exact), ("12:30", Exact)]),
                words(true, &[("e", Exact)]),
            ])
        } else {
            expected
        };
        assert_eq!(strict(text), Ok(expected), "{text}");
    }
}

#[test]
fn options_change_what_words_side_by_side_mean() {
    let names = names();
    let any = Options { any: true, ..options(&names) };
    let query = |text: &str, options: &Options<'_>| parse(text, options).unwrap().query;
    assert_eq!(query("a b", &any), words(false, &[("a", Exact), ("b", Exact)]));
    assert_eq!(query("a AND b", &any), words(true, &[("a", Exact), ("b", Exact)]));
    assert_eq!(
        query("title:(a b) tag:x", &any),
        Query::And(vec![in_field(&["title"], false, &[("a", Exact), ("b", Exact)]), keyword("tags", false, &["x"])])
    );
    let typing = Options { last: Prefix, ..options(&names) };
    assert_eq!(query("log err", &typing), words(true, &[("log", Exact), ("err", Prefix)]));
    assert_eq!(query("log err ", &typing), words(true, &[("log", Exact), ("err", Exact)]));
    assert_eq!(query("err~", &typing), words(true, &[("err", Fuzzy(1))]));
    assert_eq!(query("\"err\"", &typing), words(true, &[("err", Phrase)]));
    assert_eq!(query("title:er", &typing), in_field(&["title"], true, &[("er", Prefix)]));
    let berlin = Options { offset_minutes: 60, ..options(&names) };
    assert_eq!(query("after:2026-01-01", &berlin), range("startedAt", Some(JANUARY - 3_600_000.0), None));
    assert_eq!(query("after:2026-01-01T00:00Z", &berlin), range("startedAt", Some(JANUARY), None));
    let bare = Options { date_field: None, ..options(&names) };
    assert_eq!(parse("after:2026", &bare).unwrap_err().reason.code(), "UnknownField");
}

/// Each with the place that is underlined, in UTF-16 units, and what is made of it while people type.
#[test]
fn a_problem_says_where_and_what_to_do() {
    let lenient_names = names();
    let lenient = Options { lenient: true, ..options(&lenient_names) };
    let a = || words(true, &[("a", Exact)]);
    for (text, code, at, units, meant) in [
        ("😀 \"a", "UnclosedQuote", 3, 1, words(true, &[("😀", Exact), ("a", Phrase)])),
        ("tag:\"two wo", "UnclosedQuote", 4, 1, keyword("tags", false, &["two wo"])),
        ("\"", "UnclosedQuote", 0, 1, Query::All),
        ("(a", "UnclosedGroup", 0, 1, a()),
        ("tag:(a", "UnclosedGroup", 4, 1, keyword("tags", false, &["a"])),
        ("a)", "UnopenedGroup", 1, 1, a()),
        ("a) b", "UnopenedGroup", 1, 1, Query::And(vec![a(), words(true, &[("b", Exact)])])),
        ("a ()", "EmptyGroup", 2, 2, a()),
        ("a tag:( )", "EmptyGroup", 6, 3, a()),
        ("a OR", "MissingOperand", 2, 2, a()),
        ("OR a", "MissingOperand", 0, 2, a()),
        ("a | | a", "MissingOperand", 4, 1, words(false, &[("a", Exact), ("a", Exact)])),
        ("a AND", "MissingOperand", 2, 3, a()),
        ("AND a", "MissingOperand", 0, 3, a()),
        ("a NOT", "MissingOperand", 2, 3, a()),
        ("é tga:ui", "UnknownField", 2, 3, words(true, &[("é", Exact), ("tga:ui", Exact)])),
        ("has:nothing a", "UnknownField", 4, 7, a()),
        ("a tag:", "MissingValue", 2, 4, a()),
        ("tag: a", "MissingValue", 0, 4, a()),
        ("a after:2026-", "BadDate", 8, 5, a()),
        ("startedAt:2026-01..2026-13 a", "BadDate", 19, 7, a()),
        ("startedAt:.. a", "BadDate", 10, 2, a()),
        ("size:>x a", "BadNumber", 6, 1, a()),
        ("size:NaN a", "BadNumber", 5, 3, a()),
        ("size:inf a", "BadNumber", 5, 3, a()),
        ("size:1e999 a", "BadNumber", 5, 5, a()),
        ("size:5..1", "EmptyRange", 5, 4, range("size", Some(5.0), Some(1.0))),
        ("word~3", "BadDistance", 4, 2, words(true, &[("word", Fuzzy(2))])),
        ("tag:ui*", "WrongOperator", 6, 1, keyword("tags", false, &["ui*"])),
        ("\"a\"~2", "WrongOperator", 3, 1, words(true, &[("a", Phrase), ("2", Exact)])),
        ("tag:(a (b))", "WrongOperator", 7, 1, Query::All),
        ("tag:(a OR b AND c)", "MixedValues", 12, 3, keyword("tags", false, &["a", "b", "c"])),
        ("tag:(a OR b c)", "MixedValues", 12, 0, keyword("tags", false, &["a", "b", "c"])),
        ("tag:(OR a)", "MissingOperand", 5, 2, keyword("tags", false, &["a"])),
        ("tag:(a OR)", "MissingOperand", 7, 2, keyword("tags", false, &["a"])),
    ] {
        let problem = strict(text).expect_err(text);
        assert_eq!((problem.reason.code(), problem.at, problem.units), (code, at, units), "{text}: {problem}");
        let parsed = parse(text, &lenient).unwrap();
        assert_eq!(parsed.problems.first(), Some(&problem), "{text}");
        if meant != Query::All || text == "\"" {
            assert_eq!(parsed.query, meant, "{text}");
        }
    }
}

#[test]
fn every_bound_is_an_error_at_its_place_even_while_typing() {
    let names = names();
    let lenient = Options { lenient: true, ..options(&names) };
    let deep = |n: usize| format!("{}a{}", "(".repeat(n), ")".repeat(n));
    let excluded = |n: usize| format!("{}a", "NOT ".repeat(n));
    let many = |n: usize| vec!["a"; n].join(" ");
    for (fits, exceeds, code, at) in [
        (deep(QUERY_NESTING_MAX), deep(1_000), "TooDeep", QUERY_NESTING_MAX),
        (excluded(QUERY_NESTING_MAX), excluded(1_000), "TooDeep", QUERY_NESTING_MAX * 4),
        (many(QUERY_WORDS_MAX), many(QUERY_WORDS_MAX + 1), "TooManyWords", QUERY_WORDS_MAX * 2),
        (
            format!("tag:({})", many(QUERY_WORDS_MAX)),
            format!("tag:({})", many(8_000)),
            "TooManyWords",
            5 + QUERY_WORDS_MAX * 2,
        ),
        ("é".repeat(QUERY_UNITS_MAX), "é".repeat(QUERY_UNITS_MAX + 3), "TooLong", QUERY_UNITS_MAX),
        ("😀".repeat(QUERY_UNITS_MAX / 2), "😀 ".repeat(10_000), "TooLong", QUERY_UNITS_MAX - 1),
    ] {
        for options in [&options(&names), &lenient] {
            assert!(parse(&fits, options).is_ok(), "{code}");
            let problem = parse(&exceeds, options).unwrap_err();
            assert_eq!((problem.reason.code(), problem.at), (code, at));
        }
    }
    let closing = parse(&"a)".repeat(120), &lenient).unwrap();
    assert_eq!(closing.problems.len(), PROBLEMS_MAX);
    assert!(matches!(closing.query, Query::And(conditions) if conditions.len() == 120), "flat, however many");
}

/// A random query of the grammar, mostly right.
fn random_query(rng: &mut Rng, depth: usize, out: &mut String) {
    const WORDS: [&str; 18] = [
        "a", "word", "é", "中文", "😀", "wo*", "wo~", "wo~2", "wo~9", "\"a b\"", "“c”", "\"open", "-", "--x", "a\\:b",
        "\\", "*", "x:y",
    ];
    const CONDITIONS: [&str; 16] = [
        "tag:ui",
        "tag:\"a b\"",
        "tag:(a b)",
        "tag:(a OR b)",
        "tag:(a OR b AND",
        "title:word",
        "title:(a b*)",
        "size:1..5",
        "size:>=2",
        "size:<x",
        "startedAt:2026-01",
        "after:2026-01-01",
        "before:",
        "has:tag",
        "on:2026-13",
        "size:5..1",
    ];
    for part in 0..rng.usize(1..5) {
        if part > 0 {
            out.push_str([" ", " ", " ", " OR ", " AND ", " | ", ""][rng.usize(..7)]);
        }
        match rng.u8(..12) {
            0 | 1 if depth < 6 => {
                out.push('(');
                random_query(rng, depth + 1, out);
                out.push_str(if rng.u8(..8) == 0 { "" } else { ")" });
            }
            2 if depth < 6 => {
                out.push_str(if rng.bool() { "-" } else { "NOT " });
                random_query(rng, depth + 1, out);
            }
            3..=6 => out.push_str(CONDITIONS[rng.usize(..CONDITIONS.len())]),
            7 => {
                let word = random_text(rng, 4);
                out.push_str(&word);
            }
            _ => out.push_str(WORDS[rng.usize(..WORDS.len())]),
        }
    }
}

/// A random tree, whether it can be typed or not.
fn random_tree(rng: &mut Rng, depth: usize) -> Query {
    let text = |rng: &mut Rng| {
        if rng.bool() {
            random_text(rng, 3)
        } else {
            ["a", "OR", "-x", "a*", "b~1", "c d", "\\", ""][rng.usize(..8)].to_owned()
        }
    };
    let several = |rng: &mut Rng| (0..rng.usize(1..4)).map(|_| random_tree(rng, depth + 1)).collect::<Vec<_>>();
    let end = |rng: &mut Rng| {
        [None, Some(0.0), Some(1.5), Some(-3.0), Some(1e12), Some(f64::NAN), Some(1e300)][rng.usize(..7)]
    };
    match rng.u8(..if depth < 4 { 8 } else { 5 }) {
        0 | 1 => {
            let words = (0..rng.usize(1..4))
                .map(|_| Word { text: text(rng), how: [Exact, Prefix, Fuzzy(1), Fuzzy(2), Phrase][rng.usize(..5)] })
                .collect();
            let fields = [&[][..], &[], &["title"], &["messages.text"], &["nowhere"]][rng.usize(..5)];
            Query::Text(Text { words, all: rng.bool(), fields: fields.iter().map(|&field| field.to_owned()).collect() })
        }
        2 => {
            let values = (0..rng.usize(1..4)).map(|_| text(rng)).collect();
            Query::Keyword { field: ["tags", "status"][rng.usize(..2)].into(), values, all: rng.bool() }
        }
        3 => range(["size", "startedAt"][rng.usize(..2)], end(rng), end(rng)),
        4 => [Query::All, Query::Exists { field: "tags".into() }][rng.usize(..2)].clone(),
        5 => Query::And(several(rng)),
        6 => Query::Or(several(rng)),
        _ => not(random_tree(rng, depth + 1)),
    }
}

/// How long random inputs are tried, and from which seed.
fn until() -> (Instant, Rng) {
    let seconds = std::env::var("HOARDB_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(1.0);
    (Instant::now() + Duration::from_secs_f64(seconds), Rng::with_seed(7))
}

#[test]
fn any_input_is_a_query_or_a_problem_in_it() {
    let (end, mut rng) = until();
    let names = names();
    let signs: Vec<char> = "()\"\\:*~-|.<> ORANDT1a“é😀,'tag:ize".chars().collect();
    let (mut count, mut shown_count) = (0_u64, 0_u64);
    while Instant::now() < end {
        let mut text = String::new();
        match rng.u8(..4) {
            0 => text = random_text(&mut rng, 40),
            1 => {
                let bytes: Vec<u8> = (0..rng.usize(..60)).map(|_| rng.u8(..)).collect();
                text = String::from_utf8_lossy(&bytes).into_owned();
            }
            2 => text = (0..rng.usize(..40)).map(|_| *rng.choice(&signs).unwrap()).collect(),
            _ => random_query(&mut rng, 0, &mut text),
        }
        let lenient = Options {
            lenient: true,
            any: rng.bool(),
            last: if rng.bool() { Prefix } else { Exact },
            ..options(&names)
        };
        let units = text.encode_utf16().count();
        let parsed = parse(&text, &lenient);
        let strict = parse(&text, &Options { lenient: false, ..lenient.clone() });
        match (&parsed, strict) {
            (Ok(parsed), Ok(strict)) => assert_eq!((parsed, parsed.problems.len()), (&strict, 0), "{text:?}"),
            (Ok(parsed), Err(problem)) => {
                assert_eq!(parsed.problems.first(), Some(&problem), "{text:?}");
                assert!(parsed.problems.iter().all(|problem| problem.at + problem.units <= units), "{text:?}");
                assert!(!problem.to_string().is_empty());
            }
            (Err(lenient), Err(strict)) => assert!(lenient.at <= units && strict.at <= units, "{text:?}"),
            (Err(problem), Ok(_)) => panic!("{text:?}: only the lenient reading fails: {problem}"),
        }
        // What was read can be typed, and then means the same.
        if let Ok(parsed) = parsed {
            if let Some(shown) = show(&parsed.query, &lenient) {
                let again = parse(&shown, &Options { lenient: false, last: Exact, ..lenient }).unwrap();
                assert_eq!(again.query, parsed.query, "{text:?} as {shown:?}");
                shown_count += 1;
            } else {
                assert!(
                    !parsed.problems.is_empty() || text.contains(".."),
                    "{text:?} cannot be shown: {:?}",
                    parsed.query
                );
            }
        }
        count += 1;
    }
    assert!(count > 100 && shown_count > count / 2, "{count} {shown_count}");
    println!("{count} queries, {shown_count} shown");
}

#[test]
fn a_tree_that_can_be_typed_is_read_as_it_was() {
    let (end, mut rng) = until();
    let names = names();
    let (mut count, mut shown_count) = (0_u64, 0_u64);
    while Instant::now() < end {
        let options = Options { any: rng.bool(), ..options(&names) };
        let query = random_tree(&mut rng, 0);
        if let Some(shown) = show(&query, &options) {
            assert_eq!(parse(&shown, &options).unwrap().query, query, "{shown:?}");
            shown_count += 1;
        }
        count += 1;
    }
    assert!(shown_count > count / 10, "{shown_count} of {count} could be shown");
    println!("{count} trees, {shown_count} shown");
}

#[test]
fn a_tree_of_any_depth_is_not_shown() {
    let names = names();
    let mut query = words(true, &[("a", Exact)]);
    for _ in 0..2_000 {
        query = not(query);
    }
    assert_eq!(show(&query, &options(&names)), None);
}
