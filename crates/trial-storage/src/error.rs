//! The errors of opening a database.

use std::path::PathBuf;

/// The reason why a database cannot be used. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file does not exist.
    #[error("there is no database at {0}; `trialgate migrate` creates it")]
    Absent(PathBuf),
    /// Not a database, or a truncated one.
    #[error("{path} is not a whole SQLite database; restore it from a backup, or name another file in `storage.url`")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The error of SQLite.
        #[source]
        source: diesel::result::Error,
    },
    /// A database of another program.
    #[error("{0} is the database of another program; name another file in `storage.url`")]
    Foreign(PathBuf),
    /// Migrations have not run.
    #[error("the database at {path} lacks {} of this release; run `trialgate migrate`", names.join(", "))]
    Pending {
        /// The file.
        path: PathBuf,
        /// The migrations.
        names: Vec<String>,
    },
    /// Migrations have run that this release does not know.
    #[error("the database at {path} was written by a newer release ({}); run that one", names.join(", "))]
    Newer {
        /// The file.
        path: PathBuf,
        /// The migrations.
        names: Vec<String>,
    },
    /// Its rows were transferred.
    #[error(
        "the database at {path} was transferred to {place}; set `storage.url` to that one. If nothing was served from there, \
         `trialgate database confirm` lets this one be used again"
    )]
    Moved {
        /// The file.
        path: PathBuf,
        /// The database and its servers.
        place: String,
    },
    /// The file or its directory cannot be written.
    #[error(
        "{0} cannot be written; give this user write access to the file and its directory, and see that the disk has room"
    )]
    ReadOnly(PathBuf),
    /// The file cannot be opened.
    #[error("cannot open the database at {path}; see that the directory exists and this user may write to it")]
    Connect {
        /// The file.
        path: PathBuf,
        /// The error of SQLite.
        #[source]
        source: diesel::ConnectionError,
    },
    /// Another program holds it.
    #[error("the database at {0} is held by another program; stop that, or try again")]
    Busy(PathBuf),
    /// The file system lacks a feature that write-ahead logging needs.
    #[error(
        "the database at {path} stays in the journal mode {mode} instead of WAL; put it on a disk of this machine, not on a \
         network file system"
    )]
    NoWal {
        /// The file.
        path: PathBuf,
        /// Its journal mode.
        mode: String,
    },
    /// Any other error of the database.
    #[error("cannot prepare the database at {path}")]
    Database {
        /// The file.
        path: PathBuf,
        /// The error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
