//! Warnings to operations before applicants are refused: an access-code pool that runs low, a daily limit that is
//! nearly used up.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};

use crate::access_codes::PoolOutlook;
use crate::mails::{MailRecord, RefusedMail};
use crate::policy::Policy;
use crate::quota::QuotaView;

/// Percentages of the daily e-mail limit at which operations are warned, the most urgent first.
pub const QUOTA_LEVELS: [u32; 3] = [100, 90, 70];
/// Recipients whose mails are refused with the same reply before operations are warned.
const ALIKE: usize = 3;
/// Refusals older than this are not compared.
pub const REFUSALS_WITHIN: Duration = Duration::from_hours(1);
/// The most of a refusal that a warning repeats, in characters.
const MAX_REFUSAL: usize = 120;

/// A warning to operations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The day it belongs to; of each name there is one a day.
    pub day: NaiveDate,
    /// The name: `pool.voice.low`, `quota.90`, `owner_mails.70`.
    pub name: String,
    /// When it was noticed.
    pub at: DateTime<Utc>,
    /// The warning, in words.
    pub words: String,
}

/// A warning with the mails that carry it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWarning {
    /// The warning.
    pub warning: Warning,
    /// Mails of kind `warning`, one for each reader.
    pub mails: Vec<MailRecord>,
}

/// The warnings that are due now.
pub fn warnings(pool: &[PoolOutlook], quota: &QuotaView, policy: &Policy, at: DateTime<Utc>) -> Vec<Warning> {
    let warning = |name, words| Warning { day: quota.used.day, name, at, words };
    let of_pool = pool.iter().filter(|pool| pool.stock.free <= policy.trial.low_water).map(|pool| {
        let (kind, free) = (pool.stock.kind, pool.stock.free);
        let level = if free == 0 { "empty" } else { "low" };
        let lasts = match pool.days_until_empty() {
            Some(days) if free > 0 => format!(", enough for {days:.1} days"),
            _ => String::new(),
        };
        warning(format!("pool.{kind}.{level}"), format!("{kind} access codes: {free} free{lasts}"))
    });
    let of_quota = level(quota.used.reserved, quota.threshold).map(|level| {
        let words = format!("daily e-mail limit: {} of {} used today", quota.used.reserved, quota.threshold);
        warning(format!("quota.{level}"), words)
    });
    let (caused, limit) = (quota.used.owners.reserved, quota.owner_limit);
    // With no mail for owners at all, nothing runs out.
    let of_owners = level(caused, limit).filter(|_| limit > 0).map(|level| {
        let words = format!("mails caused by owners: {caused} of {limit} used today");
        warning(format!("owner_mails.{level}"), words)
    });
    of_pool.chain(of_quota).chain(of_owners).collect()
}

/// One warning for each reply code with which several recipients' mails are refused alike: then the cause is ours.
pub fn refusal_warnings(refused: &[RefusedMail], day: NaiveDate, at: DateTime<Utc>) -> Vec<Warning> {
    let mut alike: BTreeMap<(String, String), BTreeSet<&str>> = BTreeMap::new();
    for RefusedMail { to, reply } in refused {
        alike.entry((digits(reply).unwrap_or("unreached").to_owned(), folded(reply))).or_default().insert(to);
    }
    let mut worst: BTreeMap<String, (usize, String)> = BTreeMap::new();
    for ((code, words), recipients) in alike {
        let most = worst.entry(code).or_default();
        if recipients.len() > most.0 {
            *most = (recipients.len(), words);
        }
    }
    let warning = |(code, (recipients, words)): (String, (usize, String))| Warning {
        day,
        name: format!("mails.refused.{code}"),
        at,
        words: format!("mails to {recipients} recipients are refused with the same reply: {words}"),
    };
    worst.into_iter().filter(|(_, (recipients, _))| *recipients >= ALIKE).map(warning).collect()
}

/// The three digits of a server's reply in our text of it.
fn digits(reply: &str) -> Option<&str> {
    let is_code = |word: &&str| word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_digit());
    reply.split(' ').find(is_code)
}

/// The text that refusals of one cause share: no names, no numbers but the codes, no ids.
fn folded(reply: &str) -> String {
    let is_shared = |word: &&str| {
        let has_id = word.len() > 6 && word.bytes().any(|byte| byte.is_ascii_digit());
        !has_id && !word.contains(['@', '*', '/', '<', '[', '='])
    };
    reply.split_whitespace().filter(is_shared).collect::<Vec<_>>().join(" ").chars().take(MAX_REFUSAL).collect()
}

/// The most urgent level that is reached.
fn level(taken: u32, limit: u32) -> Option<u32> {
    let is_reached = |level: &u32| u64::from(taken) * 100 >= u64::from(limit) * u64::from(*level);
    QUOTA_LEVELS.into_iter().find(is_reached)
}
