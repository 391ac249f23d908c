use chrono::{DateTime, Utc};

use super::{Overrides, PolicyFault, SettingKey, SettingValue, SettingsInForce};
use crate::policy::Policy;

/// That operations want a setting to be something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettingOrder {
    /// Which.
    pub key: SettingKey,
    /// What it is to be; `None` for what is configured.
    pub value: Option<SettingValue>,
    /// The number of the last change that whoever orders this has seen; `None` if they do not mind what others did.
    pub seen: Option<u64>,
}

/// A change that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingChange {
    /// Its number; later ones have greater numbers.
    pub number: u64,
    /// Which setting.
    pub key: SettingKey,
    /// What it was set to; `None` if it was reset to what is configured.
    pub value: Option<SettingValue>,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: String,
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingOutcome {
    /// It is done, and this is in force.
    Changed(SettingsInForce),
    /// It was so already.
    AlreadySo(SettingsInForce),
    /// It was not done.
    Refused(SettingRefusal),
}

/// Why a setting was not changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingRefusal {
    /// Somebody else has changed settings since; this is the number of the last change.
    Unseen(u64),
    /// The policy would make no sense.
    Faulty(PolicyFault),
}

impl SettingOrder {
    /// What the changes in force come to by this order. `configured` is the configuration's policy, `threshold` the e-mail
    /// threshold in force. `None` if it is so already.
    ///
    /// # Errors
    /// Why it is not to be done. What made no sense before stands in the way of nothing.
    pub fn decide(
        &self,
        now: &SettingsInForce,
        configured: &Policy,
        threshold: u32,
    ) -> Result<Option<Overrides>, SettingRefusal> {
        if self.seen.is_some_and(|seen| seen != now.number) {
            return Err(SettingRefusal::Unseen(now.number));
        }
        let wanted = now.overrides.with(self.key, self.value);
        if wanted == now.overrides {
            return Ok(None);
        }
        let mut configured = configured.clone();
        configured.quota.first_threshold = threshold;
        let before = now.overrides.policy(&configured).faults();
        let concerns_this = |fault: &PolicyFault| {
            let name = self.key.as_str();
            fault.key == name || fault.other == Some(name)
        };
        let mut faults = wanted.policy(&configured).faults().into_iter();
        match faults.find(|fault| concerns_this(fault) || !before.contains(fault)) {
            Some(fault) => Err(SettingRefusal::Faulty(fault)),
            None => Ok(Some(wanted)),
        }
    }

    /// What is said of it in the audit. `configured` is the configuration's policy.
    pub fn audit_detail(&self, now: &SettingsInForce, configured: &Policy) -> String {
        let said = |value: Option<SettingValue>| match value {
            Some(value) => value.to_string(),
            None => format!("{} as configured", self.key.of(configured)),
        };
        format!("before {}, after {}", said(now.overrides.get(self.key)), said(self.value))
    }

    /// What it is called in the audit.
    pub const fn audit_action(&self) -> &'static str {
        if self.value.is_some() { "setting.set" } else { "setting.reset" }
    }
}
