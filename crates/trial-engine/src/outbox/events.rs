//! Delivers tenant events to the platform.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use tokio::time::timeout;
use trial_core::error::LedgerError;
use trial_core::mails::Lease;
use trial_core::platform::{
    DueEvent, EVENT_RETRY_CAP, EndpointId, EventClaim, EventSettledAs, EventSettlement, PublishError,
};
use trial_core::ports::{Clock, EventOutbox, TenantPlatform};
use trial_core::values::LeaseId;

use super::delivery::{DeliveryBounds, Errand};
use crate::{EventDeliveryOptions, PlatformParts};

/// Delivers tenant events to the platform.
#[derive(Clone)]
pub(crate) struct EventConsumer {
    events: Arc<dyn EventOutbox>,
    platform: Arc<dyn TenantPlatform>,
    endpoint: EndpointId,
    clock: Arc<dyn Clock>,
    options: EventDeliveryOptions,
    state: Arc<PlatformState>,
}

/// The platform as this instance sees it: the problem of the last delivery, if any.
#[derive(Debug, Default)]
pub(crate) struct PlatformState(Mutex<Option<String>>);

impl PlatformState {
    pub(crate) fn problem(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, problem: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = problem;
    }
}

/// The problem shown for an endpoint that answered 410.
const DISABLED: &str = "it answered 410; no event is sent until `trialgate webhooks enable`";

impl EventConsumer {
    pub(crate) fn new(
        parts: &PlatformParts,
        clock: Arc<dyn Clock>,
        options: EventDeliveryOptions,
        state: Arc<PlatformState>,
    ) -> Self {
        Self {
            events: Arc::clone(&parts.events),
            platform: Arc::clone(&parts.platform),
            endpoint: parts.endpoint.clone(),
            clock,
            options,
            state,
        }
    }

    pub(crate) fn bounds(&self) -> DeliveryBounds {
        let EventDeliveryOptions { max_per_second, concurrency, lease, timeout: drain } = self.options;
        let longest_wait = EVENT_RETRY_CAP + Duration::from_mins(1);
        DeliveryBounds { max_per_second, concurrency, lease, drain, longest_wait }
    }

    /// A panic in this event counts as a failure of this event, so that it is given up in the end.
    async fn tell(&self, due: &DueEvent) -> Result<String, PublishError> {
        let bound = self.options.timeout;
        let told = AssertUnwindSafe(timeout(bound, self.platform.tell(&due.event))).catch_unwind().await;
        match told {
            Ok(Ok(told)) => told,
            Ok(Err(_)) => Err(PublishError::transient(format!("no answer within {} s", bound.as_secs()))),
            Err(_) => Err(PublishError::transient("a fault of the program; its log says where")),
        }
    }
}

#[async_trait]
impl Errand for EventConsumer {
    type Due = DueEvent;
    type Settlement = EventSettlement;
    const WHAT: &'static str = "events";

    async fn claim(&self, lease: Lease, limit: u32) -> Result<Vec<DueEvent>, LedgerError> {
        match self.events.claim_events(self.endpoint.clone(), lease, limit).await? {
            EventClaim::Due(events) => {
                if self.state.problem().as_deref() == Some(DISABLED) {
                    self.state.note(None);
                }
                Ok(events)
            }
            EventClaim::Disabled => {
                self.state.note(Some(DISABLED.to_owned()));
                Ok(Vec::new())
            }
        }
    }

    /// A lease outlasts the longest delivery of an event.
    async fn renew(&self, _leases: Vec<LeaseId>, _until: DateTime<Utc>) -> Result<(), LedgerError> {
        Ok(())
    }

    async fn deliver(self, due: DueEvent, lease: LeaseId) -> EventSettlement {
        let (event, kind) = (due.event.id, due.event.kind);
        let told = self.tell(&due).await;
        let at = self.clock.now();
        let settled_as = due.after(at, told);
        let result = match &settled_as {
            EventSettledAs::Sent { .. } => "sent",
            EventSettledAs::Retry { .. } => "retry",
            EventSettledAs::Failed { .. } => "failed",
            EventSettledAs::Gone { .. } => "gone",
        };
        metrics::counter!("trialgate_webhooks_total", "result" => result).increment(1);
        match &settled_as {
            EventSettledAs::Sent { .. } => {
                self.state.note(None);
                tracing::info!(%event, %kind, "an event was delivered");
            }
            EventSettledAs::Retry { error, .. } => {
                self.state.note(Some(format!("the last event was not accepted: {error}")));
                tracing::warn!(%event, %kind, error, "an event was not accepted; it is sent again");
            }
            EventSettledAs::Failed { error } => {
                self.state.note(Some(format!("the last event was given up: {error}")));
                tracing::error!(%event, %kind, error, "an event was given up");
            }
            EventSettledAs::Gone { reply } => {
                self.state.note(Some(DISABLED.to_owned()));
                tracing::error!(%event, %kind, reply, "the platform answered 410; none is sent until it is enabled");
            }
        }
        EventSettlement { event, lease, at, settled_as }
    }

    async fn settle(&self, settlements: Vec<EventSettlement>) -> Result<(), LedgerError> {
        self.events.settle_events(self.endpoint.clone(), settlements).await
    }
}
