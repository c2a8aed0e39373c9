//! How much a cache may hold and for how long, and the figures that it shows.

use crate::error::{Error, Result};

/// The smallest capacity: 10 MB.
pub const CACHE_BYTES_MIN: usize = 10_000_000;

/// The largest capacity: 500 MB.
pub const CACHE_BYTES_MAX: usize = 500_000_000;

/// How long an entry is good for if nothing else is said: 5 minutes.
pub const CACHE_TTL_MS: u64 = 5 * 60 * 1000;

/// A capacity for a device with that much memory in GiB, as `navigator.deviceMemory` tells it: one part in 64, and 64 MB where
/// the browser does not tell.
pub fn default_bytes(device_memory_gib: Option<f64>) -> usize {
    let gib = device_memory_gib.filter(|gib| *gib > 0.0).unwrap_or(4.0);
    // A cast saturates.
    ((gib * 16e6) as usize).clamp(CACHE_BYTES_MIN, CACHE_BYTES_MAX)
}

/// How much a cache holds, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheOptions {
    /// Capacity in bytes, [`CACHE_BYTES_MIN`] to [`CACHE_BYTES_MAX`].
    pub bytes_max: usize,
    /// How long an entry is good for.
    pub ttl_ms: u64,
}

impl Default for CacheOptions {
    fn default() -> Self {
        Self { bytes_max: default_bytes(None), ttl_ms: CACHE_TTL_MS }
    }
}

impl CacheOptions {
    /// Whether the capacity is within its bounds.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`].
    pub fn check(&self) -> Result<()> {
        if (CACHE_BYTES_MIN..=CACHE_BYTES_MAX).contains(&self.bytes_max) {
            return Ok(());
        }
        Err(Error::invalid("cache.bytes", format!("{} is not {CACHE_BYTES_MIN} to {CACHE_BYTES_MAX}", self.bytes_max)))
    }
}

/// Figures since the cache was made.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CacheStats {
    /// Entries, the dirty ones included.
    pub entries: usize,
    /// Dirty ones.
    pub dirty: usize,
    /// Bytes of all entries.
    pub bytes: usize,
    /// Bytes of the dirty ones.
    pub dirty_bytes: usize,
    /// The capacity.
    pub bytes_max: usize,
    /// Lookups that were answered.
    pub hits: u64,
    /// Lookups that were not.
    pub misses: u64,
    /// Hits among the lookups, 0 to 1; 0 before the first lookup.
    pub hit_rate: f64,
    /// Entries dropped to make room.
    pub evictions: u64,
    /// Entries dropped because their time was over.
    pub expirations: u64,
    /// Age of the oldest entry that is not dirty.
    pub oldest_ms: u64,
    /// Average age of the entries that are not dirty.
    pub average_age_ms: u64,
    /// A capacity that fits what is asked for. Where entries were evicted and one lookup in a hundred or more asked for such
    /// an entry in vain, it is what would have answered nine in ten of these; where none was ever evicted, the most bytes that
    /// were in use; else the capacity as it is. Estimated from the last [`GHOSTS_MAX`](super::GHOSTS_MAX) evicted keys.
    pub recommended_bytes: usize,
}
