//! Counts and pages of the pool.

use chrono::{DateTime, Utc};

use crate::access_codes::AccessCodeState;
use crate::values::{AccessCode, AccessCodeKind, TenantId};

/// The pool of one kind, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessCodeStock {
    /// The kind.
    pub kind: AccessCodeKind,
    /// To be had.
    pub free: u64,
    /// Held by tenants.
    pub leased: u64,
    /// Resting.
    pub quarantined: u64,
    /// Out of use.
    pub retired: u64,
}

/// A page of the pool, in the order of the codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessCodePage {
    /// Codes of this kind.
    pub kind: AccessCodeKind,
    /// Codes in this state.
    pub state: AccessCodeState,
    /// Only codes behind this one.
    pub after: Option<AccessCode>,
    /// At most so many.
    pub limit: u32,
}

/// An access code of the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessCodeView {
    /// The code.
    pub code: AccessCode,
    /// Its kind.
    pub kind: AccessCodeKind,
    /// Where it is.
    pub state: AccessCodeState,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Who holds it, or held it last while it rests.
    pub tenant: Option<TenantId>,
}
