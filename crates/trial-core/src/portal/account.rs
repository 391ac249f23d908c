use chrono::{DateTime, Utc};

use crate::{ACCOUNT_PASSWORD_VALID_DAYS, Tenant, TenantId, TenantStatus};

/// A password that the owner of a tenant has chosen. Only its hash is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnPassword {
    /// Whose it is.
    pub tenant: TenantId,
    /// The issue of the initial password that it replaced: a later issue ends it.
    pub issue: u32,
    /// The PHC string of its hash, by Argon2id.
    pub hash: String,
    /// Since when.
    pub set_at: DateTime<Utc>,
}

/// The account of a tenant, as the portal knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortalAccount {
    /// The tenant.
    pub tenant: Tenant,
    /// The password that its owner chose last, of whatever issue.
    pub own: Option<OwnPassword>,
}

impl PortalAccount {
    /// Whether its owner may sign in: while the tenant is on trial or commercial. One that is suspended or closed cannot be
    /// told from one that there is not.
    pub fn is_open(&self) -> bool {
        matches!(self.tenant.status, TenantStatus::Trial | TenantStatus::Commercial)
    }

    /// The password of its owner's choice that is in force.
    pub fn own_password(&self) -> Option<&OwnPassword> {
        self.own.as_ref().filter(|own| own.issue == self.tenant.password_issue)
    }

    /// Whether its owner is let in by a password that is the initial one of the present issue (`is_initial`), or the one of the
    /// owner's choice (`is_own`). The initial one is good until it is over, or another was chosen.
    pub fn lets_in(&self, is_initial: bool, is_own: bool, now: DateTime<Utc>) -> bool {
        let is_good = match self.own_password() {
            Some(_) => is_own,
            None => is_initial && now < self.tenant.password_valid_until(),
        };
        is_good && self.is_open()
    }

    /// Whether the owner has to choose a password before anything else.
    pub fn must_choose(&self) -> bool {
        self.own_password().is_none()
    }

    /// When the present initial password counts as given out, once its owner has chosen another: so long ago that it is over
    /// and never sent again, so that whoever asks for the account's mail is sent a new one.
    pub fn initial_is_used_up(now: DateTime<Utc>) -> DateTime<Utc> {
        now - chrono::Days::new(ACCOUNT_PASSWORD_VALID_DAYS.into())
    }
}
