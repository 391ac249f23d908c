//! Views of the outbox.

use chrono::{DateTime, Utc};

use crate::mails::{MailKind, MailState};
use crate::values::{MailId, TenantId};

/// What waits in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailQueue {
    /// Mails that are due, now or later.
    pub due: u64,
    /// When the oldest of them was written.
    pub oldest_due: Option<DateTime<Utc>>,
    /// Mails that were given up.
    pub failed: u64,
}

/// A mail of the outbox, as far as it got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailView {
    /// Its id.
    pub id: MailId,
    /// What it is about.
    pub kind: MailKind,
    /// How far it got.
    pub state: MailState,
    /// Attempts so far.
    pub attempts: u32,
    /// When it was put into the outbox.
    pub created_at: DateTime<Utc>,
    /// When it is tried next, if it is due.
    pub next_attempt_at: DateTime<Utc>,
    /// The last reply of the mail server, or the fault.
    pub last_reply: Option<String>,
}

/// A mail that is not taken at present.
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
    /// Its place, from 1.
    pub attempt: u32,
    /// When.
    pub at: DateTime<Utc>,
    /// How it ended: `sent`, `retry`, `failed`, `overtaken`.
    pub result: String,
    /// The server's words, or the fault.
    pub reply: String,
}

/// A page of the outbox, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailPage {
    /// Only mails that got so far.
    pub state: Option<MailState>,
    /// Only mails of this tenant.
    pub tenant: Option<TenantId>,
    /// Only mails older than this one.
    pub before: Option<MailId>,
    /// At most so many.
    pub limit: u32,
}

/// A mail of the outbox, with whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxMail {
    /// The mail, as far as it got.
    pub mail: MailView,
    /// Whose it is; nobody's, of a warning to operations.
    pub tenant: Option<TenantId>,
    /// Where it goes, as it is stored: what cannot be read is given up, and is to be seen all the same.
    pub to: String,
}

impl OutboxMail {
    /// Where it goes, for people who need not see all of it: `a***@example.com`.
    pub fn masked_to(&self) -> String {
        crate::values::mask_email(&self.to)
    }
}

/// The audit's words for mails that are tried again together.
pub fn retried_words(mails: u64, since: DateTime<Utc>) -> String {
    format!("{mails} given up since {}: before failed, after due", since.format("%Y-%m-%dT%H:%M:%SZ"))
}

/// What became of the wish to have a mail tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailRetried {
    /// It is due now. If it fails for now once more and its time was over before, it is given up again.
    Due,
    /// It is in this state, in which it is not to be tried again.
    Refused(MailState),
    /// There is no such mail.
    Unknown,
}
