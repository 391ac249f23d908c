//! Whether a recorded history could have come of one ledger that takes one request after another.
//!
//! The search is Wing and Gong's, with Lowe's memory of what was tried: at each point, any operation may be next that was
//! begun before every other one that is left was answered. An operation whose answer was lost, or says that it is not known
//! what became of it, may have been done at any time since it was begun, or never.

mod model;
mod search;

use std::fmt;

pub use model::{Answer, PlannerModel, Question};
pub use search::{Verdict, check};

/// What answers questions one after another.
pub trait Model {
    /// Everything that later answers depend on.
    type State: Clone;
    /// What is asked.
    type Question;
    /// What is answered.
    type Answer: PartialEq;

    /// Before anything is asked.
    fn start(&self) -> Self::State;

    /// The answer to the question, which is the `place`-th of the history, and the state after it.
    fn answer(&self, state: &Self::State, place: usize, question: &Self::Question) -> (Self::Answer, Self::State);

    /// Tells states apart.
    fn digest(&self, state: &Self::State) -> u64;
}

/// One operation of a history; times are of one clock that never goes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation<Q, A> {
    /// When it was begun.
    pub begun: u64,
    /// What was asked.
    pub question: Q,
    /// When it was answered, and what; `None` if that is not known.
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
