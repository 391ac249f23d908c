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
    /// The status.
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
    /// The number of initial passwords that were given out.
    pub password_issue: u32,
    /// The time of the last of them.
    pub password_issued_at: DateTime<Utc>,
    /// The language of its mails.
    pub locale: Locale,
    /// The time of its conversion, if it was converted.
    pub converted_at: Option<DateTime<Utc>>,
    /// The time of its suspension, if it is suspended.
    pub suspended_at: Option<DateTime<Utc>>,
    /// The end of the grace period, at which it is closed.
    pub closes_at: Option<DateTime<Utc>>,
    /// The time of its closing, if it is closed.
    pub closed_at: Option<DateTime<Utc>>,
    /// The time of the owner's request for conversion, until it is converted or closed, or the request is withdrawn.
    pub conversion_asked_at: Option<DateTime<Utc>>,
    /// The time up to which its owner was notified of events, or need not be.
    pub told_until: DateTime<Utc>,
    /// The time of the next scheduled step.
    pub next_step_at: Option<DateTime<Utc>>,
}

impl Tenant {
    /// The name of the tenant's first account, in the mail and at the portal.
    pub fn account_name(id: TenantId) -> String {
        format!("admin@{id}")
    }

    /// Of several tenants of one person, newest first: the one in use, else the newest.
    pub fn foremost(newest_first: impl IntoIterator<Item = Self>) -> Option<Self> {
        newest_first.into_iter().reduce(|best, next| {
            let is_better = best.status == TenantStatus::Closed && next.status != TenantStatus::Closed;
            if is_better { next } else { best }
        })
    }

    /// The tenant of the account of this name; `None` if the text is no account name.
    pub fn of_account(name: &str) -> Option<TenantId> {
        fold_mailbox(name).to_ascii_lowercase().strip_prefix("admin@")?.parse().ok()
    }

    /// The time of the initial password's expiry.
    pub fn password_valid_until(&self) -> DateTime<Utc> {
        self.password_issued_at + chrono::Days::new(ACCOUNT_PASSWORD_VALID_DAYS.into())
    }
}

/// The status of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TenantStatus {
    /// On trial.
    Trial,
    /// Not usable for now: the trial has expired or an operator suspended it; it can be recovered.
    Suspended,
    /// A paying customer.
    Commercial,
    /// Closed.
    Closed,
}

named!(TenantStatus, "status of a tenant", {
    Trial => "trial", Suspended => "suspended", Commercial => "commercial", Closed => "closed",
});

impl TenantStatus {
    /// Returns `true` if a tenant of this status excludes another of the same customer.
    pub fn is_in_use(self) -> bool {
        self != Self::Closed
    }
}

/// A field that a tenant and an application share.
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
