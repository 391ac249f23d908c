//! Group commit: requests gather in a bounded queue while the previous batch commits, and are decided together.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use trial_core::ports::{Clock, Entropy, TrialLedger};
use trial_core::{ApplyOutcome, Batch, FreshIds, LedgerError, Outcome, Planner, Request};

use crate::{EngineOptions, EngineParts};

/// The way into the queue.
#[derive(Clone)]
pub(crate) struct Admission {
    queue: mpsc::Sender<Waiting>,
    wait: Duration,
}

/// Why a request was not decided, or is not known to have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotDecided {
    /// There is no room, or no time: the same may be asked again.
    Busy,
    /// The ledger cannot be used.
    Unavailable,
    /// A fault of the program, or rows that make no sense.
    Fault,
}

struct Waiting {
    request: Request,
    reply: oneshot::Sender<Result<Outcome, NotDecided>>,
}

impl Waiting {
    /// Whether there is any point in deciding. Who gave up was told to ask again; a gateway's word is taken down in any case.
    fn is_wanted(&self) -> bool {
        !self.reply.is_closed() || matches!(self.request, Request::SendReport(_))
    }
}

impl Admission {
    pub(crate) fn start(
        parts: &EngineParts,
        options: EngineOptions,
        mail_is_due: Arc<Notify>,
        closing: CancellationToken,
    ) -> (Self, JoinHandle<()>) {
        let (queue, waiting) = mpsc::channel(options.queue_length);
        let decider = Decider {
            ledger: Arc::clone(&parts.ledger),
            planner: Arc::clone(&parts.planner),
            clock: Arc::clone(&parts.clock),
            entropy: Arc::clone(&parts.entropy),
            mail_is_due,
            batch_limit: options.batch_limit,
        };
        let deciding = tokio::spawn(decider.run(waiting, closing));
        (Self { queue, wait: options.wait }, deciding)
    }

    /// Waits, within bounds, for the decision. A full queue is told at once.
    pub(crate) async fn decide(&self, request: Request) -> Result<Outcome, NotDecided> {
        let (reply, decision) = oneshot::channel();
        if self.queue.try_send(Waiting { request, reply }).is_err() {
            metrics::counter!("trialgate_overload_total").increment(1);
            return Err(NotDecided::Busy);
        }
        self.within_bounds(decision).await
    }

    /// As [`Admission::decide`], but waits for room: what happened must be taken down.
    pub(crate) async fn take_down(&self, request: Request) -> Result<Outcome, NotDecided> {
        let (reply, decision) = oneshot::channel();
        match self.queue.send_timeout(Waiting { request, reply }, self.wait).await {
            Ok(()) => self.within_bounds(decision).await,
            Err(_) => Err(NotDecided::Busy),
        }
    }

    async fn within_bounds(
        &self,
        decision: oneshot::Receiver<Result<Outcome, NotDecided>>,
    ) -> Result<Outcome, NotDecided> {
        match timeout(self.wait, decision).await {
            Ok(Ok(decided)) => decided,
            Ok(Err(_)) => Err(NotDecided::Fault),
            Err(_) => Err(NotDecided::Busy),
        }
    }

    /// Whether nothing is decided any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }
}

/// The one task that commits.
struct Decider {
    ledger: Arc<dyn TrialLedger>,
    planner: Arc<Planner>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    mail_is_due: Arc<Notify>,
    batch_limit: usize,
}

impl Decider {
    async fn run(self, mut queue: mpsc::Receiver<Waiting>, closing: CancellationToken) {
        let mut gathered = Vec::with_capacity(self.batch_limit);
        loop {
            let arrived = tokio::select! {
                arrived = queue.recv_many(&mut gathered, self.batch_limit) => arrived,
                () = closing.cancelled(), if !queue.is_closed() => {
                    // What is in the queue was accepted: it is still decided.
                    queue.close();
                    continue;
                }
            };
            if arrived == 0 {
                return;
            }
            metrics::gauge!("trialgate_queue_depth").set(gauge(queue.len()));
            self.decide(gathered.drain(..).filter(Waiting::is_wanted)).await;
        }
    }

    async fn decide(&self, waiting: impl Iterator<Item = Waiting>) {
        let (requests, replies): (Vec<_>, Vec<_>) = waiting.map(|one| (one.request, one.reply)).unzip();
        if requests.is_empty() {
            return;
        }
        let started = Instant::now();
        let size = requests.len();
        let decided = self.ledger.commit(Arc::new(self.batch(requests)), Arc::clone(&self.planner)).await;
        metrics::histogram!("trialgate_batch_size").record(gauge(size));
        metrics::histogram!("trialgate_commit_seconds").record(started.elapsed().as_secs_f64());
        match decided {
            Ok(outcomes) if outcomes.len() == size => self.answer(replies, outcomes),
            Ok(outcomes) => {
                tracing::error!(size, outcomes = outcomes.len(), "the ledger did not answer every request");
                refuse(replies, NotDecided::Fault);
            }
            Err(error) => refuse(replies, taken_down(&error)),
        }
    }

    fn batch(&self, requests: Vec<Request>) -> Batch {
        let now = self.clock.now();
        let mut entropy = vec![0; requests.len() * FreshIds::ENTROPY];
        self.entropy.fill(&mut entropy);
        let (ids, _) = entropy.as_chunks::<{ FreshIds::ENTROPY }>();
        Batch { now, requests: ids.iter().map(|bytes| FreshIds::new(now, bytes)).zip(requests).collect() }
    }

    fn answer(&self, replies: Vec<oneshot::Sender<Result<Outcome, NotDecided>>>, outcomes: Vec<Outcome>) {
        let accepted = |outcome: &Outcome| matches!(outcome, Outcome::Apply(ApplyOutcome::Accepted { .. }));
        if outcomes.iter().any(accepted) {
            self.mail_is_due.notify_one();
        }
        for (reply, outcome) in replies.into_iter().zip(outcomes) {
            // Who gave up will ask again, and be told the same.
            let _ = reply.send(Ok(outcome));
        }
    }
}

fn refuse(replies: Vec<oneshot::Sender<Result<Outcome, NotDecided>>>, why: NotDecided) {
    for reply in replies {
        let _ = reply.send(Err(why));
    }
}

/// Logs a failed commit, once, and says what it means for those who wait. Whether an unknown commit was done is not
/// guessed: the same application, sent again, finds out.
fn taken_down(error: &LedgerError) -> NotDecided {
    metrics::counter!("trialgate_ledger_errors_total", "kind" => error.kind()).increment(1);
    let source = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    tracing::error!(kind = error.kind(), source, "a batch was not committed");
    match error {
        LedgerError::Contended(_) | LedgerError::CommitUnknown(_) => NotDecided::Busy,
        LedgerError::Unavailable(_) => NotDecided::Unavailable,
        LedgerError::Corrupt(_) => NotDecided::Fault,
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a bounded queue")]
fn gauge(count: usize) -> f64 {
    count as f64
}
