//! Sessions with the mail server: opened, used, kept for the next mail, or dropped.
//!
//! A session whose delivery was cut short is dropped: the next mail would be written into the middle of the last one,
//! or take the last one's reply for its own.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lettre::Address;
use tokio::time::{Instant, timeout};

use super::connection::{Connection, Fault};
use super::reply::Reply;
use super::settings::Server;

/// Idle sessions, at most.
const MAX_IDLE: usize = 4;
/// The longest idle time of a session. Servers end one after minutes; devices in between may forget it sooner.
const IDLE_FOR: Duration = Duration::from_secs(30);

/// The failed step.
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

impl Step {
    fn failed(self) -> impl FnOnce(Fault) -> Failure {
        move |fault| Failure { step: self, fault }
    }
}

impl Failure {
    /// Returns `true` if the server's reply was read to its end.
    fn is_reply(&self) -> bool {
        matches!(&self.fault, Fault::Refused(reply) if reply.is_whole)
    }
}

/// The longest waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waits {
    /// From the connection to the final dot.
    pub(super) to_the_dot: Duration,
    /// For the reply to the final dot.
    pub(super) after_the_dot: Duration,
}

pub(super) struct Sessions {
    server: Server,
    waits: Waits,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    session: Connection,
    since: Instant,
}

impl Sessions {
    pub(super) fn new(server: Server, waits: Waits) -> Self {
        Self { server, waits, idle: Mutex::default() }
    }

    /// Sends one mail. Dropped before it is done, it drops its session too.
    pub(super) async fn deliver(&self, from: &Address, to: &Address, message: &[u8]) -> Result<Reply, Failure> {
        let mut session = self.in_time(Step::Content, self.begin(from, to, message)).await?;
        let verdict = session.verdict(self.waits.after_the_dot).await.map_err(Step::Content.failed());
        // After a complete reply both sides agree on the state; otherwise they may not.
        if verdict.as_ref().map_or_else(Failure::is_reply, |reply| reply.is_whole) {
            self.keep(session);
        }
        verdict
    }

    /// Sends NOOP in a session, opened for it if none is idle.
    pub(super) async fn check(&self) -> Result<(), Failure> {
        let check = async {
            let mut session = self.take().await?;
            session.command("NOOP").await.map_err(Step::Check.failed())?;
            self.keep(session);
            Ok(())
        };
        self.in_time(Step::Check, check).await
    }

    async fn in_time<T>(&self, step: Step, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let wait = self.waits.to_the_dot;
        timeout(wait, work).await.unwrap_or(Err(Failure { step, fault: Fault::TimedOut(wait) }))
    }

    /// Up to the final dot. A session in which the server only refused is kept.
    async fn begin(&self, from: &Address, to: &Address, message: &[u8]) -> Result<Connection, Failure> {
        let mut session = self.take().await?;
        match transact(&mut session, from, to, message).await {
            Ok(()) => Ok(session),
            Err(failure) => {
                if failure.is_reply() {
                    self.keep(session);
                }
                Err(failure)
            }
        }
    }

    /// An idle session that still answers and has been reset, or a new one.
    async fn take(&self) -> Result<Connection, Failure> {
        loop {
            let idle = self.idle().pop();
            let Some(Idle { mut session, since }) = idle else { return self.open().await };
            if since.elapsed() < IDLE_FOR && session.command("RSET").await.is_ok() {
                return Ok(session);
            }
        }
    }

    fn keep(&self, session: Connection) {
        let mut idle = self.idle();
        idle.retain(|kept| kept.since.elapsed() < IDLE_FOR);
        if idle.len() < MAX_IDLE {
            idle.push(Idle { session, since: Instant::now() });
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn open(&self) -> Result<Connection, Failure> {
        let mut session = Connection::open(&self.server).await.map_err(Step::Connect.failed())?;
        if let Some(login) = &self.server.login {
            session.sign_in(login).await.map_err(Step::SignIn.failed())?;
        }
        Ok(session)
    }
}

async fn transact(session: &mut Connection, from: &Address, to: &Address, message: &[u8]) -> Result<(), Failure> {
    session.command(&format!("MAIL FROM:<{from}>")).await.map_err(Step::Sender.failed())?;
    session.command(&format!("RCPT TO:<{to}>")).await.map_err(Step::Recipient.failed())?;
    session.command("DATA").await.map_err(Step::Content.failed())?;
    session.mail(message).await.map_err(Step::Content.failed())
}
