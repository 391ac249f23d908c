//! Changes of the pool, and its outlook.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::access_codes::{AccessCodeState, AccessCodeStock};
use crate::values::{AccessCode, AccessCodeKind};

/// The condition for access codes to leave quarantine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestOver {
    /// Now.
    pub now: DateTime<Utc>,
    /// The quarantine of a code.
    pub quarantine: Duration,
}

/// An access code that becomes free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreedCode {
    /// The code.
    pub code: AccessCode,
    /// Its kind.
    pub kind: AccessCodeKind,
    /// The end of its quarantine, from which it counts as free, however late a sweep notices.
    pub since: DateTime<Utc>,
}

impl RestOver {
    /// Codes in quarantine since this instant or before are free.
    pub fn rested_since(&self) -> DateTime<Utc> {
        self.now - self.quarantine
    }

    /// The code as a free one.
    pub fn free(&self, code: AccessCode, kind: AccessCodeKind, rests_since: DateTime<Utc>) -> FreedCode {
        FreedCode { code, kind, since: rests_since + self.quarantine }
    }
}

/// A command about an access code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolCommand {
    /// Retires it.
    Retire,
    /// Makes it free: one in quarantine before that ends, or a retired one.
    Release,
}

/// The outcome of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PoolOutcome {
    /// It went from one state to another.
    Done {
        /// The state before.
        before: AccessCodeState,
        /// The state after.
        after: AccessCodeState,
    },
    /// Its state does not allow it.
    Refused(AccessCodeState),
    /// There is no such code.
    Unknown,
}

impl PoolCommand {
    /// The name of the action in the audit trail.
    pub const fn action(self) -> &'static str {
        match self {
            Self::Retire => "access_code.retire",
            Self::Release => "access_code.release",
        }
    }

    /// The next state of a code; `None` if its state does not allow the command. Closing a tenant releases its codes.
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
    /// Tenants created in the last 14 days, each of which took one.
    pub taken: u64,
    /// The end of the next quarantine.
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
