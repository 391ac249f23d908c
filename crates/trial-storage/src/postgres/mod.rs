//! PostgreSQL by diesel-async, for any number of instances on one database.

mod admission_lock;
mod changed_settings;
mod clients;
mod connect;
mod due_floor;
mod events;
mod fault;
mod guard;
mod load;
mod migrate;
mod number_ranges;
mod operations;
mod operators;
mod outbox;
mod persist;
mod portal;
mod privacy;
mod probe;
mod receipts;
mod session;
mod set;
mod settings;
mod transaction;
mod transfer;
mod upkeep;
mod url;
mod verify;
mod watch;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel_async::AsyncPgConnection;
use futures_util::FutureExt;
use futures_util::future::join;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use trial_core::audit::ChangedBy;
use trial_core::error::LedgerError;
use trial_core::planner::{Batch, Outcome, Planner};
use trial_core::ports::{Gather, Screen, TrialLedger};

use admission_lock::{Bounds, Turns};
use connect::{Connections, Connector};
use due_floor::DueFloor;
use fault::Trouble;
use guard::Guard;
pub(crate) use persist::store_accepted;
pub(crate) use set::storable;
use transaction::Kind;
pub(crate) use transfer::{Found, Target};
use url::Place;
pub use url::PostgresUrlError;
use watch::Watch;

/// Connections that decide, pre-screen, or find out the outcome of a commit.
const TURN_CONNECTIONS: usize = 4;
/// The longest time of a transaction that decides nothing: of the outbox, of operators.
const PATIENCE: Duration = Duration::from_secs(5);
const LONG_PATIENCE: Duration = Duration::from_mins(1);
/// After this time in a transaction without a statement, the server ends the session: an instance that froze, or was
/// cut off, releases the admission lock. Shorter than others wait for the lock, so that they are still decided.
const IDLE_IN_TURN: Duration = Duration::from_secs(1);

/// Access to a database.
#[derive(Clone)]
pub struct PostgresOptions {
    /// `postgres://USER:PASSWORD@HOST:PORT,…/DATABASE?…`, as libpq reads it. Of several servers, the writable one is
    /// used.
    pub url: String,
    /// The longest wait for the admission lock; then the ledger is busy.
    pub turn_timeout: Duration,
    /// The longest wait for a server's answer when a connection is opened.
    pub connect_timeout: Duration,
    /// The longest search for a lost server; then the ledger is unreachable.
    pub reconnect_timeout: Duration,
    /// Connections that serve the outbox and operators, at least 1.
    pub connections: usize,
    /// The interval of checking which servers are writable, and whether the one in use has all acknowledged work.
    pub watch_every: Duration,
}

/// The trial ledger on PostgreSQL 14 or later. Clones share its connections.
#[derive(Clone)]
pub struct PostgresLedger {
    turns: Turns,
    others: Connections,
    /// The number of servers that `storage.url` names.
    servers: usize,
    watch: Arc<Watch>,
    due_floor: Arc<DueFloor>,
    runtime: Handle,
}

