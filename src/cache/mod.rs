//! What was read lately, in memory: least recently used by bytes, for a time.
//!
//! A [`Cache`] maps [`Key`]s to values of any type that knows its [weight](Weigh). It holds no lock, no clock and no future.
//! [`Flights`] lets callers that miss the same key share a load, [`Target`] says what an invalidation is about.
//!
//! What holds after every call:
//! 1. `bytes` is the sum of [`entry_bytes`] over the entries, and at most `bytes_max` unless dirty entries alone have more.
//! 2. A dirty entry, one that is newer than what is stored, leaves only by [`Cache::remove`] or once it is
//!    [clean](Cache::clean): neither size nor age nor an invalidation drops it.
//! 3. A value that was read before its key was invalidated is not inserted after that, if its reader took a
//!    [ticket](Cache::ticket) first.
//!
//! A lookup takes a hash, a probe and two links (`table.rs`, `list.rs`), however many entries there are. Inserting and
//! removing also change the ordered index, by which a prefix finds its entries without looking at others. Dirty
//! entries are in neither list, so that eviction and expiry never meet one.

mod figures;
mod flights;
mod ghosts;
mod glob;
mod list;
mod table;
mod target;

pub use figures::{CACHE_BYTES_MAX, CACHE_BYTES_MIN, CACHE_TTL_MS, CacheOptions, CacheStats, default_bytes};
pub use flights::Flights;
pub use ghosts::GHOSTS_MAX;
pub use glob::{Glob, PATTERN_BYTES_MAX};
pub use target::{INVALIDATIONS_MAX, Target, Ticket};

use crate::backend::Key;
use ghosts::Ghosts;
use list::List;
use std::collections::BTreeMap;
use table::Table;
use target::{Invalidations, Scope};
use twox_hash::XxHash64;

/// An entry with more than this part of the capacity is not kept: a quarter.
pub const ENTRY_SHARE: usize = 4;

/// What an entry takes besides the bytes of its key, twice, and of its value: its place, links, and cells of the indices.
pub const ENTRY_OVERHEAD_BYTES: usize = 224;

/// A value whose bytes count.
pub trait Weigh {
    /// Bytes that it takes besides its own size. They do not change while it is cached.
    fn bytes(&self) -> usize;
}

impl Weigh for Vec<u8> {
    fn bytes(&self) -> usize {
        self.len()
    }
}

impl<T: Weigh> Weigh for std::rc::Rc<T> {
    fn bytes(&self) -> usize {
        size_of::<T>() + T::bytes(self)
    }
}

/// What an entry counts for.
pub fn entry_bytes<V: Weigh>(key: &Key, value: &V) -> usize {
    2 * key.as_bytes().len() + value.bytes() + ENTRY_OVERHEAD_BYTES
}

/// Which [insertion](Cache::insert_dirty) of a dirty entry is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark(u64);

#[derive(Debug)]
struct Dirty {
    mark: Mark,
    /// It was invalidated meanwhile: what is stored in the end may be something else.
    stale: bool,
}

#[derive(Debug)]
struct Slot<V> {
    key: Key,
    hash: u64,
    value: V,
    bytes: usize,
    at_ms: u64,
    dirty: Option<Dirty>,
}

/// See the module.
#[derive(Debug)]
pub struct Cache<V> {
    options: CacheOptions,
    slots: Vec<Option<Slot<V>>>,
    free: Vec<usize>,
    /// Places by hash.
    table: Table,
    /// Places by key.
    order: BTreeMap<Key, usize>,
    /// Clean places by their last use.
    used: List,
    /// Clean places by when they were inserted.
    aged: List,
    ghosts: Ghosts,
    invalidations: Invalidations,
    marks: u64,
    /// Over the clean entries.
    sum_at_ms: u64,
    peak_bytes: usize,
    stats: CacheStats,
}

fn hash(key: &Key) -> u64 {
    XxHash64::oneshot(0, key.as_bytes())
}

/// An entry from the future (the clock was set back) has an unknown age.
fn expired(ttl_ms: u64, at_ms: u64, now_ms: u64) -> bool {
    now_ms.checked_sub(at_ms).is_none_or(|age_ms| age_ms >= ttl_ms)
}

