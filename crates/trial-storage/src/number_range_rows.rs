//! Rows of number ranges, for both databases.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use trial_core::error::LedgerError;
use trial_core::fraud_guard::{CountSpan, PREFIX_COUNTS_KEEP, RangeBlock, RangeBlockRecord, SafeRange, SafeReason};
use trial_core::values::NumberRange;

use crate::convert::{bad, count, micros, time};
use crate::privacy::Sql;
use crate::schema::{prefix_blocks, safe_prefixes};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = prefix_blocks)]
pub(crate) struct BlockRow {
    pub(crate) prefix: i64,
    pub(crate) since: i64,
    pub(crate) until: i64,
    pub(crate) sent: i64,
    pub(crate) used: i64,
    pub(crate) met: i64,
    pub(crate) counted_after: i32,
}

impl From<&RangeBlockRecord> for BlockRow {
    fn from(record: &RangeBlockRecord) -> Self {
        let RangeBlock { since, until, sent, used, met, counted_after } = record.block;
        Self {
            prefix: record.prefix.as_stored(),
            since: micros(since),
            until: micros(until),
            sent: sent.into(),
            used: used.into(),
            met: met.into(),
            counted_after: counted_after.as_stored(),
        }
    }
}

impl TryFrom<BlockRow> for RangeBlockRecord {
    type Error = LedgerError;

    fn try_from(row: BlockRow) -> Result<Self, LedgerError> {
        let block = RangeBlock {
            since: time(row.since, "prefix_blocks.since")?,
            until: time(row.until, "prefix_blocks.until")?,
            sent: count(row.sent, "prefix_blocks.sent")?,
            used: count(row.used, "prefix_blocks.used")?,
            met: count(row.met, "prefix_blocks.met")?,
            counted_after: CountSpan::from_stored(row.counted_after),
        };
        Ok(Self { prefix: prefix(row.prefix, "prefix_blocks.prefix")?, block })
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = safe_prefixes)]
pub(crate) struct SafeRow {
    prefix: i64,
    reason: String,
    at: i64,
    actor: String,
}

impl From<&SafeRange> for SafeRow {
    fn from(safe: &SafeRange) -> Self {
        Self {
            prefix: safe.prefix.as_stored(),
            reason: safe.reason.as_str().to_owned(),
            at: micros(safe.at),
            actor: safe.actor.clone(),
        }
    }
}

impl TryFrom<SafeRow> for SafeRange {
    type Error = LedgerError;

    fn try_from(row: SafeRow) -> Result<Self, LedgerError> {
        Ok(Self {
            prefix: prefix(row.prefix, "safe_prefixes.prefix")?,
            reason: SafeReason::from_stored(row.reason),
            at: time(row.at, "safe_prefixes.at")?,
            actor: row.actor,
        })
    }
}

pub(crate) fn prefix(stored: i64, column: &'static str) -> Result<NumberRange, LedgerError> {
    NumberRange::from_stored(stored).ok_or_else(|| bad(column))
}

/// The ranges of a column.
pub(crate) fn prefixes(stored: Vec<i64>, column: &'static str) -> Result<Vec<NumberRange>, LedgerError> {
    stored.into_iter().map(|stored| prefix(stored, column)).collect()
}

/// The statements that delete counts that are too old to matter, and blocks that expired as long ago.
pub(crate) fn expiry(now: DateTime<Utc>) -> [Sql; 2] {
    let kept_from = CountSpan::kept_from(now).as_stored();
    [
        Sql::new("DELETE FROM prefix_spans WHERE span < ").number(kept_from.into()),
        Sql::new("DELETE FROM prefix_blocks WHERE until < ").number(micros(now - PREFIX_COUNTS_KEEP)),
    ]
}
