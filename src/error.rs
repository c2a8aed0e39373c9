//! The one error type. Every variant has a stable string [`code`](Error::code) which the npm package shows as
//! `HoardError.code`; codes are never renamed or reused.

/// `Result` with [`Error`], in a box: it is rare and has many words, and every answer would make room for them.
pub type Result<T, E = Box<Error>> = std::result::Result<T, E>;

/// Everything that can go wrong, with what the caller needs to act on it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An argument has the wrong type or lies outside its range.
    #[error("{argument}: {problem}")]
    InvalidArgument {
        /// Name of the argument, with the path inside it where it is nested.
        argument: String,
        /// What is wrong and what is allowed.
        problem: String,
    },
    /// What was typed into a search box cannot be meant. See [`crate::index::syntax`].
    #[error("query: {message}")]
    InvalidQuery {
        /// What is wrong, and what to do.
        message: String,
        /// The stable code of the [reason](crate::index::syntax::Reason).
        reason: &'static str,
        /// Where it begins in the query, in UTF-16 units.
        at: usize,
        /// How long it is, in UTF-16 units.
        length: usize,
    },
    /// A session id or list name is not 1 to 512 UTF-16 units, or holds NUL or a lone surrogate.
    #[error("{argument}: {problem}; an id has 1 to 512 UTF-16 units, no NUL and no lone surrogate")]
    InvalidId {
        /// `session id` or `list name`.
        argument: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A value is larger than a bound. Nothing of the operation was stored.
    #[error("{what} takes {got} {unit}, the limit is {limit}")]
    TooLarge {
        /// What is too large.
        what: String,
        /// The bound.
        limit: u64,
        /// What was given.
        got: u64,
        /// Unit of both figures.
        unit: &'static str,
    },
    /// The session, attachment or upload that an operation needs is not there.
    #[error("there is no {what} \"{name}\"")]
    NotFound {
        /// `session`, `attachment`, `upload` or `item`.
        what: &'static str,
        /// Its id, hash or number.
        name: String,
    },
    /// `create` was given an id that is taken; `put` or `update` changes an existing session.
    #[error("session \"{id}\" already exists; use put or update to change it")]
    AlreadyExists {
        /// The session's id.
        id: String,
    },
    /// A stored record is damaged. Other records are still readable; `verify({ repair: true })` mends what can be mended.
    #[error("the stored record {record} is damaged: {problem}")]
    Corrupt {
        /// Object store and key, readable.
        record: String,
        /// What the check found.
        problem: String,
    },
    /// A record that another one points to is gone.
    #[error("the stored record {record} is missing")]
    Missing {
        /// Object store and key, readable.
        record: String,
    },
    /// The store was written by a newer version of this library. Nothing was touched.
    #[error("the store has format {found}, this version reads up to {supported}; update the page to open it")]
    NewerVersion {
        /// Format version found.
        found: u32,
        /// Newest format version that this build reads.
        supported: u32,
    },
    /// The store is empty, though it is known to have held something. Nothing was made anew.
    #[error("the database is empty, though it held data before: the browser or the user deleted it")]
    DataLoss,
    /// The hoard was closed, by `close()` or because another tab needs to upgrade or delete the database.
    #[error("the hoard is closed; open it again")]
    Closed,
    /// Another connection keeps the database from being opened, upgraded or deleted.
    #[error("the database \"{name}\" does not answer; another tab may keep it, so close or reload the others")]
    Blocked {
        /// Database name.
        name: String,
    },
    /// The disk or the origin's quota is full. Everything committed before is intact; reads and deletes still work.
    #[error("the browser has no space left for this origin: {cause}")]
    StorageFull {
        /// The browser's own words.
        cause: String,
    },
    /// The browser dropped the connection to the database. The operation was not stored; retry, or reload the page.
    #[error("the browser lost the connection to the database: {cause}")]
    ConnectionLost {
        /// The browser's own words.
        cause: String,
    },
    /// There is no IndexedDB here, or the browser refuses it (private mode, policy, a frame without storage access).
    #[error("IndexedDB cannot be used here: {cause}")]
    Unavailable {
        /// The browser's own words.
        cause: String,
    },
    /// Other tabs changed the same records again and again while this operation was retried. Nothing was stored.
    #[error("other tabs kept changing the same records; {attempts} attempts were made")]
    Conflict {
        /// How many times it was tried.
        attempts: u32,
    },
    /// The job was cancelled by the caller; what it had done so far stays done.
    #[error("cancelled")]
    Cancelled,
    /// The code of the search index, a module of its own in a browser, could not be loaded. What is written meanwhile is stored,
    /// and indexed once it is there. The next search tries to load it again.
    #[error("search cannot be used now: {cause}")]
    SearchUnavailable {
        /// Why, and what to change.
        cause: String,
    },
    /// Anything else the storage backend reported, in its own words.
    #[error("the storage backend failed: {cause}")]
    Backend {
        /// The backend's own words.
        cause: String,
    },
}

