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
    /// What it is about.
    pub kind: MailKind,
    /// Whose it is; nobody's, of a warning to operations.
    pub tenant: Option<TenantId>,
    /// Where it goes.
    pub to: Email,
    /// The language it is written in.
    pub locale: Locale,
    /// When it was put into the outbox, and first due.
    pub created_at: DateTime<Utc>,
    /// The unit of the day that it took; none, of a warning to operations, which must come when there is none, and of a notice
    /// of a changed password for which none was left.
    pub quota: Option<QuotaUnit>,
    /// What a warning says; of a link to another password, the issue of the password that it is for; of a notice of several
    /// changed passwords, how many and when the last ([`PasswordDigest`](crate::portal::PasswordDigest)).
    pub detail: Option<String>,
}

impl MailRecord {
    /// A mail to the owner of a tenant, in the language of that.
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

/// What a mail is about.
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
    /// Something that operations have to look after.
    Warning,
    /// A link by which the owner of a tenant chooses another password.
    Password,
    /// The password of the owner's account was changed.
    PasswordChanged,
}

named!(MailKind, "kind of mail", {
    Account => "account", Reminder => "reminder", Suspended => "suspended", Closed => "closed", Warning => "warning",
    Password => "password", PasswordChanged => "password_changed",
});

impl MailKind {
    /// Who pays for it.
    pub const fn budget(self) -> MailBudget {
        match self {
            Self::Password | Self::PasswordChanged => MailBudget::Owners,
            Self::Account | Self::Reminder | Self::Suspended | Self::Closed | Self::Warning => MailBudget::Threshold,
        }
    }

    /// The priorities that there are, the first first.
    pub const PRIORITIES: [u8; 3] = [0, 1, 2];

    /// Its place in the outbox: what is due is sent in this order, an account, or what is about
    /// its password, before all else.
    pub const fn priority(self) -> u8 {
        match self {
            Self::Account | Self::Password | Self::PasswordChanged => 0,
            Self::Warning => 1,
            Self::Reminder | Self::Suspended | Self::Closed => 2,
        }
    }
}

/// How far a mail got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MailState {
    /// To be sent, now or later.
    Due,
    /// Taken by the mail server.
    Sent,
    /// Given up, for operations to see.
    Failed,
    /// Not sent, because what it says was not so any more.
    Overtaken,
}

named!(MailState, "state of a mail", {
    Due => "due", Sent => "sent", Failed => "failed", Overtaken => "overtaken"
});

impl MailState {
    /// Returns `true` if operations may have such a mail tried again: what is due is tried anyway, what was sent has arrived, and what
    /// was overtaken says what is not so.
    pub fn may_be_retried(self) -> bool {
        self == Self::Failed
    }
}
