//! Views that several commands print.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;
use trial_core::mails::{MailState, MailView};

use crate::output::time;

/// A mail and its delivery state.
#[derive(Debug, Serialize)]
pub(super) struct MailReport {
    id: String,
    kind: &'static str,
    state: &'static str,
    attempts: u32,
    created_at: DateTime<Utc>,
    /// Time of the next attempt, if the mail is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_at: Option<DateTime<Utc>>,
    last_reply: Option<String>,
}

impl From<&MailView> for MailReport {
    fn from(mail: &MailView) -> Self {
        Self {
            id: mail.id.to_string(),
            kind: mail.kind.as_str(),
            state: mail.state.as_str(),
            attempts: mail.attempts,
            created_at: mail.created_at,
            next_attempt_at: (mail.state == MailState::Due).then_some(mail.next_attempt_at),
            last_reply: mail.last_reply.clone(),
        }
    }
}

impl fmt::Display for MailReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, kind, state, attempts, .. } = self;
        let plural = if *attempts == 1 { "" } else { "s" };
        write!(f, "{kind} mail {id}: {state} after {attempts} attempt{plural}")?;
        if let Some(next) = self.next_attempt_at {
            write!(f, ", next attempt at {}", time(next))?;
        }
        match self.last_reply.as_deref() {
            Some(reply) => write!(f, "; last reply: {}", reply.trim()),
            None => Ok(()),
        }
    }
}
