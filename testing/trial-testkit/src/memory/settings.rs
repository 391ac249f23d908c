//! Runtime settings in memory.

use std::sync::Arc;

use async_trait::async_trait;
use trial_core::audit::ChangedBy;
use trial_core::error::LedgerError;
use trial_core::policy::{
    Policy, SettingChange, SettingCommand, SettingKey, SettingOutcome, SettingValue, SettingsInForce,
};
use trial_core::ports::SettingsStore;

use super::{MemoryLedger, MemoryState};

impl MemoryState {
    /// The daily e-mail limit that operators set, if any.
    pub fn threshold(&self) -> Option<u32> {
        match self.settings.overrides.get(SettingKey::Threshold)? {
            SettingValue::Count(threshold) => Some(threshold),
            _ => None,
        }
    }

    /// Sets the daily e-mail limit, without a change on record.
    pub fn set_threshold(&mut self, threshold: u32) {
        let value = Some(SettingValue::Count(threshold));
        self.settings.overrides = self.settings.overrides.with(SettingKey::Threshold, value);
    }
}

#[async_trait]
impl SettingsStore for MemoryLedger {
    async fn settings(&self) -> Result<SettingsInForce, LedgerError> {
        Ok(self.lock().settings.clone())
    }

    async fn setting_changes(&self, key: Option<SettingKey>, limit: u32) -> Result<Vec<SettingChange>, LedgerError> {
        let state = self.lock();
        let wanted = state.setting_changes.iter().rev().filter(|change| key.is_none_or(|key| change.key == key));
        Ok(wanted.take(usize::try_from(limit).expect("fits")).cloned().collect())
    }

    async fn change_setting(
        &self,
        order: SettingCommand,
        configured: Arc<Policy>,
        by: ChangedBy,
    ) -> Result<SettingOutcome, LedgerError> {
        let mut state = self.lock();
        let before = state.settings.clone();
        let overrides = match order.decide(&before, &configured) {
            Err(refusal) => return Ok(SettingOutcome::Refused(refusal)),
            Ok(None) => return Ok(SettingOutcome::AlreadySo(before)),
            Ok(Some(overrides)) => overrides,
        };
        let (number, key, value) = (before.number + 1, order.key, order.value);
        state.settings = SettingsInForce { number, overrides };
        state.setting_changes.push(SettingChange { number, key, value, at: by.at, actor: by.actor.clone() });
        let detail = order.audit_detail(&before, &configured);
        state.audit.push(by.entry(order.audit_action(), key.as_str().to_owned(), detail));
        Ok(SettingOutcome::Changed(state.settings.clone()))
    }
}
