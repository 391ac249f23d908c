//! Rows of changed settings, for both databases.

use diesel::prelude::*;
use trial_core::{LedgerError, SettingChange, SettingKey, SettingsInForce};

use crate::convert::{bad, count, name, time};
use crate::schema::setting_changes;

#[derive(Queryable, Selectable)]
#[diesel(table_name = setting_changes)]
pub(crate) struct SettingRow {
    seq: i64,
    setting: String,
    value: Option<String>,
    at: i64,
    actor: String,
}

impl SettingRow {
    /// The change; `None`, of a setting that only another release knows.
    pub(crate) fn into_change(self) -> Result<Option<SettingChange>, LedgerError> {
        let Ok(key) = self.setting.parse::<SettingKey>() else { return Ok(None) };
        let value = self.value.map(|value| key.parse(&value)).transpose();
        Ok(Some(SettingChange {
            number: count(self.seq, "setting_changes.seq")?,
            key,
            value: value.map_err(|_| bad("setting_changes.value"))?,
            at: time(self.at, "setting_changes.at")?,
            actor: self.actor,
        }))
    }
}

/// The changes of these rows.
pub(crate) fn changes(rows: Vec<SettingRow>) -> Result<Vec<SettingChange>, LedgerError> {
    rows.into_iter().filter_map(|row| row.into_change().transpose()).collect()
}

/// What is in force by the last row, if there is one.
pub(crate) fn in_force(last: Option<(i64, String)>) -> Result<SettingsInForce, LedgerError> {
    let Some((seq, text)) = last else { return Ok(SettingsInForce::default()) };
    let number = count(seq, "setting_changes.seq")?;
    Ok(SettingsInForce { number, overrides: name(&text, "setting_changes.in_force")? })
}

/// The number as its column holds it.
pub(crate) fn seq(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
