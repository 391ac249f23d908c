//! Refuses to write to a database that was transferred, or that a newer release has migrated: checked in each
//! transaction that writes, because a running service does not open the file again.

use std::path::Path;
use std::sync::LazyLock;

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::dsl::max;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::SqliteConnection;
use trial_core::audit::ChangedBy;
use trial_core::error::LedgerError;

use super::{SqliteLedger, SqliteOptions, blocking, fault, open, operations};
use crate::OpenError;

diesel::table! {
    #[sql_name = "__diesel_schema_migrations"]
    migrations_run (version) {
        version -> Text,
    }
}

diesel::table! {
    moved_to (is_only) {
        is_only -> BigInt,
        place -> Text,
    }
}

/// The key of the row of `moved_to`.
const ONLY: i64 = 1;

/// The newest migration of this release.
static OURS: LazyLock<String> = LazyLock::new(open::newest);

/// A reason to refuse writes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    /// Its rows were transferred.
    #[error(
        "this database was transferred to {0}; set `storage.url` to that one. If nothing was served from there, \
         `trialgate database confirm` lets this one be used again"
    )]
    Moved(String),
    /// A newer release has migrated it.
    #[error("the database was migrated by a newer release ({0}); stop this one, and start that one")]
    Newer(String),
}

/// Refuses a database that must not be written to.
pub(super) fn check(conn: &mut SqliteConnection) -> Result<(), LedgerError> {
    match refusal(conn).map_err(fault)? {
        Some(refusal) => Err(LedgerError::Unavailable(Box::new(refusal))),
        None => Ok(()),
    }
}

fn refusal(conn: &mut SqliteConnection) -> QueryResult<Option<Refusal>> {
    if let Some(place) = moved_to(conn)? {
        return Ok(Some(Refusal::Moved(place)));
    }
    let newest: Option<String> = migrations_run::table.select(max(migrations_run::version)).get_result(conn)?;
    Ok(newest.filter(|newest| *newest > *OURS).map(Refusal::Newer))
}

/// Returns the place that the database was transferred to, if it was.
fn moved_to(conn: &mut SqliteConnection) -> QueryResult<Option<String>> {
    moved_to::table.find(ONLY).select(moved_to::place).get_result(conn).optional()
}

/// Refuses to open a database that was transferred.
pub(super) fn refuse_moved(conn: &mut SqliteConnection, path: &Path) -> Result<(), OpenError> {
    match moved_to(conn).map_err(|error| open::refused(path, error))? {
        Some(place) => Err(OpenError::Moved { path: path.to_owned(), place }),
        None => Ok(()),
    }
}

/// Marks the database as transferred, and commits the transaction under way.
pub(super) fn fence(conn: &mut SqliteConnection, place: &str) -> Result<(), LedgerError> {
    diesel::sql_query("INSERT OR REPLACE INTO moved_to (is_only, place) VALUES (1, ?)")
        .bind::<Text, _>(place)
        .execute(conn)
        .map_err(fault)?;
    AnsiTransactionManager::commit_transaction(conn).map_err(|error| LedgerError::CommitUnknown(Box::new(error)))
}

impl SqliteLedger {
    /// Makes a transferred database usable again; returns the place that it was transferred to, if it was.
    ///
    /// # Errors
    /// As for [`SqliteLedger::open`].
    pub async fn confirm(options: &SqliteOptions, by: ChangedBy) -> Result<Option<String>, OpenError> {
        let options = options.clone();
        blocking(move || {
            let (mut conn, _watch) = open::open_for_writing(&options)?;
            let database =
                |source: LedgerError| OpenError::Database { path: options.path.clone(), source: source.into() };
            let confirmed = conn.immediate_transaction(|conn| {
                let place = moved_to(conn).map_err(fault)?;
                if let Some(place) = &place {
                    diesel::delete(moved_to::table).execute(conn).map_err(fault)?;
                    let detail = format!("it was transferred to {place}");
                    operations::append_audit(conn, &by, "database.confirm", "database", detail)?;
                }
                Ok::<_, Confirming>(place)
            });
            confirmed.map_err(|Confirming(error)| database(error))
        })
        .await
    }
}

/// An error as diesel's transactions need it.
struct Confirming(LedgerError);

impl From<LedgerError> for Confirming {
    fn from(error: LedgerError) -> Self {
        Self(error)
    }
}

impl From<diesel::result::Error> for Confirming {
    fn from(error: diesel::result::Error) -> Self {
        Self(fault(error))
    }
}
