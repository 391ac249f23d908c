//! Checks, right before a mail is sent, that no later change has overtaken it.

use chrono::{DateTime, Utc};

use super::DueMail;
use crate::mails::MailKind;
use crate::policy::TrialPolicy;
use crate::portal::PORTAL_LINK_LIVES;
use crate::tenants::{Tenant, TenantStatus};

impl DueMail {
    /// The change that has overtaken the mail since it was put into the outbox; `None` if it may be sent.
    pub fn overtaken(&self, policy: &TrialPolicy, now: DateTime<Utc>) -> Option<&'static str> {
        use TenantStatus::{Closed, Commercial, Suspended, Trial};
        let Some(tenant) = &self.tenant else {
            return (self.kind != MailKind::Warning).then_some("its tenant is gone");
        };
        match (self.kind, tenant.status) {
            // Never overtaken: an owner who did not change the password has to learn of the change.
            (MailKind::Warning | MailKind::PasswordChanged, _) => None,
            (MailKind::Account, Trial | Commercial) => self.newer().or_else(|| account(tenant, now)),
            (MailKind::Account | MailKind::Password, Suspended) => {
                Some("the tenant is suspended, and nobody can sign in: send the account again after `tenants resume`")
            }
            (MailKind::Account | MailKind::Password | MailKind::Reminder | MailKind::Suspended, Closed) => {
                Some("the tenant is closed")
            }
            (MailKind::Reminder, Trial) => self.newer().or_else(|| self.reminder(tenant, policy, now)),
            (MailKind::Reminder, Suspended) => Some("the tenant is suspended"),
            (MailKind::Reminder, Commercial) => Some("the tenant was converted, so no trial ends"),
            (MailKind::Suspended, Trial | Commercial) => Some("the tenant is no longer suspended"),
            (MailKind::Suspended, Suspended) => self.since(tenant.suspended_at, "the tenant was suspended again"),
            (MailKind::Closed, Closed) => self.since(tenant.closed_at, "the tenant was closed again"),
            (MailKind::Closed, Trial | Commercial | Suspended) => Some("the tenant was opened again"),
            (MailKind::Password, Trial | Commercial) => {
                (now >= self.created_at + PORTAL_LINK_LIVES).then_some("its link has expired")
            }
        }
    }

    fn newer(&self) -> Option<&'static str> {
        self.superseded.then_some("a newer mail of its kind is on its way")
    }

    fn reminder(&self, tenant: &Tenant, policy: &TrialPolicy, now: DateTime<Utc>) -> Option<&'static str> {
        if now >= tenant.trial_ends_at {
            return Some("the trial has ended");
        }
        (!tenant.is_reminded_by(policy, self.created_at)).then_some("the end of the trial was moved")
    }

    /// A notice reports a state that began before it, and not one that began later.
    fn since(&self, began: Option<DateTime<Utc>>, anew: &'static str) -> Option<&'static str> {
        began.is_none_or(|began| began > self.created_at).then_some(anew)
    }
}

fn account(tenant: &Tenant, now: DateTime<Utc>) -> Option<&'static str> {
    (now >= tenant.password_valid_until())
        .then_some("its initial password was replaced or has expired: `tenants resend-mail` sends a new one")
}
