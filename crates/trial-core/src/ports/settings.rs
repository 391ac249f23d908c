//! The port of the settings that operations change.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{ChangedBy, LedgerError, Policy, SettingChange, SettingKey, SettingOrder, SettingOutcome, SettingsInForce};

/// Where settings are changed. What is decided by them is decided in the core: [`SettingOrder::decide`].
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SettingsStore: Send + Sync {
    /// What is in force.
    ///
    /// # Errors
    /// Whatever stands in the way.
    async fn settings(&self) -> Result<SettingsInForce, LedgerError>;

    /// The changes that were made, of one setting or of all, at most the newest `limit`, newest first.
    ///
    /// # Errors
    /// Whatever stands in the way.
    async fn setting_changes(&self, key: Option<SettingKey>, limit: u32) -> Result<Vec<SettingChange>, LedgerError>;

    /// Has a setting be something else, in force from the next decision of every instance on, and says so in the audit.
    /// `configured` is the policy of the configuration.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn change_setting(
        &self,
        order: SettingOrder,
        configured: Arc<Policy>,
        by: ChangedBy,
    ) -> Result<SettingOutcome, LedgerError>;
}
