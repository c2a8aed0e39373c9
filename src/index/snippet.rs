//! Which stretch of a text shows why it was found, and what in it is highlighted.
//!
//! Everything is said in offsets into the text, never in HTML: what a page makes of them is safe by construction.

use super::analysis::{Analyser, Wanted};
use super::query::Matching;
use std::ops::Range;

/// Most highlights of a text; what comes later in it is not looked at.
pub const HIGHLIGHTS_MAX: usize = 4_096;

/// Most prefixes and fuzzy words that are looked for: each costs a look at every token.
pub const PATTERNS_MAX: usize = 256;

/// A stretch of a text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snippet {
    /// The stretch, in UTF-16 units of the whole text.
    pub units: Range<usize>,
    /// The same in bytes.
    pub bytes: Range<usize>,
    /// What to highlight in it, in order and apart from each other, in UTF-16 units of the whole text.
    pub highlights: Vec<Range<usize>>,
}

/// A place in bytes and in UTF-16 units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Place {
    bytes: usize,
    units: usize,
}

/// A token that is wanted.
struct Found {
    position: u32,
    start: Place,
    end: Place,
    /// Which word of the query wants it, and as which of its parts.
    word: usize,
    part: usize,
}

/// The stretch of at most so many UTF-16 units that has most of the words, with what matches them in it. Without a match it
/// is the text's beginning. It is cut at words and begins with a sentence where one begins near by; a shorter text is shown whole.
///
/// Takes time in proportion to the text, times the number of prefixes and fuzzy words.
pub fn snippet(text: &str, analyser: &Analyser, words: &[Wanted], units_max: usize) -> Snippet {
    let end = Place { bytes: text.len(), units: text.chars().map(char::len_utf16).sum() };
    let found = find(text, analyser, words);
    let (from, to) = if end.units <= units_max {
        (Place::default(), end)
    } else {
        stretch(text, best(&found, words.len(), units_max), units_max, end)
    };
    let mut highlights: Vec<Range<usize>> = Vec::new();
    for found in found.iter().filter(|found| found.start.units >= from.units && found.start.units < to.units) {
        let end = found.end.units.min(to.units);
        match highlights.last_mut() {
            // Pairs of characters overlap.
            Some(last) if found.start.units < last.end => last.end = last.end.max(end),
            _ => highlights.push(found.start.units..end),
        }
    }
    Snippet { units: from.units..to.units, bytes: from.bytes..to.bytes, highlights }
}

/// All that is wanted in the text, in its order. Of what has several parts, only where all of them are.
fn find(text: &str, analyser: &Analyser, words: &[Wanted]) -> Vec<Found> {
    let mut exact: Vec<(&str, usize, usize)> = Vec::new();
    let mut patterns: Vec<(&str, Matching, usize, usize)> = Vec::new();
    for (word, wanted) in words.iter().enumerate() {
        for (part, wanted) in wanted.parts.iter().enumerate() {
            for (term, how) in &wanted.any {
                match how {
                    Matching::Exact | Matching::Phrase | Matching::PrefixOrFuzzy(_) => exact.push((term, word, part)),
                    how if patterns.len() < PATTERNS_MAX => patterns.push((term, *how, word, part)),
                    _ => {}
                }
            }
        }
    }
    exact.sort_unstable();
    let mut found: Vec<Found> = Vec::new();
    analyser.analyse(text, &mut |token| {
        let first = exact.partition_point(|(term, ..)| *term < token.term);
        let same = exact.iter().skip(first).take_while(|(term, ..)| *term == token.term);
        let same = same.map(|&(_, word, part)| (word, part));
        let near = patterns.iter().filter(|(term, how, ..)| is_match(token.term, term, *how));
        let near = near.map(|&(_, _, word, part)| (word, part));
        for (word, part) in same.chain(near) {
            if found.len() >= HIGHLIGHTS_MAX {
                return;
            }
            let start = Place { bytes: token.bytes.start, units: token.units.start };
            let end = Place { bytes: token.bytes.end, units: token.units.end };
            found.push(Found { position: token.position, start, end, word, part });
        }
    });
    let mut kept = vec![false; found.len()];
    for (word, wanted) in words.iter().enumerate() {
        phrase(&found, word, wanted, &mut kept);
    }
    let mut kept = kept.into_iter();
    found.retain(|_| kept.next() == Some(true));
    found
}

/// Marks what belongs to a whole of all of the word's parts.
fn phrase(found: &[Found], word: usize, wanted: &Wanted, kept: &mut [bool]) {
    // For each part where it is, by the position where the whole would begin; in order, as what was found is.
    let mut places: Vec<Vec<(u32, usize)>> = vec![Vec::new(); wanted.parts.len()];
    for (index, found) in found.iter().enumerate().filter(|(_, found)| found.word == word) {
        if let (Some(part), Some(places)) = (wanted.parts.get(found.part), places.get_mut(found.part)) {
            places.extend(found.position.checked_sub(part.position).map(|start| (start, index)));
        }
    }
    let Some((first, rest)) = places.split_first() else { return };
    let is_at = |places: &[(u32, usize)], start| places.binary_search_by_key(&start, |(start, _)| *start).is_ok();
    let mut wholes: Vec<u32> = first.iter().map(|(start, _)| *start).collect();
    for places in rest {
        wholes.retain(|start| is_at(places, *start));
    }
    for (start, index) in places.iter().flatten() {
        if let (Ok(_), Some(kept)) = (wholes.binary_search(start), kept.get_mut(*index)) {
            *kept = true;
        }
    }
}

