//! A sorted set of byte strings as a compressed trie (radix tree), laid out depth first.
//!
//! ```text
//! trie   0 or 1: whether the empty string is in the set; nodes
//! node   byte: bit 0 whether a string ends here, bit 1 whether there are children, above them the label's length (63: 63 more
//!        than the number that follows); label; with children: how many strings end below, bytes of the children, the children
//! ```
//!
//! A string is known by its ordinal in the sorted set, which is found by counting what is passed over. Nothing has to be
//! unpacked, a node is only ever inside its parent's bytes, and a label has at least one byte: so whatever the bytes say, a walk
//! goes forward and ends.

use super::bytes::{Cursor, Damage, Read, put, put_bytes};

const LABEL_INLINE_MAX: usize = 63;

/// Writes a trie.
#[derive(Debug)]
pub(super) struct TrieWriter {
    /// The path to the last string; the first is the root.
    open: Vec<Open>,
    last: Vec<u8>,
    strings: u32,
}

/// A node whose children are not complete yet.
#[derive(Debug, Default)]
struct Open {
    /// Length of the string that ends here.
    depth: usize,
    ends: bool,
    below: u32,
    children: Vec<u8>,
}

impl Default for TrieWriter {
    fn default() -> Self {
        Self { open: vec![Open::default()], last: Vec::new(), strings: 0 }
    }
}

impl TrieWriter {
    /// Adds a string that is larger than the one before.
    pub(super) fn insert(&mut self, string: &[u8]) {
        self.strings += 1;
        let shared = self.last.iter().zip(string).take_while(|(a, b)| a == b).count();
        self.close(shared);
        self.last.clear();
        self.last.extend_from_slice(string);
        match self.open.last_mut() {
            Some(node) if node.depth == string.len() => node.ends = true,
            _ => self.open.push(Open { depth: string.len(), ends: true, ..Open::default() }),
        }
    }

    /// How many strings there are.
    pub(super) fn strings(&self) -> u32 {
        self.strings
    }

    /// About how many bytes it takes so far.
    pub(super) fn size(&self) -> usize {
        self.open.iter().map(|node| node.children.len()).sum()
    }

    /// The trie; the writer is as new.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        self.close(0);
        let root = std::mem::take(self).open.pop().unwrap_or_default();
        let mut out = Vec::with_capacity(root.children.len() + 1);
        out.push(root.ends.into());
        out.extend_from_slice(&root.children);
        out
    }

    /// Completes the nodes that lie deeper.
    fn close(&mut self, depth: usize) {
        while self.open.last().is_some_and(|node| node.depth > depth) {
            let Some(node) = self.open.pop() else { return };
            if self.open.last().is_none_or(|parent| parent.depth < depth) {
                self.open.push(Open { depth, ..Open::default() });
            }
            let Some(parent) = self.open.last_mut() else { return };
            let label = self.last.get(parent.depth..node.depth).unwrap_or_default();
            let length = label.len().min(LABEL_INLINE_MAX);
            let (ends, inner) = (u8::from(node.ends), u8::from(node.below > 0));
            parent.children.push(ends | inner << 1 | (length as u8) << 2);
            if length == LABEL_INLINE_MAX {
                put(&mut parent.children, (label.len() - length) as u64);
            }
            parent.children.extend_from_slice(label);
            if node.below > 0 {
                put(&mut parent.children, node.below.into());
                put_bytes(&mut parent.children, &node.children);
            }
            parent.below += node.below + u32::from(node.ends);
        }
    }
}

struct Node<'a> {
    label: &'a [u8],
    ends: bool,
    below: u32,
    children: &'a [u8],
}

impl Node<'_> {
    fn strings(&self) -> u32 {
        self.below.saturating_add(self.ends.into())
    }
}

#[inline(always)]
fn node<'a>(from: &mut Cursor<'a>) -> Read<Node<'a>> {
    let head = from.byte()?;
    let mut length = usize::from(head >> 2);
    if length == LABEL_INLINE_MAX {
        length += from.count()?;
    }
    if length == 0 {
        return Err(Damage("a node of a dictionary has no label"));
    }
    let label = from.take(length)?;
    let (below, children) = if head & 2 == 0 { (0, &[][..]) } else { (from.small()?, from.short()?) };
    Ok(Node { label, ends: head & 1 == 1, below, children })
}

/// Reads a trie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trie<'a> {
    bytes: &'a [u8],
}

