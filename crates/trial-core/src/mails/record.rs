//! Mails of the outbox as the ledger stores them.

use chrono::{DateTime, Utc};

use crate::quota::{MailBudget, QuotaUnit};
use crate::tenants::Tenant;
use crate::values::{Email, Locale, MailId, TenantId, named};

/// One mail of the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailRecord {
    /// Its id.
    pub id: MailId,
    /// The kind of mail.
    pub kind: MailKind,
    /// The tenant that it belongs to; `None` for a warning to operations.
    pub tenant: Option<TenantId>,
    /// The recipient.
    pub to: Email,
    /// The language it is written in.
    pub locale: Locale,
    /// When it was put into the outbox, and first due.
    pub created_at: DateTime<Utc>,
    /// The unit of the day that it took; `None` for a warning to operations, which needs none, and for a notice of a
    /// changed password for which none was left.
    pub quota: Option<QuotaUnit>,
    /// The text of a warning; for a link, the issue of the password that it replaces; for a notice of several password
    /// changes, their [`PasswordDigest`](crate::portal::PasswordDigest).
    pub detail: Option<String>,
}

impl MailRecord {
    /// A mail to the owner of a tenant, in the tenant's language.
    pub(crate) fn for_owner(
        tenant: &Tenant,
        kind: MailKind,
        id: MailId,
        created_at: DateTime<Utc>,
        quota: Option<QuotaUnit>,
    ) -> Self {
        Self {
            id,
            kind,
            tenant: Some(tenant.id),
            to: tenant.email.clone(),
            locale: tenant.locale,
            created_at,
            quota,
            detail: (kind == MailKind::Password).then(|| tenant.password_issue.to_string()),
        }
    }
}

/// The kind of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MailKind {
    /// The account of a new tenant.
    Account,
    /// The trial ends soon.
    Reminder,
    /// The tenant was suspended.
    Suspended,
    /// The tenant was closed.
    Closed,
    /// A warning to operations.
    Warning,
    /// A link by which the owner of a tenant chooses a new password.
    Password,
    /// The password of the owner's account was changed.
    PasswordChanged,
}

named!(MailKind, "kind of mail", {
    Account => "account", Reminder => "reminder", Suspended => "suspended", Closed => "closed", Warning => "warning",
    Password => "password", PasswordChanged => "password_changed",
});

impl MailKind {
    /// The budget that it takes a unit of.
    pub const fn budget(self) -> MailBudget {
        match self {
            Self::Password | Self::PasswordChanged => MailBudget::Owners,
            Self::Account | Self::Reminder | Self::Suspended | Self::Closed | Self::Warning => MailBudget::Threshold,
        }
    }

    /// All priorities, the most urgent first.
    pub const PRIORITIES: [u8; 3] = [0, 1, 2];

    /// Its priority among due mails: accounts and mails about passwords go first.
    pub const fn priority(self) -> u8 {
        match self {
            Self::Account | Self::Password | Self::PasswordChanged => 0,
            Self::Warning => 1,
            Self::Reminder | Self::Suspended | Self::Closed => 2,
        }
    }
}

/// The state of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MailState {
    /// To be sent, now or later.
    Due,
    /// Accepted by the mail server.
    Sent,
    /// Given up.
    Failed,
    /// Not sent, because a later change had overtaken it.
    Overtaken,
}

named!(MailState, "state of a mail", {
    Due => "due", Sent => "sent", Failed => "failed", Overtaken => "overtaken"
});

impl MailState {
    /// Returns `true` if operations may retry such a mail: a due one is retried anyway, and a sent or overtaken one
    /// must not be.
    pub fn may_be_retried(self) -> bool {
        self == Self::Failed
    }
}
