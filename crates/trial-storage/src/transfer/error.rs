//! The errors of a transfer.

use std::path::PathBuf;

use trial_core::error::LedgerError;
use trial_core::ports::Violation;

use crate::{OpenError, PostgresOpenError};

/// The reason why a transfer did not finish. Each message says what to do. The source keeps all its data.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// The source does not exist.
    #[error("there is no database at {0} to transfer")]
    Absent(PathBuf),
    /// The source cannot be used.
    #[error("cannot transfer from the source")]
    Source(#[from] OpenError),
    /// The target cannot be used.
    #[error("cannot transfer to the target")]
    Target(#[from] PostgresOpenError),
    /// The source breaks invariants.
    #[error(
        "the database at {path} is not in order: {}; repair it before the transfer, see `trialgate doctor`",
        list(violations)
    )]
    Broken {
        /// The file.
        path: PathBuf,
        /// The broken invariants.
        violations: Vec<Violation>,
    },
    /// Another process decides there for too long, or transfers a database there.
    #[error("the database {0} is held by another process, perhaps by another transfer; stop that, or wait for its end")]
    Busy(String),
    /// The target is not empty, and no transfer was begun.
    #[error("the database {place} has rows of its own in {table}; name an empty database")]
    InUse {
        /// The database and its servers.
        place: String,
        /// A table with rows from elsewhere.
        table: &'static str,
    },
    /// The target holds part of another source.
    #[error(
        "{from} is being transferred into the database {place}, and not this one; finish that transfer, or name an \
         empty database"
    )]
    OtherSource {
        /// The database and its servers.
        place: String,
        /// The source of that part.
        from: String,
    },
    /// The copy differs from the source.
    #[error(
        "{table} of the database {place} differs from the source; see that nothing else writes to it, and \
         run the same command again. Until then nothing is served from it"
    )]
    Differs {
        /// The database and its servers.
        place: String,
        /// The table.
        table: &'static str,
    },
    /// The copy breaks invariants.
    #[error("the copy in the database {place} is not in order: {}. Nothing is served from it", list(violations))]
    BrokenThere {
        /// The database and its servers.
        place: String,
        /// The broken invariants.
        violations: Vec<Violation>,
    },
    /// The source failed during the transfer.
    #[error("cannot read the database at {path}; once that is repaired, the same command resumes the transfer")]
    Reading {
        /// The file.
        path: PathBuf,
        /// The error.
        #[source]
        source: LedgerError,
    },
    /// The target failed during the transfer.
    #[error("cannot write to the database {place}; once that is repaired, the same command resumes the transfer")]
    Writing {
        /// The database and its servers.
        place: String,
        /// The error.
        #[source]
        source: LedgerError,
    },
}

fn list(violations: &[Violation]) -> String {
    let violation =
        |found: &Violation| format!("{} (broken {} times, as by {})", found.invariant, found.rows, found.example);
    violations.iter().map(violation).collect::<Vec<_>>().join("; ")
}
