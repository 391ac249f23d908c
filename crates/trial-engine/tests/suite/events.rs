//! Delivery of events: by the specification's schedule, holding up nobody, and not at all without a platform.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::advance;
use trial_core::error::LedgerError;
use trial_core::mails::Lease;
use trial_core::platform::{
    DueEvent, EndpointId, EventClaim, EventQueue, EventSettledAs, EventSettlement, PlatformEvent, PublishError,
};
use trial_core::ports::{EventOutbox, MockEventOperations, MockTrialLedger, TenantPlatform};
use trial_engine::{Engine, EngineParts, PlatformParts};
use trial_testkit::RecordingPlatform;
use trial_testkit::platform_conformance::event;

use crate::stage::{now, options, parts};

fn endpoint() -> EndpointId {
    EndpointId::of_url("https://platform.example.com/")
}

/// Hands out its events once, unless the endpoint is disabled; records settlements.
#[derive(Default)]
struct Tray {
    due: Mutex<Vec<DueEvent>>,
    settled: Mutex<Vec<EventSettlement>>,
    is_disabled: Mutex<bool>,
}

impl Tray {
    fn holding(events: impl IntoIterator<Item = (u8, u32)>) -> Arc<Self> {
        let due = events.into_iter().map(|(n, attempts)| DueEvent { event: event(n), attempts });
        Arc::new(Self { due: Mutex::new(due.collect()), ..Self::default() })
    }

    /// Lets time pass until this number of events is settled; their settlements, in the order of their numbers.
    async fn settled(&self, events: usize) -> Vec<EventSettledAs> {
        while self.settled.lock().unwrap().len() < events {
            advance(Duration::from_millis(50)).await;
        }
        let mut settled = self.settled.lock().unwrap().clone();
        settled.sort_by_key(|one| (1..=u8::MAX).position(|n| event(n).id == one.event));
        settled.into_iter().map(|one| one.settled_as).collect()
    }
}

#[async_trait]
impl EventOutbox for Tray {
    async fn claim_events(&self, of: EndpointId, lease: Lease, limit: u32) -> Result<EventClaim, LedgerError> {
        assert_eq!(of, endpoint());
        assert!(lease.until > lease.now + options().events.timeout, "a lease outlives its delivery");
        if *self.is_disabled.lock().unwrap() {
            return Ok(EventClaim::Disabled);
        }
        let mut due = self.due.lock().unwrap();
        let claimed = due.len().min(usize::try_from(limit).unwrap());
        Ok(EventClaim::Due(due.drain(..claimed).collect()))
    }

    async fn settle_events(&self, _: EndpointId, settlements: Vec<EventSettlement>) -> Result<(), LedgerError> {
        self.settled.lock().unwrap().extend(settlements);
        Ok(())
    }
}

fn engine(tray: &Arc<Tray>, platform: Arc<dyn TenantPlatform>) -> Engine {
    let mut queue = MockEventOperations::new();
    queue.expect_event_queue().returning(|_| Ok(EventQueue { due: 0, oldest_due: None, failed: 0, disabled: None }));
    let platform = PlatformParts { events: tray.clone(), queue: Arc::new(queue), platform, endpoint: endpoint() };
    let mut ledger = MockTrialLedger::new();
    ledger.expect_check().returning(|| Ok(()));
    Engine::start(EngineParts { platform: Some(platform), ..parts(ledger) }, options())
}

/// The platform's problem as readiness shows it.
async fn problem(engine: &Engine) -> Option<String> {
    let dependencies = engine.health().dependencies().await;
    let platform = dependencies.into_iter().find(|dependency| dependency.name == "platform").unwrap();
    assert!(!platform.is_vital, "requests are served while the platform is down");
    platform.problem
}

#[tokio::test(start_paused = true)]
async fn an_event_is_delivered_and_settled_by_the_platforms_answer() {
    let tray = Tray::holding([(1, 0), (2, 0), (3, 9), (4, 1)]);
    let platform = Arc::new(RecordingPlatform::new([
        None,
        Some(PublishError::transient("status 500")),
        Some(PublishError::transient("status 500")),
        Some(PublishError::Transient { reason: "status 429".to_owned(), retry_after: Some(Duration::from_hours(1)) }),
    ]));
    let engine = engine(&tray, platform.clone());
    let settled = tray.settled(4).await;
    let retry = |wait, status: &str| EventSettledAs::Retry { next_attempt_at: now() + wait, error: status.to_owned() };
    assert_eq!(
        settled,
        [
            EventSettledAs::Sent { reply: "status 204".to_owned() },
            retry(Duration::from_secs(5), "status 500"),
            EventSettledAs::Failed { error: "status 500".to_owned() },
            retry(Duration::from_hours(1), "status 429"),
        ]
    );
    assert_eq!(platform.events(), [1, 2, 3, 4].map(event));
    assert_eq!(problem(&engine).await.as_deref(), Some("the last event was not accepted: status 429"));
    engine.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_to_a_gone_endpoint_until_it_is_enabled() {
    let tray = Tray::holding([(1, 0)]);
    let platform = Arc::new(RecordingPlatform::new([Some(PublishError::Gone("status 410".to_owned()))]));
    let engine = engine(&tray, platform.clone());
    assert_eq!(tray.settled(1).await, [EventSettledAs::Gone { reply: "status 410".to_owned() }]);
    assert!(problem(&engine).await.unwrap().contains("410"));
    *tray.is_disabled.lock().unwrap() = true;
    tray.due.lock().unwrap().push(DueEvent { event: event(1), attempts: 0 });
    advance(Duration::from_mins(1)).await;
    assert_eq!(platform.events().len(), 1);
    assert!(problem(&engine).await.unwrap().contains("410"));
    *tray.is_disabled.lock().unwrap() = false;
    assert_eq!(tray.settled(2).await[1], EventSettledAs::Sent { reply: "status 204".to_owned() });
    assert_eq!(problem(&engine).await, None);
    engine.stop().await.unwrap();
}

/// A platform with faults: panics at the first event, and never returns with the second.
struct Faulty;

#[async_trait]
impl TenantPlatform for Faulty {
    async fn tell(&self, told: &PlatformEvent) -> Result<String, PublishError> {
        assert_ne!(told.id, event(1).id, "the fault that this test is about");
        if told.id == event(2).id {
            std::future::pending::<()>().await;
        }
        Ok("status 200".to_owned())
    }

    async fn check(&self) -> Result<(), PublishError> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_hangs_or_panics_holds_up_no_other() {
    let tray = Tray::holding((1..=20).map(|n| (n, 0)));
    let engine = engine(&tray, Arc::new(Faulty));
    let settled = tray.settled(20).await;
    for (place, error) in [(0, "a fault of the program; its log says where"), (1, "no answer within 20 s")] {
        assert!(matches!(&settled[place], EventSettledAs::Retry { error: why, .. } if why == error), "{settled:?}");
    }
    assert!(settled[2..].iter().all(|one| matches!(one, EventSettledAs::Sent { .. })), "{settled:?}");
    engine.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn without_a_platform_readiness_names_none() {
    let mut ledger = MockTrialLedger::new();
    ledger.expect_check().returning(|| Ok(()));
    let engine = Engine::start(parts(ledger), options());
    let names: Vec<_> = engine.health().dependencies().await.into_iter().map(|dependency| dependency.name).collect();
    assert_eq!(names, ["storage", "sms", "mail", "clock"]);
    engine.stop().await.unwrap();
}
