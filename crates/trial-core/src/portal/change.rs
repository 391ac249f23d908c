use chrono::NaiveDate;

use super::{OwnPassword, PortalAccount, PortalSession};
use crate::ports::{Clock, Entropy};
use crate::values::ID_ENTROPY;
use crate::{AuditRecord, ChangedBy, MailId, MailKind, MailRecord, QuotaFacts, QuotaPolicy, Tenant};

/// A password of the owner's choice, with all that is kept or refused together with it.
#[derive(Debug, Clone, PartialEq)]
pub struct PasswordChange {
    /// The password.
    pub own: OwnPassword,
    /// The session by which the owner goes on, in the place of every other.
    pub session: PortalSession,
    /// The mail that tells the owner.
    pub mail: MailId,
    /// How the units of the day are counted that the mail may take.
    pub quota: QuotaPolicy,
    /// The entry of the audit.
    pub entry: AuditRecord,
}

impl PasswordChange {
    /// A change by the owner, now; `way` says to the audit how.
    pub fn now(
        own: OwnPassword,
        session: PortalSession,
        way: &str,
        quota: &QuotaPolicy,
        clock: &dyn Clock,
        entropy: &dyn Entropy,
    ) -> Self {
        let mut random = [0; ID_ENTROPY];
        entropy.fill(&mut random);
        let owner = ChangedBy::now(Tenant::account_name(own.tenant), clock, entropy);
        let entry = owner.entry("portal.password", own.tenant.to_string(), way.to_owned());
        Self { mail: MailId::new(own.set_at, random), own, session, quota: quota.clone(), entry }
    }

    /// The day whose units have to be known.
    pub fn day(&self) -> NaiveDate {
        self.quota.day_of(self.own.set_at)
    }

    /// The mail that tells the owner, for the transaction that stores the change; `None` if nothing may be changed any more:
    /// another password was set or issued meanwhile, or the owner may not sign in.
    ///
    /// It takes a unit of the day as a link to a password does, but cannot be refused as that is, for the change cannot be: where
    /// the day has none left, it goes without.
    pub fn notice(&self, account: &PortalAccount, mut quota: QuotaFacts) -> Option<MailRecord> {
        let tenant = &account.tenant;
        if tenant.password_issue != self.own.replaces() || !account.is_open() {
            return None;
        }
        let unit = (!quota.is_spent()).then(|| quota.take_unit());
        Some(MailRecord::for_owner(tenant, MailKind::PasswordChanged, self.mail, self.own.set_at, unit))
    }
}
