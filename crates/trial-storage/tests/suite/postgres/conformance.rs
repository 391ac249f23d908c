//! The conformance suite on PostgreSQL.

use std::sync::Mutex;

use async_trait::async_trait;
use trial_storage::PostgresLedger;
use trial_testkit::LedgerFactory;

use super::server::Database;

/// Ledgers, each in a database of its own.
#[derive(Default)]
struct Databases(Mutex<Option<Database>>);

#[async_trait]
impl LedgerFactory for Databases {
    type Ledger = PostgresLedger;

    async fn fresh(&self) -> PostgresLedger {
        let database = Database::new().await;
        *self.0.lock().unwrap() = Some(database.clone());
        database.open().await
    }

    async fn reopen(&self, ledger: PostgresLedger) -> Option<PostgresLedger> {
        ledger.close();
        let database = self.0.lock().unwrap().clone()?;
        Some(database.open().await)
    }
}

trial_testkit::ledger_conformance!(Databases::default());
trial_testkit::ledger_screening_conformance!(Databases::default());
