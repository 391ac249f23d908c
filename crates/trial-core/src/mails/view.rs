//! Views of the outbox.

use chrono::{DateTime, Utc};

use crate::mails::{MailKind, MailState};
use crate::values::{MailId, TenantId};

/// The mails that wait in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailQueue {
    /// Mails that are due, now or later.
    pub due: u64,
    /// The creation time of the oldest of them.
    pub oldest_due: Option<DateTime<Utc>>,
    /// Mails that were given up.
    pub failed: u64,
}

/// A mail of the outbox with its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailView {
    /// Its id.
    pub id: MailId,
    /// The kind of mail.
    pub kind: MailKind,
    /// The state.
    pub state: MailState,
    /// Attempts so far.
    pub attempts: u32,
    /// When it was put into the outbox.
    pub created_at: DateTime<Utc>,
    /// The time of the next attempt, if it is due.
    pub next_attempt_at: DateTime<Utc>,
    /// The last reply of the mail server, or the fault.
    pub last_reply: Option<String>,
}

/// A mail that the server refuses at present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedMail {
    /// The recipient, as it is stored.
    pub to: String,
    /// The last reply of the mail server, or the fault; redacted.
    pub reply: String,
}

/// One attempt to deliver a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailAttempt {
    /// Its ordinal, from 1.
    pub attempt: u32,
    /// When.
    pub at: DateTime<Utc>,
    /// The result: `sent`, `retry`, `failed`, `overtaken`.
    pub result: String,
    /// The server's reply, or the fault.
    pub reply: String,
}

/// A page of the outbox, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailPage {
    /// Only mails in this state.
    pub state: Option<MailState>,
    /// Only mails of this tenant.
    pub tenant: Option<TenantId>,
    /// Only mails older than this one.
    pub before: Option<MailId>,
    /// The page size.
    pub limit: u32,
}

/// A mail of the outbox with its tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxMail {
    /// The mail with its state.
    pub mail: MailView,
    /// The tenant that it belongs to; `None` for a warning to operations.
    pub tenant: Option<TenantId>,
    /// The recipient as it is stored, shown even if it cannot be parsed.
    pub to: String,
}

impl OutboxMail {
    /// The recipient, masked: `a***@example.com`.
    pub fn masked_to(&self) -> String {
        crate::values::mask_email(&self.to)
    }
}

/// The detail of the audit entry for mails that are retried together.
pub fn retried_words(mails: u64, since: DateTime<Utc>) -> String {
    format!("{mails} given up since {}: before failed, after due", since.format("%Y-%m-%dT%H:%M:%SZ"))
}

/// The outcome of a retry by operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailRetried {
    /// It is due now. If its time was up before and it fails once more, it is given up again.
    Due,
    /// It is in this state, which allows no retry.
    Refused(MailState),
    /// There is no such mail.
    Unknown,
}