impl Error {
    /// The stable code: the variant's name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidArgument { .. } => "InvalidArgument",
            Self::InvalidQuery { .. } => "InvalidQuery",
            Self::InvalidId { .. } => "InvalidId",
            Self::TooLarge { .. } => "TooLarge",
            Self::NotFound { .. } => "NotFound",
            Self::AlreadyExists { .. } => "AlreadyExists",
            Self::Corrupt { .. } => "Corrupt",
            Self::Missing { .. } => "Missing",
            Self::NewerVersion { .. } => "NewerVersion",
            Self::DataLoss => "DataLoss",
            Self::Closed => "Closed",
            Self::Blocked { .. } => "Blocked",
            Self::StorageFull { .. } => "StorageFull",
            Self::ConnectionLost { .. } => "ConnectionLost",
            Self::Unavailable { .. } => "Unavailable",
            Self::Conflict { .. } => "Conflict",
            Self::Cancelled => "Cancelled",
            Self::SearchUnavailable { .. } => "SearchUnavailable",
            Self::Backend { .. } => "Backend",
        }
    }

    /// Whether the same call may succeed later without a change by the caller.
    pub fn retryable(&self) -> bool {
        matches!(
            self,
            Self::Blocked { .. }
                | Self::ConnectionLost { .. }
                | Self::Conflict { .. }
                | Self::StorageFull { .. }
                | Self::SearchUnavailable { .. }
        )
    }

    /// Whether the page has to be reloaded before the hoard works again.
    pub fn needs_reload(&self) -> bool {
        matches!(self, Self::NewerVersion { .. } | Self::ConnectionLost { .. })
    }

    /// Whether it is no fault of the operation's, so that the same operation can be stored once the storage works again.
    pub fn is_of_storage(&self) -> bool {
        matches!(
            self,
            Self::StorageFull { .. }
                | Self::ConnectionLost { .. }
                | Self::Blocked { .. }
                | Self::Conflict { .. }
                | Self::Backend { .. }
                | Self::Closed
                | Self::DataLoss
        )
    }

    /// Whether it would be the same whatever is stored.
    pub fn is_of_arguments(&self) -> bool {
        matches!(
            self,
            Self::InvalidArgument { .. } | Self::InvalidQuery { .. } | Self::InvalidId { .. } | Self::TooLarge { .. }
        )
    }

    /// The form in which an error crosses to the page or into a report.
    pub fn to_report(&self) -> ErrorReport {
        let (at, length) = match self {
            Self::InvalidQuery { at, length, .. } => (Some(*at), Some(*length)),
            _ => (None, None),
        };
        ErrorReport {
            code: self.code(),
            message: self.to_string(),
            retryable: self.retryable(),
            needs_reload: self.needs_reload(),
            at,
            length,
        }
    }

    /// Whether a record cannot be read.
    pub fn is_corrupt(&self) -> bool {
        matches!(self, Self::Corrupt { .. })
    }

    /// Whether a record cannot be read or is gone.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Corrupt { .. } | Self::Missing { .. })
    }

    /// Shorthand for [`Error::InvalidArgument`].
    pub fn invalid(argument: impl Into<String>, problem: impl Into<String>) -> Box<Self> {
        Box::new(Self::InvalidArgument { argument: argument.into(), problem: problem.into() })
    }
}

/// An [`Error`] as plain fields.
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorReport {
    /// See [`Error::code`].
    pub code: &'static str,
    /// The sentence for a person.
    pub message: String,
    /// See [`Error::retryable`].
    pub retryable: bool,
    /// See [`Error::needs_reload`].
    pub needs_reload: bool,
    /// Where in a query, in UTF-16 units; only of [`Error::InvalidQuery`].
    pub at: Option<usize>,
    /// How long that is, in UTF-16 units; only of [`Error::InvalidQuery`].
    pub length: Option<usize>,
}
