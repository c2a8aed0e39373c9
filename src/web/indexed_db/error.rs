//! What the browser's exceptions mean.
//!
//! One table, by name, words and moment, made from what the engines were seen to throw: the same name means different
//! things at different moments, and one condition has several shapes.

use crate::error::Error;
use wasm_bindgen::prelude::*;

/// What was being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Opening or upgrading.
    Open,
    /// Beginning a transaction.
    Begin,
    /// Reading in a transaction.
    Read,
    /// Writing in a transaction, up to its end.
    Commit,
}

/// What an exception says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exception {
    /// `QuotaExceededError` and the like; empty when something else than an error was thrown.
    pub name: String,
    /// The engine's words.
    pub message: String,
}

impl From<&JsValue> for Exception {
    fn from(value: &JsValue) -> Self {
        // A `DOMException` is an `Error` too.
        match value.dyn_ref::<js_sys::Error>() {
            Some(error) => Self { name: error.name().into(), message: error.message().into() },
            None => Self::default(),
        }
    }
}

impl Exception {
    fn says(&self, words: &[&str]) -> bool {
        words.iter().any(|words| self.message.contains(words))
    }

    /// Its name and its words.
    pub fn cause(self) -> String {
        match (self.name.is_empty(), self.message.is_empty()) {
            (true, true) => "no reason given".into(),
            (_, true) => self.name,
            (true, _) => self.message,
            (false, false) => [self.name, self.message].join(": "),
        }
    }

    /// The error that the engine reports for this exception.
    pub fn into_error(self, phase: Phase) -> Box<Error> {
        let name = self.name.as_str();
        // Chromium on LevelDB aborts with an UnknownError or, for values that it keeps in files, a DataError.
        // Firefox, after that, lets one transaction do nothing but delete.
        let full = name == "QuotaExceededError"
            || self.says(&["FILE_ERROR_NO_SPACE", "disk full", "No space left"])
            || (phase == Phase::Commit && self.says(&["Failed to write blobs", "did not allow mutations"]));
        // WebKit's words for a storage process that died, Chromium's for a database that was closed under a transaction,
        // and an InvalidStateError of a connection that turned out to be dead.
        let lost = self.says(&[
            "Connection to Indexed Database server lost",
            "error was encountered in the Indexed Database server",
            "Force close",
            "connection was closed",
            "connection is closing",
            "connection is closed",
        ]) || (name == "InvalidStateError" && phase != Phase::Open);
        let refused =
            phase == Phase::Open && matches!(name, "SecurityError" | "InvalidStateError" | "NotSupportedError");
        if full {
            Error::StorageFull { cause: self.cause() }.into()
        } else if refused {
            Error::Unavailable { cause: self.cause() }.into()
        } else if lost {
            Error::ConnectionLost { cause: self.cause() }.into()
        } else {
            Error::Backend { cause: self.cause() }.into()
        }
    }
}
