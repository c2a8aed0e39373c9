//! Makes the table, from what crates know of Unicode, and holds it against them.
//!
//! When one of them comes with a new version of Unicode, `every_character_is_as_unicode_has_it` fails. Then
//! `HOARDB_WRITE_TABLE=1 cargo test every_character` writes the table again, and the analyser's version rises.

use super::*;
use crate::record::Writer;
use caseless::Caseless;
use unicode_normalization::char::{decompose_compatible, is_combining_mark};
use unicode_segmentation::UnicodeSegmentation;

/// Whether UAX #29 has no boundary at this byte.
fn joined(text: &str, at: usize) -> bool {
    !text.split_word_bound_indices().any(|(start, _)| start == at)
}

/// The class, found out by what the crate joins the character to.
fn class_by_crate(c: char) -> Class {
    let is_han = matches!(c, '\u{2E80}'..='\u{2FDF}' | '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{3029}' | '\u{3038}'..='\u{303B}'
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}');
    let is_hangul = matches!(c, '\u{1100}'..='\u{11FF}' | '\u{3131}'..='\u{318E}' | '\u{A960}'..='\u{A97F}'
        | '\u{AC00}'..='\u{D7FF}' | '\u{FFA0}'..='\u{FFDC}');
    let with_letter = joined(&format!("a{c}"), 1);
    let with_katakana = joined(&format!("カ{c}"), 3);
    if c != '\n' && joined(&format!(",{c}"), 1) {
        Class::Extend
    } else if (is_han || is_hangul) && c.is_alphanumeric() || with_katakana && !with_letter {
        Class::Gram
    } else if with_letter && with_katakana {
        // ExtendNumLet: the underscore and its kind.
        Class::Other
    } else if with_letter && joined(&format!("1,{c}"), 2) {
        // The decimal separator of Arabic and signs over digits are no digits; a word ends there as it does at a point.
        if c.is_numeric() { Class::Number } else { Class::Other }
    } else if with_letter && joined(&format!("{c}\"א"), c.len_utf8()) {
        Class::Hebrew
    } else if with_letter {
        Class::Letter
    } else if matches!(c, '\u{1F1E6}'..='\u{1F1FF}') {
        Class::Picture
    } else if c.is_alphabetic() {
        // What is alphabetic and no ALetter is left to dictionaries.
        Class::Gram
    } else if c >= '\u{231A}' && joined(&format!("\u{200D}{c}"), 3) {
        Class::Picture
    } else {
        Class::Other
    }
}

/// Of what belongs to the character before it.
fn is_dropped(c: char) -> bool {
    match c {
        '\u{FF9E}' | '\u{FF9F}' => false,
        _ if !is_combining_mark(c) => true,
        _ => {
            matches!(c, '\u{300}'..='\u{36F}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5C7}' | '\u{610}'..='\u{61A}' | '\u{64B}'..='\u{65F}'
            | '\u{670}' | '\u{6D6}'..='\u{6ED}' | '\u{8CA}'..='\u{8FF}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}'
            | '\u{20D0}'..='\u{20FF}' | '\u{FE00}'..='\u{FE0F}' | '\u{FE20}'..='\u{FE2F}' | '\u{E0100}'..='\u{E01EF}')
        }
    }
}

/// What does not follow from Unicode's tables.
fn special(c: char) -> Option<String> {
    let folded = match c {
        'Й' | 'й' => "й",
        'Ў' | 'ў' => "ў",
        'Ї' | 'ї' => "ї",
        'ø' | 'Ø' => "o",
        'ł' | 'Ł' => "l",
        'đ' | 'Đ' | 'ð' | 'Ð' => "d",
        'ħ' | 'Ħ' => "h",
        'ŧ' | 'Ŧ' => "t",
        'æ' | 'Æ' => "ae",
        'œ' | 'Œ' => "oe",
        'þ' | 'Þ' => "th",
        'ı' => "i",
        'ی' | 'ى' => "ي",
        'ک' => "ك",
        '\u{640}' => "",
        // Hangul and kana stay composed; compatibility ideographs and radicals are left alone.
        '\u{AC00}'..='\u{D7A3}'
        | '\u{3131}'..='\u{318E}'
        | '\u{FFA0}'..='\u{FFDC}'
        | '\u{3041}'..='\u{30FF}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{2E80}'..='\u{2FDF}'
        | '\u{20000}'..='\u{3FFFF}' => return Some(c.to_string()),
        _ => return None,
    };
    Some(folded.to_owned())
}

