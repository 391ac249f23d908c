//! The trial ledger on SQLite and on PostgreSQL, by diesel.
//!
//! Nothing is decided here: a transaction loads the facts that a batch names, passes them to the core's planner, and
//! stores its effects. `schema.rs` and `rows.rs` are shared by all databases; each database has a module of its own for
//! loading and storing.

pub mod bare;
mod client_rows;
mod convert;
mod error;
mod events;
mod hours;
mod invariants;
mod number_range_rows;
mod operator_rows;
mod portal_rows;
mod postgres;
mod privacy;
#[expect(clippy::ref_option_ref, reason = "diesel's derives take optional columns by reference")]
mod rows;
#[expect(missing_docs, reason = "`table!` gives its items no place for docs; the migrations describe the columns")]
pub mod schema;
mod search;
mod setting_rows;
mod sqlite;
pub mod statement;
mod stock;
mod transfer;
mod views;

pub use error::OpenError;
pub use postgres::{PostgresLedger, PostgresOpenError, PostgresOptions, PostgresUrlError};
pub use sqlite::{SqliteLedger, SqliteOptions};
pub use transfer::{Move, MoveError, MoveReport, Moved, MovedTable, Rows};
