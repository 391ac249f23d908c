//! Operators, sessions and the audit in memory.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use trial_core::audit::{AuditEntry, AuditQuery, AuditRecord, ChangedBy};
use trial_core::error::LedgerError;
use trial_core::operators::{
    Operator, OperatorAdded, OperatorName, PersonSearch, SESSIONS_PER_OPERATOR, SearchOutcome, SecretHash, Session,
};
use trial_core::ports::{AuditTrail, Operators};

use super::operations::audit;
use super::{MemoryLedger, MemoryState};

#[async_trait]
impl Operators for MemoryLedger {
    async fn add_operator(&self, operator: Operator, by: ChangedBy) -> Result<OperatorAdded, LedgerError> {
        let mut state = self.lock();
        if state.holder(&operator.name).is_some() {
            return Ok(OperatorAdded::NameTaken);
        }
        state.audit.push(audit(by, "operator.add", operator.name.as_str(), operator.role.to_string()));
        state.operators.insert(operator.id, operator);
        Ok(OperatorAdded::Done)
    }

    async fn operators(&self, limit: u32) -> Result<Vec<Operator>, LedgerError> {
        let newest = usize::try_from(limit).expect("fits");
        Ok(self.lock().operators.values().rev().take(newest).cloned().collect())
    }

    async fn revoke_operator(&self, name: OperatorName, by: ChangedBy) -> Result<bool, LedgerError> {
        let mut state = self.lock();
        let Some(operator) = state.holder(&name) else { return Ok(false) };
        operator.revoked_at = Some(by.at);
        let operator = operator.clone();
        state.sessions.retain(|_, session| session.operator != operator.id);
        state.audit.push(audit(by, "operator.revoke", operator.name.as_str(), operator.role.to_string()));
        Ok(true)
    }

    async fn operator_by_token(&self, token: SecretHash) -> Result<Option<Operator>, LedgerError> {
        Ok(self.lock().operators.values().find(|operator| operator.token == token).cloned())
    }

    async fn begin_session(&self, session: Session, by: ChangedBy) -> Result<bool, LedgerError> {
        let mut state = self.lock();
        let Some(operator) = state.operators.get(&session.operator) else { return Ok(false) };
        if operator.revoked_at.is_some() {
            return Ok(false);
        }
        let name = operator.name.clone();
        state.sessions.retain(|_, session| session.expires_at > by.at);
        state.sessions.insert(session.secret, session);
        let of_operator = state.sessions.values().filter(|kept| kept.operator == session.operator);
        let mut kept: Vec<_> = of_operator.map(|kept| (kept.created_at, kept.secret)).collect();
        kept.sort_unstable();
        for (_, oldest) in kept.iter().rev().skip(SESSIONS_PER_OPERATOR as usize) {
            state.sessions.remove(oldest);
        }
        state.audit.push(audit(by, "session.begin", name.as_str(), String::new()));
        Ok(true)
    }

    async fn session(&self, secret: SecretHash) -> Result<Option<(Session, Operator)>, LedgerError> {
        let state = self.lock();
        let session = state.sessions.get(&secret);
        Ok(session.and_then(|session| Some((*session, state.operators.get(&session.operator)?.clone()))))
    }

    async fn note_session(&self, secret: SecretHash, now: DateTime<Utc>) -> Result<(), LedgerError> {
        if let Some(session) = self.lock().sessions.get_mut(&secret) {
            session.used_at = session.used_at.max(now);
        }
        Ok(())
    }

    async fn end_session(&self, secret: SecretHash, by: ChangedBy) -> Result<(), LedgerError> {
        let mut state = self.lock();
        if let Some(session) = state.sessions.remove(&secret) {
            let name = state.operators[&session.operator].name.clone();
            state.audit.push(audit(by, "session.end", name.as_str(), String::new()));
        }
        Ok(())
    }
}

#[async_trait]
impl AuditTrail for MemoryLedger {
    async fn audit(&self, query: AuditQuery) -> Result<Vec<AuditEntry>, LedgerError> {
        Ok(self.lock().audit_page(&query, 0))
    }

    async fn append_entry(&self, record: AuditRecord) -> Result<(), LedgerError> {
        self.lock().audit.push(record);
        Ok(())
    }

    async fn record_search(&self, search: PersonSearch) -> Result<SearchOutcome, LedgerError> {
        let mut state = self.lock();
        let counted = search.counted().and_then(|(query, skipped)| state.audit_page(&query, skipped).pop());
        let outcome = search.decide(counted.as_ref());
        if outcome == SearchOutcome::Recorded {
            state.audit.push(search.entry().clone());
        }
        Ok(outcome)
    }
}

impl MemoryState {
    /// The matching entries after the first few, newest first.
    fn audit_page(&self, query: &AuditQuery, skipped: u32) -> Vec<AuditEntry> {
        let mut found: Vec<&AuditRecord> = self.audit.iter().filter(|record| is_wanted(query, record)).collect();
        found.sort_by_key(|record| std::cmp::Reverse(record.id));
        let count = |number: u32| usize::try_from(number).expect("fits");
        found.into_iter().skip(count(skipped)).take(count(query.limit)).map(entry).collect()
    }

    fn holder(&mut self, name: &OperatorName) -> Option<&mut Operator> {
        let mut known = self.operators.values_mut();
        known.find(|operator| operator.name.key() == name.key() && operator.revoked_at.is_none())
    }
}

fn is_wanted(query: &AuditQuery, record: &AuditRecord) -> bool {
    query.actor.as_ref().is_none_or(|actor| *actor == record.actor)
        && query.action.as_ref().is_none_or(|action| action == record.action)
        && query.subject.as_ref().is_none_or(|subject| *subject == record.subject)
        && query.since.is_none_or(|since| since <= record.at)
        && query.until.is_none_or(|until| record.at < until)
        && query.before.is_none_or(|before| record.id < before)
}

fn entry(record: &AuditRecord) -> AuditEntry {
    AuditEntry {
        id: record.id,
        at: record.at,
        actor: record.actor.clone(),
        action: record.action.to_owned(),
        subject: record.subject.clone(),
        detail: record.detail.clone(),
    }
}
