use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use super::{SettingKey, SettingValue};
use crate::policy::Policy;

/// Settings that are something else than configured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    changed: BTreeMap<SettingKey, SettingValue>,
    /// As stored. They are stored again with the next change: a newer release may be running beside this one.
    unreadable: BTreeSet<String>,
}

/// What operations changed, as far as it is in force.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingsInForce {
    /// The number of the last change; 0 before the first.
    pub number: u64,
    /// What is something else than configured.
    pub overrides: Overrides,
}

impl Overrides {
    /// Whether everything is as configured.
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty()
    }

    /// What a setting was changed to, if it was.
    pub fn get(&self, key: SettingKey) -> Option<SettingValue> {
        self.changed.get(&key).copied()
    }

    /// Each setting that was changed, and what to.
    pub fn iter(&self) -> impl Iterator<Item = (SettingKey, SettingValue)> {
        self.changed.iter().map(|(key, value)| (*key, *value))
    }

    /// Each stored setting that this release cannot read, such as `trial.grace=soon`: what is configured is in force.
    pub fn unreadable(&self) -> impl Iterator<Item = &str> {
        self.unreadable.iter().map(String::as_str)
    }

    /// These with one set to something else, or reset.
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

/// As it is stored: one behind the other, such as `verification.max_tries=5 trial.grace=7d`.
impl fmt::Display for Overrides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let changed = self.changed.iter().map(|(key, value)| format!("{key}={value}"));
        let pairs: Vec<String> = changed.chain(self.unreadable.iter().cloned()).collect();
        f.write_str(&pairs.join(" "))
    }
}

impl From<&str> for Overrides {
    /// Reads what was stored. A setting or a value that only another release knows holds up nothing: an older instance,
    /// which may run beside a newer one, goes on with what is configured.
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

/// The policy in force, as far as this process has heard. A batch is decided by what is stored at that moment
/// ([`crate::planner::Facts::overrides`]); this is for everything else: pages, mails, sweeps, limits of addresses.
#[derive(Debug)]
pub struct PolicyInForce {
    configured: Arc<Policy>,
    now: RwLock<(u64, Arc<Policy>)>,
}

impl PolicyInForce {
    /// What is configured is in force.
    pub fn new(configured: Arc<Policy>) -> Self {
        let now = RwLock::new((0, Arc::clone(&configured)));
        Self { configured, now }
    }

    /// What is configured.
    pub fn configured(&self) -> &Arc<Policy> {
        &self.configured
    }

    /// What is in force.
    pub fn now(&self) -> Arc<Policy> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner).1)
    }

    /// Takes what was changed, unless something later is in force. Says whether that was news.
    pub fn take(&self, settings: &SettingsInForce) -> bool {
        let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
        let is_news = settings.number > now.0;
        if is_news {
            *now = (settings.number, Arc::new(settings.overrides.policy(&self.configured)));
        }
        is_news
    }
}
