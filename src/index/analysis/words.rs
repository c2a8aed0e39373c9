//! Where words begin and end: UAX #29, tailored for search.
//!
//! | where UAX #29 | here |
//! |---|---|
//! | joins letters over `.` and `:` (`example.com`), digits over `.`, `,` and `;` (`1.2`), and both over `_` | they are apart; who looks for `example.com` or `1.2` looks for both parts, one after the other |
//! | has a segment for each Han character, and one for a whole run of Hangul or Katakana | characters of these are handed out one by one, with whether they adjoin |
//! | leaves Thai, Lao, Khmer and Myanmar to dictionaries | so are theirs, with their marks |
//! | joins `'` to a Hebrew letter before it | only between two letters |
//!
//! So a word ends at everything but letters, marks and digits. What stays in it is spelling: apostrophes (`isn't`, `1'000`), the
//! point between letters (`col·lecció`) and the quote of Hebrew abbreviations. So `1.2` is found in `1.2.3`, and `2024` in
//! `2024.05.01`; and rare words are the same words wherever they stand, which rankings live on. Runs of ASCII go a straight way:
//! bytes, without the table.

use super::characters::{Class, class};
use std::ops::Range;

/// A word, or a character of a script without spaces.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Span {
    pub kind: Kind,
    pub bytes: Range<usize>,
    pub units: Range<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// ASCII digits and lower-case letters only.
    Lower,
    /// ASCII digits and letters only.
    Ascii,
    /// Any other word.
    Word,
    /// An emoji, with its modifiers, or several that are joined, or a flag.
    Picture,
    /// A character with its marks, of a script without spaces.
    Gram {
        /// Whether it follows another one at once.
        joined: bool,
    },
}

pub(super) struct Words<'a> {
    text: &'a str,
    at: usize,
    /// By how much the bytes up to `at` outnumber the UTF-16 units.
    excess: usize,
    /// Where the last character of a script without spaces ended.
    gram_end: Option<usize>,
}

/// `'` and what stands for it.
pub(super) fn is_apostrophe(character: char) -> bool {
    matches!(character, '\'' | '\u{2018}' | '\u{2019}' | '\u{FF07}')
}

/// MidLetter and the apostrophes, without those over which words are not joined here.
fn joins_letters(character: char) -> bool {
    is_apostrophe(character) || matches!(character, '·' | '\u{387}' | '\u{55F}' | '\u{5F4}' | '\u{2027}')
}

impl<'a> Words<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0, excess: 0, gram_end: None }
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.at..)?.chars().next()
    }

    /// Goes on behind a character.
    fn pass(&mut self, character: char) {
        self.at += character.len_utf8();
        self.excess += character.len_utf8() - character.len_utf16();
    }

    fn pass_while(&mut self, of: impl Fn(char) -> bool) {
        while let Some(character) = self.peek().filter(|&character| of(character)) {
            self.pass(character);
        }
    }

    fn pass_marks(&mut self) {
        self.pass_while(|character| !character.is_ascii() && class(character) == Class::Extend);
    }

    /// The first character behind one and its marks.
    fn behind(&self, character: char) -> Option<char> {
        let rest = self.text.get(self.at + character.len_utf8()..)?;
        rest.chars().find(|&next| next.is_ascii() || class(next) != Class::Extend)
    }

    /// A word of ASCII that ends where the answer does not depend on what is not ASCII. Otherwise it stays where it is.
    fn ascii(&mut self) -> Option<Kind> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let at = |place: usize| rest.get(place).copied().unwrap_or(b' ');
        let (mut upper, mut joined) = (false, false);
        let mut length = 0;
        loop {
            let (byte, next) = (at(length), at(length + 1));
            if byte.is_ascii_alphanumeric() {
                upper |= byte.is_ascii_uppercase();
                length += 1;
                continue;
            }
            let behind_digit = at(length.wrapping_sub(1)).is_ascii_digit();
            match byte {
                0x80.. => return None,
                b'\'' => {}
                _ => break,
            }
            if next >= 0x80 {
                return None;
            }
            let joins = if behind_digit { next.is_ascii_digit() } else { next.is_ascii_alphabetic() };
            if !joins {
                break;
            }
            joined = true;
            length += 1;
        }
        self.at += length;
        Some(match (joined, upper) {
            (true, _) => Kind::Word,
            (_, true) => Kind::Ascii,
            _ => Kind::Lower,
        })
    }

    /// A word that begins here.
    fn word(&mut self) -> Kind {
        let mut last = Class::Other;
        while let Some(character) = self.peek() {
            match class(character) {
                Class::Extend => self.pass(character),
                class @ (Class::Letter | Class::Hebrew | Class::Number) => {
                    last = class;
                    self.pass(character);
                }
                _ => {
                    let next = || self.behind(character).map_or(Class::Other, class);
                    let joined = match last {
                        Class::Number => is_apostrophe(character) && next() == Class::Number,
                        Class::Hebrew if character == '"' => next() == Class::Hebrew,
                        _ => joins_letters(character) && matches!(next(), Class::Letter | Class::Hebrew),
                    };
                    if !joined {
                        break;
                    }
                    self.pass(character);
                }
            }
        }
        Kind::Word
    }

    fn picture(&mut self, first: char) -> Kind {
        let is_flag = |character| matches!(character, '\u{1F1E6}'..='\u{1F1FF}');
        self.pass(first);
        if is_flag(first) {
            self.pass_marks();
            if let Some(second) = self.peek().filter(|&second| is_flag(second)) {
                self.pass(second);
            }
        }
        self.pass_marks();
        // A joiner is a mark and has been passed.
        while let Some(next) = self.peek() {
            let joined = self.text.get(..self.at).is_some_and(|before| before.ends_with('\u{200D}'));
            if !joined || next.is_ascii() || is_flag(next) || class(next) != Class::Picture {
                break;
            }
            self.pass(next);
            self.pass_marks();
        }
        Kind::Picture
    }

    fn gram(&mut self, first: char) -> Kind {
        let joined = self.gram_end == Some(self.at);
        self.pass(first);
        if matches!(first, '\u{1100}'..='\u{115F}') {
            // A syllable that is written as its letters.
            self.pass_while(|character| matches!(character, '\u{1160}'..='\u{11FF}'));
        }
        self.pass_marks();
        self.gram_end = Some(self.at);
        Kind::Gram { joined }
    }
}

