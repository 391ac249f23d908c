//! The events about tenants that are published to the contact-centre platform, from the decision to their settlement.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::tenants::{Tenant, TenantStatus};
use crate::values::{AccessCode, AccessCodeKind, EventId, LeaseId, TenantId, named};

/// The waits before the second attempt and each one after it (Standard Webhooks, "Deliverability and reliability").
pub const EVENT_RETRIES: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(5),
    Duration::from_hours(10),
    Duration::from_hours(14),
    Duration::from_hours(20),
    Duration::from_hours(24),
];

/// The longest wait that a receiver may ask for.
pub const EVENT_RETRY_CAP: Duration = Duration::from_hours(24);

/// An event about a tenant, for its platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformEvent {
    /// Its id, the same at every attempt: `webhook-id`.
    pub id: EventId,
    /// The kind of event.
    pub kind: PlatformEventKind,
    /// The tenant.
    pub tenant: TenantId,
    /// When.
    pub at: DateTime<Utc>,
    /// The request body, the same bytes at every attempt: JSON with `type`, `timestamp` and `data`.
    pub payload: String,
}

/// The kinds of event about a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PlatformEventKind {
    /// An application was accepted: the tenant is in trial.
    TrialStarted,
    /// Its trial ends soon.
    TrialEnding,
    /// Its trial ends later than it did.
    Extended,
    /// It was suspended.
    Suspended,
    /// It was resumed.
    Resumed,
    /// It was converted.
    Converted,
    /// It was closed, and its access codes were released.
    Closed,
    /// It was reopened.
    Reopened,
}

named!(PlatformEventKind, "type of an event", {
    TrialStarted => "tenant.trial_started", TrialEnding => "tenant.trial_ending", Extended => "tenant.extended",
    Suspended => "tenant.suspended", Resumed => "tenant.resumed", Converted => "tenant.converted",
    Closed => "tenant.closed", Reopened => "tenant.reopened",
});

/// The state of an event's delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventState {
    /// To be published, now or later.
    Due,
    /// Accepted by the platform.
    Sent,
    /// Given up.
    Failed,
}

named!(EventState, "state of an event", { Due => "due", Sent => "sent", Failed => "failed" });

/// The stored form of the address that events go to: its digest, since the address may contain a secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EndpointId(String);

/// An event that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueEvent {
    /// The event.
    pub event: PlatformEvent,
    /// Attempts before this one, since it was first due or was replayed.
    pub attempts: u32,
}

/// The result of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventClaim {
    /// These events, each the oldest of its tenant that is not settled.
    Due(Vec<DueEvent>),
    /// The receiver answered 410 (gone): nothing is sent until an operator enables it.
    Disabled,
}

/// The reason why an event was not accepted: the receiver's status or the fault, without personal data of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The receiver may accept it later.
    #[error("{reason}")]
    Transient {
        /// The reason.
        reason: String,
        /// The wait that the receiver asked for.
        retry_after: Option<Duration>,
    },
    /// 410: the receiver wants no events any more.
    #[error("{0}")]
    Gone(String),
}

/// The result of an attempt to publish a claimed event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventSettlement {
    /// The event.
    pub event: EventId,
    /// The lease it was claimed under.
    pub lease: LeaseId,
    /// When it was attempted.
    pub at: DateTime<Utc>,
    /// The result.
    pub settled_as: EventSettledAs,
}

/// The result of an attempt to publish a claimed event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventSettledAs {
    /// Accepted, with this reply.
    Sent {
        /// The receiver's status.
        reply: String,
    },
    /// Due again at this time.
    Retry {
        /// When.
        next_attempt_at: DateTime<Utc>,
        /// The reason why it was not accepted.
        error: String,
    },
    /// Given up.
    Failed {
        /// The reason why it was not accepted.
        error: String,
    },
    /// The receiver is gone: it is disabled, and the event waits as if it had not been attempted.
    Gone {
        /// The receiver's status.
        reply: String,
    },
}

/// An event as operations see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventView {
    /// The event.
    pub event: PlatformEvent,
    /// The state of its delivery.
    pub state: EventState,
    /// Attempts since it was first due or was replayed.
    pub attempts: u32,
    /// The time of the next attempt, if it is due.
    pub next_attempt_at: DateTime<Utc>,
    /// The time at which it was accepted or given up.
    pub settled_at: Option<DateTime<Utc>>,
    /// The receiver's last status, or the fault.
    pub last_reply: Option<String>,
}

/// A page of events, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventPage {
    /// Only events in this state.
    pub state: Option<EventState>,
    /// Only events older than this one.
    pub before: Option<EventId>,
    /// Events, at most.
    pub limit: u32,
}

