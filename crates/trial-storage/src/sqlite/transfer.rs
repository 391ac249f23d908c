//! The source of a transfer.

use std::sync::Arc;

use diesel::connection::AnsiTransactionManager;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Text};
use trial_core::error::LedgerError;
use trial_core::policy::UniqueBy;
use trial_core::ports::Violation;

use super::worker::Worker;
use super::{SqliteOptions, blocking, fault, guard, open, verify};
use crate::OpenError;
use crate::transfer::{Page, Row, Table};

/// A database that nobody can write to while this exists.
pub(crate) struct Source(Worker);

#[derive(QueryableByName)]
struct Identity {
    #[diesel(sql_type = Text)]
    identity: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

impl Source {
    /// Takes the write lock: later commits would be lost. Readers are unaffected.
    pub(crate) async fn hold(options: &SqliteOptions) -> Result<Self, OpenError> {
        let options = options.clone();
        blocking(move || {
            let (mut conn, watch) = open::open_for_writing(&options)?;
            AnsiTransactionManager::begin_transaction_sql(&mut conn, "BEGIN IMMEDIATE")
                .map_err(|error| open::refused(&options.path, error))?;
            let failed = |source: std::io::Error| OpenError::Database { path: options.path, source: source.into() };
            Worker::start("sqlite-source", conn, Arc::new(watch)).map(Self).map_err(failed)
        })
        .await
    }

    /// The identity of the database: see [`Mark`](crate::transfer::Mark).
    pub(crate) async fn identity(&self) -> Result<String, LedgerError> {
        let query = "SELECT strftime('%Y%m%d%H%M%S', min(run_on)) || '-' \
            || coalesce((SELECT lower(hex(min(id))) FROM audit WHERE action <> 'terms.accept'), '') AS identity FROM __diesel_schema_migrations";
        self.0.run(move |conn| Ok(sql_query(query).get_result::<Identity>(conn).map_err(fault)?.identity)).await
    }

    pub(crate) async fn violations(&self, by: UniqueBy) -> Result<Vec<Violation>, LedgerError> {
        self.0.run(move |conn| verify::violations(conn, by)).await
    }

    pub(crate) async fn count(&self, table: &'static Table) -> Result<u64, LedgerError> {
        let query = format!("SELECT count(*) AS rows FROM {}", table.name);
        let count = self.0.run(move |conn| Ok(sql_query(query).get_result::<Count>(conn).map_err(fault)?.rows)).await?;
        Ok(count.unsigned_abs())
    }

    pub(crate) async fn page(&self, page: Page) -> Result<Vec<Row>, LedgerError> {
        self.0.run(move |conn| page.load(conn).map_err(fault)).await
    }

    /// Marks the database as transferred to this place, for good: every process that has it open refuses from now on.
    pub(crate) async fn fence(&self, place: &str) -> Result<(), LedgerError> {
        let place = place.to_owned();
        self.0.run(move |conn| guard::fence(conn, &place)).await
    }

    /// Releases the write lock, for good if the database was marked.
    pub(crate) async fn release(self) {
        // An uncommitted transaction ends with the connection.
        self.0.close().await;
    }
}
