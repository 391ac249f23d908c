//! One connection: requests out, answers back to whoever asked, and the message centre's own requests answered.

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use rusmpp::pdus::DeliverSmResp;
use rusmpp::{Command, CommandId, CommandStatus, Pdu};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Duration, MissedTickBehavior, interval_at, timeout};
use tokio_util::codec::Framed;

use super::codec::PduCodec;
use super::{SmppReceipts, SmppTimeouts};

/// Requests that wait to be written, at most. How many are waited for is bounded by the window.
const QUEUE: usize = 16;
/// Deliveries that are being taken down, at most; what comes beyond is answered that it is to come again.
const DELIVERIES: usize = 64;
/// Sequence numbers go up to this (section 3.2).
const LAST_NUMBER: u32 = 0x7FFF_FFFF;
/// What tells an answer's id from its request's.
const ANSWER: u32 = 0x8000_0000;

/// What is asked of the message centre.
type Request = (Pdu, oneshot::Sender<Command>);

/// The way to ask, for as long as the connection lives.
#[derive(Clone)]
pub(super) struct Session(mpsc::Sender<Request>);

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lost {
    /// The connection had ended before.
    NotSent,
    /// The connection ended, or the answer did not come in time.
    Unanswered,
}

/// What keeps a connection going.
pub(super) struct Connection<S> {
    framed: Framed<S, PduCodec>,
    requests: mpsc::Receiver<Request>,
    unanswered: BTreeMap<u32, oneshot::Sender<Command>>,
    receipts: Option<SmppReceipts>,
    /// What is being taken down, each with its number and the answer to it.
    deliveries: FuturesUnordered<BoxFuture<'static, (u32, CommandStatus)>>,
    number: u32,
    timeouts: SmppTimeouts,
    /// Whether nothing came since we last asked whether anybody is there.
    is_silent: bool,
}

impl Session {
    /// A session over a stream, and what has to be run for it.
    pub(super) fn over<S: AsyncRead + AsyncWrite + Unpin>(
        stream: S,
        timeouts: SmppTimeouts,
        receipts: Option<SmppReceipts>,
    ) -> (Self, Connection<S>) {
        let (ask, requests) = mpsc::channel(QUEUE);
        let connection = Connection {
            framed: Framed::new(stream, PduCodec::new()),
            requests,
            unanswered: BTreeMap::new(),
            receipts,
            deliveries: FuturesUnordered::new(),
            number: 0,
            timeouts,
            is_silent: false,
        };
        (Self(ask), connection)
    }

    pub(super) fn is_open(&self) -> bool {
        !self.0.is_closed()
    }

    /// Asks, and waits for the answer.
    pub(super) async fn ask(&self, pdu: impl Into<Pdu>, patience: Duration) -> Result<Command, Lost> {
        let (answer, answered) = oneshot::channel();
        self.0.send((pdu.into(), answer)).await.map_err(|_| Lost::NotSent)?;
        timeout(patience, answered).await.ok().and_then(Result::ok).ok_or(Lost::Unanswered)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Until the connection ends, or nobody is left who could ask.
    pub(super) async fn run(mut self) {
        let first = tokio::time::Instant::now() + self.timeouts.enquire;
        let mut enquiries = interval_at(first, self.timeouts.enquire);
        enquiries.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_going_on = tokio::select! {
                request = self.requests.recv() => match request {
                    Some((pdu, answer)) => self.request(pdu, Some(answer)).await,
                    None => false,
                },
                command = self.framed.next() => match command {
                    Some(Ok(command)) => self.take(command).await,
                    Some(Err(_)) | None => false,
                },
                Some((number, status)) = self.deliveries.next() => self.delivered(number, status).await,
                _ = enquiries.tick() => self.enquire().await,
            };
            if !is_going_on {
                break;
            }
        }
    }

    async fn request(&mut self, pdu: Pdu, answer: Option<oneshot::Sender<Command>>) -> bool {
        self.number = if self.number >= LAST_NUMBER { 1 } else { self.number + 1 };
        // Whoever gave up waiting holds its place no longer: a centre that never answers must not fill the memory.
        self.unanswered.retain(|_, answer| !answer.is_closed());
        if let Some(answer) = answer {
            self.unanswered.insert(self.number, answer);
        }
        self.write(Command::new(CommandStatus::EsmeRok, self.number, pdu)).await
    }

    async fn write(&mut self, command: Command) -> bool {
        matches!(timeout(self.timeouts.reply, self.framed.send(command)).await, Ok(Ok(())))
    }

    /// Takes an answer to whoever asked, or answers a request.
    async fn take(&mut self, command: Command) -> bool {
        self.is_silent = false;
        let number = command.sequence_number();
        match command.id() {
            CommandId::EnquireLink => self.answer(number, Pdu::EnquireLinkResp).await,
            CommandId::DeliverSm => self.deliver(number, command).await,
            CommandId::Unbind => {
                self.answer(number, Pdu::UnbindResp).await;
                false
            }
            id if u32::from(id) & ANSWER != 0 => {
                if let Some(waiting) = self.unanswered.remove(&number) {
                    // Whoever asked may have gone.
                    let _ = waiting.send(command);
                }
                true
            }
            _ => self.write(Command::new(CommandStatus::EsmeRinvcmdid, number, Pdu::GenericNack)).await,
        }
    }

    /// Begins to take a delivery down; other commands do not wait for it.
    async fn deliver(&mut self, number: u32, command: Command) -> bool {
        let Some(receipts) = self.receipts.clone() else { return self.delivered(number, CommandStatus::EsmeRok).await };
        if self.deliveries.len() >= DELIVERIES {
            return self.delivered(number, CommandStatus::EsmeRxTAppn).await;
        }
        let taking = async move {
            let status = match command.pdu() {
                Some(Pdu::DeliverSm(delivered)) => receipts.take(delivered).await,
                _ => CommandStatus::EsmeRok,
            };
            (number, status)
        };
        self.deliveries.push(taking.boxed());
        true
    }

    async fn delivered(&mut self, number: u32, status: CommandStatus) -> bool {
        self.write(Command::new(status, number, DeliverSmResp::default())).await
    }

    async fn answer(&mut self, number: u32, pdu: Pdu) -> bool {
        self.write(Command::new(CommandStatus::EsmeRok, number, pdu)).await
    }

    /// Asks whether anybody is there; if nothing came since the last time, nobody is.
    async fn enquire(&mut self) -> bool {
        self.unanswered.retain(|_, waiting| !waiting.is_closed());
        if self.is_silent {
            return false;
        }
        self.is_silent = true;
        self.request(Pdu::EnquireLink, None).await
    }
}
