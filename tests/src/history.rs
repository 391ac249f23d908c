//! The history of one applicant.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use crate::waiting::within;
use crate::{Applicant, Client};

/// The acts of one applicant and their answers.
#[derive(Debug, Clone)]
pub struct History {
    /// The applicant.
    pub applicant: Applicant,
    /// The code that was sent.
    pub code: String,
    /// Every application, in the order of their ends.
    pub attempts: Vec<Attempt>,
}

/// An application and its answer.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The instance.
    pub instance: usize,
    /// The time of sending, from the start of the test.
    pub sent: Duration,
    /// The time without an answer.
    pub took: Duration,
    /// The answer, as known then.
    pub answer: Answer,
}

/// The outcome of an application, as far as the client knows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// The return code.
    Code(String),
    /// The connection was lost, or there was none: it may have been accepted, or not.
    Lost,
}

impl Attempt {
    /// Applies, and waits for the outcome.
    pub async fn make(client: &Client, instance: usize, applicant: &Applicant, code: &str, began: Instant) -> Self {
        let sent = began.elapsed();
        let reply = within("an application is answered", client.try_apply(applicant, code)).await;
        let answer = reply.map_or(Answer::Lost, |reply| Answer::Code(reply.code().to_owned()));
        Self { instance, sent, took: began.elapsed().saturating_sub(sent), answer }
    }
}

impl History {
    /// An empty history.
    pub fn new(applicant: Applicant, code: String) -> Self {
        Self { applicant, code, attempts: Vec::new() }
    }

    /// Applies at an instance; returns the outcome.
    pub async fn apply(&mut self, client: &Client, instance: usize, began: Instant) -> Answer {
        let attempt = Attempt::make(client, instance, &self.applicant, &self.code, began).await;
        let answer = attempt.answer.clone();
        self.attempts.push(attempt);
        answer
    }

    /// Returns `true` if an application was ever answered with 000.
    pub fn is_acknowledged(&self) -> bool {
        self.attempts.iter().any(|attempt| attempt.answer.is("000"))
    }
}

impl Answer {
    /// The return code, if there was one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Code(code) => Some(code),
            Self::Lost => None,
        }
    }

    /// Returns `true` if it is this return code.
    pub fn is(&self, code: &str) -> bool {
        self.code() == Some(code)
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code().unwrap_or("lost"))
    }
}
