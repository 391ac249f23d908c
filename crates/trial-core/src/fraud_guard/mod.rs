//! The fraud guard: counts of paid messages by number range, and blocks of ranges.
//!
//! SMS pumping (artificially inflated traffic) has codes sent to numbers whose operator shares in the price. Nobody
//! reads them, and that is the sign: codes are sent to a block of numbers, and none of them is used.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use crate::audit::{AuditRecord, ChangedBy};
use crate::policy::{BreakerMode, BreakerPolicy, CLOCK_SKEW, Policy};
use crate::values::NumberRange;

/// The retention of counts by number range and of expired blocks: a day has up to 25 hours, and a block is judged by
/// one day.
pub const PREFIX_COUNTS_KEEP: Duration = Duration::from_hours(48);
/// Entries of the safe list, at most: every batch reads all of it.
pub const MAX_SAFE_PREFIXES: usize = 100;
/// Blocks that are listed, at most.
pub const MOST_BLOCKS: u32 = 1_000;
/// Characters of the reason for an entry of the safe list, at most.
const MAX_REASON: usize = 200;
/// The span of time that is counted together. Every day of every time zone begins with one.
const SPAN: Duration = Duration::from_mins(5);
/// The age up to which unused codes count.
const WINDOW: Duration = Duration::from_hours(24);

/// Five minutes that are counted together, numbered from 1970-01-01T00:00:00Z on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CountSpan(i32);

/// The counts that a batch is decided by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RangeBounds {
    /// The first span of the day, whose messages count.
    pub today: CountSpan,
    /// The last plausible span; a later one is of a clock that was set back since.
    pub latest: CountSpan,
    /// The spans whose codes are judged; `None` while the fraud guard is off.
    pub judged: Option<JudgedSpans>,
}

/// The spans whose codes are judged: those of a day whose codes can be used no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JudgedSpans {
    /// The first.
    pub from: CountSpan,
    /// The first one after them.
    pub until: CountSpan,
}

/// The counts of a number range in one span. A code counts once, in the span of its creation, however often it is
/// resent. Each of these can be negative if counting began between a message and the report that it was not sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RangeCounts {
    /// Messages.
    pub messages: i64,
    /// Codes that were sent.
    pub sent: i64,
    /// Codes that were submitted, with any outcome.
    pub used: i64,
}

/// Increments of the counts of one span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RangeCount {
    /// The number range.
    pub prefix: NumberRange,
    /// The span.
    pub span: CountSpan,
    /// The increments.
    pub more: RangeCounts,
}

/// A block of a number range, in force or only reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RangeBlock {
    /// The start.
    pub since: DateTime<Utc>,
    /// The end.
    pub until: DateTime<Utc>,
    /// Codes that it was judged by.
    pub sent: u32,
    /// The number of them that were used.
    pub used: u32,
    /// Requests that met it, refused or only reported.
    pub met: u32,
    /// Spans up to this one are not judged again.
    pub counted_after: CountSpan,
}

/// A block of a number range, as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RangeBlockRecord {
    /// The number range.
    pub prefix: NumberRange,
    /// Its last block.
    pub block: RangeBlock,
}

/// The block that a request for a code met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockedRange {
    /// The number range.
    pub prefix: NumberRange,
    /// Codes that it was judged by.
    pub sent: u32,
    /// The number of them that were used.
    pub used: u32,
    /// The end of the block.
    pub until: DateTime<Utc>,
    /// Ordinal of the request since the block; 1 triggered it.
    pub met: u32,
}

/// A number range that operations exempted from blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SafeRange {
    /// The number range; it covers all numbers that begin with it.
    pub prefix: NumberRange,
    /// The reason.
    pub reason: SafeReason,
    /// The time of the addition.
    pub at: DateTime<Utc>,
    /// The operator who added it.
    pub actor: String,
}

/// The reason for which a number range is safe: 1 to 200 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SafeReason(String);

/// The error for a text that is no reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must have 1 to {MAX_REASON} characters and no control characters")]
pub struct SafeReasonError;

/// The outcome of adding an entry to the safe list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SafeOutcome {
    /// It is on the list.
    Added,
    /// That very range was on it.
    AlreadySafe,
    /// The list is full.
    Full,
}

impl CountSpan {
    /// The span that an instant falls into.
    pub fn of(instant: DateTime<Utc>) -> Self {
        let number = instant.timestamp().div_euclid(SPAN.as_secs().cast_signed());
        Self(i32::try_from(number).unwrap_or(if number < 0 { i32::MIN } else { i32::MAX }))
    }

    /// Takes a span back from storage.
    pub fn from_stored(number: i32) -> Self {
        Self(number)
    }

    /// The number that is stored.
    pub fn as_stored(self) -> i32 {
        self.0
    }

    /// The first span whose counts are kept.
    pub fn kept_from(now: DateTime<Utc>) -> Self {
        Self::of(now - PREFIX_COUNTS_KEEP)
    }
}

impl RangeBounds {
    /// The bounds of a batch that is decided now.
    pub(crate) fn of(policy: &Policy, now: DateTime<Utc>) -> Self {
        let lives = policy.verification.code_cap + CLOCK_SKEW;
        let judged = JudgedSpans {
            from: CountSpan(CountSpan::of(now - WINDOW).0.saturating_add(1)),
            until: CountSpan::of(now - lives),
        };
        Self {
            today: CountSpan::of(policy.quota.start_of(policy.quota.day_of(now))),
            latest: CountSpan::of(now + CLOCK_SKEW),
            judged: (policy.abuse.breaker.mode != BreakerMode::Off).then_some(judged),
        }
    }

