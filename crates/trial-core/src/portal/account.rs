//! Accounts of owners at the portal.

use chrono::{DateTime, Utc};

use super::{PORTAL_LINK_LIVES, PortalLinkClaim};
use crate::policy::ACCOUNT_PASSWORD_VALID_DAYS;
use crate::tenants::{Tenant, TenantStatus};
use crate::values::TenantId;

/// A password that the owner of a tenant has chosen. Only its hash is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnPassword {
    /// The tenant that it belongs to.
    pub tenant: TenantId,
    /// Its place among the passwords of the account, the initial ones among them: a later issue ends it.
    pub issue: u32,
    /// The PHC string of its hash, by Argon2id.
    pub hash: String,
    /// The time it was chosen.
    pub set_at: DateTime<Utc>,
}

/// The account of a tenant, as the portal knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortalAccount {
    /// The tenant.
    pub tenant: Tenant,
    /// The password that its owner chose last, of any issue.
    pub own: Option<OwnPassword>,
}

impl PortalAccount {
    /// Returns `true` if its owner may sign in.
    pub fn is_open(&self) -> bool {
        self.tenant.is_open()
    }

    /// The password of its owner's choice that is in force.
    pub fn own_password(&self) -> Option<&OwnPassword> {
        self.own.as_ref().filter(|own| own.issue == self.tenant.password_issue)
    }

    /// Returns `true` if its owner may sign in with a password that is the initial one of the present issue
    /// (`is_initial`) or the one that the owner chose (`is_own`). The initial one is valid until it expires or another
    /// was chosen.
    pub fn lets_in(&self, is_initial: bool, is_own: bool, now: DateTime<Utc>) -> bool {
        let is_good = match self.own_password() {
            Some(_) => is_own,
            None => is_initial && now < self.tenant.password_valid_until(),
        };
        is_good && self.is_open()
    }

    /// Returns `true` if the owner has to choose a password before anything else.
    pub fn must_choose(&self) -> bool {
        self.own_password().is_none()
    }

    /// The account once its owner has chosen a password: an issue of its own, which ends every session, link and
    /// password of an earlier one. The initial password of this issue counts as expired long ago and never sent, so
    /// that a request for the account's mail sends a new one.
    #[must_use]
    pub fn with_own_password(&self, hash: String, now: DateTime<Utc>) -> (Self, OwnPassword) {
        let mut tenant = self.tenant.clone();
        tenant.password_issue += 1;
        tenant.password_issued_at = initial_is_over(now);
        let own = OwnPassword { tenant: tenant.id, issue: tenant.password_issue, hash, set_at: now };
        (Self { tenant, own: Some(own.clone()) }, own)
    }

    /// Returns `true` if its owner may choose a password with this link.
    pub fn is_opened_by(&self, link: &PortalLinkClaim, now: DateTime<Utc>) -> bool {
        let is_of_it = link.tenant == self.tenant.id && link.issue == self.tenant.password_issue;
        is_of_it && now < link.made_at + PORTAL_LINK_LIVES && self.is_open()
    }
}

impl OwnPassword {
    /// The issue that it puts an end to.
    pub fn replaces(&self) -> u32 {
        self.issue.saturating_sub(1)
    }

    /// The time at which the initial password of its issue counts as given out.
    pub fn initial_issued_at(&self) -> DateTime<Utc> {
        initial_is_over(self.set_at)
    }
}

impl Tenant {
    /// Returns `true` if its owner may sign in: while it is on trial or commercial. To a visitor, a tenant that is
    /// suspended or closed looks like one that does not exist.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.status, TenantStatus::Trial | TenantStatus::Commercial)
    }

    /// Returns `true` if the change to `after` ends the owner's sessions.
    pub(crate) fn shuts_out(&self, after: &Self) -> bool {
        (self.is_open() && !after.is_open()) || self.password_issue != after.password_issue
    }
}

fn initial_is_over(now: DateTime<Utc>) -> DateTime<Utc> {
    now - chrono::Days::new(ACCOUNT_PASSWORD_VALID_DAYS.into())
}
