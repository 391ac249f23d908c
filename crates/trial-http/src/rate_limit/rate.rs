//! The generic cell rate algorithm (GCRA): a single time per budget, which refills evenly.

use std::time::Duration;

/// A number of requests per time. All may come at once; then the budget refills one by one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    /// In nanoseconds.
    within: u64,
    /// Time to refill one request, in nanoseconds.
    interval: u64,
}

impl Rate {
    pub(crate) const MINUTE: u64 = 60_000_000_000;
    pub(crate) const HOUR: u64 = 60 * Self::MINUTE;

    /// At most `requests`, not 0, within `within` nanoseconds.
    pub(crate) fn new(requests: u64, within: u64) -> Self {
        Self { within, interval: within / requests.max(1) }
    }

    /// Time until which the budget is in use after one more request at `now`. `used_until` is the time before, or
    /// anything in the past.
    ///
    /// # Errors
    /// The wait, if the budget is used up.
    pub(crate) fn next(self, used_until: u64, now: u64) -> Result<u64, Duration> {
        let next = used_until.max(now) + self.interval;
        match next.saturating_sub(now + self.within) {
            0 => Ok(next),
            wait => Err(Duration::from_nanos(wait)),
        }
    }
}
