//! Mails of the outbox, from claim to settlement.

mod overtaken;

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::portal::ToldChanges;
use crate::{
    AccessCode, AccessCodeKind, Email, InitialPassword, Keyring, KeyringError, LeaseId, Locale, MailId, MailKind,
    PORTAL_LINK_LIVES, PortalLink, PortalLinkClaim, Redaction, Tenant, TenantId, TrialPolicy,
};

/// The schedule for retries of failed deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailRetry {
    /// The first wait; it doubles with every attempt.
    pub first: Duration,
    /// The longest wait.
    pub cap: Duration,
    /// The age, counted from its entry into the outbox, at which a mail is given up.
    pub give_up_after: Duration,
}

/// A claim on mails that are due: nobody else gets them before it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Its id; what is settled under an ended lease that somebody else took over changes nothing, unless it was sent.
    pub id: LeaseId,
    /// Now.
    pub now: DateTime<Utc>,
    /// Until when it holds.
    pub until: DateTime<Utc>,
    /// No mail can be due later than this, if no clock was ever set back: one that is, is due now.
    pub horizon: DateTime<Utc>,
}

/// A mail that is due, with what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueMail {
    /// Its id.
    pub id: MailId,
    /// The kind of mail.
    pub kind: MailKind,
    /// The recipient.
    pub to: Email,
    /// The language it is written in.
    pub locale: Locale,
    /// When it was put into the outbox.
    pub created_at: DateTime<Utc>,
    /// Attempts before this one.
    pub attempts: u32,
    /// The tenant that it belongs to; `None` for a warning to operations.
    pub tenant: Option<Tenant>,
    /// The access codes that the tenant holds, by kind.
    pub access_codes: BTreeMap<AccessCodeKind, AccessCode>,
    /// The text of a warning, or other details of the subject.
    pub detail: Option<String>,
    /// A newer mail of its kind to the same tenant is due or sent.
    pub superseded: bool,
}

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

impl DeliveryError {
    /// The same with its words redacted.
    #[must_use]
    pub fn redacted(self, redaction: &Redaction) -> Self {
        match self {
            Self::Transient(words) => Self::Transient(redaction.redact(&words)),
            Self::Permanent(words) => Self::Permanent(redaction.redact(&words)),
        }
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

/// The reason why the mail server did not accept a mail: its reply or the fault, without personal data of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// It may be taken later: no connection, a time-out, a reply of 4xx, or one of 5xx about us.
    #[error("{0}")]
    Transient(String),
    /// It will never be taken: a reply of 5xx that names the recipient or the mail.
    #[error("{0}")]
    Permanent(String),
}

/// The result of an attempt to deliver a claimed mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The mail.
    pub mail: MailId,
    /// The lease it was claimed under.
    pub lease: LeaseId,
    /// When it was attempted.
    pub at: DateTime<Utc>,
    /// The result.
    pub settled_as: SettledAs,
}

/// The result of an attempt to deliver a claimed mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettledAs {
    /// Taken by the mail server, with this reply.
    Sent {
        /// The server's words.
        reply: String,
    },
    /// Due again at this time.
    Retry {
        /// When.
        next_attempt_at: DateTime<Utc>,
        /// The reason why it was not sent.
        error: String,
    },
    /// Given up, for operations to see.
    Failed {
        /// The reason why it was not sent.
        error: String,
    },
    /// Not sent, because what it says is not so any more.
    Overtaken {
        /// The cause, in words.
        reason: String,
    },
}

impl SettledAs {
    /// The name of the result in storage and in metrics.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Sent { .. } => "sent",
            Self::Retry { .. } => "retry",
            Self::Failed { .. } => "failed",
            Self::Overtaken { .. } => "overtaken",
        }
    }

    /// The server's words, the fault, or what has overtaken the mail.
    pub fn reply(&self) -> &str {
        match self {
            Self::Sent { reply } => reply,
            Self::Overtaken { reason } => reason,
            Self::Retry { error, .. } | Self::Failed { error } => error,
        }
    }
}

impl Default for MailRetry {
    fn default() -> Self {
        Self { first: Duration::from_secs(10), cap: Duration::from_mins(30), give_up_after: Duration::from_hours(24) }
    }
}

