//! What the browser's exceptions mean.
//!
//! One table, by moment, name and words, made from what the engines were seen to throw: the same name means different
//! things at different moments, and one condition has several shapes. Nothing here touches a browser, and it is tested
//! without one.

use crate::error::Error;

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

/// What is to be done about an exception.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// There is no space. Everything committed before is intact.
    Full,
    /// The connection is gone, or a transaction of it ended for no reason of its own. A new connection may work.
    Lost,
    /// There is no IndexedDB to be had here.
    Refused,
    /// The database has a newer version.
    Newer,
    /// A record, or an answer of many, is larger than the browser passes on.
    Large,
    /// The browser cannot read one record; the others are as good as before.
    Unreadable,
    /// Anything else.
    Other,
}

struct Row {
    phases: &'static [Phase],
    /// Any name if empty.
    name: &'static str,
    /// A part of the message, in lower case.
    words: &'static str,
    meaning: Meaning,
}

const fn row(phases: &'static [Phase], name: &'static str, words: &'static str, meaning: Meaning) -> Row {
    Row { phases, name, words, meaning }
}

const ANY: &[Phase] = &[Phase::Open, Phase::Begin, Phase::Read, Phase::Commit];
const OPEN: &[Phase] = &[Phase::Open];
const READ: &[Phase] = &[Phase::Read];
const COMMIT: &[Phase] = &[Phase::Commit];
const UNDER_WAY: &[Phase] = &[Phase::Read, Phase::Commit];
const ON_A_CONNECTION: &[Phase] = &[Phase::Begin, Phase::Read, Phase::Commit];

/// The first row that fits decides.
const TABLE: &[Row] = &[
    row(ANY, "QuotaExceededError", "", Meaning::Full),
    // Chromium on LevelDB with a full disk: small values, and those that it keeps in files.
    row(ANY, "", "file_error_no_space", Meaning::Full),
    row(COMMIT, "", "failed to write blobs", Meaning::Full),
    // Chromium on SQLite, in older versions under another name.
    row(ANY, "", "disk full", Meaning::Full),
    row(ANY, "", "full disk", Meaning::Full),
    row(ANY, "", "no space left", Meaning::Full),
    // SQLite's own words, which come with the connection's end, whatever was being done.
    row(ANY, "", "disk is full", Meaning::Full),
    // Firefox, in the transaction after one that exceeded the quota, which may do nothing but delete.
    row(COMMIT, "", "did not allow mutations", Meaning::Full),
    row(OPEN, "VersionError", "", Meaning::Newer),
    row(OPEN, "SecurityError", "", Meaning::Refused),
    row(OPEN, "InvalidStateError", "", Meaning::Refused),
    row(OPEN, "", "denied permission", Meaning::Refused),
    // WebKit, whose storage process died: "Connection to Indexed Database server lost. Refresh the page to try again", and
    // before it "An internal error was encountered in the Indexed Database server".
    row(ANY, "", "indexed database server", Meaning::Lost),
    // Chromium: "Force close delete origin".
    row(ANY, "", "force close", Meaning::Lost),
    row(ANY, "", "connection is clos", Meaning::Lost),
    row(ANY, "", "connection was closed", Meaning::Lost),
    row(ON_A_CONNECTION, "InvalidStateError", "", Meaning::Lost),
    // Nobody here aborted it: the browser did, with the connection, or because the page was frozen for long.
    row(UNDER_WAY, "AbortError", "", Meaning::Lost),
    row(UNDER_WAY, "TimeoutError", "", Meaning::Lost),
    // Between a request's answer and the next request the page was stopped, and the transaction ended by itself.
    row(UNDER_WAY, "TransactionInactiveError", "", Meaning::Lost),
    row(ANY, "", "maximum ipc message size exceeded", Meaning::Large),
    row(ANY, "", "value are too large", Meaning::Large),
    // Chromium on LevelDB, which keeps large values in files of their own, when such a file is gone or cut.
    row(READ, "DataError", "failed to read large", Meaning::Unreadable),
    row(READ, "NotReadableError", "", Meaning::Unreadable),
    row(READ, "NotFoundError", "", Meaning::Unreadable),
];

/// Whether it is LevelDB, and a disk that is really full, and not the quota.
pub fn is_of_leveldb(cause: &str) -> bool {
    ["FILE_ERROR_NO_SPACE", "No space left"].iter().any(|words| cause.contains(words))
}

impl Exception {
    /// What it means at that moment.
    pub fn meaning(&self, phase: Phase) -> Meaning {
        let message = self.message.to_ascii_lowercase();
        for row in TABLE {
            if row.phases.contains(&phase)
                && (row.name.is_empty() || row.name == self.name)
                && message.contains(row.words)
            {
                return row.meaning;
            }
        }
        Meaning::Other
    }

