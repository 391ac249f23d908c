//! One connection: requests out, answers back to the requesters, and the message centre's own requests answered.

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use rusmpp::pdus::{DataSmResp, DeliverSmResp};
use rusmpp::{Command, CommandStatus, Pdu};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Duration, MissedTickBehavior, interval_at, timeout};
use tokio_util::codec::Framed;

use super::codec::{Frame, PduCodec, Unframed, id};
use super::pdu::{self, Delivered};
use super::{SmppReceipts, SmppTimeouts};

/// Requests waiting to be written, at most. The window bounds those waiting for an answer.
const QUEUE: usize = 16;
/// Deliveries being recorded, at most; further ones are answered so that they are delivered again.
const DELIVERIES: usize = 64;
/// Sequence numbers go up to this (section 3.2).
const LAST_NUMBER: u32 = 0x7FFF_FFFF;

/// A request to the message centre, and the receiver of its answer.
type Request = (Pdu, Asker);
/// The receiver of an answer.
type Asker = oneshot::Sender<Result<Frame, Lost>>;

/// The sending side, for as long as the connection lives.
#[derive(Clone)]
pub(super) struct Session(mpsc::Sender<Request>);

/// The reason why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lost {
    /// The connection had ended before.
    NotSent,
    /// The connection ended, or the answer did not come in time.
    Unanswered,
}

/// The task that runs a connection.
pub(super) struct Connection<S> {
    framed: Framed<S, PduCodec>,
    requests: mpsc::Receiver<Request>,
    /// Requests by their sequence number, each with its command.
    unanswered: BTreeMap<u32, (u32, Asker)>,
    receipts: Option<SmppReceipts>,
    /// Receipts being recorded, each with the answer to it.
    deliveries: FuturesUnordered<BoxFuture<'static, Command>>,
    number: u32,
    timeouts: SmppTimeouts,
    /// `true` if nothing came since the last enquiry.
    is_silent: bool,
}

impl Session {
    /// A session over a stream, and the connection to run for it.
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

    /// Sends a request, and waits for the answer.
    pub(super) async fn ask(&self, pdu: impl Into<Pdu>, patience: Duration) -> Result<Frame, Lost> {
        let (answer, answered) = oneshot::channel();
        self.0.send((pdu.into(), answer)).await.map_err(|_| Lost::NotSent)?;
        timeout(patience, answered).await.ok().and_then(Result::ok).unwrap_or(Err(Lost::Unanswered))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Runs until the connection ends, or nobody can send a request any more.
    pub(super) async fn run(mut self) {
        let first = tokio::time::Instant::now() + self.timeouts.enquire;
        let mut enquiries = interval_at(first, self.timeouts.enquire);
        enquiries.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_going_on = tokio::select! {
                request = self.requests.recv() => match request {
                    // The sender gave up with an unknown outcome: the message need not leave any more.
                    Some((_, answer)) if answer.is_closed() => true,
                    Some((pdu, answer)) => self.request(pdu, Some(answer)).await,
                    None => false,
                },
                frame = self.framed.next() => match frame {
                    Some(Ok(frame)) => self.take(frame).await,
                    Some(Err(error)) => {
                        if let Unframed::Length(_) = error {
                            tracing::warn!(gateway = "smpp", %error, "the connection is ended: its next PDU cannot be found");
                        }
                        false
                    }
                    None => false,
                },
                Some(answer) = self.deliveries.next() => self.write(answer).await,
                _ = enquiries.tick() => self.enquire().await,
            };
            if !is_going_on {
                break;
            }
        }
        // Requests that still wait to be written are not on their way; unanswered ones may be.
        self.requests.close();
        while let Some((_, answer)) = self.requests.recv().await {
            // The requester may be gone.
            let _ = answer.send(Err(Lost::NotSent));
        }
    }

    async fn request(&mut self, pdu: Pdu, answer: Option<Asker>) -> bool {
        self.number = if self.number >= LAST_NUMBER { 1 } else { self.number + 1 };
        // A requester that gave up frees its place: a silent centre must not fill the memory.
        self.unanswered.retain(|_, (_, answer)| !answer.is_closed());
        if let Some(answer) = answer {
            self.unanswered.insert(self.number, (pdu.command_id().into(), answer));
        }
        self.write(Command::new(CommandStatus::EsmeRok, self.number, pdu)).await
    }

