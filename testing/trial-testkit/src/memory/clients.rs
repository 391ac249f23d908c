//! API clients in memory.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use trial_core::audit::ChangedBy;
use trial_core::clients::{
    ApiClient, ApiClientAdded, ApiClientChange, ApiClientChanged, ApiClientName, ApiClientRefusal, SeenSignature,
};
use trial_core::error::LedgerError;
use trial_core::ports::ApiClients;

use super::operations::audit;
use super::{MemoryLedger, MemoryState};

#[async_trait]
impl ApiClients for MemoryLedger {
    async fn add_caller(&self, caller: ApiClient, by: ChangedBy) -> Result<ApiClientAdded, LedgerError> {
        let mut state = self.lock();
        if state.caller(&caller.name).is_some() {
            return Ok(ApiClientAdded::NameTaken);
        }
        state.audit.push(audit(by, "caller.add", caller.name.as_str(), caller.scope_names()));
        state.callers.insert(caller.id, caller);
        Ok(ApiClientAdded::Done)
    }

    async fn callers(&self, limit: u32) -> Result<Vec<ApiClient>, LedgerError> {
        let newest = usize::try_from(limit).expect("fits");
        Ok(self.lock().callers.values().rev().take(newest).cloned().collect())
    }

    async fn caller_by_key(&self, access_key: String) -> Result<Option<ApiClient>, LedgerError> {
        Ok(self.lock().callers.values().find(|caller| caller.access_key == access_key).cloned())
    }

    async fn change_caller(
        &self,
        name: ApiClientName,
        change: ApiClientChange,
        by: ChangedBy,
    ) -> Result<ApiClientChanged, LedgerError> {
        let mut state = self.lock();
        let Some(caller) = state.caller(&name) else { return Ok(ApiClientChanged::Refused(ApiClientRefusal::Unknown)) };
        let before = caller.clone();
        match before.changed(&change, by.at) {
            Err(refusal) => Ok(ApiClientChanged::Refused(refusal)),
            Ok(after) => {
                *caller = after.clone();
                let detail = change.detail(&before, &after);
                state.audit.push(audit(by, change.action(), before.name.as_str(), detail));
                Ok(ApiClientChanged::Done(Box::new(after)))
            }
        }
    }

    async fn knows_signature(&self, signature: [u8; 32]) -> Result<bool, LedgerError> {
        Ok(self.lock().caller_signatures.contains_key(&signature))
    }

    async fn remember_signatures(
        &self,
        seen: Vec<SeenSignature>,
        now: DateTime<Utc>,
    ) -> Result<Vec<bool>, LedgerError> {
        let mut state = self.lock();
        let known = &mut state.caller_signatures;
        let news = seen.iter().map(|seen| {
            let is_new = !known.contains_key(&seen.signature);
            known.entry(seen.signature).or_insert(seen.expires_at);
            is_new
        });
        let news = news.collect();
        known.retain(|_, expires_at| *expires_at > now);
        Ok(news)
    }
}

impl MemoryState {
    fn caller(&mut self, name: &ApiClientName) -> Option<&mut ApiClient> {
        let mut known = self.callers.values_mut();
        known.find(|caller| caller.name.key() == name.key() && caller.removed_at.is_none())
    }
}
