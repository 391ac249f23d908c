//! A database file that was transferred or migrated by a newer release while open: nothing is written to it.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use trial_core::error::LedgerError;
use trial_core::planner::Request;
use trial_core::ports::TrialLedger;
use trial_core::tenants::TenantPage;
use trial_storage::{OpenError, SqliteLedger, SqliteOptions};
use trial_testkit::{LedgerHarness, data};

fn execute(path: &Path, sql: &str) {
    SqliteConnection::establish(path.to_str().unwrap()).unwrap().batch_execute(sql).unwrap();
}

/// Nothing is decided, changed or ready, for this reason.
async fn assert_refused(harness: &LedgerHarness<SqliteLedger>, reason: &str) {
    let batch = harness.batch([Request::SendCode(data::code_request(&data::phone(2)))]);
    let refused = [
        harness.try_commit(batch).await.map(drop),
        trial_testkit::set_threshold(&*harness.ledger, 7, harness.operator()).await,
        TrialLedger::check(&*harness.ledger).await,
    ];
    for refused in refused {
        let Err(LedgerError::Unavailable(why)) = &refused else { panic!("{refused:?}") };
        assert!(why.to_string().contains(reason), "{why}");
    }
}

#[tokio::test]
async fn a_file_that_was_moved_or_is_newer_is_not_written_to() {
    let dir = tempfile::tempdir().unwrap();
    let options = SqliteOptions::new(dir.path().join("trialgate.db"));
    SqliteLedger::migrate(&options).await.unwrap();
    let harness = LedgerHarness::new(SqliteLedger::open(options.clone()).await.unwrap());
    harness.send(&data::phone(1)).await;

    execute(&options.path, "INSERT INTO __diesel_schema_migrations (version) VALUES ('99999999999999')");
    assert_refused(&harness, "by a newer release (99999999999999)").await;
    execute(&options.path, "DELETE FROM __diesel_schema_migrations WHERE version = '99999999999999'");
    harness.send(&data::phone(2)).await;

    execute(&options.path, "INSERT INTO moved_to (is_only, place) VALUES (1, 'trial on db.example.com:5432')");
    assert_refused(&harness, "was transferred to trial on db.example.com:5432").await;
    let refused = SqliteLedger::open(options.clone()).await.err();
    assert!(matches!(&refused, Some(OpenError::Moved { place, .. }) if place == "trial on db.example.com:5432"));
    let place = SqliteLedger::confirm(&options, harness.operator()).await.unwrap();
    assert_eq!(place.as_deref(), Some("trial on db.example.com:5432"));
    harness.send(&data::phone(3)).await;
    assert_eq!(SqliteLedger::confirm(&options, harness.operator()).await.unwrap(), None);
    SqliteLedger::open(options).await.unwrap();
}

/// A copy over the file keeps its inode; the pages of before are gone all the same.
#[tokio::test]
async fn a_file_that_was_emptied_or_overwritten_in_place_is_not_used_any_more() {
    let dir = tempfile::tempdir().unwrap();
    let overwrite: [fn(&Path); 2] =
        [|path| drop(std::fs::File::create(path).unwrap()), |path| std::fs::write(path, vec![b'x'; 1 << 20]).unwrap()];
    for (n, overwrite) in overwrite.into_iter().enumerate() {
        let options = SqliteOptions::new(dir.path().join(format!("{n}.db")));
        SqliteLedger::migrate(&options).await.unwrap();
        let harness = LedgerHarness::new(SqliteLedger::open(options.clone()).await.unwrap());
        harness.send(&data::phone(1)).await;
        execute(&options.path, "PRAGMA wal_checkpoint(TRUNCATE)");
        overwrite(&options.path);
        // Pages that are cached still answer; one that is read finds the damage.
        for phone in 2..40 {
            let batch = harness.batch([Request::SendCode(data::code_request(&data::phone(phone)))]);
            if harness.try_commit(batch).await.is_err() {
                break;
            }
            let _ =
                trial_core::ports::Operations::tenants(&*harness.ledger, TenantPage { before: None, limit: 9 }).await;
            let _ = trial_core::ports::Operations::access_code_stock(&*harness.ledger).await;
        }
        assert_refused(&harness, "was overwritten while the database was open").await;
    }
}