impl<'a> Trie<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    fn root(&self) -> Read<(bool, Cursor<'a>)> {
        let mut from = Cursor::new(self.bytes);
        Ok((from.byte()? == 1, from))
    }

    /// The ordinal of the first string that is not smaller, and whether it is this one.
    pub(super) fn find(&self, string: &[u8]) -> Read<(u32, bool)> {
        let (empty, mut from) = self.root()?;
        let Some(mut first) = string.first() else { return Ok((0, empty)) };
        let (mut ordinal, mut rest) = (u32::from(empty), string);
        while !from.is_empty() {
            let node = node(&mut from)?;
            if node.label.first() < Some(first) {
                ordinal = ordinal.saturating_add(node.strings());
            } else if node.label.first() > Some(first) {
                return Ok((ordinal, false));
            } else if let Some(behind) = rest.strip_prefix(node.label) {
                let Some(next) = behind.first() else { return Ok((ordinal, node.ends)) };
                ordinal = ordinal.saturating_add(node.ends.into());
                (from, rest, first) = (Cursor::new(node.children), behind, next);
            } else {
                let passed = if node.label < rest { node.strings() } else { 0 };
                return Ok((ordinal.saturating_add(passed), false));
            }
        }
        Ok((ordinal, false))
    }

    /// The string of an ordinal.
    pub(super) fn nth(&self, ordinal: u32) -> Read<Vec<u8>> {
        let (empty, mut from) = self.root()?;
        let mut string = Vec::new();
        let mut before = ordinal;
        if empty {
            if before == 0 {
                return Ok(string);
            }
            before -= 1;
        }
        while !from.is_empty() {
            let node = node(&mut from)?;
            if before >= node.strings() {
                before -= node.strings();
                continue;
            }
            string.extend_from_slice(node.label);
            if node.ends {
                if before == 0 {
                    return Ok(string);
                }
                before -= 1;
            }
            from = Cursor::new(node.children);
        }
        Err(Damage("a dictionary has fewer strings than it counts"))
    }

    /// All strings in order.
    pub(super) fn walk(&self) -> Read<Walk<'a>> {
        let (empty, from) = self.root()?;
        Ok(Walk { levels: vec![(from, 0)], string: Vec::new(), ordinal: 0, empty })
    }

    /// The strings that begin so, in order.
    pub(super) fn prefixed(&self, prefix: &[u8]) -> Read<Walk<'a>> {
        let (empty, mut from) = self.root()?;
        let mut walk = Walk { levels: Vec::new(), string: Vec::new(), ordinal: u32::from(empty), empty: false };
        let mut rest = prefix;
        if rest.is_empty() {
            return self.walk();
        }
        while !from.is_empty() {
            let here = from.rest();
            let node = node(&mut from)?;
            if let Some(behind) = rest.strip_prefix(node.label).filter(|behind| !behind.is_empty()) {
                walk.ordinal = walk.ordinal.saturating_add(node.ends.into());
                walk.string.extend_from_slice(node.label);
                (from, rest) = (Cursor::new(node.children), behind);
            } else if node.label.starts_with(rest) {
                let length = here.len() - from.rest().len();
                walk.levels.push((Cursor::new(here.get(..length).unwrap_or_default()), walk.string.len()));
                break;
            } else if node.label < rest {
                walk.ordinal = walk.ordinal.saturating_add(node.strings());
            } else {
                break;
            }
        }
        Ok(walk)
    }

    /// Hands over the strings that are at most `edits` insertions, deletions and substitutions of characters away, each with
    /// its ordinal and distance. Of a word longer than [`NEAR_CHARACTERS_MAX`] just the word itself.
    pub(super) fn near(&self, word: &str, edits: u8, is_open: bool, each: &mut dyn FnMut(&[u8], u32, u8)) -> Read<()> {
        let Some(automaton) = Automaton::new(word, edits) else {
            if let (ordinal, true) = self.find(word.as_bytes())? {
                each(word.as_bytes(), ordinal, 0);
            }
            return Ok(());
        };
        let (empty, from) = self.root()?;
        let mut string: Vec<u8> = Vec::new();
        let mut ordinal = u32::from(empty);
        let start = automaton.start();
        if let Some(distance) = automaton.accepts(&start).filter(|_| empty) {
            each(&string, 0, distance);
        }
        // The least distance of any beginning so far.
        let least = |least: Option<u8>, state: &State| match automaton.accepts(state).filter(|_| is_open) {
            Some(distance) => Some(least.map_or(distance, |least| least.min(distance))),
            None => least,
        };
        let begun = least(None, &start);
        let mut levels = vec![Level { from, depth: 0, whole: 0, state: start, begun, end: u32::MAX }];
        while let Some(level) = levels.last_mut() {
            let Some(node) = level.next(&automaton, &mut ordinal)? else {
                levels.pop();
                continue;
            };
            let &mut Level { depth, mut whole, mut state, mut begun, .. } = level;
            let end = ordinal.saturating_add(node.strings());
            string.truncate(depth);
            // Plain letters are looked at where they lie: most nodes end here.
            let mut letters = if whole == depth { node.label.iter() } else { [].iter() };
            let mut passed = 0;
            while state.last() != Some(&0)
                && let Some(&letter) = letters.next().filter(|letter| letter.is_ascii())
            {
                passed += 1;
                automaton.step(&mut state, letter.into());
                begun = least(begun, &state);
            }
            if state.last() == Some(&0) && begun.is_none() {
                ordinal = end;
                continue;
            }
            whole += passed;
            string.extend_from_slice(node.label);
            while state.last() != Some(&0)
                && let Some(character) = first_character(string.get(whole..).unwrap_or_default())?
            {
                whole += character.len_utf8();
                automaton.step(&mut state, character);
                begun = least(begun, &state);
            }
            if state.last() == Some(&0) && begun.is_none() {
                ordinal = end;
                continue;
            }
            if node.ends {
                let ended = || automaton.accepts(&state).filter(|_| whole == string.len());
                if let Some(distance) = begun.or_else(ended) {
                    each(&string, ordinal, distance);
                }
                ordinal = ordinal.saturating_add(1);
            }
            levels.push(Level { from: Cursor::new(node.children), depth: string.len(), whole, state, begun, end });
        }
        Ok(())
    }
}

