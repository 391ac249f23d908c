//! The conformance suite of adapters to a platform, checked from both ends.
//!
//! An adapter's tests implement [`PlatformHarness`] around the adapter and a fake of the platform, and expect of
//! [`breaches`] that there are none.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use trial_core::platform::{PlatformEvent, PlatformEventKind, PublishError};
use trial_core::ports::{Clock as _, TenantPlatform};
use trial_core::tenants::{Tenant, TenantStatus};
use trial_core::values::{EventId, Locale, TenantId};

use crate::FixedClock;
use crate::data::{company, email, phone};

/// The behaviour of the platform for the next events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlatformBehaviour {
    /// It accepts them.
    Accept,
    /// It refuses them, without a time to retry.
    Refuse,
    /// It asks for a wait of this many seconds.
    AskForWait(u64),
    /// It answers 410: none any more.
    Gone,
}

/// An event that arrived at the platform's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrivedEvent {
    /// The id by which the platform recognises a repetition.
    pub id: String,
    /// The body, to the byte.
    pub payload: String,
}

/// An adapter under test, with the platform's end of it.
#[async_trait]
pub trait PlatformHarness: Send + Sync {
    /// The adapter.
    fn platform(&self) -> &dyn TenantPlatform;

    /// Sets the behaviour of the platform from now on.
    async fn set_behaviour(&self, behaviour: PlatformBehaviour);

    /// Every event that has arrived since the harness was created, oldest first.
    async fn arrived(&self) -> Vec<ArrivedEvent>;
}

/// An event about the `n`-th applicant's tenant.
pub fn event(n: u8) -> PlatformEvent {
    let at: DateTime<Utc> = FixedClock::default().now();
    let tenant = Tenant {
        id: TenantId::new(at, [n; 10]),
        status: TenantStatus::Trial,
        phone: phone(n.into()),
        email: email(n.into()),
        company: company(n.into()),
        created_at: at,
        trial_ends_at: at + Duration::from_hours(30 * 24),
        key_id: "current".to_owned(),
        password_issue: 1,
        password_issued_at: at,
        locale: Locale::En,
        converted_at: None,
        suspended_at: None,
        closes_at: None,
        closed_at: None,
        told_until: at,
        next_step_at: None,
        conversion_asked_at: None,
    };
    PlatformEvent::of(PlatformEventKind::TrialStarted, EventId::new(at, [n; 10]), at, &tenant, &BTreeMap::new())
}

/// Runs every check; returns one line for each breach, none if the adapter conforms.
pub async fn breaches(harness: &dyn PlatformHarness) -> Vec<String> {
    let mut breaches = Vec::new();
    let platform = harness.platform();
    let mut judge = |check: &str, holds: bool, seen: String| {
        if !holds {
            breaches.push(format!("{check}: {seen}"));
        }
    };
    judge("the platform can be reached", platform.check().await.is_ok(), "it says that it cannot".to_owned());
    let told = platform.tell(&event(1)).await;
    judge(
        "an accepted event is reported as accepted",
        told.as_ref().is_ok_and(|reply| !reply.is_empty()),
        format!("{told:?}"),
    );
    harness.set_behaviour(PlatformBehaviour::Refuse).await;
    let told = platform.tell(&event(2)).await;
    let is_transient = matches!(&told, Err(PublishError::Transient { retry_after: None, .. }));
    judge("a refused event is to be retried", is_transient, format!("{told:?}"));
    harness.set_behaviour(PlatformBehaviour::AskForWait(90)).await;
    let told = platform.tell(&event(2)).await;
    let asked = Some(Duration::from_secs(90));
    let is_asked = matches!(&told, Err(PublishError::Transient { retry_after, .. }) if *retry_after == asked);
    judge("a requested wait is reported", is_asked, format!("{told:?}"));
    harness.set_behaviour(PlatformBehaviour::Gone).await;
    let told = platform.tell(&event(2)).await;
    judge("an endpoint that is gone is reported", matches!(told, Err(PublishError::Gone(_))), format!("{told:?}"));
    harness.set_behaviour(PlatformBehaviour::Accept).await;
    let told = platform.tell(&event(2)).await;
    judge("a platform that is back gets events again", told.is_ok(), format!("{told:?}"));
    let arrived = harness.arrived().await;
    let wanted: Vec<_> = [1, 2, 2, 2, 2]
        .map(event)
        .map(|event| ArrivedEvent { id: event.id.to_string(), payload: event.payload })
        .into();
    judge(
        "the arrived events are the delivered ones, the same at each attempt",
        arrived == wanted,
        format!("{arrived:#?}"),
    );
    breaches
}
