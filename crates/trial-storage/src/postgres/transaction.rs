//! Transactions, each with its kind and its bound.

use std::time::Duration;

use diesel::result::{DatabaseErrorKind, Error};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use futures_util::future::BoxFuture;
use tokio::time::timeout;
use trial_core::LedgerError;

use super::connect::Connections;
use super::fault::Trouble;

/// What a transaction does on its connection. It may be done twice, on two connections.
pub(super) trait Work<T>: for<'c> Fn(&'c AsyncPgConnection) -> BoxFuture<'c, Result<T, Trouble>> {}

impl<T, F> Work<T> for F where F: for<'c> Fn(&'c AsyncPgConnection) -> BoxFuture<'c, Result<T, Trouble>> {}

/// The kinds of transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Reads one snapshot.
    Read,
    /// Reads one snapshot and adds rows that nobody else looks at.
    Append,
    /// Changes what no decision looks at.
    Write,
    /// Changes what decisions look at: takes its turn among all instances.
    Turn,
}

/// "Trialgat" in ASCII, among the advisory locks of the database.
macro_rules! turnstile {
    () => {
        "6085041913682420084"
    };
}

/// The turnstile. Whoever decides, or changes what decisions look at, holds it from the start of the transaction until its
/// commit is durable.
pub(super) const TURNSTILE: &str = turnstile!();
/// One message, so that whatever is sent after it is done in the turn.
const PASS: &str =
    concat!("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SELECT pg_advisory_xact_lock(", turnstile!(), ")");

impl Kind {
    fn begin(self) -> &'static str {
        match self {
            Self::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            Self::Append => "BEGIN ISOLATION LEVEL REPEATABLE READ READ WRITE",
            // Each statement sees what was committed when it began: after the turnstile, all that was decided before.
            Self::Write => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
            Self::Turn => PASS,
        }
    }
}

/// Begins a transaction, and passes the turnstile if it is of that kind.
pub(super) async fn begin(mut conn: &AsyncPgConnection, kind: Kind) -> Result<(), Trouble> {
    Ok(conn.batch_execute(kind.begin()).await?)
}

/// Waits for work on the database no longer than this. Whoever gives up drops the connection, and with it the work.
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
    /// Does work in a transaction. If the connection turns out to have died, it is done once more on another.
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

/// Why a transaction did not come to its end.
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