/// Whether a term of a text is what is looked for.
fn is_match(term: &str, wanted: &str, how: Matching) -> bool {
    match how {
        Matching::Exact | Matching::Phrase | Matching::PrefixOrFuzzy(_) => term == wanted,
        Matching::Prefix => term.starts_with(wanted),
        Matching::Fuzzy(edits) => is_near(term, wanted, edits.into()),
    }
}

/// Whether at most so many characters have to be inserted, deleted or replaced (Levenshtein).
pub(super) fn is_near(a: &str, b: &str, edits: usize) -> bool {
    // A character has up to 4 bytes.
    if a.len().abs_diff(b.len()) > 4 * edits {
        return false;
    }
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (line, character) in a.chars().enumerate() {
        let (mut diagonal, mut before, mut least) = (line, line + 1, line + 1);
        let mut cells = row.iter_mut();
        if let Some(first) = cells.next() {
            *first = before;
        }
        for (cell, other) in cells.zip(b.chars()) {
            let here = (diagonal + usize::from(character != other)).min(*cell + 1).min(before + 1);
            diagonal = std::mem::replace(cell, here);
            before = here;
            least = least.min(here);
        }
        if least > edits {
            return false;
        }
    }
    row.last().is_some_and(|distance| *distance <= edits)
}

/// The stretch of found tokens, none longer than this, that has most different words, and of these the one with most tokens.
fn best(found: &[Found], words: usize, units_max: usize) -> &[Found] {
    let mut counts = vec![0_usize; words];
    let mut different = 0;
    let mut first = 0;
    let mut best = (0, 0, 0..0);
    for (last, token) in found.iter().enumerate() {
        if let Some(count) = counts.get_mut(token.word) {
            *count += 1;
            different += usize::from(*count == 1);
        }
        while let Some(start) =
            found.get(first).filter(|start| first < last && token.end.units - start.start.units > units_max)
        {
            if let Some(count) = counts.get_mut(start.word) {
                *count -= 1;
                different -= usize::from(*count == 0);
            }
            first += 1;
        }
        if (different, last + 1 - first) > (best.0, best.1) {
            best = (different, last + 1 - first, first..last + 1);
        }
    }
    found.get(best.2).unwrap_or_default()
}

/// A token at whose ends the text may be cut.
struct Cut {
    start: Place,
    end: Place,
    /// Whether a sentence, a line or the text begins with it.
    begins: bool,
}

/// The stretch around these tokens.
fn stretch(text: &str, tokens: &[Found], units_max: usize, end: Place) -> (Place, Place) {
    let first = tokens.first().map_or(Place::default(), |token| token.start);
    let last = tokens.last().map_or(Place::default(), |token| token.end);
    let cuts = cuts(text, first.units.saturating_sub(units_max)..last.units.saturating_add(units_max));

    let room = units_max.saturating_sub(last.units - first.units);
    // Where the text ends soon, what is before gets the room.
    let spare = room.saturating_sub(end.units - last.units);
    let within = |back: usize| {
        cuts.iter().filter(move |cut| cut.start.units <= first.units && first.units - cut.start.units <= back)
    };
    let sentence =
        if spare > room / 2 { within(spare).find(|cut| cut.begins) } else { within(room / 2).rfind(|cut| cut.begins) };
    let from = sentence.or_else(|| within(spare.max(room / 3)).next()).map_or(first, |cut| cut.start);

    let limit = from.units.saturating_add(units_max);
    if end.units <= limit {
        return (from, end);
    }
    let mut words = cuts
        .iter()
        .rev()
        .skip_while(|cut| cut.end.units > limit)
        .take_while(|cut| cut.end.units > from.units)
        .peekable();
    // The first word of another sentence says nothing.
    let lonely = words.peek().is_some_and(|cut| cut.begins && cut.start.units >= last.units.max(from.units + 1));
    let word = words.nth(usize::from(lonely)).map(|cut| cut.end);
    // With the punctuation behind the last word; or, where no word ends, cut within it.
    let goes_on = |character: char| word.is_none() || !character.is_whitespace() && !character.is_alphanumeric();
    let mut to = word.unwrap_or(from);
    for character in text.get(to.bytes..).unwrap_or_default().chars() {
        let next = Place { bytes: to.bytes + character.len_utf8(), units: to.units + character.len_utf16() };
        if next.units > limit || !goes_on(character) {
            break;
        }
        to = next;
    }
    (from, to)
}

/// The words that begin in a range of UTF-16 units.
fn cuts(text: &str, units: Range<usize>) -> Vec<Cut> {
    let mut cuts = Vec::new();
    let mut previous: Option<usize> = None;
    Analyser::PLAIN.analyse(text, &mut |token| {
        let mut start = Place { bytes: token.bytes.start, units: token.units.start };
        let end = Place { bytes: token.bytes.end, units: token.units.end };
        let begins = match previous {
            // With what is before the first word.
            None => {
                if start.units <= MARKS_UNITS_MAX {
                    start = Place::default();
                }
                true
            }
            // Pairs of characters overlap, and no sentence begins between them.
            Some(previous) => text.get(previous..start.bytes).is_some_and(ends_sentence),
        };
        previous = Some(previous.unwrap_or(0).max(end.bytes));
        if units.contains(&token.units.start) {
            cuts.push(Cut { start, end, begins });
        }
    });
    cuts
}

/// How much before a text's first word is shown with it.
const MARKS_UNITS_MAX: usize = 8;

/// Whether this, between two words, is the end of a sentence or line.
fn ends_sentence(between: &str) -> bool {
    // No space follows the wide ones.
    between.contains(['\n', '。', '！', '？', '．', '\u{964}'])
        || between.contains(['.', '!', '?', '…', '\u{61F}', '\u{6D4}']) && between.contains(char::is_whitespace)
}
