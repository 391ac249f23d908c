//! Transactions, each with its kind and its bound.

use std::time::Duration;

use diesel::result::{DatabaseErrorKind, Error};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use futures_util::future::BoxFuture;
use tokio::time::timeout;
use trial_core::error::LedgerError;

use super::connect::Connections;
use super::fault::Trouble;

/// The work of a transaction on its connection. It may run twice, on two connections.
pub(super) trait Work<T>: for<'c> Fn(&'c AsyncPgConnection) -> BoxFuture<'c, Result<T, Trouble>> {}

impl<T, F> Work<T> for F where F: for<'c> Fn(&'c AsyncPgConnection) -> BoxFuture<'c, Result<T, Trouble>> {}

/// The kinds of transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Reads one snapshot.
    Read,
    /// Reads one snapshot and adds rows that no other transaction reads.
    Append,
    /// Changes rows that no decision reads.
    Write,
    /// Changes rows that decisions read: takes the admission lock.
    Turn,
}

/// "Trialgat" in ASCII, among the advisory locks of the database.
macro_rules! turnstile {
    () => {
        "6085041913682420084"
    };
}

/// The admission lock. Decisions, and changes of rows that decisions read, hold it from the start of the transaction
/// until the commit is durable.
pub(super) const TURNSTILE: &str = turnstile!();
/// One message, so that everything sent after it happens under the lock.
const PASS: &str =
    concat!("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SELECT pg_advisory_xact_lock(", turnstile!(), ")");

impl Kind {
    fn begin(self) -> &'static str {
        match self {
            Self::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            Self::Append => "BEGIN ISOLATION LEVEL REPEATABLE READ READ WRITE",
            // Each statement sees the rows committed when it began: after the lock, all earlier decisions.
            Self::Write => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
            Self::Turn => PASS,
        }
    }
}

/// Begins a transaction, and takes the admission lock if it is of that kind.
pub(super) async fn begin(mut conn: &AsyncPgConnection, kind: Kind) -> Result<(), Trouble> {
    Ok(conn.batch_execute(kind.begin()).await?)
}

/// Bounds the wait for work on the database. Giving up drops the connection, and with it the work.
pub(super) async fn within<T, E>(bound: Duration, work: impl Future<Output = Result<T, E>>) -> Result<T, Trouble>
where
    Trouble: From<E>,
{
    match timeout(bound, work).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(lost("no answer within the bound, so the connection was lost").into()),
    }
}

pub(super) fn lost(message: &str) -> Error {
    Error::DatabaseError(DatabaseErrorKind::UnableToSendCommand, Box::new(message.to_owned()))
}

impl Connections {
    /// Runs work in a transaction. If the connection turns out to be dead, it runs once more on another.
    pub(super) async fn transaction<T>(
        &self,
        kind: Kind,
        bound: Duration,
        work: impl Work<T>,
    ) -> Result<T, LedgerError> {
        match self.attempt(kind, bound, &work).await {
            Err(Attempted::Undone(trouble)) if trouble.is_gone() => {
                self.forget();
                self.attempt(kind, bound, &work).await.map_err(Into::into)
            }
            done => done.map_err(Into::into),
        }
    }

    async fn attempt<T>(&self, kind: Kind, bound: Duration, work: &impl Work<T>) -> Result<T, Attempted> {
        let held = self.get().await.map_err(|error| Attempted::Undone(error.into()))?;
        let done = within(bound, async {
            begin(&held, kind).await?;
            work(&held).await
        });
        let done = done.await.map_err(Attempted::Undone)?;
        within(bound, held.commit()).await.map_err(|trouble| match kind {
            Kind::Read => Attempted::Undone(trouble),
            _ => Attempted::Unknown(trouble),
        })?;
        held.give_back();
        Ok(done)
    }
}

/// The reason why a transaction did not finish.
enum Attempted {
    Undone(Trouble),
    /// The commit was sent, and its answer did not come.
    Unknown(Trouble),
}

impl From<Attempted> for LedgerError {
    fn from(attempted: Attempted) -> Self {
        match attempted {
            Attempted::Undone(trouble) => trouble.into(),
            Attempted::Unknown(trouble) => trouble.into_unknown(),
        }
    }
}
