//! Counts and pages of the pool.

use chrono::{DateTime, Utc};

use crate::access_codes::AccessCodeState;
use crate::values::{AccessCode, AccessCodeKind, TenantId};

/// The pool of one kind, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessCodeStock {
    /// The kind.
    pub kind: AccessCodeKind,
    /// Available.
    pub free: u64,
    /// Held by tenants.
    pub leased: u64,
    /// In quarantine.
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
    /// The page size.
    pub limit: u32,
}

/// An access code of the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessCodeView {
    /// The code.
    pub code: AccessCode,
    /// Its kind.
    pub kind: AccessCodeKind,
    /// The state.
    pub state: AccessCodeState,
    /// The start of the state.
    pub since: DateTime<Utc>,
    /// The tenant that holds it, or held it last if it is in quarantine.
    pub tenant: Option<TenantId>,
}
