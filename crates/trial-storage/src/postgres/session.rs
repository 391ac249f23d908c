//! One session with a server: its settings, whatever the configuration of the server, and the warnings that the server
//! sends besides its answers.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use diesel::ConnectionError;
use diesel_async::pooled_connection::PoolableConnection;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use futures_util::StreamExt;
use futures_util::stream::poll_fn;
use tokio::task::AbortHandle;
use tokio_postgres::error::Severity;
use tokio_postgres::tls::TlsStream;
use tokio_postgres::{AsyncMessage, Client, Config, Connection, NoTls, SimpleQueryMessage, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::fault::Trouble;
use super::transaction::lost;

/// First in every session. Settings of a session hold until its end, whatever `ALTER SYSTEM` and a reload change: a
/// commit is on the disk, and on the synchronous standby if there is one, before it is acknowledged. An operator who
/// asks for more (`remote_apply`) gets that. The second column is a token that the session must still have later:
/// behind a pooler that shares sessions by transaction, it has another's.
const PROLOGUE: &str = "SELECT set_config('synchronous_commit', \
        CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false), \
    set_config('trialgate.session', md5(random()::text || clock_timestamp()::text || pg_backend_pid()::text), false)";

/// The current token of the session, by a query of its own.
const TOKEN: &str = "SELECT current_setting('trialgate.session', true)";

/// The identity of a server, and its timeline. A server with two addresses has one start time.
const SERVER: &str = "SELECT pg_postmaster_start_time()::text, substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)";

/// A connection before diesel has it. It takes simple queries, which poolers of every kind pass on.
pub(super) struct Line {
    client: Client,
    token: String,
    warnings: Arc<AtomicU64>,
    driver: Driver,
}

/// A connection, and the state of its session.
pub(super) struct Session {
    connection: AsyncPgConnection,
    token: String,
    warnings: Arc<AtomicU64>,
    prepared: u32,
    driver: Driver,
}

/// The task that reads and writes for a connection; it ends with this.
pub(super) struct Driver(AbortHandle);

/// A writable server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Writable {
    /// Its start time: no two servers share one.
    pub(super) started: String,
    /// Its timeline, as eight hexadecimal digits: each promotion and each recovery starts a higher one.
    pub(super) timeline: String,
}

impl Line {
    pub(super) async fn open(server: &Config, tls: Option<&MakeRustlsConnect>) -> Result<Self, ConnectionError> {
        let warnings = Arc::default();
        let (client, driver) = if let Some(tls) = tls {
            let (client, connection) = server.connect(tls.clone()).await.map_err(|error| refused(&error))?;
            (client, drive(connection, Arc::clone(&warnings)))
        } else {
            let (client, connection) = server.connect(NoTls).await.map_err(|error| refused(&error))?;
            (client, drive(connection, Arc::clone(&warnings)))
        };
        let mut line = Self { client, token: String::new(), warnings, driver };
        line.token = line.ask(PROLOGUE).await?.pop().unwrap_or_default();
        Ok(line)
    }

    /// Sets the session up by these statements.
    pub(super) async fn into_session(self, settings: &str) -> Result<Session, ConnectionError> {
        let Self { client, token, warnings, driver } = self;
        client.batch_execute(settings).await.map_err(|error| refused(&error))?;
        let connection = AsyncPgConnection::try_from(client).await?;
        Ok(Session { connection, token, warnings, prepared: 0, driver })
    }

    /// Returns `true` if this is still our session, after another client has begun one.
    pub(super) async fn is_kept(&self) -> Result<bool, ConnectionError> {
        Ok(self.ask(TOKEN).await?.first() == Some(&self.token))
    }

    pub(super) async fn server(&self) -> Result<Writable, ConnectionError> {
        let mut columns = self.ask(SERVER).await?.into_iter();
        let mut next = || columns.next().unwrap_or_default();
        Ok(Writable { started: next(), timeline: next() })
    }

    /// The first row of a query, column by column.
    async fn ask(&self, query: &str) -> Result<Vec<String>, ConnectionError> {
        let answer = self.client.simple_query(query).await.map_err(|error| refused(&error))?;
        let row = answer.into_iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        let columns = |row: tokio_postgres::SimpleQueryRow| {
            (0..row.len()).map(|column| row.get(column).unwrap_or_default().to_owned()).collect()
        };
        Ok(row.map(columns).unwrap_or_default())
    }
}

impl Session {
    /// Commits. An answer with a warning counts as none: the server warns when it stops waiting for a synchronous
    /// standby, because the statement was cancelled, and answers as if it had not.
    pub(super) async fn commit(&self) -> Result<(), Trouble> {
        let warned = self.warnings.load(Ordering::Acquire);
        (&mut &self.connection).batch_execute("COMMIT").await?;
        if self.warnings.load(Ordering::Acquire) == warned {
            return Ok(());
        }
        Err(lost("the server warned at the commit: the wait for a standby was cancelled, so the answer was lost")
            .into())
    }

    /// The token of the session.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// Returns `true` if a statement, by its bit, was prepared in this session.
    pub(super) fn has_prepared(&self, statement: u32) -> bool {
        self.prepared & statement != 0
    }

    pub(super) fn note_prepared(&mut self, statement: u32) {
        self.prepared |= statement;
    }

    pub(super) fn is_broken(&mut self) -> bool {
        self.connection.is_broken()
    }

    /// The connection alone, and the task that must live as long.
    pub(super) fn into_parts(self) -> (AsyncPgConnection, Driver) {
        (self.connection, self.driver)
    }
}

impl Deref for Session {
    type Target = AsyncPgConnection;

    fn deref(&self) -> &AsyncPgConnection {
        &self.connection
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Reads and writes for a connection, and counts warnings: one before an answer is counted before the answer is passed
/// on.
fn drive<S>(mut connection: Connection<Socket, S>, warnings: Arc<AtomicU64>) -> Driver
where
    S: TlsStream + Unpin + Send + 'static,
{
    let task = tokio::spawn(async move {
        let mut messages = poll_fn(move |context| connection.poll_message(context));
        while let Some(Ok(message)) = messages.next().await {
            if let AsyncMessage::Notice(notice) = message
                && notice.parsed_severity() == Some(Severity::Warning)
            {
                warnings.fetch_add(1, Ordering::Release);
                tracing::warn!(code = notice.code().code(), message = notice.message(), "the database server warns");
            }
        }
    });
    Driver(task.abort_handle())
}

/// The whole chain of causes: "error connecting to server" alone is of no use.
fn refused(error: &tokio_postgres::Error) -> ConnectionError {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        let said = source.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = source.source();
    }
    ConnectionError::BadConnection(text)
}