impl<V: Weigh> Cache<V> {
    /// An empty cache. The capacity is taken as it is: [`CacheOptions::check`] is for whoever offers it as an option.
    pub fn new(options: CacheOptions) -> Self {
        Self {
            options,
            slots: Vec::new(),
            free: Vec::new(),
            table: Table::default(),
            order: BTreeMap::new(),
            used: List::default(),
            aged: List::default(),
            ghosts: Ghosts::default(),
            invalidations: Invalidations::default(),
            marks: 0,
            sum_at_ms: 0,
            peak_bytes: 0,
            stats: CacheStats { bytes_max: options.bytes_max, ..CacheStats::default() },
        }
    }

    fn slot(&self, place: usize) -> Option<&Slot<V>> {
        self.slots.get(place)?.as_ref()
    }

    fn find(&self, key: &Key, hash: u64) -> Option<usize> {
        self.table.find(hash, &|place| self.slot(place).is_some_and(|slot| slot.key == *key))
    }

    /// Looks up and counts; the place of a hit.
    fn touch(&mut self, key: &Key, now_ms: u64) -> Option<usize> {
        let (hash, ttl_ms) = (hash(key), self.options.ttl_ms);
        if let Some(place) = self.find(key, hash) {
            let slot = self.slot(place)?;
            let (dirty, expired) = (slot.dirty.is_some(), expired(ttl_ms, slot.at_ms, now_ms));
            if dirty || !expired {
                if !dirty {
                    self.used.renew(place);
                }
                self.stats.hits += 1;
                return Some(place);
            }
            self.take(place);
            self.stats.expirations += 1;
        }
        self.ghosts.miss(hash, self.options.bytes_max, |at_ms| expired(ttl_ms, at_ms, now_ms));
        self.stats.misses += 1;
        None
    }

    /// The value of a key, if it is cached and its time is not over.
    pub fn get(&mut self, key: &Key, now_ms: u64) -> Option<&V> {
        let place = self.touch(key, now_ms)?;
        self.slot(place).map(|slot| &slot.value)
    }

    /// The values of several keys, in their order.
    pub fn get_many(&mut self, keys: &[Key], now_ms: u64) -> Vec<Option<&V>> {
        let places: Vec<_> = keys.iter().map(|key| self.touch(key, now_ms)).collect();
        places.into_iter().map(|place| Some(&self.slot(place?)?.value)).collect()
    }

    /// Caches what is stored now; whoever read the key before inserts in vain. Whether it is kept: an entry with more than a
    /// quarter of the capacity is not, nor one whose key is dirty.
    pub fn insert(&mut self, key: Key, value: V, now_ms: u64) -> bool {
        let hash = hash(&key);
        self.invalidations.add(Scope::Key(hash));
        self.keep(key, hash, value, now_ms)
    }

    /// [`Cache::insert`] for each; how many were kept.
    pub fn insert_many(&mut self, entries: impl IntoIterator<Item = (Key, V)>, now_ms: u64) -> usize {
        entries.into_iter().filter_map(|(key, value)| self.insert(key, value, now_ms).then_some(())).count()
    }

    /// A ticket to take before a value is read, for [`Cache::insert_if_current`].
    pub fn ticket(&self) -> Ticket {
        self.invalidations.ticket()
    }

    /// Caches what was read after the ticket was taken, unless the key was changed or invalidated since. Whether it is kept;
    /// beyond [`INVALIDATIONS_MAX`] invalidations since the ticket it is not.
    pub fn insert_if_current(&mut self, ticket: Ticket, key: Key, value: V, now_ms: u64) -> bool {
        let hash = hash(&key);
        self.invalidations.none_since(ticket, &key, hash) && self.keep(key, hash, value, now_ms)
    }

