//! What the tests share: terms of a text, and random text.

use fastrand::Rng;
use hoardb::index::analysis::{Analyser, Shape, Wanted};
use hoardb::index::{Matching, Word};

/// A token that owns its term.
#[derive(Debug, Clone, PartialEq)]
pub struct Owned {
    pub term: String,
    pub position: u32,
    pub bytes: std::ops::Range<usize>,
    pub units: std::ops::Range<usize>,
    pub shape: Shape,
}

pub fn tokens(analyser: Analyser, text: &str) -> (Vec<Owned>, u32) {
    let mut tokens = Vec::new();
    let positions = analyser.analyse(text, &mut |token| {
        tokens.push(Owned {
            term: token.term.to_owned(),
            position: token.position,
            bytes: token.bytes,
            units: token.units,
            shape: token.shape,
        });
    });
    (tokens, positions)
}

pub fn terms(analyser: Analyser, text: &str) -> String {
    tokens(analyser, text).0.into_iter().map(|token| token.term).collect::<Vec<_>>().join(" ")
}

/// By the plain analyser.
pub fn plain(text: &str) -> String {
    terms(Analyser::PLAIN, text)
}

pub fn word(text: &str, how: Matching) -> Word {
    Word { text: text.to_owned(), how }
}

fn is_match(term: &str, wanted: &str, how: Matching) -> bool {
    match how {
        Matching::Phrase | Matching::PrefixOrFuzzy(_) => panic!("a part is not {how:?}"),
        Matching::Exact => term == wanted,
        Matching::Prefix => term.starts_with(wanted),
        Matching::Fuzzy(edits) => {
            // The whole table, to be sure.
            let (a, b): (Vec<char>, Vec<char>) = (term.chars().collect(), wanted.chars().collect());
            let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
            for (i, j) in (0..=a.len()).flat_map(|i| (0..=b.len()).map(move |j| (i, j))) {
                table[i][j] = match (i, j) {
                    (0, n) | (n, 0) => n,
                    _ => (table[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]))
                        .min(table[i - 1][j] + 1)
                        .min(table[i][j - 1] + 1),
                };
            }
            table[a.len()][b.len()] <= usize::from(edits)
        }
    }
}

/// Where in a text a wanted word begins, by looking everywhere.
pub fn places(tokens: &[Owned], wanted: &Wanted) -> Vec<u32> {
    let fits = |start: u32| {
        wanted.parts.iter().all(|part| {
            tokens.iter().any(|token| {
                token.position == start + part.position
                    && part.any.iter().any(|(term, how)| is_match(&token.term, term, *how))
            })
        })
    };
    let mut starts: Vec<u32> = tokens.iter().map(|token| token.position).collect();
    starts.dedup();
    starts.retain(|start| !wanted.parts.is_empty() && fits(*start));
    starts
}

/// Whether a text has what is looked for.
pub fn finds(analyser: Analyser, text: &str, looked_for: &Word) -> bool {
    !places(&tokens(analyser, text).0, &analyser.wanted(looked_for)).is_empty()
}

/// Pieces whose joints are where segmentation, folding and the syntax decide.
const PIECES: [&str; 74] = [
    "a",
    "B",
    "word",
    "Word",
    "É",
    "e\u{301}",
    "ß",
    "ẞ",
    "İ",
    "ı",
    "σς",
    "Ω",
    "й",
    "и\u{306}",
    "Ё",
    "1",
    "23",
    "3.14",
    "1,000",
    ".",
    ",",
    ";",
    ":",
    "'",
    "\u{2019}",
    "_",
    "-",
    "·",
    "\"",
    "א",
    "ב\"ג",
    "\u{5D0}\u{5B8}",
    "ع",
    "عَ",
    "\u{640}",
    "中",
    "文字",
    "ひ",
    "カ",
    "ガ",
    "ｶﾞ",
    "か\u{3099}",
    "한",
    "국",
    "ᄒ\u{1161}\u{11AB}",
    "ไ",
    "ท",
    "ก\u{E33}",
    "न",
    "म\u{93F}",
    "क्\u{200D}ष",
    "👍",
    "👍🏽",
    "👨\u{200D}👩\u{200D}👧",
    "🇩🇪",
    "❤\u{FE0F}",
    "\u{200D}",
    "\u{301}",
    "\u{FE0F}",
    "\u{FEFF}",
    "\u{0}",
    "\n",
    "\t",
    "\u{3000}",
    "𝗯𝗼",
    "ﬁ",
    "½",
    "ﷺ",
    "Ａ１",
    "\u{10FFFF}",
    "l'",
    "'s",
    "\u{AD}",
    "\u{202E}",
];

/// Random text, of pieces, of any characters, or of ASCII.
pub fn random_text(rng: &mut Rng, pieces_max: usize) -> String {
    let style = rng.u8(..4);
    let mut text = String::new();
    for _ in 0..rng.usize(..=pieces_max) {
        match style {
            0 => text.push(rng.char(..)),
            1 => text.push(char::from(rng.u8(b' '..0x7F))),
            2 => text.push_str(PIECES[rng.usize(..PIECES.len())]),
            _ => {
                text.push_str(PIECES[rng.usize(..PIECES.len())]);
                if rng.bool() {
                    text.push(' ');
                }
            }
        }
    }
    text
}
