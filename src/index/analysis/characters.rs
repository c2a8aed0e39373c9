//! What a character is to words, and what it folds to.
//!
//! Both come from one table of 12 KB (5.3 KB after brotli), made of the Unicode Character Database as the crates `unicode-segmentation`,
//! `unicode-normalization` and `caseless` have it. The tests make it and hold it against them, character by character. Linking
//! these crates themselves would take 52 KB after brotli, or 29 with ICU4X's normaliser.

#[cfg(test)]
mod tests;

use crate::record::Reader;
use std::sync::OnceLock;

/// See the tests for its form: runs of classes, then runs of foldings.
static TABLE: &[u8] = include_bytes!("characters.bin");

/// The table covers the planes 0 and 1.
const TABLE_CHARACTERS: usize = 0x2_0000;

/// How many characters one character folds to at most.
const FOLDED_CHARACTERS_MAX: u64 = 8;

/// What a character is to words. After the Word_Break property of UAX #29, as far as words need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Class {
    /// No part of a word, or only between others (`words.rs` knows these).
    Other,
    /// A letter (ALetter).
    Letter,
    /// A Hebrew letter.
    Hebrew,
    /// A digit (Numeric).
    Number,
    /// A mark or format character, which belongs to what is before it (Extend, Format, ZWJ).
    Extend,
    /// A character of a script that is written without spaces between words, or of Hangul.
    Gram,
    /// An emoji or another pictograph, or a regional indicator.
    Picture,
}

impl Class {
    fn from(number: u16) -> Self {
        match number & CLASS_MASK {
            1 => Self::Letter,
            2 => Self::Hebrew,
            3 => Self::Number,
            4 => Self::Extend,
            5 => Self::Gram,
            6 => Self::Picture,
            _ => Self::Other,
        }
    }
}

/// The class; above it the number of the character's folding, 0 if it stays as it is.
const CLASS_MASK: u16 = 7;
const CLASS_BITS: u32 = 3;

/// The table, unpacked.
struct Characters {
    /// By character.
    of: Vec<u16>,
    /// Where each folding ends in `texts`; the folding numbered 0 is empty and nobody's.
    ends: Vec<u32>,
    texts: String,
}

fn characters() -> &'static Characters {
    static CHARACTERS: OnceLock<Characters> = OnceLock::new();
    CHARACTERS.get_or_init(unpack)
}

fn unpack() -> Characters {
    let mut of = Vec::with_capacity(TABLE_CHARACTERS);
    let (mut ends, mut texts) = (vec![0], String::new());
    let mut from = Reader::new(TABLE);
    for _ in 0..from.number() {
        let run = from.number();
        let length = (run >> CLASS_BITS) as usize;
        of.resize((of.len() + length + 1).min(TABLE_CHARACTERS), (run as u16) & CLASS_MASK);
    }
    of.resize(TABLE_CHARACTERS, 0);
    // Three columns: how far from the last run, its form, the characters.
    let runs = from.number();
    let (mut gaps, mut forms) = (Reader::new(from.bytes()), Reader::new(from.bytes()));
    let mut target = 0_i64;
    let mut at = 0_u64;
    for _ in 0..runs {
        at += gaps.number();
        let form = forms.number();
        let (length, stride, repeats) = (form & 7, (form >> 3 & 1) + 1, form >> 4);
        let first = at;
        let mut characters = [0_i64; FOLDED_CHARACTERS_MAX as usize];
        let characters = characters.get_mut(..length as usize).unwrap_or_default();
        let mut last = target;
        for character in &mut *characters {
            let delta = from.number();
            last += (delta >> 1) as i64 ^ -((delta & 1) as i64);
            *character = last;
        }
        target = characters.first().copied().unwrap_or(target);
        for step in 0..=repeats.min(TABLE_CHARACTERS as u64) {
            at = first + step * stride;
            for &character in &*characters {
                texts.extend(u32::try_from(character + (step * stride) as i64).ok().and_then(char::from_u32));
            }
            if let Some(entry) = of.get_mut(at as usize) {
                *entry |= (ends.len() as u16) << CLASS_BITS;
            }
            ends.push(texts.len() as u32);
        }
    }
    Characters { of, ends, texts }
}

/// What a character is to words.
pub fn class(character: char) -> Class {
    match character as usize {
        code @ 0..TABLE_CHARACTERS => Class::from(characters().of.get(code).copied().unwrap_or_default()),
        0x2_0000..0x4_0000 => Class::Gram,
        0xE_0001 | 0xE_0020..=0xE_007F | 0xE_0100..=0xE_01EF => Class::Extend,
        _ => Class::Other,
    }
}

/// What a character folds to; nothing if it stays as it is.
pub fn folded(character: char) -> Option<&'static str> {
    let table = characters();
    let Some(&entry) = table.of.get(character as usize) else {
        return (class(character) == Class::Extend).then_some("");
    };
    match usize::from(entry >> CLASS_BITS) {
        0 => None,
        number => {
            let (start, end) = (*table.ends.get(number - 1)?, *table.ends.get(number)?);
            table.texts.get(start as usize..end as usize)
        }
    }
}
