use async_trait::async_trait;
use chrono::{DateTime, Utc};
use trial_core::ports::Outbox;
use trial_core::{
    AccessCode, AccessCodeKind, DueMail, Lease, LedgerError, MailId, MailState, SettledAs, Settlement, TenantId,
};

use super::{KeptMail, MemoryLedger, MemoryState};

#[async_trait]
impl Outbox for MemoryLedger {
    async fn claim(&self, lease: Lease, limit: u32) -> Result<Vec<DueMail>, LedgerError> {
        let mut state = self.lock();
        let claimed = state.due(&lease, limit);
        Ok(claimed.into_iter().map(|id| state.claim(id, &lease)).collect())
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), LedgerError> {
        let mut state = self.lock();
        for settlement in settlements {
            if let Some(mail) = state.mails.get_mut(&settlement.mail) {
                mail.settle(settlement);
            }
        }
        Ok(())
    }
}

impl MemoryState {
    /// The longest due first.
    fn due(&self, lease: &Lease, limit: u32) -> Vec<MailId> {
        let is_due = |at: DateTime<Utc>| at <= lease.now || at > lease.horizon;
        let waiting = self.mails.values().filter(|mail| mail.state == MailState::Due && is_due(mail.next_attempt_at));
        let mut due: Vec<_> = waiting.map(|mail| (mail.next_attempt_at, mail.record.id)).collect();
        due.sort_unstable();
        due.into_iter().take(usize::try_from(limit).expect("fits")).map(|(_, id)| id).collect()
    }

    fn claim(&mut self, id: MailId, lease: &Lease) -> DueMail {
        let mail = self.mails.get_mut(&id).expect("it is due");
        mail.next_attempt_at = lease.until;
        mail.lease = Some(lease.id);
        let mail = &self.mails[&id];
        let record = &mail.record;
        DueMail {
            id,
            kind: record.kind,
            to: record.to.clone(),
            locale: record.locale,
            created_at: record.created_at,
            attempts: mail.attempts,
            tenant: self.tenants[&record.tenant].clone(),
            voice: self.held_by(record.tenant, AccessCodeKind::Voice).expect("a tenant holds one"),
            multimedia: self.held_by(record.tenant, AccessCodeKind::Multimedia).expect("a tenant holds one"),
        }
    }

    pub(super) fn held_by(&self, tenant: TenantId, kind: AccessCodeKind) -> Option<AccessCode> {
        let mut held = self.access_codes.iter().filter(|(_, kept)| kept.holder == Some(tenant) && kept.kind == kind);
        held.next().map(|(code, _)| code.clone())
    }
}

impl KeptMail {
    fn settle(&mut self, settlement: Settlement) {
        let holds = self.state == MailState::Due && self.lease == Some(settlement.lease);
        match settlement.settled_as {
            SettledAs::Sent { reply } if self.state != MailState::Sent => self.end(MailState::Sent, reply),
            SettledAs::Retry { next_attempt_at, error } if holds => {
                self.end(MailState::Due, error);
                self.next_attempt_at = next_attempt_at;
            }
            SettledAs::Failed { error } if holds => self.end(MailState::Failed, error),
            SettledAs::Sent { .. } | SettledAs::Retry { .. } | SettledAs::Failed { .. } => {}
        }
    }

    fn end(&mut self, state: MailState, reply: String) {
        self.state = state;
        self.attempts += 1;
        self.lease = None;
        self.last_reply = Some(reply);
    }
}
