//! Changes of settings: the command, its decision and its audit entry.

use chrono::{DateTime, Utc};

use super::{Overrides, PolicyFault, SettingKey, SettingValue, SettingsInForce};
use crate::policy::Policy;

/// A command to change a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettingCommand {
    /// The setting.
    pub key: SettingKey,
    /// The new value; `None` resets it to the configured one.
    pub value: Option<SettingValue>,
    /// The number of the last change that the operator has seen; `None` to ignore later changes.
    pub seen: Option<u64>,
}

/// A recorded change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingChange {
    /// Its number; later ones have greater numbers.
    pub number: u64,
    /// The setting.
    pub key: SettingKey,
    /// The value it was set to; `None` if it was reset to the configured one.
    pub value: Option<SettingValue>,
    /// The time.
    pub at: DateTime<Utc>,
    /// The operator.
    pub actor: String,
}

/// The outcome of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingOutcome {
    /// Done; these settings are in force.
    Changed(SettingsInForce),
    /// The setting had this value already.
    AlreadySo(SettingsInForce),
    /// Nothing was changed.
    Refused(SettingRefusal),
}

/// The reason for which a setting was not changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingRefusal {
    /// Another operator has changed settings since; this is the number of the last change.
    Unseen(u64),
    /// The policy would contradict itself.
    Faulty(PolicyFault),
}

impl SettingCommand {
    /// The settings in force after this command; `None` if it changes nothing. `configured` is the configuration's
    /// policy.
    ///
    /// # Errors
    /// [`SettingRefusal`] if the settings were changed meanwhile, or the policy would have a fault that it did not have
    /// before.
    pub fn decide(&self, now: &SettingsInForce, configured: &Policy) -> Result<Option<Overrides>, SettingRefusal> {
        if self.seen.is_some_and(|seen| seen != now.number) {
            return Err(SettingRefusal::Unseen(now.number));
        }
        let wanted = now.overrides.with(self.key, self.value);
        if wanted == now.overrides {
            return Ok(None);
        }
        let before = now.overrides.policy(configured).faults();
        let concerns_this = |fault: &PolicyFault| {
            let name = self.key.as_str();
            fault.key == name || fault.other == Some(name)
        };
        let mut faults = wanted.policy(configured).faults().into_iter();
        match faults.find(|fault| concerns_this(fault) || !before.contains(fault)) {
            Some(fault) => Err(SettingRefusal::Faulty(fault)),
            None => Ok(Some(wanted)),
        }
    }

    /// The detail of its audit entry. `configured` is the configuration's policy.
    pub fn audit_detail(&self, now: &SettingsInForce, configured: &Policy) -> String {
        let said = |value: Option<SettingValue>| match value {
            Some(value) => value.to_string(),
            None => format!("{} as configured", self.key.of(configured)),
        };
        format!("before {}, after {}", said(now.overrides.get(self.key)), said(self.value))
    }

    /// The name of the action in the audit trail.
    pub const fn audit_action(&self) -> &'static str {
        if self.value.is_some() { "setting.set" } else { "setting.reset" }
    }
}
