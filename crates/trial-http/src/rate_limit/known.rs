//! Hourly limits of authenticated clients and operators, whose number is bounded by the accounts.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::{Rate, RuntimeClock};

/// Limits what each API client, or each operator, does per hour at this instance.
pub(crate) struct KnownLimiter<K> {
    pub(crate) per_hour: u32,
    clock: RuntimeClock,
    used_until: Mutex<HashMap<K, u64>>,
}

impl<K: Copy + Eq + Hash> KnownLimiter<K> {
    /// At most this many an hour, not 0.
    pub(crate) fn per_hour(per_hour: u32) -> Self {
        Self { per_hour, clock: RuntimeClock::start(), used_until: Mutex::default() }
    }

    /// Counts one request.
    ///
    /// # Errors
    /// The wait, if the limit is exceeded; the request is not counted then.
    pub(crate) fn take(&self, who: K) -> Result<(), Duration> {
        let mut used_until = self.used_until.lock().unwrap_or_else(PoisonError::into_inner);
        let known = used_until.entry(who).or_default();
        *known = self.next(*known)?;
        Ok(())
    }

    /// Checks whether one more request is allowed, without counting it.
    ///
    /// # Errors
    /// The wait, if the limit would be exceeded.
    pub(crate) fn peek(&self, who: K) -> Result<(), Duration> {
        let used_until = self.used_until.lock().unwrap_or_else(PoisonError::into_inner);
        self.next(used_until.get(&who).copied().unwrap_or_default()).map(drop)
    }

    fn next(&self, used_until: u64) -> Result<u64, Duration> {
        Rate::new(self.per_hour.into(), Rate::HOUR).next(used_until, self.clock.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_has_an_hour_of_their_own() {
        let limiter = KnownLimiter::per_hour(2);
        for _ in 0..2 {
            assert_eq!((limiter.peek('a'), limiter.take('a')), (Ok(()), Ok(())));
        }
        let wait = Duration::from_mins(30);
        assert_eq!((limiter.peek('a'), limiter.take('a')), (Err(wait), Err(wait)));
        assert_eq!(limiter.take('b'), Ok(()));
        tokio::time::advance(wait).await;
        assert_eq!(limiter.take('a'), Ok(()));
    }
}