/// The nodes below a path that leads to something near.
struct Level<'a> {
    /// Those not looked at yet.
    from: Cursor<'a>,
    /// The path's length, and that of its whole characters.
    depth: usize,
    whole: usize,
    state: State,
    /// The least distance of any of its beginnings.
    begun: Option<u8>,
    /// The ordinal behind all that is below.
    end: u32,
}

impl<'a> Level<'a> {
    /// The next node below which there may be something near. Once all edits are used up just a few letters can follow, and most nodes
    /// that there are to look at lie there: they are passed over by their first letter.
    #[inline(always)]
    fn next(&mut self, automaton: &Automaton, ordinal: &mut u32) -> Read<Option<Node<'a>>> {
        let is_narrow = self.whole == self.depth && self.begun.is_none() && automaton.is_spent(&self.state);
        let highest = if is_narrow { automaton.highest(&self.state) } else { u8::MAX };
        while !self.from.is_empty() {
            let node = node(&mut self.from)?;
            let Some(&first) = node.label.first().filter(|_| is_narrow) else { return Ok(Some(node)) };
            if first > highest {
                *ordinal = self.end;
                return Ok(None);
            }
            if automaton.takes(&self.state, first) {
                return Ok(Some(node));
            }
            *ordinal = ordinal.saturating_add(node.strings());
        }
        Ok(None)
    }
}

/// The longest word of which near strings are found: 63 characters.
const NEAR_CHARACTERS_MAX: usize = 63;

/// Bit n of number e: the word's first n characters are at most e edits from what was read. Of two edits at most, so three
/// numbers; those above the distance that is asked for follow the last.
type State = [u64; 3];

/// The Levenshtein automaton of a word, simulated by bits (Wu and Manber 1992). The last number of a state is zero when nothing
/// can be near any more.
struct Automaton {
    word: Vec<char>,
    edits: u8,
    /// Where each ASCII character is in the word: bit n + 1 for place n.
    ascii: [u64; 128],
    /// The bits that count.
    bits: u64,
}

impl Automaton {
    fn new(word: &str, edits: u8) -> Option<Self> {
        let word: Vec<char> = word.chars().collect();
        if word.len() > NEAR_CHARACTERS_MAX {
            return None;
        }
        let mut ascii = [0; 128];
        for (at, &letter) in word.iter().enumerate() {
            if let Some(places) = ascii.get_mut(letter as usize) {
                *places |= 2 << at;
            }
        }
        let bits = u64::MAX >> (NEAR_CHARACTERS_MAX - word.len());
        Some(Self { word, edits: edits.min(2), ascii, bits })
    }

    fn start(&self) -> State {
        self.limited([1, 3, 7])
    }

