//! Facts of a batch in memory.

use chrono::{DateTime, NaiveDate, Utc};
use trial_core::access_codes::{AccessCodeState, HeldCode};
use trial_core::applications::{AcceptedApplication, ApplyOutcome};
use trial_core::planner::{FactKeys, Facts, PhoneFacts, PoolFacts, QuotaFacts, TenantCommandFacts, TenantFact};
use trial_core::tenants::Tenant;
use trial_core::values::{AccessCode, AccessCodeKind, Phone, TenantId};
use trial_core::verification::{CodeOutcome, PastSend};

use super::{KeptAccessCode, MemoryState};

impl MemoryState {
    /// Exactly the rows that the keys name.
    pub fn facts(&self, keys: &FactKeys) -> Facts {
        let phones = keys.phones.iter().filter_map(|phone| Some((phone.clone(), self.phone_facts(phone, keys.since)?)));
        let sms_day = self.sms_days.iter().filter(|((day, _), _)| keys.sms_budget && *day == keys.day);
        Facts {
            phones: phones.collect(),
            tenants: self.tenants.values().filter(|tenant| self.is_asked_for(tenant, keys)).map(tenant_fact).collect(),
            pool: PoolFacts {
                voice: self.free_codes(AccessCodeKind::Voice, keys.access_codes),
                multimedia: self.free_codes(AccessCodeKind::Multimedia, keys.access_codes),
            },
            quota: self.quota_facts(keys.day),
            lives: keys.lives.iter().filter_map(|id| Some((*id, self.life_facts(*id)?))).collect(),
            sms_sent: sms_day.map(|((_, country_code), sent)| (*country_code, *sent)).collect(),
            prefixes: self.prefixes_facts(keys),
            overrides: self.settings.overrides.clone(),
        }
    }

    fn quota_facts(&self, day: NaiveDate) -> QuotaFacts {
        QuotaFacts {
            day,
            reserved: self.reserved.get(&day).copied().unwrap_or(0),
            owner_mails: self.owner_mails.get(&day).copied().unwrap_or(0),
        }
    }

    fn phone_facts(&self, phone: &Phone, since: DateTime<Utc>) -> Option<PhoneFacts> {
        let record = self.phones.get(phone)?;
        Some(PhoneFacts {
            failures: record.failures,
            challenge: record.challenge.map(|id| self.challenges[&id].clone()),
            previous: record.previous.map(|id| self.challenges[&id].clone()),
            sends: self.sends(phone, since),
            accepted: self.accepted(phone, since),
        })
    }

    fn sends(&self, phone: &Phone, since: DateTime<Utc>) -> Vec<PastSend> {
        let records = self.code_requests.values().map(|kept| &kept.record);
        let recent = records.filter(|record| record.phone == *phone && record.at > since);
        let mut sends: Vec<_> = recent
            .filter_map(|record| match record.outcome {
                CodeOutcome::Send { challenge, state } => {
                    Some(PastSend { code_request: record.id, challenge, at: record.at, state })
                }
                CodeOutcome::Refused(_) => None,
            })
            .collect();
        sends.sort_by_key(|send| (send.at, send.code_request));
        sends
    }

    fn accepted(&self, phone: &Phone, since: DateTime<Utc>) -> Vec<AcceptedApplication> {
        let recent =
            self.applications.values().filter(|record| record.application.phone == *phone && record.at > since);
        let mut accepted: Vec<_> = recent
            .filter_map(|record| match record.outcome {
                ApplyOutcome::Accepted { tenant } => Some(AcceptedApplication {
                    id: record.id,
                    at: record.at,
                    challenge: self.challenges[&record.challenge.expect("it consumed a code")].clone(),
                    email: record.application.email.key().clone(),
                    company: record.application.company.key().clone(),
                    tenant,
                }),
                ApplyOutcome::Replayed { .. } | ApplyOutcome::Refused(_) => None,
            })
            .collect();
        accepted.sort_by_key(|accepted| (accepted.at, accepted.id));
        accepted
    }

    fn is_asked_for(&self, tenant: &Tenant, keys: &FactKeys) -> bool {
        let rivals = keys.rivals_of.iter().filter_map(|id| self.tenants.get(id));
        let mut shared = rivals.filter(|other| {
            other.phone == tenant.phone
                || other.email.key() == tenant.email.key()
                || other.company.key() == tenant.company.key()
        });
        tenant.status.is_in_use()
            && (keys.tenants_by_phone.contains(&tenant.phone)
                || keys.tenants_by_email.contains(tenant.email.key())
                || keys.tenants_by_company.contains(tenant.company.key())
                || shared.next().is_some())
    }

    fn life_facts(&self, id: TenantId) -> Option<TenantCommandFacts> {
        let is_of = |kept: &KeptAccessCode| kept.holder == Some(id) || kept.last_holder == Some(id);
        let codes = self.access_codes.iter().filter(|(_, kept)| is_of(kept));
        let held = |(code, kept): (&AccessCode, &KeptAccessCode)| HeldCode {
            code: code.clone(),
            kind: kept.kind,
            state: kept.state,
            since: kept.since,
        };
        let acts = self.owner_acts.get(&id).copied().unwrap_or_default();
        Some(TenantCommandFacts {
            tenant: self.tenants.get(&id)?.clone(),
            access_codes: codes.map(held).collect(),
            acts,
        })
    }

    /// The longest free first; of those freed together, in the order of their text.
    fn free_codes(&self, kind: AccessCodeKind, limit: usize) -> Vec<AccessCode> {
        let of_kind = self.access_codes.iter().filter(|(_, kept)| kept.kind == kind);
        let mut free: Vec<_> = of_kind.filter(|(_, kept)| kept.state == AccessCodeState::Free).collect();
        free.sort_by_key(|(code, kept)| (kept.since, *code));
        free.into_iter().take(limit).map(|(code, _)| code.clone()).collect()
    }
}

fn tenant_fact(tenant: &Tenant) -> TenantFact {
    TenantFact {
        id: tenant.id,
        status: tenant.status,
        phone: tenant.phone.clone(),
        email: tenant.email.key().clone(),
        company: tenant.company.key().clone(),
    }
}
