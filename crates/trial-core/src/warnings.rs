//! What operations are warned of before applicants are refused for it: a pool that runs low, a threshold that is nearly taken.

use chrono::{DateTime, NaiveDate, Utc};

use crate::{MailRecord, PoolOutlook, QuotaView};

/// Parts of the day's e-mail threshold, in per cent, at which operations are warned, the most urgent first.
pub const QUOTA_LEVELS: [u32; 3] = [100, 90, 70];

/// Something that operations have to look after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The day it belongs to; of each name there is one a day.
    pub day: NaiveDate,
    /// What it is called: `pool.voice.low`, `quota.90`.
    pub name: String,
    /// When it was noticed.
    pub at: DateTime<Utc>,
    /// What is so, in words.
    pub words: String,
}

/// A warning with the mails that tell of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WarningToTell {
    /// The warning.
    pub warning: Warning,
    /// Mails of kind `warning`, one for each reader.
    pub mails: Vec<MailRecord>,
}

/// What operations are to be warned of as things stand; `low_water` is how many free codes of a kind are too few.
pub fn warnings(pool: &[PoolOutlook], quota: &QuotaView, low_water: u64, at: DateTime<Utc>) -> Vec<Warning> {
    let warning = |name, words| Warning { day: quota.day, name, at, words };
    let of_pool = pool.iter().filter(|pool| pool.stock.free <= low_water).map(|pool| {
        let (kind, free) = (pool.stock.kind, pool.stock.free);
        let level = if free == 0 { "empty" } else { "low" };
        let lasts = match pool.days_until_empty() {
            Some(days) if free > 0 => format!(", enough for {days:.1} days"),
            _ => String::new(),
        };
        warning(format!("pool.{kind}.{level}"), format!("{kind} access codes: {free} free{lasts}"))
    });
    let is_taken = |level: &u32| u64::from(quota.reserved) * 100 >= u64::from(quota.threshold) * u64::from(*level);
    let of_quota = QUOTA_LEVELS.iter().find(|level| is_taken(level)).map(|level| {
        let words = format!("e-mail threshold: {} of {} taken today", quota.reserved, quota.threshold);
        warning(format!("quota.{level}"), words)
    });
    of_pool.chain(of_quota).collect()
}
