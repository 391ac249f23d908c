//! The plan of a batch: an answer for each request, and the rows to be stored.

use crate::access_codes::{AccessCodeLease, AccessCodeMove};
use crate::applications::ApplicationRecord;
use crate::audit::AuditRecord;
use crate::fraud_guard::{RangeBlockRecord, RangeCount};
use crate::mails::MailRecord;
use crate::planner::Outcome;
use crate::platform::PlatformEvent;
use crate::portal::{OwnPassword, OwnerActs, PortalSession};
use crate::quota::QuotaUse;
use crate::tenants::Tenant;
use crate::values::TenantId;
use crate::verification::{Challenge, CodeRequestRecord, PhoneRecord, SendUpdate, SmsDay};

/// The plan of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// One for each request, in their order. None may be answered before the effects are durable.
    pub outcomes: Vec<Outcome>,
    /// The effects to store, all or nothing.
    pub effects: Effects,
}

/// The result of a pre-screening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Screened {
    /// One for each request, in their order; `None` for those that have to be decided.
    pub outcomes: Vec<Option<Outcome>>,
    /// Refused applications to insert.
    pub refused: Vec<ApplicationRecord>,
}

/// The effects to store. Each row is here once, in its final state; inserts come before updates of the same table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effects {
    /// Codes to insert.
    pub new_challenges: Vec<Challenge>,
    /// Codes whose expiry, attempts or state changed.
    pub challenges: Vec<Challenge>,
    /// Phones to insert, or to update.
    pub phones: Vec<PhoneRecord>,
    /// Code requests to insert.
    pub code_requests: Vec<CodeRequestRecord>,
    /// Code requests whose message changed its state.
    pub sends: Vec<SendUpdate>,
    /// Counts of the SMS budget to insert, or to update.
    pub sms_days: Vec<SmsDay>,
    /// The increments of the counts of number ranges, each span of a range once; a span without a row is inserted.
    pub prefix_counts: Vec<RangeCount>,
    /// Blocks of number ranges to insert, or to update.
    pub prefix_blocks: Vec<RangeBlockRecord>,
    /// Tenants to insert.
    pub tenants: Vec<Tenant>,
    /// Tenants that changed.
    pub changed_tenants: Vec<Tenant>,
    /// Tenants whose owners' sessions at the portal end.
    pub ended_sessions: Vec<TenantId>,
    /// Access codes to lease.
    pub leases: Vec<AccessCodeLease>,
    /// Access codes that go into quarantine, out of use, or back.
    pub moves: Vec<AccessCodeMove>,
    /// Mails to insert.
    pub mails: Vec<MailRecord>,
    /// Applications to insert.
    pub applications: Vec<ApplicationRecord>,
    /// Audit entries to insert.
    pub audit: Vec<AuditRecord>,
    /// The events to publish to the platform, in their order.
    pub events: Vec<PlatformEvent>,
    /// Units now taken of the day, if that changed.
    pub quota_use: Option<QuotaUse>,
    /// Passwords that owners chose, to insert, or in the place of earlier ones.
    pub own_passwords: Vec<OwnPassword>,
    /// Sessions of owners to insert, once expired ones are removed.
    pub new_sessions: Vec<PortalSession>,
    /// The recent acts of owners, to insert or to update.
    pub owner_acts: Vec<(TenantId, OwnerActs)>,
}
