//! The files of an open database are deleted or replaced: nothing is acknowledged that would be lost.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use trial_core::error::LedgerError;
use trial_core::ports::TrialLedger;
use trial_storage::{SqliteLedger, SqliteOptions};
use trial_testkit::LedgerHarness;
use trial_testkit::data::{code_request, phone};

async fn harness() -> (TempDir, PathBuf, LedgerHarness<SqliteLedger>) {
    let dir = tempfile::tempdir().unwrap();
    let options = SqliteOptions::new(dir.path().join("trialgate.db"));
    SqliteLedger::migrate(&options).await.unwrap();
    let harness = LedgerHarness::new(SqliteLedger::open(options.clone()).await.unwrap());
    harness.send(&phone(1)).await;
    (dir, options.path, harness)
}

async fn assert_refuses(harness: &LedgerHarness<SqliteLedger>, n: u32, named: &Path) {
    let batch = harness.batch([trial_core::planner::Request::SendCode(code_request(&phone(n)))]);
    let refused = harness.try_commit(batch).await.unwrap_err();
    let Err(unready) = TrialLedger::check(&*harness.ledger).await else { panic!("it is not ready") };
    for error in [refused, unready] {
        let LedgerError::Unavailable(source) = error else { panic!("nothing was stored, so not {error:?}") };
        let text = source.to_string();
        assert!(text.starts_with(&format!("{} was deleted or replaced", named.display())), "{text}");
        assert!(text.contains("stop the service"), "{text}");
    }
}

#[tokio::test]
async fn a_deleted_file_takes_no_commit_and_is_not_ready() {
    for suffix in ["", "-wal", "-shm"] {
        let (_dir, path, harness) = harness().await;
        let named = path.with_file_name(format!("trialgate.db{suffix}"));
        fs::remove_file(&named).unwrap();
        assert_refuses(&harness, 2, &named).await;
    }
}

#[tokio::test]
async fn a_replaced_file_takes_no_commit_and_the_old_one_in_its_place_does() {
    let (dir, path, harness) = harness().await;
    let aside = dir.path().join("aside.db");
    let other = SqliteOptions::new(dir.path().join("other.db"));
    SqliteLedger::migrate(&other).await.unwrap();
    fs::rename(&path, &aside).unwrap();
    fs::rename(&other.path, &path).unwrap();
    assert_refuses(&harness, 2, &path).await;
    fs::rename(&aside, &path).unwrap();
    harness.send(&phone(2)).await;
    TrialLedger::check(&*harness.ledger).await.unwrap();
}
