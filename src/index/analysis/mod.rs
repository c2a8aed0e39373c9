//! How text becomes terms, and what a word of a query then looks for.
//!
//! [`Analyser::analyse`] goes through these steps:
//!
//! 1. *Words* (`words.rs`) by UAX #29, tailored for search. Emoji are words.
//! 2. *Pairs* (`grams.rs`): runs of scripts that are written without spaces (Han, kana, Hangul, Thai, Lao, Khmer, Myanmar)
//!    are cut into overlapping pairs of characters.
//! 3. *Folding* (`fold.rs`): case, compatibility forms, accents.
//! 4. *Stop words and stemming* (`language.rs`) where the analyser has a language. Stems are taken of what is folded, for who types no
//!    accents has to find the same. On Snowball's vocabularies this costs nothing in English, German, Finnish and Russian, and in
//!    Italian, Portuguese, Spanish and French 5 to 21 % of the pairs of words that share a stem. The other order would
//!    lose 22 to 30 % of their accented words when they are typed without accents.
//!
//! An index keeps the analyser's [name](Analyser::name) and [`VERSION`], and is built again when either is another.

mod characters;
mod fold;
mod grams;
mod language;
mod memo;
mod words;

pub use language::Language;

use super::query::{Matching, Word};
use crate::error::{Error, Result};
use fold::Folder;
use grams::Grams;
use std::ops::Range;
use words::{Kind, Words};

/// Of this module's behaviour: rises whenever some text gives other terms or positions than before.
pub const VERSION: u32 = 2;

/// Longest term in bytes. Of a longer word the beginning is the term, in the index and in queries alike, so it is found.
pub const TERM_BYTES_MAX: usize = 128;

/// Turns text into terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Analyser {
    language: Option<Language>,
    stop_words: bool,
}

/// A term of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token<'a> {
    /// What is looked up: folded, stemmed, 1 to [`TERM_BYTES_MAX`] bytes.
    pub term: &'a str,
    /// Its number in the text. Stop words are counted, so that phrases keep their distances.
    pub position: u32,
    /// What it stands for in the text, in bytes.
    pub bytes: Range<usize>,
    /// The same in UTF-16 units, which JavaScript counts in.
    pub units: Range<usize>,
    /// How it was cut.
    pub shape: Shape,
}

/// How a token was cut from its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A word.
    Word,
    /// Two characters of a script without spaces.
    Pair,
    /// The last character of a run in such a script, or the only one.
    Last,
}

/// What a word of a query looks for: these parts, one after the other in a text. A word without any (punctuation, a stop word)
/// asks for nothing, and the query is answered as if it were not there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// By position. Most words have one; phrases, `file.txt`, `1.2` and several characters of Chinese have more.
    pub parts: Vec<Part>,
}

/// What is wanted at one position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Relative to the first part's, which is 0.
    pub position: u32,
    /// Any of these terms, matched like this: exactly, by prefix or fuzzily.
    pub any: Vec<(String, Matching)>,
}

/// The words that are written as one: `encoder/decoder` is two. Characters of a script without spaces stay together. What has no
/// word in it is left as it is.
pub fn pieces(text: &str) -> Vec<&str> {
    let mut pieces: Vec<Range<usize>> = Vec::new();
    for span in Words::new(text) {
        match pieces.last_mut().filter(|last| last.end == span.bytes.start) {
            Some(last) => last.end = span.bytes.end,
            None => pieces.push(span.bytes),
        }
    }
    if pieces.len() < 2 {
        return vec![text];
    }
    pieces.into_iter().filter_map(|piece| text.get(piece)).collect()
}

impl Analyser {
    /// Words as they are, for text of any language: folded, not stemmed, without stop words.
    pub const PLAIN: Self = Self { language: None, stop_words: false };

    /// For a language: stemmed, and its stop words left out.
    pub fn of(language: Language) -> Self {
        Self { language: Some(language), stop_words: true }
    }

    /// By name: `plain`; a language's code, like `en`; or that with `-all`, which keeps the stop words.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if this build has no such analyser.
    pub fn named(name: &str) -> Result<Self> {
        if name == "plain" {
            return Ok(Self::PLAIN);
        }
        let code = name.strip_suffix("-all").unwrap_or(name);
        match Language::ALL.iter().find(|language| language.code() == code) {
            Some(&language) => Ok(Self { language: Some(language), stop_words: code == name }),
            None => {
                let codes: Vec<_> = Language::ALL.iter().map(|language| language.code()).collect();
                let codes = codes.join(", ");
                let problem = format!(
                    "there is no \"{name}\"; it is \"plain\", or the code of a language ({codes}), alone or with \"-all\" behind it"
                );
                Err(Error::invalid("analyser", problem))
            }
        }
    }