    /// Its name and its words.
    pub fn cause(self) -> String {
        let Self { name: mut cause, message } = self;
        if !cause.is_empty() && !message.is_empty() {
            cause.push_str(": ");
        }
        cause.push_str(&message);
        if cause.is_empty() {
            cause.push_str("no reason given");
        }
        cause
    }

    /// The error that the engine reports for this exception.
    pub fn into_error(self, phase: Phase) -> Box<Error> {
        let meaning = self.meaning(phase);
        let mut cause = self.cause();
        Box::new(match meaning {
            Meaning::Full => Error::StorageFull { cause },
            Meaning::Lost => Error::ConnectionLost { cause },
            Meaning::Refused => Error::Unavailable { cause },
            Meaning::Large => {
                cause.insert_str(0, "more than this browser takes at once: ");
                Error::Backend { cause }
            }
            Meaning::Newer | Meaning::Unreadable | Meaning::Other => Error::Backend { cause },
        })
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;

    fn exception(name: &str, message: &str) -> Exception {
        Exception { name: name.into(), message: message.into() }
    }

    const SERVER_LOST: &str = "Connection to Indexed Database server lost. Refresh the page to try again";
    const GECKO_GENERIC: &str = "The operation failed for reasons unrelated to the database itself and not covered by any \
                                 other errors in the specification.";

    /// Every shape that the platform notes quote, by their sections, with the moment at which it was seen.
    #[rustfmt::skip]
    const SEEN: &[(Phase, &str, &str, Meaning)] = {
        use Meaning::*;
        use Phase::*;
        &[
            // 2.1, connection and lifecycle.
            (Open, "UnknownError", SERVER_LOST, Lost),
            (Begin, "UnknownError", SERVER_LOST, Lost),
            (Read, "UnknownError", SERVER_LOST, Lost),
            (Commit, "UnknownError", SERVER_LOST, Lost),
            (Open, "UnknownError", "An internal error was encountered in the Indexed Database server", Lost),
            (Read, "UnknownError", "An internal error was encountered in the Indexed Database server", Lost),
            (Commit, "UnknownError", "An internal error was encountered in the Indexed Database server", Lost),
            (Begin, "InvalidStateError", "The database connection is closing", Lost),
            (Begin, "InvalidStateError", "Failed to execute 'transaction' on 'IDBDatabase': The database connection is closing.", Lost),
            (Begin, "InvalidStateError", "A mutation operation was attempted on a database that did not allow mutations.", Lost),
            (Commit, "InvalidStateError", "The transaction has finished.", Lost),
            (Open, "AbortError", "Connection is closing.", Lost),
            (Open, "AbortError", "The connection was closed.", Lost),
            (Open, "VersionError", "The requested version (1) is less than the existing version (2).", Newer),
            (Open, "AbortError", "Version change transaction was aborted in upgradeneeded event handler.", Other),
            (Read, "TimeoutError", "Transaction timed out due to inactivity.", Lost),
            (Commit, "TimeoutError", "Transaction timed out due to inactivity.", Lost),
            (Open, "InvalidStateError", "A mutation operation was attempted on a database that did not allow mutations.", Refused),
            (Open, "SecurityError", "access to the Indexed Database API is denied in this context.", Refused),
            (Open, "UnknownError", "The user denied permission to access the database.", Refused),
            (Open, "UnknownError", GECKO_GENERIC, Other),
            // 2.2, space.
            (Commit, "QuotaExceededError", "", Full),
            (Commit, "DataError", "Failed to write blobs (IOError)", Full),
            (Commit, "UnknownError", "Internal error committing transaction. IO error: FILE_ERROR_NO_SPACE", Full),
            (Commit, "UnknownError", "Internal error. IO error: 000003.log: No space left on device", Full),
            (Commit, "QuotaExceededError", "Encountered disk full while committing transaction.", Full),
            (Commit, "UnknownError", "Encountered disk full while committing transaction.", Full),
            (Open, "QuotaExceededError", "Encountered full disk while opening backing store for indexedDB.open.", Full),
            (Open, "UnknownError", "Encountered full disk while opening backing store for indexedDB.open.", Full),
            (Open, "AbortError", "Connection is closing because of: database or disk is full", Full),
            (Begin, "UnknownError", "Connection is closing because of: database or disk is full", Full),
            (Read, "UnknownError", "Connection is closing because of: database or disk is full", Full),
            (Commit, "UnknownError", "Connection is closing because of: database or disk is full", Full),
            (Commit, "InvalidStateError", "A mutation operation was attempted on a database that did not allow mutations.", Full),
            (Commit, "AbortError", "", Lost),
            (Read, "AbortError", "The transaction was aborted, so the request cannot be fulfilled.", Lost),
            // 2.3, values and transactions.
            (Read, "TransactionInactiveError", "The transaction is not active.", Lost),
            (Commit, "TransactionInactiveError", "The transaction has finished.", Lost),
            (Commit, "UnknownError", "The serialized keys and/or value are too large (max=133169152)", Large),
            (Read, "UnknownError", "Maximum IPC message size exceeded.", Large),
            (Read, "DataError", "Failed to read large IndexedDB value", Unreadable),
            (Read, "NotReadableError", "The requested file could not be read", Unreadable),
            (Read, "NotFoundError", "A requested file or directory could not be found", Unreadable),
            (Begin, "NotFoundError", "One of the specified object stores was not found.", Other),
            (Commit, "DataError", "Failed to read large IndexedDB value", Other),
            (Commit, "UnknownError", "Error preparing Blob/File data to be stored in object store", Other),
            (Commit, "DataCloneError", "() => {} could not be cloned.", Other),
            (Commit, "RangeError", "Maximum call stack size exceeded", Other),
            (Commit, "DataError", "The parameter is not a valid key.", Other),
            (Commit, "ConstraintError", "Key already exists in the object store.", Other),
            // 2.4, corruption and vanishing.
            (Read, "UnknownError", "Internal error. Corruption: block checksum mismatch", Other),
            (Open, "UnknownError", "Internal error opening backing store for indexedDB.open.", Other),
            (Read, "UnknownError", GECKO_GENERIC, Other),
            (Commit, "UnknownError", "Force close delete origin", Lost),
            (Read, "UnknownError", "Force close delete origin", Lost),
            // What is no error at all.
            (Commit, "", "", Other),
        ]
    };

    #[test]
    fn every_shape_that_was_seen_has_its_meaning() {
        for &(phase, name, message, meaning) in SEEN {
            assert_eq!(exception(name, message).meaning(phase), meaning, "{phase:?} {name} {message}");
        }
    }

    /// A row that no shape needs is a guess, and one that is shadowed is a mistake.
    #[test]
    fn every_row_of_the_table_was_seen() {
        for (index, row) in TABLE.iter().enumerate() {
            let decides = |&&(phase, name, message, _): &&(Phase, &str, &str, Meaning)| {
                let message = message.to_ascii_lowercase();
                let fits = |row: &Row| {
                    row.phases.contains(&phase) && ["", name].contains(&row.name) && message.contains(row.words)
                };
                TABLE.iter().position(fits) == Some(index)
            };
            assert!(SEEN.iter().any(|seen| decides(&seen)), "row {index}: {} {}", row.name, row.words);
        }
    }

    #[test]
    fn each_meaning_has_its_error_and_keeps_the_browsers_words() {
        for &(phase, name, message, meaning) in SEEN {
            let error = exception(name, message).into_error(phase);
            let code = match meaning {
                Meaning::Full => "StorageFull",
                Meaning::Lost => "ConnectionLost",
                Meaning::Refused => "Unavailable",
                Meaning::Newer | Meaning::Large | Meaning::Unreadable | Meaning::Other => "Backend",
            };
            assert_eq!(error.code(), code, "{phase:?} {name} {message}");
            let text = error.to_string();
            assert!(text.contains(name) && text.contains(message), "{text}");
        }
        let large = exception("", "Maximum IPC message size exceeded.").into_error(Phase::Read).to_string();
        assert!(large.contains("more than this browser takes"), "{large}");
        let nothing = Exception::default().into_error(Phase::Read);
        assert_eq!(*nothing, Error::Backend { cause: "no reason given".into() });
    }

    /// The guard of `disk.rs` is armed by these alone.
    #[test]
    fn only_leveldbs_words_are_of_a_torn_log() {
        let of_leveldb = |&&(phase, name, message, _): &&(Phase, &str, &str, Meaning)| {
            let error = exception(name, message).into_error(phase);
            matches!(*error, Error::StorageFull { cause } if is_of_leveldb(&cause))
        };
        let found: Vec<_> = SEEN.iter().filter(of_leveldb).map(|(_, _, message, _)| *message).collect();
        let wanted = [
            "Internal error committing transaction. IO error: FILE_ERROR_NO_SPACE",
            "Internal error. IO error: 000003.log: No space left on device",
        ];
        assert_eq!(found, wanted);
    }
}
