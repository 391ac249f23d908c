//! Queries and changes of number ranges by operators.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use trial_core::audit::{AuditRecord, ChangedBy};
use trial_core::error::LedgerError;
use trial_core::fraud_guard::{RangeBlockRecord, SafeOutcome, SafeRange};
use trial_core::ports::NumberRanges;
use trial_core::values::NumberRange;

use super::{SqliteLedger, fault, load, persist};
use crate::convert::{micros, readable};
use crate::number_range_rows::{BlockRow, SafeRow};
use crate::rows::NewAudit;
use crate::schema::{audit, prefix_blocks, safe_prefixes};

#[async_trait]
impl NumberRanges for SqliteLedger {
    async fn prefix_blocks(&self, now: DateTime<Utc>, limit: u32) -> Result<Vec<RangeBlockRecord>, LedgerError> {
        let blocks = move |conn: &mut SqliteConnection| {
            let rows: Vec<BlockRow> = prefix_blocks::table
                .filter(prefix_blocks::until.gt(micros(now)))
                .order((prefix_blocks::until.desc(), prefix_blocks::prefix))
                .limit(limit.into())
                .select(BlockRow::as_select())
                .load(conn)
                .map_err(fault)?;
            readable(rows)
        };
        self.reader().run(blocks).await
    }

    async fn safe_prefixes(&self) -> Result<Vec<SafeRange>, LedgerError> {
        let listed = |conn: &mut SqliteConnection| {
            let rows = safe_prefixes::table.order(safe_prefixes::prefix).select(SafeRow::as_select());
            readable::<SafeRow, _>(rows.load(conn).map_err(fault)?)
        };
        self.reader().run(listed).await
    }

    async fn release_prefix(
        &self,
        prefix: NumberRange,
        by: ChangedBy,
    ) -> Result<Option<RangeBlockRecord>, LedgerError> {
        self.writer.transact(move |conn| release(conn, prefix, by)).await
    }

    async fn add_safe_prefix(&self, safe: SafeRange, by: ChangedBy) -> Result<SafeOutcome, LedgerError> {
        self.writer.transact(move |conn| add(conn, &safe, by)).await
    }

    async fn remove_safe_prefix(&self, prefix: NumberRange, by: ChangedBy) -> Result<bool, LedgerError> {
        self.writer.transact(move |conn| remove(conn, prefix, by)).await
    }
}

fn release(
    conn: &mut SqliteConnection,
    prefix: NumberRange,
    by: ChangedBy,
) -> Result<Option<RangeBlockRecord>, LedgerError> {
    let Some(block) = load::last_block(conn, prefix)? else { return Ok(None) };
    let Some(released) = block.released(by.at) else { return Ok(None) };
    persist::block_prefix(conn, &RangeBlockRecord { prefix, block: released })?;
    let before = RangeBlockRecord { prefix, block };
    write(conn, &before.release_entry(by))?;
    Ok(Some(before))
}

fn add(conn: &mut SqliteConnection, safe: &SafeRange, by: ChangedBy) -> Result<SafeOutcome, LedgerError> {
    let outcome = safe.decide(&load::safe_prefixes(conn)?);
    if outcome == SafeOutcome::Added {
        diesel::insert_into(safe_prefixes::table).values(SafeRow::from(safe)).execute(conn).map_err(fault)?;
        write(conn, &safe.added_entry(by))?;
    }
    Ok(outcome)
}

fn remove(conn: &mut SqliteConnection, prefix: NumberRange, by: ChangedBy) -> Result<bool, LedgerError> {
    let row = safe_prefixes::table.find(prefix.as_stored());
    let found = row.select(SafeRow::as_select()).first(conn).optional().map_err(fault)?;
    let Some(found) = found else { return Ok(false) };
    diesel::delete(row).execute(conn).map_err(fault)?;
    write(conn, &SafeRange::try_from(found)?.removed_entry(by))?;
    Ok(true)
}

fn write(conn: &mut SqliteConnection, record: &AuditRecord) -> Result<(), LedgerError> {
    diesel::insert_into(audit::table).values(NewAudit::from(record)).execute(conn).map(drop).map_err(fault)
}
