//! What was decided, with the fact that decided it. Refusals are data: nothing here is an error.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::values::named;
use crate::{
    BlockedPrefix, ChallengeId, CodeRequestId, LifeOutcome, Locale, Phone, PhonePrefix, SendState, TenantId,
    VerificationCode,
};

/// What was decided about one request of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// About a request for a code; the code to send, if one is.
    SendCode(CodeOutcome, Option<CodeToSend>),
    /// A gateway's word was taken down.
    SendReport,
    /// About an application.
    Apply(ApplyOutcome),
    /// About an order.
    Tenant(LifeOutcome),
}

/// What was decided about a request for a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodeOutcome {
    /// The code is stored and is to be sent; this far the message got.
    Send {
        /// The code.
        challenge: ChallengeId,
        /// How far the message got.
        state: SendState,
    },
    /// No message is sent.
    Refused(CodeRefusal),
}

/// Why no message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum CodeRefusal {
    /// The day's e-mail threshold is reached (205).
    QuotaReached {
        /// The threshold.
        threshold: u32,
    },
    /// Too many wrong codes (202).
    PhoneLocked {
        /// Consecutive wrong tries.
        failures: u32,
    },
    /// A message was sent a moment ago (201).
    TooSoon {
        /// When one may be asked for again.
        retry_after: Duration,
    },
    /// The phone's hourly limit (201).
    HourlyLimit {
        /// When one may be asked for again.
        retry_after: Duration,
    },
    /// The phone's daily limit (201).
    DailyLimit {
        /// When one may be asked for again.
        retry_after: Duration,
    },
    /// Messages to the phone failed just now, or many times within the hour (202, or 204 if the gateway refused the last one).
    SendsFailed {
        /// `true` if the gateway refused the last one; else it was not reached.
        refused: bool,
        /// When one may be asked for again.
        retry_after: Duration,
    },
    /// The day's SMS budget is spent (204).
    BudgetSpent {
        /// Whose budget.
        scope: BudgetScope,
        /// Messages sent under it.
        sent: u32,
    },
    /// Codes are sent to the phone's prefix, and hardly any is used (204).
    PrefixBlocked(BlockedPrefix),
}

impl CodeRefusal {
    /// The time until a send is taken, where that is known.
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

/// Whose SMS budget is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetScope {
    /// Everyone's.
    All,
    /// That of one country calling code.
    Country(u16),
    /// That of one prefix.
    Prefix(PhonePrefix),
}

/// A stored code that is to be sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeToSend {
    /// The request it answers.
    pub code_request: CodeRequestId,
    /// Its challenge.
    pub challenge: ChallengeId,
    /// Where it goes.
    pub phone: Phone,
    /// The code.
    pub code: VerificationCode,
    /// When it dies.
    pub expires_at: DateTime<Utc>,
    /// The language of the message.
    pub locale: Locale,
    /// The time until another can be sent, unless this one fails; `None` for none.
    pub next_send_in: Option<Duration>,
    /// Whether the phone is a test number: then no gateway gets the message.
    pub is_test: bool,
    /// The block of its prefix that would have refused it, if blocks were more than looked at.
    pub would_block: Option<BlockedPrefix>,
}

/// What was decided about an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApplyOutcome {
    /// A tenant was created (000).
    Accepted {
        /// The tenant.
        tenant: TenantId,
    },
    /// The very same application was accepted before (000); nothing is done again.
    Replayed {
        /// The tenant that came of it then.
        tenant: TenantId,
    },
    /// No tenant.
    Refused(ApplyRefusal),
}

/// Why no tenant is created, in the order of decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum ApplyRefusal {
    /// Too many wrong codes (003).
    PhoneLocked {
        /// Consecutive wrong tries.
        failures: u32,
    },
    /// The code cannot be derived, because its key is gone (003).
    KeyMissing {
        /// The key's id.
        key_id: String,
    },
    /// There is no code to compare with (001).
    NoCode {
        /// The reason.
        reason: NoCodeReason,
    },
    /// The code is wrong (002).
    WrongCode {
        /// Wrong tries left before the code is dead.
        tries_left: u32,
    },
    /// A tenant of this customer is in use (004).
    TenantExists {
        /// The tenant.
        tenant: TenantId,
        /// What they have in common.
        shared: SharedField,
    },
    /// No pair of access codes is free (006).
    PoolEmpty {
        /// Whether a voice code was free.
        voice: bool,
        /// Whether a multimedia code was free.
        multimedia: bool,
    },
    /// The day's e-mail threshold is reached (205).
    QuotaReached {
        /// The threshold.
        threshold: u32,
    },
}

/// Why there is no code to compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoCodeReason {
    /// None was ever sent.
    NeverSent,
    /// Older than its lifetime.
    Expired,
    /// Used by an accepted application.
    Used,
    /// Spent by too many wrong tries.
    TooManyTries,
}

named!(NoCodeReason, "reason for having no code", {
    NeverSent => "never_sent", Expired => "expired", Used => "used", TooManyTries => "too_many_tries",
});

/// What a tenant and an application have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SharedField {
    /// The phone.
    Phone,
    /// The mailbox.
    Email,
    /// The company's name.
    Company,
}

named!(SharedField, "field of an application", { Phone => "phone", Email => "email", Company => "company" });

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

/// The rule and the fact that decided, in a sentence for operations.
impl fmt::Display for ApplyRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PhoneLocked { failures } => write!(f, "the phone is locked after {failures} consecutive wrong codes"),
            Self::KeyMissing { key_id } => write!(f, "the code's key {key_id:?} is not among `secrets.keys`"),
            Self::NoCode { reason } => f.write_str(match reason {
                NoCodeReason::NeverSent => "no code was sent to the phone",
                NoCodeReason::Expired => "the code has expired",
                NoCodeReason::Used => "the code was used by an accepted application",
                NoCodeReason::TooManyTries => "the code is invalid after too many wrong attempts",
            }),
            Self::WrongCode { tries_left } => {
                let plural = if *tries_left == 1 { "" } else { "s" };
                write!(f, "the code is wrong; {tries_left} attempt{plural} left")
            }
            Self::TenantExists { tenant, shared } => write!(f, "tenant {tenant} has the same {shared}"),
            Self::PoolEmpty { voice, multimedia } => {
                let missing = match (voice, multimedia) {
                    (false, false) => "no voice and no multimedia access code",
                    (false, true) => "no voice access code",
                    (true, _) => "no multimedia access code",
                };
                write!(f, "{missing} was free")
            }
            Self::QuotaReached { threshold } => write!(f, "the daily e-mail limit of {threshold} is reached"),
        }
    }
}