fn folded_by_crates(c: char, classes: &[Class]) -> String {
    let class = |c: char| classes[c as usize];
    if matches!(class(c), Class::Other | Class::Picture) {
        return c.to_string();
    }
    let mut text = c.to_string();
    // Decomposing shows marks to drop and letters to fold, and what is folded may decompose.
    for _ in 0..4 {
        let mut decomposed = String::new();
        for c in text.chars() {
            match special(c) {
                Some(special) => decomposed.push_str(&special),
                None => decompose_compatible(c, |c| decomposed.push(c)),
            }
        }
        let keeps = |c: &char| class(*c) != Class::Extend || !is_dropped(*c);
        text = decomposed.chars().filter(keeps).default_case_fold().filter(keeps).collect();
    }
    // What would fall apart, or be lost, stays.
    let lost = text.is_empty() && class(c) != Class::Extend && c != '\u{640}';
    if lost || text.chars().any(|c| class(c) == Class::Other) { c.to_string() } else { text }
}

fn all() -> impl Iterator<Item = char> {
    '\0'..=char::MAX
}

/// Runs of classes: their number; for each its length less one and its class. Then runs of characters that fold alike: their
/// number; three columns, the first two with their lengths: how far the run is from the last one; whether it is every second
/// character, how many it has less one, how many characters each folds to; the differences between these.
fn make(classes: &[Class]) -> Vec<u8> {
    let mut out = Writer::default();
    let runs: Vec<&[Class]> = classes[..TABLE_CHARACTERS].chunk_by(|a, b| a == b).collect();
    out.number(runs.len() as u64);
    for run in runs {
        out.number((run.len() as u64 - 1) << CLASS_BITS | run[0] as u64);
    }

    let foldings: Vec<(u32, Vec<i64>)> = all()
        .filter(|&c| !c.is_ascii() && (c as usize) < TABLE_CHARACTERS)
        .map(|c| (c, folded_by_crates(c, classes)))
        .filter(|(c, text)| *text != c.to_string())
        .map(|(c, text)| (c as u32, text.chars().map(|c| c as i64).collect()))
        .collect();
    let (mut gaps, mut forms, mut texts) = (Writer::default(), Writer::default(), Writer::default());
    let (mut runs, mut last, mut target) = (0, 0, 0_i64);
    let mut rest = &foldings[..];
    while let Some((first, text)) = rest.first() {
        let alike = |stride: u32| {
            let same = |&(place, (c, other)): &(usize, &(u32, Vec<i64>))| {
                let step = place as u32 * stride;
                *c == first + step
                    && text.len() < 2
                    && other.iter().eq(text.iter().map(|c| c + i64::from(step)).collect::<Vec<_>>().iter())
            };
            if text.len() > 1 { 1 } else { rest.iter().enumerate().take_while(same).count() as u32 }
        };
        let (stride, count) = if alike(2) > alike(1) && !text.is_empty() { (2, alike(2)) } else { (1, alike(1)) };
        gaps.number((first - last).into());
        forms.number(u64::from(count - 1) << 4 | u64::from(stride - 1) << 3 | text.len() as u64);
        let mut before = target;
        for c in text {
            let delta = c - before;
            texts.number((delta << 1 ^ delta >> 63) as u64);
            before = *c;
        }
        target = text.first().copied().unwrap_or(target);
        last = first + stride * (count - 1);
        rest = &rest[count as usize..];
        runs += 1;
    }
    out.number(runs);
    for column in [gaps, forms] {
        out.bytes(&column.into_bytes());
    }
    out.fixed(&texts.into_bytes());
    out.into_bytes()
}

#[test]
fn every_character_is_as_unicode_has_it() {
    let mut classes = vec![Class::Other; 0x11_0000];
    for c in all() {
        classes[c as usize] = class_by_crate(c);
    }
    if std::env::var_os("HOARDB_WRITE_TABLE").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/index/analysis/characters.bin");
        return std::fs::write(path, make(&classes)).unwrap();
    }
    assert!(make(&classes) == TABLE, "Unicode has changed; see the top of this file");
    for c in all() {
        // All of planes 2 and 3 is taken to be ideographs, whether assigned or not.
        if !matches!(c, '\u{20000}'..='\u{3FFFF}') {
            assert_eq!(class(c), classes[c as usize], "{c:?}");
        }
        if !c.is_ascii() {
            let expected = folded_by_crates(c, &classes);
            assert_eq!(folded(c).map_or_else(|| c.to_string(), str::to_owned), expected, "{c:?} {:x}", c as u32);
            assert!(expected.len() <= 24 && expected.chars().count() as u64 <= FOLDED_CHARACTERS_MAX);
        }
    }
}

#[test]
fn folding_twice_is_folding_once() {
    for c in all().filter(|c| !c.is_ascii()) {
        for d in folded(c).unwrap_or_default().chars() {
            assert!(folded(d).is_none_or(|again| again == d.to_string()), "{c:?} {d:?}");
            assert!(!d.is_ascii_uppercase());
        }
    }
}
