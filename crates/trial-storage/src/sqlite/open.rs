//! Opening, checking and migrating a database file.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::{Sqlite, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use trial_core::privacy::Compaction;

use super::SqliteOptions;
use super::file_watch::{FileWatch, Identity};
use crate::OpenError;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// "Tria" in ASCII, in the header of every database of Trialgate.
const APPLICATION_ID: i64 = 0x5472_6961;

/// The pause between two attempts to switch to WAL.
const SWITCH_PAUSE: Duration = Duration::from_millis(5);

/// The `user_version` of a file without remains of erased rows. Each erasure counts up from it; releases that did not
/// rewrite the file after one left less.
const CLEAN: i64 = 2;

/// Attempts to open a file that is replaced meanwhile.
const ATTEMPTS: u32 = 3;

/// Creates the file if absent, and runs pending migrations. Two processes at once do it one after the other.
pub(super) fn migrate(options: &SqliteOptions) -> Result<Vec<String>, OpenError> {
    let path = &options.path;
    create(path)?;
    let mut conn = connect(options)?;
    switch_to_wal(&mut conn, options)?;
    let run = conn.immediate_transaction(|conn| {
        let owner = owner(conn)?;
        if owner == Owner::Foreign {
            return Ok(Err(OpenError::Foreign(path.clone())));
        }
        let names = newer(conn)?;
        if !names.is_empty() {
            return Ok(Err(OpenError::Newer { path: path.clone(), names }));
        }
        // Before any write: afterwards, missing pages could not be detected.
        if let Err(damaged) = is_whole(conn, path) {
            return Ok(Err(damaged));
        }
        conn.batch_execute(&format!("PRAGMA application_id = {APPLICATION_ID}"))?;
        if owner == Owner::Nobody {
            conn.batch_execute(&format!("PRAGMA user_version = {CLEAN}"))?;
        }
        let run = conn.run_pending_migrations(MIGRATIONS).map_err(Error::QueryBuilderError)?;
        Ok(Ok(run.iter().map(ToString::to_string).collect()))
    });
    let run = run.map_err(|error| refused(path, error))??;
    clean(&mut conn).map_err(|error| refused(path, error))?;
    Ok(run)
}

/// Creates the file, if absent, for this user alone. SQLite gives its companion files the same mode.
fn create(path: &Path) -> Result<(), OpenError> {
    // The system drops a process's locks on a file when any of its descriptors is closed: ours, before SQLite has one.
    static CREATING: Mutex<()> = Mutex::new(());
    let _alone = CREATING.lock().unwrap_or_else(PoisonError::into_inner);
    match trial_files::create_new(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(OpenError::Connect {
            path: path.to_owned(),
            source: diesel::ConnectionError::BadConnection(error.to_string()),
        }),
        _ => Ok(()),
    }
}

/// Rewrites the file, once, if a release has deleted rows without doing so.
fn clean(conn: &mut SqliteConnection) -> QueryResult<()> {
    let found = number(conn, "user_version")?;
    if found >= CLEAN {
        return Ok(());
    }
    rewrite(conn, found)?;
    conn.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)")
}

/// Records that rows were erased, in the transaction that erases them.
pub(super) fn mark_erasure(conn: &mut SqliteConnection) -> QueryResult<()> {
    let next = number(conn, "user_version")?.saturating_add(1).min(i32::MAX.into());
    conn.batch_execute(&format!("PRAGMA user_version = {next}"))
}

/// Rewrites the file if rows were erased since the last time, and if it is not larger than this, in bytes.
pub(super) fn compact(conn: &mut SqliteConnection, limit: u64) -> QueryResult<Compaction> {
    let found = number(conn, "user_version")?;
    if found == CLEAN {
        return Ok(Compaction::Clean);
    }
    let bytes = (number(conn, "page_count")? * number(conn, "page_size")?).unsigned_abs();
    if bytes > limit {
        return Ok(Compaction::TooLarge { bytes });
    }
    rewrite(conn, found)?;
    Ok(Compaction::Done)
}

/// Rewrites the file, and marks it as clean unless another connection has erased something since `found` was read.
fn rewrite(conn: &mut SqliteConnection, found: i64) -> QueryResult<()> {
    // The copy is a file if it does not fit in the cache: memory would have to hold the whole database.
    conn.batch_execute("PRAGMA temp_store = FILE")?;
    let done = conn.batch_execute("VACUUM");
    conn.batch_execute("PRAGMA temp_store = MEMORY")?;
    done?;
    conn.immediate_transaction(|conn| {
        if number(conn, "user_version")? == found {
            conn.batch_execute(&format!("PRAGMA user_version = {CLEAN}"))?;
        }
        Ok(())
    })
}

