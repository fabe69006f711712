//! Why an audit file cannot be used.

use std::{io, time::Duration};

use crate::{
    audit::AuditError,
    config::{Finding, Severity},
};

/// Why an audit log cannot be opened. Names no paths.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuditFileError {
    /// The operating system refuses.
    #[error("audit file cannot be used: {kind}")]
    Io {
        /// Why.
        kind: io::ErrorKind,
    },
    /// The first line cannot be written.
    #[error(transparent)]
    Unwritable(#[from] AuditError),
    /// The path is a symbolic link, so that whoever made it decides where the log goes.
    #[error("audit file is a symbolic link")]
    SymbolicLink,
    /// The path is a directory, a device or a pipe.
    #[error("audit file is not a regular file")]
    NotAFile,
    /// Others than the owner may write to the file.
    #[error("audit file can be written by others than its owner")]
    WritableByOthers,
    /// Everyone may replace the file, because everyone may write to its directory.
    #[error("directory of the audit file can be written by everyone")]
    DirectoryWritableByOthers,
    /// Another process writes to the file.
    #[error("audit file is in use by another process")]
    InUse,
    /// The file was not written by this sink, or was changed.
    #[error("the last line of the audit file is not a valid record")]
    ChainBroken,
    /// The file is chained under another key, or without one.
    #[error("audit file is chained under another key")]
    OtherKey,
    /// The queue is of no size that it can have.
    #[error("audit queue must hold 1 to {most} records")]
    QueueOutOfRange {
        /// The largest.
        most: usize,
    },
    /// The time is none in which records can be written.
    #[error("audit flush time must be above zero and at most {most:?}")]
    FlushOutOfRange {
        /// The longest.
        most: Duration,
    },
}

impl AuditFileError {
    /// The stable name of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.describe().0
    }

    /// What to do about it.
    #[must_use]
    pub const fn fix(&self) -> &'static str {
        self.describe().1
    }

    /// This error as a finding about the field at `path`.
    #[must_use]
    pub fn to_finding(&self, path: &'static str) -> Finding {
        Finding::new(path, Severity::Error, self.code(), self.to_string()).with_fix(self.fix())
    }

    const fn describe(&self) -> (&'static str, &'static str) {
        match self {
            Self::Io { .. } => {
                ("audit_file_io", "check that the directory exists and that this user may write")
            }
            Self::Unwritable(error) => (error.code(), "check the disk"),
            Self::SymbolicLink => ("audit_file_symlink", "name the file itself"),
            Self::NotAFile => ("audit_file_not_a_file", "name a regular file"),
            Self::WritableByOthers => ("audit_file_writable", "chmod go-w the file"),
            Self::DirectoryWritableByOthers => {
                ("audit_directory_writable", "choose a directory that only its owner can write")
            }
            Self::InUse => ("audit_file_in_use", "give each process a file of its own"),
            Self::ChainBroken => (
                "audit_chain_broken",
                "run `palisade audit verify`, keep the file as evidence, and start a new one",
            ),
            Self::OtherKey => {
                ("audit_key_mismatch", "use the key of this file, or start a new file")
            }
            Self::QueueOutOfRange { .. } => ("audit_queue_out_of_range", "leave it out"),
            Self::FlushOutOfRange { .. } => ("audit_flush_out_of_range", "leave it out"),
        }
    }
}

impl From<io::Error> for AuditFileError {
    fn from(error: io::Error) -> Self {
        Self::Io { kind: error.kind() }
    }
}
