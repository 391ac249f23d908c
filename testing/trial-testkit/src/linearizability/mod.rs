//! A check that a recorded history could have come from one ledger that serves one request after another.
//!
//! The search is Wing and Gong's, with Lowe's memory of states already tried: at each point, the next operation may be
//! any that began before every other remaining one was answered. An operation whose answer was lost or does not
//! give the outcome may have been done at any time since it began, or never.

mod model;
mod search;

use std::fmt;

pub use model::{Answer, PlannerModel, Question};
pub use search::{Verdict, check};

/// A model that answers one question after another.
pub trait Model {
    /// Everything that later answers depend on.
    type State: Clone;
    /// A question.
    type Question;
    /// The answer to a question.
    type Answer: PartialEq;

    /// The state before the first question.
    fn start(&self) -> Self::State;

    /// The answer to the question, which is the `place`-th of the history, and the state after it.
    fn answer(&self, state: &Self::State, place: usize, question: &Self::Question) -> (Self::Answer, Self::State);

    /// Distinguishes states.
    fn digest(&self, state: &Self::State) -> u64;
}

/// One operation of a history; times are of one clock that never goes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation<Q, A> {
    /// The start of the operation.
    pub begun: u64,
    /// The question.
    pub question: Q,
    /// The time and content of the answer; `None` if unknown.
    pub answered: Option<(u64, A)>,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Linearizable(_) => f.write_str("the history is linearizable"),
            Self::Refused { furthest } => {
                write!(f, "no order explains the history; the furthest explains {} operations", furthest.len())
            }
            Self::Undecided => f.write_str("the history is too large to decide within the bound"),
        }
    }
}
