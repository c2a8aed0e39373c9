//! What the cache promises, one test each, and the cache beside a plain list under random operations.
#![cfg(not(target_arch = "wasm32"))]

use hoardb::backend::Key;
use hoardb::cache::*;
use std::time::{Duration, Instant};

const TTL_MS: u64 = 1000;

fn key(text: &str) -> Key {
    Key::new().text(text)
}

fn bytes(text: &str) -> Key {
    Key::from_bytes(text.into())
}

/// A cache with room for that many entries of 100 bytes in all, key and overhead included.
fn cache(entries: usize) -> Cache<Vec<u8>> {
    let entry = entry_bytes(&key("a"), &value(0));
    Cache::new(CacheOptions { bytes_max: entries * entry, ttl_ms: TTL_MS })
}

fn value(n: u8) -> Vec<u8> {
    vec![n; 100]
}

#[test]
fn the_least_recently_used_go_first() {
    let mut cache = cache(4);
    for name in ["a", "b", "c", "d"] {
        assert!(cache.insert(key(name), value(1), 0));
    }
    assert_eq!(cache.get_many(&[key("a"), key("x"), key("b")], 1), [Some(&value(1)), None, Some(&value(1))]);
    assert_eq!(cache.insert_many([(key("e"), value(2)), (key("f"), value(2))], 2), 2);
    let there = ["a", "b", "c", "d", "e", "f"].map(|name| cache.get(&key(name), 3).is_some());
    assert_eq!(there, [true, true, false, false, true, true]);
    assert_eq!(cache.remove_many(&[key("a"), key("c")]), 1);
    let stats = cache.stats(3);
    assert_eq!((stats.entries, stats.bytes), (3, stats.bytes_max / 4 * 3));
    assert_eq!((stats.hits, stats.misses, stats.evictions, stats.hit_rate), (6, 3, 2, 6.0 / 9.0));
}

#[test]
fn an_entry_larger_than_a_quarter_is_not_kept() {
    let mut cache = cache(4);
    assert!(cache.insert(key("a"), value(1), 0));
    assert!(!cache.insert(key("a"), vec![0; 101], 0));
    assert_eq!(cache.get(&key("a"), 0), None, "what it replaced is gone too");
    assert_eq!(cache.stats(0).bytes, 0);
}

#[test]
fn an_entry_is_good_for_its_time() {
    let mut cache = cache(8);
    cache.insert(key("a"), value(1), 500);
    cache.insert(key("b"), value(2), 800);
    assert!(cache.get(&key("a"), 499 + TTL_MS).is_some());
    assert!(cache.get(&key("a"), 500 + TTL_MS).is_none(), "a lookup does not make it younger");
    assert_eq!((cache.expire(799 + TTL_MS), cache.expire(800 + TTL_MS)), (0, 1));
    cache.insert(key("c"), value(3), 5000);
    assert!(cache.get(&key("c"), 4999).is_none(), "the clock was set back: nobody knows its age");
    let stats = cache.stats(5000);
    assert_eq!((stats.expirations, stats.evictions, stats.entries, stats.bytes), (3, 0, 0, 0));
}

#[test]
fn what_has_expired_goes_before_what_is_used() {
    let mut cache = cache(4);
    for (at, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
        cache.insert(key(name), value(1), at as u64);
    }
    cache.get(&key("a"), 5);
    cache.insert(key("e"), value(1), TTL_MS);
    assert!(cache.get(&key("b"), TTL_MS).is_some(), "`a` made room, although `b` was used before it");
    assert_eq!((cache.stats(TTL_MS).expirations, cache.stats(TTL_MS).evictions), (1, 0));
}

