//! Delivers the entries of an outbox: claims due ones under a lease, delivers them, settles the results.
//!
//! After a crash at any point, an entry is due again when its lease ends, under the same id.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tokio::sync::Notify;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use trial_core::error::LedgerError;
use trial_core::mails::Lease;
use trial_core::ports::{Clock, Entropy};
use trial_core::values::LeaseId;

pub(crate) use super::events::{EventConsumer, PlatformState};
pub(crate) use super::mails::MailConsumer;

/// The interval at which the outbox is polled if nothing wakes the task.
const POLL: Duration = Duration::from_secs(1);
/// The shortest interval between two claims, so that deliveries share transactions.
const PACE: Duration = Duration::from_millis(100);

/// A delivery that takes longer gives its place to another.
const SLOW: Duration = Duration::from_secs(10);
/// Deliveries under way at most, slow ones included, per place.
const WITH_SLOW: usize = 4;

/// A kind of delivery.
#[async_trait]
pub(crate) trait Errand: Clone + Send + Sync + 'static {
    /// A claimed entry.
    type Due: Send + 'static;
    /// The result of a delivery.
    type Settlement: Clone + Send + Sync + 'static;
    /// The name of the kind in the log.
    const WHAT: &'static str;

    async fn claim(&self, lease: Lease, limit: u32) -> Result<Vec<Self::Due>, LedgerError>;

    /// Prolongs leases of deliveries that are still under way, or not yet settled.
    async fn renew(&self, leases: Vec<LeaseId>, until: DateTime<Utc>) -> Result<(), LedgerError>;

    /// Never fails: a failure is a settlement.
    async fn deliver(self, due: Self::Due, lease: LeaseId) -> Self::Settlement;

    async fn settle(&self, settlements: Vec<Self::Settlement>) -> Result<(), LedgerError>;
}

/// Limits of delivery.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DeliveryBounds {
    /// Deliveries started within a second, at most.
    pub(crate) max_per_second: u32,
    /// Deliveries at the same time, at most.
    pub(crate) concurrency: usize,
    /// The length of a lease, unless it is renewed.
    pub(crate) lease: Duration,
    /// The longest that a stop waits for deliveries under way.
    pub(crate) drain: Duration,
    /// The longest wait until an entry is due again.
    pub(crate) longest_wait: Duration,
}

/// A lease, shared by its deliveries until they are settled.
struct Held {
    lease: LeaseId,
    since: Instant,
}

/// A settlement, under its lease.
type Delivered<E> = (<E as Errand>::Settlement, Arc<Held>);

/// Works on one outbox.
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
    under_way: JoinSet<Delivered<E>>,
    unsettled: Vec<Delivered<E>>,
    /// The unsettled leases.
    leases: Vec<Arc<Held>>,
    renew_at: Instant,
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
            leases: Vec::new(),
            renew_at: Instant::now(),
        }
    }

    pub(crate) async fn run(mut self) {
        while !self.closing.is_cancelled() {
            self.claim().await;
            self.wait().await;
            self.settle().await;
            self.renew().await;
        }
        let end = Instant::now() + self.bounds.drain;
        while !self.under_way.is_empty() && Instant::now() < end {
            tokio::select! {
                biased;
                Some(ended) = self.under_way.join_next() => self.unsettled.extend(settlement_of::<E>(ended)),
                () = sleep(POLL) => {}
            }
            self.renew().await;
        }
        // Deliveries that are unfinished by now are due again when their lease ends.
        self.under_way.shutdown().await;
        self.settle().await;
    }

    /// The number of deliveries that may start. Slow ones free their places, but their number is bounded too.
    fn room(&self) -> usize {
        let of = |held: &&Arc<Held>| held.since.elapsed() < SLOW;
        let brisk: usize = self.leases.iter().filter(of).map(|held| Arc::strong_count(held) - 1).sum();
        let places = self.bounds.concurrency;
        places.saturating_sub(brisk).min((places * WITH_SLOW).saturating_sub(self.under_way.len()))
    }

    /// Keeps entries under way from becoming due again.
    async fn renew(&mut self) {
        self.leases.retain(|held| Arc::strong_count(held) > 1);
        if self.leases.is_empty() || Instant::now() < self.renew_at {
            return;
        }
        let leases = self.leases.iter().map(|held| held.lease).collect();
        match self.errand.renew(leases, self.clock.now() + self.bounds.lease).await {
            Ok(()) => self.renew_at = Instant::now() + self.bounds.lease / 3,
            Err(error) => tracing::error!(of = E::WHAT, kind = error.kind(), "leases cannot be renewed"),
        }
    }

    /// Claims as much as there is room for, at the allowed rate. Everything old is settled first.
    async fn claim(&mut self) {
        let room = self.room();
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
                let held = Arc::new(Held { lease: lease.id, since: Instant::now() });
                for one in due {
                    let (errand, held) = (self.errand.clone(), Arc::clone(&held));
                    let span = tracing::debug_span!("delivery", otel.kind = "producer", of = E::WHAT);
                    let delivery = async move { (errand.deliver(one, held.lease).await, held) };
                    self.under_way.spawn(delivery.instrument(span));
                }
                if self.leases.is_empty() {
                    self.renew_at = Instant::now() + self.bounds.lease / 3;
                }
                self.leases.push(held);
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

    /// Waits until there may be work: a delivery ended, an entry is due and may be claimed, or the stop.
    async fn wait(&mut self) {
        let may_claim = self.room() > 0 && self.unsettled.is_empty();
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

    /// Settlements that fail are retried; if none succeeds, the lease ends and the entry is delivered again.
    async fn settle(&mut self) {
        if self.unsettled.is_empty() {
            return;
        }
        let settlements = self.unsettled.iter().map(|(settlement, _)| settlement.clone()).collect();
        match self.errand.settle(settlements).await {
            Ok(()) => self.unsettled.clear(),
            Err(error) => {
                let count = self.unsettled.len();
                tracing::error!(of = E::WHAT, kind = error.kind(), count, "deliveries cannot be settled");
            }
        }
    }
}

/// The result of a delivery; `None` if it was aborted: the entry is due again when its lease ends.
fn settlement_of<E: Errand>(ended: Result<Delivered<E>, JoinError>) -> Option<Delivered<E>> {
    ended.inspect_err(|died| tracing::error!(of = E::WHAT, %died, "a delivery panicked; it is retried")).ok()
}
