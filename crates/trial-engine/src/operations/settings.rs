//! Runtime settings and their changes.

use chrono::{DateTime, Utc};
use serde::Serialize;
use trial_core::error::LedgerError;
use trial_core::policy::{Policy, SettingChange, SettingKey, SettingValue, SettingsInForce};
use trial_core::ports::SettingsStore;
use utoipa::ToSchema;

use super::page::List;

/// Most changes in a view.
const CHANGES: u32 = 100;

/// Runtime settings and their changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SettingList)]
pub struct SettingsReport {
    /// Number of the last change, for `seen`; 0 before the first.
    pub number: u64,
    /// Every setting.
    pub items: Vec<SettingReport>,
    /// Changes, newest first, at most 100.
    pub changes: Vec<SettingChangeReport>,
}

/// A setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Setting)]
pub struct SettingReport {
    /// Key as in the configuration.
    pub key: &'static str,
    /// Effect of the setting.
    pub what: &'static str,
    /// count, duration, or mode: one of off, shadow and on.
    pub kind: &'static str,
    /// Value in force, as in the configuration: `5`, `10m`, `30d`.
    pub value: String,
    /// Configured value, in force after a reset.
    pub configured: String,
    /// `true` if operators changed it.
    pub changed: bool,
    /// Smallest value.
    pub least: String,
    /// Largest value.
    pub most: String,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SettingChange)]
pub struct SettingChangeReport {
    /// Its number.
    pub number: u64,
    /// The setting.
    pub key: &'static str,
    /// New value; null after a reset.
    #[schema(required)]
    pub value: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
    /// The operator.
    pub actor: String,
}

/// Every setting as stored now.
///
/// # Errors
/// [`LedgerError`] if a query fails.
pub async fn list(settings: &dyn SettingsStore, configured: &Policy) -> Result<SettingsReport, LedgerError> {
    let in_force = settings.settings().await?;
    after_change(settings, configured, &in_force).await
}

/// Every setting as a change left it.
///
/// # Errors
/// [`LedgerError`] if the query of the changes fails.
pub async fn after_change(
    settings: &dyn SettingsStore,
    configured: &Policy,
    in_force: &SettingsInForce,
) -> Result<SettingsReport, LedgerError> {
    let items = SettingKey::ALL.iter().map(|key| SettingReport::new(*key, configured, in_force)).collect();
    Ok(SettingsReport { number: in_force.number, items, changes: history(settings, None).await?.items })
}

/// The newest 100 changes of one setting or of all, newest first.
///
/// # Errors
/// [`LedgerError`] if the query fails.
pub async fn history(
    settings: &dyn SettingsStore,
    key: Option<SettingKey>,
) -> Result<List<SettingChangeReport>, LedgerError> {
    let changes = settings.setting_changes(key, CHANGES).await?;
    Ok(List { items: changes.into_iter().map(SettingChangeReport::from).collect() })
}

impl SettingReport {
    fn new(key: SettingKey, configured: &Policy, in_force: &SettingsInForce) -> Self {
        let (configured, changed) = (key.of(configured), in_force.overrides.get(key));
        let (least, most) = key.range();
        Self {
            key: key.as_str(),
            what: key.what(),
            kind: match least {
                SettingValue::Count(_) | SettingValue::ShareOfThreshold => "count",
                SettingValue::SettingDuration(_) => "duration",
                SettingValue::Mode(_) => "mode",
            },
            value: changed.unwrap_or(configured).to_string(),
            configured: configured.to_string(),
            changed: changed.is_some(),
            least: least.to_string(),
            most: most.to_string(),
        }
    }
}

impl From<SettingChange> for SettingChangeReport {
    fn from(change: SettingChange) -> Self {
        let SettingChange { number, key, value, at, actor } = change;
        Self { number, key: key.as_str(), value: value.map(|value| value.to_string()), at, actor }
    }
}
