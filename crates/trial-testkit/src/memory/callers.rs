//! API clients in memory.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use trial_core::audit::ChangedBy;
use trial_core::clients::{Caller, CallerAdded, CallerChange, CallerChanged, CallerName, CallerRefusal, SeenSignature};
use trial_core::error::LedgerError;
use trial_core::ports::Callers;

use super::operations::audit;
use super::{MemoryLedger, MemoryState};

#[async_trait]
impl Callers for MemoryLedger {
    async fn add_caller(&self, caller: Caller, by: ChangedBy) -> Result<CallerAdded, LedgerError> {
        let mut state = self.lock();
        if state.caller(&caller.name).is_some() {
            return Ok(CallerAdded::NameTaken);
        }
        state.audit.push(audit(by, "caller.add", caller.name.as_str(), caller.scope_names()));
        state.callers.insert(caller.id, caller);
        Ok(CallerAdded::Done)
    }

    async fn callers(&self, limit: u32) -> Result<Vec<Caller>, LedgerError> {
        let newest = usize::try_from(limit).expect("fits");
        Ok(self.lock().callers.values().rev().take(newest).cloned().collect())
    }

    async fn caller_by_key(&self, access_key: String) -> Result<Option<Caller>, LedgerError> {
        Ok(self.lock().callers.values().find(|caller| caller.access_key == access_key).cloned())
    }

    async fn change_caller(
        &self,
        name: CallerName,
        change: CallerChange,
        by: ChangedBy,
    ) -> Result<CallerChanged, LedgerError> {
        let mut state = self.lock();
        let Some(caller) = state.caller(&name) else { return Ok(CallerChanged::Refused(CallerRefusal::Unknown)) };
        let before = caller.clone();
        match before.changed(&change, by.at) {
            Err(refusal) => Ok(CallerChanged::Refused(refusal)),
            Ok(after) => {
                *caller = after.clone();
                let detail = change.detail(&before, &after);
                state.audit.push(audit(by, change.action(), before.name.as_str(), detail));
                Ok(CallerChanged::Done(Box::new(after)))
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
    fn caller(&mut self, name: &CallerName) -> Option<&mut Caller> {
        let mut known = self.callers.values_mut();
        known.find(|caller| caller.name.key() == name.key() && caller.removed_at.is_none())
    }
}
