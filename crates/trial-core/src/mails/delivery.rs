//! Mails of the outbox, from claim to settlement.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::content::life;
use crate::mails::{AccountMail, ComposeError, MailContent, MailKind, OutgoingMail, PasswordChangedMail, PasswordMail};
use crate::policy::TrialPolicy;
use crate::portal::{PORTAL_LINK_LIVES, PortalLinkClaim, ToldChanges};
use crate::privacy::Redaction;
use crate::tenants::Tenant;
use crate::values::{AccessCode, AccessCodeKind, Email, Keyring, LeaseId, Locale, MailId};

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
    /// Its id. A settlement under a lease that another instance took over changes nothing, unless the mail was sent.
    pub id: LeaseId,
    /// Now.
    pub now: DateTime<Utc>,
    /// Until when it holds.
    pub until: DateTime<Utc>,
    /// The latest plausible due time. A mail due later dates from before a clock was set back, and is due now.
    pub horizon: DateTime<Utc>,
}

/// A mail that is due, with its tenant and its details.
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

impl DeliveryError {
    /// The same with its text redacted.
    #[must_use]
    pub fn redacted(self, redaction: &Redaction) -> Self {
        match self {
            Self::Transient(words) => Self::Transient(redaction.redact(&words)),
            Self::Permanent(words) => Self::Permanent(redaction.redact(&words)),
        }
    }
}

/// The reason why the mail server did not accept a mail: its reply or the fault, without personal data of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// The server may accept it later: no connection, a time-out, a reply of 4xx, or one of 5xx about us.
    #[error("{0}")]
    Transient(String),
    /// The server will never accept it: a reply of 5xx that names the recipient or the mail.
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
    /// Accepted by the mail server, with this reply.
    Sent {
        /// The server's reply.
        reply: String,
    },
    /// Due again at this time.
    Retry {
        /// When.
        next_attempt_at: DateTime<Utc>,
        /// The reason for which it was not sent.
        error: String,
    },
    /// Given up.
    Failed {
        /// The reason for which it was not sent.
        error: String,
    },
    /// Not sent, because a later change has overtaken it.
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

    /// The server's reply, the fault, or the change that has overtaken the mail.
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
        // An expired link is of no use.
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
    /// Fills in the derived parts, unless the mail is overtaken.
    ///
    /// # Errors
    /// [`ComposeError::Key`] if the key of the initial password is not in the keyring, [`ComposeError::Overtaken`] if a
    /// later change has overtaken the mail.
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

    /// Derived from the time of the request and the password in force then, so that every attempt sends the same link.
    fn link(&self, tenant: &Tenant, keyring: &Keyring) -> Result<PasswordMail, ComposeError> {
        let asked_for: Option<u32> = self.detail.as_deref().and_then(|issue| issue.parse().ok());
        if asked_for != Some(tenant.password_issue) {
            return Err(ComposeError::Overtaken("the password was changed since"));
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
            return Err(ComposeError::Overtaken("its tenant no longer has access codes"));
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
