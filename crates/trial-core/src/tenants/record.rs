//! Tenants as the ledger stores them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::policy::ACCOUNT_PASSWORD_VALID_DAYS;
use crate::values::{CompanyName, Email, Locale, Phone, TenantId, fold_mailbox, named};

/// A tenant: the customer's space in the contact centre.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Where in its life it is.
    pub status: TenantStatus,
    /// The applicant's phone.
    pub phone: Phone,
    /// The applicant's mailbox.
    pub email: Email,
    /// The applicant's company.
    pub company: CompanyName,
    /// When the trial began.
    pub created_at: DateTime<Utc>,
    /// When the trial ends.
    pub trial_ends_at: DateTime<Utc>,
    /// The key that derives the initial password.
    pub key_id: String,
    /// How many initial passwords were given out.
    pub password_issue: u32,
    /// When the last of them was.
    pub password_issued_at: DateTime<Utc>,
    /// The language of its mails.
    pub locale: Locale,
    /// When it became a commercial one, if it did.
    pub converted_at: Option<DateTime<Utc>>,
    /// When it was suspended, if it is.
    pub suspended_at: Option<DateTime<Utc>>,
    /// When it is closed, if nobody does anything about its suspension.
    pub closes_at: Option<DateTime<Utc>>,
    /// When it was closed, if it is.
    pub closed_at: Option<DateTime<Utc>>,
    /// Since when its owner asks for its conversion, if so: until it is converted or closed, or the owner thinks otherwise.
    pub conversion_asked_at: Option<DateTime<Utc>>,
    /// What happened up to here, its owner was told, or need not be.
    pub told_until: DateTime<Utc>,
    /// When time brings something next.
    pub next_step_at: Option<DateTime<Utc>>,
}

impl Tenant {
    /// The name of the tenant's first account, as the mail says it and the portal asks for it.
    pub fn account_name(id: TenantId) -> String {
        format!("admin@{id}")
    }

    /// The one that is meant where somebody has had several, newest first: one in use goes before any that is closed.
    pub fn foremost(newest_first: impl IntoIterator<Item = Self>) -> Option<Self> {
        newest_first.into_iter().reduce(|best, next| {
            let is_better = best.status == TenantStatus::Closed && next.status != TenantStatus::Closed;
            if is_better { next } else { best }
        })
    }

    /// The tenant whose account has this name, if there is one; `None` for what no account is called.
    pub fn of_account(name: &str) -> Option<TenantId> {
        fold_mailbox(name).to_ascii_lowercase().strip_prefix("admin@")?.parse().ok()
    }

    /// Until when the initial password can be used.
    pub fn password_valid_until(&self) -> DateTime<Utc> {
        self.password_issued_at + chrono::Days::new(ACCOUNT_PASSWORD_VALID_DAYS.into())
    }
}

/// Where in its life a tenant is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TenantStatus {
    /// On trial.
    Trial,
    /// The trial is over and can be recovered.
    Suspended,
    /// A paying customer.
    Commercial,
    /// Gone for good.
    Closed,
}

named!(TenantStatus, "status of a tenant", {
    Trial => "trial", Suspended => "suspended", Commercial => "commercial", Closed => "closed",
});

impl TenantStatus {
    /// Whether a tenant of this status stands in the way of another of the same customer.
    pub fn is_in_use(self) -> bool {
        self != Self::Closed
    }
}

/// What a tenant and an application have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SharedField {
    /// The phone.
    Phone,
    /// The mailbox.
    Email,
    /// The company's name.
    Company,
}

named!(SharedField, "field of an application", { Phone => "phone", Email => "email", Company => "company" });
