//! The preconditions of guarantees are checked during service: the server's settings, its schema, and its identity.

use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use tokio::task::{block_in_place, spawn_blocking};
use trial_cluster::{Cluster, USER, VOLATILE};
use trial_core::error::LedgerError;
use trial_core::planner::Request;
use trial_core::ports::TrialLedger;
use trial_storage::{PostgresLedger, PostgresOpenError, PostgresOptions};
use trial_testkit::{LedgerHarness, SeededEntropy, data};

use super::server::{Database, assert_sound};

/// Records the settings of the session that stores a code request.
const NOTE: &str = "CREATE TABLE noted (commits TEXT, work_mem TEXT); \
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
        INSERT INTO noted SELECT current_setting('synchronous_commit'), current_setting('work_mem'); RETURN NULL; END $$; \
    CREATE TRIGGER note AFTER INSERT ON code_requests EXECUTE FUNCTION note()";
const NOTED: &str = "SELECT string_agg(DISTINCT commits, ' ') FROM noted";
/// Sessions that wait for a standby.
const AWAITING: &str = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";

async fn ask(harness: &LedgerHarness<PostgresLedger>, n: u32) -> Result<usize, LedgerError> {
    let batch = harness.batch([Request::SendCode(data::code_request(&data::phone(n)))]);
    harness.try_commit(batch).await.map(|outcomes| outcomes.len())
}

/// Nothing is decided or ready, for this reason.
async fn assert_refused(harness: &LedgerHarness<PostgresLedger>, n: u32, reason: &str) {
    for refused in [ask(harness, n).await.map(drop), TrialLedger::check(&*harness.ledger).await] {
        let Err(LedgerError::Unavailable(why)) = &refused else { panic!("{refused:?}") };
        assert!(why.to_string().contains(reason), "{why}");
    }
}

/// A server whose settings a test may change.
async fn private() -> Cluster {
    spawn_blocking(|| Cluster::start(VOLATILE)).await.unwrap()
}

