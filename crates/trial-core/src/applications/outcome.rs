//! Outcomes of applications, with the reasons of refusals.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::tenants::SharedField;
use crate::values::{TenantId, named};

/// The outcome of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApplyOutcome {
    /// A tenant was created (000).
    Accepted {
        /// The tenant.
        tenant: TenantId,
    },
    /// The very same application was accepted before (000); nothing is done again.
    Replayed {
        /// The tenant that was created then.
        tenant: TenantId,
    },
    /// No tenant.
    Refused(ApplyRefusal),
}

/// The reasons for which no tenant is created, in the order of decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum ApplyRefusal {
    /// Too many wrong codes (003).
    PhoneLocked {
        /// Consecutive wrong attempts.
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
        /// Wrong attempts left before the code is invalid.
        tries_left: u32,
    },
    /// A tenant of this customer is in use (004).
    TenantExists {
        /// The tenant.
        tenant: TenantId,
        /// The field they share.
        shared: SharedField,
    },
    /// No pair of access codes is free (006).
    PoolEmpty {
        /// `true` if a voice code was free.
        voice: bool,
        /// `true` if a multimedia code was free.
        multimedia: bool,
    },
    /// The daily e-mail limit is reached (205).
    QuotaReached {
        /// The limit.
        threshold: u32,
    },
}

/// The reason for which there is no code to compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoCodeReason {
    /// None was ever sent.
    NeverSent,
    /// Older than its lifetime.
    Expired,
    /// Used by an accepted application.
    Used,
    /// Invalid after too many wrong attempts.
    TooManyTries,
}

named!(NoCodeReason, "reason for having no code", {
    NeverSent => "never_sent", Expired => "expired", Used => "used", TooManyTries => "too_many_tries",
});

/// The decision and the fact behind it, in a sentence for operations.
impl fmt::Display for ApplyOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted { tenant } => write!(f, "tenant {tenant} was created"),
            Self::Replayed { tenant } => write!(f, "repeat of the accepted application, tenant {tenant}"),
            Self::Refused(refusal) => refusal.fmt(f),
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
