//! Rows of changed settings, for both databases.

use diesel::prelude::*;
use trial_core::error::LedgerError;
use trial_core::policy::{SettingChange, SettingKey, SettingsInForce};

use crate::convert::{count, shown};
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
    /// The change; `None` for a setting or a value that only another release knows.
    fn into_change(self) -> Option<SettingChange> {
        let key: SettingKey = self.setting.parse().ok()?;
        let value = self.value.map(|value| key.parse(&value)).transpose().ok()?;
        let number = u64::try_from(self.seq).ok()?;
        Some(SettingChange { number, key, value, at: shown(self.at), actor: self.actor })
    }
}

/// The changes of these rows.
pub(crate) fn changes(rows: Vec<SettingRow>) -> Vec<SettingChange> {
    rows.into_iter().filter_map(SettingRow::into_change).collect()
}

/// The settings in force by the last row, if any.
pub(crate) fn in_force(last: Option<(i64, String)>) -> Result<SettingsInForce, LedgerError> {
    let Some((seq, text)) = last else { return Ok(SettingsInForce::default()) };
    let number = count(seq, "setting_changes.seq")?;
    Ok(SettingsInForce { number, overrides: text.as_str().into() })
}

/// The number as stored.
pub(crate) fn seq(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