impl Words<'_> {
    /// What begins here and is not plain ASCII; passes over a character that is no part of a word.
    #[inline(never)]
    fn other(&mut self) -> Option<Option<Kind>> {
        let first = self.peek()?;
        let class = if first.is_ascii() { Class::Letter } else { class(first) };
        Some(match class {
            Class::Other | Class::Extend => {
                self.pass(first);
                None
            }
            Class::Picture => Some(self.picture(first)),
            Class::Gram => Some(self.gram(first)),
            _ => Some(self.word()),
        })
    }
}

impl Iterator for Words<'_> {
    type Item = Span;

    fn next(&mut self) -> Option<Span> {
        loop {
            let bytes = self.text.as_bytes();
            while bytes.get(self.at).is_some_and(|byte| byte.is_ascii() && !byte.is_ascii_alphanumeric()) {
                self.at += 1;
            }
            let (start, excess) = (self.at, self.excess);
            let straight = if bytes.get(start)?.is_ascii() { self.ascii() } else { None };
            let kind = match straight {
                Some(kind) => kind,
                None => match self.other()? {
                    Some(kind) => kind,
                    None => continue,
                },
            };
            let units = start - excess..self.at - self.excess;
            return Some(Span { kind, bytes: start..self.at, units });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_segmentation::UnicodeSegmentation;

    fn is_word(kind: Kind) -> bool {
        matches!(kind, Kind::Lower | Kind::Ascii | Kind::Word)
    }

    /// Against the crate: no word crosses its bounds, and where there are more bounds here they are those of the table above.
    #[test]
    fn words_are_those_of_uax_29_but_for_what_is_tailored() {
        let mut rng = fastrand::Rng::with_seed(29);
        let pieces: Vec<char> = "aB1_.:,;'\"-· \u{301}\u{200D}\u{2019}éßдЖבא٣中ひカー한กทน\u{e31}👍👨🇩🇪\u{1F3FD}\u{1112}\u{1161}½\r\n\u{FF0E}\u{3000}".chars().collect();
        for _ in 0..100_000 {
            let text: String = (0..rng.usize(1..12))
                .map(|_| if rng.u8(..20) == 0 { rng.char(..) } else { pieces[rng.usize(..pieces.len())] })
                .collect();
            let bounds: Vec<usize> = text.split_word_bound_indices().map(|(at, _)| at).chain([text.len()]).collect();
            let spans: Vec<Span> = Words::new(&text).collect();
            let inside = |at: usize| spans.iter().any(|span| span.bytes.contains(&at));
            for (at, c) in text.char_indices() {
                let wanted = !matches!(class(c), Class::Other | Class::Extend);
                assert!(inside(at) || !wanted, "{text:?}: {c:?} at {at} is in no word");
            }
            for span in &spans {
                let crossed = bounds.iter().find(|&&at| at > span.bytes.start && at < span.bytes.end);
                assert_eq!(crossed, None, "{text:?} {span:?}");
                let units =
                    text[..span.bytes.start].encode_utf16().count()..text[..span.bytes.end].encode_utf16().count();
                assert_eq!(span.units, units, "{text:?}");
                let straight = text[span.bytes.clone()].bytes().all(|byte| byte.is_ascii_alphanumeric());
                assert!(straight || !matches!(span.kind, Kind::Lower | Kind::Ascii), "{text:?} {span:?}");
            }
            for pair in spans.windows(2) {
                let gap = pair[0].bytes.end..pair[1].bytes.start;
                let parted = bounds.iter().any(|at| (gap.start..=gap.end).contains(at));
                let gap = &text[gap];
                let tailored = gap.contains('_')
                    || gap.chars().any(|c| !joins_letters(c) && joined("a", c) || !is_apostrophe(c) && joined("1", c));
                assert!(parted || tailored || !is_word(pair[0].kind) || !is_word(pair[1].kind), "{text:?}: {pair:?}");
            }
        }
    }

    /// Whether UAX #29 joins two of these over it.
    fn joined(of: &str, over: char) -> bool {
        format!("{of}{over}{of}").unicode_words().count() == 1
    }

    #[test]
    fn time_is_linear_where_looking_ahead_could_make_it_quadratic() {
        for unit in
            ["a'\u{301}", "1,\u{301}", "'\u{301}", "\u{301}", "א\"", "👨\u{200D}", "🇩", "\u{1100}\u{1161}", "a.", "1;"]
        {
            let text = unit.repeat(300_000);
            assert!(Words::new(&text).map(|span| span.bytes.len()).sum::<usize>() <= text.len());
        }
        let text = format!("a'{}", "\u{301}".repeat(1_000_000));
        assert_eq!(Words::new(&text).count(), 1);
    }
}
