//! Leaps of the clock: work that cannot be undone waits until an operator confirms the clock.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};

use crate::audit::{AuditRecord, ChangedBy};

/// The default longest time without a sweep that passes for a pause of the service. After a longer one, either the
/// service was off or the clock leapt, and only people know which.
pub const MAX_CLOCK_GAP: Duration = Duration::from_hours(3 * 24);

/// A clock too far ahead of the last sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockGap {
    /// The time of the last sweep.
    pub seen: DateTime<Utc>,
    /// The time on the clock.
    pub now: DateTime<Utc>,
}

impl ClockGap {
    /// The gap, if it is longer than `most`. A clock that was set back expires nothing early, and is none.
    pub fn between(seen: Option<DateTime<Utc>>, now: DateTime<Utc>, most: Duration) -> Option<Self> {
        let seen = seen?;
        let gap = now.signed_duration_since(seen).to_std().ok()?;
        (gap > most).then_some(Self { seen, now })
    }
}

impl fmt::Display for ClockGap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (now, seen, days) = (time(self.now), time(self.seen), (self.now - self.seen).num_days());
        write!(
            f,
            "the clock says {now}, {days} days after the last sweep at {seen}; no trial is ended and no data removed until \
             the clock is set right, or confirmed with `trialgate clock confirm`"
        )
    }
}

impl ChangedBy {
    /// The audit entry of a clock that this operator confirms; `before` is the former mark.
    pub fn clock_confirmed(&self, before: Option<DateTime<Utc>>) -> AuditRecord {
        let before = before.map_or_else(|| "never seen".to_owned(), time);
        let detail = format!("before {before}, after {}", time(self.at));
        self.clone().entry("clock.confirm", "clock".to_owned(), detail)
    }
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
