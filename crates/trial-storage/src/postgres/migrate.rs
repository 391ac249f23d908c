//! Checking and migrating a database.

use std::collections::BTreeSet;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel::result::Error;
use diesel::sql_types::{BigInt, Bool, Text};
use diesel::{ConnectionError, QueryResult, QueryableByName, sql_query};
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use tokio::time::{Instant, sleep};

use super::PostgresOpenError;
use super::connect::Connector;
use super::session::{Session, Writable};
use super::watch;
use crate::transfer::Mark;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// The table of the migrations that have run.
const MIGRATIONS_RUN: &str = "__diesel_schema_migrations";

/// The oldest supported version, as `server_version_num`.
const OLDEST: i64 = 140_000;
/// "Trialmig" in ASCII, among the advisory locks of the database.
const MIGRATING: i64 = 0x5472_6961_6C6D_6967;
/// The longest wait for another process that migrates, and the interval of looking.
const PATIENCE: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_millis(50);

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[derive(QueryableByName)]
struct Truth {
    #[diesel(sql_type = Bool)]
    truth: bool,
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Refuses a foreign database, one of another release, and an incomplete one.
pub(super) async fn verify(connector: &Connector) -> Result<(), PostgresOpenError> {
    let (session, place) = connected(connector).await?;
    one_can_be_written_to(connector, &place).await?;
    let mut conn = &*session;
    let run = match owner(&mut conn).await.map_err(database)? {
        Owner::Ours => run_so_far(&mut conn).await.map_err(database)?,
        Owner::Foreign => return Err(PostgresOpenError::Foreign(place)),
        Owner::Nobody => BTreeSet::new(),
    };
    let newer = newer(&run);
    if !newer.is_empty() {
        return Err(PostgresOpenError::Newer { place, names: newer });
    }
    let pending: Vec<String> = ours().into_iter().filter(|name| !run.contains(version_of(name))).collect();
    if !pending.is_empty() {
        return Err(PostgresOpenError::Pending { place, names: pending });
    }
    match names(&mut conn, "SELECT source AS name FROM moving_in").await.map_err(database)?.pop() {
        Some(source) => Err(PostgresOpenError::MovingIn { place, from: Mark::parse(&source).place }),
        None => Ok(()),
    }
}

/// Runs pending migrations, under a lock. The lock is polled: waiting for it inside a statement would hold a snapshot,
/// which blocks migrations that build an index concurrently.
pub(super) async fn migrate(connector: &Connector) -> Result<Vec<String>, PostgresOpenError> {
    let (session, place) = connected(connector).await?;
    let mut conn = &*session;
    let deadline = Instant::now() + PATIENCE;
    let lock = format!("SELECT pg_try_advisory_lock({MIGRATING}) AS truth");
    while !sql_query(&lock).get_result::<Truth>(&mut conn).await.map_err(database)?.truth {
        if Instant::now() > deadline {
            return Err(PostgresOpenError::Busy(place));
        }
        sleep(PAUSE).await;
    }
    if owner(&mut conn).await.map_err(database)? == Owner::Foreign {
        return Err(PostgresOpenError::Foreign(place));
    }
    let names = newer(&run_so_far(&mut conn).await.map_err(database)?);
    if !names.is_empty() {
        return Err(PostgresOpenError::Newer { place, names });
    }
    // The lock ends with the session.
    let (conn, driver) = session.into_parts();
    let migrating = tokio::task::spawn_blocking(move || {
        let _driver = driver;
        let mut conn = AsyncConnectionWrapper::<AsyncPgConnection>::from(conn);
        conn.batch_execute("SET client_min_messages = warning").map_err(database)?;
        let run = conn.run_pending_migrations(MIGRATIONS);
        let run = run.map_err(|source| PostgresOpenError::Database { source })?;
        Ok(run.iter().map(ToString::to_string).collect())
    });
    match migrating.await {
        Ok(run) => run,
        Err(died) => std::panic::resume_unwind(died.into_panic()),
    }
}

async fn connected(connector: &Connector) -> Result<(Session, String), PostgresOpenError> {
    let place = connector.place().to_string();
    let lost = |error: ConnectionError| PostgresOpenError::Connect { place: place.clone(), reason: error.to_string() };
    if !connector.keeps_sessions().await.map_err(lost)? {
        return Err(PostgresOpenError::Pooled(place));
    }
    let session = connector.connect("SET lock_timeout = 10000").await.map_err(lost)?;
    let mut conn = &*session;
    let version = "SELECT current_setting('server_version_num')::bigint AS number";
    if sql_query(version).get_result::<Number>(&mut conn).await.map_err(database)?.number < OLDEST {
        let version = names(&mut conn, "SELECT current_setting('server_version') AS name").await.map_err(database)?;
        return Err(PostgresOpenError::Old { place, version: version.concat() });
    }
    let encoding = names(&mut conn, "SELECT current_setting('server_encoding') AS name").await.map_err(database)?;
    match encoding.concat() {
        encoding if encoding == "UTF8" => Ok((session, place)),
        encoding => Err(PostgresOpenError::Encoding { place, encoding }),
    }
}

/// Refuses several writable servers: each would accept writes that the others lack.
async fn one_can_be_written_to(connector: &Connector, place: &str) -> Result<(), PostgresOpenError> {
    if connector.place().servers.len() < 2 {
        return Ok(());
    }
    let writable = watch::writable(connector).await;
    if writable.len() < 2 {
        return Ok(());
    }
    let server = |(name, server): &(String, Writable)| format!("{name} (timeline {})", server.timeline);
    Err(PostgresOpenError::ManyWritable { place: place.to_owned(), servers: writable.iter().map(server).collect() })
}

#[derive(PartialEq)]
enum Owner {
    Ours,
    Foreign,
    Nobody,
}

async fn owner(conn: &mut &AsyncPgConnection) -> QueryResult<Owner> {
    let tables = "SELECT c.relname::text AS name FROM pg_class c \
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')";
    let tables = names(conn, tables).await?;
    let has = |name: &str| tables.iter().any(|table| table == name);
    // A first migration that was killed leaves the table of migrations, empty.
    let is_begun = tables == [MIGRATIONS_RUN] && run_so_far(conn).await?.is_empty();
    let is_ours = has(MIGRATIONS_RUN) && has("access_codes") && has("pool_marks");
    Ok(match (tables.is_empty() || is_begun, is_ours) {
        (true, _) => Owner::Nobody,
        (false, true) => Owner::Ours,
        (false, false) => Owner::Foreign,
    })
}

async fn run_so_far(conn: &mut &AsyncPgConnection) -> QueryResult<BTreeSet<String>> {
    let table = "SELECT to_regclass('__diesel_schema_migrations') IS NOT NULL AS truth";
    if !sql_query(table).get_result::<Truth>(conn).await?.truth {
        return Ok(BTreeSet::new());
    }
    Ok(names(conn, "SELECT version::text AS name FROM __diesel_schema_migrations").await?.into_iter().collect())
}

/// Migrations that have run and are unknown to this release.
fn newer(run: &BTreeSet<String>) -> Vec<String> {
    let ours = ours();
    let known: BTreeSet<&str> = ours.iter().map(|name| version_of(name)).collect();
    run.iter().filter(|version| !known.contains(version.as_str())).cloned().collect()
}

/// The version of this release's newest migration.
pub(super) fn newest() -> String {
    ours().last().map(|name| version_of(name).to_owned()).unwrap_or_default()
}

fn version_of(name: &str) -> &str {
    name.split('_').next().unwrap_or_default()
}

fn ours() -> Vec<String> {
    let migrations = MigrationSource::<Pg>::migrations(&MIGRATIONS).unwrap_or_default();
    let mut names: Vec<String> = migrations.iter().map(|migration| migration.name().to_string()).collect();
    names.sort_unstable();
    names
}

async fn names(conn: &mut &AsyncPgConnection, query: &str) -> QueryResult<Vec<String>> {
    Ok(sql_query(query).load::<Name>(conn).await?.into_iter().map(|row| row.name).collect())
}

fn database(error: Error) -> PostgresOpenError {
    PostgresOpenError::Database { source: Box::new(error) }
}
