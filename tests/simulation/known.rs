//! What the engine is known to do that it should not. Each of these lets the simulation pass over it until it is mended.

use hoardb::store::Finding;

/// What is shown of kept writes does not go with what other tabs have stored meanwhile.
pub const STALE_KEPT: bool = false;

/// Two states of a session that are made in one millisecond are taken for one.
pub const REVISION_BY_CLOCK: bool = false;

/// An accepted write whose refusal nobody heard of may succeed when it comes again.
pub const RESURRECTED: bool = false;

/// A delete that is found to have happened does not know how many sessions there were, and may not be durable.
pub const FORGETFUL_DELETES: bool = false;

/// What a page has in the journal is replayed though the page lived on and was told what became of it.
pub const JOURNAL_OUTLIVED: bool = false;

/// A session that changes whenever `verify` looks at it is reported as it was seen last.
const BUSY_SESSIONS: bool = false;

/// Whether a finding, with writers about, is one of these.
pub fn is_known_finding(finding: &Finding) -> bool {
    BUSY_SESSIONS && !finding.repaired
}
