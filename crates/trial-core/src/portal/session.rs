//! Sessions of owners at the portal.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::PortalAccount;
use crate::operators::SecretHash;
use crate::values::TenantId;

/// The lifetime of a portal session.
pub const PORTAL_SESSION_LIFETIME: Duration = Duration::from_hours(12);
/// The lifetime of a portal session without use.
pub const PORTAL_SESSION_IDLE: Duration = Duration::from_hours(1);
/// The least interval between records of a session's use.
const NOTED_EVERY: Duration = Duration::from_mins(1);

/// A sign-in to the portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortalSession {
    /// The hash of its secret.
    pub secret: SecretHash,
    /// The tenant that it belongs to.
    pub tenant: TenantId,
    /// The issue of the initial password that was in force when it began: a later one ends it.
    pub issue: u32,
    /// The start.
    pub created_at: DateTime<Utc>,
    /// When it was used last, to the minute.
    pub used_at: DateTime<Utc>,
    /// The expiry, however much it is used.
    pub expires_at: DateTime<Utc>,
}

impl PortalSession {
    /// A session that begins now.
    pub fn begin(secret: SecretHash, account: &PortalAccount, now: DateTime<Utc>) -> Self {
        let issue = account.tenant.password_issue;
        let expires_at = now + PORTAL_SESSION_LIFETIME;
        Self { secret, tenant: account.tenant.id, issue, created_at: now, used_at: now, expires_at }
    }

    /// Returns `true` if it authenticates the owner of its account at this instant.
    pub fn lets_in(&self, account: &PortalAccount, now: DateTime<Utc>) -> bool {
        let is_idle = self.used_at + PORTAL_SESSION_IDLE <= now;
        now < self.expires_at && !is_idle && account.is_open() && self.issue == account.tenant.password_issue
    }

    /// Returns `true` if its use is to be recorded.
    pub fn is_to_be_noted(&self, now: DateTime<Utc>) -> bool {
        self.used_at + NOTED_EVERY <= now
    }
}