#[test]
fn dirty_entries_are_never_dropped() {
    let mut cache = cache(4);
    let mark = cache.insert_dirty(key("a"), vec![1; 5000], 0);
    assert_eq!((cache.stats(0).dirty, cache.stats(0).dirty_bytes), (1, cache.stats(0).bytes));
    assert!(!cache.insert(key("b"), value(2), 0), "there is no room beside it");
    assert!(!cache.insert(key("a"), value(2), 0), "what is stored is older");
    assert_eq!((cache.invalidate(&Target::All), cache.expire(10 * TTL_MS)), (0, 0));
    assert!(cache.get(&key("a"), 10 * TTL_MS).is_some());
    assert!(!cache.clean(&key("a"), mark, 0), "then it is too large as others are");
    assert_eq!((cache.stats(0).entries, cache.stats(0).bytes), (0, 0));
    cache.insert_dirty(key("a"), value(1), 0);
    assert_eq!(cache.remove(&key("a")), Some(value(1)));
    assert_eq!((cache.stats(0).dirty, cache.stats(0).bytes), (0, 0));
}

#[test]
fn a_dirty_entry_is_clean_when_its_last_value_is_stored() {
    let mut cache = cache(8);
    let first = cache.insert_dirty(key("a"), value(1), 0);
    let second = cache.insert_dirty(key("a"), value(2), 0);
    assert!(cache.clean(&key("a"), first, 500) && cache.stats(0).dirty == 1);
    assert!(cache.clean(&key("a"), second, 500) && cache.stats(0).dirty == 0);
    assert!(cache.get(&key("a"), 499 + TTL_MS).is_some(), "its time begins when it is stored");
    assert!(cache.get(&key("a"), 500 + TTL_MS).is_none());
    assert!(!cache.clean(&key("a"), second, 500));
    // Another tab changed it in between: what both writes left is read again.
    let third = cache.insert_dirty(key("a"), value(3), 0);
    assert_eq!(cache.invalidate(&Target::Key(key("a"))), 0);
    let fourth = cache.insert_dirty(key("a"), value(4), 0);
    assert!(cache.clean(&key("a"), third, 0));
    assert_eq!(cache.get(&key("a"), 0), Some(&value(4)));
    assert!(!cache.clean(&key("a"), fourth, 0));
    assert_eq!(cache.get(&key("a"), 0), None);
}

#[test]
fn an_invalidation_drops_what_it_is_about() {
    let glob = |pattern| Target::Pattern(Glob::new(pattern).unwrap());
    let all = ["rec-1", "rec-10", "rec-2", "red", "ü"];
    for (target, left) in [
        (Target::Key(key("rec-1")), &["rec-10", "rec-2", "red", "ü"][..]),
        (Target::Prefix(key("rec-1")), &["rec-10", "rec-2", "red", "ü"]),
        (Target::Prefix(bytes("rec-1")), &["rec-2", "red", "ü"]),
        (Target::Prefix(Key::new()), &[]),
        (Target::Prefix(bytes("z")), &all),
        (glob("rec-1"), &["rec-10", "rec-2", "red", "ü"]),
        (glob("rec-?"), &["rec-10", "red", "ü"]),
        (glob("*e*-*0"), &["rec-1", "rec-2", "red", "ü"]),
        (glob("?"), &["rec-1", "rec-10", "rec-2", "red"]),
        (glob("*"), &[]),
        (Target::All, &[]),
    ] {
        let mut cache = cache(10);
        for name in all {
            cache.insert(key(name), value(1), 0);
            cache.insert(key(name).text("images").number(7), vec![], 0);
        }
        let lists = if matches!(target, Target::Key(_)) { all.len() } else { left.len() };
        let dropped = cache.invalidate(&target);
        assert_eq!(dropped, 2 * all.len() - left.len() - lists, "{target:?}");
        let there: Vec<_> = all.into_iter().filter(|name| cache.get(&key(name), 0).is_some()).collect();
        assert_eq!(there, left, "{target:?}");
    }
}

