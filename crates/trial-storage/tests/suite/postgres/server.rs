//! A server that the tests of a process share while any of them runs, and databases on it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};

use tokio::task::spawn_blocking;
use trial_cluster::{Cluster, VOLATILE};
use trial_storage::{PostgresLedger, PostgresOptions};

/// A migrated database that others are made from.
const TEMPLATE: &str = "template_of_ours";

static SHARED: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// The server, which ends with the last who holds it.
pub(crate) async fn shared() -> Arc<Cluster> {
    let runtime = tokio::runtime::Handle::current();
    let start = move || {
        let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let cluster = Cluster::start(VOLATILE);
            cluster.create_database(TEMPLATE, None);
            runtime.block_on(PostgresLedger::migrate(&options(&cluster, TEMPLATE))).unwrap();
            let cluster = Arc::new(cluster);
            *shared = Arc::downgrade(&cluster);
            cluster
        })
    };
    spawn_blocking(start).await.unwrap()
}

/// A new, migrated database.
pub(crate) async fn fresh(cluster: &Arc<Cluster>) -> PostgresOptions {
    let name = format!("trial_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    let (cluster, made) = (Arc::clone(cluster), name.clone());
    let options = options(&cluster, &name);
    spawn_blocking(move || cluster.create_database(&made, Some(TEMPLATE))).await.unwrap();
    options
}

pub(crate) fn options(cluster: &Cluster, database: &str) -> PostgresOptions {
    PostgresOptions::new(cluster.url(database))
}
