//! Runtime settings changed by operators.

use std::sync::Arc;

use async_trait::async_trait;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;
use trial_core::audit::ChangedBy;
use trial_core::error::LedgerError;
use trial_core::policy::{Policy, SettingChange, SettingCommand, SettingKey, SettingOutcome, SettingsInForce};
use trial_core::ports::SettingsStore;

use super::PostgresLedger;
use super::fault::Trouble;
use super::operations::append_audit;
use super::set::storable;
use super::transaction::Kind;
use crate::convert::micros;
use crate::schema::setting_changes;
use crate::setting_rows::{SettingRow, changes, in_force, seq};

#[async_trait]
impl SettingsStore for PostgresLedger {
    async fn settings(&self) -> Result<SettingsInForce, LedgerError> {
        self.in_transaction(Kind::Read, move |conn| last(conn).boxed()).await
    }

    async fn setting_changes(&self, key: Option<SettingKey>, limit: u32) -> Result<Vec<SettingChange>, LedgerError> {
        self.in_transaction(Kind::Read, move |conn| history(conn, key, limit).boxed()).await
    }

    /// Under the admission lock, so that every decision is either before it or after it.
    async fn change_setting(
        &self,
        order: SettingCommand,
        configured: Arc<Policy>,
        by: ChangedBy,
    ) -> Result<SettingOutcome, LedgerError> {
        let asked = Arc::new((order, configured, by));
        self.in_transaction(Kind::Turn, move |conn| change(conn, Arc::clone(&asked)).boxed()).await
    }
}

async fn last(mut conn: &AsyncPgConnection) -> Result<SettingsInForce, Trouble> {
    let newest = setting_changes::table.order(setting_changes::seq.desc()).limit(1);
    let last = newest.select((setting_changes::seq, setting_changes::in_force)).get_result(&mut conn).await;
    Ok(in_force(last.optional()?)?)
}

async fn history(
    mut conn: &AsyncPgConnection,
    key: Option<SettingKey>,
    limit: u32,
) -> Result<Vec<SettingChange>, Trouble> {
    let newest =
        setting_changes::table.order(setting_changes::seq.desc()).limit(limit.into()).select(SettingRow::as_select());
    let rows: Vec<SettingRow> = match key {
        Some(key) => newest.filter(setting_changes::setting.eq(key.as_str())).load(&mut conn).await?,
        None => newest.load(&mut conn).await?,
    };
    Ok(changes(rows))
}

async fn change(
    mut conn: &AsyncPgConnection,
    asked: Arc<(SettingCommand, Arc<Policy>, ChangedBy)>,
) -> Result<SettingOutcome, Trouble> {
    let (order, configured, by) = &*asked;
    let before = last(conn).await?;
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
            setting_changes::actor.eq(storable(&by.actor)),
        ))
        .execute(&mut conn)
        .await?;
    let detail = order.audit_detail(&before, configured);
    append_audit(conn, by, order.audit_action(), order.key.as_str(), detail).await?;
    Ok(SettingOutcome::Changed(SettingsInForce { number, overrides }))
}
