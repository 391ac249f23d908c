//! Personal data in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use trial_core::applications::{ApplicationRecord, ApplyOutcome};
use trial_core::audit::ChangedBy;
use trial_core::error::LedgerError;
use trial_core::mails::MailState;
use trial_core::platform::{EventState, PlatformEvent};
use trial_core::portal::PortalAttempt;
use trial_core::ports::Privacy;
use trial_core::privacy::{ERASED, ERASED_EMAIL, Expired, Expiring, ExpiryPage, Forgotten, PersonData};
use trial_core::values::{ChallengeId, CompanyName, Email, EventId, Person, Phone, TenantId};
use trial_core::verification::ChallengeState;

use super::operations::audit;
use super::{MemoryLedger, MemoryState};

#[async_trait]
impl Privacy for MemoryLedger {
    async fn expire(&self, page: ExpiryPage, dry_run: bool) -> Result<Expired, LedgerError> {
        let mut state = self.lock();
        let since = *EventId::new(page.since, [0; 10]).as_bytes();
        let mut ids = state.ids(page.what);
        ids.sort_unstable();
        ids.retain(|id| *id > page.after && *id < since);
        ids.truncate(usize::try_from(page.limit).expect("fits"));
        let last = ids.last().copied();
        ids.retain(|id| state.is_over(page.what, *id));
        if !dry_run {
            for id in &ids {
                state.expire(page.what, *id);
            }
        }
        Ok(Expired { removed: u64::try_from(ids.len()).expect("fits"), last })
    }

    async fn expire_portal(&self, now: DateTime<Utc>) -> Result<u64, LedgerError> {
        let mut state = self.lock();
        let before = state.portal_sessions.len() + state.portal_tries.len();
        state.portal_sessions.retain(|_, session| session.expires_at > now);
        state.portal_tries.retain(|(hour, _), _| *hour >= PortalAttempt::hour_of(now));
        let after = state.portal_sessions.len() + state.portal_tries.len();
        Ok(u64::try_from(before - after).expect("fits"))
    }

    async fn expire_prefixes(&self, now: DateTime<Utc>) -> Result<u64, LedgerError> {
        Ok(u64::try_from(self.lock().expire_prefixes(now)).expect("fits"))
    }

    async fn held_on(&self, person: Person) -> Result<PersonData, LedgerError> {
        Ok(self.lock().held_on(&person))
    }

    async fn forget(
        &self,
        person: Person,
        pseudonym: String,
        dry_run: bool,
        by: ChangedBy,
    ) -> Result<Forgotten, LedgerError> {
        let mut state = self.lock();
        let tenants = state.tenants_of(&person);
        let in_use = |id: &TenantId| state.tenants[id].status.is_in_use();
        let in_use: Vec<TenantId> = tenants.iter().copied().filter(in_use).collect();
        if !in_use.is_empty() {
            return Ok(Forgotten::Refused(in_use));
        }
        let counts = state.held_on(&person).counts();
        if !dry_run && !counts.is_empty() {
            state.erase(&person, &tenants, &pseudonym);
            state.audit.push(audit(by, "person.forget", &pseudonym, "everything but the audit".to_owned()));
        }
        Ok(Forgotten::Erased(counts))
    }
}

impl MemoryState {
    fn ids(&self, what: Expiring) -> Vec<[u8; 16]> {
        match what {
            Expiring::Applications => self.applications.keys().map(|id| *id.as_bytes()).collect(),
            Expiring::CodeRequests => self.code_requests.keys().map(|id| *id.as_bytes()).collect(),
            Expiring::Challenges => self.challenges.keys().map(|id| *id.as_bytes()).collect(),
            Expiring::Events => self.events.iter().map(|kept| *kept.view.event.id.as_bytes()).collect(),
            Expiring::Agreements => {
                let agreements = self.audit.iter().filter(|entry| entry.action == "terms.accept");
                agreements.map(|entry| *entry.id.as_bytes()).collect()
            }
        }
    }

    fn is_over(&self, what: Expiring, id: [u8; 16]) -> bool {
        match what {
            Expiring::Applications => self.applications.values().any(|record| {
                *record.id.as_bytes() == id
                    && accepted(record).is_none_or(|of| self.tenants.get(&of).is_none_or(|of| !of.status.is_in_use()))
            }),
            Expiring::CodeRequests => true,
            Expiring::Challenges => self.challenges[&ChallengeId::from_bytes(id)].state != ChallengeState::Consumed,
            Expiring::Events => self
                .events
                .iter()
                .any(|kept| *kept.view.event.id.as_bytes() == id && kept.view.state != EventState::Due),
            Expiring::Agreements => self.audit.iter().any(|entry| {
                let mut tenants = self.tenants.values().filter(|tenant| tenant.status.is_in_use());
                *entry.id.as_bytes() == id && tenants.all(|tenant| tenant.phone.as_str() != entry.subject)
            }),
        }
    }

    fn expire(&mut self, what: Expiring, id: [u8; 16]) {
        match what {
            Expiring::Applications => {
                let gone = self.applications.values().find(|record| *record.id.as_bytes() == id).cloned();
                let Some(gone) = gone else { return };
                self.applications.remove(&gone.id);
                if let (Some(_), Some(challenge)) = (accepted(&gone), gone.challenge) {
                    self.remove_challenge(challenge);
                }
            }
            Expiring::CodeRequests => self.code_requests.retain(|of, _| *of.as_bytes() != id),
            Expiring::Challenges => self.remove_challenge(ChallengeId::from_bytes(id)),
            Expiring::Events => self.events.retain(|kept| *kept.view.event.id.as_bytes() != id),
            Expiring::Agreements => self.audit.retain(|entry| *entry.id.as_bytes() != id),
        }
    }

