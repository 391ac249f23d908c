//! Threads that own a connection each, and the transactions they run.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use diesel::connection::{AnsiTransactionManager, Connection, TransactionManager};
use diesel::sqlite::SqliteConnection;
use tokio::sync::{mpsc, oneshot};
use trial_core::error::LedgerError;

use super::file_watch::FileWatch;
use super::{fault, guard};

/// Jobs that may wait for one connection; one more waits to be queued.
const QUEUE: usize = 1024;

type Job = Box<dyn FnOnce(&mut SqliteConnection) + Send>;

/// A thread that owns one connection and runs one job after the other, until it is closed or every handle is gone.
#[derive(Clone)]
pub(super) struct Worker {
    orders: mpsc::Sender<Order>,
    watch: Arc<FileWatch>,
}

enum Order {
    Do(Job),
    /// Closes the connection, then confirms.
    Close(oneshot::Sender<()>),
}

/// The thread of a connection is gone, or the job ended by a fault of the program.
#[derive(Debug, thiserror::Error)]
#[error("the database job was not finished, by a fault of the program")]
struct Unfinished;

impl Worker {
    pub(super) fn start(name: &str, mut conn: SqliteConnection, watch: Arc<FileWatch>) -> std::io::Result<Self> {
        let (orders, mut queue) = mpsc::channel(QUEUE);
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            while let Some(order) = queue.blocking_recv() {
                match order {
                    Order::Do(job) => run_guarded(&mut conn, job),
                    Order::Close(closed) => {
                        drop(conn);
                        // The caller may have given up; the connection is closed.
                        let _ = closed.send(());
                        return;
                    }
                }
            }
        })?;
        Ok(Self { orders, watch })
    }

    /// Closes the connection once the earlier jobs are done; later ones are not run.
    pub(super) async fn close(&self) {
        let (closed, wait) = oneshot::channel();
        if self.orders.send(Order::Close(closed)).await.is_ok() {
            // An error means that another caller has closed it meanwhile.
            let _ = wait.await;
        }
    }

    /// Runs a job on the connection, to its end even if nobody waits for it any more.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut SqliteConnection) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let unfinished = || LedgerError::Corrupt(Box::new(Unfinished));
        let (reply, answer) = oneshot::channel();
        let watch = Arc::clone(&self.watch);
        let job: Job = Box::new(move |conn| {
            let done = watch.check().map_err(|displaced| LedgerError::Unavailable(Box::new(displaced)));
            let done = done.and_then(|()| job(conn)).inspect_err(|error| watch.see(error));
            // The job is done even if nobody waits for its result.
            let _ = reply.send(done);
        });
        self.orders.send(Order::Do(job)).await.map_err(|_| unfinished())?;
        answer.await.map_err(|_| unfinished())?
    }

    /// Runs a job in a transaction that holds the write lock from its start: one that turned into a writer half-way
    /// would fail without waiting. A transferred or newer database is not written to.
    pub(super) async fn transact<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut SqliteConnection) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let watch = Arc::clone(&self.watch);
        self.run(move |conn| {
            let done = immediate_transaction(conn, |conn| {
                guard::check(conn)?;
                job(conn)
            })?;
            // Only now is it known that the commit went into a file that exists.
            watch.check().map_err(|displaced| LedgerError::CommitUnknown(Box::new(displaced)))?;
            Ok(done)
        })
        .await
    }
}

fn run_guarded(conn: &mut SqliteConnection, job: Job) {
    if catch_unwind(AssertUnwindSafe(|| job(conn))).is_err() {
        tracing::error!("a database job panicked; its transaction is rolled back");
        roll_back(conn);
    }
}

fn immediate_transaction<T>(
    conn: &mut SqliteConnection,
    job: impl FnOnce(&mut SqliteConnection) -> Result<T, LedgerError>,
) -> Result<T, LedgerError> {
    AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN IMMEDIATE").map_err(fault)?;
    let done = job(conn);
    if done.is_err() {
        roll_back(conn);
        return done;
    }
    match <SqliteConnection as Connection>::TransactionManager::commit_transaction(conn) {
        Ok(()) => done,
        Err(error) => {
            roll_back(conn);
            Err(LedgerError::CommitUnknown(Box::new(error)))
        }
    }
}

fn roll_back(conn: &mut SqliteConnection) {
    if let Err(error) = <SqliteConnection as Connection>::TransactionManager::rollback_transaction(conn)
        && !matches!(error, diesel::result::Error::NotInTransaction)
    {
        tracing::error!(%error, "cannot roll back");
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::SqliteOptions;
    use crate::sqlite::open;

    #[tokio::test]
    async fn a_commit_into_a_file_that_was_deleted_meanwhile_is_not_acknowledged() {
        let dir = tempfile::tempdir().unwrap();
        let options = SqliteOptions::new(dir.path().join("trialgate.db"));
        open::migrate(&options).unwrap();
        let (conn, watch) = open::open_for_writing(&options).unwrap();
        let worker = Worker::start("writer", conn, Arc::new(watch)).unwrap();
        worker.transact(|_| Ok(())).await.unwrap();
        let deleted = worker.transact(move |_| {
            fs::remove_file(&options.path).unwrap();
            Ok(())
        });
        assert!(matches!(deleted.await, Err(LedgerError::CommitUnknown(_))));
    }

    #[tokio::test]
    async fn nothing_is_written_once_a_damaged_page_was_met() {
        let dir = tempfile::tempdir().unwrap();
        let options = SqliteOptions::new(dir.path().join("trialgate.db"));
        open::migrate(&options).unwrap();
        let (conn, watch) = open::open_for_writing(&options).unwrap();
        let worker = Worker::start("writer", conn, Arc::new(watch)).unwrap();
        worker.transact(|_| Ok(())).await.unwrap();
        let malformed = || -> Result<(), _> { Err(fault(diesel_error("database disk image is malformed"))) };
        worker.run(move |_| malformed()).await.unwrap_err();
        let refused = worker.transact(|_| Ok(())).await.unwrap_err();
        let LedgerError::Unavailable(why) = refused else { panic!("{refused:?}") };
        assert!(why.to_string().contains("was overwritten while the database was open"), "{why}");
    }

    fn diesel_error(text: &str) -> diesel::result::Error {
        let kind = diesel::result::DatabaseErrorKind::Unknown;
        diesel::result::Error::DatabaseError(kind, Box::new(text.to_owned()))
    }
}
