//! Runtime settings changed by operators.

use std::sync::Arc;

use async_trait::async_trait;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use trial_core::audit::ChangedBy;
use trial_core::error::LedgerError;
use trial_core::policy::{Policy, SettingChange, SettingCommand, SettingKey, SettingOutcome, SettingsInForce};
use trial_core::ports::SettingsStore;

use super::operations::append_audit;
use super::{SqliteLedger, fault};
use crate::convert::micros;
use crate::schema::setting_changes;
use crate::setting_rows::{SettingRow, changes, in_force, seq};

#[async_trait]
impl SettingsStore for SqliteLedger {
    async fn settings(&self) -> Result<SettingsInForce, LedgerError> {
        self.reader().run(last).await
    }

    async fn setting_changes(&self, key: Option<SettingKey>, limit: u32) -> Result<Vec<SettingChange>, LedgerError> {
        self.reader()
            .run(move |conn| {
                let newest = setting_changes::table
                    .order(setting_changes::seq.desc())
                    .limit(limit.into())
                    .select(SettingRow::as_select());
                let rows = match key {
                    Some(key) => newest.filter(setting_changes::setting.eq(key.as_str())).load(conn),
                    None => newest.load(conn),
                };
                Ok(changes(rows.map_err(fault)?))
            })
            .await
    }

    async fn change_setting(
        &self,
        order: SettingCommand,
        configured: Arc<Policy>,
        by: ChangedBy,
    ) -> Result<SettingOutcome, LedgerError> {
        self.writer.transact(move |conn| change(conn, order, &configured, &by)).await
    }
}

/// The settings in force after the last change.
pub(super) fn last(conn: &mut SqliteConnection) -> Result<SettingsInForce, LedgerError> {
    let newest = setting_changes::table.order(setting_changes::seq.desc());
    let last = newest.select((setting_changes::seq, setting_changes::in_force)).get_result(conn).optional();
    in_force(last.map_err(fault)?)
}

fn change(
    conn: &mut SqliteConnection,
    order: SettingCommand,
    configured: &Policy,
    by: &ChangedBy,
) -> Result<SettingOutcome, LedgerError> {
    let before = last(conn)?;
    let overrides = match order.decide(&before, configured) {
        Err(refusal) => return Ok(SettingOutcome::Refused(refusal)),
        Ok(None) => return Ok(SettingOutcome::AlreadySo(before)),
        Ok(Some(overrides)) => overrides,
    };
    let number = before.number + 1;
    diesel::insert_into(setting_changes::table)
        .values((
            setting_changes::seq.eq(seq(number)),
            setting_changes::setting.eq(order.key.as_str()),
            setting_changes::value.eq(order.value.map(|value| value.to_string())),
            setting_changes::in_force.eq(overrides.to_string()),
            setting_changes::at.eq(micros(by.at)),
            setting_changes::actor.eq(&by.actor),
        ))
        .execute(conn)
        .map_err(fault)?;
    append_audit(conn, by, order.audit_action(), order.key.as_str(), order.audit_detail(&before, configured))?;
    Ok(SettingOutcome::Changed(SettingsInForce { number, overrides }))
}
