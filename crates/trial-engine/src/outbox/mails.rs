//! Delivers mails to the mail server.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use tokio::time::timeout;
use trial_core::error::LedgerError;
use trial_core::mails::{ComposeError, DeliveryError, DueMail, Lease, MailRetry, SettledAs, Settlement};
use trial_core::planner::Planner;
use trial_core::ports::{Clock, Mailer, Outbox};
use trial_core::values::LeaseId;

use super::delivery::{DeliveryBounds, Errand};
use crate::clock_watch::ClockWatch;
use crate::outbox::rate_limiter::Pace;
use crate::{EngineParts, MailDeliveryOptions};

/// Longer than any clock error.
const A_CENTURY: Duration = Duration::from_hours(100 * 365 * 24);

/// Delivers mails.
#[derive(Clone)]
pub(crate) struct MailConsumer {
    outbox: Arc<dyn Outbox>,
    mailer: Arc<dyn Mailer>,
    planner: Arc<Planner>,
    clock: Arc<dyn Clock>,
    options: MailDeliveryOptions,
    pace: Pace,
    watch: Arc<ClockWatch>,
}

impl MailConsumer {
    pub(crate) fn new(parts: &EngineParts, options: MailDeliveryOptions, watch: Arc<ClockWatch>) -> Self {
        Self {
            outbox: Arc::clone(&parts.outbox),
            mailer: Arc::clone(&parts.mailer),
            planner: Arc::clone(&parts.planner),
            clock: Arc::clone(&parts.clock),
            options,
            pace: Pace::new(options.max_per_second),
            watch,
        }
    }

    pub(crate) fn bounds(&self) -> DeliveryBounds {
        let MailDeliveryOptions { max_per_second, concurrency, lease, drain, retry, .. } = self.options;
        DeliveryBounds { max_per_second, concurrency, lease, drain, longest_wait: retry.cap }
    }

    async fn hand_over(&self, mail: &DueMail) -> Result<SettledAs, DeliveryError> {
        let trial = self.planner.in_force().now().trial.clone();
        let outgoing = match mail.compose(self.planner.keyring(), &trial, self.clock.now()) {
            Ok(outgoing) => outgoing,
            Err(ComposeError::Overtaken(reason)) => return Ok(SettledAs::Overtaken { reason: reason.to_owned() }),
            // A missing key is an operator's to restore; once it is back, the mail is sent.
            Err(error @ ComposeError::Key(_)) => return Err(DeliveryError::Transient(error.to_string())),
        };
        let delivered = timeout(self.options.timeout, self.mailer.deliver(&outgoing)).await.unwrap_or_else(|_| {
            Err(DeliveryError::Transient(format!("no reply within {} s", self.options.timeout.as_secs())))
        });
        let redaction = outgoing.redaction();
        delivered
            .map(|reply| SettledAs::Sent { reply: redaction.redact(&reply) })
            .map_err(|error| error.redacted(&redaction))
    }

    fn judge(&self, mail: &DueMail, at: DateTime<Utc>, delivered: Result<SettledAs, DeliveryError>) -> SettledAs {
        match delivered {
            Ok(settled_as) => settled_as,
            Err(error) => {
                // A mail is given up by its age, which is unknown after a leap of the clock.
                let retry = self.options.retry;
                let patient = MailRetry { give_up_after: A_CENTURY, ..retry };
                if self.watch.gap().is_some() { patient } else { retry }.after(mail, at, &error)
            }
        }
    }
}

#[async_trait]
impl Errand for MailConsumer {
    type Due = DueMail;
    type Settlement = Settlement;
    const WHAT: &'static str = "mails";

    async fn claim(&self, lease: Lease, limit: u32) -> Result<Vec<DueMail>, LedgerError> {
        self.outbox.claim(lease, limit).await
    }

    async fn renew(&self, leases: Vec<LeaseId>, until: DateTime<Utc>) -> Result<(), LedgerError> {
        self.outbox.renew(leases, until).await
    }

    async fn deliver(self, mail: DueMail, lease: LeaseId) -> Settlement {
        let id = mail.id;
        self.pace.wait().await;
        let delivered = without_panic(self.hand_over(&mail)).await;
        let at = self.clock.now();
        let settled_as = self.judge(&mail, at, delivered);
        metrics::counter!("trialgate_mails_total", "result" => settled_as.as_str()).increment(1);
        match &settled_as {
            SettledAs::Sent { .. } => tracing::info!(mail = %id, "a mail was sent"),
            SettledAs::Retry { error, .. } => {
                tracing::warn!(mail = %id, error, "a mail was not sent; it is tried again");
            }
            SettledAs::Failed { error } => tracing::error!(mail = %id, error, "a mail was given up"),
            SettledAs::Overtaken { reason } => {
                tracing::info!(mail = %id, reason, "a mail was overtaken and is not sent");
            }
        }
        Settlement { mail: id, lease, at, settled_as }
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), LedgerError> {
        self.outbox.settle(settlements).await
    }
}

/// A panic in this mail counts as a failure of this mail, so that it is given up in the end.
async fn without_panic(
    delivery: impl Future<Output = Result<SettledAs, DeliveryError>>,
) -> Result<SettledAs, DeliveryError> {
    AssertUnwindSafe(delivery)
        .catch_unwind()
        .await
        .unwrap_or_else(|_| Err(DeliveryError::Transient("a fault of the program; its log says where".to_owned())))
}
