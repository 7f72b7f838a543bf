//! How the store fails. Messages are for operators: they name kind and id, never a value.

use std::io;
use std::path::PathBuf;

use super::Kind;

/// Why a read or write could not be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The medium failed; nothing that was asked for is known to have happened.
    #[error("the store is unavailable: {why}")]
    Unavailable {
        /// The cause as the system tells it.
        why: String,
    },
    /// An earlier write failed in a way that only a restart may clear.
    #[error("the store is read-only after a failed write until it is opened again")]
    ReadOnly,
    /// No space is left; writes go on by themselves when there is some.
    #[error("no space is left for the store")]
    Full,
    /// What is stored is not what was written.
    #[error("{kind} {id:?} is damaged: {why}")]
    Damaged {
        /// The kind of the record.
        kind: Kind,
        /// Its id.
        id: String,
        /// What is wrong, without the value.
        why: String,
    },
    /// A record or batch that cannot be stored: a mistake in the program.
    #[error("{kind} {id:?} cannot be stored: {why}")]
    Encoding {
        /// The kind of the record.
        kind: Kind,
        /// Its id.
        id: String,
        /// What is wrong, without the value.
        why: String,
    },
}

/// Why a batch was not applied. None of it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// An expectation did not hold.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// The store failed. After [`StoreError::Unavailable`] the batch may still be found after a
    /// restart, whole or not at all.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The first expectation of a batch that did not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {id:?} {cause}")]
pub struct Conflict {
    /// The kind of the record.
    pub kind: Kind,
    /// The id of the record in the batch.
    pub id: String,
    /// What was found instead.
    pub cause: ConflictCause,
}

/// What was found instead of what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConflictCause {
    /// Expected absent, found a live record.
    #[error("exists already")]
    Exists,
    /// Expected a version, found another or none.
    #[error("was changed or removed meanwhile")]
    Changed,
    /// Another live record holds a unique value.
    #[error("needs a {index} that another one has")]
    Taken {
        /// The unique index.
        index: &'static str,
    },
}

/// Why a store could not be opened. The file is left as it was.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("the store {} is in use by another process", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// A newer program wrote it.
    #[error("the store {} has format {found}, this program knows formats up to {known}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema number.
        found: u64,
        /// The newest this program can read.
        known: u64,
    },
    /// It is not a store, or not a whole one.
    #[error("the store {} is damaged: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The system refused.
    #[error("cannot open the store {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

impl OpenError {
    /// What the operator can do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Locked { .. } => "stop the running service, or let the command talk to it",
            Self::Newer { .. } => "run the version that wrote it, or restore a backup made by this version",
            Self::Damaged { .. } => {
                "restore the file from a backup; it was left untouched and is never replaced by an empty one"
            }
            Self::Io { .. } => "check that the directory exists, its permissions and the disk",
        }
    }
}
