//! Snippets and highlights.

use crate::support::*;
use fastrand::Rng;
use hoardb::index::Matching::{self, Exact, Fuzzy, Phrase, Prefix};
use hoardb::index::analysis::{Analyser, Wanted};
use hoardb::index::snippet::{HIGHLIGHTS_MAX, Snippet, snippet};

fn wanted(analyser: Analyser, words: &[(&str, Matching)]) -> Vec<Wanted> {
    words.iter().map(|(text, how)| analyser.wanted(&word(text, *how))).collect()
}

/// The stretch, with its highlights in brackets.
fn shown(text: &str, Snippet { units, highlights, .. }: &Snippet) -> String {
    let all: Vec<u16> = text.encode_utf16().collect();
    let mut at = units.start;
    let mut out = String::new();
    for highlight in highlights {
        out += &String::from_utf16(&all[at..highlight.start]).unwrap();
        out += &format!("[{}]", String::from_utf16(&all[highlight.clone()]).unwrap());
        at = highlight.end;
    }
    out + &String::from_utf16(&all[at..units.end]).unwrap()
}

fn of(analyser: Analyser, text: &str, words: &[(&str, Matching)], units_max: usize) -> String {
    shown(text, &snippet(text, &analyser, &wanted(analyser, words), units_max))
}

const TEXT: &str = "Nothing to see in this first sentence, which goes on for a while. The login failed again (twice!). \
    A second look: the LOGIN error came from the café’s proxy, not from us. Later nobody logged in any more, and the story ends here.";

#[test]
fn the_stretch_with_most_words_is_shown_from_its_sentence_on() {
    let english = Analyser::named("en").unwrap();
    assert_eq!(
        of(english, TEXT, &[("login", Exact), ("errors", Exact), ("proxy", Exact)], 80),
        "A second look: the [LOGIN] [error] came from the café’s [proxy], not from us."
    );
    assert_eq!(of(english, TEXT, &[("logging", Exact)], 40), "Later nobody [logged] in any more, and the");
    assert_eq!(
        of(english, TEXT, &[("story", Exact)], 60),
        "Later nobody logged in any more, and the [story] ends here."
    );
    assert_eq!(of(english, TEXT, &[("absent", Exact)], 30), "Nothing to see in this first");
    assert_eq!(of(english, TEXT, &[], 30), "Nothing to see in this first");
}

#[test]
fn a_short_text_is_shown_whole() {
    let text = "“Über Straßen”: 😀 fuß-café!";
    for (words, expected) in [
        (&[("strassen", Exact)][..], "“Über [Straßen]”: 😀 fuß-café!"),
        (&[("CAFE", Exact), ("uber", Exact)], "“[Über] Straßen”: 😀 fuß-[café]!"),
        (&[("stra", Prefix)], "“Über [Straßen]”: 😀 fuß-café!"),
        (&[("caffe", Fuzzy(1))], "“Über Straßen”: 😀 fuß-[café]!"),
        (&[("fuß café", Phrase)], "“Über Straßen”: 😀 [fuß]-[café]!"),
        (&[("café fuß", Phrase)], text),
        (&[("😀", Exact)], "“Über Straßen”: [😀] fuß-café!"),
    ] {
        assert_eq!(of(Analyser::PLAIN, text, words, 1_000), expected);
    }
    assert_eq!(of(Analyser::PLAIN, "", &[("a", Exact)], 10), "");
}

#[test]
fn only_whole_phrases_are_highlighted() {
    let text = "new york is not york new, but New York, new";
    assert_eq!(
        of(Analyser::PLAIN, text, &[("new york", Phrase)], 100),
        "[new] [york] is not york new, but [New] [York], new"
    );
    assert_eq!(of(Analyser::PLAIN, "a a a b", &[("a a b", Phrase)], 100), "a [a] [a] [b]");
}

#[test]
fn pairs_are_highlighted_as_the_words_they_make() {
    let text = "我喜欢搜索引擎。昨天我用搜索引擎找到了你的网站，里面有很多东西。引擎坏了。";
    assert_eq!(
        of(Analyser::PLAIN, text, &[("搜索引擎", Exact)], 100),
        "我喜欢[搜索引擎]。昨天我用[搜索引擎]找到了你的网站，里面有很多东西。引擎坏了。"
    );
    assert_eq!(of(Analyser::PLAIN, text, &[("网站", Exact)], 16), "到了你的[网站]，里面有很多东西。");
    assert_eq!(of(Analyser::PLAIN, "한국어 검색", &[("국어", Exact)], 100), "한[국어] 검색");
}

#[test]
fn stretches_lie_on_words_and_hold_their_highlights() {
    let mut rng = Rng::with_seed(6);
    for _ in 0..30_000 {
        let analyser = if rng.bool() { Analyser::PLAIN } else { Analyser::named("en").unwrap() };
        let text = random_text(&mut rng, 80);
        let (tokens, _) = tokens(analyser, &text);
        let words: Vec<Wanted> = (0..rng.usize(..4))
            .map(|_| {
                let part = rng.choice(&tokens).map_or("x", |token| &text[token.bytes.clone()]);
                let how = [Exact, Prefix, Fuzzy(1), Fuzzy(2), Phrase][rng.usize(..5)];
                analyser.wanted(&word(part, how))
            })
            .collect();
        let units_max = rng.usize(..120);
        let snippet = snippet(&text, &analyser, &words, units_max);
        assert!(snippet.units.len() <= units_max, "{text:?} {snippet:?} {units_max}");
        let slice = &text[snippet.bytes.clone()];
        assert_eq!(slice.encode_utf16().count(), snippet.units.len());
        assert_eq!(text[..snippet.bytes.start].encode_utf16().count(), snippet.units.start);
        let mut at = snippet.units.start;
        for highlight in &snippet.highlights {
            assert!(
                at <= highlight.start && highlight.start < highlight.end && highlight.end <= snippet.units.end,
                "{text:?} {snippet:?}"
            );
            at = highlight.end;
        }
        // No character is cut, and what is highlighted is what is found.
        shown(&text, &snippet);
        if text.encode_utf16().count() <= units_max {
            let all: Vec<bool> = words.iter().map(|wanted| places(&tokens, wanted).is_empty()).collect();
            assert_eq!(snippet.highlights.is_empty(), all.iter().all(|none| *none), "{text:?} {snippet:?}");
        }
        if !words.is_empty() && words.iter().all(|wanted| wanted.parts.len() == 1) && units_max > 60 {
            let found = words.iter().any(|wanted| !places(&tokens, wanted).is_empty());
            assert_eq!(
                found,
                !snippet.highlights.is_empty(),
                "a stretch shows why the text was found: {text:?} {words:?} {snippet:?}"
            );
        }
    }
}

#[test]
fn time_is_bounded_where_everything_matches() {
    let text = "a b ".repeat(200_000);
    let phrase = "a b ".repeat(2_000);
    let words = wanted(Analyser::PLAIN, &[(&phrase, Phrase), ("a", Prefix), ("ab", Fuzzy(2)), ("b", Exact)]);
    let snippet = snippet(&text, &Analyser::PLAIN, &words, 200);
    assert!(snippet.highlights.len() <= HIGHLIGHTS_MAX && !snippet.highlights.is_empty());
}
