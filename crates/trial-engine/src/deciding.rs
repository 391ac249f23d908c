//! The one task that commits: a batch is what has arrived when the ledger's turn has come.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Notify, oneshot};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use trial_core::ports::{Gather, TrialLedger};
use trial_core::{ApplyOutcome, LedgerError, Outcome, Planner};

use crate::EngineParts;
use crate::admission::NotDecided;
use crate::bisection::commit_again;
use crate::gathering::{Gathered, Gathering};
use crate::screening::Switch;

/// The one task that commits.
pub(crate) struct Decider {
    ledger: Arc<dyn TrialLedger>,
    planner: Arc<Planner>,
    gathering: Gathering,
    mail_is_due: Arc<Notify>,
    screening: Option<Arc<Switch>>,
    /// Whether a turn was asked for what waits, and has not gathered yet.
    is_asked: AtomicBool,
    has_gathered: Notify,
}

impl Decider {
    pub(crate) fn new(
        parts: &EngineParts,
        gathering: Gathering,
        mail_is_due: Arc<Notify>,
        screening: Option<Arc<Switch>>,
    ) -> Self {
        let (ledger, planner) = (Arc::clone(&parts.ledger), Arc::clone(&parts.planner));
        let (is_asked, has_gathered) = (AtomicBool::new(false), Notify::new());
        Self { ledger, planner, gathering, mail_is_due, screening, is_asked, has_gathered }
    }

    /// Asks for turns as long as there is something to decide. What waits has a turn asked for it; the next one is asked
    /// for once that has gathered, if the ledger lets us ask ahead.
    pub(crate) async fn run(self, closing: CancellationToken) {
        let most = self.ledger.turns_ahead().max(1);
        let decider = Arc::new(self);
        let mut turns = JoinSet::new();
        loop {
            let may_ask = turns.len() < most && !decider.is_asked.load(Ordering::Acquire);
            tokio::select! {
                something_waits = decider.gathering.something_waits(), if may_ask => {
                    if !something_waits {
                        break;
                    }
                    decider.is_asked.store(true, Ordering::Release);
                    turns.spawn(Arc::clone(&decider).decide_next());
                }
                Some(ended) = turns.join_next() => survived(ended),
                () = decider.has_gathered.notified(), if !may_ask => {}
                () = closing.cancelled(), if !decider.gathering.is_closed() => {
                    // What is in the queue was accepted: it is still decided.
                    decider.gathering.close();
                }
            }
        }
        while let Some(ended) = turns.join_next().await {
            survived(ended);
        }
    }

    /// Whether or not a batch was made: what waits from now on needs a turn of its own.
    fn may_ask_again(&self) {
        self.is_asked.store(false, Ordering::Release);
        self.has_gathered.notify_one();
    }

    async fn decide_next(self: Arc<Self>) {
        let started = Instant::now();
        let (gather, mut gathered) = Self::gather(&self);
        let decided = self.ledger.commit_next(gather, Arc::clone(&self.planner)).await;
        let Ok(gathered) = gathered.try_recv() else {
            // The turn never came: whoever waits by now is told so.
            let gathered = self.gathering.gather();
            self.may_ask_again();
            return self.conclude(gathered, decided.map(|_| Vec::new()));
        };
        if !gathered.is_empty() {
            metrics::histogram!("trialgate_batch_size").record(gauge(gathered.len()));
            metrics::histogram!("trialgate_commit_seconds").record(started.elapsed().as_secs_f64());
        }
        match decided {
            Err(error @ LedgerError::Corrupt(_)) => commit_again(&self, gathered, &error).await,
            decided => self.conclude(gathered, decided),
        }
    }

    /// Plans and commits what was gathered before.
    pub(crate) async fn commit(&self, gathered: &Gathered) -> Result<Vec<Outcome>, LedgerError> {
        self.ledger.commit(Arc::clone(&gathered.batch), Arc::clone(&self.planner)).await
    }

    /// What makes the batch when the turn has come, and where to learn whom it holds.
    fn gather(decider: &Arc<Self>) -> (Gather, oneshot::Receiver<Gathered>) {
        let (tell, gathered) = oneshot::channel();
        let decider = Arc::clone(decider);
        let gather = move || {
            let gathered = decider.gathering.gather();
            decider.may_ask_again();
            metrics::gauge!("trialgate_queue_depth").set(gauge(decider.gathering.depth()));
            let batch = Arc::clone(&gathered.batch);
            // Nobody listens only if the engine was dropped meanwhile; then nobody waits for an answer either.
            let _ = tell.send(gathered);
            batch
        };
        (Box::new(gather), gathered)
    }

    /// Answers everyone in a batch by what became of it.
    pub(crate) fn conclude(&self, gathered: Gathered, decided: Result<Vec<Outcome>, LedgerError>) {
        match decided {
            Ok(outcomes) if outcomes.len() == gathered.len() => self.answer(gathered, outcomes),
            Ok(outcomes) => {
                let (size, outcomes) = (gathered.len(), outcomes.len());
                tracing::error!(size, outcomes, "the ledger did not answer every request");
                gathered.refuse(NotDecided::Fault);
            }
            Err(error) => gathered.refuse(taken_down(&error)),
        }
    }

    fn answer(&self, gathered: Gathered, outcomes: Vec<Outcome>) {
        let accepted = |outcome: &Outcome| matches!(outcome, Outcome::Apply(ApplyOutcome::Accepted { .. }));
        if outcomes.iter().any(accepted) {
            self.mail_is_due.notify_one();
        }
        if let Some(screening) = &self.screening {
            screening.look_at(&outcomes);
        }
        gathered.answer(outcomes);
    }
}

/// A turn that died of a fault of the program has answered nobody: the engine dies of it, as of any other.
fn survived(ended: Result<(), JoinError>) {
    if let Err(died) = ended
        && died.is_panic()
    {
        std::panic::resume_unwind(died.into_panic());
    }
}

/// Logs a failed commit, once, and says what it means for those who wait. Whether an unknown commit was done is not
/// guessed: the same application, sent again, finds out.
fn taken_down(error: &LedgerError) -> NotDecided {
    count(error);
    tracing::error!(kind = error.kind(), source = source_of(error), "a batch was not committed");
    match error {
        LedgerError::Contended(_) | LedgerError::CommitUnknown(_) => NotDecided::Busy,
        LedgerError::Unavailable(_) => NotDecided::Unavailable,
        LedgerError::Corrupt(_) => NotDecided::Fault,
    }
}

pub(crate) fn count(error: &LedgerError) {
    metrics::counter!("trialgate_ledger_errors_total", "kind" => error.kind()).increment(1);
}

pub(crate) fn source_of(error: &LedgerError) -> String {
    error.source().map(ToString::to_string).unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "counts of a bounded queue")]
fn gauge(count: usize) -> f64 {
    count as f64
}
