//! The ports of the events to the contact-centre platform: the outbox, its operations, and the receiver.

use async_trait::async_trait;

use crate::audit::ChangedBy;
use crate::error::LedgerError;
use crate::mails::Lease;
use crate::platform::{
    EndpointId, EventClaim, EventPage, EventQueue, EventSettlement, EventView, PlatformEvent, PublishError,
};
use crate::values::EventId;

/// The outbox of events to the platform.
///
/// # Errors
/// All methods: [`LedgerError::Unavailable`] if the database cannot be reached, [`LedgerError::Contended`] if it stays
/// busy.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait EventOutbox: Send + Sync {
    /// Claims at most `limit` due events, the longest due first, and of each tenant only the oldest that is not
    /// settled. Until the lease ends, nobody else gets them; then they are due again, unless they were settled.
    async fn claim_events(&self, endpoint: EndpointId, lease: Lease, limit: u32) -> Result<EventClaim, LedgerError>;

    /// Records the results of claimed events. A failure counts only under the lease that still holds; that an event was
    /// accepted or that the endpoint is gone always counts.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`] if the database cannot be reached; the events are due again when their lease ends.
    async fn settle_events(&self, endpoint: EndpointId, settlements: Vec<EventSettlement>) -> Result<(), LedgerError>;
}

/// Queries and changes of the platform's events by operations personnel.
///
/// # Errors
/// All methods: [`LedgerError::Unavailable`] if the database cannot be reached, [`LedgerError::Contended`] if it stays
/// busy.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait EventOperations: Send + Sync {
    /// Lists events, newest first.
    async fn events(&self, page: EventPage) -> Result<Vec<EventView>, LedgerError>;

    /// Returns one event.
    async fn event(&self, id: EventId) -> Result<Option<EventView>, LedgerError>;

    /// Makes an event due now, in any state, and restarts its schedule. Returns `false` if there is no such event.
    async fn replay_event(&self, id: EventId, by: ChangedBy) -> Result<bool, LedgerError>;

    /// Resumes publishing to an endpoint that was gone. Returns `false` if it was not.
    async fn enable_endpoint(&self, endpoint: EndpointId, by: ChangedBy) -> Result<bool, LedgerError>;

    /// Counts the events that wait for an endpoint.
    async fn event_queue(&self, endpoint: EndpointId) -> Result<EventQueue, LedgerError>;
}

/// The contact-centre platform that receives the events.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait TenantPlatform: Send + Sync {
    /// Publishes one event within a bounded time, and returns the receiver's status.
    ///
    /// # Errors
    /// [`PublishError`] if the receiver did not accept it.
    async fn tell(&self, event: &PlatformEvent) -> Result<String, PublishError>;

    /// Checks that events could be published right now, as far as can be known without publishing one.
    ///
    /// # Errors
    /// [`PublishError`] if not.
    async fn check(&self) -> Result<(), PublishError>;
}
