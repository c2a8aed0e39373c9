//! What the engine is known to do that it should not. Each of these lets the simulation pass over it until it is mended.

use hoardb::error::Error;
use hoardb::store::Finding;

/// A write that another tab overtakes between its two reads reports damage where there is none.
const FALSE_DAMAGE: bool = false;

/// A session that is made and deleted while `verify` runs may leave chunks or rows that seem to have no owner.
const FALSE_ORPHAN: bool = false;

/// A whole session is read in several steps: its metadata and each of its lists are of one moment, but not of the same.
pub const TORN_LOADS: bool = true;

/// A write that is refused because of another of its group keeps its refusal when the group is not stored.
pub const FALSE_REFUSALS: bool = false;

/// What is shown of kept writes does not go with what other tabs have stored meanwhile.
pub const STALE_KEPT: bool = true;

/// A delete that is tried again takes kept writes with it that come after it.
pub const LATER_SUPERSEDED: bool = false;

/// The option for strict commits does not promise what the acknowledgement `Durable` does, once an answer was lost.
pub const OPTION_IS_WEAKER: bool = true;

/// A write whose own planning failed in a group that was stored counts as decided.
pub const DECIDED_TOO_EARLY: bool = true;

/// A delete that fails has already taken the kept writes of its session with it.
pub const LOST_WITH_A_DELETE: bool = false;

/// An attachment that is marked by a collector while a reference is planned stays marked.
const MARKED_IN_USE: bool = true;

/// A record that another tab has replaced meanwhile may get into the cache and be trusted.
pub const STALE_CACHE: bool = true;

/// Writes that are found stored are rejected when the barrier after them fails.
pub const BARRIER_REJECTS: bool = true;

/// Whether an error of a write, with other tabs about, is one of these.
pub fn is_known(error: &Error) -> bool {
    FALSE_DAMAGE && error.is_damage()
}

/// Whether a finding is one of these.
pub fn is_known_finding(finding: &Finding, is_alone: bool) -> bool {
    (FALSE_ORPHAN && finding.code == "Orphan" && !is_alone)
        || (MARKED_IN_USE && finding.problem.starts_with("it is marked as unreferenced"))
}
