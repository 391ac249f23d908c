//! Access codes as the ledger stores them.

use chrono::{DateTime, Utc};

use crate::values::{AccessCode, AccessCodeKind, TenantId, named};

/// The state of an access code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccessCodeState {
    /// Available.
    Free,
    /// Held by a tenant.
    Leased,
    /// In quarantine: released, and not free yet.
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
    /// The tenant that gets it.
    pub tenant: TenantId,
    /// The start of the state.
    pub at: DateTime<Utc>,
}

/// A change of state of an access code: into quarantine, out of use, or back to its tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessCodeMove {
    /// The code.
    pub code: AccessCode,
    /// Its kind.
    pub kind: AccessCodeKind,
    /// The state before.
    pub from: AccessCodeState,
    /// The state after.
    pub to: AccessCodeState,
    /// The tenant that holds it, or held it last: a code in quarantine can go back.
    pub tenant: TenantId,
    /// The start of the state after.
    pub since: DateTime<Utc>,
}

/// An access code that a tenant holds, or held last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldCode {
    /// The code.
    pub code: AccessCode,
    /// Its kind.
    pub kind: AccessCodeKind,
    /// The state.
    pub state: AccessCodeState,
    /// The start of the state.
    pub since: DateTime<Utc>,
}