/// Applies settings to a running server.
fn reload(cluster: &Cluster, settings: &[(&str, &str)]) {
    cluster.configure(settings);
    cluster.execute("postgres", "SELECT pg_reload_conf()");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_is_durable_whatever_the_server_is_set_to_meanwhile() {
    let cluster = private().await;
    let database = Database::on(&cluster).await;
    reload(&cluster, &[("synchronous_commit", "on")]);
    database.until("SHOW synchronous_commit", "on").await;
    let harness = LedgerHarness::new(database.open().await);
    database.execute(NOTE).await;
    ask(&harness, 1).await.unwrap();
    reload(&cluster, &[("synchronous_commit", "off"), ("work_mem", "5MB")]);
    let mut n = 1;
    while database.execute("SELECT count(*) FROM noted WHERE work_mem = '5MB'").await == "0" {
        n += 1;
        ask(&harness, n).await.unwrap();
    }
    assert_eq!(database.execute(NOTED).await, "on");
    let asking = |value| format!("{}&options=-c%20synchronous_commit%3D{value}", database.server.url(&database.name));
    for (value, in_force) in [("local", "on"), ("remote_write", "on"), ("remote_apply", "remote_apply")] {
        database.execute("DELETE FROM noted").await;
        let mut harness = LedgerHarness::new(PostgresLedger::open(PostgresOptions::new(asking(value))).await.unwrap());
        n += 1;
        harness.entropy = SeededEntropy::new(n.into());
        ask(&harness, n).await.unwrap();
        assert_eq!(database.execute(NOTED).await, in_force, "{value}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_cannot_hold_every_text_is_refused() {
    let database = Database::empty().await;
    for encoding in ["LATIN1", "SQL_ASCII", "EUC_CN"] {
        let name = format!("{}_{}", database.name, encoding.to_lowercase());
        database.execute(&format!("CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0")).await;
        let options = super::server::options(&database.server, &name);
        let opened = PostgresLedger::open(options.clone()).await.err();
        let migrated = PostgresLedger::migrate(&options).await.err();
        for refused in [opened, migrated] {
            assert!(matches!(&refused, Some(PostgresOpenError::Encoding { encoding: found, .. }) if found == encoding));
            assert!(refused.unwrap().to_string().contains("ENCODING 'UTF8' TEMPLATE template0"));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_that_was_killed_at_its_start_is_run_again() {
    let database = Database::empty().await;
    database.execute("CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY, run_on TIMESTAMP NOT NULL DEFAULT now())").await;
    let refused = PostgresLedger::open(database.options()).await.err();
    assert!(matches!(refused, Some(PostgresOpenError::Pending { .. })), "{refused:?}");
    assert_eq!(PostgresLedger::migrate(&database.options()).await.unwrap().len(), crate::migrations());
    database.open().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_that_becomes_newer_is_noticed() {
    let database = Database::new().await;
    let harness = LedgerHarness::new(database.open().await);
    ask(&harness, 1).await.unwrap();
    database.execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('99999999999999')").await;
    assert_refused(&harness, 2, "by a newer release (99999999999999)").await;
    database.execute("DELETE FROM __diesel_schema_migrations WHERE version = '99999999999999'").await;
    ask(&harness, 2).await.unwrap();
    TrialLedger::check(&*harness.ledger).await.unwrap();
}

/// One that lacks the last batch, and one whose transactions had other batches.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_was_set_back_is_refused_by_everybody_until_it_is_confirmed() {
    let database = Database::new().await;
    let (harness, other) = (LedgerHarness::new(database.open().await), LedgerHarness::new(database.open().await));
    for (n, set_back) in [
        (1, "DELETE FROM decided_batches WHERE transaction = (SELECT max(transaction) FROM decided_batches)"),
        (11, "UPDATE decided_batches SET at = at + 1"),
        (21, "UPDATE decided_batches SET timeline = '00000002'"),
    ] {
        ask(&harness, n).await.unwrap();
        ask(&harness, n + 1).await.unwrap();
        assert_eq!(harness.ledger.confirm(harness.operator()).await.unwrap(), None, "there is nothing to confirm");
        database.execute(set_back).await;
        assert_refused(&harness, n + 2, "was acknowledged and is not in the database").await;
        assert_refused(&other, n + 2, "`trialgate database confirm`").await;
        let concerns = harness.ledger.concerns().await.unwrap();
        assert!(concerns.iter().any(|(is_grave, said)| *is_grave && said.contains("was acknowledged")), "{concerns:?}");
        let reason = harness.ledger.confirm(harness.operator()).await.unwrap().unwrap();
        assert!(reason.starts_with("the batch ") && reason.contains("was acknowledged"), "{reason}");
        assert_eq!(
            database
                .execute("SELECT count(*) FROM audit WHERE action = 'database.confirm' AND detail LIKE 'the batch %'")
                .await,
            (1 + n / 10).to_string()
        );
        for harness in [&harness, &other] {
            TrialLedger::check(&*harness.ledger).await.unwrap();
        }
        ask(&harness, n + 2).await.unwrap();
    }
}

/// The rows that a decision stores for itself do not grow in number.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_that_are_old_are_not_kept() {
    let database = Database::new().await;
    let options = PostgresOptions { watch_every: Duration::from_millis(10), ..database.options() };
    let harness = LedgerHarness::new(PostgresLedger::open(options).await.unwrap());
    ask(&harness, 1).await.unwrap();
    let old = "INSERT INTO decided_batches (transaction, at, timeline) VALUES (-500000, 0, '00000001')";
    database.execute(old).await;
    database.until("SELECT count(*) FROM decided_batches WHERE transaction < 0", "0").await;
    ask(&harness, 2).await.unwrap();
    assert_eq!(database.execute("SELECT count(*) FROM decided_batches").await, "2");
}

/// A supervisor learns of an end of the task that watches; the usual one is the close.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_servers_are_watched_until_the_ledger_is_closed() {
    let database = Database::new().await;
    let ledger = database.open().await;
    let watching = ledger.watching().unwrap();
    assert!(ledger.watching().is_none());
    assert!(!watching.is_finished());
    ledger.close();
    assert!(watching.await.unwrap_err().is_cancelled());
}

/// A standby that lacks the last batch is promoted: first beside its primary, then alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_stale_standby_is_noticed_beside_its_primary_and_in_its_place() {
    let (mut primary, mut standby) = spawn_blocking(|| {
        let primary = Cluster::start(&[]);
        let standby = primary.standby("follower", &[]);
        (primary, standby)
    })
    .await
    .unwrap();
    let ports = [&primary, &standby].map(|cluster| format!("127.0.0.1:{}", cluster.port()));
    let both = format!("postgres://{USER}@{}/postgres?sslmode=disable", ports.join(","));
    let options = PostgresOptions { watch_every: Duration::from_millis(20), ..PostgresOptions::new(both) };
    PostgresLedger::migrate(&options).await.unwrap();
    let harness = LedgerHarness::new(PostgresLedger::open(options.clone()).await.unwrap());
    ask(&harness, 1).await.unwrap();
    let concerns = harness.ledger.concerns().await.unwrap();
    assert!(concerns.iter().any(|(is_grave, said)| *is_grave && said.contains("names 2 servers")), "{concerns:?}");
    let position = primary.execute("postgres", "SELECT pg_current_wal_lsn()");
    let arrived = format!("SELECT pg_last_wal_replay_lsn() >= '{}'", position.trim());
    while standby.execute("postgres", &arrived).trim() != "t" {}
    block_in_place(|| standby.stop(Signal::INT));
    ask(&harness, 2).await.unwrap();
    block_in_place(|| {
        standby.configure(&[("primary_conninfo", "")]);
        standby.resume();
        standby.promote();
    });

    let refused = PostgresLedger::open(options.clone()).await.err();
    assert!(
        matches!(&refused, Some(PostgresOpenError::ManyWritable { servers, .. }) if servers.len() == 2),
        "{refused:?}"
    );
    let mut n = 3;
    while ask(&harness, n).await.is_ok() {
        n += 1;
    }
    assert_refused(&harness, n, "can be written to as well").await;

    block_in_place(|| primary.stop(Signal::KILL));
    while !matches!(ask(&harness, n).await, Err(LedgerError::Unavailable(why)) if why.to_string().contains("was acknowledged"))
    {
    }
    let late = LedgerHarness::new(PostgresLedger::open(options).await.unwrap());
    assert_refused(&late, n, "timeline 00000001").await;
    late.ledger.confirm(late.operator()).await.unwrap().unwrap();
    ask(&harness, n).await.unwrap();
    assert_sound(&harness.ledger).await;
}

/// The server answers a commit with a warning after its wait for a standby was cancelled. It is not acknowledged before
/// it is on the standby, or no standby is configured any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cancelled_wait_for_a_standby_is_no_acknowledgement() {
    let cluster = private().await;
    let database = Database::on(&cluster).await;
    let harness = Arc::new(LedgerHarness::new(database.open().await));
    // At first the commit waits for the statement, which has to be prepared; later it follows without waiting.
    for n in [1, 2] {
        reload(&cluster, &[("synchronous_standby_names", "nobody")]);
        database.until("SHOW synchronous_standby_names", "nobody").await;
        let deciding = tokio::spawn({
            let harness = Arc::clone(&harness);
            async move { ask(&harness, n).await }
        });
        database.until(AWAITING, "1").await;
        let cancel = "SELECT pid FROM (SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' OFFSET 0) waiting \
            WHERE pg_cancel_backend(pid)";
        let cancelled = database.execute(cancel).await;
        // The next one reads its outcome, and waits in its turn.
        database.until(&format!("{AWAITING} AND pid <> {cancelled}"), "1").await;
        assert!(!deciding.is_finished());
        reload(&cluster, &[("synchronous_standby_names", "")]);
        assert_eq!(deciding.await.unwrap().unwrap(), 1);
        assert_eq!(database.execute("SELECT count(*) FROM code_requests").await, n.to_string());
    }
}
