//! SMPP 3.4: one connection to a message centre, bound as transceiver, maintained in the background.
//!
//! Section numbers are those of "Short Message Peer to Peer Protocol Specification v3.4".

mod alphabet;
mod codec;
#[cfg(test)]
mod fuzz;
mod gsm;
mod link;
mod parts;
mod pdu;
mod receipt;
mod receipt_text;
mod session;
#[cfg(test)]
mod session_tests;
mod verdict;

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use rusmpp::Pdu;
use rusmpp::pdus::{BindTransceiver, SubmitSm};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use trial_core::ports::SmsGateway;
use trial_core::sms::{GatewayReply, GatewayUnusable, SmsMessage};
use zeroize::Zeroizing;

use crate::text::Wording;
use crate::web::UnusableGateway;
pub use alphabet::SmppAlphabet;
use link::Link;
pub use receipt::SmppReceipts;
use session::{Lost, Session};

/// The configuration of the gateway.
#[derive(Clone)]
pub struct SmppSettings {
    /// The message centre's host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// `true` if the connection is TLS from its first byte on.
    pub tls: bool,
    /// Our name, at most 15 characters.
    pub system_id: String,
    /// Our password, at most 8 characters.
    pub password: Zeroizing<String>,
    /// The kind of system that we are, at most 12 characters.
    pub system_type: String,
    /// The sender of messages, at most 20 characters: a number or a name.
    pub source_addr: String,
    /// The alphabet of `data_coding` 0.
    pub alphabet: SmppAlphabet,
    /// Messages that may be on their way to the message centre at the same time; at least 1.
    pub window: u16,
    /// The text of messages.
    pub wording: Wording,
    /// The time-outs.
    pub timeouts: SmppTimeouts,
}

/// Time-outs and waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SmppTimeouts {
    /// Connecting and binding, and the longest wait of a message for a connection or for room in the window; after that
    /// it is definitely not on its way.
    pub connect: Duration,
    /// The answer to one message in all its parts; after that the outcome is unknown.
    pub reply: Duration,
    /// The interval at which an idle connection is checked.
    pub enquire: Duration,
    /// The first wait before connecting again; it doubles up to `retry_cap` while sessions end within 5 s of their bind.
    pub retry_first: Duration,
    /// The longest wait before connecting again.
    pub retry_cap: Duration,
}

impl Default for SmppTimeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            reply: Duration::from_secs(6),
            enquire: Duration::from_secs(30),
            retry_first: Duration::from_secs(1),
            retry_cap: Duration::from_secs(30),
        }
    }
}

impl fmt::Debug for SmppSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmppSettings")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("system_id", &self.system_id)
            .finish_non_exhaustive()
    }
}

/// Sends by SMPP 3.4.
pub struct SmppGateway {
    link: Link,
    template: SubmitSm,
    wording: Wording,
    alphabet: SmppAlphabet,
    window: Semaphore,
    timeouts: SmppTimeouts,
    /// Ties the parts of a long message together (section 5.3.2.22, and GSM 03.40 section 9.2.3.24.1).
    reference: AtomicU8,
}

impl SmppGateway {
    /// Checks settings without connecting.
    ///
    /// # Errors
    /// A setting does not fit into the protocol, or TLS cannot be used.
    pub fn check_settings(settings: &SmppSettings) -> Result<(), UnusableGateway> {
        parts::bind(settings)?;
        parts::template(settings)?;
        Link::check(settings)
    }

    /// A gateway by these settings, which starts to connect on the current runtime, and ends when dropped. Without a
    /// destination, receipts are answered and discarded.
    ///
    /// # Errors
    /// A setting does not fit into the protocol, or TLS cannot be used.
    pub fn start(settings: &SmppSettings, receipts: Option<SmppReceipts>) -> Result<Self, UnusableGateway> {
        let bind: BindTransceiver = parts::bind(settings)?;
        let template = parts::template(settings)?;
        let window = Semaphore::new(settings.window.max(1).into());
        let (wording, alphabet, timeouts) = (settings.wording.clone(), settings.alphabet, settings.timeouts);
        let link = Link::keep(settings, bind, receipts)?;
        Ok(Self { link, template, wording, alphabet, window, timeouts, reference: AtomicU8::new(0) })
    }

    /// The task that maintains the connection, at the first call: if it ends before the gateway is dropped, no message
    /// is sent any more.
    pub fn task(&mut self) -> Option<JoinHandle<()>> {
        self.link.task()
    }

    /// Submits the parts one after the other, so that a refusal of the first costs nothing.
    async fn submit(&self, parts: Vec<SubmitSm>) -> GatewayReply {
        let Ok(session) = timeout(self.timeouts.connect, self.link.session()).await else {
            return GatewayReply::Unreached { reason: format!("no connection: {}", self.link.problem()) };
        };
        let deadline = Instant::now() + self.timeouts.reply;
        let mut provider_id = None;
        for (sent, part) in parts.into_iter().enumerate() {
            let patience = deadline.saturating_duration_since(Instant::now());
            let taken = match session.ask(part, patience).await {
                Ok(answer) => verdict::of(&answer),
                Err(lost) => Err(self.lost(lost, &session)),
            };
            match taken {
                Ok(id) => provider_id = provider_id.or(id),
                Err(reply) if sent == 0 => return reply,
                Err(reply) => return verdict::of_part(sent, &reply),
            }
        }
        GatewayReply::Accepted { provider_id }
    }

    fn lost(&self, lost: Lost, session: &Session) -> GatewayReply {
        match lost {
            Lost::NotSent => GatewayReply::Unreached { reason: "no connection: it was lost".to_owned() },
            Lost::Unanswered if session.is_open() => {
                GatewayReply::Unknown { reason: format!("no answer within {} s", self.timeouts.reply.as_secs()) }
            }
            Lost::Unanswered => GatewayReply::Unknown { reason: "the connection broke before the answer".to_owned() },
        }
    }
}

#[async_trait]
impl SmsGateway for SmppGateway {
    fn name(&self) -> &'static str {
        "smpp"
    }

    async fn send(&self, message: &SmsMessage) -> GatewayReply {
        let reference = self.reference.fetch_add(1, Ordering::Relaxed);
        let parts = match parts::of_message(&self.template, message, (&self.wording, self.alphabet), reference) {
            Ok(parts) => parts,
            Err(reason) => return GatewayReply::Refused { reason },
        };
        let Ok(Ok(_room)) = timeout(self.timeouts.connect, self.window.acquire()).await else {
            return GatewayReply::Throttled { reason: "the window of unanswered messages is full".to_owned() };
        };
        self.submit(parts).await
    }

    async fn check(&self) -> Result<(), GatewayUnusable> {
        let unusable = |text: String| GatewayUnusable(format!("no connection: {text}"));
        let session = timeout(self.timeouts.connect, self.link.session()).await;
        let session = session.map_err(|_| unusable(self.link.problem()))?;
        match session.ask(Pdu::EnquireLink, self.timeouts.reply).await {
            Ok(_) => Ok(()),
            Err(_) => Err(unusable("it was not answered".to_owned())),
        }
    }
}
