//! The one shape of long work: small steps, each of which leaves the store whole.
//!
//! Whoever runs a job calls its `step` until it says that it is done. Not calling it is a pause, and dropping it a cancel;
//! what was done so far stays done.

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What it is at.
    pub phase: &'static str,
    /// How much of that is done.
    pub done: u64,
    /// How much there is, as far as is known; 0 when it is not.
    pub total: u64,
    /// What is counted.
    pub unit: &'static str,
}

/// What a step came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Step<R> {
    /// There is more to do.
    Running(Progress),
    /// It is done.
    Done(Progress, R),
}
