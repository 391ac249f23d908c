//! Files that are absent, foreign, truncated, too new or too old.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use tempfile::TempDir;
use trial_core::ports::{Receipts, TrialLedger};
use trial_core::sms::{DeliveryReceipt, DeliveryState};
use trial_storage::{OpenError, SqliteLedger, SqliteOptions};

use crate::migrations;

fn options() -> (TempDir, SqliteOptions) {
    let dir = tempfile::tempdir().unwrap();
    let options = SqliteOptions::new(dir.path().join("trialgate.db"));
    (dir, options)
}

fn run(path: &Path, sql: &str) {
    SqliteConnection::establish(path.to_str().unwrap()).unwrap().batch_execute(sql).unwrap();
}

async fn refused(options: SqliteOptions) -> OpenError {
    SqliteLedger::open(options).await.err().expect("the file is refused")
}

#[tokio::test]
async fn migrating_creates_the_file_and_is_done_once() {
    let (_dir, options) = options();
    assert_eq!(SqliteLedger::migrate(&options).await.unwrap().len(), migrations());
    assert_eq!(SqliteLedger::migrate(&options).await.unwrap(), Vec::<String>::new());
    SqliteLedger::open(options).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn migrating_from_many_places_at_once_is_done_once() {
    let (_dir, options) = options();
    let all = (0..8).map(|_| {
        let options = options.clone();
        tokio::spawn(async move { SqliteLedger::migrate(&options).await.unwrap().len() })
    });
    let mut run = 0;
    for migrated in all.collect::<Vec<_>>() {
        run += migrated.await.unwrap();
    }
    assert_eq!(run, migrations());
}

#[tokio::test]
async fn an_absent_file_is_not_created_by_opening() {
    let (_dir, options) = options();
    let path = options.path.clone();
    assert!(matches!(refused(options).await, OpenError::Absent(_)));
    assert!(!path.exists());
}

#[tokio::test]
async fn an_empty_file_wants_its_migrations() {
    let (_dir, options) = options();
    fs::write(&options.path, b"").unwrap();
    let error = refused(options).await;
    assert!(matches!(error, OpenError::Pending { .. }));
    assert!(error.to_string().contains("trialgate migrate"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let (_dir, options) = options();
    fs::write(&options.path, "no database at all, whatever its name says\n".repeat(200)).unwrap();
    let before = fs::read(&options.path).unwrap();
    assert!(matches!(refused(options.clone()).await, OpenError::Damaged { .. }));
    assert!(matches!(SqliteLedger::migrate(&options).await, Err(OpenError::Damaged { .. })));
    assert_eq!(fs::read(&options.path).unwrap(), before);
}

#[tokio::test]
async fn the_database_of_another_program_is_refused_and_left_alone() {
    let (_dir, options) = options();
    run(&options.path, "CREATE TABLE theirs (id INTEGER); INSERT INTO theirs VALUES (1)");
    assert!(matches!(refused(options.clone()).await, OpenError::Foreign(_)));
    assert!(matches!(SqliteLedger::migrate(&options).await, Err(OpenError::Foreign(_))));
}

#[tokio::test]
async fn a_truncated_database_is_refused() {
    let (_dir, options) = options();
    SqliteLedger::migrate(&options).await.unwrap();
    run(&options.path, "PRAGMA wal_checkpoint(TRUNCATE)");
    let whole = fs::metadata(&options.path).unwrap().len();
    for kept in [whole / 2, whole - 4096, 100] {
        let file = fs::OpenOptions::new().write(true).open(&options.path).unwrap();
        file.set_len(kept).unwrap();
        let error = refused(options.clone()).await;
        assert!(matches!(error, OpenError::Damaged { .. }), "{kept} of {whole} bytes: {error}");
    }
}

#[tokio::test]
async fn a_newer_database_is_refused_naming_what_is_newer() {
    let (_dir, options) = options();
    SqliteLedger::migrate(&options).await.unwrap();
    run(&options.path, "INSERT INTO __diesel_schema_migrations (version) VALUES ('99999999999999')");
    let error = refused(options.clone()).await;
    assert!(matches!(&error, OpenError::Newer { names, .. } if names == &["99999999999999"]), "{error}");
    assert!(matches!(SqliteLedger::migrate(&options).await, Err(OpenError::Newer { .. })));
}

#[tokio::test]
async fn an_older_database_wants_its_migrations() {
    let (_dir, options) = options();
    SqliteLedger::migrate(&options).await.unwrap();
    run(&options.path, "DELETE FROM __diesel_schema_migrations");
    assert!(matches!(refused(options).await, OpenError::Pending { names, .. } if names.len() == migrations()));
}

#[tokio::test]
async fn data_of_an_older_release_is_kept() {
    let (_dir, options) = options();
    let initial = include_str!("../../migrations/sqlite/00000000000001_initial/up.sql");
    run(&options.path, initial);
    let code = "INSERT INTO code_requests (id, request_id, at, phone, country_code, challenge, state, gateway, reply)
        VALUES (randomblob(16), 'ask', 1, '+8616673280001', 86, randomblob(16), 'accepted', 'smpp', 'id-1')";
    run(&options.path, code);
    let ours = "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL,
        run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);
        INSERT INTO __diesel_schema_migrations (version) VALUES ('00000000000001'); PRAGMA application_id = 1416784225";
    run(&options.path, ours);
    assert_eq!(SqliteLedger::migrate(&options).await.unwrap().len(), migrations() - 1);
    let ledger = SqliteLedger::open(options).await.unwrap();
    let told = DeliveryReceipt {
        gateway: "smpp".to_owned(),
        provider_id: "id-1".to_owned(),
        state: DeliveryState::Delivered,
        reason: None,
        at: chrono::DateTime::UNIX_EPOCH,
    };
    assert!(ledger.record_receipt(told).await.unwrap());
}

#[tokio::test]
async fn a_directory_that_does_not_exist_is_named() {
    let (dir, _) = options();
    let options = SqliteOptions::new(dir.path().join("nowhere").join("trialgate.db"));
    let error = SqliteLedger::migrate(&options).await.unwrap_err();
    assert!(matches!(error, OpenError::Connect { .. }));
    assert!(error.to_string().contains("nowhere"), "{error}");
}

#[tokio::test]
async fn closing_leaves_one_tidy_file() {
    let (dir, options) = options();
    SqliteLedger::migrate(&options).await.unwrap();
    let ledger = SqliteLedger::open(options).await.unwrap();
    let harness = trial_testkit::LedgerHarness::new(ledger.clone()).with_access_codes(1).await;
    harness.join(1).await;
    ledger.close().await;
    let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["trialgate.db"]);
    assert!(TrialLedger::check(&ledger).await.is_err(), "closed is closed");
}

#[tokio::test]
async fn a_migrated_database_is_durable_and_in_wal_mode() {
    let (_dir, options) = options();
    SqliteLedger::migrate(&options).await.unwrap();
    let header = fs::read(&options.path).unwrap();
    assert_eq!(&header[18..20], &[2, 2], "the header's read and write versions say WAL");
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

#[tokio::test]
async fn the_database_its_log_and_its_copies_are_for_their_owner_alone() {
    let (dir, options) = options();
    SqliteLedger::migrate(&options).await.unwrap();
    let ledger = SqliteLedger::open(options.clone()).await.unwrap();
    let copy = dir.path().join("copy.db");
    // Left by an interrupted run, with rights for everybody.
    fs::write(dir.path().join("copy.db.part"), "half a copy").unwrap();
    SqliteLedger::backup(&options, &copy).await.unwrap();
    let mut names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let expected =
        ["copy.db", "trialgate.db", "trialgate.db-shm", "trialgate.db-wal"].map(|name| dir.path().join(name));
    assert_eq!(names, expected);
    for path in names {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    ledger.close().await;
}

#[tokio::test]
async fn a_file_that_exists_keeps_its_mode() {
    let (_dir, options) = options();
    fs::write(&options.path, b"").unwrap();
    fs::set_permissions(&options.path, fs::Permissions::from_mode(0o640)).unwrap();
    SqliteLedger::migrate(&options).await.unwrap();
    assert_eq!(mode(&options.path), 0o640);
}

#[tokio::test]
async fn a_restored_copy_is_in_wal_mode_again_once_it_is_opened() {
    let (dir, options) = options();
    SqliteLedger::migrate(&options).await.unwrap();
    let copy = SqliteOptions::new(dir.path().join("copy.db"));
    SqliteLedger::backup(&options, &copy.path).await.unwrap();
    let versions = |path: &Path| fs::read(path).unwrap()[18..20].to_vec();
    assert_eq!(versions(&copy.path), [1, 1], "or nothing is shown here");
    SqliteLedger::open(copy.clone()).await.unwrap().close().await;
    assert_eq!(versions(&copy.path), [2, 2], "the header's read and write versions say WAL");
}
