//! API clients, and the signatures that were accepted.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use trial_core::audit::ChangedBy;
use trial_core::clients::{
    ApiClient, ApiClientAdded, ApiClientChange, ApiClientChanged, ApiClientName, ApiClientRefusal, SeenSignature,
};
use trial_core::error::LedgerError;
use trial_core::ports::ApiClients;

use super::operations::append_audit;
use super::{SqliteLedger, fault};
use crate::client_rows::{CallerRow, added, changed, forgotten, in_order, news};
use crate::convert::{micros, readable};
use crate::schema::{caller_signatures, callers};
use crate::statement::{Bind, Statement};

#[async_trait]
impl ApiClients for SqliteLedger {
    async fn add_caller(&self, caller: ApiClient, by: ChangedBy) -> Result<ApiClientAdded, LedgerError> {
        self.writer.transact(move |conn| add(conn, &caller, &by)).await
    }

    async fn callers(&self, limit: u32) -> Result<Vec<ApiClient>, LedgerError> {
        self.reader()
            .run(move |conn| {
                let newest = callers::table.order(callers::id.desc()).limit(limit.into());
                let rows = newest.select(CallerRow::as_select()).load(conn).map_err(fault)?;
                readable(rows)
            })
            .await
    }

    async fn caller_by_key(&self, access_key: String) -> Result<Option<ApiClient>, LedgerError> {
        self.reader()
            .run(move |conn| {
                let of_key = callers::table.filter(callers::access_key.eq(access_key));
                let row = of_key.select(CallerRow::as_select()).first(conn).optional().map_err(fault)?;
                row.map(ApiClient::try_from).transpose()
            })
            .await
    }

    async fn change_caller(
        &self,
        name: ApiClientName,
        change: ApiClientChange,
        by: ChangedBy,
    ) -> Result<ApiClientChanged, LedgerError> {
        self.writer.transact(move |conn| alter(conn, &name, &change, &by)).await
    }

    async fn knows_signature(&self, signature: [u8; 32]) -> Result<bool, LedgerError> {
        self.reader()
            .run(move |conn| {
                let known = caller_signatures::table.find(signature.as_slice());
                diesel::select(diesel::dsl::exists(known)).get_result(conn).map_err(fault)
            })
            .await
    }

    async fn remember_signatures(
        &self,
        seen: Vec<SeenSignature>,
        now: DateTime<Utc>,
    ) -> Result<Vec<bool>, LedgerError> {
        self.writer.transact(move |conn| remember(conn, &seen, micros(now))).await
    }
}

/// The client of a name that is not removed.
fn holder(conn: &mut SqliteConnection, name: &ApiClientName) -> Result<Option<ApiClient>, LedgerError> {
    let of_name = callers::table.filter(callers::name_key.eq(name.key())).filter(callers::removed_at.is_null());
    let row = of_name.select(CallerRow::as_select()).first(conn).optional().map_err(fault)?;
    row.map(ApiClient::try_from).transpose()
}

fn add(conn: &mut SqliteConnection, caller: &ApiClient, by: &ChangedBy) -> Result<ApiClientAdded, LedgerError> {
    if holder(conn, &caller.name)?.is_some() {
        return Ok(ApiClientAdded::NameTaken);
    }
    diesel::insert_into(callers::table).values(CallerRow::from(caller)).execute(conn).map_err(fault)?;
    append_audit(conn, by, "caller.add", caller.name.as_str(), added(caller))?;
    Ok(ApiClientAdded::Done)
}

fn alter(
    conn: &mut SqliteConnection,
    name: &ApiClientName,
    change: &ApiClientChange,
    by: &ChangedBy,
) -> Result<ApiClientChanged, LedgerError> {
    let Some(before) = holder(conn, name)? else { return Ok(ApiClientChanged::Refused(ApiClientRefusal::Unknown)) };
    let after = match before.changed(change, by.at) {
        Ok(after) => after,
        Err(refusal) => return Ok(ApiClientChanged::Refused(refusal)),
    };
    let (row, detail) = changed(change, &before, &after);
    let stored = callers::table.find(before.id.as_bytes().as_slice());
    diesel::update(stored).set(row).execute(conn).map_err(fault)?;
    append_audit(conn, by, change.action(), before.name.as_str(), detail)?;
    Ok(ApiClientChanged::Done(Box::new(after)))
}

fn remember(conn: &mut SqliteConnection, seen: &[SeenSignature], now: i64) -> Result<Vec<bool>, LedgerError> {
    let mut stored = Vec::new();
    for new in in_order(seen) {
        let pieces = [
            ("INSERT INTO caller_signatures (signature, expires_at) VALUES (", Bind::Bytes(&new.signature)),
            (", ", Bind::Number(micros(new.expires_at))),
            (") ON CONFLICT DO NOTHING", Bind::Nothing),
        ];
        if Statement(&pieces).execute(conn).map_err(fault)? > 0 {
            stored.push(new.signature.to_vec());
        }
    }
    let over = caller_signatures::table
        .filter(caller_signatures::expires_at.le(now))
        .order(caller_signatures::expires_at)
        .limit(forgotten(stored.len()))
        .select(caller_signatures::signature);
    let over: Vec<Vec<u8>> = over.load(conn).map_err(fault)?;
    for old in &over {
        diesel::delete(caller_signatures::table.find(old)).execute(conn).map_err(fault)?;
    }
    Ok(news(seen, stored))
}
