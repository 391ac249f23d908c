//! Limits the rate at which deliveries start.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// Timers are good to a millisecond: above this many turns in a second, starts are grouped.
const MAX_TURNS: u32 = 500;

/// Spreads starts evenly, so that no second has more than the rate. Clones share the turns.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    turn: Arc<Mutex<Turn>>,
    /// Starts per turn.
    at_once: u32,
    interval: Duration,
}

#[derive(Debug)]
struct Turn {
    since: Instant,
    left: u32,
}

impl Pace {
    /// At most `max_per_second` starts in a second; at least 1.
    pub(crate) fn new(max_per_second: u32) -> Self {
        let max = max_per_second.max(1);
        let at_once = max.div_ceil(MAX_TURNS);
        // Whole turns only, so that a second has no more than the rate.
        let turns = max / at_once;
        let interval = Duration::from_nanos(1_000_000_000_u64.div_ceil(turns.into()));
        Self { turn: Arc::new(Mutex::new(Turn { since: Instant::now(), left: at_once })), at_once, interval }
    }

    /// Waits until one more may start, in order of arrival.
    pub(crate) async fn wait(&self) {
        let mut turn = self.turn.lock().await;
        let now = Instant::now();
        if turn.since + self.interval <= now {
            *turn = Turn { since: now, left: self.at_once };
        } else if turn.left == 0 {
            sleep_until(turn.since + self.interval).await;
            // From the actual time: a late timer must not bring the next turn forward.
            *turn = Turn { since: Instant::now(), left: self.at_once };
        }
        turn.left -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_second_has_more_than_the_rate() {
        for max in [1, 3, 50, 499, 500, 501, 1_000, 1_501, 10_000] {
            let pace = Pace::new(max);
            let mut begun = Vec::new();
            let start = Instant::now();
            for n in 0..3 * max {
                pace.wait().await;
                begun.push(Instant::now());
                // Now and then there is a pause, and then a burst.
                if n % 97 == 96 {
                    tokio::time::sleep(Duration::from_micros(u64::from(n * 131 % 4_000))).await;
                }
            }
            let within =
                |from: Instant| begun.iter().filter(|at| (from..from + Duration::from_secs(1)).contains(*at)).count();
            let most = if max <= 1_501 { begun.iter().map(|at| within(*at)).max() } else { Some(within(begun[77])) };
            assert!(most <= usize::try_from(max).ok(), "{max}: {most:?}");
            let lasted = start.elapsed();
            assert!(lasted < Duration::from_secs(5), "{max}: {lasted:?}");
        }
    }
}
