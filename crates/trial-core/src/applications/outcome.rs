//! Outcomes of applications, with the reasons of refusals.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::tenants::SharedField;
use crate::values::{TenantId, named};

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
