//! Folding: what is the same to people who search becomes the same term.
//!
//! - Case, by full case folding: `ß` is `ss`, `ς` is `σ`. `İ` and `ı` are `i`, as in Lucene's ASCIIFoldingFilter: no language's own
//!   rule would do for a text in another.
//! - Compatibility forms, by NFKD: fullwidth and halfwidth forms, ligatures, presentation forms, styled letters.
//! - Accents: marks are dropped in the scripts where people leave them out when they type (Latin, Greek, Cyrillic, Arabic,
//!   Hebrew), and so are format characters, the joiners and selectors of emoji, and Arabic's tatweel. Marks that make
//!   a letter of their own stay: all those of Devanagari, Thai and their kind, the voicing of kana, `й`, `ў` and `ї`; `ё` is `е`.
//! - Letters that do not decompose but are typed so: `ø` `ł` `đ` `ħ` `ŧ` `æ` `œ` `ð` `þ` as in ASCIIFoldingFilter, `ی` and `ى` as `ي` and `ک` as `ك`.
//! - The apostrophe: an elided article (`l'`, `qu'`, `dell'`) and a possessive `'s` go, another apostrophe is left out.
//!
//! Not folded: CJK's compatibility ideographs and radicals (3 KB of table for what is rarely met). Hangul is composed, so are kana.

use super::TERM_BYTES_MAX;
use super::characters::folded;
use super::words::{Kind, is_apostrophe};

/// Holds the term that is being made.
#[derive(Debug, Default)]
pub(super) struct Folder {
    term: String,
}

/// What an article loses its vowel to: French, Italian, Catalan.
const ELIDED: [&str; 22] = [
    "l", "d", "c", "j", "m", "n", "s", "t", "v", "qu", "jusqu", "lorsqu", "puisqu", "quoiqu", "un", "dell", "all",
    "dall", "nell", "sull", "coll", "quell",
];

impl Folder {
    /// As if this had been folded.
    pub fn holding(term: &str) -> Self {
        Self { term: term.to_owned() }
    }

    /// The term.
    pub fn term(&self) -> &str {
        &self.term
    }

    /// Makes it empty.
    pub fn clear(&mut self) {
        self.term.clear();
    }

    /// Puts another in its place.
    pub fn replace(&mut self, term: &str) {
        self.term.clear();
        self.term.push_str(term);
    }

    /// Folds a word.
    pub fn fold(&mut self, word: &str, kind: Kind) {
        self.term.clear();
        if kind == Kind::Lower || kind == Kind::Ascii {
            // A long word is ASCII here, so any place is between two characters.
            self.term.push_str(word.get(..TERM_BYTES_MAX).unwrap_or(word));
            if kind == Kind::Ascii {
                self.term.make_ascii_lowercase();
            }
            return;
        }
        let mut apostrophe = false;
        for character in word.chars() {
            // One character folds to 24 bytes at most.
            if self.term.len() >= TERM_BYTES_MAX {
                break;
            }
            if character.is_ascii_alphanumeric() {
                self.term.push(character.to_ascii_lowercase());
            } else if is_apostrophe(character) {
                // Only the first one elides.
                if !apostrophe && ELIDED.contains(&&*self.term) {
                    self.term.clear();
                }
                apostrophe = true;
            } else if !self.compose(character) {
                match folded(character) {
                    Some(folded) => self.term.push_str(folded),
                    // Points between letters, as in Catalan and Hebrew.
                    None if kind == Kind::Word && is_dropped_between(character) => {}
                    None => self.term.push(character),
                }
            }
        }
        if apostrophe {
            let mut end = word.chars().rev();
            if matches!(end.next(), Some('s' | 'S')) && end.next().is_some_and(is_apostrophe) && self.term.len() > 1 {
                self.term.pop();
            }
        }
        while self.term.len() > TERM_BYTES_MAX {
            self.term.pop();
        }
    }

    /// Joins a character to the last one if they make one letter that stays a letter of its own.
    fn compose(&mut self, mark: char) -> bool {
        let Some(base) = self.term.chars().next_back() else { return false };
        let composed = match (base, mark) {
            ('и', '\u{306}') => Some('й'),
            ('у', '\u{306}') => Some('ў'),
            ('і', '\u{308}') => Some('ї'),
            (_, '\u{3099}' | '\u{FF9E}') => voiced(base, false),
            (_, '\u{309A}' | '\u{FF9F}') => voiced(base, true),
            (_, '\u{1161}'..='\u{1175}' | '\u{11A8}'..='\u{11C2}') => syllable(base, mark),
            _ => None,
        };
        if let Some(composed) = composed {
            self.term.pop();
            self.term.push(composed);
        }
        composed.is_some()
    }
}

/// Between letters these are part of the word, but not of the term.
fn is_dropped_between(character: char) -> bool {
    matches!(character, '"' | '·' | '\u{387}' | '\u{55F}' | '\u{5F4}' | '\u{2027}')
}

/// か and が, は and ぱ: the voiced letter comes after the plain one, the half voiced after that. Katakana lie 96 behind hiragana.
fn voiced(base: char, half: bool) -> Option<char> {
    let code = base as u32;
    let hiragana = if matches!(base, 'ァ'..='ヶ') { code - 0x60 } else { code };
    let offset = match (char::from_u32(hiragana)?, half) {
        ('は' | 'ひ' | 'ふ' | 'へ' | 'ほ', half) => 1 + u32::from(half),
        ('う', false) => 0x4E,
        ('か'..='ぢ', false) if hiragana % 2 == 1 => 1,
        ('つ' | 'て' | 'と', false) => 1,
        _ => return None,
    };
    char::from_u32(code + offset)
}

/// Hangul's arithmetic (The Unicode Standard, 3.12): leading consonant and vowel, or that syllable and a trailing consonant.
fn syllable(base: char, jamo: char) -> Option<char> {
    let (base, jamo) = (base as u32, jamo as u32);
    match (base, jamo) {
        (0x1100..=0x1112, 0x1161..=0x1175) => char::from_u32(0xAC00 + ((base - 0x1100) * 21 + jamo - 0x1161) * 28),
        (0xAC00..=0xD7A3, 0x11A8..=0x11C2) if (base - 0xAC00) % 28 == 0 => char::from_u32(base + jamo - 0x11A7),
        _ => None,
    }
}
