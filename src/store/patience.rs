//! How often something is tried again after the connection was lost, and for how long.

use crate::error::Error;
use crate::host::Host;

/// Pauses before each further try, in milliseconds.
const PAUSES_MS: [u64; 3] = [100, 400, 1000];

/// How long a call goes on trying, in milliseconds. With what a backend takes to find out that a connection is dead, a caller
/// waits 10 seconds at most.
const BUDGET_MS: u64 = 2500;

/// What is left of it for one call.
#[derive(Debug)]
pub(super) struct Patience {
    pauses: std::array::IntoIter<u64, 3>,
    until_ms: u64,
}

impl Patience {
    pub(super) fn new(now_ms: u64) -> Self {
        Self { pauses: PAUSES_MS.into_iter(), until_ms: now_ms.saturating_add(BUDGET_MS) }
    }

    /// Waits before another try; false if there is to be none.
    pub(super) async fn wait(&mut self, host: &impl Host) -> bool {
        let Some(pause) = self.pauses.next().filter(|_| host.now_ms() < self.until_ms) else { return false };
        host.sleep(pause).await;
        true
    }

    /// The same after an error that may pass: a lost connection.
    pub(super) async fn after(&mut self, error: &Error, host: &impl Host) -> bool {
        matches!(error, Error::ConnectionLost { .. }) && self.wait(host).await
    }
}
