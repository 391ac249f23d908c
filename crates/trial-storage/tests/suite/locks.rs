//! Another process holds the write lock.

use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use trial_core::error::LedgerError;
use trial_core::planner::Request;
use trial_core::ports::TrialLedger;
use trial_storage::{SqliteLedger, SqliteOptions};
use trial_testkit::{SeededEntropy, data};

#[tokio::test]
async fn a_write_lock_held_too_long_is_contention_and_passes() {
    let dir = tempfile::tempdir().unwrap();
    let options = SqliteOptions {
        busy_timeout: Duration::from_millis(20),
        ..SqliteOptions::new(dir.path().join("trialgate.db"))
    };
    SqliteLedger::migrate(&options).await.unwrap();
    let ledger = SqliteLedger::open(options.clone()).await.unwrap();
    let mut other = SqliteConnection::establish(options.path.to_str().unwrap()).unwrap();
    other.batch_execute("BEGIN IMMEDIATE").unwrap();

    let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let request = || Request::SendCode(data::code_request(&data::phone(1)));
    let batch = Arc::new(data::batch(now, &SeededEntropy::new(1), [request()]));
    let refused = ledger.commit(Arc::clone(&batch), data::planner()).await;
    assert!(matches!(refused, Err(LedgerError::Contended(_))), "{refused:?}");
    assert!(matches!(ledger.check().await, Err(LedgerError::Contended(_))), "as decisions find it");

    other.batch_execute("ROLLBACK").unwrap();
    ledger.check().await.unwrap();
    assert_eq!(ledger.commit(batch, data::planner()).await.unwrap().len(), 1);
}
