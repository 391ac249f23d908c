//! Queries and changes of number ranges by operators.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;
use trial_core::audit::ChangedBy;
use trial_core::error::LedgerError;
use trial_core::fraud_guard::{RangeBlockRecord, SafeOutcome, SafeRange};
use trial_core::ports::NumberRanges;
use trial_core::values::NumberRange;

use super::PostgresLedger;
use super::fault::Trouble;
use super::load;
use super::persist;
use super::set::storable;
use super::transaction::Kind;
use crate::convert::{micros, readable};
use crate::number_range_rows::{BlockRow, SafeRow};
use crate::schema::{prefix_blocks, safe_prefixes};

#[async_trait]
impl NumberRanges for PostgresLedger {
    async fn prefix_blocks(&self, now: DateTime<Utc>, limit: u32) -> Result<Vec<RangeBlockRecord>, LedgerError> {
        self.in_transaction(Kind::Read, move |conn| blocks(conn, now, limit).boxed()).await
    }

    async fn safe_prefixes(&self) -> Result<Vec<SafeRange>, LedgerError> {
        self.in_transaction(Kind::Read, move |conn| listed(conn).boxed()).await
    }

    async fn release_prefix(
        &self,
        prefix: NumberRange,
        by: ChangedBy,
    ) -> Result<Option<RangeBlockRecord>, LedgerError> {
        let by = Arc::new(by);
        self.in_transaction(Kind::Turn, move |conn| release(conn, prefix, Arc::clone(&by)).boxed()).await
    }

    async fn add_safe_prefix(&self, safe: SafeRange, by: ChangedBy) -> Result<SafeOutcome, LedgerError> {
        let asked = Arc::new((safe, by));
        self.in_transaction(Kind::Turn, move |conn| add(conn, Arc::clone(&asked)).boxed()).await
    }

    async fn remove_safe_prefix(&self, prefix: NumberRange, by: ChangedBy) -> Result<bool, LedgerError> {
        let by = Arc::new(by);
        self.in_transaction(Kind::Turn, move |conn| remove(conn, prefix, Arc::clone(&by)).boxed()).await
    }
}

async fn blocks(
    mut conn: &AsyncPgConnection,
    now: DateTime<Utc>,
    limit: u32,
) -> Result<Vec<RangeBlockRecord>, Trouble> {
    let rows: Vec<BlockRow> = prefix_blocks::table
        .filter(prefix_blocks::until.gt(micros(now)))
        .order((prefix_blocks::until.desc(), prefix_blocks::prefix))
        .limit(limit.into())
        .select(BlockRow::as_select())
        .load(&mut conn)
        .await?;
    Ok(readable(rows)?)
}

async fn listed(mut conn: &AsyncPgConnection) -> Result<Vec<SafeRange>, Trouble> {
    let safe = safe_prefixes::table.order(safe_prefixes::prefix).select(SafeRow::as_select());
    let rows: Vec<SafeRow> = safe.load(&mut conn).await?;
    Ok(readable(rows)?)
}

async fn release(
    mut conn: &AsyncPgConnection,
    prefix: NumberRange,
    by: Arc<ChangedBy>,
) -> Result<Option<RangeBlockRecord>, Trouble> {
    let last = prefix_blocks::table.find(prefix.as_stored()).select(BlockRow::as_select());
    let Some(row) = last.first::<BlockRow>(&mut conn).await.optional()? else { return Ok(None) };
    let before = RangeBlockRecord::try_from(row)?;
    let Some(block) = before.block.released(by.at) else { return Ok(None) };
    persist::block_prefix(conn, &RangeBlockRecord { prefix, block }).await?;
    persist::audit(conn, &before.release_entry((*by).clone())).await?;
    Ok(Some(before))
}

async fn add(mut conn: &AsyncPgConnection, asked: Arc<(SafeRange, ChangedBy)>) -> Result<SafeOutcome, Trouble> {
    let (safe, by) = &*asked;
    let outcome = safe.decide(&load::safe_list(conn).await?);
    if outcome == SafeOutcome::Added {
        let row = (
            safe_prefixes::prefix.eq(safe.prefix.as_stored()),
            safe_prefixes::reason.eq(safe.reason.as_str()),
            safe_prefixes::at.eq(micros(safe.at)),
            safe_prefixes::actor.eq(storable(&safe.actor)),
        );
        diesel::insert_into(safe_prefixes::table).values(row).execute(&mut conn).await?;
        persist::audit(conn, &safe.added_entry(by.clone())).await?;
    }
    Ok(outcome)
}

async fn remove(mut conn: &AsyncPgConnection, prefix: NumberRange, by: Arc<ChangedBy>) -> Result<bool, Trouble> {
    let row = safe_prefixes::table.find(prefix.as_stored());
    let found = row.select(SafeRow::as_select()).first::<SafeRow>(&mut conn).await.optional()?;
    let Some(found) = found else { return Ok(false) };
    diesel::delete(row).execute(&mut conn).await?;
    persist::audit(conn, &SafeRange::try_from(found)?.removed_entry((*by).clone())).await?;
    Ok(true)
}
