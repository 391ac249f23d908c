//! What the contact-centre platform is told, and by whom.

use async_trait::async_trait;

use crate::operations::ChangedBy;
use crate::{
    EndpointId, EventClaim, EventId, EventPage, EventQueue, EventSettlement, EventView, Lease, LedgerError,
    PlatformEvent, TellError,
};

/// Events that wait to be told to the platform.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait EventOutbox: Send + Sync {
    /// Claims at most `limit` due events, the longest due first, and of each tenant none but the oldest that is not settled.
    /// Until the lease ends, nobody else gets them; then they are due again, unless they were settled.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is claimed then.
    async fn claim_events(&self, endpoint: EndpointId, lease: Lease, limit: u32) -> Result<EventClaim, LedgerError>;

    /// Records what became of claimed events. Whatever says that one was not taken counts only under the lease that still
    /// holds; that one was taken always counts, and so does that the endpoint is gone.
    ///
    /// # Errors
    /// Whatever stands in the way; the events are due again when their lease ends.
    async fn settle_events(&self, endpoint: EndpointId, settlements: Vec<EventSettlement>) -> Result<(), LedgerError>;
}

/// What operations personnel ask and change of the platform's events.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait EventOperations: Send + Sync {
    /// Lists events, newest first.
    ///
    /// # Errors
    /// Whatever stands in the way.
    async fn events(&self, page: EventPage) -> Result<Vec<EventView>, LedgerError>;

    /// Shows one event.
    ///
    /// # Errors
    /// Whatever stands in the way.
    async fn event(&self, id: EventId) -> Result<Option<EventView>, LedgerError>;

    /// Makes an event due now, whatever became of it, with its schedule from the beginning; says whether there is such one.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn replay_event(&self, id: EventId, by: ChangedBy) -> Result<bool, LedgerError>;

    /// Has an endpoint told again that was gone; says whether it was.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn enable_endpoint(&self, endpoint: EndpointId, by: ChangedBy) -> Result<bool, LedgerError>;

    /// Counts what waits for an endpoint.
    ///
    /// # Errors
    /// Whatever stands in the way.
    async fn event_queue(&self, endpoint: EndpointId) -> Result<EventQueue, LedgerError>;
}

/// The contact-centre platform that tenants live in, where it is not this service.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait TenantPlatform: Send + Sync {
    /// Tells one event, within a bounded time; returns the receiver's status.
    ///
    /// # Errors
    /// It was not taken.
    async fn tell(&self, event: &PlatformEvent) -> Result<String, TellError>;

    /// Says whether events could be told right now, as far as can be known without telling one.
    ///
    /// # Errors
    /// Whatever stands in the way.
    async fn check(&self) -> Result<(), TellError>;
}
