//! The one task that commits: a batch is every request that has arrived when the ledger is ready to commit.

use std::error::Error;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span, field};
use trial_core::applications::ApplyOutcome;
use trial_core::error::LedgerError;
use trial_core::planner::{Outcome, Planner};
use trial_core::ports::{Gather, TrialLedger};

use crate::EngineParts;
use crate::commit::batch_queue::{Gathered, Gathering};
use crate::commit::bisection::commit_again;
use crate::commit::decision_health::Decisions;
use crate::commit::prescreening::Switch;
use crate::commit::request_queue::NotDecided;
use crate::outbox::wakers::Wakers;

/// The one task that commits.
pub(crate) struct Decider {
    ledger: Arc<dyn TrialLedger>,
    planner: Arc<Planner>,
    gathering: Gathering,
    wakers: Wakers,
    screening: Option<Arc<Switch>>,
    decisions: Arc<Decisions>,
}

impl Decider {
    pub(crate) fn new(
        parts: &EngineParts,
        gathering: Gathering,
        wakers: Wakers,
        screening: Option<Arc<Switch>>,
        decisions: Arc<Decisions>,
    ) -> Self {
        let (ledger, planner) = (Arc::clone(&parts.ledger), Arc::clone(&parts.planner));
        Self { ledger, planner, gathering, wakers, screening, decisions }
    }

    pub(crate) async fn run(self, closing: CancellationToken) {
        loop {
            let waiting_since = tokio::select! {
                waiting_since = self.gathering.something_waits() => waiting_since,
                () = closing.cancelled(), if !self.gathering.is_closed() => {
                    // The queue was accepted: it is still decided.
                    self.gathering.close();
                    continue;
                }
            };
            let Some(since) = waiting_since else { return };
            self.decisions.waits_since(since);
            self.decide_next().instrument(tracing::debug_span!("batch", size = field::Empty)).await;
            self.decisions.ended();
        }
    }

    async fn decide_next(&self) {
        let started = Instant::now();
        let (gather, mut gathered) = self.gather();
        let decided = self.ledger.commit_next(gather, Arc::clone(&self.planner)).await;
        let Ok(gathered) = gathered.try_recv() else {
            // The ledger never became ready: everyone who waits by now gets its error.
            return self.conclude(self.gathering.gather(), decided.map(|_| Vec::new()));
        };
        if !gathered.is_empty() {
            Span::current().record("size", gathered.len());
            metrics::histogram!("trialgate_batch_size").record(gauge(gathered.len()));
            metrics::histogram!("trialgate_commit_seconds").record(started.elapsed().as_secs_f64());
        }
        match decided {
            Err(error @ LedgerError::Corrupt(_)) => commit_again(self, gathered, &error).await,
            decided => self.conclude(gathered, decided),
        }
    }

    /// Plans and commits a batch.
    pub(crate) async fn commit(&self, gathered: &Gathered) -> Result<Vec<Outcome>, LedgerError> {
        self.ledger.commit(Arc::clone(&gathered.batch), Arc::clone(&self.planner)).await
    }

    /// The function that forms the batch when the ledger is ready, and the channel that receives the batch.
    fn gather(&self) -> (Gather, oneshot::Receiver<Gathered>) {
        let (tell, gathered) = oneshot::channel();
        let gathering = self.gathering.clone();
        let gather = move || {
            let gathered = gathering.gather();
            metrics::gauge!("trialgate_queue_depth").set(gauge(gathering.depth()));
            let batch = Arc::clone(&gathered.batch);
            // The receiver is gone only if the engine was dropped meanwhile; nobody waits for an answer then.
            let _ = tell.send(gathered);
            batch
        };
        (Box::new(gather), gathered)
    }

    /// Answers every request of a batch.
    pub(crate) fn conclude(&self, gathered: Gathered, decided: Result<Vec<Outcome>, LedgerError>) {
        self.decisions.decided(problem_of(&decided));
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
            self.wakers.wake();
        }
        if let Some(screening) = &self.screening {
            screening.look_at(&outcomes);
        }
        gathered.answer(outcomes);
    }
}

/// The error that other decisions would meet as well, if any.
pub(crate) fn problem_of<T>(decided: &Result<T, LedgerError>) -> Option<String> {
    match decided {
        Ok(_) | Err(LedgerError::Corrupt(_)) => None,
        Err(error) => Some(error.with_causes()),
    }
}

/// Logs a failed commit once and maps it for the senders. An unknown commit is not guessed at: the same
/// application, submitted again, gets its outcome.
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
