//! What the engine needs from around it besides storage. Time and randomness are arguments, so tests decide them.

use crate::blob::{Hash, sha256};
use crate::event::Event;

/// Clock, randomness, a hash function that may be faster than the portable one, and an ear for what happens.
#[expect(async_fn_in_trait, reason = "the engine runs on one thread; no future is sent")]
pub trait Host {
    /// Milliseconds since 1970.
    fn now_ms(&self) -> u64;

    /// 128 random bits, from a source good enough that two of them never meet.
    fn random(&self) -> u128;

    /// SHA-256 of the bytes.
    async fn sha256(&self, bytes: &[u8]) -> Hash {
        sha256(bytes)
    }

    /// Whether it passes on what other tabs commit (`Store::peer`). If not, each read asks for the generation first.
    fn hears_peers(&self) -> bool {
        false
    }

    /// Sees to it that the code of the search index is there: in a browser it is a module of its own. If not, says why, and
    /// what to do.
    async fn load_index(&self) -> Result<(), String> {
        Ok(())
    }

    /// Waits, before something is tried again.
    async fn sleep(&self, _ms: u64) {}

    /// Learns what the engine did or met.
    fn report(&self, _event: Event) {}
}
