//! Delivers what waits in an outbox: claims what is due under a lease, hands it over, settles what came of it.
//!
//! A crash at any point leaves it due again when its lease ends, under the same id.

mod events;
mod mails;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
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

/// A delivery under way for longer than this leaves its place to another.
const SLOW: Duration = Duration::from_secs(10);
/// Deliveries under way at most, the slow ones counted, for each place.
const WITH_SLOW: usize = 4;

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

    /// Prolongs leases of deliveries that are still under way, or not yet settled.
    async fn renew(&self, leases: Vec<LeaseId>, until: DateTime<Utc>) -> Result<(), LedgerError>;

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
    /// The length of a lease, unless it is renewed.
    pub(crate) lease: Duration,
    /// The longest wait of a stop for deliveries under way.
    pub(crate) drain: Duration,
    /// The longest wait until anything is due again.
    pub(crate) longest_wait: Duration,
}

/// A lease, shared by its deliveries until they are settled.
struct Held {
    lease: LeaseId,
    since: Instant,
}

/// A settlement, under its lease.
type Delivered<E> = (<E as Errand>::Settlement, Arc<Held>);

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
    under_way: JoinSet<Delivered<E>>,
    unsettled: Vec<Delivered<E>>,
    /// The leases that are not settled yet.
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
        // What is not done by now is due again when its lease ends.
        self.under_way.shutdown().await;
        self.settle().await;
    }

    /// The number of deliveries that may begin. Slow ones do not take the places of others, but their number is bounded too.
    fn room(&self) -> usize {
        let of = |held: &&Arc<Held>| held.since.elapsed() < SLOW;
        let brisk: usize = self.leases.iter().filter(of).map(|held| Arc::strong_count(held) - 1).sum();
        let places = self.bounds.concurrency;
        places.saturating_sub(brisk).min((places * WITH_SLOW).saturating_sub(self.under_way.len()))
    }

    /// Keeps what is under way from being due again while it is.
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

    /// Claims as much as there is room for, at the rate that is allowed. Nothing new before everything old is settled.
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

    /// Waits until there may be something to do: a delivery ended, something is due and may be claimed, or the end.
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

    /// What cannot be settled now is tried again; if that never succeeds, the lease ends and it is delivered again.
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

/// What a delivery came to; nothing, of one that was ended from outside: it is due again when the lease ends.
fn settlement_of<E: Errand>(ended: Result<Delivered<E>, JoinError>) -> Option<Delivered<E>> {
    ended.inspect_err(|died| tracing::error!(of = E::WHAT, %died, "a delivery had died; it is tried again")).ok()
}
