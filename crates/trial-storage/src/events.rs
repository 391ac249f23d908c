//! Events of the platform as stored, for every database.

use diesel::prelude::*;
use trial_core::error::LedgerError;
use trial_core::platform::{DueEvent, EventQueue, EventState, EventView, PlatformEvent};
use trial_core::values::{EventId, TenantId};

use crate::convert::{count, id, micros, name, shown, time};
use crate::schema::platform_events;

#[derive(Insertable)]
#[diesel(table_name = platform_events, treat_none_as_default_value = false)]
pub(crate) struct NewEvent<'a> {
    pub(crate) id: &'a [u8],
    pub(crate) kind: &'static str,
    pub(crate) tenant: &'a [u8],
    pub(crate) at: i64,
    pub(crate) payload: &'a str,
    pub(crate) state: &'static str,
    pub(crate) attempts: i32,
    pub(crate) next_attempt_at: i64,
}

impl<'a> From<&'a PlatformEvent> for NewEvent<'a> {
    fn from(event: &'a PlatformEvent) -> Self {
        Self {
            id: event.id.as_bytes(),
            kind: event.kind.as_str(),
            tenant: event.tenant.as_bytes(),
            at: micros(event.at),
            payload: &event.payload,
            state: EventState::Due.as_str(),
            attempts: 0,
            next_attempt_at: micros(event.at),
        }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = platform_events)]
pub(crate) struct EventRow {
    pub(crate) id: Vec<u8>,
    kind: String,
    tenant: Vec<u8>,
    at: i64,
    payload: String,
    state: String,
    attempts: i32,
    next_attempt_at: i64,
    settled_at: Option<i64>,
    last_reply: Option<String>,
}

impl TryFrom<EventRow> for EventView {
    type Error = LedgerError;

    fn try_from(row: EventRow) -> Result<Self, LedgerError> {
        Ok(Self {
            event: PlatformEvent {
                id: EventId::from_bytes(id(&row.id, "platform_events.id")?),
                kind: name(&row.kind, "platform_events.kind")?,
                tenant: TenantId::from_bytes(id(&row.tenant, "platform_events.tenant")?),
                at: shown(row.at),
                payload: row.payload,
            },
            state: name(&row.state, "platform_events.state")?,
            attempts: count(row.attempts, "platform_events.attempts")?,
            next_attempt_at: shown(row.next_attempt_at),
            settled_at: row.settled_at.map(shown),
            last_reply: row.last_reply,
        })
    }
}

/// A claimed event.
pub(crate) fn due(row: EventRow) -> Result<DueEvent, LedgerError> {
    time(row.at, "platform_events.at")?;
    let EventView { event, attempts, .. } = row.try_into()?;
    Ok(DueEvent { event, attempts })
}

/// The queue of an endpoint: due events and the oldest, events given up, and whether the endpoint is disabled.
pub(crate) fn queue(
    (due, oldest_due): (i64, Option<i64>),
    failed: i64,
    disabled: Option<(i64, String)>,
) -> Result<EventQueue, LedgerError> {
    Ok(EventQueue {
        due: count(due, "platform_events.state")?,
        oldest_due: oldest_due.map(shown),
        failed: count(failed, "platform_events.state")?,
        disabled: disabled.map(|(at, reason)| (shown(at), reason)),
    })
}
