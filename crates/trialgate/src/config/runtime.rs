//! Runtime settings in the configuration, by the core's table.

use serde::Deserialize;
use toml::Value;
use trial_core::policy::{Policy, SettingKey, SettingValue};
use trial_core::values::SettingDuration;

use super::layers::insert;
use super::settings::Settings;
use super::text::{HumanDuration, Mode};

impl Settings {
    /// Reads settings of a table, whose keys are known.
    ///
    /// # Errors
    /// A message if a value has another type.
    pub(super) fn read(mut table: toml::Table) -> Result<Self, String> {
        let message = |error: toml::de::Error| error.message().to_owned();
        let mut runtime = Policy::default();
        for key in SettingKey::ALL {
            let path: Vec<&str> = key.as_str().split('.').collect();
            if let Some(value) = take(&mut table, &path) {
                key.put(&mut runtime, value_of(*key, value).map_err(message)?);
            }
        }
        Ok(Self { runtime, ..Self::deserialize(Value::Table(table)).map_err(message)? })
    }

    /// The settings as TOML, with every key; secrets are hidden.
    ///
    /// # Errors
    /// A value cannot be written.
    pub(crate) fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(&self.to_table()?)
    }

    pub(super) fn to_table(&self) -> Result<toml::Table, toml::ser::Error> {
        let mut table = toml::Table::try_from(self)?;
        for key in SettingKey::ALL {
            let value = match key.of(&self.runtime) {
                SettingValue::Count(count) => Value::Integer(count.into()),
                SettingValue::SettingDuration(time) => Value::String(SettingDuration(time).to_string()),
                SettingValue::Mode(mode) => Value::String(mode.to_string()),
                SettingValue::ShareOfThreshold => continue,
            };
            let path: Vec<String> = key.as_str().split('.').map(str::to_owned).collect();
            insert(&mut table, &path, value);
        }
        Ok(table)
    }
}

fn value_of(key: SettingKey, value: Value) -> Result<SettingValue, toml::de::Error> {
    Ok(match key.bounds().least {
        SettingValue::Count(_) | SettingValue::ShareOfThreshold => SettingValue::Count(u32::deserialize(value)?),
        SettingValue::SettingDuration(_) => SettingValue::SettingDuration(HumanDuration::deserialize(value)?.0),
        SettingValue::Mode(_) => SettingValue::Mode(Mode::deserialize(value)?.0),
    })
}

/// Takes the value of a key out of a table, and the sections that are empty then.
fn take(table: &mut toml::Table, path: &[&str]) -> Option<Value> {
    let (first, rest) = path.split_first()?;
    if rest.is_empty() {
        return table.remove(*first);
    }
    let below = table.get_mut(*first)?.as_table_mut()?;
    let value = take(below, rest);
    if below.is_empty() {
        table.remove(*first);
    }
    value
}
