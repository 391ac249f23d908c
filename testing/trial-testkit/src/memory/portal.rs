//! The portal in memory.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use trial_core::audit::AuditRecord;
use trial_core::error::LedgerError;
use trial_core::operators::SecretHash;
use trial_core::portal::{PortalAccount, PortalAttempt, PortalAttempts, PortalSession};
use trial_core::ports::Portal;
use trial_core::values::TenantId;

use super::{MemoryLedger, MemoryState};

#[async_trait]
impl Portal for MemoryLedger {
    async fn count_portal_try(&self, tried: PortalAttempt) -> Result<PortalAttempts, LedgerError> {
        let mut state = self.lock();
        state.portal_tries.retain(|(hour, _), _| *hour >= tried.hour);
        let mut count = |who| {
            let so_far = state.portal_tries.entry((tried.hour, who)).or_default();
            *so_far += 1;
            *so_far
        };
        let address = count(tried.address);
        let account = if tried.counts_for_account(address) { count(tried.account) } else { 0 };
        Ok(PortalAttempts { account, address })
    }

    async fn portal_account(&self, tenant: TenantId) -> Result<Option<PortalAccount>, LedgerError> {
        Ok(self.lock().portal_account(tenant))
    }

    async fn begin_portal_session(&self, session: PortalSession, entry: AuditRecord) -> Result<(), LedgerError> {
        self.lock().begin_portal_session(session, entry);
        Ok(())
    }

    async fn portal_session(&self, secret: SecretHash) -> Result<Option<(PortalSession, PortalAccount)>, LedgerError> {
        let state = self.lock();
        let session = state.portal_sessions.get(&secret);
        Ok(session.and_then(|session| Some((*session, state.portal_account(session.tenant)?))))
    }

    async fn note_portal_session(&self, secret: SecretHash, now: DateTime<Utc>) -> Result<(), LedgerError> {
        if let Some(session) = self.lock().portal_sessions.get_mut(&secret) {
            session.used_at = session.used_at.max(now);
        }
        Ok(())
    }

    async fn end_portal_session(
        &self,
        tenant: TenantId,
        secret: SecretHash,
        entry: AuditRecord,
    ) -> Result<(), LedgerError> {
        let mut state = self.lock();
        state.portal_sessions.retain(|_, session| session.tenant != tenant || session.secret != secret);
        state.audit.push(entry);
        Ok(())
    }
}

impl MemoryState {
    fn portal_account(&self, tenant: TenantId) -> Option<PortalAccount> {
        let own = self.own_passwords.get(&tenant).cloned();
        self.tenants.get(&tenant).map(|tenant| PortalAccount { tenant: tenant.clone(), own })
    }

    fn begin_portal_session(&mut self, session: PortalSession, entry: AuditRecord) {
        self.portal_sessions.retain(|_, session| session.expires_at > entry.at);
        self.portal_sessions.insert(session.secret, session);
        self.audit.push(entry);
    }
}
