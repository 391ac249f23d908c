//! Group commit: requests queue while the previous batch commits, and are decided together.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use trial_core::planner::{Outcome, Request};

use crate::commit::batch_queue::{Batching, Gathering, Reply, Waiting};
use crate::commit::decision_health::Decisions;
use crate::commit::group_committer::Decider;
use crate::commit::prescreening::{Screening, ScreeningTask};
use crate::outbox::wakers::Wakers;
use crate::{EngineOptions, EngineParts};

/// The sending side of the queue.
#[derive(Clone)]
pub(crate) struct Admission {
    queue: mpsc::Sender<Waiting>,
    screening: Option<Screening>,
    wait: Duration,
}

/// The tasks behind the queues.
pub(crate) struct AdmissionTasks {
    pub(crate) screening: Option<ScreeningTask>,
    pub(crate) deciding: JoinHandle<()>,
}

/// The reason why a request was not decided, or is not known to have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotDecided {
    /// The queue is full, or the wait was too long; the client may retry.
    Busy,
    /// The ledger cannot be used.
    Unavailable,
    /// A fault of the program, or rows that make no sense.
    Fault,
}

impl Admission {
    pub(crate) fn start(
        parts: &EngineParts,
        options: EngineOptions,
        wakers: Wakers,
        decisions: Arc<Decisions>,
        closing: CancellationToken,
    ) -> (Self, AdmissionTasks) {
        let (queue, waiting) = mpsc::channel(options.queue_length);
        let (screening, screening_task) = Screening::start(parts, options, queue.clone()).unzip();
        let gathering = Gathering::new(waiting, Batching::new(parts), options.batch_limit);
        let switch = screening.as_ref().map(Screening::switch);
        let deciding = tokio::spawn(Decider::new(parts, gathering, wakers, switch, decisions).run(closing));
        (Self { queue, screening, wait: options.wait }, AdmissionTasks { screening: screening_task, deciding })
    }

    /// Waits, within bounds, for the decision. A full queue is reported at once.
    pub(crate) async fn decide(&self, request: Request) -> Result<Outcome, NotDecided> {
        let (reply, decision) = Reply::awaited();
        self.take(Waiting { request, reply })
            .inspect_err(|_| metrics::counter!("trialgate_overload_total").increment(1))?;
        self.within_bounds(decision).instrument(tracing::debug_span!("wait for the decision")).await
    }

    fn take(&self, waiting: Waiting) -> Result<(), NotDecided> {
        let unscreened = match &self.screening {
            Some(screening) => screening.take(waiting)?,
            None => Some(waiting),
        };
        let Some(waiting) = unscreened else { return Ok(()) };
        self.queue.try_send(waiting).map_err(|_| NotDecided::Busy)
    }

    /// As [`Admission::decide`], but waits for room: an event that happened must be recorded.
    pub(crate) async fn queue_report(&self, request: Request) -> Result<Outcome, NotDecided> {
        let (reply, decision) = Reply::awaited();
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

    /// Returns `true` once nothing is decided any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }
}