    async fn write(&mut self, command: Command) -> bool {
        matches!(timeout(self.timeouts.reply, self.framed.send(command)).await, Ok(Ok(())))
    }

    /// Passes an answer to its requester, or answers a request.
    async fn take(&mut self, frame: Frame) -> bool {
        self.is_silent = false;
        match frame.id {
            id::ENQUIRE_LINK => self.answer(frame.number, Pdu::EnquireLinkResp).await,
            id::DELIVER_SM | id::DATA_SM => self.deliver(&frame).await,
            id::UNBIND => {
                self.answer(frame.number, Pdu::UnbindResp).await;
                false
            }
            // It has no answer (section 4.12.1).
            id::ALERT_NOTIFICATION => true,
            answer if answer & id::ANSWER != 0 => {
                self.answered(frame);
                true
            }
            unknown => {
                let (command, length) = (format!("0x{unknown:08X}"), frame.length());
                tracing::warn!(
                    gateway = "smpp",
                    command,
                    length,
                    "a command is not known and answered by generic_nack"
                );
                self.write(Command::new(CommandStatus::EsmeRinvcmdid, frame.number, Pdu::GenericNack)).await
            }
        }
    }

    /// Passes an answer to its requester, by its sequence number; its body is theirs to read.
    fn answered(&mut self, frame: Frame) {
        let Some((command, _)) = self.unanswered.get(&frame.number) else { return };
        if frame.id != id::GENERIC_NACK && frame.id != *command | id::ANSWER {
            let (command, length) = (format!("0x{:08X}", frame.id), frame.length());
            tracing::warn!(gateway = "smpp", command, length, "an answer is of another command than its request");
        } else if let Some((_, waiting)) = self.unanswered.remove(&frame.number) {
            // The requester may be gone.
            let _ = waiting.send(Ok(frame));
        }
    }

    /// Starts to record a delivery; other commands do not wait for it. An unreadable one is acknowledged: a repetition
    /// would not be better.
    async fn deliver(&mut self, frame: &Frame) -> bool {
        let (id, number) = (frame.id, frame.number);
        let (command, read): (_, Result<Delivered, _>) = match id {
            id::DATA_SM => ("data_sm", pdu::data_sm(&frame.body)),
            _ => ("deliver_sm", pdu::deliver_sm(&frame.body)),
        };
        let delivered = match read {
            Ok(delivered) => delivered,
            Err(field) => {
                let reason = format!("it ends before or inside {field}");
                tracing::warn!(gateway = "smpp", command, length = frame.length(), reason, "a PDU cannot be read");
                return self.write(taken(id, number, CommandStatus::EsmeRok)).await;
            }
        };
        let Some(receipts) = self.receipts.clone() else {
            return self.write(taken(id, number, CommandStatus::EsmeRok)).await;
        };
        if self.deliveries.len() >= DELIVERIES {
            return self.write(taken(id, number, CommandStatus::EsmeRxTAppn)).await;
        }
        self.deliveries.push(async move { taken(id, number, receipts.take(&delivered).await) }.boxed());
        true
    }

    async fn answer(&mut self, number: u32, pdu: Pdu) -> bool {
        self.write(Command::new(CommandStatus::EsmeRok, number, pdu)).await
    }

    /// Enquires whether the other side is alive; returns `false` if nothing came since the last time.
    async fn enquire(&mut self) -> bool {
        self.unanswered.retain(|_, (_, waiting)| !waiting.is_closed());
        if self.is_silent {
            return false;
        }
        self.is_silent = true;
        self.request(Pdu::EnquireLink, None).await
    }
}

/// The answer to a delivery.
fn taken(id: u32, number: u32, status: CommandStatus) -> Command {
    if id == id::DATA_SM {
        Command::new(status, number, DataSmResp::default())
    } else {
        Command::new(status, number, DeliverSmResp::default())
    }
}
