//! The conformance suite on SQLite.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use tempfile::TempDir;
use trial_storage::{SqliteLedger, SqliteOptions};
use trial_testkit::LedgerFactory;

/// Ledgers in a directory of their own, which is removed with the factory.
pub(crate) struct Files {
    dir: TempDir,
    made: AtomicU32,
}

impl Files {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), made: AtomicU32::new(0) }
    }

    fn last(&self) -> PathBuf {
        self.dir.path().join(format!("{}.db", self.made.load(Ordering::SeqCst)))
    }
}

#[async_trait]
impl LedgerFactory for Files {
    type Ledger = SqliteLedger;

    async fn fresh(&self) -> SqliteLedger {
        self.made.fetch_add(1, Ordering::SeqCst);
        let options = SqliteOptions::new(self.last());
        SqliteLedger::migrate(&options).await.unwrap();
        SqliteLedger::open(options).await.unwrap()
    }

    async fn reopen(&self, ledger: SqliteLedger) -> Option<SqliteLedger> {
        drop(ledger);
        Some(SqliteLedger::open(SqliteOptions::new(self.last())).await.unwrap())
    }
}

trial_testkit::ledger_conformance!(Files::new());
