//! Access codes as the ledger stores them.

use chrono::{DateTime, Utc};

use crate::values::{AccessCode, AccessCodeKind, TenantId, named};

/// Where an access code is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccessCodeState {
    /// To be had.
    Free,
    /// Held by a tenant.
    Leased,
    /// Released, and resting before it is free again.
    Quarantined,
    /// Out of use.
    Retired,
}

named!(AccessCodeState, "state of an access code", {
    Free => "free", Leased => "leased", Quarantined => "quarantined", Retired => "retired",
});

/// A free access code is given to a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessCodeLease {
    /// The code.
    pub code: AccessCode,
    /// Its kind.
    pub kind: AccessCodeKind,
    /// Who gets it.
    pub tenant: TenantId,
    /// Since when.
    pub at: DateTime<Utc>,
}

/// An access code comes to rest, out of use, or back to its tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessCodeMove {
    /// The code.
    pub code: AccessCode,
    /// Its kind.
    pub kind: AccessCodeKind,
    /// Where it was.
    pub from: AccessCodeState,
    /// Where it is now.
    pub to: AccessCodeState,
    /// Whose it is now, or was last: a code that rests can go back.
    pub tenant: TenantId,
    /// Since when it is there.
    pub since: DateTime<Utc>,
}

/// An access code that a tenant holds, or held last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldCode {
    /// The code.
    pub code: AccessCode,
    /// Its kind.
    pub kind: AccessCodeKind,
    /// Where it is.
    pub state: AccessCodeState,
    /// Since when.
    pub since: DateTime<Utc>,
}
