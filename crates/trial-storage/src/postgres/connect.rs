//! Connections: the server, its TLS, the settings of a session, and the bounds of waits.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use deadpool::managed::{Manager, Metrics, Object, Pool, PoolError, RecycleError, RecycleResult, Timeouts};
use diesel::ConnectionError;
use diesel::result::{DatabaseErrorKind, Error};
use futures_util::future::join_all;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::time::timeout;
use tokio_postgres_rustls::MakeRustlsConnect;
use trial_files::read_unmarked;

use super::session::{Line, Session, Writable};
use super::url::{Place, Tls};
use super::{PostgresOpenError, PostgresOptions};

/// Finds the writable server, and opens connections to it.
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

    /// Connects to the first writable server that answers in time, and sets the session up.
    pub(super) async fn connect(&self, session: &str) -> Result<Session, ConnectionError> {
        let line = self.reach().await?;
        self.in_time(line.into_session(session)).await
    }

    /// Checks that a session's settings last as long as the session. Behind a pooler that shares sessions by
    /// transaction, the second client gets the session that the first one has just set up.
    pub(super) async fn keeps_sessions(&self) -> Result<bool, ConnectionError> {
        let first = self.reach().await?;
        let _second = self.reach().await?;
        self.in_time(first.is_kept()).await
    }

    /// The first writable server that answers in time; the last one in use is asked first.
    async fn reach(&self) -> Result<Line, ConnectionError> {
        let servers = self.0.place.servers.len();
        let first = self.0.last.load(Ordering::Relaxed);
        let mut why = ConnectionError::BadConnection("no server is named".to_owned());
        for place in (0..servers).map(|place| (first + place) % servers) {
            match self.in_time(self.line(place)).await {
                Ok(line) => {
                    self.0.last.store(place, Ordering::Relaxed);
                    return Ok(line);
                }
                Err(error) => why = error,
            }
        }
        Err(why)
    }

    /// Every writable server, with its position in the URL.
    pub(super) async fn writable(&self) -> Vec<(usize, Writable)> {
        let servers = (0..self.0.place.servers.len()).map(|place| async move {
            let asked = self.in_time(async { self.line(place).await?.server().await }).await;
            asked.ok().map(|server| (place, server))
        });
        join_all(servers).await.into_iter().flatten().collect()
    }

    async fn line(&self, place: usize) -> Result<Line, ConnectionError> {
        Line::open(&self.0.place.servers[place], self.0.tls.as_ref()).await
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T, ConnectionError>>) -> Result<T, ConnectionError> {
        let late = |_| Err(ConnectionError::BadConnection("the server does not answer in time".to_owned()));
        timeout(self.0.connect_timeout, work).await.unwrap_or_else(late)
    }
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
            if store.is_empty() {
                let text = format!("{} has no certificate in it; name a file with one in PEM", file.display());
                return Err(unusable(text.into()));
            }
            builder.with_root_certificates(store)
        }
    };
    Ok(MakeRustlsConnect::new(config.with_no_client_auth()))
}

/// Connections with the same setup.
#[derive(Clone)]
pub(super) struct Connections {
    pool: Pool<Opening>,
}

/// Opens connections, and sets their sessions up.
struct Opening {
    connector: Connector,
    session: String,
}

impl Manager for Opening {
    type Type = Session;
    type Error = ConnectionError;

    async fn create(&self) -> Result<Session, ConnectionError> {
        // Boxed, so that the future of a user of a connection does not contain the opening of one.
        Box::pin(self.connector.connect(&self.session)).await
    }

    /// Without a query to the server, which saves a round trip per use: a user of a dead connection takes another.
    async fn recycle(&self, session: &mut Session, _: &Metrics) -> RecycleResult<ConnectionError> {
        if session.is_broken() {
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

    /// Closes idle connections: they were opened to a server that is gone.
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

/// A connection in use. Unless it is given back, it is closed, and its transaction ends with it.
pub(super) struct Held(Option<Object<Opening>>);

impl Held {
    /// Gives it back for others to use. Nothing is under way on it.
    pub(super) fn give_back(mut self) {
        self.0.take();
    }
}

impl Deref for Held {
    type Target = Session;

    #[expect(clippy::expect_used, reason = "it is taken only by value")]
    fn deref(&self) -> &Session {
        self.0.as_ref().expect("it is taken only by value")
    }
}

impl DerefMut for Held {
    #[expect(clippy::expect_used, reason = "it is taken only by value")]
    fn deref_mut(&mut self) -> &mut Session {
        self.0.as_mut().expect("it is taken only by value")
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(Object::take(connection));
        }
    }
}
