//! Connections and servers that go away.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use chrono::DateTime;
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use tokio::task::{block_in_place, spawn_blocking};
use trial_cluster::Cluster;
use trial_core::error::LedgerError;
use trial_core::mails::Lease;
use trial_core::planner::{Batch, Request};
use trial_core::ports::{Operations, Outbox, TrialLedger};
use trial_core::values::LeaseId;
use trial_storage::{PostgresLedger, PostgresOptions};
use trial_testkit::{SeededEntropy, data};

use super::server::{Database, options};

fn batch(n: u32) -> Arc<Batch> {
    let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    Arc::new(data::batch(now, &SeededEntropy::new(n.into()), [Request::SendCode(data::code_request(&data::phone(n)))]))
}

const END_ALL: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
    WHERE datname = current_database() AND pid <> pg_backend_pid()";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_session_that_is_ended_in_its_turn_is_no_loss() {
    let database = Database::new().await;
    let ledger = database.open().await;
    let in_the_way = database.hold_up().await;
    let deciding = tokio::spawn(async move { ledger.commit(batch(1), data::planner()).await.unwrap() });
    let in_its_turn = "SELECT count(pg_terminate_backend(pid)) FROM pg_locks \
        WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    database.until(in_its_turn, "1").await;
    drop(in_the_way);
    assert_eq!(deciding.await.unwrap().len(), 1);
    assert_eq!(database.execute("SELECT count(*) FROM code_requests").await, "1");
}

/// Everything goes on after idle connections were ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sessions_that_were_ended_unnoticed_are_replaced() {
    let database = Database::new().await;
    let ledger = database.open().await;
    ledger.commit(batch(1), data::planner()).await.unwrap();
    ledger.access_code_stock().await.unwrap();
    for turn in 0..3 {
        database.execute(END_ALL).await;
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let lease = Lease { id: LeaseId::from_bytes([turn; 16]), now, until: now, horizon: now };
        match turn {
            0 => ledger.check().await.unwrap(),
            1 => assert_eq!(ledger.claim(lease, 9).await.unwrap(), []),
            _ => drop(ledger.access_code_stock().await.unwrap()),
        }
        database.execute(END_ALL).await;
        ledger.commit(batch(2 + u32::from(turn)), data::planner()).await.unwrap();
    }
}

/// An instance that freezes under the admission lock is ended by the server before another has waited for too long.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_frozen_instance_costs_the_others_no_batch() {
    let database = Database::new().await;
    let (freezing, other) = (database.open().await, database.open().await);
    // After waiting for the lock once, it forms its batch under the lock.
    let mut holding = AsyncPgConnection::establish(&database.server.url(&database.name)).await.unwrap();
    holding.batch_execute("SELECT pg_advisory_lock(6085041913682420084)").await.unwrap();
    let waiting = tokio::spawn({
        let freezing = freezing.clone();
        async move { freezing.commit(batch(1), data::planner()).await.unwrap() }
    });
    database.until(super::admission_lock::AWAITED, "1").await;
    drop(holding);
    waiting.await.unwrap();
    let (freeze, frozen) = mpsc::channel();
    let (thaw, thawed) = mpsc::channel();
    let gather = move || {
        freeze.send(()).unwrap();
        block_in_place(|| thawed.recv()).unwrap();
        batch(2)
    };
    let deciding = tokio::spawn(async move { freezing.commit_next(Box::new(gather), data::planner()).await });
    spawn_blocking(move || frozen.recv()).await.unwrap().unwrap();
    assert_eq!(other.commit(batch(3), data::planner()).await.unwrap().len(), 1);
    thaw.send(()).unwrap();
    assert_eq!(deciding.await.unwrap().unwrap().len(), 1, "on another connection");
    assert_eq!(database.execute("SELECT count(*) FROM code_requests").await, "3");
}

/// An absent server is reported at once to the second and later requests, and found again when it is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_comes_back_is_found_again() {
    let mut cluster = spawn_blocking(|| Cluster::start(&[])).await.unwrap();
    let usual = options(&cluster, "postgres");
    let options = PostgresOptions { reconnect_timeout: Duration::from_millis(100), ..usual };
    PostgresLedger::migrate(&options).await.unwrap();
    let ledger = PostgresLedger::open(options).await.unwrap();
    ledger.commit(batch(1), data::planner()).await.unwrap();
    let mut cluster = spawn_blocking(move || {
        cluster.stop(rustix::process::Signal::QUIT);
        cluster
    })
    .await
    .unwrap();
    for n in [2, 3] {
        let refused = ledger.commit(batch(n), data::planner()).await;
        assert!(matches!(refused, Err(LedgerError::Unavailable(_))), "{refused:?}");
        assert!(ledger.check().await.is_err());
    }
    let cluster = spawn_blocking(move || {
        cluster.resume();
        cluster
    })
    .await
    .unwrap();
    ledger.check().await.unwrap();
    assert_eq!(ledger.commit(batch(4), data::planner()).await.unwrap().len(), 1);
    assert_eq!(cluster.execute("postgres", "SELECT count(*) FROM code_requests").trim(), "2");
}
