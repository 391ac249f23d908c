//! API clients, and the signatures that were accepted. No decision reads them.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::Binary;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;
use trial_core::audit::ChangedBy;
use trial_core::clients::{
    ApiClient, ApiClientAdded, ApiClientChange, ApiClientChanged, ApiClientName, ApiClientRefusal, SeenSignature,
};
use trial_core::error::LedgerError;
use trial_core::ports::ApiClients;

use super::PostgresLedger;
use super::fault::Trouble;
use super::operations::append_audit;
use super::set::{Column, Set};
use super::transaction::Kind;
use crate::client_rows::{CallerRow, added, changed, forgotten, in_order, news};
use crate::convert::{micros, readable};
use crate::schema::{caller_signatures, callers};

#[async_trait]
impl ApiClients for PostgresLedger {
    /// Under the admission lock, so that of two additions with one name, the second sees the first.
    async fn add_caller(&self, caller: ApiClient, by: ChangedBy) -> Result<ApiClientAdded, LedgerError> {
        let asked = Arc::new((caller, by));
        self.in_transaction(Kind::Turn, move |conn| add(conn, Arc::clone(&asked)).boxed()).await
    }

    async fn callers(&self, limit: u32) -> Result<Vec<ApiClient>, LedgerError> {
        self.in_transaction(Kind::Read, move |conn| list(conn, limit).boxed()).await
    }

    async fn caller_by_key(&self, access_key: String) -> Result<Option<ApiClient>, LedgerError> {
        // PostgreSQL's texts have no such character, so that no client has.
        if access_key.contains('\0') {
            return Ok(None);
        }
        let access_key = Arc::new(access_key);
        self.in_transaction(Kind::Read, move |conn| of_key(conn, Arc::clone(&access_key)).boxed()).await
    }

    /// Under the admission lock, so that of two changes at once, the second sees the first.
    async fn change_caller(
        &self,
        name: ApiClientName,
        change: ApiClientChange,
        by: ChangedBy,
    ) -> Result<ApiClientChanged, LedgerError> {
        let asked = Arc::new((name, change, by));
        self.in_transaction(Kind::Turn, move |conn| alter(conn, Arc::clone(&asked)).boxed()).await
    }

    async fn knows_signature(&self, signature: [u8; 32]) -> Result<bool, LedgerError> {
        self.in_transaction(Kind::Read, move |conn| knows(conn, signature).boxed()).await
    }

    /// The second of two waits for the commit of the first, and learns that the signature is known.
    async fn remember_signatures(
        &self,
        seen: Vec<SeenSignature>,
        now: DateTime<Utc>,
    ) -> Result<Vec<bool>, LedgerError> {
        let seen = Arc::new(seen);
        self.in_transaction(Kind::Write, move |conn| remember(conn, Arc::clone(&seen), micros(now)).boxed()).await
    }
}

async fn list(mut conn: &AsyncPgConnection, limit: u32) -> Result<Vec<ApiClient>, Trouble> {
    let newest = callers::table.order(callers::id.desc()).limit(limit.into());
    let rows: Vec<CallerRow> = newest.select(CallerRow::as_select()).load(&mut conn).await?;
    Ok(readable(rows)?)
}

async fn of_key(mut conn: &AsyncPgConnection, access_key: Arc<String>) -> Result<Option<ApiClient>, Trouble> {
    let found = callers::table.filter(callers::access_key.eq(&*access_key));
    let row: Option<CallerRow> = found.select(CallerRow::as_select()).get_result(&mut conn).await.optional()?;
    Ok(row.map(ApiClient::try_from).transpose()?)
}

/// The client of a name that is not removed.
async fn holder(mut conn: &AsyncPgConnection, name: &ApiClientName) -> Result<Option<ApiClient>, Trouble> {
    let of_name = callers::table.filter(callers::name_key.eq(name.key())).filter(callers::removed_at.is_null());
    let row: Option<CallerRow> = of_name.select(CallerRow::as_select()).get_result(&mut conn).await.optional()?;
    Ok(row.map(ApiClient::try_from).transpose()?)
}

async fn add(mut conn: &AsyncPgConnection, asked: Arc<(ApiClient, ChangedBy)>) -> Result<ApiClientAdded, Trouble> {
    let (caller, by) = &*asked;
    if holder(conn, &caller.name).await?.is_some() {
        return Ok(ApiClientAdded::NameTaken);
    }
    diesel::insert_into(callers::table).values(CallerRow::from(caller)).execute(&mut conn).await?;
    append_audit(conn, by, "caller.add", caller.name.as_str(), added(caller)).await?;
    Ok(ApiClientAdded::Done)
}

async fn alter(
    mut conn: &AsyncPgConnection,
    asked: Arc<(ApiClientName, ApiClientChange, ChangedBy)>,
) -> Result<ApiClientChanged, Trouble> {
    let (name, change, by) = &*asked;
    let Some(before) = holder(conn, name).await? else {
        return Ok(ApiClientChanged::Refused(ApiClientRefusal::Unknown));
    };
    let after = match before.changed(change, by.at) {
        Ok(after) => after,
        Err(refusal) => return Ok(ApiClientChanged::Refused(refusal)),
    };
    let (row, detail) = changed(change, &before, &after);
    diesel::update(callers::table.find(before.id.as_bytes().as_slice())).set(row).execute(&mut conn).await?;
    append_audit(conn, by, change.action(), before.name.as_str(), detail).await?;
    Ok(ApiClientChanged::Done(Box::new(after)))
}

async fn knows(mut conn: &AsyncPgConnection, signature: [u8; 32]) -> Result<bool, Trouble> {
    let known = caller_signatures::table.find(signature.as_slice());
    Ok(diesel::select(diesel::dsl::exists(known)).get_result(&mut conn).await?)
}

/// All in one order, so that no two instances deadlock.
async fn remember(mut conn: &AsyncPgConnection, seen: Arc<Vec<SeenSignature>>, now: i64) -> Result<Vec<bool>, Trouble> {
    let sorted = in_order(&seen);
    let columns = vec![
        Column::bytes(&sorted, |seen| seen.signature.as_slice()),
        Column::numbers(&sorted, |seen| micros(seen.expires_at)),
    ];
    let insert = Set::over(
        "INSERT INTO caller_signatures (signature, expires_at) SELECT * FROM unnest(",
        columns,
        ") ON CONFLICT DO NOTHING RETURNING signature",
    );
    let stored: Vec<Vec<u8>> = insert.returning::<Binary>().load(&mut conn).await?;
    let over = Set::new(
        vec![
            (
                "DELETE FROM caller_signatures WHERE signature IN (SELECT signature FROM caller_signatures \
                 WHERE expires_at <= ",
                Column::Number(now),
            ),
            (" ORDER BY expires_at LIMIT ", Column::Number(forgotten(stored.len()))),
        ],
        " FOR UPDATE SKIP LOCKED)",
    );
    over.execute(&mut conn).await?;
    Ok(news(&seen, stored))
}
