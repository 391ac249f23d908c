//! SQLite by synchronous diesel: one thread owns the connection that writes, a few own connections that read.

mod backup;
mod clients;
mod events;
mod file_watch;
mod guard;
mod load;
mod number_ranges;
mod open;
mod operations;
mod operators;
mod outbox;
mod persist;
mod portal;
mod privacy;
mod receipts;
mod settings;
mod transfer;
mod upkeep;
mod verify;
mod worker;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sqlite::SqliteConnection;
use trial_core::error::LedgerError;
use trial_core::planner::{Batch, Outcome, Planner};
use trial_core::ports::TrialLedger;

use crate::OpenError;
use crate::schema::clock_marks;
pub(crate) use persist::effects as store_effects;
pub(crate) use transfer::Source;
use worker::Worker;

/// Access to a database file.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// The file.
    pub path: PathBuf,
    /// The longest wait for another process that holds the write lock.
    pub busy_timeout: Duration,
    /// Connections that read, at least 1.
    pub readers: usize,
}

/// The trial ledger on SQLite, in WAL mode with `synchronous = FULL`. Clones share its connections; the threads end
/// with the last clone, after their work is done.
#[derive(Clone)]
pub struct SqliteLedger {
    writer: Worker,
    readers: Arc<[Worker]>,
    next_reader: Arc<AtomicUsize>,
}

impl SqliteOptions {
    /// The usual options for a file.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), busy_timeout: Duration::from_secs(2), readers: 2 }
    }
}

impl SqliteLedger {
    /// Opens a database whose migrations have all run.
    ///
    /// # Errors
    /// The file is absent, foreign, cut off, newer or older than this release, or cannot be written; the message says
    /// what to do.
    pub async fn open(options: SqliteOptions) -> Result<Self, OpenError> {
        blocking(move || Self::open_now(&options)).await
    }

    /// Creates the file if absent and runs pending migrations; returns their names.
    ///
    /// # Errors
    /// As for [`SqliteLedger::open`].
    pub async fn migrate(options: &SqliteOptions) -> Result<Vec<String>, OpenError> {
        let options = options.clone();
        blocking(move || open::migrate(&options)).await
    }

    /// Finishes the work so far and closes every connection, so that one tidy file is left. Later requests, by any
    /// clone, fail.
    pub async fn close(&self) {
        for reader in &*self.readers {
            reader.close().await;
        }
        self.writer.close().await;
    }

    fn open_now(options: &SqliteOptions) -> Result<Self, OpenError> {
        let thread_error =
            |source: std::io::Error| OpenError::Database { path: options.path.clone(), source: source.into() };
        let (mut writer, watch) = open::open_for_writing(options)?;
        guard::refuse_moved(&mut writer, &options.path)?;
        let watch = Arc::new(watch);
        let readers = (0..options.readers.max(1))
            .map(|_| Worker::start("sqlite-reader", open::open(options)?, Arc::clone(&watch)).map_err(thread_error))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            writer: Worker::start("sqlite-writer", writer, watch).map_err(thread_error)?,
            readers,
            next_reader: Arc::default(),
        })
    }

    fn reader(&self) -> &Worker {
        &self.readers[self.next_reader.fetch_add(1, Ordering::Relaxed) % self.readers.len()]
    }
}

/// Opening reads and writes files: not on a thread of the runtime.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, OpenError> + Send + 'static,
) -> Result<T, OpenError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(died) => std::panic::resume_unwind(died.into_panic()),
    }
}

#[async_trait]
impl TrialLedger for SqliteLedger {
    async fn commit(&self, batch: Arc<Batch>, planner: Arc<Planner>) -> Result<Vec<Outcome>, LedgerError> {
        self.writer
            .transact(move |conn| {
                let facts = load::facts(conn, &planner.fact_keys(&batch))?;
                let plan = planner.plan(&facts, &batch);
                persist::effects(conn, &plan.effects)?;
                Ok(plan.outcomes)
            })
            .await
    }

    async fn check(&self) -> Result<(), LedgerError> {
        self.writer
            .transact(|conn| {
                let touched = diesel::update(clock_marks::table.find(1)).set(clock_marks::id.eq(clock_marks::id));
                touched.execute(conn).map(drop).map_err(fault)
            })
            .await
    }
}

/// The meaning of a database error. SQLite's result codes arrive as texts.
fn fault(error: Error) -> LedgerError {
    match &error {
        Error::DatabaseError(DatabaseErrorKind::Unknown, info) if info.message().ends_with("is locked") => {
            LedgerError::Contended(Box::new(error))
        }
        Error::DatabaseError(DatabaseErrorKind::Unknown, _) => LedgerError::Unavailable(Box::new(error)),
        _ => LedgerError::Corrupt(Box::new(error)),
    }
}

/// Runs queries on one snapshot of the database.
fn snapshot<T>(
    conn: &mut SqliteConnection,
    read: impl FnOnce(&mut SqliteConnection) -> Result<T, LedgerError>,
) -> Result<T, LedgerError> {
    let mut outcome = None;
    let ended = conn.transaction(|conn| {
        outcome = Some(read(conn));
        QueryResult::Ok(())
    });
    match outcome {
        Some(outcome) => outcome,
        None => Err(fault(ended.err().unwrap_or(Error::NotInTransaction))),
    }
}
