//! The outbox in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use trial_core::error::LedgerError;
use trial_core::mails::{DueMail, Lease, MailAttempt, MailState, SettledAs, Settlement};
use trial_core::ports::Outbox;
use trial_core::values::{AccessCode, AccessCodeKind, LeaseId, MailId, TenantId};

use super::{KeptMail, MemoryLedger, MemoryState};

#[async_trait]
impl Outbox for MemoryLedger {
    async fn claim(&self, lease: Lease, limit: u32) -> Result<Vec<DueMail>, LedgerError> {
        Ok(self.claim_mails(&lease, limit))
    }

    async fn renew(&self, leases: Vec<LeaseId>, until: DateTime<Utc>) -> Result<(), LedgerError> {
        self.renew_leases(&leases, until);
        Ok(())
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), LedgerError> {
        self.settle_mails(&settlements);
        Ok(())
    }
}

impl MemoryLedger {
    /// Claims due mails.
    pub fn claim_mails(&self, lease: &Lease, limit: u32) -> Vec<DueMail> {
        let mut state = self.lock();
        let claimed = state.due(lease, limit);
        claimed.into_iter().map(|id| state.claim(id, lease)).collect()
    }

    /// Prolongs leases.
    pub fn renew_leases(&self, leases: &[LeaseId], until: DateTime<Utc>) {
        let mut state = self.lock();
        let is_held = |mail: &&mut KeptMail| {
            mail.state == MailState::Due && mail.lease.is_some_and(|lease| leases.contains(&lease))
        };
        state.mails.values_mut().filter(is_held).for_each(|mail| {
            mail.next_attempt_at = mail.next_attempt_at.max(until);
        });
    }

    /// Records the results of claimed mails.
    pub fn settle_mails(&self, settlements: &[Settlement]) {
        let mut state = self.lock();
        for settlement in settlements {
            if let Some(mail) = state.mails.get_mut(&settlement.mail) {
                mail.settle(settlement);
            }
        }
    }
}

impl MemoryState {
    /// By kind; of one kind, the longest due first.
    fn due(&self, lease: &Lease, limit: u32) -> Vec<MailId> {
        let is_due = |at: DateTime<Utc>| at <= lease.now || at > lease.horizon;
        let waiting = self.mails.values().filter(|mail| mail.state == MailState::Due && is_due(mail.next_attempt_at));
        let mut due: Vec<_> = waiting
            .map(|mail| {
                let is_set_back = mail.next_attempt_at > lease.horizon;
                (is_set_back, mail.record.kind.priority(), mail.next_attempt_at, mail.record.id)
            })
            .collect();
        due.sort_unstable();
        due.into_iter().take(usize::try_from(limit).expect("fits")).map(|(.., id)| id).collect()
    }

    fn claim(&mut self, id: MailId, lease: &Lease) -> DueMail {
        let mail = self.mails.get_mut(&id).expect("it is due");
        mail.next_attempt_at = lease.until;
        mail.lease = Some(lease.id);
        let mail = &self.mails[&id];
        let record = &mail.record;
        let superseded = self.mails.values().any(|other| {
            let is_newer = other.record.id > id && other.record.kind == record.kind;
            let is_on_its_way = matches!(other.state, MailState::Due | MailState::Sent);
            is_newer && is_on_its_way && record.tenant.is_some() && other.record.tenant == record.tenant
        });
        DueMail {
            id,
            kind: record.kind,
            to: record.to.clone(),
            locale: record.locale,
            created_at: record.created_at,
            attempts: mail.attempts,
            tenant: record.tenant.map(|tenant| self.tenants[&tenant].clone()),
            access_codes: record.tenant.map(|tenant| self.all_held_by(tenant)).unwrap_or_default(),
            detail: record.detail.clone(),
            superseded,
        }
    }

    pub(super) fn all_held_by(&self, tenant: TenantId) -> BTreeMap<AccessCodeKind, AccessCode> {
        AccessCodeKind::ALL.iter().filter_map(|kind| Some((*kind, self.held_by(tenant, *kind)?))).collect()
    }

    pub(super) fn held_by(&self, tenant: TenantId, kind: AccessCodeKind) -> Option<AccessCode> {
        let mut held = self.access_codes.iter().filter(|(_, kept)| kept.holder == Some(tenant) && kept.kind == kind);
        held.next().map(|(code, _)| code.clone())
    }
}

impl KeptMail {
    pub(super) fn failed_since(&self, since: DateTime<Utc>) -> bool {
        let failed_at = self.log.last().map_or(self.record.created_at, |attempt| attempt.at);
        self.state == MailState::Failed && failed_at >= since
    }

    fn settle(&mut self, settlement: &Settlement) {
        let holds = self.state == MailState::Due && self.lease == Some(settlement.lease);
        match &settlement.settled_as {
            SettledAs::Sent { .. } if self.state != MailState::Sent => self.state = MailState::Sent,
            SettledAs::Retry { next_attempt_at, .. } if holds => self.next_attempt_at = *next_attempt_at,
            SettledAs::Failed { .. } if holds => self.state = MailState::Failed,
            SettledAs::Overtaken { .. } if holds => self.state = MailState::Overtaken,
            _ => return,
        }
        let reply = settlement.settled_as.reply().to_owned();
        self.attempts += 1;
        self.lease = None;
        self.last_reply = Some(reply.clone());
        let result = settlement.settled_as.as_str().to_owned();
        self.log.push(MailAttempt { attempt: self.attempts, at: settlement.at, result, reply });
    }
}
