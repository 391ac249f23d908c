use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use trial_cluster::Cluster;
use trial_storage::{PostgresLedger, PostgresOptions};
use trial_testkit::{LedgerFactory, ledger_conformance};

use super::server;

/// Ledgers on one server, each in a database of its own.
#[derive(Default)]
struct Databases {
    cluster: tokio::sync::OnceCell<Arc<Cluster>>,
    last: Mutex<Option<PostgresOptions>>,
}

#[async_trait]
impl LedgerFactory for Databases {
    type Ledger = PostgresLedger;

    async fn fresh(&self) -> PostgresLedger {
        let cluster = self.cluster.get_or_init(server::shared).await;
        let options = server::fresh(cluster).await;
        *self.last.lock().unwrap() = Some(options.clone());
        PostgresLedger::open(options).await.unwrap()
    }

    async fn reopen(&self, ledger: PostgresLedger) -> Option<PostgresLedger> {
        ledger.close();
        let options = self.last.lock().unwrap().clone()?;
        Some(PostgresLedger::open(options).await.unwrap())
    }
}

ledger_conformance!(Databases::default());
