//! Removes what is over: a little at a time, so that nobody waits for it. On several instances, each does so, and what one
//! has removed the others do not find.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use trial_core::ports::{Clock, DataCare};
use trial_core::{Expired, Expiring, ExpiryPage, LedgerError, Retention};

/// How much is removed, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionOptions {
    /// How long what is over is kept.
    pub retention: Retention,
    /// Rows that one transaction looks at, at most.
    pub stretch: u32,
    /// How long others have between two stretches.
    pub pause: Duration,
    /// How long after the start, and after each round, the next round begins.
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

pub(crate) struct Expiry {
    pub(crate) care: Arc<dyn DataCare>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) options: RetentionOptions,
    pub(crate) closing: CancellationToken,
}

impl Expiry {
    pub(crate) async fn run(self) {
        let closing = self.closing.clone();
        // A round that is cut off by the end goes on after the next start: what it removed is gone, and the rest is found.
        closing.run_until_cancelled(self.rounds()).await;
    }

    async fn rounds(self) {
        loop {
            sleep(self.options.interval).await;
            for what in Expiring::ALL {
                match self.round(*what).await {
                    Ok(0) => {}
                    Ok(rows) => tracing::info!(%what, rows, "what was over was removed"),
                    Err(error) => tracing::error!(%what, kind = error.kind(), "what is over cannot be removed"),
                }
            }
            let now = self.clock.now();
            let others =
                [("portal", self.care.expire_portal(now).await), ("prefixes", self.care.expire_prefixes(now).await)];
            for (what, removed) in others {
                match removed {
                    Ok(rows) => metrics::counter!("trialgate_expired_total", "what" => what).increment(rows),
                    Err(error) => tracing::error!(what, kind = error.kind(), "what is over cannot be removed"),
                }
            }
        }
    }

    async fn round(&self, what: Expiring) -> Result<u64, LedgerError> {
        let since = self.options.retention.since(what, self.clock.now());
        let (mut after, mut rows) = ([0; 16], 0);
        loop {
            let page = ExpiryPage { what, since, after, limit: self.options.stretch };
            let Expired { removed, last } = self.care.expire(page, false).await?;
            metrics::counter!("trialgate_expired_total", "what" => what.as_str()).increment(removed);
            rows += removed;
            match last {
                Some(last) => after = last,
                None => return Ok(rows),
            }
            sleep(self.options.pause).await;
        }
    }
}
