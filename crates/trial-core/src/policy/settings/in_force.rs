//! Settings in force: the configuration with the changes of operations.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use super::{SettingKey, SettingValue};
use crate::policy::Policy;

/// Changed settings, by key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    changed: BTreeMap<SettingKey, SettingValue>,
    /// Settings that this release cannot read. The next change stores them again: a newer release may run beside this
    /// one.
    unreadable: BTreeSet<String>,
}

/// The changes by operations that are in force.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingsInForce {
    /// The number of the last change; 0 before the first.
    pub number: u64,
    /// The changed settings.
    pub overrides: Overrides,
}

impl Overrides {
    /// Returns `true` if no setting is changed.
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty()
    }

    /// The value of a changed setting.
    pub fn get(&self, key: SettingKey) -> Option<SettingValue> {
        self.changed.get(&key).copied()
    }

    /// Each changed setting with its value.
    pub fn iter(&self) -> impl Iterator<Item = (SettingKey, SettingValue)> {
        self.changed.iter().map(|(key, value)| (*key, *value))
    }

    /// Each stored setting that this release cannot read, such as `trial.grace=soon`: the configured value is in force.
    pub fn unreadable(&self) -> impl Iterator<Item = &str> {
        self.unreadable.iter().map(String::as_str)
    }

    /// These settings with one of them changed or reset.
    #[must_use]
    pub fn with(&self, key: SettingKey, value: Option<SettingValue>) -> Self {
        let mut wanted = self.clone();
        match value {
            Some(value) => wanted.changed.insert(key, value),
            None => wanted.changed.remove(&key),
        };
        wanted.unreadable.retain(|pair| pair.split('=').next() != Some(key.as_str()));
        wanted
    }

    /// The policy in force.
    pub fn policy(&self, configured: &Policy) -> Policy {
        let mut policy = configured.clone();
        for (key, value) in self.iter() {
            key.put(&mut policy, value);
        }
        policy
    }
}

/// The stored form, such as `verification.max_tries=5 trial.grace=7d`.
impl fmt::Display for Overrides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let changed = self.changed.iter().map(|(key, value)| format!("{key}={value}"));
        let pairs: Vec<String> = changed.chain(self.unreadable.iter().cloned()).collect();
        f.write_str(&pairs.join(" "))
    }
}

impl From<&str> for Overrides {
    /// Reads the stored form. Settings and values that only another release knows are ignored: an older instance, which
    /// may run beside a newer one, uses the configured values.
    fn from(text: &str) -> Self {
        let mut read = Self::default();
        for pair in text.split_whitespace() {
            let known = pair.split_once('=').and_then(|(key, value)| {
                let key: SettingKey = key.parse().ok()?;
                Some((key, key.parse(value).ok()?))
            });
            match known {
                Some((key, value)) => _ = read.changed.insert(key, value),
                None => _ = read.unreadable.insert(pair.to_owned()),
            }
        }
        read
    }
}

/// The policy in force, as last read by this process. A batch is decided by the settings stored at that moment
/// ([`crate::planner::Facts::overrides`]); this is for everything else: pages, mails, sweeps, limits of addresses.
#[derive(Debug)]
pub struct PolicyInForce {
    configured: Arc<Policy>,
    now: RwLock<(u64, Arc<Policy>)>,
}

impl PolicyInForce {
    /// The configured policy is in force.
    pub fn new(configured: Arc<Policy>) -> Self {
        let now = RwLock::new((0, Arc::clone(&configured)));
        Self { configured, now }
    }

    /// The configured policy.
    pub fn configured(&self) -> &Arc<Policy> {
        &self.configured
    }

    /// The policy in force.
    pub fn now(&self) -> Arc<Policy> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner).1)
    }

    /// Applies stored settings unless later ones are in force. Returns `true` if they were new.
    pub fn take(&self, settings: &SettingsInForce) -> bool {
        let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
        let is_news = settings.number > now.0;
        if is_news {
            *now = (settings.number, Arc::new(settings.overrides.policy(&self.configured)));
        }
        is_news
    }
}
