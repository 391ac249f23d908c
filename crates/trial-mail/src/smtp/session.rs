//! Sessions with the mail server: opened, used, kept for the next mail, or dropped.
//!
//! The library's own transport is not used, for its pool keeps a connection whose delivery was cut short by a time-out: the
//! next mail would be written into the middle of the last one, or take the last one's reply for its own.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::DEFAULT_MECHANISMS;
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Noop, Rcpt, Rset};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::settings::{Security, Server};

/// Idle sessions that are kept.
const MAX_IDLE: usize = 4;
/// How long an idle session is trusted. Servers end one after minutes; what lies between may forget it sooner.
const IDLE_FOR: Duration = Duration::from_secs(30);

/// What was being done when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Connecting, TLS, greeting, EHLO, STARTTLS.
    Connect,
    /// AUTH.
    SignIn,
    /// MAIL FROM.
    Sender,
    /// RCPT TO.
    Recipient,
    /// DATA and the mail itself.
    Content,
    /// NOOP.
    Check,
}

pub(super) struct Failure {
    pub(super) step: Step,
    pub(super) fault: Fault,
}

pub(super) enum Fault {
    /// No connection.
    Tcp(io::Error),
    /// What the server said, or could not be talked to by.
    Smtp(Error),
}

impl Step {
    fn failed(self) -> impl FnOnce(Error) -> Failure {
        move |error| Failure { step: self, fault: Fault::Smtp(error) }
    }
}

impl Failure {
    /// Whether the server's reply was read to its end.
    fn is_reply(&self) -> bool {
        matches!(&self.fault, Fault::Smtp(error) if error.status().is_some())
    }
}

pub(super) struct Sessions {
    server: Server,
    hello_name: ClientId,
    connect_timeout: Duration,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    session: AsyncSmtpConnection,
    since: Instant,
}

impl Sessions {
    pub(super) fn new(server: Server, connect_timeout: Duration) -> Self {
        Self { server, hello_name: ClientId::default(), connect_timeout, idle: Mutex::default() }
    }

    /// Hands one mail over. Dropped before it is done, it drops its session too.
    pub(super) async fn deliver(&self, from: &Address, to: &Address, message: &[u8]) -> Result<Response, Failure> {
        let mut session = self.take().await?;
        let result = transact(&mut session, from, to, message).await;
        // A reply that was read to its end leaves both sides agreed on where they are; anything else does not.
        if result.as_ref().map_or_else(Failure::is_reply, |_| true) {
            self.keep(session);
        }
        result
    }

    /// Says NOOP in a session, opened for it if none is idle.
    pub(super) async fn check(&self) -> Result<(), Failure> {
        let mut session = self.take().await?;
        session.command(Noop).await.map_err(Step::Check.failed())?;
        self.keep(session);
        Ok(())
    }

    /// An idle session that still answers and has forgotten what was before, or a new one.
    async fn take(&self) -> Result<AsyncSmtpConnection, Failure> {
        loop {
            let idle = self.idle().pop();
            let Some(Idle { mut session, since }) = idle else { return self.open().await };
            if since.elapsed() < IDLE_FOR && session.command(Rset).await.is_ok() {
                return Ok(session);
            }
        }
    }

    fn keep(&self, session: AsyncSmtpConnection) {
        let mut idle = self.idle();
        idle.retain(|kept| kept.since.elapsed() < IDLE_FOR);
        if idle.len() < MAX_IDLE {
            idle.push(Idle { session, since: Instant::now() });
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn open(&self) -> Result<AsyncSmtpConnection, Failure> {
        let mut session = match &self.server.security {
            Security::Tls(parameters) => self.connect_by_tls(parameters).await?,
            Security::None => self.connect().await?,
            Security::StartTls(parameters) => {
                let mut session = self.connect().await?;
                let upgraded = session.starttls(parameters.clone(), &self.hello_name).await;
                upgraded.map_err(Step::Connect.failed())?;
                session
            }
        };
        if let Some(login) = &self.server.login {
            session.auth(DEFAULT_MECHANISMS, &login.credentials()).await.map_err(Step::SignIn.failed())?;
        }
        Ok(session)
    }

    /// A connection that sends at once what is written: the end of a mail would otherwise wait until the server has
    /// acknowledged the mail, which servers put off for some 40 ms.
    async fn connect(&self) -> Result<AsyncSmtpConnection, Failure> {
        let connected = async {
            let stream = TcpStream::connect((self.server.host.as_str(), self.server.port)).await?;
            stream.set_nodelay(true)?;
            Ok(stream)
        };
        let stream = connected.await.map_err(|error| Failure { step: Step::Connect, fault: Fault::Tcp(error) })?;
        let connected = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &self.hello_name).await;
        connected.map_err(Step::Connect.failed())
    }

    /// With TLS from the start, the connection is the library's.
    async fn connect_by_tls(&self, parameters: &TlsParameters) -> Result<AsyncSmtpConnection, Failure> {
        let address = (self.server.host.as_str(), self.server.port);
        let (timeout, tls) = (Some(self.connect_timeout), Some(parameters.clone()));
        let connected = AsyncSmtpConnection::connect_tokio1(address, timeout, &self.hello_name, tls, None).await;
        connected.map_err(Step::Connect.failed())
    }
}

async fn transact(
    session: &mut AsyncSmtpConnection,
    from: &Address,
    to: &Address,
    message: &[u8],
) -> Result<Response, Failure> {
    session.command(Mail::new(Some(from.clone()), Vec::new())).await.map_err(Step::Sender.failed())?;
    session.command(Rcpt::new(to.clone(), Vec::new())).await.map_err(Step::Recipient.failed())?;
    session.command(Data).await.map_err(Step::Content.failed())?;
    session.message(message).await.map_err(Step::Content.failed())
}
