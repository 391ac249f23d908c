//! Transfer of an SQLite database into a PostgreSQL database.
//!
//! Tables are copied in the order of their keys, each chunk in a transaction. An interrupted transfer is resumed: the
//! rows of the target are compared with the source, one by one, and the rest is copied. At the end everything is
//! compared, in the transaction that removes the mark; until then nobody serves from the target.

mod error;
mod mark;
mod mover;
mod row;
mod tables;

use trial_core::policy::UniqueBy;

pub use error::MoveError;
pub(crate) use mark::Mark;
pub(crate) use row::{Cell, NamedRow, Row};
pub(crate) use tables::{Kind, Page, TABLES, Table};

use crate::postgres::Target;
use crate::sqlite::Source;
use crate::{PostgresOptions, SqliteOptions};
use mover::{Ends, Mover};

/// Rows per transaction.
const CHUNK: u32 = 5_000;

/// A transfer from one database into another.
#[derive(Debug, Clone)]
pub struct Move {
    /// The source. Nobody can write to it meanwhile.
    pub from: SqliteOptions,
    /// The target: empty, or left by the same transfer when that was interrupted.
    pub to: PostgresOptions,
    /// The identity of applicants, for the invariants checked before and after.
    pub unique_by: UniqueBy,
    /// Rows per transaction, at least 1.
    pub chunk: u32,
}

/// The progress of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// The invariants of a database are checked.
    Checking,
    /// Rows of this table were copied.
    Copied(Rows),
    /// Rows of this table were compared.
    Compared(Rows),
}

/// Progress within a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rows {
    /// The table.
    pub table: &'static str,
    /// Rows done.
    pub done: u64,
    /// Rows in all.
    pub of: u64,
}

/// The result of a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveReport {
    /// The migrations that the target lacked.
    pub ran: Vec<String>,
    /// The tables.
    pub tables: Vec<MovedTable>,
}

/// The result for a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MovedTable {
    /// Its name.
    pub table: &'static str,
    /// Its rows, the same in both databases.
    pub rows: u64,
    /// The rows copied now; the others were copied by an earlier run.
    pub copied: u64,
}

impl Move {
    /// A transfer by chunks of the usual size.
    pub fn new(from: SqliteOptions, to: PostgresOptions, unique_by: UniqueBy) -> Self {
        Self { from, to, unique_by, chunk: CHUNK }
    }

    /// Transfers everything, and marks the source. If interrupted, the source is as before, nobody serves from the
    /// target, and the same transfer resumes; at its last step, nobody serves from either. A finished transfer copies
    /// nothing.
    ///
    /// # Errors
    /// One of the databases cannot be used, or they do not fit together; the message says what to do.
    pub async fn run(self, progress: impl FnMut(Moved) + Send) -> Result<MoveReport, MoveError> {
        if !self.from.path.exists() {
            return Err(MoveError::Absent(self.from.path));
        }
        let source = Source::hold(&self.from).await?;
        let (target, ran) = Target::open(&self.to).await?;
        let mut mover = Mover { ends: Ends { plan: self, source, target }, progress };
        let tables = mover.run().await;
        mover.close().await;
        Ok(MoveReport { ran, tables: tables? })
    }
}
