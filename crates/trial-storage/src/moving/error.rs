use std::path::PathBuf;

use trial_core::{LedgerError, Violation};

use crate::{OpenError, PostgresOpenError};

/// The reason that a move did not come to its end. Each message says what to do. The source holds all that it held.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// There is nothing to move.
    #[error("there is no database at {0} to be moved")]
    Absent(PathBuf),
    /// The source cannot be used.
    #[error("cannot move from there")]
    Source(#[from] OpenError),
    /// The target cannot be used.
    #[error("cannot move to there")]
    Target(#[from] PostgresOpenError),
    /// The source is not in order.
    #[error(
        "the database at {path} is not in order, and is not moved before it is: {}; see `trialgate doctor`",
        list(violations)
    )]
    Broken {
        /// The file.
        path: PathBuf,
        /// What does not hold.
        violations: Vec<Violation>,
    },
    /// Somebody decides there for longer than is waited for, or moves a database there.
    #[error("the database {0} is held by another process, perhaps by another move; stop that, or wait for its end")]
    Busy(String),
    /// The target is not empty, and no move was begun.
    #[error("the database {place} has rows of its own in {table}; name an empty database to move to")]
    InUse {
        /// The database and its servers.
        place: String,
        /// A table with rows that are not the source's.
        table: &'static str,
    },
    /// The target holds part of another source.
    #[error(
        "{from} is being moved into the database {place}, and not this one; move that one to its end, or name an empty \
         database to move to"
    )]
    OtherSource {
        /// The database and its servers.
        place: String,
        /// What the target holds part of.
        from: String,
    },
    /// What arrived is not what was sent.
    #[error(
        "what arrived in {table} of the database {place} is not what was sent; see that nothing else writes to it, and \
         run the same command again. Nothing is served from it before"
    )]
    Differs {
        /// The database and its servers.
        place: String,
        /// The table.
        table: &'static str,
    },
    /// What arrived is not in order.
    #[error("what arrived in the database {place} is not in order: {}. Nothing is served from it", list(violations))]
    BrokenThere {
        /// The database and its servers.
        place: String,
        /// What does not hold.
        violations: Vec<Violation>,
    },
    /// The source failed on the way.
    #[error("cannot read the database at {path}; once that is mended, the same command goes on from there")]
    Reading {
        /// The file.
        path: PathBuf,
        /// What it says.
        #[source]
        source: LedgerError,
    },
    /// The target failed on the way.
    #[error("cannot write to the database {place}; once that is mended, the same command goes on from there")]
    Writing {
        /// The database and its servers.
        place: String,
        /// What it says.
        #[source]
        source: LedgerError,
    },
}

fn list(violations: &[Violation]) -> String {
    let violation =
        |found: &Violation| format!("{} (broken {} times, as by {})", found.invariant, found.rows, found.example);
    violations.iter().map(violation).collect::<Vec<_>>().join("; ")
}