    #[inline(always)]
    fn limited(&self, [none, one, two]: State) -> State {
        let (one, two) = match self.edits {
            0 => (none, none),
            1 => (one, one),
            _ => (one, two),
        };
        [none & self.bits, one & self.bits, two & self.bits]
    }

    /// Whether no edit is left: only the word's own characters can follow.
    #[inline(always)]
    fn is_spent(&self, [none, one, _]: &State) -> bool {
        match self.edits {
            0 => true,
            1 => *none == 0,
            _ => *one == 0,
        }
    }

    /// Of what has no edit left: whether a character that begins with this byte can follow. Of a byte that is not ASCII that is not known.
    #[inline(always)]
    fn takes(&self, [.., last]: &State, first: u8) -> bool {
        self.ascii.get(usize::from(first)).is_none_or(|places| last << 1 & places & self.bits != 0)
    }

    /// Of what has no edit left: no character that can follow begins with a greater byte.
    #[inline(always)]
    fn highest(&self, [.., last]: &State) -> u8 {
        let mut highest = 0;
        let mut rest = *last;
        while rest != 0 {
            if let Some(&letter) = self.word.get(rest.trailing_zeros() as usize) {
                highest = highest.max(u8::try_from(letter).ok().filter(u8::is_ascii).unwrap_or(u8::MAX));
            }
            rest &= rest - 1;
        }
        highest
    }

    #[inline(always)]
    fn step(&self, state: &mut State, character: char) {
        let places = match self.ascii.get(character as usize) {
            Some(&places) => places,
            None => (0..)
                .zip(&self.word)
                .filter(|(_, letter)| **letter == character)
                .fold(0, |sum, (at, _)| sum | 2_u64 << at),
        };
        let [none, one, two] = *state;
        // The same character; or one too many, another one, or one too few after an edit less.
        let to_none = none << 1 & places;
        let to_one = one << 1 & places | none | none << 1 | to_none << 1;
        let to_two = two << 1 & places | one | one << 1 | to_one << 1;
        *state = self.limited([to_none, to_one, to_two]);
    }

    /// The distance of what was read, if it is near.
    fn accepts(&self, state: &State) -> Option<u8> {
        let [none, one, two] = *state;
        let whole = 1 << self.word.len();
        if none & whole != 0 {
            Some(0)
        } else if one & whole != 0 {
            Some(1)
        } else {
            (two & whole != 0).then_some(2)
        }
    }
}

/// The first character; none if it is not complete.
fn first_character(bytes: &[u8]) -> Read<Option<char>> {
    let Some(&first) = bytes.first() else { return Ok(None) };
    if first < 0x80 {
        return Ok(Some(first.into()));
    }
    let length = if first < 0xE0 {
        2
    } else if first < 0xF0 {
        3
    } else {
        4
    };
    let Some(bytes) = bytes.get(..length) else { return Ok(None) };
    let text = std::str::from_utf8(bytes).map_err(|_| Damage("a term is no UTF-8"))?;
    Ok(text.chars().next())
}

/// Strings of a trie, one after the other.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    /// What is left of each level, and the length of the string above it.
    levels: Vec<(Cursor<'a>, usize)>,
    string: Vec<u8>,
    ordinal: u32,
    empty: bool,
}

