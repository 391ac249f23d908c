//! The content of mails, and the secrets in it.

use chrono::{DateTime, Utc};

use crate::mails::MailKind;
use crate::policy::TrialPolicy;
use crate::portal::PortalLink;
use crate::privacy::Redaction;
use crate::tenants::Tenant;
use crate::values::{AccessCode, Email, InitialPassword, KeyringError, Locale, MailId, TenantId};

/// A mail on its way to the mailer, which writes and sends it.
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
    Reminder(LifeMail),
    /// The tenant was suspended.
    Suspended(LifeMail),
    /// The tenant was closed.
    Closed(LifeMail),
    /// Something that operations have to look after, in our own words.
    Warning(String),
    /// A link by which the owner of a tenant chooses another password.
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
pub struct LifeMail {
    /// The tenant.
    pub tenant: TenantId,
    /// The name to sign in with.
    pub account_name: String,
    /// When the trial ends, or ended.
    pub trial_ends_at: DateTime<Utc>,
    /// When a suspended tenant is closed, if nobody does anything about it.
    pub closes_at: Option<DateTime<Utc>>,
    /// Until when a closed tenant can be had back.
    pub recoverable_until: Option<DateTime<Utc>>,
    /// The tenant was converted: its owner is a customer, and has no trial any more.
    pub is_customer: bool,
}

/// A link by which the owner of a tenant chooses another password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordMail {
    /// The name to sign in with.
    pub account_name: String,
    /// The end of the address.
    pub link: PortalLink,
    /// Until when it can be used.
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
    /// The key of the initial password is gone. To give it again mends it.
    #[error(transparent)]
    Key(#[from] KeyringError),
    /// The state that the mail was to report has changed since.
    #[error("{0}")]
    Overtaken(&'static str),
}

/// The account of a new tenant. Nothing in it is in the applicant's words: the address is not verified, and nobody
/// shall be able to have us mail theirs to a stranger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountMail {
    /// The tenant.
    pub tenant: TenantId,
    /// The name to sign in with.
    pub account_name: String,
    /// The password to sign in with for the first time, and to change then.
    pub initial_password: InitialPassword,
    /// Until when the initial password can be used.
    pub password_valid_until: DateTime<Utc>,
    /// The voice access code.
    pub voice: AccessCode,
    /// The multimedia access code.
    pub multimedia: AccessCode,
    /// When the trial ends.
    pub trial_ends_at: DateTime<Utc>,
    /// The tenant was converted: its owner is a customer, and has no trial any more.
    pub is_customer: bool,
}

/// What mails about the lifecycle of a tenant say of it.
pub(super) fn life(tenant: &Tenant, policy: &TrialPolicy) -> LifeMail {
    LifeMail {
        tenant: tenant.id,
        account_name: Tenant::account_name(tenant.id),
        trial_ends_at: tenant.trial_ends_at,
        closes_at: tenant.closes_at,
        recoverable_until: tenant.closed_at.map(|closed| closed + policy.quarantine),
        is_customer: tenant.converted_at.is_some(),
    }
}
