//! Stored parts are damaged; whatever is done with them ends, and takes no more memory than the bytes allow.
//!
//! [`play`] does to them what an accident can do, from a seed. [`fuzz`] does anything to them, for a while.

use super::questions::question;
use super::shelf::Shelf;
use super::story::Story;
use super::words::schema;
use fastrand::Rng;
use hoardb::index::{Analysers, Answer, Check, Entry, Index, Merge, PartId, Suggest, Work, build};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Asks for parts more often than this, and it is asked for ever.
const ROUNDS_MAX: usize = 2000;

/// Memory that a byte of a part may become: an entry of one bit has a session's numbers and those of its fields.
const MEMORY_OF_BYTE_MAX: usize = 256;

/// Whoever is at one seed for so long is there for ever. They take milliseconds.
const SEED_SECONDS_MAX: u64 = 120;

pub fn play(seed: u64) {
    let mut story = story(seed);
    let random = &mut story.random;
    let parts = story.shelf.parts();
    let ids: Vec<PartId> = parts.keys().copied().collect();
    for _ in 0..=random.usize(..3) {
        let bytes = parts.get_mut(&ids[random.usize(..ids.len())]).unwrap();
        if bytes.is_empty() {
            continue;
        }
        let at = random.usize(..bytes.len());
        match random.u8(..8) {
            0 => bytes.truncate(at),
            1 => bytes.extend_from_slice(&[0x80, 1]),
            2 => bytes[at] = random.u8(..),
            _ => bytes[at] ^= 1 << random.u32(..8),
        }
    }
    walk(&mut story.random, &mut story.shelf, &[]);
}

fn story(seed: u64) -> Story {
    let mut story = Story::new(seed);
    for _ in 0..story.random.usize(1..12) {
        story.write();
    }
    if story.random.bool() {
        story.merge();
    }
    story
}

/// Mutates, truncates, splices and replaces parts of any kind until the time is over.
pub fn fuzz(first: u64, seconds: f64, large: &[Entry]) {
    // A segment of which each stream has parts of its own.
    let large = build(1_000_000, schema(), &Analysers, large, &[]).unwrap();
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let (at, done) = (AtomicU64::new(first), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (mut seed, mut since) = (first, Instant::now());
            while !done.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(50));
                if seed != at.load(Ordering::Relaxed) {
                    (seed, since) = (at.load(Ordering::Relaxed), Instant::now());
                }
                if since.elapsed().as_secs() > SEED_SECONDS_MAX {
                    eprintln!("seed {seed} does not end");
                    std::process::abort();
                }
            }
        });
        let mut seed = first;
        while Instant::now() < end {
            at.store(seed, Ordering::Relaxed);
            let failed = std::panic::catch_unwind(|| {
                let mut story = story(seed);
                if seed.is_multiple_of(64) {
                    story.shelf = Shelf::default();
                    story.shelf.put(1_000_000, large.clone());
                }
                let before: Vec<Vec<u8>> = story.shelf.parts().values().cloned().collect();
                for _ in 0..=story.random.usize(..4) {
                    harm(&mut story.random, &mut story.shelf, &before);
                }
                let entries: Vec<Entry> = story.model.entries.values().map(|known| known.entry.clone()).collect();
                walk(&mut story.random, &mut story.shelf, &entries);
            })
            .is_err();
            if failed {
                done.store(true, Ordering::Relaxed);
                panic!("seed {seed} fails; replay: HOARDB_SEED={seed} cargo test --test index any_bytes");
            }
            seed += 1;
        }
        done.store(true, Ordering::Relaxed);
        println!("{} shelves of damaged parts", seed - first);
    });
}

