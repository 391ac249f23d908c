//! Keeps a connection up: connects, binds, listens, and does it again when it is lost, with waits that double.

use std::sync::Arc;

use rusmpp::CommandStatus;
use rusmpp::pdus::BindTransceiver;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use super::session::{Lost, Session};
use super::{SmppReceipts, SmppSettings, SmppTimeouts, verdict};
use crate::web::UnusableGateway;

/// The connection as it is.
#[derive(Clone)]
enum State {
    /// There is none, and this is why.
    Down(String),
    /// It is bound.
    Up(Session),
}

/// The connection, kept up by a task that ends with this.
pub(super) struct Link {
    state: watch::Receiver<State>,
    keeping: JoinHandle<()>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.keeping.abort();
    }
}

/// What it takes to connect.
struct Keeper {
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    bind: BindTransceiver,
    receipts: Option<SmppReceipts>,
    timeouts: SmppTimeouts,
}

trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Bytes for S {}

impl Link {
    /// Begins to keep a connection up.
    pub(super) fn keep(
        settings: &SmppSettings,
        bind: BindTransceiver,
        receipts: Option<SmppReceipts>,
    ) -> Result<Self, UnusableGateway> {
        let tls = settings.tls.then(|| tls(&settings.host)).transpose()?;
        let (host, port, timeouts) = (settings.host.clone(), settings.port, settings.timeouts);
        let keeper = Keeper { host, port, tls, bind, receipts, timeouts };
        let (tell, state) = watch::channel(State::Down("it is being made".to_owned()));
        Ok(Self { state, keeping: tokio::spawn(keeper.run(tell)) })
    }

    /// The session of a connection that is up, as soon as one is.
    pub(super) async fn session(&self) -> Session {
        let mut state = self.state.clone();
        loop {
            if let State::Up(session) = &*state.borrow_and_update()
                && session.is_open()
            {
                return session.clone();
            }
            if state.changed().await.is_err() {
                // The task that keeps the connection up has died: whoever waits has a bound.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Why there is no connection.
    pub(super) fn problem(&self) -> String {
        match &*self.state.borrow() {
            State::Down(reason) => reason.clone(),
            State::Up(_) => "the connection was lost".to_owned(),
        }
    }
}

fn tls(host: &str) -> Result<(TlsConnector, ServerName<'static>), UnusableGateway> {
    let config = trial_tls::client_config(true).map_err(UnusableGateway::Tls)?;
    let name = ServerName::try_from(host.to_owned()).map_err(|_| UnusableGateway::Url)?;
    Ok((TlsConnector::from(Arc::new(config)), name))
}

impl Keeper {
    async fn run(self, tell: watch::Sender<State>) {
        let mut wait = self.timeouts.retry_first;
        loop {
            let connecting = timeout(self.timeouts.connect, self.connect()).await;
            let reason = match connecting {
                Ok(Ok(stream)) => {
                    let (session, connection) = Session::over(stream, self.timeouts, self.receipts.clone());
                    let (is_bound, ()) = tokio::join!(self.bind(session, &tell), connection.run());
                    if is_bound.is_ok() {
                        wait = self.timeouts.retry_first;
                    }
                    is_bound.err().unwrap_or_else(|| "the connection was lost".to_owned())
                }
                Ok(Err(reason)) => reason,
                Err(_) => format!("none within {} s", self.timeouts.connect.as_secs()),
            };
            tracing::warn!(gateway = "smpp", reason, "no connection to the message centre");
            tell.send_replace(State::Down(reason));
            sleep(wait).await;
            wait = (2 * wait).min(self.timeouts.retry_cap);
        }
    }

    async fn connect(&self) -> Result<Box<dyn Bytes>, String> {
        let tcp = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(|error| error.to_string())?;
        // A message is one small packet: to gather several would only delay it.
        tcp.set_nodelay(true).map_err(|error| error.to_string())?;
        match &self.tls {
            None => Ok(Box::new(tcp)),
            Some((connector, name)) => match connector.connect(name.clone(), tcp).await {
                Ok(stream) => Ok(Box::new(stream)),
                Err(error) => Err(format!("TLS: {error}")),
            },
        }
    }

    /// Binds, and shows the session to everybody; if that fails, the session is dropped and the connection ends.
    async fn bind(&self, session: Session, tell: &watch::Sender<State>) -> Result<(), String> {
        let answer = session.ask(self.bind.clone(), self.timeouts.connect).await.map_err(|lost| match lost {
            Lost::NotSent => "the connection was lost before the bind".to_owned(),
            Lost::Unanswered => "the bind was not answered".to_owned(),
        })?;
        if answer.status() != CommandStatus::EsmeRok {
            return Err(format!("the bind was refused: {}", verdict::name(answer.status())));
        }
        tell.send_replace(State::Up(session));
        Ok(())
    }
}