    /// The name by which [`Analyser::named`] finds it.
    pub fn name(&self) -> String {
        match self.language {
            None => "plain".to_owned(),
            Some(language) if self.stop_words => language.code().to_owned(),
            Some(language) => format!("{}-all", language.code()),
        }
    }

    /// Hands the text's tokens over, by position. Returns how many positions it has. Takes time in proportion to the text, and hardly
    /// any memory.
    pub fn analyse(&self, text: &str, token: &mut dyn FnMut(Token<'_>)) -> u32 {
        let mut folder = Folder::default();
        let mut grams = Grams::default();
        let mut position = 0_u32;
        for span in Words::new(text) {
            let word = text.get(span.bytes.clone()).unwrap_or_default();
            if let Kind::Gram { joined } = span.kind {
                if !joined {
                    grams.end(token);
                }
                folder.fold(word, span.kind);
                grams.add(folder.term(), position, span, token);
            } else {
                grams.end(token);
                let term = match self.language {
                    // Most words of most texts are their own terms.
                    None if span.kind == Kind::Lower && word.len() <= TERM_BYTES_MAX => word,
                    language => {
                        folder.fold(word, span.kind);
                        if let Some(language) = language {
                            self.finish(language, &mut folder);
                        }
                        folder.term()
                    }
                };
                if !term.is_empty() {
                    token(Token { term, position, bytes: span.bytes, units: span.units, shape: Shape::Word });
                }
            }
            position = position.saturating_add(1);
        }
        grams.end(token);
        position
    }

    /// Makes a folded word the language's term, or nothing if it is a stop word.
    fn finish(&self, language: Language, folder: &mut Folder) {
        let rules = (language as u8) << 1 | u8::from(self.stop_words);
        memo::remembered(rules + 1, folder, |folder| {
            if self.stop_words && language.stops(folder.term()) {
                folder.clear();
            } else {
                language.stem(folder);
            }
        });
    }

    /// What a word of a query looks for in text that was analysed by this analyser.
    ///
    /// - An exact word and a phrase: their terms. If there are several, they are wanted one after the other.
    /// - A prefix: terms that begin with the folded word, which is not stemmed; or the word's own term. So `running*` finds
    ///   `run`, to which the index has stemmed it. `runni*` does not: where a box searches while people type, a plain
    ///   analyser is the better choice. Of several terms the last is the prefix.
    /// - A fuzzy word: terms near the folded word, or near its term. Of several terms the last.
    /// - A prefix or fuzzy word: all of these.
    /// - A single character of a script that is cut into pairs: the pairs that begin with it.
    pub fn wanted(&self, word: &Word) -> Wanted {
        let mut parts: Vec<(Part, Shape)> = Vec::new();
        Self::PLAIN.analyse(&word.text, &mut |token| {
            // The last character of a run is a token for those who look for just this. Who has typed more looks for pairs.
            if token.shape != Shape::Last || !matches!(parts.last(), Some((_, Shape::Pair))) {
                let any = vec![(token.term.to_owned(), Matching::Exact)];
                parts.push((Part { position: token.position, any }, token.shape));
            }
        });
        let last = parts.len().saturating_sub(1);
        let mut wanted = Wanted::default();
        for (index, (mut part, shape)) in parts.into_iter().enumerate() {
            let is_last = index == last;
            let (prefix, edits) = match word.how {
                Matching::Prefix => (true, None),
                Matching::Fuzzy(edits) => (false, Some(edits)),
                Matching::PrefixOrFuzzy(edits) => (true, Some(edits)),
                Matching::Exact | Matching::Phrase => (false, None),
            };
            let prefix = prefix && is_last || shape == Shape::Last;
            let near = edits.filter(|_| is_last && shape == Shape::Word).map(Matching::Fuzzy);
            let language = self.language.filter(|_| shape == Shape::Word);
            let Some((term, _)) = part.any.pop() else { continue };
            part.any.extend(prefix.then(|| (term.clone(), Matching::Prefix)));
            part.any.extend(near.map(|near| (term.clone(), near)));
            let is_exact = part.any.is_empty();
            let mut folder = Folder::holding(&term);
            match language {
                Some(language) if is_exact => self.finish(language, &mut folder),
                Some(language) => language.stem(&mut folder),
                None => {}
            }
            let own = folder.term();
            if !own.is_empty() && (is_exact || own != term) {
                part.any.push((own.to_owned(), near.unwrap_or_default()));
            }
            if !part.any.is_empty() {
                wanted.parts.push(part);
            }
        }
        let first = wanted.parts.first().map_or(0, |part| part.position);
        for part in &mut wanted.parts {
            part.position = part.position.saturating_sub(first);
        }
        wanted
    }
}
