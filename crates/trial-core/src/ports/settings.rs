//! The port of the settings that operations change.

use std::sync::Arc;

use async_trait::async_trait;

use crate::audit::ChangedBy;
use crate::error::LedgerError;
use crate::policy::{Policy, SettingChange, SettingCommand, SettingKey, SettingOutcome, SettingsInForce};

/// The store of runtime settings. The decisions about changes are taken in the core: [`SettingCommand::decide`].
///
/// # Errors
/// All methods: [`LedgerError::Unavailable`] if the database cannot be reached, [`LedgerError::Contended`] if it stays
/// busy.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SettingsStore: Send + Sync {
    /// The settings in force.
    async fn settings(&self) -> Result<SettingsInForce, LedgerError>;

    /// The changes of one setting or of all, at most the newest `limit`, newest first.
    async fn setting_changes(&self, key: Option<SettingKey>, limit: u32) -> Result<Vec<SettingChange>, LedgerError>;

    /// Changes a setting, in force from the next decision of every instance, and records that in the audit trail.
    /// `configured` is the policy of the configuration.
    async fn change_setting(
        &self,
        order: SettingCommand,
        configured: Arc<Policy>,
        by: ChangedBy,
    ) -> Result<SettingOutcome, LedgerError>;
}
