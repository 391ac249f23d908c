//! Outcomes of code requests, with the reasons of refusals.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::fraud_guard::BlockedRange;
use crate::values::{ChallengeId, CodeRequestId, Locale, NumberRange, Phone, VerificationCode};
use crate::verification::SendState;

/// The outcome of a request for a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodeOutcome {
    /// The code is stored and is to be sent.
    Send {
        /// The code.
        challenge: ChallengeId,
        /// The state of the message.
        state: SendState,
    },
    /// No message is sent.
    Refused(CodeRefusal),
}

/// The reason for which no message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum CodeRefusal {
    /// The daily e-mail limit is reached (205).
    QuotaReached {
        /// The limit.
        threshold: u32,
    },
    /// Too many wrong codes (202).
    PhoneLocked {
        /// Consecutive wrong attempts.
        failures: u32,
    },
    /// A message was sent a moment ago (201).
    TooSoon {
        /// The time until one may be requested again.
        retry_after: Duration,
    },
    /// The phone's hourly limit (201).
    HourlyLimit {
        /// The time until one may be requested again.
        retry_after: Duration,
    },
    /// The phone's daily limit (201).
    DailyLimit {
        /// The time until one may be requested again.
        retry_after: Duration,
    },
    /// Messages to the phone failed just now, or many times within the hour (202, or 204 if the gateway refused the
    /// last one).
    SendsFailed {
        /// `true` if the gateway refused the last one; else it was not reached.
        refused: bool,
        /// The time until one may be requested again.
        retry_after: Duration,
    },
    /// The day's SMS budget is spent (204).
    BudgetSpent {
        /// The scope of the budget.
        scope: BudgetScope,
        /// Messages sent under it.
        sent: u32,
    },
    /// Hardly any of the codes sent to the phone's number range is used (204).
    PrefixBlocked(BlockedRange),
}

impl CodeRefusal {
    /// The time until a send is accepted, if it is known.
    pub fn retry_after(&self) -> Option<Duration> {
        match *self {
            Self::TooSoon { retry_after }
            | Self::HourlyLimit { retry_after }
            | Self::DailyLimit { retry_after }
            | Self::SendsFailed { retry_after, .. } => Some(retry_after),
            Self::QuotaReached { .. }
            | Self::PhoneLocked { .. }
            | Self::BudgetSpent { .. }
            | Self::PrefixBlocked(_) => None,
        }
    }
}

/// The scope of an SMS budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetScope {
    /// All countries.
    All,
    /// One country calling code.
    Country(u16),
    /// One number range.
    Prefix(NumberRange),
}

/// A stored code that is to be sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeToSend {
    /// The request it answers.
    pub code_request: CodeRequestId,
    /// Its challenge.
    pub challenge: ChallengeId,
    /// The recipient.
    pub phone: Phone,
    /// The code.
    pub code: VerificationCode,
    /// The expiry of the code.
    pub expires_at: DateTime<Utc>,
    /// The language of the message.
    pub locale: Locale,
    /// The time until another can be sent, unless this one fails; `None` for none.
    pub next_send_in: Option<Duration>,
    /// `true` for a test number, whose messages go to no gateway.
    pub is_test: bool,
    /// The block of its number range that would have refused it if blocks were not only reported.
    pub would_block: Option<BlockedRange>,
}

/// The decision and the fact behind it, in a sentence for operations.
impl fmt::Display for CodeOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send { state, .. } => f.write_str(match state {
                SendState::Accepted => "the gateway accepted the message",
                SendState::Refused => "the gateway refused the message",
                SendState::Unreached => "the gateway could not be reached",
                SendState::Unknown => "unknown whether the gateway accepted the message",
                SendState::Sending => "the message is being sent, or the result was lost",
            }),
            Self::Refused(refusal) => refusal.fmt(f),
        }
    }
}

/// The rule and the fact that decided, in a sentence for operations.
impl fmt::Display for CodeRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::QuotaReached { threshold } => write!(f, "the daily e-mail limit of {threshold} is reached"),
            Self::PhoneLocked { failures } => write!(f, "the phone is locked after {failures} consecutive wrong codes"),
            Self::TooSoon { retry_after } => {
                write!(f, "a code was sent recently; another one can be requested in {} s", retry_after.as_secs())
            }
            Self::HourlyLimit { retry_after } => {
                write!(f, "the phone's hourly send limit is reached for another {} s", retry_after.as_secs())
            }
            Self::DailyLimit { retry_after } => {
                write!(f, "the phone's daily send limit is reached for another {} s", retry_after.as_secs())
            }
            Self::SendsFailed { refused, retry_after } => {
                let last = if *refused {
                    "refused by the gateway"
                } else {
                    "not sent because the gateway could not be reached"
                };
                let wait = retry_after.as_secs();
                write!(
                    f,
                    "several messages to the phone failed, the last was {last}; another one can be requested in {wait} s"
                )
            }
            Self::BudgetSpent { scope: BudgetScope::All, sent } => {
                write!(f, "the daily SMS budget is used up ({sent} sent)")
            }
            Self::BudgetSpent { scope: BudgetScope::Country(code), sent } => {
                write!(f, "the daily SMS budget of country calling code {code} is used up ({sent} sent)")
            }
            Self::BudgetSpent { scope: BudgetScope::Prefix(prefix), sent } => {
                write!(f, "the daily SMS budget of number range {prefix} is used up ({sent} sent)")
            }
            Self::PrefixBlocked(blocked) => blocked.fmt(f),
        }
    }
}
