//! Pre-screening: under an attack, hopeless applications are refused before they join a batch.
//!
//! Normally off: one more transaction would only delay honest applicants. When a considerable share of a batch could
//! have been refused beforehand, applications go through a queue of their own first.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use trial_core::applications::{ApplyOutcome, ApplyRefusal};
use trial_core::planner::{Outcome, Planner, Request};
use trial_core::ports::Screen;

use crate::commit::batch_queue::{Batching, Gathered, Waiting};
use crate::commit::group_committer::source_of;
use crate::commit::request_queue::NotDecided;
use crate::{EngineOptions, EngineParts};

/// Refusals in one batch that turn pre-screening on, at least: honest mistakes make fewer, and screening them saves
/// nothing.
const ALARMING: usize = 8;
/// One in this number of a batch must be such a refusal: below that, pre-screening costs more than it saves.
const ALARMING_SHARE: usize = 4;
/// Fewer than one in this number of a screened batch is few. Half of the share that turns pre-screening on, so that it
/// does not flutter around one value.
const CALM_SHARE: usize = 8;
/// Consecutive batches of few refusals that turn pre-screening off: an attack comes in gusts.
const CALM_BATCHES: u32 = 8;

/// The delay of a refusal while pre-screening is on: it slows those who guess as fast as they are answered, and leaves
/// the machine to honest applicants. Too short to be felt after a typing error.
const KEPT_BACK: Duration = Duration::from_millis(100);

/// The state of pre-screening, on or off.
pub(crate) struct Switch(AtomicBool);

impl Switch {
    fn new() -> Self {
        metrics::gauge!("trialgate_prescreening").set(0);
        Self(AtomicBool::new(false))
    }

    fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Turns pre-screening on if a large part of a decided batch could have been refused beforehand.
    pub(crate) fn look_at(&self, outcomes: &[Outcome]) {
        let avoidable = outcomes.iter().filter(|outcome| is_beyond_help(outcome)).count();
        if avoidable >= ALARMING && avoidable * ALARMING_SHARE >= outcomes.len() {
            self.turn(true);
        }
    }

    fn turn(&self, on: bool) {
        if self.0.swap(on, Ordering::Relaxed) != on {
            metrics::gauge!("trialgate_prescreening").set(u8::from(on));
            tracing::info!(on, "pre-screening of applications was switched");
        }
    }
}

/// Returns `true` for an outcome that [`Planner::screen`] would have refused.
fn is_beyond_help(outcome: &Outcome) -> bool {
    let Outcome::Apply(ApplyOutcome::Refused(refusal)) = outcome else { return false };
    matches!(refusal, ApplyRefusal::NoCode { .. } | ApplyRefusal::PhoneLocked { .. })
}

/// The sending side of the queue of pre-screening.
#[derive(Clone)]
pub(crate) struct Screening {
    queue: Sender<Waiting>,
    switch: Arc<Switch>,
}

impl Screening {
    /// Starts pre-screening, off, if the ledger supports it. Applications that pass go `onward`.
    pub(crate) fn start(
        parts: &EngineParts,
        options: EngineOptions,
        onward: Sender<Waiting>,
    ) -> Option<(Self, ScreeningTask)> {
        let screen = Arc::clone(parts.screen.as_ref()?);
        let switch = Arc::new(Switch::new());
        let screener = Screener {
            screen,
            planner: Arc::clone(&parts.planner),
            batching: Batching::new(parts),
            batch_limit: options.batch_limit,
            switch: Arc::clone(&switch),
            onward,
            calm_batches: 0,
            refusals: JoinSet::new(),
        };
        let (queue, arriving) = mpsc::channel(options.queue_length);
        let closing = CancellationToken::new();
        let task = tokio::spawn(screener.run(arriving, closing.clone()));
        Some((Self { queue, switch }, ScreeningTask { closing, task }))
    }

    pub(crate) fn switch(&self) -> Arc<Switch> {
        Arc::clone(&self.switch)
    }

