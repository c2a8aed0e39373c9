//! What became of words lately: a few thousand words are most of any text, and a stemmer takes ten times as long as everything else.
//!
//! A table of fixed size, in which a word has one place: another word with the same place takes it over.

use super::fold::Folder;
use std::cell::RefCell;

/// Longer words and terms are not kept.
const BYTES_MAX: usize = 15;

/// 132 KB.
const SLOTS: usize = 4_096;

/// Filled up with NULs, of which words have none.
type Short = [u8; BYTES_MAX];

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// Which analyser; 0 is none.
    rules: u8,
    word: Short,
    term: Short,
}

thread_local! {
    static SLOTS_OF_THREAD: RefCell<Vec<Slot>> = const { RefCell::new(Vec::new()) };
}

/// Makes the folder's word its term, by what is remembered or as `make` does it. Each `make` has its own number, above 0.
pub(super) fn remembered(rules: u8, folder: &mut Folder, make: impl FnOnce(&mut Folder)) {
    let Some(word) = short(folder.term()) else { return make(folder) };
    let place = place(rules, &word);
    let known = SLOTS_OF_THREAD.try_with(|slots| {
        let slots = slots.try_borrow().ok()?;
        slots.get(place).filter(|slot| slot.rules == rules && slot.word == word).map(|slot| slot.term)
    });
    if let Ok(Some(term)) = known {
        let length = term.iter().position(|byte| *byte == 0).unwrap_or(BYTES_MAX);
        return folder.replace(std::str::from_utf8(term.get(..length).unwrap_or_default()).unwrap_or_default());
    }
    make(folder);
    let Some(term) = short(folder.term()) else { return };
    // Where there is no memory for it any more, nothing is remembered.
    let _ = SLOTS_OF_THREAD.try_with(|slots| {
        if let Ok(mut slots) = slots.try_borrow_mut() {
            slots.resize(SLOTS, Slot::default());
            if let Some(slot) = slots.get_mut(place) {
                *slot = Slot { rules, word, term };
            }
        }
    });
}

fn short(text: &str) -> Option<Short> {
    let mut short = Short::default();
    short.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
    Some(short)
}

/// FNV-1a.
fn place(rules: u8, word: &Short) -> usize {
    let hash = word
        .iter()
        .fold(0x811C_9DC5 ^ u32::from(rules), |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    (hash >> 16 ^ hash) as usize % SLOTS
}
