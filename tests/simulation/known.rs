//! What the engine is known to do that it should not. Each of these lets the simulation pass over it until it is mended.

use hoardb::error::Error;
use hoardb::store::Finding;

/// A write that another tab overtakes between its two reads reports damage where there is none.
const FALSE_DAMAGE: bool = true;

/// A session that is made and deleted while `verify` runs may leave chunks or rows that seem to have no owner.
const FALSE_ORPHAN: bool = true;

/// A session's record and its chunks are read in two transactions. Each item is one that stood there, and the list is as long
/// as it was, but not all of it is of one moment.
pub const TORN_READS: bool = true;

/// A write that is refused because of another of its group keeps its refusal when the group is not stored.
pub const FALSE_REFUSALS: bool = true;

/// What is shown of kept writes may outlive them.
pub const STALE_KEPT: bool = true;

/// A delete that is tried again takes kept writes with it that come after it.
pub const LATER_SUPERSEDED: bool = true;

/// A strict commit whose answer was lost is taken for durable once it is found stored.
pub const UNKNOWN_IS_DURABLE: bool = true;

/// A delete that fails has already taken the kept writes of its session with it.
pub const LOST_WITH_A_DELETE: bool = true;

/// Whether an error of a write, with other tabs about, is one of these.
pub fn is_known(error: &Error) -> bool {
    FALSE_DAMAGE && error.is_damage()
}

/// Whether a finding, with other clients about, is one of these.
pub fn is_known_finding(finding: &Finding) -> bool {
    FALSE_ORPHAN && finding.code == "Orphan"
}