#[test]
fn what_was_read_before_an_invalidation_is_not_inserted_after_it() {
    let (a, b) = (key("a"), key("b"));
    type Change = fn(&mut Cache<Vec<u8>>);
    let changes: [Change; 8] = [
        |cache| _ = cache.invalidate(&Target::Key(key("a"))),
        |cache| _ = cache.invalidate(&Target::Prefix(bytes("a"))),
        |cache| _ = cache.invalidate(&Target::Pattern(Glob::new("a*").unwrap())),
        |cache| _ = cache.invalidate(&Target::All),
        |cache| _ = cache.remove(&key("a")),
        |cache| _ = cache.insert(key("a"), value(9), 0),
        |cache| _ = cache.insert_dirty(key("a"), value(9), 0),
        |cache| (0..=INVALIDATIONS_MAX).for_each(|_| _ = cache.remove(&key("c"))),
    ];
    for (n, change) in changes.into_iter().enumerate() {
        let mut cache = cache(8);
        let before = cache.ticket();
        change(&mut cache);
        let after = cache.ticket();
        assert!(!cache.insert_if_current(before, a.clone(), value(1), 0), "{n}");
        assert_ne!(cache.get(&a, 0), Some(&value(1)), "{n}");
        // An invalidation of all of a pattern, of all, and too many are about every key.
        assert_eq!(cache.insert_if_current(before, b.clone(), value(1), 0), ![2, 3, 7].contains(&n), "{n}");
        assert_eq!(cache.insert_if_current(after, a.clone(), value(1), 0), n != 6, "{n}");
    }
    let mut cache = cache(8);
    let mark = cache.insert_dirty(a.clone(), value(2), 0);
    let ticket = cache.ticket();
    assert!(cache.clean(&a, mark, 0));
    assert!(!cache.insert_if_current(ticket, a.clone(), value(1), 0), "it was read before the write was committed");
    assert_eq!(cache.get(&a, 0), Some(&value(2)));
}

