//! The invariants in memory.

use std::collections::BTreeMap;
use std::fmt::Display;

use trial_core::access_codes::AccessCodeState;
use trial_core::applications::{ApplicationRecord, ApplyOutcome};
use trial_core::mails::MailKind;
use trial_core::policy::UniqueBy;
use trial_core::ports::Violation;
use trial_core::quota::{MailBudget, QuotaUnit};
use trial_core::tenants::Tenant;
use trial_core::values::{AccessCodeKind, TenantId};
use trial_core::verification::ChallengeState;

use super::{KeptMail, MemoryState};

impl MemoryState {
    /// The broken invariants; `by` is the identity of applicants.
    pub fn violations(&self, by: UniqueBy) -> Vec<Violation> {
        let accepted: Vec<(&ApplicationRecord, TenantId)> =
            self.applications.values().filter_map(|record| Some((record, accepted(record)?))).collect();
        let incomplete = accepted.iter().filter(|(_, tenant)| !self.is_complete(*tenant)).map(|(record, _)| record.id);
        let held = |state| state == AccessCodeState::Leased;
        let misheld = self.access_codes.iter().filter(|(_, kept)| held(kept.state) != kept.holder.is_some());
        let mails = self.mails.values();
        let passed = mails.filter(|mail| mail.record.quota.is_some_and(|unit| unit.unit > unit.threshold));
        let mut consumed = BTreeMap::new();
        for (record, _) in &accepted {
            *consumed.entry(record.challenge).or_insert(0) += 1;
        }
        let open = |id| self.challenges.get(&id).is_none_or(|challenge| challenge.state != ChallengeState::Consumed);
        let reused = consumed.iter().filter(|(id, times)| **times > 1 || id.is_none_or(open));
        let units = self.mails.values().filter_map(|mail| mail.record.quota);
        let taken = |unit: &QuotaUnit| match unit.budget {
            MailBudget::Threshold => self.reserved.get(&unit.day).copied(),
            MailBudget::Owners => self.owner_mails.get(&unit.day).copied(),
        };
        let uncounted = units.filter(|unit| taken(unit).is_none_or(|taken| taken < unit.unit));
        let phones = self.shared(by.phone, |tenant| tenant.phone.as_str());
        let emails = self.shared(by.email, |tenant| tenant.email.key().as_str());
        let companies = self.shared(by.company, |tenant| tenant.company.key().as_str());
        [
            violation("at most one tenant in use has a phone", phones.into_iter()),
            violation("at most one tenant in use has an e-mail address", emails.into_iter()),
            violation("at most one tenant in use has a company", companies.into_iter()),
            violation("an accepted application has its tenant, access codes, mail and audit entry", incomplete),
            violation("an access code has a holder if it is leased, and only then", misheld.map(|(code, _)| code)),
            violation("no unit exceeds the limit it was taken under", passed.map(|mail| mail.record.id)),
            violation("a unit is counted", uncounted.map(|unit| unit.unit)),
            violation(
                "a code is consumed once, and by an acceptance",
                reused.map(|(id, _)| id.map_or_else(String::new, |id| id.to_string())),
            ),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Tenants in use that share a unique value.
    fn shared(&self, is_unique: bool, value_of: impl Fn(&Tenant) -> &str) -> Vec<TenantId> {
        let mut first = BTreeMap::new();
        let in_use = self.tenants.values().filter(|tenant| is_unique && tenant.status.is_in_use());
        in_use.filter(|tenant| first.insert(value_of(tenant), tenant.id).is_some()).map(|tenant| tenant.id).collect()
    }

    fn is_complete(&self, tenant: TenantId) -> bool {
        let is_account = |mail: &KeptMail| (mail.record.tenant, mail.record.kind) == (Some(tenant), MailKind::Account);
        let subject = tenant.to_string();
        let codes = self.all_held_by(tenant).len();
        let wanted = |tenant: &Tenant| if tenant.status.is_in_use() { AccessCodeKind::ALL.len() } else { 0 };
        self.tenants.get(&tenant).is_some_and(|tenant| codes == wanted(tenant))
            && self.mails.values().any(is_account)
            && self.audit.iter().any(|entry| entry.action == "tenant.create" && entry.subject == subject)
    }
}

fn accepted(record: &ApplicationRecord) -> Option<TenantId> {
    match record.outcome {
        ApplyOutcome::Accepted { tenant } => Some(tenant),
        ApplyOutcome::Replayed { .. } | ApplyOutcome::Refused(_) => None,
    }
}

fn violation(invariant: &'static str, mut rows: impl Iterator<Item = impl Display>) -> Option<Violation> {
    let example = rows.next()?.to_string();
    let rows = 1 + u64::try_from(rows.count()).expect("fits");
    Some(Violation { invariant, rows, example })
}