    /// Returns `true` if messages of this span count for the day.
    pub fn is_today(&self, span: CountSpan) -> bool {
        (self.today..=self.latest).contains(&span)
    }

    /// The spans whose codes are judged after this block, if there was one.
    pub fn judged_after(&self, block: Option<&RangeBlock>) -> Option<JudgedSpans> {
        let JudgedSpans { from, until } = self.judged?;
        let anew = block.map(|block| CountSpan(block.counted_after.0.saturating_add(1)));
        Some(JudgedSpans { from: anew.map_or(from, |anew| anew.max(from)), until })
    }

    /// Returns `true` if codes of this span are judged, given the last block of the range, if any.
    pub fn is_judged(&self, span: CountSpan, block: Option<&RangeBlock>) -> bool {
        self.judged_after(block).is_some_and(|judged| (judged.from..judged.until).contains(&span))
    }

    /// Returns `true` if a stored block is plausible.
    pub fn knows(&self, block: &RangeBlock) -> bool {
        self.judged.is_some() && block.counted_after <= self.latest
    }
}

impl RangeBlock {
    /// Returns `true` if the block is in force. One that begins in the future is not: after the clock was set back, it
    /// could last for years.
    pub fn is_in_force(&self, now: DateTime<Utc>) -> bool {
        self.since <= now + CLOCK_SKEW && now < self.until
    }

    /// The block after its release: it has ended, and codes sent so far are no longer judged. `None` if not in force.
    pub fn released(&self, now: DateTime<Utc>) -> Option<Self> {
        let released = Self { until: now, counted_after: CountSpan::of(now), ..*self };
        self.is_in_force(now).then_some(released)
    }
}

impl RangeBlockRecord {
    /// The block as a request meets it.
    pub fn met(&self) -> BlockedRange {
        let RangeBlock { until, sent, used, met, .. } = self.block;
        BlockedRange { prefix: self.prefix, sent, used, until, met }
    }

    /// The audit entry of its release.
    pub fn release_entry(&self, by: ChangedBy) -> AuditRecord {
        let RangeBlock { until, sent, used, .. } = self.block;
        let until = until.to_rfc3339_opts(SecondsFormat::Secs, true);
        let detail = format!("before blocked until {until} ({sent} codes sent, {used} used), after not blocked");
        by.entry("prefix.release", self.prefix.to_string(), detail)
    }
}

impl SafeReason {
    /// Reads a reason.
    ///
    /// # Errors
    /// [`SafeReasonError`] if it is empty, too long or has a control character.
    pub fn parse(text: &str) -> Result<Self, SafeReasonError> {
        let text = text.trim();
        let fits = !text.is_empty() && text.chars().count() <= MAX_REASON && !text.chars().any(char::is_control);
        if fits { Ok(Self(text.to_owned())) } else { Err(SafeReasonError) }
    }

    /// Takes a reason back from storage.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl SafeRange {
    /// An entry by this operator, now.
    pub fn added_by(by: &ChangedBy, prefix: NumberRange, reason: SafeReason) -> Self {
        Self { prefix, reason, at: by.at, actor: by.actor.clone() }
    }

    /// The outcome of adding this entry to those on the list.
    pub fn decide(&self, on_the_list: &[NumberRange]) -> SafeOutcome {
        if on_the_list.contains(&self.prefix) {
            SafeOutcome::AlreadySafe
        } else if on_the_list.len() >= MAX_SAFE_PREFIXES {
            SafeOutcome::Full
        } else {
            SafeOutcome::Added
        }
    }

    /// The audit entry of its addition.
    pub fn added_entry(&self, by: ChangedBy) -> AuditRecord {
        by.entry("prefix.safe_add", self.prefix.to_string(), format!("reason: {}", self.reason.as_str()))
    }

    /// The audit entry of its removal.
    pub fn removed_entry(&self, by: ChangedBy) -> AuditRecord {
        let detail = format!("it was safe since {}, reason: {}", self.at.to_rfc3339(), self.reason.as_str());
        by.entry("prefix.safe_remove", self.prefix.to_string(), detail)
    }
}

impl std::fmt::Display for BlockedRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { prefix, sent, used, until, .. } = self;
        let until = until.to_rfc3339_opts(SecondsFormat::Secs, true);
        write!(
            f,
            "number range {prefix}: {sent} codes sent, {used} used; blocked until {until}; release it by `trialgate prefixes \
             release {prefix}`"
        )
    }
}

impl BreakerPolicy {
    /// Returns `true` if a number range with these numbers of sent and of used codes is to be blocked.
    pub(crate) fn trips(&self, sent: i64, used: i64) -> bool {
        sent >= self.min_sends.into() && used.max(0) * 100 < sent * i64::from(self.min_conversion)
    }

    /// The block of a number range with these numbers of codes.
    pub(crate) fn block(&self, now: DateTime<Utc>, sent: i64, used: i64) -> RangeBlock {
        let number = |count: i64| u32::try_from(count.max(0)).unwrap_or(u32::MAX);
        RangeBlock {
            since: now,
            until: now + self.block_for,
            sent: number(sent),
            used: number(used),
            met: 0,
            counted_after: CountSpan::of(now),
        }
    }
}