    fn remove_challenge(&mut self, id: ChallengeId) {
        self.challenges.remove(&id);
        for record in self.phones.values_mut() {
            record.challenge.take_if(|challenge| *challenge == id);
            record.previous.take_if(|previous| *previous == id);
        }
        self.phones.retain(|_, record| record.challenge.is_some() || record.failures > 0);
    }

    fn tenants_of(&self, person: &Person) -> Vec<TenantId> {
        let is_his = |tenant: &&trial_core::tenants::Tenant| match person {
            Person::Phone(phone) => tenant.phone == *phone,
            Person::Email(email) => tenant.email.key() == email,
        };
        self.tenants.values().filter(is_his).map(|tenant| tenant.id).collect()
    }

    fn is_his(person: &Person, record: &ApplicationRecord) -> bool {
        match person {
            Person::Phone(phone) => record.application.phone == *phone,
            Person::Email(email) => record.application.email.key() == email,
        }
    }

    fn held_on(&self, person: &Person) -> PersonData {
        let tenants = self.tenants_of(person);
        let is_phone = |of: &Phone| matches!(person, Person::Phone(phone) if phone == of);
        let shown = |value: &dyn std::fmt::Debug| json!(format!("{value:?}"));
        let applications = self.applications.values().filter(|record| Self::is_his(person, record));
        let requests = self.code_requests.values().filter(|kept| is_phone(&kept.record.phone));
        let mails = self.mails.values().filter(|mail| mail.record.tenant.is_some_and(|of| tenants.contains(&of)));
        let events = self.events.iter().filter(|kept| tenants.contains(&kept.view.event.tenant));
        let audit = self.audit.iter().filter(|entry| entry.subject == person.as_str());
        let own = self.own_passwords.values().filter(|own| tenants.contains(&own.tenant));
        let sessions = self.portal_sessions.values().filter(|session| tenants.contains(&session.tenant));
        let acts = self.owner_acts.iter().filter(|(tenant, _)| tenants.contains(tenant));
        PersonData(BTreeMap::from([
            (
                "applications",
                applications
                    .map(|ApplicationRecord { application: of, .. }| {
                        json!([of.phone.as_str(), of.email.as_str(), of.company.as_str()])
                    })
                    .collect::<Vec<Value>>(),
            ),
            ("audit", audit.map(|entry| shown(entry)).collect()),
            ("challenges", self.challenges.values().filter(|it| is_phone(&it.phone)).map(|it| shown(it)).collect()),
            ("code_requests", requests.map(|kept| shown(kept)).collect()),
            ("mails", mails.map(|mail| shown(mail)).collect()),
            ("owner_acts", acts.map(|acts| shown(&acts)).collect()),
            ("phones", self.phones.values().filter(|it| is_phone(&it.phone)).map(|it| shown(it)).collect()),
            ("platform_events", events.map(|kept| shown(kept)).collect()),
            (
                "portal_passwords",
                own.map(|own| json!([own.tenant.to_string(), own.issue, own.set_at.to_rfc3339()])).collect(),
            ),
            (
                "portal_sessions",
                sessions.map(|one| json!([one.tenant.to_string(), one.issue, one.created_at.to_rfc3339()])).collect(),
            ),
            ("tenants", tenants.iter().map(|id| shown(&self.tenants[id])).collect()),
        ]))
    }

    fn erase(&mut self, person: &Person, tenants: &[TenantId], pseudonym: &str) {
        if let Person::Phone(phone) = person {
            self.phones.remove(phone);
            self.challenges.retain(|_, challenge| challenge.phone != *phone);
            self.code_requests.retain(|_, kept| kept.record.phone != *phone);
        }
        let his = self.applications.values().filter(|record| Self::is_his(person, record));
        let gone: Vec<ApplicationRecord> = his.cloned().collect();
        for record in gone {
            self.applications.remove(&record.id);
            if let (Some(_), Some(challenge)) = (accepted(&record), record.challenge) {
                self.challenges.remove(&challenge);
                for of in self.phones.values_mut().filter(|of| of.challenge == Some(challenge)) {
                    of.challenge = None;
                }
            }
        }
        for mail in self.mails.values_mut().filter(|mail| mail.record.tenant.is_some_and(|of| tenants.contains(&of))) {
            mail.record.to = Email::from_stored(ERASED_EMAIL, ERASED_EMAIL);
            if mail.state == MailState::Due {
                mail.state = MailState::Failed;
            }
        }
        self.own_passwords.retain(|tenant, _| !tenants.contains(tenant));
        self.portal_sessions.retain(|_, session| !tenants.contains(&session.tenant));
        self.owner_acts.retain(|tenant, _| !tenants.contains(tenant));
        for kept in self.events.iter_mut().filter(|kept| tenants.contains(&kept.view.event.tenant)) {
            kept.view.event.payload = PlatformEvent::without_person(&kept.view.event.payload);
        }
        for tenant in self.tenants.values_mut().filter(|tenant| tenants.contains(&tenant.id)) {
            tenant.phone = Phone::from_canonical(ERASED, 0);
            tenant.email = Email::from_stored(ERASED_EMAIL, ERASED_EMAIL);
            tenant.company = CompanyName::from_stored(ERASED, ERASED);
        }
        for entry in self.audit.iter_mut().filter(|entry| entry.subject == person.as_str()) {
            pseudonym.clone_into(&mut entry.subject);
        }
    }
}

fn accepted(record: &ApplicationRecord) -> Option<TenantId> {
    match record.outcome {
        ApplyOutcome::Accepted { tenant } => Some(tenant),
        ApplyOutcome::Replayed { .. } | ApplyOutcome::Refused(_) => None,
    }
}
