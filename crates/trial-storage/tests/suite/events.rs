//! The order in which a tenant's events are delivered, and every statement of a delivery.

use std::time::Duration;

use trial_core::mails::Lease;
use trial_core::platform::{EndpointId, EventClaim, EventPage, EventSettledAs, EventSettlement, EventState};
use trial_core::ports::{EventOperations, EventOutbox, TrialLedger};
use trial_core::values::LeaseId;
use trial_testkit::LedgerHarness;

/// Settles the one event of a fixture in every way there is, and lists it.
pub(crate) async fn tell<L: TrialLedger + EventOutbox + EventOperations>(harness: &LedgerHarness<L>) {
    let (now, endpoint) = (harness.now(), EndpointId::of_url("https://platform.example.com/hooks"));
    let id = LeaseId::new(now, [2; 10]);
    let lease = Lease { id, now, until: now + Duration::from_mins(1), horizon: now + Duration::from_hours(25) };
    let claim = harness.ledger.claim_events(endpoint.clone(), lease, 10).await.unwrap();
    let EventClaim::Due(claimed) = claim else { panic!("the endpoint is not gone") };
    assert_eq!(claimed.len(), 1);
    let event = claimed[0].event.id;
    for settled_as in [
        EventSettledAs::Retry { next_attempt_at: now, error: "later".to_owned() },
        EventSettledAs::Failed { error: "never".to_owned() },
        EventSettledAs::Gone { reply: "410".to_owned() },
        EventSettledAs::Sent { reply: "200".to_owned() },
    ] {
        let settlement = EventSettlement { event, lease: id, at: now, settled_as };
        harness.ledger.settle_events(endpoint.clone(), vec![settlement]).await.unwrap();
    }
    let page = EventPage { state: Some(EventState::Sent), before: None, limit: 9 };
    assert_eq!(harness.ledger.events(page).await.unwrap().len(), 1);
    assert!(harness.ledger.replay_event(event, harness.operator()).await.unwrap());
    assert!(harness.ledger.event_queue(endpoint.clone()).await.unwrap().disabled.is_some());
    assert!(harness.ledger.enable_endpoint(endpoint, harness.operator()).await.unwrap());
}
