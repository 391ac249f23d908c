//! Maintains a connection: connects, binds, listens, and reconnects when it is lost, with waits that double.

use std::sync::Arc;

use rusmpp::pdus::BindTransceiver;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::{Duration, Instant, sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use super::codec::id;
use super::session::{Lost, Session};
use super::{SmppReceipts, SmppSettings, SmppTimeouts, verdict};
use crate::web::UnusableGateway;

/// A session that lasted this long resets the wait before the next bind.
const SETTLED: Duration = Duration::from_secs(5);

/// The state of the connection.
#[derive(Clone)]
enum State {
    /// There is none, for this reason.
    Down(String),
    /// It is bound.
    Up(Session),
}

/// The connection, maintained by a task that ends with this.
pub(super) struct Link {
    state: watch::Receiver<State>,
    abort: AbortHandle,
    /// `None` once it is supervised.
    task: Option<JoinHandle<()>>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.abort.abort();
    }
}

/// The means to connect.
struct Sweeper {
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    bind: BindTransceiver,
    receipts: Option<SmppReceipts>,
    timeouts: SmppTimeouts,
}

/// Waits before the next bind: they double while sessions end soon after their bind, or none is established.
struct Backoff {
    first: Duration,
    cap: Duration,
    next: Duration,
}

impl Backoff {
    fn new(timeouts: SmppTimeouts) -> Self {
        Self { first: timeouts.retry_first, cap: timeouts.retry_cap, next: timeouts.retry_first }
    }

    /// The wait after a session of this duration, or after none.
    fn after(&mut self, lasted: Option<Duration>) -> Duration {
        if lasted.is_some_and(|lasted| lasted >= SETTLED) {
            self.next = self.first;
        }
        let wait = self.next;
        self.next = (2 * wait).min(self.cap);
        wait
    }
}

trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Bytes for S {}

impl Link {
    /// Checks the host, and that TLS can be used if it is configured.
    pub(super) fn check(settings: &SmppSettings) -> Result<(), UnusableGateway> {
        if ServerName::try_from(settings.host.as_str()).is_err() {
            return Err(UnusableGateway::Host("must be a name or an address alone; the port is a setting of its own"));
        }
        settings.tls.then(|| tls(&settings.host)).transpose().map(drop)
    }

    /// Starts to maintain a connection.
    pub(super) fn keep(
        settings: &SmppSettings,
        bind: BindTransceiver,
        receipts: Option<SmppReceipts>,
    ) -> Result<Self, UnusableGateway> {
        Self::check(settings)?;
        let tls = settings.tls.then(|| tls(&settings.host)).transpose()?;
        let (host, port, timeouts) = (settings.host.clone(), settings.port, settings.timeouts);
        let keeper = Sweeper { host, port, tls, bind, receipts, timeouts };
        let (tell, state) = watch::channel(State::Down("it is being made".to_owned()));
        Ok(Self::over(state, tokio::spawn(keeper.run(tell))))
    }

    fn over(state: watch::Receiver<State>, task: JoinHandle<()>) -> Self {
        Self { state, abort: task.abort_handle(), task: Some(task) }
    }

    /// The task that maintains the connection, at the first call.
    pub(super) fn task(&mut self) -> Option<JoinHandle<()>> {
        self.task.take()
    }

    /// The session of an established connection, as soon as there is one.
    pub(super) async fn session(&self) -> Session {
        let mut state = self.state.clone();
        loop {
            if let State::Up(session) = &*state.borrow_and_update()
                && session.is_open()
            {
                return session.clone();
            }
            if state.changed().await.is_err() {
                // The task that maintains the connection has died: waits are bounded elsewhere.
                std::future::pending::<()>().await;
            }
        }
    }

    /// The reason why there is no connection.
    pub(super) fn problem(&self) -> String {
        if self.state.has_changed().is_err() {
            return "the task that maintains it ended by a fault of the program".to_owned();
        }
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

impl Sweeper {
    async fn run(self, tell: watch::Sender<State>) {
        let mut backoff = Backoff::new(self.timeouts);
        loop {
            let ended = self.session(&tell).await;
            let wait = backoff.after(ended.as_ref().ok().copied());
            let reason = ended
                .map_or_else(|reason| reason, |lasted| format!("it was lost {} s after the bind", lasted.as_secs()));
            let again_in_s = wait.as_secs_f32();
            tracing::warn!(gateway = "smpp", reason, again_in_s, "no connection to the message centre");
            tell.send_replace(State::Down(reason));
            sleep(wait).await;
        }
    }

    /// Runs one session; returns its duration from its bind, or the reason why there was none.
    async fn session(&self, tell: &watch::Sender<State>) -> Result<Duration, String> {
        let connecting = timeout(self.timeouts.connect, self.connect()).await;
        let stream = connecting.map_err(|_| format!("none within {} s", self.timeouts.connect.as_secs()))??;
        let (session, connection) = Session::over(stream, self.timeouts, self.receipts.clone());
        let (bound, ()) = tokio::join!(self.bind(session, tell), connection.run());
        bound.map(|bound| bound.elapsed())
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

    /// Binds, and publishes the session; returns the time. If that fails, the session is dropped and the connection
    /// ends.
    async fn bind(&self, session: Session, tell: &watch::Sender<State>) -> Result<Instant, String> {
        let answer = session.ask(self.bind.clone(), self.timeouts.connect).await.map_err(|lost| match lost {
            Lost::NotSent => "the connection was lost before the bind".to_owned(),
            Lost::Unanswered => "the bind was not answered".to_owned(),
        })?;
        if answer.status != 0 || answer.id == id::GENERIC_NACK {
            return Err(format!("the bind was refused: {}", verdict::name(answer.status.into())));
        }
        tell.send_replace(State::Up(session));
        Ok(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_that_no_task_maintains_is_reported() {
        let (tell, state) = watch::channel(State::Down("it is being made".to_owned()));
        let task = tokio::spawn(async move {
            let _tell = tell;
            panic!("a fault of the program");
        });
        let mut link = Link::over(state, task);
        assert!(link.task().unwrap().await.unwrap_err().is_panic());
        assert_eq!(link.problem(), "the task that maintains it ended by a fault of the program");
    }

    #[test]
    fn binds_wait_longer_while_sessions_end_soon() {
        let mut backoff = Backoff::new(SmppTimeouts::default());
        let mut waits = |lasted: &[Option<u64>]| {
            lasted.iter().map(|lasted| backoff.after(lasted.map(Duration::from_secs)).as_secs()).collect::<Vec<_>>()
        };
        assert_eq!(waits(&[Some(0), None, Some(4), None, Some(0), Some(0), Some(0)]), [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(waits(&[Some(5), Some(0), Some(3_600), None]), [1, 2, 1, 2]);
    }
}
