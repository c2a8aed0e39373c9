//! A write transaction, which is either committed or aborted, whatever happens.

use super::events;
use super::exception::Exception;
use super::sys;
use crate::backend::Outcome;
use wasm_bindgen::prelude::*;
use web_sys::IdbTransaction;

/// Dropping it before [`Transaction::commit`] aborts it: IndexedDB's own way is to commit what was sent so far.
pub struct Transaction {
    raw: IdbTransaction,
    committed: bool,
}

impl Transaction {
    /// Takes a transaction over that has just begun.
    pub fn new(raw: IdbTransaction) -> Self {
        Self { raw, committed: false }
    }

    /// Says that no more requests come, and waits for `complete`: that a request succeeded means nothing yet.
    pub async fn commit(mut self) -> Result<Outcome, Exception> {
        let end = events::first(&self.raw, &["complete"], &["abort", "error"]);
        sys::commit(&self.raw).map_err(|thrown| sys::exception(&thrown))?;
        self.committed = true;
        match end.await {
            Ok(_) => Ok(Outcome::Committed),
            Err(event) => Err(self.reason(&event)),
        }
    }

    /// Why it was aborted: the error of the request that failed, or else what the transaction says, or else just that.
    fn reason(&self, event: &JsValue) -> Exception {
        let of_target = sys::exception(&sys::error_of_target(event));
        match self.raw.error() {
            _ if !matches!(of_target.name.as_str(), "" | "AbortError") => of_target,
            Some(error) => sys::exception(error.as_ref()),
            None => Exception { name: "AbortError".into(), message: String::new() },
        }
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if !self.committed {
            // Throws if it is over already.
            let _ = self.raw.abort();
        }
    }
}
