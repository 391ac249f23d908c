//! The time from which claims look for due mails.
//!
//! Each sent mail leaves entries at the head of the index of due mails. While another transaction holds an old snapshot
//! (a long `pg_dump`) they stay, and a search for "the longest due" visits all of them. So a claim that found everything
//! due is remembered, and the next ones begin shortly before it.

use std::sync::{Mutex, PoisonError};

/// Mails that become due later than they say, because a commit took its time or another instance's clock is behind.
const SLACK: i64 = 5 * 60 * 1_000_000;
/// The interval of claims that look at everything, for mails that the slack does not cover.
const COMPLETE_EVERY: i64 = 60 * 1_000_000;

/// Times are microseconds since the epoch, by the claims' own clock.
#[derive(Debug, Default)]
pub(super) struct DueFloor(Mutex<Claims>);

#[derive(Debug, Clone, Copy, Default)]
struct Claims {
    /// The last one that looked at everything, and took all of it.
    complete: Option<i64>,
    /// The last one that took everything that it found.
    exhausted: Option<i64>,
}

impl DueFloor {
    /// The earliest due time that a claim at this time needs to look at.
    pub(super) fn at(&self, now: i64) -> i64 {
        let Claims { complete, exhausted } = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (complete, exhausted) {
            (Some(complete), Some(exhausted)) if (complete..complete + COMPLETE_EVERY).contains(&now) => {
                exhausted.min(now) - SLACK
            }
            _ => i64::MIN,
        }
    }

    /// Remembers a claim that looked from this floor on, and took everything that was due.
    pub(super) fn exhausted(&self, floor: i64, now: i64) {
        let mut claims = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        claims.exhausted = Some(now);
        if floor == i64::MIN {
            claims.complete = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60 * 1_000_000;

    #[test]
    fn claims_begin_before_the_last_that_took_everything_and_once_a_minute_at_the_start() {
        let floor = DueFloor::default();
        let now = 1_000 * MINUTE;
        assert_eq!(floor.at(now), i64::MIN);
        assert_eq!(floor.at(now), i64::MIN, "a claim that left something is not remembered");
        floor.exhausted(i64::MIN, now);
        assert_eq!(floor.at(now), now - SLACK);
        let later = now + MINUTE / 2;
        floor.exhausted(floor.at(later), later);
        assert_eq!(floor.at(later + 1), later - SLACK);
        assert_eq!(floor.at(later - 1), later - 1 - SLACK, "the clock was set back a little");
        assert_eq!(floor.at(now - 1), i64::MIN, "the clock was set back");
        assert_eq!(floor.at(now + MINUTE), i64::MIN);
        floor.exhausted(i64::MIN, now + MINUTE);
        assert_eq!(floor.at(now + MINUTE + 1), now + MINUTE - SLACK);
    }
}