/// The reason why a database cannot be used. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum PostgresOpenError {
    /// The URL is invalid.
    #[error("`storage.url` {0}")]
    Url(#[from] PostgresUrlError),
    /// TLS cannot be set up.
    #[error("cannot set up TLS; see `sslmode` and `sslrootcert` in `storage.url`")]
    Tls {
        /// The error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No server can be used.
    #[error("cannot connect to the database {place}: {reason}; see that it runs and that `storage.url` is right")]
    Connect {
        /// The database and its servers.
        place: String,
        /// The error of the last server asked.
        reason: String,
    },
    /// The server is too old.
    #[error("the server of {place} is PostgreSQL {version}; 14 or later is needed")]
    Old {
        /// The database and its servers.
        place: String,
        /// The version.
        version: String,
    },
    /// Its encoding lacks characters.
    #[error(
        "the database {place} has the encoding {encoding}, which lacks characters that people write; create one with \
         `CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0`, bring its rows there by `pg_dump` and `pg_restore`, and \
         name it in `storage.url`"
    )]
    Encoding {
        /// The database and its servers.
        place: String,
        /// Its encoding.
        encoding: String,
    },
    /// A pooler passes a session to other clients between two transactions.
    #[error(
        "connections to the database {0} do not keep their sessions, as behind pgbouncer with `pool_mode = transaction`; \
         name the server itself in `storage.url`, or use `pool_mode = session`"
    )]
    Pooled(String),
    /// More than one of the servers is writable.
    #[error(
        "of the servers of {place}, {} can be written to, and each accepts writes that the others lack; \
         stop all but the one that is right, then start again", servers.join(" and ")
    )]
    ManyWritable {
        /// The database and its servers.
        place: String,
        /// The servers, each with its timeline.
        servers: Vec<String>,
    },
    /// A database of another program.
    #[error("the database {0} has tables of another program; name another database in `storage.url`")]
    Foreign(String),
    /// Migrations have not run.
    #[error("the database {place} lacks {} of this release; run `trialgate migrate`", names.join(", "))]
    Pending {
        /// The database and its servers.
        place: String,
        /// The migrations.
        names: Vec<String>,
    },
    /// Migrations have run that this release does not know.
    #[error("the database {place} was written by a newer release ({}); run that one", names.join(", "))]
    Newer {
        /// The database and its servers.
        place: String,
        /// The migrations.
        names: Vec<String>,
    },
    /// Another database is being transferred into this one.
    #[error(
        "{from} is being transferred into the database {place}, which is not whole yet; \
         run `trialgate migrate --from {from} --to …` to its end"
    )]
    MovingIn {
        /// The database and its servers.
        place: String,
        /// The source.
        from: String,
    },
    /// Another process migrates it.
    #[error("the database {0} is being migrated by another process, which does not end; stop that, or try again")]
    Busy(String),
    /// Any other error of the database.
    #[error("cannot prepare the database")]
    Database {
        /// The error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl PostgresOptions {
    /// The usual options for a database.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            turn_timeout: Duration::from_secs(2),
            connect_timeout: Duration::from_secs(1),
            reconnect_timeout: Duration::from_secs(3),
            connections: 4,
            watch_every: Duration::from_secs(10),
        }
    }

    /// The database and the servers that a URL names, without user and password. Does not connect.
    ///
    /// # Errors
    /// The fault of the URL, without the password.
    pub fn place(url: &str) -> Result<String, PostgresUrlError> {
        Place::parse(url).map(|place| place.to_string())
    }

    /// Checks the URL and the certificates that it names. Does not connect.
    ///
    /// # Errors
    /// [`PostgresOpenError::Url`] or [`PostgresOpenError::Tls`].
    pub fn check(&self) -> Result<(), PostgresOpenError> {
        Connector::new(Place::parse(&self.url)?, self).map(drop)
    }

    /// Settings of a session that decides. Lookups use an index regardless of statistics, which may be of a table that
    /// was empty a moment ago; so a plan can be made once and kept.
    fn deciding(&self) -> String {
        format!(
            "{}; SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_hashjoin = off; \
             SET enable_mergejoin = off; SET enable_bitmapscan = off",
            self.session(PATIENCE)
        )
    }

    /// The settings of every session besides those that [`session`] sets.
    fn session(&self, statement: Duration) -> String {
        format!(
            "SET lock_timeout = {}; SET statement_timeout = {}; SET idle_in_transaction_session_timeout = {}; SET jit = off",
            self.turn_timeout.as_millis(),
            statement.as_millis(),
            IDLE_IN_TURN.as_millis()
        )
    }
}

/// Hides the password.
impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOptions").field("connections", &self.connections).finish_non_exhaustive()
    }
}

impl PostgresLedger {
    /// Opens a database whose migrations have all run, on the current runtime: its connections live there.
    ///
    /// # Errors
    /// It cannot be reached, or is foreign, newer or older than this release; the message says what to do.
    pub async fn open(options: PostgresOptions) -> Result<Self, PostgresOpenError> {
        let connector = Connector::new(Place::parse(&options.url)?, &options)?;
        migrate::verify(&connector).await?;
        Self::connect(connector, &options)
    }

    /// Runs pending migrations; returns their names. Two processes at once do it one after the other.
    ///
    /// # Errors
    /// As for [`PostgresLedger::open`].
    pub async fn migrate(options: &PostgresOptions) -> Result<Vec<String>, PostgresOpenError> {
        let connector = Connector::new(Place::parse(&options.url)?, options)?;
        migrate::migrate(&connector).await
    }

    /// The dangers of the server's settings, and what decisions wait for, in sentences that say what to do; the graver
    /// ones with `true`.
    ///
    /// # Errors
    /// [`LedgerError`] if the server cannot be asked.
    pub async fn concerns(&self) -> Result<Vec<(bool, String)>, LedgerError> {
        let (turns, connections, servers) = (self.turns.clone(), self.others.clone(), self.servers);
        self.to_its_end(async move {
            let concerns =
                connections.transaction(Kind::Read, PATIENCE, move |conn| settings::concerns(conn, servers).boxed());
            let (concerns, obstacles) = join(concerns, turns.obstacles(&connections)).await;
            concerns.map(|concerns| concerns.into_iter().chain(obstacles).collect())
        })
        .await
    }

