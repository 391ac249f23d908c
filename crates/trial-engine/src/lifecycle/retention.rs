//! Removes expired data in small steps that hold up nobody. Every instance does so; rows removed by one are not found
//! by the others.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use trial_core::error::LedgerError;
use trial_core::ports::Privacy;
use trial_core::privacy::{Compaction, Expired, Expiring, ExpiryPage, Retention};

use crate::clock_watch::ClockWatch;

/// Limits and times of removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionOptions {
    /// The retention of each kind of data.
    pub retention: Retention,
    /// Rows per transaction, at most.
    pub stretch: u32,
    /// The pause between two transactions.
    pub pause: Duration,
    /// The time from the start, and from each round, to the next round.
    pub interval: Duration,
}

impl Default for RetentionOptions {
    fn default() -> Self {
        Self {
            retention: Retention::default(),
            stretch: 500,
            pause: Duration::from_millis(100),
            interval: Duration::from_hours(1),
        }
    }
}

/// Every round of this number checks all rows again: those kept for a tenant in use go once it is closed.
const WHOLE_EVERY: u32 = 24;

/// The position of the last round, so that the next does not read again what has to be kept.
type Reached = BTreeMap<Expiring, [u8; 16]>;

pub(crate) struct Expiry {
    pub(crate) privacy: Arc<dyn Privacy>,
    pub(crate) watch: Arc<ClockWatch>,
    pub(crate) options: RetentionOptions,
    pub(crate) closing: CancellationToken,
}

/// The largest file, in bytes, that is rewritten during service: writers wait for it, within their bounds.
pub const COMPACT_LIMIT: u64 = 64 << 20;
/// The time from one compaction to the next.
const COMPACT_INTERVAL: Duration = Duration::from_hours(24);

/// Attempts of a purge, and the pause between two of them.
const PURGE_ATTEMPTS: u32 = 100;
const PURGE_PAUSE: Duration = Duration::from_millis(100);

/// Removes erased data from the database's files too, and waits a while for readers; `false` if they go on.
///
/// # Errors
/// As for [`Privacy::purge`].
pub async fn purge(privacy: &dyn Privacy) -> Result<bool, LedgerError> {
    for _ in 1..PURGE_ATTEMPTS {
        if privacy.purge().await? {
            return Ok(true);
        }
        sleep(PURGE_PAUSE).await;
    }
    privacy.purge().await
}

impl Expiry {
    pub(crate) async fn run(self) {
        let closing = self.closing.clone();
        // A round cut off by the stop goes on after the next start.
        closing.run_until_cancelled(self.rounds()).await;
    }

    async fn rounds(self) {
        // An earlier process may have left something to purge.
        let mut is_purged = false;
        let mut compacted: Option<Instant> = None;
        let mut reached = Reached::default();
        for number in 0_u32.. {
            sleep(self.options.interval).await;
            if number % WHOLE_EVERY == 0 {
                reached.clear();
            }
            let now = match self.watch.look().await {
                Ok(Ok(now)) => now,
                // The watch has logged it.
                Ok(Err(_)) => continue,
                Err(error) => {
                    tracing::error!(kind = error.kind(), "nothing is removed: the clock cannot be judged");
                    continue;
                }
            };
            let mut removed = 0;
            for what in Expiring::ALL {
                match self.round(*what, now, &mut reached).await {
                    Ok(0) => {}
                    Ok(rows) => {
                        removed += rows;
                        tracing::info!(%what, rows, "expired rows were removed");
                    }
                    Err(error) => tracing::error!(%what, kind = error.kind(), "expired rows cannot be removed"),
                }
            }
            let others = [
                ("portal", self.privacy.expire_portal(now).await),
                ("prefixes", self.privacy.expire_prefixes(now).await),
            ];
            for (what, expired) in others {
                match expired {
                    Ok(rows) => {
                        removed += rows;
                        metrics::counter!("trialgate_expired_rows_removed_total", "what" => what).increment(rows);
                    }
                    Err(error) => tracing::error!(what, kind = error.kind(), "expired rows cannot be removed"),
                }
            }
            if compacted.is_none_or(|at| at.elapsed() >= COMPACT_INTERVAL) {
                match self.privacy.compact(COMPACT_LIMIT).await {
                    Ok(compaction) => {
                        compacted = Some(Instant::now());
                        is_purged &= compaction != Compaction::Done;
                        if let Compaction::TooLarge { bytes } = compaction {
                            let mib = bytes >> 20;
                            tracing::warn!(
                                mib,
                                "copies of erased rows may be left in the file; run `trialgate compact`"
                            );
                        }
                    }
                    Err(error) => tracing::error!(kind = error.kind(), "the file of the database cannot be rewritten"),
                }
            }
            if removed > 0 || !is_purged {
                is_purged = self.purged().await;
            }
        }
    }

    async fn purged(&self) -> bool {
        match purge(&*self.privacy).await {
            Ok(true) => return true,
            Ok(false) => {
                tracing::warn!("removed rows are still in the database's log: other connections keep reading it");
            }
            Err(error) => tracing::error!(kind = error.kind(), "removed rows cannot be purged"),
        }
        false
    }

    /// Goes through the rows that expired since the last round, or through all.
    async fn round(&self, what: Expiring, now: DateTime<Utc>, reached: &mut Reached) -> Result<u64, LedgerError> {
        let since = self.options.retention.since(what, now);
        let (mut after, mut rows) = (reached.get(&what).copied().unwrap_or_default(), 0);
        loop {
            let page = ExpiryPage { what, since, after, limit: self.options.stretch };
            let Expired { removed, last } = self.privacy.expire(page, false).await?;
            metrics::counter!("trialgate_expired_rows_removed_total", "what" => what.as_str()).increment(removed);
            rows += removed;
            let Some(last) = last else {
                reached.insert(what, after);
                return Ok(rows);
            };
            after = last;
            sleep(self.options.pause).await;
        }
    }
}
