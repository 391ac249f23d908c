//! The check of decisions while another session holds what they take.

use std::time::Duration;

use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use trial_core::error::LedgerError;
use trial_core::planner::Request;
use trial_core::ports::TrialLedger;
use trial_storage::{PostgresLedger, PostgresOptions};
use trial_testkit::{LedgerHarness, data};

use super::server::Database;

/// Locks that keep an application or a request for a code from being decided.
const LOCKS: [&str; 22] = [
    "LOCK TABLE applications IN EXCLUSIVE MODE",
    "LOCK TABLE code_requests IN EXCLUSIVE MODE",
    "LOCK TABLE challenges IN EXCLUSIVE MODE",
    "LOCK TABLE phones IN EXCLUSIVE MODE",
    "LOCK TABLE sms_days IN EXCLUSIVE MODE",
    "LOCK TABLE prefix_spans IN EXCLUSIVE MODE",
    "LOCK TABLE prefix_blocks",
    "LOCK TABLE safe_prefixes",
    "LOCK TABLE setting_changes",
    "LOCK TABLE tenants IN EXCLUSIVE MODE",
    "LOCK TABLE access_codes IN EXCLUSIVE MODE",
    "LOCK TABLE pool_marks IN EXCLUSIVE MODE",
    "LOCK TABLE quota_days IN EXCLUSIVE MODE",
    "LOCK TABLE mails IN EXCLUSIVE MODE",
    "LOCK TABLE audit IN EXCLUSIVE MODE",
    "LOCK TABLE decided_batches IN EXCLUSIVE MODE",
    "LOCK TABLE database_state",
    "SELECT FROM sms_days FOR UPDATE",
    "SELECT FROM prefix_spans FOR UPDATE",
    "SELECT FROM access_codes FOR UPDATE",
    "SELECT FROM pool_marks FOR UPDATE",
    "SELECT FROM quota_days FOR UPDATE",
];

async fn shell(database: &Database) -> AsyncPgConnection {
    AsyncPgConnection::establish(&database.server.url(&database.name)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_check_fails_with_decisions_and_only_with_them() {
    let database = Database::new().await;
    let options = PostgresOptions { turn_timeout: Duration::from_millis(30), ..database.options() };
    let ledger = PostgresLedger::open(options).await.unwrap();
    let harness = LedgerHarness::new(ledger.clone()).with_access_codes(3).await;
    harness.join(1).await;
    let application = harness.prepared(2).await;
    let batch = || {
        let request = Request::SendCode(data::code_request(&data::phone(3)));
        harness.batch([Request::Apply(application.clone()), request])
    };
    let mut shell = shell(&database).await;
    for lock in LOCKS {
        shell.batch_execute(&format!("BEGIN; {lock}")).await.unwrap();
        let refused = ledger.commit(batch(), data::planner()).await;
        assert!(matches!(refused, Err(LedgerError::Contended(_))), "{lock}: {refused:?}");
        let refused = ledger.check().await;
        assert!(matches!(refused, Err(LedgerError::Contended(_))), "{lock}: {refused:?}");
        shell.batch_execute("ROLLBACK").await.unwrap();
        ledger.check().await.unwrap();
    }
    shell.batch_execute("BEGIN; LOCK TABLE clock_marks, operators, callers").await.unwrap();
    ledger.check().await.unwrap();
    assert_eq!(ledger.commit(batch(), data::planner()).await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_with_locks_that_decisions_wait_for_is_named() {
    let database = Database::new().await;
    let options = PostgresOptions { turn_timeout: Duration::from_millis(200), ..database.options() };
    let ledger = PostgresLedger::open(options).await.unwrap();
    LedgerHarness::new(ledger.clone()).ask(&data::phone(1)).await.unwrap();
    let named = async || {
        let concerns = ledger.concerns().await.unwrap();
        concerns.into_iter().find(|(is_grave, text)| *is_grave && text.starts_with("session "))
    };
    let mut shell = shell(&database).await;
    shell.batch_execute("SET application_name = 'a forgotten shell'").await.unwrap();
    let pid = database.execute("SELECT pid FROM pg_stat_activity WHERE application_name = 'a forgotten shell'").await;
    for (lock, table) in [("LOCK TABLE mails IN SHARE MODE", "mails"), ("SELECT FROM sms_days FOR UPDATE", "sms_days")]
    {
        assert_eq!(named().await, None);
        shell.batch_execute(&format!("BEGIN; {lock}")).await.unwrap();
        let (_, named) = loop {
            if let Some(named) = named().await {
                break named;
            }
        };
        assert!(named.starts_with(&format!("session {pid} of ")), "{named}");
        assert!(named.contains("(a forgotten shell), whose last statement began at "), "{named}");
        assert!(named.contains(&format!(" holds locks on {table} that decisions wait for")), "{named}");
        shell.batch_execute("ROLLBACK").await.unwrap();
    }
}
