//! Changes of the pool, and its outlook.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::access_codes::{AccessCodeState, AccessCodeStock};
use crate::values::{AccessCode, AccessCodeKind};

/// Which access codes have rested for long enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestOver {
    /// Now.
    pub now: DateTime<Utc>,
    /// How long a code rests.
    pub quarantine: Duration,
}

/// An access code that becomes free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreedCode {
    /// The code.
    pub code: AccessCode,
    /// Its kind.
    pub kind: AccessCodeKind,
    /// Since when it counts as free: from the end of its rest on, however late that is noticed.
    pub since: DateTime<Utc>,
}

impl RestOver {
    /// Codes that came to rest at this instant or before are free.
    pub fn rested_since(&self) -> DateTime<Utc> {
        self.now - self.quarantine
    }

    /// The code as a free one.
    pub fn free(&self, code: AccessCode, kind: AccessCodeKind, rests_since: DateTime<Utc>) -> FreedCode {
        FreedCode { code, kind, since: rests_since + self.quarantine }
    }
}

/// What operations want of an access code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolOrder {
    /// Take it out of use.
    Retire,
    /// Make it free: one that rests, before its rest is over, or one that is out of use.
    Release,
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PoolOutcome {
    /// It went from one state to another.
    Done {
        /// Where it was.
        before: AccessCodeState,
        /// Where it is.
        after: AccessCodeState,
    },
    /// Its state does not allow it.
    Refused(AccessCodeState),
    /// There is no such code.
    Unknown,
}

impl PoolOrder {
    /// What the audit calls it.
    pub const fn action(self) -> &'static str {
        match self {
            Self::Retire => "access_code.retire",
            Self::Release => "access_code.release",
        }
    }

    /// Where a code goes; nowhere, if its state does not allow it. What a tenant holds is released by closing the tenant.
    pub fn applied(self, state: AccessCodeState) -> Option<AccessCodeState> {
        match (self, state) {
            (Self::Retire, AccessCodeState::Free | AccessCodeState::Quarantined) => Some(AccessCodeState::Retired),
            (Self::Release, AccessCodeState::Quarantined | AccessCodeState::Retired) => Some(AccessCodeState::Free),
            _ => None,
        }
    }
}

/// The pool of one kind, and how long it lasts.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolOutlook {
    /// The pool, counted.
    pub stock: AccessCodeStock,
    /// Tenants made in the last 14 days, each of whom took one.
    pub taken: u64,
    /// When the next code comes back from its rest.
    pub next_rest_ends_at: Option<DateTime<Utc>>,
}

/// The days that the use of a code is averaged over.
pub const USE_DAYS: u32 = 14;

impl PoolOutlook {
    /// Days until no code is free, at the average use of the last [`USE_DAYS`] days; `None` while none is used.
    pub fn days_until_empty(&self) -> Option<f64> {
        let free = f64::from(u32::try_from(self.stock.free).unwrap_or(u32::MAX));
        let taken = f64::from(u32::try_from(self.taken).unwrap_or(u32::MAX));
        (self.taken > 0).then(|| free * f64::from(USE_DAYS) / taken)
    }
}
