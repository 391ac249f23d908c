//! The statements that store accepted applications, without a ledger around them: the baseline of a benchmark.

use diesel::sqlite::SqliteConnection;
use diesel_async::AsyncPgConnection;
use trial_core::error::LedgerError;
use trial_core::planner::Effects;

/// Stores the effects of accepted applications on SQLite, in the transaction that is open.
///
/// # Errors
///
/// [`LedgerError`] as a ledger has it; a row that is to change and is not there is [`LedgerError::Corrupt`].
pub fn store_on_sqlite(conn: &mut SqliteConnection, effects: &Effects) -> Result<(), LedgerError> {
    crate::sqlite::store_effects(conn, effects)
}

/// Stores the effects of accepted applications on PostgreSQL in one transaction, a statement per table, all of them
/// sent without waiting for an answer.
///
/// # Errors
///
/// [`LedgerError`] as a ledger has it; a row that is to change and is not there is [`LedgerError::Corrupt`].
pub async fn store_on_postgres(conn: &AsyncPgConnection, effects: &Effects) -> Result<(), LedgerError> {
    crate::postgres::store_accepted(conn, effects).await
}
