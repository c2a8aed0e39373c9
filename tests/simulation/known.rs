//! What the engine is known to do that it should not. Each of these lets the simulation pass over it until it is mended.

use hoardb::error::Error;
use hoardb::store::Finding;

/// A write that another tab overtakes between its two reads reports damage where there is none.
const FALSE_DAMAGE: bool = false;

/// A session that is made and deleted while `verify` runs may leave chunks or rows that seem to have no owner.
const FALSE_ORPHAN: bool = false;

/// What is shown of kept writes does not go with what other tabs have stored meanwhile.
pub const STALE_KEPT: bool = false;

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