/// Of two connections that switch a new file at once, SQLite refuses one without waiting, to avoid a deadlock.
fn switch_to_wal(conn: &mut SqliteConnection, options: &SqliteOptions) -> Result<(), OpenError> {
    let deadline = Instant::now() + options.busy_timeout;
    loop {
        let switched = diesel::sql_query("PRAGMA journal_mode = WAL").get_result::<Mode>(conn);
        match switched.map_err(|error| refused(&options.path, error)) {
            Err(OpenError::Busy(_)) if Instant::now() < deadline => thread::sleep(SWITCH_PAUSE),
            Ok(mode) if mode.journal_mode != "wal" => {
                return Err(OpenError::NoWal { path: options.path.clone(), mode: mode.journal_mode });
            }
            switched => return switched.map(drop),
        }
    }
}

/// Opens a connection that is ready for work, to a database whose migrations have all run.
pub(super) fn open(options: &SqliteOptions) -> Result<SqliteConnection, OpenError> {
    let path = &options.path;
    if !path.exists() {
        return Err(OpenError::Absent(path.clone()));
    }
    let mut conn = connect(options)?;
    verify(&mut conn, path)?;
    Ok(conn)
}

/// As [`open`], for the connection that writes: refuses a read-only file and a full disk, and switches a file in
/// another mode to WAL, such as a restored backup.
pub(super) fn open_for_writing(options: &SqliteOptions) -> Result<(SqliteConnection, FileWatch), OpenError> {
    for _ in 0..ATTEMPTS {
        let before = Identity::of(&options.path);
        let conn = open_writer(options)?;
        // A file of a lower layer becomes another one when it is opened for writing: then the second attempt finds it.
        if let Some(watch) = FileWatch::start(&options.path, before) {
            return Ok((conn, watch));
        }
    }
    Err(OpenError::Busy(options.path.clone()))
}

fn open_writer(options: &SqliteOptions) -> Result<SqliteConnection, OpenError> {
    let mut conn = open(options)?;
    switch_to_wal(&mut conn, options)?;
    let probe = format!("BEGIN IMMEDIATE; PRAGMA application_id = {APPLICATION_ID}; ROLLBACK");
    // In KiB: 32 MiB, enough for the upper pages of every index of a database with millions of rows.
    for sql in [probe.as_str(), "PRAGMA cache_size = -32768"] {
        conn.batch_execute(sql).map_err(|error| refused(&options.path, error))?;
    }
    Ok(conn)
}

fn connect(options: &SqliteOptions) -> Result<SqliteConnection, OpenError> {
    let path = &options.path;
    let connect_error = |source| OpenError::Connect { path: path.clone(), source };
    let name = path
        .to_str()
        .ok_or_else(|| connect_error(diesel::ConnectionError::BadConnection("the path is not UTF-8".to_owned())))?;
    let mut conn = SqliteConnection::establish(name).map_err(connect_error)?;
    let pragmas = [
        format!("PRAGMA busy_timeout = {}", options.busy_timeout.as_millis()),
        "PRAGMA synchronous = FULL".to_owned(),
        "PRAGMA foreign_keys = ON".to_owned(),
        "PRAGMA temp_store = MEMORY".to_owned(),
        // In pages: a checkpoint after 16 MiB of log, so that few commits pay for one.
        "PRAGMA wal_autocheckpoint = 4096".to_owned(),
        // In bytes: space that the log took during a long read is freed.
        "PRAGMA journal_size_limit = 16777216".to_owned(),
        // Deleted rows are overwritten.
        "PRAGMA secure_delete = ON".to_owned(),
        // On macOS, `fsync` alone leaves data in the disk's cache.
        "PRAGMA fullfsync = ON".to_owned(),
        "PRAGMA checkpoint_fullfsync = ON".to_owned(),
    ];
    for pragma in pragmas {
        conn.batch_execute(&pragma).map_err(|error| refused(path, error))?;
    }
    Ok(conn)
}

fn verify(conn: &mut SqliteConnection, path: &Path) -> Result<(), OpenError> {
    let answer = |error| refused(path, error);
    match owner(conn).map_err(answer)? {
        Owner::Ours => {}
        Owner::Foreign => return Err(OpenError::Foreign(path.to_owned())),
        Owner::Nobody => {
            let names = ours().map_err(answer)?.into_iter().collect();
            return Err(OpenError::Pending { path: path.to_owned(), names });
        }
    }
    let newer = newer(conn).map_err(answer)?;
    if !newer.is_empty() {
        return Err(OpenError::Newer { path: path.to_owned(), names: newer });
    }
    let pending =
        conn.pending_migrations(MIGRATIONS).map_err(|source| OpenError::Database { path: path.to_owned(), source })?;
    if !pending.is_empty() {
        let names = pending.iter().map(|migration| migration.name().to_string()).collect();
        return Err(OpenError::Pending { path: path.to_owned(), names });
    }
    is_whole(conn, path)
}