impl MailRetry {
    /// The result of a failed attempt at `now`. Retries begin after `first`, double their distance up to `cap`, happen
    /// once more at `give_up_after` (or, for a mailed link, when it expires, if that is earlier), and then end.
    pub fn after(&self, mail: &DueMail, now: DateTime<Utc>, error: &DeliveryError) -> SettledAs {
        // A link that is over helps nobody.
        let keeps = if mail.kind == MailKind::Password { PORTAL_LINK_LIVES } else { self.give_up_after };
        let last = mail.created_at + keeps.min(self.give_up_after);
        match error {
            DeliveryError::Transient(error) if now < last => {
                let doubled = 2_u32.checked_pow(mail.attempts).and_then(|factor| self.first.checked_mul(factor));
                let wait = doubled.unwrap_or(self.cap).min(self.cap);
                SettledAs::Retry { next_attempt_at: (now + wait).min(last), error: error.clone() }
            }
            DeliveryError::Transient(error) | DeliveryError::Permanent(error) => {
                SettledAs::Failed { error: error.clone() }
            }
        }
    }
}

impl DueMail {
    /// Fills in what is derived, if what the mail says is still so.
    ///
    /// # Errors
    /// [`ComposeError::Key`] if the key of the initial password is not in the keyring, [`ComposeError::Overtaken`] if what the
    /// mail says is not so any more.
    pub fn compose(
        &self,
        keyring: &Keyring,
        policy: &TrialPolicy,
        now: DateTime<Utc>,
    ) -> Result<OutgoingMail, ComposeError> {
        if let Some(reason) = self.overtaken(policy, now) {
            return Err(ComposeError::Overtaken(reason));
        }
        let tenant = || self.tenant.as_ref().ok_or(ComposeError::Overtaken("its tenant is gone"));
        let content = match self.kind {
            MailKind::Account => MailContent::Account(self.account(tenant()?, keyring)?),
            MailKind::Reminder => MailContent::Reminder(life(tenant()?, policy)),
            MailKind::Suspended => MailContent::Suspended(life(tenant()?, policy)),
            MailKind::Closed => MailContent::Closed(life(tenant()?, policy)),
            MailKind::Warning => MailContent::Warning(self.detail.clone().unwrap_or_default()),
            MailKind::Password => MailContent::Password(self.link(tenant()?, keyring)?),
            MailKind::PasswordChanged => MailContent::PasswordChanged(self.changed(tenant()?)),
        };
        Ok(OutgoingMail { id: self.id, to: self.to.clone(), locale: self.locale, created_at: self.created_at, content })
    }

    /// The same however often it is sent: derived from the time of the request and the password in force then.
    fn link(&self, tenant: &Tenant, keyring: &Keyring) -> Result<PasswordMail, ComposeError> {
        let asked_for: Option<u32> = self.detail.as_deref().and_then(|issue| issue.parse().ok());
        if asked_for != Some(tenant.password_issue) {
            return Err(ComposeError::Overtaken("another password is in force since"));
        }
        let claim = PortalLinkClaim { tenant: tenant.id, issue: tenant.password_issue, made_at: self.created_at };
        Ok(PasswordMail {
            account_name: Tenant::account_name(tenant.id),
            link: claim.sign(keyring),
            valid_until: self.created_at + PORTAL_LINK_LIVES,
        })
    }

    /// Of one change, at the time that it was put into the outbox; of a digest, of as many as it says.
    fn changed(&self, tenant: &Tenant) -> PasswordChangedMail {
        let told: Option<ToldChanges> = self.detail.as_deref().and_then(|told| told.parse().ok());
        PasswordChangedMail {
            account_name: Tenant::account_name(tenant.id),
            changed_at: told.map_or(self.created_at, |told| told.last_at),
            changes: told.map(|told| told.changes),
        }
    }

    fn account(&self, tenant: &Tenant, keyring: &Keyring) -> Result<AccountMail, ComposeError> {
        let code = |kind| self.access_codes.get(&kind).cloned();
        let (Some(voice), Some(multimedia)) = (code(AccessCodeKind::Voice), code(AccessCodeKind::Multimedia)) else {
            return Err(ComposeError::Overtaken("its tenant holds no access codes any more"));
        };
        Ok(AccountMail {
            tenant: tenant.id,
            account_name: Tenant::account_name(tenant.id),
            initial_password: keyring.password(&tenant.key_id, tenant.id, tenant.password_issue)?,
            password_valid_until: tenant.password_valid_until(),
            voice,
            multimedia,
            trial_ends_at: tenant.trial_ends_at,
            is_customer: tenant.converted_at.is_some(),
        })
    }
}

fn life(tenant: &Tenant, policy: &TrialPolicy) -> LifeMail {
    LifeMail {
        tenant: tenant.id,
        account_name: Tenant::account_name(tenant.id),
        trial_ends_at: tenant.trial_ends_at,
        closes_at: tenant.closes_at,
        recoverable_until: tenant.closed_at.map(|closed| closed + policy.quarantine),
        is_customer: tenant.converted_at.is_some(),
    }
}
