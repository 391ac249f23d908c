//! Databases on the server that all tests of a run share.

use std::sync::Arc;

use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use trial_cluster::{Cluster, DatabaseServer, ScratchDatabase, SharedServer};
use trial_core::policy::Policy;
use trial_core::ports::Operations;
use trial_storage::{PostgresLedger, PostgresOptions};

/// A migrated database that others are copied from.
const TEMPLATE: &str = "storage_template";

/// Other connections.
const OTHERS: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";

/// A database for one test.
#[derive(Clone)]
pub(crate) struct Database {
    pub(crate) server: DatabaseServer,
    pub(crate) name: String,
    /// Dropped with the last who holds it; a private server's database ends with the server.
    _scratch: Option<Arc<ScratchDatabase>>,
}

impl Database {
    /// A new, migrated one on the shared server.
    pub(crate) async fn new() -> Self {
        let runtime = Handle::current();
        Self::create(move |shared| {
            shared.template(TEMPLATE, |server| {
                runtime.block_on(PostgresLedger::migrate(&options(server, TEMPLATE))).unwrap();
            });
            shared.create(Some(TEMPLATE))
        })
        .await
    }

    /// A new, empty one.
    pub(crate) async fn empty() -> Self {
        Self::create(|shared| shared.create(None)).await
    }

    /// A copy, created while nobody is connected to this one.
    pub(crate) async fn copy(&self) -> Self {
        while self.execute(OTHERS).await != "0" {}
        let name = self.name.clone();
        Self::create(move |shared| shared.create(Some(&name))).await
    }

    /// The migrated database of a private server.
    pub(crate) async fn on(cluster: &Cluster) -> Self {
        let server = DatabaseServer::clone(cluster);
        let database = Self { server, name: "postgres".to_owned(), _scratch: None };
        PostgresLedger::migrate(&database.options()).await.unwrap();
        database
    }

    async fn create(create: impl FnOnce(&SharedServer) -> ScratchDatabase + Send + 'static) -> Self {
        let scratch = spawn_blocking(|| create(&SharedServer::of_this_run())).await.unwrap();
        Self { server: scratch.server().clone(), name: scratch.name().to_owned(), _scratch: Some(Arc::new(scratch)) }
    }

    pub(crate) fn options(&self) -> PostgresOptions {
        options(&self.server, &self.name)
    }

    pub(crate) async fn open(&self) -> PostgresLedger {
        PostgresLedger::open(self.options()).await.unwrap()
    }

    /// A session that keeps every decision from storing a code request, under the admission lock, until it is dropped.
    pub(crate) async fn hold_up(&self) -> AsyncPgConnection {
        let mut session = AsyncPgConnection::establish(&self.server.url(&self.name)).await.unwrap();
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
        spawn_blocking(move || database.server.execute(&database.name, &sql)).await.unwrap().trim().to_owned()
    }

    /// Every row of every table that SQLite has too, as text, for any columns that both have; sorted.
    pub(crate) async fn contents(&self) -> Vec<String> {
        let tables = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
            AND relname NOT IN ('pool_marks', 'clock_marks', 'moving_in', 'decided_batches', 'database_state', '__diesel_schema_migrations')";
        let mut contents = Vec::new();
        for table in self.execute(tables).await.lines() {
            let columns = self
                .execute(&format!(
                    "SELECT attname FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum > 0 AND attname <> 'version'
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

pub(crate) fn options(server: &DatabaseServer, database: &str) -> PostgresOptions {
    PostgresOptions::new(server.url(database))
}

pub(crate) async fn assert_sound(ledger: &PostgresLedger) {
    assert_eq!(ledger.violations(Policy::default().trial.unique_by).await.unwrap(), []);
}
