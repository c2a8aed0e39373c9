//! What would a larger cache have kept? From the hashes of the keys that were evicted last.
//!
//! Under LRU an entry that was evicted would still be there if the cache had as many bytes more as were evicted since, its
//! own included. So each miss on an evicted key says how much was lacking.

use super::table::Table;

/// Evicted keys that are remembered: 8,192, in at most 0.5 MB.
pub const GHOSTS_MAX: usize = 8192;

/// The depths that are told apart, in eighths of the capacity. Beyond four times the capacity nothing is counted.
const EIGHTHS: usize = 32;

/// Fewer misses on evicted keys than one in this many lookups are no reason for a larger cache.
const LOOKUPS_A_GHOST_MAX: u64 = 100;

#[derive(Debug)]
struct Ghost {
    hash: u64,
    /// Bytes evicted before it.
    evicted_bytes: u64,
    at_ms: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Ghosts {
    /// A ring; empty where a key came back.
    ring: Vec<Option<Ghost>>,
    next: usize,
    table: Table,
    evicted_bytes: u64,
    /// Misses by depth.
    depths: [u64; EIGHTHS],
}

impl Ghosts {
    /// Remembers an entry that was evicted and had been inserted at that time.
    pub(super) fn add(&mut self, hash: u64, bytes: usize, at_ms: u64) {
        if self.ring.len() < GHOSTS_MAX {
            self.next = self.ring.len();
            self.ring.push(None);
        }
        if let Some(place) = self.ring.get_mut(self.next) {
            let ghost = Ghost { hash, evicted_bytes: self.evicted_bytes, at_ms };
            if let Some(old) = place.replace(ghost) {
                self.table.remove(old.hash, self.next);
            }
        }
        self.table.insert(hash, self.next);
        self.next = (self.next + 1) % GHOSTS_MAX;
        self.evicted_bytes += bytes as u64;
    }

    fn take(&mut self, hash: u64) -> Option<Ghost> {
        let ring = &self.ring;
        let is = |place: usize| matches!(ring.get(place), Some(Some(ghost)) if ghost.hash == hash);
        let place = self.table.find(hash, &is)?;
        self.table.remove(hash, place);
        self.ring.get_mut(place)?.take()
    }

    /// The key is cached again.
    pub(super) fn forget(&mut self, hash: u64) {
        self.take(hash);
    }

    /// The key was asked for and is not cached.
    pub(super) fn miss(&mut self, hash: u64, bytes_max: usize, expired: impl Fn(u64) -> bool) {
        let Some(ghost) = self.take(hash) else { return };
        let depth = (self.evicted_bytes - ghost.evicted_bytes) * 8 / (bytes_max as u64).max(1);
        if let Some(misses) = self.depths.get_mut(depth as usize).filter(|_| !expired(ghost.at_ms)) {
            *misses += 1;
        }
    }

    /// How many bytes more would have answered nine tenths of these misses; none if there were too few of them to matter.
    pub(super) fn lacking_bytes(&self, bytes_max: usize, lookups: u64) -> usize {
        let misses: u64 = self.depths.iter().sum();
        if misses == 0 || misses < lookups / LOOKUPS_A_GHOST_MAX {
            return 0;
        }
        let mut answered = 0;
        let enough = |depth: &u64| {
            answered += depth;
            answered * 10 >= misses * 9
        };
        let eighths = self.depths.iter().position(enough).map_or(EIGHTHS, |depth| depth + 1);
        bytes_max / 8 * eighths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_miss_counts_as_deep_as_bytes_were_evicted_since() {
        let mut ghosts = Ghosts::default();
        for hash in 0..10 {
            ghosts.add(hash, 100, 0);
        }
        assert_eq!(ghosts.lacking_bytes(800, 0), 0);
        ghosts.miss(9, 800, |_| false);
        assert_eq!(ghosts.lacking_bytes(800, 1), 200, "one eighth has been evicted, so two are enough");
        ghosts.miss(0, 800, |_| false);
        assert_eq!(ghosts.lacking_bytes(800, 2), 1100);
        assert_eq!(ghosts.lacking_bytes(800, 300), 0, "two of 300 do not matter");
        for _ in 0..3 {
            ghosts.miss(9, 800, |_| false);
            ghosts.miss(5, 800, |_| true);
        }
        assert_eq!(ghosts.depths.iter().sum::<u64>(), 2, "neither a miss that was counted nor an expired one");
    }

    #[test]
    fn only_the_last_evicted_are_remembered() {
        let mut ghosts = Ghosts::default();
        for hash in 0..3 * GHOSTS_MAX as u64 {
            ghosts.add(hash, 1, 0);
            if hash % 3 == 0 {
                ghosts.forget(hash);
            }
        }
        assert_eq!(ghosts.ring.len(), GHOSTS_MAX);
        assert_eq!(ghosts.table.used, ghosts.ring.iter().flatten().count());
        ghosts.miss(1, usize::MAX, |_| false);
        assert_eq!(ghosts.depths[0], 0);
        ghosts.miss(3 * GHOSTS_MAX as u64 - 1, usize::MAX, |_| false);
        assert_eq!(ghosts.depths[0], 1);
    }
}
