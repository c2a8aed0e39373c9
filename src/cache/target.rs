//! What an invalidation is about, and which ones happened since a ticket was taken.

use super::glob::Glob;
use crate::backend::Key;
use std::collections::VecDeque;

/// Invalidations that are remembered for tickets: 256. An older ticket is not current, whatever it is for.
pub const INVALIDATIONS_MAX: usize = 256;

/// Which keys an invalidation is about.
#[derive(Debug, Clone)]
pub enum Target {
    /// This one.
    Key(Key),
    /// Those that begin with these bytes.
    Prefix(Key),
    /// Those whose text, their bytes before the first NUL, matches: with ids in front, all that is of these ids.
    Pattern(Glob),
    /// All.
    All,
}

impl Target {
    /// Whether it is about this key.
    pub fn covers(&self, key: &Key) -> bool {
        let bytes = key.as_bytes();
        match self {
            Self::Key(target) => key == target,
            Self::Prefix(prefix) => bytes.starts_with(prefix.as_bytes()),
            Self::Pattern(glob) => glob.matches(bytes.split(|&byte| byte == 0).next().unwrap_or_default()),
            Self::All => true,
        }
    }

    /// What every key that it covers begins with.
    pub(super) fn prefix(&self) -> Key {
        match self {
            Self::Key(key) | Self::Prefix(key) => key.clone(),
            Self::Pattern(glob) => Key::from_bytes(glob.literal_prefix().to_vec()),
            Self::All => Key::new(),
        }
    }
}

/// A moment between two invalidations.
#[derive(Debug, Clone, Copy)]
pub struct Ticket(u64);

/// A target as it is remembered: never about less, now and then about more.
#[derive(Debug)]
pub(super) enum Scope {
    Key(u64),
    Prefix(Key),
    All,
}

/// The last invalidations.
#[derive(Debug, Default)]
pub(super) struct Invalidations {
    last: VecDeque<Scope>,
    count: u64,
}

impl Invalidations {
    pub(super) fn ticket(&self) -> Ticket {
        Ticket(self.count)
    }

    pub(super) fn add(&mut self, scope: Scope) {
        self.count += 1;
        if self.last.len() == INVALIDATIONS_MAX {
            self.last.pop_front();
        }
        self.last.push_back(scope);
    }

    /// Whether none since the ticket was about this key.
    pub(super) fn none_since(&self, ticket: Ticket, key: &Key, hash: u64) -> bool {
        let since = self.count - ticket.0;
        since <= self.last.len() as u64
            && !self.last.iter().rev().take(since as usize).any(|scope| match scope {
                Scope::Key(target) => *target == hash,
                Scope::Prefix(prefix) => key.as_bytes().starts_with(prefix.as_bytes()),
                Scope::All => true,
            })
    }
}
