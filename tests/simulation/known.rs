//! What the engine is known to do that it should not. Each of these lets the simulation pass over it until it is mended.

use hoardb::error::Error;
use hoardb::store::Finding;

/// A write that another tab overtakes between its two reads reports damage where there is none.
const FALSE_DAMAGE: bool = false;

/// A session that is made and deleted while `verify` runs may leave chunks or rows that seem to have no owner.
const FALSE_ORPHAN: bool = false;

/// What is shown of kept writes does not go with what other tabs have stored meanwhile.
pub const STALE_KEPT: bool = false;

/// Two states of a session that are made in one millisecond are taken for one.
pub const REVISION_BY_CLOCK: bool = true;

/// An accepted write whose refusal nobody heard of may succeed when it comes again.
pub const RESURRECTED: bool = true;

/// What a delete above the quota leaves to be counted is counted twice when another tab counts anew.
pub const COUNTED_TWICE: bool = false;

/// A delete that is found to have happened does not know how many sessions there were, and may not be durable.
pub const FORGETFUL_DELETES: bool = true;

/// An attachment that is marked by a collector while a reference is planned stays marked.
const MARKED_IN_USE: bool = false;

/// Whether an error of a write, with other tabs about, is one of these.
pub fn is_known(error: &Error) -> bool {
    FALSE_DAMAGE && error.is_damage()
}

/// Whether a finding is one of these.
pub fn is_known_finding(finding: &Finding, is_alone: bool) -> bool {
    (FALSE_ORPHAN && finding.code == "Orphan" && !is_alone)
        || (MARKED_IN_USE && finding.problem.starts_with("it is marked as unreferenced"))
}
