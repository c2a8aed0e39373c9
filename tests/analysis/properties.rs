//! What holds of any text.

use crate::support::*;
use fastrand::Rng;
use hoardb::index::Matching;
use hoardb::index::analysis::{Analyser, TERM_BYTES_MAX};

fn analysers() -> Vec<Analyser> {
    // Which languages there are depends on the features of the build.
    let codes = ["en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "no", "fi", "ru"];
    let languages = codes.iter().filter_map(|code| Analyser::named(code).ok());
    languages.chain([Analyser::PLAIN, Analyser::named("en-all").unwrap()]).collect()
}

#[test]
fn tokens_lie_on_characters_and_in_order() {
    let mut rng = Rng::with_seed(1);
    let analysers = analysers();
    for _ in 0..60_000 {
        let text = random_text(&mut rng, 24);
        let (tokens, positions) = tokens(analysers[rng.usize(..analysers.len())], &text);
        for token in &tokens {
            assert!(
                text.is_char_boundary(token.bytes.start) && text.is_char_boundary(token.bytes.end),
                "{text:?} {token:?}"
            );
            assert!(
                token.bytes.start < token.bytes.end && !token.term.is_empty() && token.term.len() <= TERM_BYTES_MAX
            );
            let units = |bytes: usize| text[..bytes].encode_utf16().count();
            assert_eq!(token.units, units(token.bytes.start)..units(token.bytes.end), "{text:?}");
            assert!(token.position < positions);
        }
        assert!(tokens.is_sorted_by(|a, b| a.position < b.position && a.bytes.start < b.bytes.start), "{text:?}");
    }
}

#[test]
fn a_token_alone_gives_its_term() {
    let mut rng = Rng::with_seed(2);
    for _ in 0..40_000 {
        let text = random_text(&mut rng, 12);
        for token in tokens(Analyser::PLAIN, &text).0 {
            let (again, _) = tokens(Analyser::PLAIN, &text[token.bytes.clone()]);
            assert_eq!(again.first().map(|token| &*token.term), Some(&*token.term), "{text:?}");
        }
    }
}

#[test]
fn texts_joined_by_a_space_are_analysed_one_after_the_other() {
    let mut rng = Rng::with_seed(3);
    for _ in 0..40_000 {
        let analyser = if rng.bool() { Analyser::PLAIN } else { Analyser::named("en").unwrap() };
        let (a, b) = (random_text(&mut rng, 12), random_text(&mut rng, 12));
        let joined = format!("{a} {b}");
        let (mut expected, first) = tokens(analyser, &a);
        let (second, last) = tokens(analyser, &b);
        let (bytes, units) = (a.len() + 1, a.encode_utf16().count() + 1);
        expected.extend(second.into_iter().map(|mut token| {
            token.position += first;
            token.bytes = token.bytes.start + bytes..token.bytes.end + bytes;
            token.units = token.units.start + units..token.units.end + units;
            token
        }));
        assert_eq!(tokens(analyser, &joined), (expected, first + last), "{joined:?}");
    }
}

#[test]
fn what_stands_in_a_text_is_found_in_it() {
    let mut rng = Rng::with_seed(4);
    for _ in 0..40_000 {
        let analyser = if rng.bool() { Analyser::PLAIN } else { Analyser::named("en").unwrap() };
        let text = random_text(&mut rng, 12);
        let (tokens, _) = tokens(analyser, &text);
        let (Some(first), Some(last)) = (rng.choice(&tokens), rng.choice(&tokens)) else { continue };
        let part = &text[first.bytes.start.min(last.bytes.start)..first.bytes.end.max(last.bytes.end)];
        let edits = rng.u8(1..=2);
        for how in [
            Matching::Exact,
            Matching::Phrase,
            Matching::Prefix,
            Matching::Fuzzy(edits),
            Matching::PrefixOrFuzzy(edits),
        ] {
            assert!(finds(analyser, &text, &word(part, how)), "{part:?} {how:?} in {text:?}");
        }
    }
}

#[test]
fn case_and_composition_make_no_difference() {
    use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
    let mut rng = Rng::with_seed(5);
    for _ in 0..40_000 {
        let text: String = (0..rng.usize(..8))
            .map(|_| rng.char(' '..'\u{3000}'))
            // Greek's iota subscript becomes a letter beside the other when it is written large.
            .filter(|c| c.is_alphanumeric() && !is_combining_mark(*c) && !matches!(c, '\u{1F80}'..='\u{1FFF}'))
            .collect();
        assert_eq!(plain(&text.nfd().collect::<String>()), plain(&text.nfc().collect::<String>()), "{text:?}");
        assert_eq!(plain(&text.to_lowercase()), plain(&text.to_lowercase().to_uppercase().to_lowercase()), "{text:?}");
    }
}
