//! Group commit: requests gather in a bounded queue while the previous batch commits, and are decided together.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use trial_core::{Outcome, Request};

use crate::deciding::Decider;
use crate::gathering::{Batching, Gathering, Waiting};
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

impl Admission {
    pub(crate) fn start(
        parts: &EngineParts,
        options: EngineOptions,
        mail_is_due: Arc<Notify>,
        closing: CancellationToken,
    ) -> (Self, JoinHandle<()>) {
        let (queue, waiting) = mpsc::channel(options.queue_length);
        let gathering = Gathering::new(waiting, Batching::new(parts), options.batch_limit);
        let deciding = tokio::spawn(Decider::new(parts, gathering, mail_is_due).run(closing));
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