/// A truncated file still has its header: compares the pages it promises with the bytes that exist.
fn is_whole(conn: &mut SqliteConnection, path: &Path) -> Result<(), OpenError> {
    let answer = |error| refused(path, error);
    let promised = number(conn, "page_count").map_err(answer)? * number(conn, "page_size").map_err(answer)?;
    let log = trial_files::with_suffix(path, "-wal");
    let length = |file: &Path| file.metadata().map_or(0, |data| data.len());
    let there = i64::try_from(length(path)).unwrap_or(i64::MAX);
    // Pages that are only in the log do not lengthen the file yet.
    if there < promised && length(&log) == 0 {
        let message = format!("the file has {there} of {promised} bytes");
        let source = Error::DatabaseError(DatabaseErrorKind::Unknown, Box::new(message));
        return Err(OpenError::Damaged { path: path.to_owned(), source });
    }
    Ok(())
}

#[derive(PartialEq)]
enum Owner {
    Ours,
    Foreign,
    Nobody,
}

fn owner(conn: &mut SqliteConnection) -> QueryResult<Owner> {
    let application_id = number(conn, "application_id")?;
    let tables = diesel::sql_query("SELECT count(*) AS number FROM sqlite_schema WHERE type = 'table'")
        .get_result::<Number>(conn)?
        .number;
    Ok(match (application_id, tables) {
        (APPLICATION_ID, _) => Owner::Ours,
        (0, 0) => Owner::Nobody,
        _ => Owner::Foreign,
    })
}

/// Migrations that have run and are unknown to this release.
fn newer(conn: &mut SqliteConnection) -> QueryResult<Vec<String>> {
    let table = "SELECT count(*) AS number FROM sqlite_schema WHERE name = '__diesel_schema_migrations'";
    if diesel::sql_query(table).get_result::<Number>(conn)?.number == 0 {
        return Ok(Vec::new());
    }
    let run =
        diesel::sql_query("SELECT version FROM __diesel_schema_migrations ORDER BY version").load::<Version>(conn)?;
    let known: BTreeSet<String> =
        ours()?.iter().filter_map(|name| name.split('_').next()).map(ToOwned::to_owned).collect();
    Ok(run.into_iter().map(|row| row.version).filter(|version| !known.contains(version)).collect())
}

/// The version of this release's newest migration.
pub(super) fn newest() -> String {
    let newest = ours().ok().and_then(|names| names.into_iter().max()).unwrap_or_default();
    newest.split('_').next().unwrap_or_default().to_owned()
}

fn ours() -> QueryResult<BTreeSet<String>> {
    let migrations = MigrationSource::<Sqlite>::migrations(&MIGRATIONS).map_err(Error::QueryBuilderError)?;
    Ok(migrations.iter().map(|migration| migration.name().to_string()).collect())
}

fn number(conn: &mut SqliteConnection, pragma: &str) -> QueryResult<i64> {
    let query = format!("SELECT {pragma} AS number FROM pragma_{pragma}");
    Ok(diesel::sql_query(query).get_result::<Number>(conn)?.number)
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[derive(QueryableByName)]
struct Mode {
    #[diesel(sql_type = Text)]
    journal_mode: String,
}

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = Text)]
    version: String,
}

/// SQLite's result codes arrive as texts.
pub(super) fn refused(path: &Path, error: Error) -> OpenError {
    let path = path.to_owned();
    let text = match &error {
        Error::DatabaseError(_, info) => info.message().to_owned(),
        _ => String::new(),
    };
    match text.as_str() {
        "database is locked" => OpenError::Busy(path),
        "attempt to write a readonly database" | "database or disk is full" => OpenError::ReadOnly(path),
        "file is not a database" | "database disk image is malformed" => OpenError::Damaged { path, source: error },
        _ => OpenError::Database { path, source: Box::new(error) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_overwrites_what_it_deletes_and_bounds_its_log() {
        let dir = tempfile::tempdir().unwrap();
        let options = SqliteOptions::new(dir.path().join("trialgate.db"));
        migrate(&options).unwrap();
        let (mut conn, _watch) = open_for_writing(&options).unwrap();
        let expected = [
            ("secure_delete", 1),
            ("journal_size_limit", 16 << 20),
            ("synchronous", 2),
            ("fullfsync", 1),
            ("checkpoint_fullfsync", 1),
        ];
        for (pragma, value) in expected {
            assert_eq!(number(&mut conn, pragma).unwrap(), value, "{pragma}");
        }
    }
}