#[test]
fn a_prefix_costs_its_own_matches() {
    let mut cache = Cache::new(CacheOptions { bytes_max: CACHE_BYTES_MAX, ttl_ms: TTL_MS });
    let name = |n: u32| key(&format!("session-{n}"));
    cache.insert_many((0..100_000).map(|n| (name(n), vec![])), 0);
    let began = Instant::now();
    for n in 0..10_000 {
        assert_eq!(cache.invalidate(&Target::Prefix(name(n))), 1);
    }
    // It takes 30 ms; looking at every entry each time would be 10^9 looks, 10 s.
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[test]
fn the_recommended_size_fits_what_is_asked_for() {
    let round = |cache: &mut Cache<Vec<u8>>, ids: u32| {
        for n in 0..ids {
            let key = key(&n.to_string());
            if cache.get(&key, 0).is_none() {
                cache.insert(key, vec![0; 10_000], 0);
            }
        }
    };
    let entry = 10_000 + ENTRY_OVERHEAD_BYTES;
    let bytes_max = 2000 * entry;
    let new = || Cache::new(CacheOptions { bytes_max, ttl_ms: TTL_MS });
    // 3,000 entries in turn are too many for a cache of 2,000.
    let mut cache = new();
    (0..4).for_each(|_| round(&mut cache, 3000));
    assert_eq!(cache.stats(0).hits, 0);
    let recommended = cache.stats(0).recommended_bytes;
    assert!((3000 * entry..=3500 * entry).contains(&recommended), "{recommended}");
    let mut larger = Cache::new(CacheOptions { bytes_max: recommended, ttl_ms: TTL_MS });
    (0..4).for_each(|_| round(&mut larger, 3000));
    assert_eq!(larger.stats(0).hit_rate, 0.75, "and they fit into what was recommended");
    // What was evicted and is never asked for again is no reason for more.
    let mut cache = new();
    round(&mut cache, 9000);
    assert_eq!(cache.stats(0).recommended_bytes, bytes_max);
    // Nor is what was cached again after that, and went for another reason.
    let mut cache = new();
    round(&mut cache, 3000);
    let again = || (0..1000).map(|n: u32| key(&n.to_string()));
    assert_eq!(cache.insert_many(again().map(|key| (key, vec![0; 10_000])), 0), 1000);
    for key in again() {
        assert!(cache.remove(&key).is_some() && cache.get(&key, 0).is_none());
    }
    assert_eq!(cache.stats(0).recommended_bytes, bytes_max);
    // Less does where nothing was ever evicted.
    let mut cache = new();
    round(&mut cache, 1200);
    let recommended = cache.stats(0).recommended_bytes;
    assert!(recommended == cache.stats(0).bytes && recommended > CACHE_BYTES_MIN, "{recommended}");
}

#[test]
fn the_default_size_follows_the_device() {
    for (gib, bytes) in [(None, 64), (Some(0.25), 10), (Some(2.0), 32), (Some(8.0), 128), (Some(64.0), 500)] {
        assert_eq!(default_bytes(gib), bytes * 1_000_000, "{gib:?}");
    }
    for gib in [f64::NAN, -1.0, 0.0, f64::INFINITY] {
        assert!((CACHE_BYTES_MIN..=CACHE_BYTES_MAX).contains(&default_bytes(Some(gib))));
    }
    assert_eq!(CacheOptions::default(), CacheOptions { bytes_max: 64_000_000, ttl_ms: 300_000 });
    for (bytes_max, right) in [(9_999_999, false), (10_000_000, true), (500_000_000, true), (500_000_001, false)] {
        assert_eq!(CacheOptions { bytes_max, ttl_ms: 0 }.check().is_ok(), right, "{bytes_max}");
    }
}

/// An entry of the model. They lie in the order of their last use.
#[derive(Debug, Clone)]
struct Entry {
    key: Key,
    value: Vec<u8>,
    at_ms: u64,
    inserted: u64,
    /// The mark, and whether it was invalidated since.
    dirty: Option<(Mark, bool)>,
}

/// The same promises in the plainest way, over one list.
struct Model {
    options: CacheOptions,
    entries: Vec<Entry>,
    inserted: u64,
    hits: u64,
    misses: u64,
    evictions: u64,
    expirations: u64,
    invalidations: Vec<Target>,
}

impl Model {
    fn bytes<'e>(entries: impl IntoIterator<Item = &'e Entry>) -> usize {
        entries.into_iter().map(|entry| entry_bytes(&entry.key, &entry.value)).sum()
    }

    fn dirty_bytes(&self) -> usize {
        Self::bytes(self.entries.iter().filter(|entry| entry.dirty.is_some()))
    }

    fn place(&self, key: &Key) -> Option<usize> {
        self.entries.iter().position(|entry| entry.key == *key)
    }

    fn expired(&self, entry: &Entry, now: u64) -> bool {
        entry.dirty.is_none() && now >= entry.at_ms + self.options.ttl_ms
    }

    fn get(&mut self, key: &Key, now: u64) -> Option<Vec<u8>> {
        if let Some(place) = self.place(key) {
            let entry = self.entries.remove(place);
            if !self.expired(&entry, now) {
                self.hits += 1;
                self.entries.push(entry.clone());
                return Some(entry.value);
            }
            self.expirations += 1;
        }
        self.misses += 1;
        None
    }

    fn fits(&self, key: &Key, value: &Vec<u8>) -> bool {
        let bytes = entry_bytes(key, value);
        bytes <= self.options.bytes_max / 4 && self.dirty_bytes() + bytes <= self.options.bytes_max
    }

    fn put(&mut self, key: Key, value: Vec<u8>, dirty: Option<(Mark, bool)>, now: u64) {
        self.inserted += 1;
        self.entries.push(Entry { key, value, at_ms: now, inserted: self.inserted, dirty });
        while Self::bytes(&self.entries) > self.options.bytes_max {
            let clean = || self.entries.iter().enumerate().filter(|(_, entry)| entry.dirty.is_none());
            let expired = clean().filter(|(_, entry)| self.expired(entry, now)).min_by_key(|(_, entry)| entry.inserted);
            let Some((place, _)) = expired.or_else(|| clean().next()) else { return };
            *(if expired.is_some() { &mut self.expirations } else { &mut self.evictions }) += 1;
            self.entries.remove(place);
        }
    }

    fn insert(&mut self, key: Key, value: Vec<u8>, now: u64) -> bool {
        if let Some(place) = self.place(&key) {
            if self.entries[place].dirty.is_some() {
                return false;
            }
            self.entries.remove(place);
        }
        let fits = self.fits(&key, &value);
        if fits {
            self.put(key, value, None, now);
        }
        fits
    }

    fn current(&self, since: usize, key: &Key) -> bool {
        let since = &self.invalidations[since..];
        since.len() <= INVALIDATIONS_MAX
            && !since.iter().any(|target| matches!(target, Target::Pattern(_)) || target.covers(key))
    }

    fn insert_dirty(&mut self, key: Key, value: Vec<u8>, mark: Mark, now: u64) {
        let before = self.place(&key).map(|place| self.entries.remove(place));
        let stale = before.and_then(|entry| entry.dirty).is_some_and(|(_, stale)| stale);
        self.put(key, value, Some((mark, stale)), now);
    }

    fn clean(&mut self, key: &Key, mark: Mark, now: u64) -> bool {
        let Some(place) = self.place(key) else { return false };
        let Some((_, stale)) = self.entries[place].dirty.filter(|(latest, _)| *latest == mark) else { return true };
        self.invalidations.push(Target::Key(key.clone()));
        let Entry { key, value, .. } = self.entries.remove(place);
        let keeps = !stale && self.fits(&key, &value);
        if keeps {
            self.put(key, value, None, now);
        }
        keeps
    }

    fn invalidate(&mut self, target: Target) -> usize {
        let before = self.entries.len();
        for entry in &mut self.entries {
            if let Some((_, stale)) = &mut entry.dirty {
                *stale |= target.covers(&entry.key);
            }
        }
        self.entries.retain(|entry| entry.dirty.is_some() || !target.covers(&entry.key));
        self.invalidations.push(target);
        before - self.entries.len()
    }

    fn expire(&mut self, now: u64) -> usize {
        let gone: Vec<_> = self.entries.iter().filter(|entry| self.expired(entry, now)).map(|e| e.inserted).collect();
        self.entries.retain(|entry| !gone.contains(&entry.inserted));
        self.expirations += gone.len() as u64;
        gone.len()
    }

    fn assert_same(&self, cache: &Cache<Vec<u8>>, now: u64) {
        let stats = cache.stats(now);
        let ages = || self.entries.iter().filter(|entry| entry.dirty.is_none()).map(|entry| now - entry.at_ms);
        let clean = ages().count();
        assert_eq!((stats.entries, stats.bytes), (self.entries.len(), Self::bytes(&self.entries)));
        assert_eq!((stats.dirty, stats.dirty_bytes), (self.entries.len() - clean, self.dirty_bytes()));
        assert!(stats.bytes <= stats.bytes_max.max(stats.dirty_bytes));
        let counts = (stats.hits, stats.misses, stats.evictions, stats.expirations);
        assert_eq!(counts, (self.hits, self.misses, self.evictions, self.expirations));
        assert_eq!(stats.oldest_ms, ages().max().unwrap_or(0));
        assert_eq!(stats.average_age_ms, ages().sum::<u64>() / clean.max(1) as u64);
    }
}

