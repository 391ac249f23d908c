//! Another process holds the write lock.

use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use tokio::time::Instant;
use trial_core::access_codes::ImportPlan;
use trial_core::error::LedgerError;
use trial_core::planner::Request;
use trial_core::ports::{Operations, TrialLedger};
use trial_storage::{SqliteLedger, SqliteOptions};
use trial_testkit::{LedgerHarness, SeededEntropy, data};

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

/// SQLite's busy handler looks for the lock every 100 ms at last; an import that took it again at once would starve it.
#[tokio::test(start_paused = true)]
async fn an_import_leaves_the_lock_free_between_its_pieces() {
    let dir = tempfile::tempdir().unwrap();
    let options = SqliteOptions::new(dir.path().join("trialgate.db"));
    SqliteLedger::migrate(&options).await.unwrap();
    let harness = LedgerHarness::new(SqliteLedger::open(options).await.unwrap());
    let pairs = u32::try_from(ImportPlan::PIECE).unwrap() / 2;
    // There is no pause after the last piece. Those stored before are known.
    for (pairs, least, most) in [(1, 0, 0), (pairs, 0, 0), (2 * pairs + 1, 100, 1_500)] {
        let before = Instant::now();
        harness.ledger.import_access_codes(data::access_codes(pairs), false, harness.operator()).await.unwrap();
        let pauses = before.elapsed().as_millis();
        assert!((least..=most).contains(&pauses), "{pauses} ms in an import of {pairs} pairs");
    }
}
