//! Moving house: everything that an SQLite database holds, into a PostgreSQL database.
//!
//! Tables are copied in the order of their keys, each chunk in a transaction. A move that was interrupted is gone on with:
//! what has arrived is compared with the source, row by row, and the rest copied. At the end all is compared, in the
//! transaction that takes the mark away by which nobody serves from the target before.

mod error;
mod mark;
mod mover;
mod row;
mod tables;

use trial_core::UniqueBy;

pub use error::MoveError;
pub(crate) use mark::Mark;
pub(crate) use row::{Cell, NamedRow, Row};
pub(crate) use tables::{Kind, Page, TABLES, Table};

use crate::postgres::Target;
use crate::sqlite::Source;
use crate::{PostgresOptions, SqliteOptions};
use mover::{Ends, Mover};

/// Rows that one transaction copies.
const CHUNK: u32 = 5_000;

/// A move from one database into another.
#[derive(Debug, Clone)]
pub struct Move {
    /// The database that is moved. Nobody can write to it meanwhile.
    pub from: SqliteOptions,
    /// The database that it is moved into: empty, or left by the same move when that was interrupted.
    pub to: PostgresOptions,
    /// What customers are told apart by, for the invariants that are looked at before and after.
    pub unique_by: UniqueBy,
    /// Rows that one transaction copies, at least 1.
    pub chunk: u32,
}

/// How far a move has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// The invariants of a database are looked at.
    Checking,
    /// Rows of this table have arrived.
    Copied(Rows),
    /// Rows of this table have been compared.
    Compared(Rows),
}

/// So many rows of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rows {
    /// The table.
    pub table: &'static str,
    /// How many are done.
    pub done: u64,
    /// How many there are.
    pub of: u64,
}

/// What a move came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveReport {
    /// The migrations that the target lacked.
    pub ran: Vec<String>,
    /// Each table.
    pub tables: Vec<MovedTable>,
}

/// What became of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MovedTable {
    /// Its name.
    pub table: &'static str,
    /// Its rows, the same in both databases.
    pub rows: u64,
    /// How many of them were copied; the others were there, from a move before.
    pub copied: u64,
}

impl Move {
    /// A move by chunks of the usual size.
    pub fn new(from: SqliteOptions, to: PostgresOptions, unique_by: UniqueBy) -> Self {
        Self { from, to, unique_by, chunk: CHUNK }
    }

    /// Moves everything, and marks the source as moved. If this is interrupted, the source is as it was, nobody serves from
    /// the target, and the same move goes on where this one ended; at its last step, nobody serves from either. A move that
    /// has come to its end already copies nothing.
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