    fn keep(&mut self, key: Key, hash: u64, value: V, now_ms: u64) -> bool {
        if let Some(place) = self.find(&key, hash) {
            if self.slot(place).is_some_and(|slot| slot.dirty.is_some()) {
                return false;
            }
            self.take(place);
        }
        let bytes = entry_bytes(&key, &value);
        if !self.fits(bytes) {
            return false;
        }
        self.put(Slot { key, hash, value, bytes, at_ms: now_ms, dirty: None });
        self.make_room(now_ms);
        true
    }

    /// Whether a clean entry stays once there is room.
    fn fits(&self, bytes: usize) -> bool {
        let bytes_max = self.options.bytes_max;
        bytes <= bytes_max / ENTRY_SHARE && self.stats.dirty_bytes + bytes <= bytes_max
    }

    /// Caches a value that is accepted and not yet stored, of any size. It stays until [`Cache::clean`] or [`Cache::remove`].
    pub fn insert_dirty(&mut self, key: Key, value: V, now_ms: u64) -> Mark {
        let hash = hash(&key);
        self.invalidations.add(Scope::Key(hash));
        self.marks += 1;
        let mark = Mark(self.marks);
        let replaced = self.find(&key, hash).and_then(|place| self.take(place));
        let stale = replaced.and_then(|slot| slot.dirty).is_some_and(|dirty| dirty.stale);
        let bytes = entry_bytes(&key, &value);
        self.put(Slot { key, hash, value, bytes, at_ms: now_ms, dirty: Some(Dirty { mark, stale }) });
        self.make_room(now_ms);
        mark
    }

    /// The value of that insertion is stored now. Nothing happens if a later one took its place. Whether the entry is still
    /// there, with its time beginning now: one that was invalidated while it was dirty is dropped, or is too large.
    pub fn clean(&mut self, key: &Key, mark: Mark, now_ms: u64) -> bool {
        let hash = hash(key);
        let Some(place) = self.find(key, hash) else { return false };
        if !self.slot(place).and_then(|slot| slot.dirty.as_ref()).is_some_and(|dirty| dirty.mark == mark) {
            return true;
        }
        // Whoever reads now may still see what was stored before.
        self.invalidations.add(Scope::Key(hash));
        let Some(mut slot) = self.take(place) else { return false };
        if slot.dirty.take().is_some_and(|dirty| dirty.stale) || !self.fits(slot.bytes) {
            return false;
        }
        slot.at_ms = now_ms;
        self.put(slot);
        self.make_room(now_ms);
        true
    }

    /// Takes an entry out, dirty or not.
    pub fn remove(&mut self, key: &Key) -> Option<V> {
        let hash = hash(key);
        self.invalidations.add(Scope::Key(hash));
        let place = self.find(key, hash)?;
        self.take(place).map(|slot| slot.value)
    }