impl Walk<'_> {
    /// Goes on to the next string; returns its ordinal.
    pub(super) fn next(&mut self) -> Read<Option<u32>> {
        let mut found = std::mem::take(&mut self.empty);
        while !found {
            let Some((from, depth)) = self.levels.last_mut() else { return Ok(None) };
            if from.is_empty() {
                self.levels.pop();
                continue;
            }
            let node = node(from)?;
            self.string.truncate(*depth);
            self.string.extend_from_slice(node.label);
            if !node.children.is_empty() {
                self.levels.push((Cursor::new(node.children), self.string.len()));
            }
            found = node.ends;
        }
        let ordinal = self.ordinal;
        self.ordinal = ordinal.saturating_add(1);
        Ok(Some(ordinal))
    }

    /// The string that it is at.
    pub(super) fn string(&self) -> &[u8] {
        &self.string
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn words(random: &mut fastrand::Rng) -> BTreeSet<String> {
        let letters = ["a", "b", "é", "語", "詩", "\u{10FFFF}"];
        let long = random.bool().then(|| "long".repeat(20));
        (0..random.usize(..60))
            .map(|_| (0..random.usize(..7)).map(|_| letters[random.usize(..letters.len())]).collect::<String>())
            .chain(long)
            .collect()
    }

    fn trie(words: &BTreeSet<String>) -> Vec<u8> {
        let mut writer = TrieWriter::default();
        words.iter().for_each(|word| writer.insert(word.as_bytes()));
        writer.finish()
    }

    /// The textbook's recursion, by rows.
    fn distance(a: &str, b: &str) -> usize {
        let b: Vec<char> = b.chars().collect();
        let mut row: Vec<usize> = (0..=b.len()).collect();
        for (i, x) in a.chars().enumerate() {
            let mut diagonal = std::mem::replace(&mut row[0], i + 1);
            for (j, &y) in b.iter().enumerate() {
                let cell = (diagonal + usize::from(x != y)).min(row[j] + 1).min(row[j + 1] + 1);
                diagonal = std::mem::replace(&mut row[j + 1], cell);
            }
        }
        row[b.len()]
    }

    #[test]
    fn everything_is_found_by_name_ordinal_prefix_and_distance() {
        let mut random = fastrand::Rng::with_seed(4);
        for _ in 0..300 {
            let words = words(&mut random);
            let bytes = trie(&words);
            let trie = Trie::new(&bytes);
            let mut walk = trie.walk().unwrap();
            for (ordinal, word) in (0..).zip(&words) {
                assert_eq!(walk.next(), Ok(Some(ordinal)));
                assert_eq!(walk.string(), word.as_bytes());
                assert_eq!(trie.nth(ordinal), Ok(word.as_bytes().to_vec()));
            }
            assert_eq!(walk.next(), Ok(None));
            assert!(trie.nth(words.len() as u32).is_err());
            for probe in self::words(&mut random).iter().chain(&words) {
                let smaller = words.range::<String, _>(..probe).count() as u32;
                assert_eq!(trie.find(probe.as_bytes()), Ok((smaller, words.contains(probe))), "{probe} {words:?}");
                let mut walk = trie.prefixed(probe.as_bytes()).unwrap();
                for (ordinal, _) in (0..).zip(&words).filter(|(_, word)| word.starts_with(probe)) {
                    assert_eq!(walk.next(), Ok(Some(ordinal)));
                }
                assert_eq!(walk.next(), Ok(None));
                for edits in 0..=2 {
                    let mut near = Vec::new();
                    trie.near(probe, edits, false, &mut |word, ordinal, distance| {
                        near.push((String::from_utf8(word.to_vec()).unwrap(), ordinal, distance));
                    })
                    .unwrap();
                    let mut begun = Vec::new();
                    trie.near(probe, edits, true, &mut |word, _, distance| {
                        begun.push((String::from_utf8(word.to_vec()).unwrap(), distance));
                    })
                    .unwrap();
                    let least = |word: &str| {
                        let ends = word.char_indices().map(|(at, _)| at).chain([word.len()]);
                        ends.map(|end| distance(probe, &word[..end])).min().unwrap() as u8
                    };
                    let expected: Vec<_> = words.iter().map(|word| (word.clone(), least(word))).collect();
                    let expected: Vec<_> = expected.into_iter().filter(|(_, distance)| *distance <= edits).collect();
                    assert_eq!(begun, expected, "{probe} within {edits} of a beginning in {words:?}");
                    let expected: Vec<_> = (0..)
                        .zip(&words)
                        .map(|(ordinal, word)| (word.clone(), ordinal, distance(probe, word) as u8))
                        .filter(|(.., distance)| *distance <= edits)
                        .collect();
                    assert_eq!(near, expected, "{probe} within {edits} in {words:?}");
                }
            }
        }
    }

    #[test]
    fn damaged_bytes_end_as_an_error_or_as_other_strings() {
        let mut random = fastrand::Rng::with_seed(5);
        for _ in 0..2000 {
            let mut bytes = trie(&words(&mut random));
            for _ in 0..=random.usize(..3) {
                let at = random.usize(..bytes.len());
                bytes[at] = random.u8(..);
            }
            bytes.truncate(random.usize(..=bytes.len()));
            let trie = Trie::new(&bytes);
            let _ = (trie.find(b"ab"), trie.nth(3), trie.near("ab", 2, random.bool(), &mut |_, _, _| {}));
            for walk in [trie.walk(), trie.prefixed(b"a")] {
                let Ok(mut walk) = walk else { continue };
                let most = (0..).take_while(|_| matches!(walk.next(), Ok(Some(_)))).count();
                assert!(most <= bytes.len());
            }
        }
    }
}