    /// Takes an application in while pre-screening is on. Returns it if it is to be decided directly.
    ///
    /// # Errors
    /// [`NotDecided::Busy`] if the queue is full.
    pub(crate) fn take(&self, waiting: Waiting) -> Result<Option<Waiting>, NotDecided> {
        if !self.switch.is_on() || !matches!(waiting.request, Request::Apply(_)) {
            return Ok(Some(waiting));
        }
        match self.queue.try_send(waiting) {
            Ok(()) => Ok(None),
            Err(TrySendError::Full(_)) => Err(NotDecided::Busy),
            // Pre-screening has ended, and everything can be decided without it.
            Err(TrySendError::Closed(waiting)) => Ok(Some(waiting)),
        }
    }
}

/// The running task: ends when its token is cancelled and everything taken in is answered or passed on.
pub(crate) struct ScreeningTask {
    pub(crate) closing: CancellationToken,
    pub(crate) task: JoinHandle<()>,
}

/// The one task that pre-screens.
struct Screener {
    screen: Arc<dyn Screen>,
    planner: Arc<Planner>,
    batching: Batching,
    batch_limit: usize,
    switch: Arc<Switch>,
    onward: Sender<Waiting>,
    /// Consecutive batches of few refusals until now.
    calm_batches: u32,
    /// Delayed refusals, a task per batch.
    refusals: JoinSet<()>,
}

impl Screener {
    async fn run(mut self, mut queue: Receiver<Waiting>, closing: CancellationToken) {
        let mut arrived = Vec::with_capacity(self.batch_limit);
        loop {
            let count = tokio::select! {
                count = queue.recv_many(&mut arrived, self.batch_limit) => count,
                () = closing.cancelled(), if !queue.is_closed() => {
                    queue.close();
                    continue;
                }
            };
            if count == 0 {
                break;
            }
            let wanted: Vec<_> = arrived.drain(..).filter(Waiting::is_wanted).collect();
            if !wanted.is_empty() {
                self.screen(self.batching.batch(wanted)).await;
            }
        }
        while self.refusals.join_next().await.is_some() {}
    }

    async fn screen(&mut self, gathered: Gathered) {
        let screened = self.screened(&gathered).await;
        self.judge(screened.iter().flatten().count(), gathered.len());
        let mut refused = Vec::new();
        for (waiting, outcome) in gathered.into_waiting().zip(screened) {
            match outcome {
                Some(outcome) => refused.push((waiting, outcome)),
                None => self.pass_on(waiting),
            }
        }
        if !refused.is_empty() {
            self.keep_back(refused);
        }
    }

    fn keep_back(&mut self, refused: Vec<(Waiting, Outcome)>) {
        while self.refusals.try_join_next().is_some() {}
        self.refusals.spawn(async move {
            sleep(KEPT_BACK).await;
            for (waiting, outcome) in refused {
                waiting.answer(Ok(outcome));
            }
        });
    }

    /// The result for each application; `None` if pre-screening fails: decisions do not depend on it.
    async fn screened(&self, gathered: &Gathered) -> Vec<Option<Outcome>> {
        let size = gathered.len();
        let kind = match self.screen.screen(Arc::clone(&gathered.batch), Arc::clone(&self.planner)).await {
            Ok(screened) if screened.len() == size => return screened,
            Ok(screened) => {
                tracing::error!(size, answers = screened.len(), "pre-screening did not answer every request");
                "incomplete"
            }
            Err(error) => {
                tracing::error!(kind = error.kind(), source = source_of(&error), "a batch was not pre-screened");
                error.kind()
            }
        };
        metrics::counter!("trialgate_prescreening_errors_total", "kind" => kind).increment(1);
        vec![None; size]
    }

    /// Turns pre-screening off after few refusals for a while.
    fn judge(&mut self, refused: usize, size: usize) {
        metrics::counter!("trialgate_prescreened_total").increment(refused as u64);
        let is_calm = refused * CALM_SHARE < size;
        self.calm_batches = if is_calm { self.calm_batches + 1 } else { 0 };
        if self.calm_batches >= CALM_BATCHES {
            self.calm_batches = 0;
            self.switch.turn(false);
        }
    }

    fn pass_on(&self, waiting: Waiting) {
        if let Err(TrySendError::Full(waiting) | TrySendError::Closed(waiting)) = self.onward.try_send(waiting) {
            metrics::counter!("trialgate_overload_total").increment(1);
            waiting.answer(Err(NotDecided::Busy));
        }
    }
}
