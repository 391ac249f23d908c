//! Connections: which server, how secured, with which settings, and for how long they are waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use deadpool::managed::{Manager, Metrics, Object, Pool, PoolError, RecycleError, RecycleResult, Timeouts};
use diesel::ConnectionError;
use diesel::result::{DatabaseErrorKind, Error};
use diesel_async::pooled_connection::PoolableConnection;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::time::timeout;
use tokio_postgres::{Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;
use trial_files::read_unmarked;

use super::url::{Place, Tls};
use super::{PostgresOpenError, PostgresOptions};

/// Finds the server that can be written to, and opens connections to it.
#[derive(Clone)]
pub(super) struct Connector(Arc<Inner>);

struct Inner {
    place: Place,
    tls: Option<MakeRustlsConnect>,
    connect_timeout: Duration,
    /// The server that answered last: asked first.
    last: AtomicUsize,
}

impl Connector {
    pub(super) fn new(place: Place, options: &PostgresOptions) -> Result<Self, PostgresOpenError> {
        let tls = match &place.tls {
            Tls::Off => None,
            Tls::Verified(roots) => Some(verified(roots.as_deref())?),
        };
        let inner = Inner { place, tls, connect_timeout: options.connect_timeout, last: AtomicUsize::new(0) };
        Ok(Self(Arc::new(inner)))
    }

    pub(super) fn place(&self) -> &Place {
        &self.0.place
    }

    /// Connects to the first server that answers in time and can be written to, and sets the session up.
    pub(super) async fn connect(&self, session: &str) -> Result<AsyncPgConnection, ConnectionError> {
        let servers = &self.0.place.servers;
        let first = self.0.last.load(Ordering::Relaxed);
        let mut why = ConnectionError::BadConnection("no server is named".to_owned());
        for place in (0..servers.len()).map(|place| (first + place) % servers.len()) {
            match timeout(self.0.connect_timeout, self.connect_to(&servers[place], session)).await {
                Ok(Ok(connection)) => {
                    self.0.last.store(place, Ordering::Relaxed);
                    return Ok(connection);
                }
                Ok(Err(error)) => why = error,
                Err(_) => why = ConnectionError::BadConnection("the server does not answer in time".to_owned()),
            }
        }
        Err(why)
    }

    async fn connect_to(&self, server: &Config, session: &str) -> Result<AsyncPgConnection, ConnectionError> {
        let mut connection = if let Some(tls) = &self.0.tls {
            let (client, connection) = server.connect(tls.clone()).await.map_err(|error| refused(&error))?;
            AsyncPgConnection::try_from_client_and_connection(client, connection).await?
        } else {
            let (client, connection) = server.connect(NoTls).await.map_err(|error| refused(&error))?;
            AsyncPgConnection::try_from_client_and_connection(client, connection).await?
        };
        connection.batch_execute(session).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
        Ok(connection)
    }
}

/// The whole chain of causes: "error connecting to server" alone helps nobody.
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

fn verified(roots: Option<&std::path::Path>) -> Result<MakeRustlsConnect, PostgresOpenError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let unusable = |source: Box<dyn std::error::Error + Send + Sync>| PostgresOpenError::Tls { source };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(error.into()))?;
    let config = match roots {
        None => builder.with_platform_verifier().map_err(|error| unusable(error.into()))?,
        Some(file) => {
            let pem = read_unmarked(file).map_err(|error| unusable(format!("{}: {error}", file.display()).into()))?;
            let mut store = RootCertStore::empty();
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                let certificate =
                    certificate.map_err(|error| unusable(format!("{}: {error}", file.display()).into()))?;
                store.add(certificate).map_err(|error| unusable(error.into()))?;
            }
            builder.with_root_certificates(store)
        }
    };
    Ok(MakeRustlsConnect::new(config.with_no_client_auth()))
}

/// Connections that are set up alike.
#[derive(Clone)]
pub(super) struct Connections {
    pool: Pool<Opening>,
}

/// Opens connections, and sets their sessions up.
struct Opening {
    connector: Connector,
    session: String,
}

/// A connection, and what is known of its session.
pub(super) struct Session {
    connection: AsyncPgConnection,
    prepared: u32,
}

impl Manager for Opening {
    type Type = Session;
    type Error = ConnectionError;

    async fn create(&self) -> Result<Session, ConnectionError> {
        Ok(Session { connection: self.connector.connect(&self.session).await?, prepared: 0 })
    }

    /// Without a question to the server, one round trip less for each use: whoever meets a connection that has died takes
    /// another.
    async fn recycle(&self, session: &mut Session, _: &Metrics) -> RecycleResult<ConnectionError> {
        if session.connection.is_broken() {
            return Err(RecycleError::Message("the connection was lost".into()));
        }
        Ok(())
    }
}

impl Connections {
    pub(super) fn new(
        connector: Connector,
        session: String,
        size: usize,
        wait: Duration,
    ) -> Result<Self, PostgresOpenError> {
        let pool = Pool::builder(Opening { connector, session })
            .max_size(size)
            .runtime(deadpool::Runtime::Tokio1)
            .timeouts(Timeouts { wait: Some(wait), create: None, recycle: None })
            .build()
            .map_err(|error| PostgresOpenError::Database { source: Box::new(error) })?;
        Ok(Self { pool })
    }

    /// A connection, for as long as it is held.
    pub(super) async fn get(&self) -> Result<Held, Error> {
        match self.pool.get().await {
            Ok(session) => Ok(Held(Some(session))),
            Err(PoolError::Timeout(_)) => Err(unknown("canceling statement due to a full pool of connections")),
            Err(error) => {
                let message = error.to_string();
                Err(Error::DatabaseError(DatabaseErrorKind::UnableToSendCommand, Box::new(message)))
            }
        }
    }

    /// Closes those that nobody holds: they were opened to a server that is gone.
    pub(super) fn forget(&self) {
        self.pool.retain(|_, _| false);
    }

    pub(super) fn close(&self) {
        self.pool.close();
    }
}

fn unknown(message: &str) -> Error {
    Error::DatabaseError(DatabaseErrorKind::Unknown, Box::new(message.to_owned()))
}

/// A connection that somebody holds. Unless it is given back, it is closed: what was begun on it ends with it.
pub(super) struct Held(Option<Object<Opening>>);

impl Held {
    /// Whether a statement, by a bit of its own, was prepared in this session.
    pub(super) fn has_prepared(&self, statement: u32) -> bool {
        self.0.as_ref().is_some_and(|session| session.prepared & statement != 0)
    }

    pub(super) fn note_prepared(&mut self, statement: u32) {
        if let Some(session) = &mut self.0 {
            session.prepared |= statement;
        }
    }

    /// Gives it back for others to use. Nothing is under way on it.
    pub(super) fn give_back(mut self) {
        self.0.take();
    }
}

impl std::ops::Deref for Held {
    type Target = AsyncPgConnection;

    #[expect(clippy::expect_used, reason = "it is taken only by value")]
    fn deref(&self) -> &AsyncPgConnection {
        &self.0.as_ref().expect("it is taken only by value").connection
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(Object::take(connection));
        }
    }
}
