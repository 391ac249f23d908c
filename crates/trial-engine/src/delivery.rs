//! Delivers the outbox: claims what is due under a lease, hands it to the mailer, settles what came of it.
//!
//! A crash at any point leaves the mail due again when its lease ends, under the same `Message-ID`.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use tokio::sync::Notify;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use trial_core::ports::{Clock, Entropy, Mailer, Outbox};
use trial_core::{DeliveryError, DueMail, Lease, LeaseId, Planner, SettledAs, Settlement};

use crate::pacing::Pace;
use crate::{EngineParts, MailDeliveryOptions};

/// How often the outbox is looked at when nobody says that there is something.
const POLL: Duration = Duration::from_secs(1);
/// How often it is looked at most, so that deliveries gather into few transactions.
const PACE: Duration = Duration::from_millis(100);

pub(crate) struct Delivery {
    outbox: Arc<dyn Outbox>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    courier: Courier,
    options: MailDeliveryOptions,
    mail_is_due: Arc<Notify>,
    closing: CancellationToken,
    /// The rate allows no claim before this.
    may_claim: Instant,
    /// Nothing is known to be due before this.
    look_at: Instant,
    under_way: JoinSet<Settlement>,
    unsettled: Vec<Settlement>,
}

/// Takes one mail to the mailer.
#[derive(Clone)]
struct Courier {
    mailer: Arc<dyn Mailer>,
    planner: Arc<Planner>,
    clock: Arc<dyn Clock>,
    options: MailDeliveryOptions,
    pace: Pace,
}

impl Delivery {
    pub(crate) fn new(
        parts: &EngineParts,
        options: MailDeliveryOptions,
        mail_is_due: Arc<Notify>,
        closing: CancellationToken,
    ) -> Self {
        Self {
            outbox: Arc::clone(&parts.outbox),
            clock: Arc::clone(&parts.clock),
            entropy: Arc::clone(&parts.entropy),
            courier: Courier {
                mailer: Arc::clone(&parts.mailer),
                planner: Arc::clone(&parts.planner),
                clock: Arc::clone(&parts.clock),
                options,
                pace: Pace::new(options.max_per_second),
            },
            options,
            mail_is_due,
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
            self.unsettled.extend(settlement_of(ended));
        }
        self.settle().await;
    }

    /// Claims as much as there is room for, at the rate that is allowed. Nothing new before everything old is settled.
    async fn claim(&mut self) {
        let room = self.options.concurrency.saturating_sub(self.under_way.len());
        let limit = u32::try_from(room).unwrap_or(u32::MAX).min(self.options.max_per_second);
        if limit == 0 || !self.unsettled.is_empty() || Instant::now() < self.next_claim() {
            return;
        }
        let lease = self.lease();
        match self.outbox.claim(lease, limit).await {
            Ok(due) => {
                let claimed = u32::try_from(due.len()).unwrap_or(limit);
                let spent = Duration::from_secs(1) * claimed / self.options.max_per_second;
                self.may_claim = Instant::now() + spent.max(PACE);
                self.look_at = if claimed < limit { Instant::now() + POLL } else { self.may_claim };
                for mail in due {
                    let courier = self.courier.clone();
                    self.under_way.spawn(async move { courier.settlement(mail, lease.id).await });
                }
            }
            Err(error) => {
                tracing::error!(kind = error.kind(), "the outbox cannot be claimed from");
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
            until: now + self.options.lease,
            horizon: now + self.options.retry.cap.max(self.options.lease),
        }
    }

    /// Waits until there may be something to do: a delivery ended, a mail is due and may be claimed, or the end.
    async fn wait(&mut self) {
        let may_claim = self.under_way.len() < self.options.concurrency && self.unsettled.is_empty();
        let next_claim = self.next_claim();
        tokio::select! {
            biased;
            () = self.closing.cancelled() => {}
            Some(ended) = self.under_way.join_next() => {
                self.unsettled.extend(settlement_of(ended));
                while let Some(ended) = self.under_way.try_join_next() {
                    self.unsettled.extend(settlement_of(ended));
                }
            }
            () = self.mail_is_due.notified(), if may_claim => self.look_at = Instant::now(),
            () = sleep_until(next_claim), if may_claim => {}
            () = sleep(POLL) => {}
        }
    }

    /// What cannot be settled now is tried again; if that never succeeds, the lease ends and the mail is sent again.
    async fn settle(&mut self) {
        if self.unsettled.is_empty() {
            return;
        }
        match self.outbox.settle(self.unsettled.clone()).await {
            Ok(()) => self.unsettled.clear(),
            Err(error) => {
                tracing::error!(kind = error.kind(), mails = self.unsettled.len(), "deliveries cannot be settled");
            }
        }
    }
}

/// What a delivery came to; nothing, of one that was ended from outside: its mail is due again when the lease ends.
fn settlement_of(ended: Result<Settlement, JoinError>) -> Option<Settlement> {
    ended.inspect_err(|died| tracing::error!(%died, "a delivery had died; its mail is tried again")).ok()
}

/// A fault of the program with this mail counts as a failure of this mail, so that it is given up in the end.
async fn without_panic(delivery: impl Future<Output = Result<String, DeliveryError>>) -> Result<String, DeliveryError> {
    AssertUnwindSafe(delivery)
        .catch_unwind()
        .await
        .unwrap_or_else(|_| Err(DeliveryError::Transient("a fault of the program; its log says where".to_owned())))
}

impl Courier {
    async fn settlement(self, mail: DueMail, lease: LeaseId) -> Settlement {
        let id = mail.id;
        self.pace.wait().await;
        let delivered = without_panic(self.deliver(&mail)).await;
        let at = self.clock.now();
        let settled_as = self.judge(&mail, at, delivered);
        let result = match &settled_as {
            SettledAs::Sent { .. } => "sent",
            SettledAs::Retry { .. } => "retry",
            SettledAs::Failed { .. } => "failed",
        };
        metrics::counter!("trialgate_mails_total", "result" => result).increment(1);
        match &settled_as {
            SettledAs::Sent { .. } => tracing::info!(mail = %id, "a mail was sent"),
            SettledAs::Retry { error, .. } => {
                tracing::warn!(mail = %id, error, "a mail was not sent; it is tried again");
            }
            SettledAs::Failed { error } => tracing::error!(mail = %id, error, "a mail was given up"),
        }
        Settlement { mail: id, lease, at, settled_as }
    }

    async fn deliver(&self, mail: &DueMail) -> Result<String, DeliveryError> {
        // A missing key is ours to mend, and mending it sends the mail.
        let outgoing =
            mail.compose(self.planner.keyring()).map_err(|error| DeliveryError::Transient(error.to_string()))?;
        timeout(self.options.timeout, self.mailer.deliver(&outgoing)).await.unwrap_or_else(|_| {
            Err(DeliveryError::Transient(format!("no reply within {} s", self.options.timeout.as_secs())))
        })
    }

    fn judge(&self, mail: &DueMail, at: DateTime<Utc>, delivered: Result<String, DeliveryError>) -> SettledAs {
        match delivered {
            Ok(reply) => SettledAs::Sent { reply },
            Err(error) => self.options.retry.after(mail, at, &error),
        }
    }
}