fn run(seed: u64) -> CacheStats {
    let mut rng = fastrand::Rng::with_seed(seed);
    let options = CacheOptions { bytes_max: rng.usize(2_000..20_000), ttl_ms: rng.u64(1..400) };
    let mut cache = Cache::new(options);
    let (hits, misses, evictions, expirations) = (0, 0, 0, 0);
    let (entries, invalidations, inserted) = (vec![], vec![], 0);
    let mut model = Model { options, entries, inserted, hits, misses, evictions, expirations, invalidations };
    let (mut now, mut marks, mut tickets) = (0, Vec::<(Key, Mark)>::new(), vec![(cache.ticket(), 0)]);
    let some_key = |rng: &mut fastrand::Rng| {
        let key = Key::new().text(["a", "ab", "abc", "b", "ü", "z-1", "z-2"][rng.usize(..7)]);
        (0..rng.u8(..3)).fold(key, |key, _| key.number(rng.u64(..4)))
    };
    for step in 0..600 {
        now += if rng.u8(..4) == 0 { rng.u64(..options.ttl_ms / 4 + 2) } else { 0 };
        let key = some_key(&mut rng);
        let value =
            vec![rng.u8(..); if rng.u8(..8) == 0 { rng.usize(..options.bytes_max / 2) } else { rng.usize(..300) }];
        match rng.u8(..20) {
            0..7 => assert_eq!(cache.get(&key, now).cloned(), model.get(&key, now)),
            7..10 => {
                model.invalidations.push(Target::Key(key.clone()));
                assert_eq!(cache.insert(key.clone(), value.clone(), now), model.insert(key, value, now));
            }
            10..13 => {
                let (ticket, since) = tickets[rng.usize(..tickets.len())];
                let kept = model.current(since, &key) && model.insert(key.clone(), value.clone(), now);
                assert_eq!(cache.insert_if_current(ticket, key, value, now), kept, "seed {seed}, step {step}");
            }
            13 => {
                model.invalidations.push(Target::Key(key.clone()));
                let mark = cache.insert_dirty(key.clone(), value.clone(), now);
                model.insert_dirty(key.clone(), value, mark, now);
                marks.push((key, mark));
            }
            14..16 if !marks.is_empty() => {
                let (key, mark) = marks.swap_remove(rng.usize(..marks.len()));
                assert_eq!(cache.clean(&key, mark, now), model.clean(&key, mark, now));
            }
            16 => {
                model.invalidations.push(Target::Key(key.clone()));
                let place = model.place(&key);
                assert_eq!(cache.remove(&key), place.map(|place| model.entries.remove(place).value));
            }
            17 => {
                let target = match rng.u8(..12) {
                    0..5 => Target::Key(key),
                    5..9 => Target::Prefix(Key::from_bytes(key.as_bytes()[..rng.usize(..key.as_bytes().len())].into())),
                    9..11 => Target::Pattern(Glob::new(["a?", "*c", "z-*", "?"][rng.usize(..4)]).unwrap()),
                    _ => Target::All,
                };
                assert_eq!(cache.invalidate(&target), model.invalidate(target), "seed {seed}, step {step}");
            }
            18 if rng.u8(..4) == 0 => assert_eq!(cache.expire(now), model.expire(now)),
            _ => {
                tickets.push((cache.ticket(), model.invalidations.len()));
                if tickets.len() > 6 {
                    tickets.remove(rng.usize(..5));
                }
            }
        }
        model.assert_same(&cache, now);
    }
    let stats = cache.stats(now);
    for key in model.entries.iter().map(|entry| entry.key.clone()).collect::<Vec<_>>() {
        assert_eq!(cache.get(&key, now).cloned(), model.get(&key, now));
    }
    stats
}

#[test]
fn the_cache_is_the_model_after_every_step() {
    let runs: Vec<_> = (0..500).map(run).collect();
    // A run without these would have proven little.
    let all = |count: fn(&CacheStats) -> u64| runs.iter().map(count).sum::<u64>();
    let (hits, evictions) = (all(|stats| stats.hits), all(|stats| stats.evictions));
    let (expirations, dirty) = (all(|stats| stats.expirations), all(|stats| stats.dirty as u64));
    assert!(hits > 5_000 && evictions > 5_000, "{hits} {evictions}");
    assert!(expirations > 5_000 && dirty > 500, "{expirations} {dirty}");
}
