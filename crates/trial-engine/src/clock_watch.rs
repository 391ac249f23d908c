//! Notices leaps of the clock before an irreversible change.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use trial_core::clock_gap::ClockGap;
use trial_core::error::LedgerError;
use trial_core::ports::{Clock, Upkeep};

/// The shortest interval between two updates of the mark.
const MARK_EVERY: Duration = Duration::from_mins(1);

/// Compares the clock with the time of the last sweep, which outlives the process.
pub struct ClockWatch {
    upkeep: Arc<dyn Upkeep>,
    clock: Arc<dyn Clock>,
    most: Duration,
    gap: Mutex<Option<ClockGap>>,
}

impl ClockWatch {
    /// A watch that accepts a leap of at most this length.
    pub fn new(upkeep: Arc<dyn Upkeep>, clock: Arc<dyn Clock>, most: Duration) -> Self {
        metrics::gauge!("trialgate_clock_paused").set(0);
        Self { upkeep, clock, most, gap: Mutex::new(None) }
    }

    /// Reads the clock and compares it with the mark. Without a gap, moves the mark and returns the instant to work by;
    /// a second reading could be of a clock that leapt meanwhile.
    ///
    /// # Errors
    /// The ledger cannot be used; the clock is not judged then.
    pub async fn look(&self) -> Result<Result<DateTime<Utc>, ClockGap>, LedgerError> {
        let (seen, now) = (self.upkeep.clock_mark().await?, self.clock.now());
        let gap = ClockGap::between(seen, now, self.most);
        if gap.is_none() && is_old(seen, now) {
            self.upkeep.mark_clock(now).await?;
        }
        self.note(gap);
        Ok(gap.map_or(Ok(now), Err))
    }

    /// The gap found last.
    pub fn gap(&self) -> Option<ClockGap> {
        *self.gap.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, gap: Option<ClockGap>) {
        let before = mem::replace(&mut *self.gap.lock().unwrap_or_else(PoisonError::into_inner), gap);
        metrics::gauge!("trialgate_clock_paused").set(u8::from(gap.is_some()));
        match (before, gap) {
            (None, Some(gap)) => tracing::error!("{gap}"),
            (Some(_), None) => {
                tracing::info!("the clock is trusted again; trials end and data is removed as before");
            }
            _ => {}
        }
    }
}

fn is_old(seen: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    seen.is_none_or(|seen| now >= seen + MARK_EVERY)
}
