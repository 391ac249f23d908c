//! Screening: under an attack, applications that no decision can help are refused before they take a place in a batch.
//!
//! Normally nothing is screened: a transaction more would only delay those who are honest. When the batches show that a
//! considerable share of them could have been told without a turn, applications go through a queue of their own first.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use trial_core::ports::Screen;
use trial_core::{ApplyOutcome, ApplyRefusal, Outcome, Planner, Request};

use crate::admission::NotDecided;
use crate::deciding::source_of;
use crate::gathering::{Batching, Gathered, Waiting};
use crate::{EngineOptions, EngineParts};

/// Refusals in one batch that turn screening on, at least: fewer are what honest mistakes come to, and save nothing.
const ALARMING: usize = 8;
/// One in so many of a batch must be such a refusal: below that, screening costs more than it takes off the turn.
const ALARMING_SHARE: usize = 4;
/// Fewer than one in so many of a screened batch is few. Half of the share that turns screening on, so that it does not
/// flutter around one value.
const CALM_SHARE: usize = 8;
/// Batches of few refusals, one after another, that turn screening off: an attack comes in gusts.
const CALM_BATCHES: u32 = 8;

/// How long a refusal is kept back while screening is on: whoever guesses as fast as he is answered is answered slowly, and
/// leaves the machine to those who are honest. Too short to be felt by one who only mistyped.
const KEPT_BACK: Duration = Duration::from_millis(100);

/// Whether applications are screened.
pub(crate) struct Switch(AtomicBool);

impl Switch {
    fn new() -> Self {
        metrics::gauge!("trialgate_screening").set(0);
        Self(AtomicBool::new(false))
    }

    fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Turns screening on if many of a decided batch could have been told without a turn.
    pub(crate) fn look_at(&self, outcomes: &[Outcome]) {
        let avoidable = outcomes.iter().filter(|outcome| is_beyond_help(outcome)).count();
        if avoidable >= ALARMING && avoidable * ALARMING_SHARE >= outcomes.len() {
            self.turn(true);
        }
    }

    fn turn(&self, on: bool) {
        if self.0.swap(on, Ordering::Relaxed) != on {
            metrics::gauge!("trialgate_screening").set(u8::from(on));
            tracing::info!(on, "the screening of applications was turned");
        }
    }
}

/// What [`Planner::screen`] refuses.
fn is_beyond_help(outcome: &Outcome) -> bool {
    let Outcome::Apply(ApplyOutcome::Refused(refusal)) = outcome else { return false };
    matches!(refusal, ApplyRefusal::NoCode { .. } | ApplyRefusal::PhoneLocked { .. })
}

/// The way into the queue of screening.
#[derive(Clone)]
pub(crate) struct Screening {
    queue: Sender<Waiting>,
    switch: Arc<Switch>,
}

impl Screening {
    /// Starts screening, off, if there is something to screen with. What it leaves goes `onward`.
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

    /// Takes an application in while screening is on. Gives back what is to be decided unscreened.
    ///
    /// # Errors
    /// There is no room.
    pub(crate) fn take(&self, waiting: Waiting) -> Result<Option<Waiting>, NotDecided> {
        if !self.switch.is_on() || !matches!(waiting.request, Request::Apply(_)) {
            return Ok(Some(waiting));
        }
        match self.queue.try_send(waiting) {
            Ok(()) => Ok(None),
            Err(TrySendError::Full(_)) => Err(NotDecided::Busy),
            // Nothing is screened any more, and everything can be decided without it.
            Err(TrySendError::Closed(waiting)) => Ok(Some(waiting)),
        }
    }
}

/// The running task: it ends when its token is cancelled and everything that was taken in is answered or passed on.
pub(crate) struct ScreeningTask {
    pub(crate) closing: CancellationToken,
    pub(crate) task: JoinHandle<()>,
}

/// The one task that screens.
struct Screener {
    screen: Arc<dyn Screen>,
    planner: Arc<Planner>,
    batching: Batching,
    batch_limit: usize,
    switch: Arc<Switch>,
    onward: Sender<Waiting>,
    /// Batches of few refusals, one after another, until now.
    calm_batches: u32,
    /// Refusals that are kept back, a task for each batch.
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

    /// What screening says of each; nothing, if it fails: to decide does not depend on it.
    async fn screened(&self, gathered: &Gathered) -> Vec<Option<Outcome>> {
        let size = gathered.len();
        let kind = match self.screen.screen(Arc::clone(&gathered.batch), Arc::clone(&self.planner)).await {
            Ok(screened) if screened.len() == size => return screened,
            Ok(screened) => {
                tracing::error!(size, answers = screened.len(), "screening did not answer every request");
                "incomplete"
            }
            Err(error) => {
                tracing::error!(kind = error.kind(), source = source_of(&error), "a batch was not screened");
                error.kind()
            }
        };
        metrics::counter!("trialgate_screening_errors_total", "kind" => kind).increment(1);
        vec![None; size]
    }

    /// Turns screening off when it has refused few for a while.
    fn judge(&mut self, refused: usize, size: usize) {
        metrics::counter!("trialgate_screened_total").increment(refused as u64);
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
