//! The collector's decisions. Executing them is the store's part.

use super::Blob;

/// How long an attachment stays after its last reference went: 24 hours, so that an `attachments.put` has time to be used
/// and a slow writer in another tab does not find its attachment gone.
pub const GRACE_MS: u64 = 24 * 60 * 60 * 1000;

/// Options of a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CollectOptions {
    /// Report what would be deleted, and change nothing.
    pub dry_run: bool,
    /// Milliseconds that an attachment stays after it was first found without references; by default the store's.
    pub grace_ms: Option<u64>,
}

/// What a collection did, or in a dry run would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CollectReport {
    /// Nothing was changed.
    pub dry_run: bool,
    /// Attachments found without references for the first time; they go once the grace period has passed.
    pub marked: u64,
    /// Attachments deleted.
    pub attachments: u64,
    /// Stored bytes freed, in bytes.
    pub bytes: u64,
    /// Abandoned uploads deleted.
    pub uploads: u64,
}

/// What is due for one attachment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Nothing: it is in use, or its grace period runs.
    Keep,
    /// Note that it has no references.
    Mark,
    /// Delete it.
    Delete,
}

/// Decides for one attachment.
pub fn due(blob: &Blob, referenced: bool, now_ms: u64, grace_ms: u64) -> Due {
    if referenced {
        return Due::Keep;
    }
    let since = blob.unreferenced_since.unwrap_or(now_ms);
    // A clock that was set back must not shorten the grace period.
    if since <= now_ms && now_ms - since >= grace_ms {
        Due::Delete
    } else if blob.unreferenced_since.is_none() {
        Due::Mark
    } else {
        Due::Keep
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Encoding, PartSet, sha256};
    use super::*;

    #[test]
    fn an_attachment_goes_after_its_grace_period_and_not_before() {
        let blob = |unreferenced_since| Blob {
            size: 1,
            media_type: String::new(),
            encoding: Encoding::Identity,
            stored_hash: sha256(b"a"),
            stored_size: 1,
            parts: PartSet::from_random(1),
            unreferenced_since,
        };
        assert_eq!(due(&blob(None), true, 100, 0), Due::Keep);
        assert_eq!(due(&blob(Some(0)), true, 100, 0), Due::Keep);
        assert_eq!(due(&blob(None), false, 100, 10), Due::Mark);
        assert_eq!(due(&blob(None), false, 100, 0), Due::Delete);
        assert_eq!(due(&blob(Some(91)), false, 100, 10), Due::Keep);
        assert_eq!(due(&blob(Some(90)), false, 100, 10), Due::Delete);
        assert_eq!(due(&blob(Some(200)), false, 100, 10), Due::Keep, "a clock set back");
    }
}
