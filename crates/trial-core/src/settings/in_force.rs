use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, PoisonError, RwLock};

use super::{SettingKey, SettingValue};
use crate::Policy;
use crate::values::UnknownName;

/// Settings that are something else than configured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides(BTreeMap<SettingKey, SettingValue>);

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
        self.0.is_empty()
    }

    /// What a setting was changed to, if it was.
    pub fn get(&self, key: SettingKey) -> Option<SettingValue> {
        self.0.get(&key).copied()
    }

    /// Each setting that was changed, and what to.
    pub fn iter(&self) -> impl Iterator<Item = (SettingKey, SettingValue)> {
        self.0.iter().map(|(key, value)| (*key, *value))
    }

    /// These with one set to something else, or reset.
    #[must_use]
    pub fn with(&self, key: SettingKey, value: Option<SettingValue>) -> Self {
        let mut changed = self.0.clone();
        match value {
            Some(value) => changed.insert(key, value),
            None => changed.remove(&key),
        };
        Self(changed)
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
        for (place, (key, value)) in self.0.iter().enumerate() {
            let space = if place == 0 { "" } else { " " };
            write!(f, "{space}{key}={value}")?;
        }
        Ok(())
    }
}

impl FromStr for Overrides {
    type Err = UnknownName;

    /// A setting that only another release knows is left out: an older instance, which may run beside a newer one, goes on.
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let mut changed = BTreeMap::new();
        for pair in text.split_whitespace() {
            let wrong = || UnknownName(pair.to_owned(), "changed setting");
            let (key, value) = pair.split_once('=').ok_or_else(wrong)?;
            if let Ok(key) = key.parse::<SettingKey>() {
                changed.insert(key, key.parse(value).map_err(|_| wrong())?);
            }
        }
        Ok(Self(changed))
    }
}

/// The policy in force, as far as this process has heard. A batch is decided by what is stored at that moment
/// ([`crate::Facts::overrides`]); this is for everything else: pages, mails, sweeps, limits of addresses.
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
