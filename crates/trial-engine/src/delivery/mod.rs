//! Delivers what waits in an outbox: claims what is due under a lease, hands it over, settles what came of it.
//!
//! A crash at any point leaves it due again when its lease ends, under the same id.

mod events;
mod mails;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use trial_core::ports::{Clock, Entropy};
use trial_core::{Lease, LeaseId, LedgerError};

pub(crate) use events::{EventErrand, PlatformState};
pub(crate) use mails::MailErrand;

/// How often the outbox is looked at when nobody says that there is something.
const POLL: Duration = Duration::from_secs(1);
/// How often it is looked at most, so that deliveries gather into few transactions.
const PACE: Duration = Duration::from_millis(100);

/// What is delivered, and to whom.
#[async_trait]
pub(crate) trait Errand: Clone + Send + Sync + 'static {
    /// What is claimed.
    type Due: Send + 'static;
    /// What became of it.
    type Settlement: Clone + Send + Sync + 'static;
    /// What it is called in the log.
    const WHAT: &'static str;

    async fn claim(&self, lease: Lease, limit: u32) -> Result<Vec<Self::Due>, LedgerError>;

    /// Never fails: what goes wrong is how it is settled.
    async fn deliver(self, due: Self::Due, lease: LeaseId) -> Self::Settlement;

    async fn settle(&self, settlements: Vec<Self::Settlement>) -> Result<(), LedgerError>;
}

/// How much is delivered at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DeliveryBounds {
    /// Deliveries that begin within a second, at most.
    pub(crate) max_per_second: u32,
    /// Deliveries at the same time, at most.
    pub(crate) concurrency: usize,
    /// How long what was claimed is ours.
    pub(crate) lease: Duration,
    /// The longest wait until anything is due again.
    pub(crate) longest_wait: Duration,
}

/// Works at one outbox.
pub(crate) struct Delivery<E: Errand> {
    errand: E,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    bounds: DeliveryBounds,
    is_due: Arc<Notify>,
    closing: CancellationToken,
    /// The rate allows no claim before this.
    may_claim: Instant,
    /// Nothing is known to be due before this.
    look_at: Instant,
    under_way: JoinSet<E::Settlement>,
    unsettled: Vec<E::Settlement>,
}

impl<E: Errand> Delivery<E> {
    pub(crate) fn new(
        errand: E,
        (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>),
        bounds: DeliveryBounds,
        is_due: Arc<Notify>,
        closing: CancellationToken,
    ) -> Self {
        Self {
            errand,
            clock,
            entropy,
            bounds,
            is_due,
            closing,
            may_claim: Instant::now(),
            look_at: Instant::now(),
            under_way: JoinSet::new(),
            unsettled: Vec::new(),
        }
    }

    pub(crate) async fn run(mut self) {
        while !self.closing.is_cancelled() {
            self.claim().await;
            self.wait().await;
            self.settle().await;
        }
        while let Some(ended) = self.under_way.join_next().await {
            self.unsettled.extend(settlement_of::<E>(ended));
        }
        self.settle().await;
    }

    /// Claims as much as there is room for, at the rate that is allowed. Nothing new before everything old is settled.
    async fn claim(&mut self) {
        let room = self.bounds.concurrency.saturating_sub(self.under_way.len());
        let limit = u32::try_from(room).unwrap_or(u32::MAX).min(self.bounds.max_per_second);
        if limit == 0 || !self.unsettled.is_empty() || Instant::now() < self.next_claim() {
            return;
        }
        let lease = self.lease();
        match self.errand.claim(lease, limit).await {
            Ok(due) => {
                let claimed = u32::try_from(due.len()).unwrap_or(limit);
                let spent = Duration::from_secs(1) * claimed / self.bounds.max_per_second;
                self.may_claim = Instant::now() + spent.max(PACE);
                self.look_at = if claimed < limit { Instant::now() + POLL } else { self.may_claim };
                for one in due {
                    let errand = self.errand.clone();
                    let span = tracing::debug_span!("delivery", otel.kind = "producer", of = E::WHAT);
                    self.under_way.spawn(async move { errand.deliver(one, lease.id).await }.instrument(span));
                }
            }
            Err(error) => {
                tracing::error!(of = E::WHAT, kind = error.kind(), "the outbox cannot be claimed from");
                self.look_at = Instant::now() + POLL;
            }
        }
    }

    fn next_claim(&self) -> Instant {
        self.may_claim.max(self.look_at)
    }

    fn lease(&self) -> Lease {
        let now = self.clock.now();
        let mut entropy = [0; 10];
        self.entropy.fill(&mut entropy);
        Lease {
            id: LeaseId::new(now, entropy),
            now,
            until: now + self.bounds.lease,
            horizon: now + self.bounds.longest_wait.max(self.bounds.lease),
        }
    }

    /// Waits until there may be something to do: a delivery ended, something is due and may be claimed, or the end.
    async fn wait(&mut self) {
        let may_claim = self.under_way.len() < self.bounds.concurrency && self.unsettled.is_empty();
        let next_claim = self.next_claim();
        tokio::select! {
            biased;
            () = self.closing.cancelled() => {}
            Some(ended) = self.under_way.join_next() => {
                self.unsettled.extend(settlement_of::<E>(ended));
                while let Some(ended) = self.under_way.try_join_next() {
                    self.unsettled.extend(settlement_of::<E>(ended));
                }
            }
            () = self.is_due.notified(), if may_claim => self.look_at = Instant::now(),
            () = sleep_until(next_claim), if may_claim => {}
            () = sleep(POLL) => {}
        }
    }

    /// What cannot be settled now is tried again; if that never succeeds, the lease ends and it is delivered again.
    async fn settle(&mut self) {
        if self.unsettled.is_empty() {
            return;
        }
        match self.errand.settle(self.unsettled.clone()).await {
            Ok(()) => self.unsettled.clear(),
            Err(error) => {
                let count = self.unsettled.len();
                tracing::error!(of = E::WHAT, kind = error.kind(), count, "deliveries cannot be settled");
            }
        }
    }
}

/// What a delivery came to; nothing, of one that was ended from outside: it is due again when the lease ends.
fn settlement_of<E: Errand>(ended: Result<E::Settlement, JoinError>) -> Option<E::Settlement> {
    ended.inspect_err(|died| tracing::error!(of = E::WHAT, %died, "a delivery had died; it is tried again")).ok()
}
