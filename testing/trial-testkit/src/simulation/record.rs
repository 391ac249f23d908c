//! Recording a run for the check of linearizability.

use crate::MemoryState;
use crate::linearizability::{Answer, Operation, Question};

/// The questions and answers of applicants, with a counter as their clock.
#[derive(Default)]
pub(super) struct Record {
    now: u64,
    history: Vec<Operation<Question, Answer>>,
}

/// A recorded run.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The state of the ledger before the first question.
    pub start: MemoryState,
    /// The questions and answers.
    pub history: Vec<Operation<Question, Answer>>,
}

impl Record {
    /// Records a question; returns its place.
    pub(super) fn begin(&mut self, question: Question) -> usize {
        self.now += 1;
        self.history.push(Operation { begun: self.now, question, answered: None });
        self.history.len() - 1
    }

    /// Records an answer. One that does not give the outcome counts as none.
    pub(super) fn end(&mut self, place: usize, answer: Answer) {
        self.now += 1;
        self.history[place].answered = answer.is_definite().then_some((self.now, answer));
    }

    pub(super) fn history(&self) -> Vec<Operation<Question, Answer>> {
        self.history.clone()
    }
}
