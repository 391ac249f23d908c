//! Events for the platform.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;
use trial_core::error::LedgerError;
use trial_core::platform::{EventPage, EventState, EventView};
use trial_core::ports::EventOperations;
use trial_core::values::EventId;

use super::page::{Page, one_more};

/// An event and its delivery state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventReport {
    /// Its id, sent as `webhook-id`.
    pub id: String,
    /// Its type, such as `tenant.trial_started`.
    pub r#type: &'static str,
    /// Id of the tenant.
    pub tenant: String,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// due, sent or failed.
    pub state: &'static str,
    /// Attempts since it was first due or was replayed.
    pub attempts: u32,
    /// Time of the next attempt; null unless due.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// Time at which it was accepted or given up; null while it is due.
    pub settled_at: Option<DateTime<Utc>>,
    /// The receiver's last status, or the fault.
    pub last_reply: Option<String>,
}

/// An event with its payload.
#[derive(Debug, Clone, Serialize)]
pub struct EventWithPayload {
    /// The event.
    #[serde(flatten)]
    pub event: EventReport,
    /// The payload, as it is sent.
    pub payload: Box<RawValue>,
}

/// A page of events, newest first.
///
/// # Errors
/// [`LedgerError`] if the query fails.
pub async fn list(events: &dyn EventOperations, page: EventPage) -> Result<Page<EventReport>, LedgerError> {
    let found = events.events(EventPage { limit: one_more(page.limit), ..page }).await?;
    Ok(Page::of(page.limit, found, |view| view.event.id.to_string(), |view| EventReport::from(view)))
}

/// One event with its payload.
///
/// # Errors
/// [`LedgerError`] if the query fails; `Corrupt` if the stored payload is not JSON.
pub async fn show(events: &dyn EventOperations, id: EventId) -> Result<Option<EventWithPayload>, LedgerError> {
    let Some(view) = events.event(id).await? else { return Ok(None) };
    let event = EventReport::from(&view);
    let payload = RawValue::from_string(view.event.payload).map_err(|error| LedgerError::Corrupt(Box::new(error)))?;
    Ok(Some(EventWithPayload { event, payload }))
}

impl From<&EventView> for EventReport {
    fn from(view: &EventView) -> Self {
        Self {
            id: view.event.id.to_string(),
            r#type: view.event.kind.as_str(),
            tenant: view.event.tenant.to_string(),
            at: view.event.at,
            state: view.state.as_str(),
            attempts: view.attempts,
            next_attempt_at: (view.state == EventState::Due).then_some(view.next_attempt_at),
            settled_at: view.settled_at,
            last_reply: view.last_reply.clone(),
        }
    }
}