/// Does something to a part.
fn harm(random: &mut Rng, shelf: &mut Shelf, before: &[Vec<u8>]) {
    let parts = shelf.parts();
    let ids: Vec<PartId> = parts.keys().copied().collect();
    let bytes = parts.get_mut(&ids[random.usize(..ids.len())]).unwrap();
    if bytes.is_empty() || random.u8(..24) == 0 {
        *bytes = (0..random.usize(..400)).map(|_| random.u8(..)).collect();
        return;
    }
    let at = random.usize(..bytes.len());
    let most = 1 << random.u32(..12);
    let end = (at + 1 + random.usize(..most)).min(bytes.len());
    let telling = [0, 1, 2, 3, 0x7F, 0x80, 0xFE, 0xFF];
    match random.u8(..9) {
        0 => bytes.truncate(at),
        1 => drop(bytes.drain(at..end)),
        2 => bytes[at..end].fill_with(|| random.u8(..)),
        3 => bytes[at] = telling[random.usize(..telling.len())],
        // A number of many bytes in the place of a small one.
        4 => drop(bytes.splice(at..=at, (0..random.usize(1..10)).map(|_| 0x80 | random.u8(..)).chain([1]))),
        5 => bytes[at] = bytes[at].wrapping_add(if random.bool() { 1 } else { 255 }),
        6 => {
            // What is right somewhere else.
            let other = &before[random.usize(..before.len())];
            let start = random.usize(..=other.len());
            let stop = (start + random.usize(..most)).min(other.len());
            drop(bytes.splice(at..end, other[start..stop].iter().copied()));
        }
        _ => bytes[at] ^= 1 << random.u32(..8),
    }
}

/// Does with a shelf whatever is done with an index.
fn walk(random: &mut Rng, shelf: &mut Shelf, entries: &[Entry]) {
    let mut index = Index::new(schema().clone());
    for segment in shelf.segments() {
        let _ = index.add(segment, shelf.part(segment, 0));
    }
    for _ in 0..6 {
        let search = question(random);
        let found = answer(shelf, &mut index, |index| index.search(&search, &Analysers).unwrap());
        let entries = index.figures().entries;
        assert!(found.total <= entries, "{} found of {entries}: {search:?}", found.total);
    }
    for text in ["", "c", "dog", "日"] {
        let suggest = Suggest { text: text.into(), fields: vec![], limit: 8, edits: 1 };
        answer(shelf, &mut index, |index| index.suggest(&suggest).unwrap());
    }
    let bytes: usize = shelf.parts().values().map(Vec::len).sum();
    assert!(index.memory() <= bytes * MEMORY_OF_BYTE_MAX + (64 << 10), "{} of {bytes}", index.memory());
    let numbers: Vec<u64> = index.figures().segments.iter().map(|segment| segment.number).collect();
    let mut merge = Merge::new(numbers);
    let mut merged = 0;
    work(shelf, &mut index, |index| {
        let step = merge.step(index);
        merged += merge.take_parts().iter().map(|part| part.bytes.len()).sum::<usize>();
        step
    });
    assert!(merged <= bytes * MEMORY_OF_BYTE_MAX, "{merged} of {bytes}");
    let mut check = Check::new();
    work(shelf, &mut index, |index| check.step(index));
    check.expect(&index, entries, &Analysers).unwrap();
    let _ = check.orphans(&index, 1000);
}

fn answer<T>(shelf: &mut Shelf, index: &mut Index, mut ask: impl FnMut(&mut Index) -> Answer<T>) -> T {
    for _ in 0..ROUNDS_MAX {
        match ask(index) {
            Answer::Needs(needs) => load(shelf, index, needs),
            Answer::Damaged(damaged) => index.remove(&[damaged.segment]),
            Answer::Found(found) => return found,
        }
    }
    panic!("it is asked for parts for ever")
}

fn work<T, E>(shelf: &mut Shelf, index: &mut Index, mut step: impl FnMut(&mut Index) -> Result<Work<T>, E>) {
    for _ in 0..ROUNDS_MAX {
        match step(index) {
            Ok(Work::Needs(needs)) => load(shelf, index, needs),
            Ok(Work::Running(_)) => {}
            Ok(Work::Done(_)) | Err(_) => return,
        }
    }
    panic!("there is always more to do")
}

/// Parts that cannot be had are those of a damaged segment.
fn load(shelf: &mut Shelf, index: &mut Index, needs: Vec<PartId>) {
    for id in needs {
        let part = shelf.parts().get(&id).cloned();
        if part.is_none_or(|part| index.load(id, part).is_err()) {
            index.remove(&[id.segment]);
        }
    }
}
