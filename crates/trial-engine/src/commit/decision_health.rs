//! The health of the decisions: the outcome of the last ones, and the age of the oldest request that waits.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The age up to which the last decision or probe predicts the next one.
const FRESH: Duration = Duration::from_secs(1);
/// The age up to which a failed decision does: a probe does not take the locks of every decision.
const FRESH_FAILURE: Duration = Duration::from_secs(3);

/// The record of the decisions of this instance.
#[derive(Debug, Default)]
pub(crate) struct Decisions(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    waiting_since: Option<Instant>,
    last: Option<Last>,
}

/// The last decision or probe, with its problem, if any.
#[derive(Debug)]
struct Last {
    at: Instant,
    fresh: Duration,
    problem: Option<String>,
}

/// The health of the decisions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Course {
    /// As the last ones went; with their problem, if any.
    Known(Option<String>),
    /// Nothing was decided lately, and nothing waits.
    Idle,
}

impl Decisions {
    /// Records the arrival of a request that may become the oldest that waits.
    pub(crate) fn waits_since(&self, arrival: Instant) {
        self.lock().waiting_since = Some(arrival);
    }

    /// Records a decision of a request, or its failure.
    pub(crate) fn decided(&self, problem: Option<String>) {
        let fresh = if problem.is_some() { FRESH_FAILURE } else { FRESH };
        *self.lock() = Known { waiting_since: None, last: Some(Last { at: Instant::now(), fresh, problem }) };
    }

    /// Records a probe that succeeded, or its failure: the next one may follow soon, and find the cause gone.
    pub(crate) fn probed(&self, problem: Option<String>) {
        self.lock().last = Some(Last { at: Instant::now(), fresh: FRESH, problem });
    }

    /// Records that nothing waits for the decision under way any more.
    pub(crate) fn ended(&self) {
        self.lock().waiting_since = None;
    }

    /// The age of the oldest request that waits; zero, if none does.
    pub(crate) fn oldest(&self) -> Duration {
        self.lock().waiting_since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// The health of the decisions. A wait beyond `bound` is a problem regardless of the last ones.
    pub(crate) fn course(&self, bound: Duration) -> Course {
        let Known { waiting_since, last } = &*self.lock();
        match (waiting_since.map(|since| since.elapsed()), last) {
            (Some(waited), _) if waited > bound => {
                Course::Known(Some(format!("requests have waited for a decision for {} s", waited.as_secs())))
            }
            (Some(_), last) => Course::Known(last.as_ref().and_then(|last| last.problem.clone())),
            (None, Some(last)) if last.at.elapsed() < last.fresh => Course::Known(last.problem.clone()),
            (None, _) => Course::Idle,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