    /// Accepts the database as it is, though it lacks acknowledged work; returns the missing work, if any.
    ///
    /// # Errors
    /// [`LedgerError`] if the database cannot be used.
    pub async fn confirm(&self, by: ChangedBy) -> Result<Option<String>, LedgerError> {
        let by = Arc::new(by);
        self.in_transaction(Kind::Turn, move |conn| confirm(conn, Arc::clone(&by)).boxed()).await
    }

    /// The time of the server's clock, which is the clock of every instance.
    ///
    /// # Errors
    /// [`LedgerError`] if the server cannot be reached.
    pub async fn server_time(&self) -> Result<DateTime<Utc>, LedgerError> {
        self.in_transaction(Kind::Read, |conn| settings::server_time(conn).boxed()).await
    }

    /// The task that watches the servers until the close, at the first call.
    pub fn watching(&self) -> Option<JoinHandle<()>> {
        self.watch.task()
    }

    /// Closes idle connections; the others are closed when their work is done.
    pub fn close(&self) {
        self.watch.stop();
        self.turns.connections.close();
        self.others.close();
    }

    fn connect(connector: Connector, options: &PostgresOptions) -> Result<Self, PostgresOpenError> {
        let wait = options.turn_timeout;
        let turns = Connections::new(connector.clone(), options.deciding(), TURN_CONNECTIONS, wait)?;
        let size = options.connections.max(1);
        let others = Connections::new(connector.clone(), options.session(LONG_PATIENCE), size, wait)?;
        let bounds = Bounds {
            turn: options.turn_timeout,
            work: PATIENCE,
            reconnect: options.reconnect_timeout,
            find_out: options.turn_timeout + IDLE_IN_TURN + options.reconnect_timeout,
        };
        let guard = Arc::new(Guard::new());
        let turns = Turns { connections: turns, bounds, guard, is_down: Arc::default(), is_shared: Arc::default() };
        let servers = connector.place().servers.len();
        let watch = Arc::new(Watch::start(turns.clone(), connector, options.watch_every));
        let due_floor = Arc::default();
        Ok(Self { turns, others, servers, watch, due_floor, runtime: Handle::current() })
    }

    /// Runs work in a task of its own, on the runtime of the connections: it finishes, and leaves no transaction
    /// half-way, even if nobody waits for it any more.
    async fn to_its_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, LedgerError>> + Send + 'static,
    ) -> Result<T, LedgerError> {
        match self.runtime.spawn(work).await {
            Ok(done) => done,
            Err(died) => Err(LedgerError::Corrupt(Box::new(died))),
        }
    }
}

#[async_trait]
impl TrialLedger for PostgresLedger {
    async fn commit(&self, batch: Arc<Batch>, planner: Arc<Planner>) -> Result<Vec<Outcome>, LedgerError> {
        self.commit_next(Box::new(move || batch), planner).await
    }

    async fn commit_next(&self, gather: Gather, planner: Arc<Planner>) -> Result<Vec<Outcome>, LedgerError> {
        let turns = self.turns.clone();
        self.to_its_end(async move { turns.commit(gather, planner).await }).await
    }

    async fn check(&self) -> Result<(), LedgerError> {
        let turns = self.turns.clone();
        self.to_its_end(async move {
            turns.check().await?;
            turns.probe().await
        })
        .await
    }
}

#[async_trait]
impl Screen for PostgresLedger {
    async fn screen(&self, batch: Arc<Batch>, planner: Arc<Planner>) -> Result<Vec<Option<Outcome>>, LedgerError> {
        let connections = self.turns.connections.clone();
        self.to_its_end(async move {
            connections
                .transaction(Kind::Append, PATIENCE, |conn| {
                    screen(conn, Arc::clone(&batch), Arc::clone(&planner)).boxed()
                })
                .await
        })
        .await
    }
}

async fn confirm(conn: &AsyncPgConnection, by: Arc<ChangedBy>) -> Result<Option<String>, Trouble> {
    let halted = guard::halted(conn).await?;
    if let Some(reason) = &halted {
        guard::confirm(conn).await?;
        operations::append_audit(conn, &by, "database.confirm", "database", reason.clone()).await?;
    }
    Ok(halted)
}

async fn screen(
    conn: &AsyncPgConnection,
    batch: Arc<Batch>,
    planner: Arc<Planner>,
) -> Result<Vec<Option<Outcome>>, Trouble> {
    let facts = load::phones_alone(conn, &batch.screen_keys(planner.policy())).await?;
    let screened = planner.screen(&facts, &batch);
    if !screened.refused.is_empty() {
        persist::refused(conn, &screened.refused).await?;
    }
    Ok(screened.outcomes)
}