/// The events that wait, and whether any are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventQueue {
    /// Events that are due, now or later.
    pub due: u64,
    /// When the oldest of them happened.
    pub oldest_due: Option<DateTime<Utc>>,
    /// Events that were given up.
    pub failed: u64,
    /// The time since which nothing is sent, and the receiver's reply.
    pub disabled: Option<(DateTime<Utc>, String)>,
}

/// `data` of a payload: the tenant after the event.
#[derive(Serialize)]
struct TenantData<'a> {
    tenant_id: TenantId,
    status: &'static str,
    account_name: String,
    company: &'a str,
    phone: &'a str,
    email: &'a str,
    access_codes: BTreeMap<&'static str, &'a str>,
    created_at: DateTime<Utc>,
    trial_ends_at: DateTime<Utc>,
}

#[derive(Serialize)]
struct Payload<'a> {
    r#type: &'static str,
    timestamp: DateTime<Utc>,
    data: TenantData<'a>,
}

/// The members of `data` that are personal.
const PERSONAL: [&str; 3] = ["company", "phone", "email"];

impl PlatformEventKind {
    /// The kind of event for a change of status; `None` if the status is the same.
    pub fn of_change(before: TenantStatus, after: TenantStatus) -> Option<Self> {
        match (before, after) {
            (before, after) if before == after => None,
            (TenantStatus::Closed, _) => Some(Self::Reopened),
            (_, TenantStatus::Closed) => Some(Self::Closed),
            (_, TenantStatus::Suspended) => Some(Self::Suspended),
            (_, TenantStatus::Commercial) => Some(Self::Converted),
            (_, TenantStatus::Trial) => Some(Self::Resumed),
        }
    }
}

impl PlatformEvent {
    /// An event about a tenant as it is after `at`, with the access codes that it holds then.
    pub fn of(
        kind: PlatformEventKind,
        id: EventId,
        at: DateTime<Utc>,
        tenant: &Tenant,
        access_codes: &BTreeMap<AccessCodeKind, AccessCode>,
    ) -> Self {
        let data = TenantData {
            tenant_id: tenant.id,
            status: tenant.status.as_str(),
            account_name: Tenant::account_name(tenant.id),
            company: tenant.company.as_str(),
            phone: tenant.phone.as_str(),
            email: tenant.email.as_str(),
            access_codes: access_codes.iter().map(|(kind, code)| (kind.as_str(), code.as_str())).collect(),
            created_at: tenant.created_at,
            trial_ends_at: tenant.trial_ends_at,
        };
        #[expect(
            clippy::expect_used,
            reason = "texts, times and a map with texts as its keys can all be written as JSON"
        )]
        let payload = serde_json::to_string(&Payload { r#type: kind.as_str(), timestamp: at, data }).expect("is JSON");
        Self { id, kind, tenant: tenant.id, at, payload }
    }

    /// Returns the payload without the personal members.
    pub fn without_person(payload: &str) -> String {
        let Ok(mut payload) = serde_json::from_str::<serde_json::Value>(payload) else { return "{}".to_owned() };
        if let Some(data) = payload.get_mut("data").and_then(serde_json::Value::as_object_mut) {
            data.retain(|name, _| !PERSONAL.contains(&name.as_str()));
        }
        payload.to_string()
    }
}

impl EndpointId {
    /// The endpoint at this address.
    pub fn of_url(url: &str) -> Self {
        let digest = Sha256::digest(url.as_bytes());
        Self(digest.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        }))
    }

    /// The text that is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PublishError {
    /// A refusal for now, for this reason.
    pub fn transient(reason: impl Into<String>) -> Self {
        Self::Transient { reason: reason.into(), retry_after: None }
    }
}

impl DueEvent {
    /// The result of an attempt at `now`. Failed attempts are repeated on the schedule of [`EVENT_RETRIES`], later if
    /// the receiver asked for that, and given up after the last.
    pub fn after(&self, now: DateTime<Utc>, told: Result<String, PublishError>) -> EventSettledAs {
        match told {
            Ok(reply) => EventSettledAs::Sent { reply },
            Err(PublishError::Gone(reply)) => EventSettledAs::Gone { reply },
            Err(PublishError::Transient { reason, retry_after }) => {
                let place = usize::try_from(self.attempts).unwrap_or(usize::MAX);
                let Some(wait) = EVENT_RETRIES.get(place) else { return EventSettledAs::Failed { error: reason } };
                let asked = retry_after.unwrap_or_default().min(EVENT_RETRY_CAP);
                EventSettledAs::Retry { next_attempt_at: now + asked.max(*wait), error: reason }
            }
        }
    }
}
