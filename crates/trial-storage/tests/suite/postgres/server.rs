//! A server that the running tests of a process share, and databases on it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use trial_cluster::{Cluster, VOLATILE};
use trial_core::policy::Policy;
use trial_core::ports::Operations;
use trial_storage::{PostgresLedger, PostgresOptions};

/// A migrated database that others are copied from.
const TEMPLATE: &str = "template_of_ours";

/// Other connections.
const OTHERS: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";

static SHARED: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// The server; it ends with its last user.
pub(crate) async fn shared() -> Arc<Cluster> {
    let runtime = Handle::current();
    let start = move || {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
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

pub(crate) fn options(cluster: &Cluster, database: &str) -> PostgresOptions {
    PostgresOptions::new(cluster.url(database))
}

/// A database for one test.
#[derive(Clone)]
pub(crate) struct Database {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) name: String,
}

impl Database {
    /// A new, migrated one on the shared server.
    pub(crate) async fn new() -> Self {
        Self::on(&shared().await, Some(TEMPLATE.to_owned())).await
    }

    /// A new, empty one.
    pub(crate) async fn empty() -> Self {
        Self::on(&shared().await, None).await
    }

    /// A copy, created while nobody is connected to this one.
    pub(crate) async fn copy(&self) -> Self {
        while self.execute(OTHERS).await != "0" {}
        Self::on(&self.cluster, Some(self.name.clone())).await
    }

    async fn on(cluster: &Arc<Cluster>, template: Option<String>) -> Self {
        let name = format!("trial_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        let database = Self { cluster: Arc::clone(cluster), name };
        let made = database.clone();
        spawn_blocking(move || made.cluster.create_database(&made.name, template.as_deref())).await.unwrap();
        database
    }

    pub(crate) fn options(&self) -> PostgresOptions {
        options(&self.cluster, &self.name)
    }

    pub(crate) async fn open(&self) -> PostgresLedger {
        PostgresLedger::open(self.options()).await.unwrap()
    }

    /// A session that keeps every decision from storing a code request, under the admission lock, until it is dropped.
    pub(crate) async fn hold_up(&self) -> AsyncPgConnection {
        let mut session = AsyncPgConnection::establish(&self.cluster.url(&self.name)).await.unwrap();
        session.batch_execute("BEGIN; LOCK TABLE code_requests IN EXCLUSIVE MODE").await.unwrap();
        session
    }

    /// Waits until a query returns this value.
    pub(crate) async fn until(&self, sql: &str, value: &str) {
        while self.execute(sql).await != value {}
    }

    /// Runs SQL from outside; returns its output.
    pub(crate) async fn execute(&self, sql: &str) -> String {
        let (database, sql) = (self.clone(), sql.to_owned());
        spawn_blocking(move || database.cluster.execute(&database.name, &sql)).await.unwrap().trim().to_owned()
    }

    /// Every row of every table that SQLite has too, as text, for any columns; sorted.
    pub(crate) async fn contents(&self) -> Vec<String> {
        let tables = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
            AND relname NOT IN ('pool_marks', 'clock_marks', 'moving_in', 'decided_batches', 'database_state', '__diesel_schema_migrations')";
        let mut contents = Vec::new();
        for table in self.execute(tables).await.lines() {
            let columns = self
                .execute(&format!(
                    "SELECT attname FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum > 0
                        ORDER BY attname COLLATE \"C\""
                ))
                .await;
            let text = |column| format!("'{column}=' || coalesce({column}::text, 'NULL')");
            let columns: Vec<String> = columns.lines().map(text).collect();
            let rows =
                self.execute(&format!("SELECT '{table} ' || {} FROM {table}", columns.join(" || ' ' || "))).await;
            contents.extend(rows.lines().map(str::to_owned));
        }
        contents.sort_unstable();
        contents
    }
}

pub(crate) async fn assert_sound(ledger: &PostgresLedger) {
    assert_eq!(ledger.violations(Policy::default().trial.unique_by).await.unwrap(), []);
}
