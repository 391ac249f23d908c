//! The content of mails, and the secrets in it.

use chrono::{DateTime, Utc};

use crate::mails::MailKind;
use crate::policy::TrialPolicy;
use crate::portal::PortalLink;
use crate::privacy::Redaction;
use crate::tenants::Tenant;
use crate::values::{AccessCode, Email, InitialPassword, KeyringError, Locale, MailId, TenantId};

/// A mail for the mailer, which writes and sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingMail {
    /// Its id; `Message-ID` follows from it, so that a mail that arrives twice can be recognised.
    pub id: MailId,
    /// The recipient.
    pub to: Email,
    /// The language it is written in.
    pub locale: Locale,
    /// When it was put into the outbox, its `Date`.
    pub created_at: DateTime<Utc>,
    /// The content.
    pub content: MailContent,
}

/// The content of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailContent {
    /// The account of a new tenant.
    Account(AccountMail),
    /// The trial ends soon.
    Reminder(LifecycleMail),
    /// The tenant was suspended.
    Suspended(LifecycleMail),
    /// The tenant was closed.
    Closed(LifecycleMail),
    /// A warning to operations, in our own words.
    Warning(String),
    /// A link by which the owner of a tenant chooses a new password.
    Password(PasswordMail),
    /// The password of the owner's account was changed.
    PasswordChanged(PasswordChangedMail),
}

impl MailContent {
    /// The kind of the mail.
    pub fn kind(&self) -> MailKind {
        match self {
            Self::Account(_) => MailKind::Account,
            Self::Reminder(_) => MailKind::Reminder,
            Self::Suspended(_) => MailKind::Suspended,
            Self::Closed(_) => MailKind::Closed,
            Self::Warning(_) => MailKind::Warning,
            Self::Password(_) => MailKind::Password,
            Self::PasswordChanged(_) => MailKind::PasswordChanged,
        }
    }

    /// The parts of the content that only its reader may learn. Each kind of mail declares its secrets here; access
    /// codes are not among them, since every operator sees those.
    fn redaction(&self) -> Redaction {
        let none = Redaction::default();
        match self {
            Self::Account(AccountMail { account_name, initial_password, .. }) => {
                none.secret(initial_password.reveal()).personal(account_name)
            }
            Self::Password(PasswordMail { account_name, link, .. }) => {
                none.secret(link.reveal()).personal(account_name)
            }
            Self::Reminder(life) | Self::Suspended(life) | Self::Closed(life) => none.personal(&life.account_name),
            Self::PasswordChanged(changed) => none.personal(&changed.account_name),
            // In our own words, about no tenant.
            Self::Warning(_) => none,
        }
    }
}

impl OutgoingMail {
    /// The parts to be removed from a server's reply before it is stored: the mail's secrets and its recipient.
    pub fn redaction(&self) -> Redaction {
        self.content.redaction().mailbox(self.to.as_str())
    }
}

/// The trial's state in a lifecycle mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifecycleMail {
    /// The tenant.
    pub tenant: TenantId,
    /// The name to sign in with.
    pub account_name: String,
    /// When the trial ends, or ended.
    pub trial_ends_at: DateTime<Utc>,
    /// The time at which a suspended tenant is closed, unless it is extended or converted.
    pub closes_at: Option<DateTime<Utc>>,
    /// The time until which a closed tenant can be reopened.
    pub recoverable_until: Option<DateTime<Utc>>,
    /// `true` if the tenant was converted: its owner is a customer.
    pub is_customer: bool,
}

/// A link by which the owner of a tenant chooses a new password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordMail {
    /// The name to sign in with.
    pub account_name: String,
    /// The end of the address.
    pub link: PortalLink,
    /// The time of its expiry.
    pub valid_until: DateTime<Utc>,
}

/// The password of the owner's account was changed. The mail contains nothing that opens the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordChangedMail {
    /// The name to sign in with.
    pub account_name: String,
    /// When it was changed, the last time.
    pub changed_at: DateTime<Utc>,
    /// The number of changes on that day, if one mail reports several.
    pub changes: Option<u32>,
}

/// The reason why a mail cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// The key of the initial password is not in the keyring; adding it again helps.
    #[error(transparent)]
    Key(#[from] KeyringError),
    /// The state that the mail was to report has changed since.
    #[error("{0}")]
    Overtaken(&'static str),
}

/// The account of a new tenant. It repeats no text of the applicant's: the address is not verified, so the mail could
/// carry that text to anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountMail {
    /// The tenant.
    pub tenant: TenantId,
    /// The name to sign in with.
    pub account_name: String,
    /// The password to sign in with for the first time, and to change then.
    pub initial_password: InitialPassword,
    /// The time of the initial password's expiry.
    pub password_valid_until: DateTime<Utc>,
    /// The voice access code.
    pub voice: AccessCode,
    /// The multimedia access code.
    pub multimedia: AccessCode,
    /// When the trial ends.
    pub trial_ends_at: DateTime<Utc>,
    /// `true` if the tenant was converted: its owner is a customer.
    pub is_customer: bool,
}

/// The content of a tenant's lifecycle mails.
pub(super) fn life(tenant: &Tenant, policy: &TrialPolicy) -> LifecycleMail {
    LifecycleMail {
        tenant: tenant.id,
        account_name: Tenant::account_name(tenant.id),
        trial_ends_at: tenant.trial_ends_at,
        closes_at: tenant.closes_at,
        recoverable_until: tenant.closed_at.map(|closed| closed + policy.quarantine),
        is_customer: tenant.converted_at.is_some(),
    }
}