    /// [`Cache::remove`] for each; how many were there.
    pub fn remove_many<'k>(&mut self, keys: impl IntoIterator<Item = &'k Key>) -> usize {
        keys.into_iter().filter_map(|key| self.remove(key)).count()
    }

    /// Drops what somebody else has changed; how many entries. Dirty ones stay until they are clean, and go then.
    pub fn invalidate(&mut self, target: &Target) -> usize {
        let from = target.prefix();
        self.invalidations.add(match target {
            Target::Key(key) => Scope::Key(hash(key)),
            Target::Prefix(prefix) => Scope::Prefix(prefix.clone()),
            Target::Pattern(_) | Target::All => Scope::All,
        });
        let places: Vec<usize> = match target {
            Target::Key(key) => self.find(key, hash(key)).into_iter().collect(),
            _ => {
                let candidates = self.order.range(from.clone()..);
                let candidates = candidates.take_while(|(key, _)| key.as_bytes().starts_with(from.as_bytes()));
                candidates.filter(|(key, _)| target.covers(key)).map(|(_, &place)| place).collect()
            }
        };
        let before = self.stats.entries;
        for place in places {
            let slot = self.slots.get_mut(place).and_then(Option::as_mut);
            match slot.and_then(|slot| slot.dirty.as_mut()) {
                Some(dirty) => dirty.stale = true,
                None => drop(self.take(place)),
            }
        }
        before - self.stats.entries
    }

    /// Drops the entries whose time is over; how many. Nothing has to call it: lookups notice, and insertion takes their room.
    pub fn expire(&mut self, now_ms: u64) -> usize {
        let before = self.stats.entries;
        while let Some(place) = self.oldest_expired(now_ms) {
            self.take(place);
            self.stats.expirations += 1;
        }
        before - self.stats.entries
    }

    fn oldest_expired(&self, now_ms: u64) -> Option<usize> {
        self.aged
            .oldest()
            .filter(|&place| self.slot(place).is_some_and(|slot| expired(self.options.ttl_ms, slot.at_ms, now_ms)))
    }

    fn make_room(&mut self, now_ms: u64) {
        self.peak_bytes = self.peak_bytes.max(self.stats.bytes.min(self.options.bytes_max));
        while self.stats.bytes > self.options.bytes_max {
            if let Some(place) = self.oldest_expired(now_ms) {
                self.take(place);
                self.stats.expirations += 1;
            } else if let Some(slot) = self.used.oldest().and_then(|place| self.take(place)) {
                self.ghosts.add(slot.hash, slot.bytes, slot.at_ms);
                self.stats.evictions += 1;
            } else {
                return;
            }
        }
    }

    fn put(&mut self, slot: Slot<V>) {
        self.ghosts.forget(slot.hash);
        let place = self.free.pop().unwrap_or(self.slots.len());
        self.table.insert(slot.hash, place);
        self.order.insert(slot.key.clone(), place);
        self.stats.entries += 1;
        self.stats.bytes += slot.bytes;
        if slot.dirty.is_some() {
            self.stats.dirty += 1;
            self.stats.dirty_bytes += slot.bytes;
        } else {
            self.used.renew(place);
            self.aged.renew(place);
            self.sum_at_ms += slot.at_ms;
        }
        match self.slots.get_mut(place) {
            Some(empty) => *empty = Some(slot),
            None => self.slots.push(Some(slot)),
        }
    }

    fn take(&mut self, place: usize) -> Option<Slot<V>> {
        let slot = self.slots.get_mut(place)?.take()?;
        self.free.push(place);
        self.table.remove(slot.hash, place);
        self.order.remove(&slot.key);
        self.stats.entries -= 1;
        self.stats.bytes -= slot.bytes;
        if slot.dirty.is_some() {
            self.stats.dirty -= 1;
            self.stats.dirty_bytes -= slot.bytes;
        } else {
            self.used.remove(place);
            self.aged.remove(place);
            self.sum_at_ms -= slot.at_ms;
        }
        Some(slot)
    }

    /// The figures at that time.
    pub fn stats(&self, now_ms: u64) -> CacheStats {
        let CacheStats { hits, misses, evictions, entries, dirty, bytes_max, .. } = self.stats;
        let lookups = hits + misses;
        let clean = (entries - dirty) as u64;
        let oldest = self.aged.oldest().and_then(|place| self.slot(place));
        let wanted = match evictions {
            0 => self.peak_bytes,
            _ => bytes_max + self.ghosts.lacking_bytes(bytes_max, lookups),
        };
        CacheStats {
            hit_rate: hits as f64 / lookups.max(1) as f64,
            oldest_ms: oldest.map_or(0, |slot| now_ms.saturating_sub(slot.at_ms)),
            average_age_ms: now_ms.saturating_mul(clean).saturating_sub(self.sum_at_ms) / clean.max(1),
            recommended_bytes: wanted.clamp(CACHE_BYTES_MIN, CACHE_BYTES_MAX),
            ..self.stats
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_overhead_covers_what_an_entry_takes() {
        let order = size_of::<Key>() + size_of::<usize>();
        // A node of the ordered index is at least half full; lists and table have 8 bytes a link or cell, the table twice as many
        // cells as entries, at worst four times; an allocation for each key and the value takes 16 more.
        let overhead = size_of::<Option<Slot<Vec<u8>>>>() + order * 3 / 2 + 2 * 8 + 2 * 8 + 3 * 8;
        assert!(overhead <= ENTRY_OVERHEAD_BYTES, "{overhead}");
    }
}
