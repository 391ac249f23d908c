//! The generic cell rate algorithm (GCRA): requests that come back evenly, counted by a single time.

use std::time::Duration;

/// A number of requests within a time. All may be made at once; then they come back one by one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    /// In nanoseconds.
    within: u64,
    /// The time after which one request comes back, in nanoseconds.
    interval: u64,
}

impl Rate {
    pub(crate) const MINUTE: u64 = 60_000_000_000;
    pub(crate) const HOUR: u64 = 60 * Self::MINUTE;

    /// At most `requests`, not 0, within `within` nanoseconds.
    pub(crate) fn new(requests: u64, within: u64) -> Self {
        Self { within, interval: within / requests.max(1) }
    }

    /// The time until which requests are in use after one more at `now`. It was `used_until` before, or anything in the
    /// past.
    ///
    /// # Errors
    /// The time to wait if it is one too many.
    pub(crate) fn next(self, used_until: u64, now: u64) -> Result<u64, Duration> {
        let next = used_until.max(now) + self.interval;
        match next.saturating_sub(now + self.within) {
            0 => Ok(next),
            wait => Err(Duration::from_nanos(wait)),
        }
    }
}
