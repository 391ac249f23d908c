//! A clock for tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use trial_core::ports::Clock;

/// A clock that stands still until it is set. Clones share it.
#[derive(Debug, Clone)]
pub struct FixedClock(Arc<AtomicI64>);

impl FixedClock {
    /// A clock that shows this instant, to the microsecond.
    pub fn new(now: DateTime<Utc>) -> Self {
        Self(Arc::new(AtomicI64::new(now.timestamp_micros())))
    }

    /// Shows this instant from now on. It may be an earlier one.
    pub fn set(&self, now: DateTime<Utc>) {
        self.0.store(now.timestamp_micros(), Ordering::SeqCst);
    }

    /// Moves forward.
    pub fn advance(&self, by: Duration) {
        self.set(self.now() + by);
    }

    /// Steps back, as a wrong clock does when it is corrected.
    pub fn step_back(&self, by: Duration) {
        self.set(self.now() - by);
    }
}

/// 2026-03-02 08:00:00 UTC, a Monday.
impl Default for FixedClock {
    fn default() -> Self {
        Self::new(DateTime::UNIX_EPOCH + TimeDelta::seconds(1_772_438_400))
    }
}

impl Clock for FixedClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0.load(Ordering::SeqCst)).expect("it was set from an instant")
    }
}
