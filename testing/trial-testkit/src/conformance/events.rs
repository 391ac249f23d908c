//! Events to the platform: once each, in order, until they are accepted or given up.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use trial_core::mails::{Lease, MailKind};
use trial_core::platform::{
    DueEvent, EVENT_RETRIES, EndpointId, EventClaim, EventPage, EventSettledAs, EventSettlement, EventState, EventView,
    PlatformEventKind, PublishError,
};
use trial_core::ports::{EventOperations, EventOutbox, Operations, TrialLedger};
use trial_core::tenants::TenantAction;
use trial_core::values::{EventId, LeaseId};

use super::{LedgerFactory, assert_sound};
use crate::LedgerHarness;
use crate::data::{company, email, multimedia, phone, planner_with, voice};

const LEASE: Duration = Duration::from_mins(2);

/// The events of a fixture, and a worker that delivers them.
struct Teller<L> {
    harness: LedgerHarness<L>,
    endpoint: EndpointId,
}

async fn teller<F: LedgerFactory>(factory: &F, pairs: u32) -> Teller<F::Ledger> {
    let planner = planner_with(|policy| policy.platform_listens = true);
    let harness = LedgerHarness::with_planner(factory.fresh().await, planner).with_access_codes(pairs).await;
    Teller { harness, endpoint: EndpointId::of_url("https://platform.example.com/hooks") }
}

impl<L: TrialLedger + Operations + EventOutbox + EventOperations> Teller<L> {
    async fn claim(&self, limit: u32) -> (LeaseId, Vec<DueEvent>) {
        let now = self.harness.now();
        let id = LeaseId::new(now, self.harness.entropy.draw());
        let lease = Lease { id, now, until: now + LEASE, horizon: now + Duration::from_hours(25) };
        match self.harness.ledger.claim_events(self.endpoint.clone(), lease, limit).await.unwrap() {
            EventClaim::Due(events) => (id, events),
            EventClaim::Disabled => panic!("the endpoint is not gone"),
        }
    }

    async fn claim_one(&self) -> (LeaseId, DueEvent) {
        let (lease, mut events) = self.claim(9).await;
        assert_eq!(events.len(), 1);
        (lease, events.remove(0))
    }

    async fn assert_nothing_due(&self) {
        assert_eq!(self.claim(9).await.1, []);
    }

    async fn settle(&self, event: EventId, lease: LeaseId, settled_as: EventSettledAs) {
        let settlement = EventSettlement { event, lease, at: self.harness.now(), settled_as };
        self.harness.ledger.settle_events(self.endpoint.clone(), vec![settlement]).await.unwrap();
    }

    async fn view(&self, id: EventId) -> EventView {
        self.harness.ledger.event(id).await.unwrap().unwrap()
    }
}

fn taken() -> EventSettledAs {
    EventSettledAs::Sent { reply: "200".to_owned() }
}

fn down() -> Result<String, PublishError> {
    Err(PublishError::transient("503"))
}

/// The end of a trial is published once, at its time, with or without a mail left for the owner that day.
pub async fn the_end_of_a_trial_is_published_when_no_mail_is_left<F: LedgerFactory>(factory: &F) {
    let planner = planner_with(|policy| {
        policy.platform_listens = true;
        policy.quota.threshold = 1;
    });
    let harness = LedgerHarness::with_planner(factory.fresh().await, planner).with_access_codes(2).await;
    let teller = Teller { harness, endpoint: EndpointId::of_url("https://platform.example.com/hooks") };
    let harness = &teller.harness;
    let tenant = harness.join(1).await;
    harness.wait(Duration::from_hours(23 * 24) - Duration::from_secs(1));
    harness.join(2).await;
    let endings = async || {
        let page = EventPage { state: None, before: None, limit: 99 };
        let events = harness.ledger.events(page).await.unwrap();
        events.iter().filter(|view| view.event.kind == PlatformEventKind::TrialEnding).count()
    };
    assert_eq!(endings().await, 0);
    harness.wait(Duration::from_secs(1));
    let told = harness.change(tenant, TenantAction::Advance).await;
    assert_eq!((told.mail, told.mail_waits, endings().await), (None, true, 1), "the day's only mail is taken");
    for order in
        [TenantAction::Advance, TenantAction::AskConversion, TenantAction::Advance, TenantAction::WithdrawConversion]
    {
        assert_eq!(harness.change(tenant, order).await.mail, None);
        harness.wait(Duration::from_mins(15));
    }
    assert_eq!(endings().await, 1, "once");
    harness.wait(Duration::from_hours(24));
    let mailed = harness.change(tenant, TenantAction::Advance).await;
    assert_eq!(
        (mailed.mail, endings().await),
        (Some(MailKind::Reminder), 1),
        "the mail comes later, the event does not again"
    );
    harness.wait(Duration::from_hours(5 * 24));
    let last = harness.change(tenant, TenantAction::Advance).await;
    assert_eq!((last.mail, endings().await), (Some(MailKind::Reminder), 2), "a day before the end");
}

/// Without a receiver, no events are stored.
pub async fn no_event_is_stored_without_a_platform<F: LedgerFactory>(factory: &F) {
    let harness = super::harness(factory, 1).await;
    harness.join(1).await;
    let page = EventPage { state: None, before: None, limit: 9 };
    assert_eq!(harness.ledger.events(page).await.unwrap(), []);
}

/// An acceptance is published with all that the platform needs for a tenant; a refusal and a replay are not.
pub async fn an_acceptance_is_published_once<F: LedgerFactory>(factory: &F) {
    let teller = teller(factory, 1).await;
    let application = teller.harness.prepared(1).await;
    assert_eq!(teller.harness.apply_for_code(crate::data::application(1, "wrong")).await, "002");
    assert_eq!(teller.harness.apply_for_code(application.clone()).await, "000");
    assert_eq!(teller.harness.apply_for_code(application).await, "000");
    let (lease, due) = teller.claim_one().await;
    let event = &due.event;
    assert_eq!((event.kind, event.at, due.attempts), (PlatformEventKind::TrialStarted, teller.harness.now(), 0));
    let payload: Value = serde_json::from_str(&event.payload).unwrap();
    let data = &payload["data"];
    assert_eq!((&payload["type"], &data["status"]), (&"tenant.trial_started".into(), &"trial".into()));
    assert_eq!(payload["timestamp"], serde_json::to_value(event.at).unwrap());
    assert_eq!(data["tenant_id"], event.tenant.to_string());
    for (name, value) in [
        ("company", company(1).as_str()),
        ("phone", phone(1).as_str()),
        ("email", email(1).as_str()),
        ("account_name", &format!("admin@{}", event.tenant)),
    ] {
        assert_eq!(data[name], value, "{name}");
    }
    assert_eq!(data["access_codes"]["voice"], voice(1).as_str());
    assert_eq!(data["access_codes"]["multimedia"], multimedia(1).as_str());
    let ends = teller.harness.now() + Duration::from_hours(30 * 24);
    assert_eq!(data["trial_ends_at"], serde_json::to_value(ends).unwrap());
    teller.settle(event.id, lease, taken()).await;
    let view = teller.view(event.id).await;
    assert_eq!((view.state, view.attempts, view.settled_at), (EventState::Sent, 1, Some(teller.harness.now())));
    assert_eq!((view.last_reply.as_deref(), &view.event), (Some("200"), event));
    teller.harness.wait(Duration::from_hours(48));
    teller.assert_nothing_due().await;
    assert_sound(&*teller.harness.ledger).await;
}

/// The longest due first, at most the limit, and none twice before the lease ends.
pub async fn events_are_claimed_by_one_worker<F: LedgerFactory>(factory: &F) {
    let teller = teller(factory, 3).await;
    let mut tenants = Vec::new();
    for n in 1..4 {
        tenants.push(teller.harness.join(n).await);
        teller.harness.wait(Duration::from_secs(1));
    }
    let (first, second) = (teller.claim(2).await.1, teller.claim(2).await.1);
    let of = |claimed: &[DueEvent]| claimed.iter().map(|due| due.event.tenant).collect::<BTreeSet<_>>();
    assert_eq!(
        (of(&first), of(&second)),
        (tenants[..2].iter().copied().collect(), tenants[2..].iter().copied().collect())
    );
    teller.assert_nothing_due().await;
    teller.harness.wait(LEASE);
    assert_eq!(teller.claim(9).await.1.len(), 3, "the lease ended");
}

/// An event is due again by its schedule, and given up after the last attempt.
pub async fn an_event_is_retried_and_given_up<F: LedgerFactory>(factory: &F) {
    let teller = teller(factory, 1).await;
    teller.harness.join(1).await;
    let first = teller.claim(9).await;
    let (mut lease, mut due) = (first.0, first.1[0].clone());
    let id = due.event.id;
    for (attempt, wait) in (1..).zip(EVENT_RETRIES) {
        teller.settle(id, lease, due.after(teller.harness.now(), down())).await;
        let view = teller.view(id).await;
        assert_eq!((view.state, view.attempts, view.settled_at), (EventState::Due, attempt, None));
        assert_eq!((view.next_attempt_at, view.last_reply.as_deref()), (teller.harness.now() + wait, Some("503")));
        teller.harness.wait(wait / 2);
        teller.assert_nothing_due().await;
        teller.harness.wait(wait / 2);
        (lease, due) = teller.claim_one().await;
        assert_eq!(due.attempts, attempt);
    }
    teller.settle(id, lease, due.after(teller.harness.now(), down())).await;
    let view = teller.view(id).await;
    assert_eq!((view.state, view.attempts), (EventState::Failed, 10));
    teller.harness.wait(Duration::from_hours(48));
    teller.assert_nothing_due().await;
    let queue = teller.harness.ledger.event_queue(teller.endpoint.clone()).await.unwrap();
    assert_eq!((queue.due, queue.oldest_due, queue.failed, queue.disabled), (0, None, 1, None));
}

/// A delivery counts even if its lease has ended; any other settlement counts under the current lease alone.
pub async fn a_late_word_of_an_event<F: LedgerFactory>(factory: &F) {
    let teller = teller(factory, 1).await;
    teller.harness.join(1).await;
    let (slow, due) = teller.claim_one().await;
    let id = due.event.id;
    teller.harness.wait(LEASE);
    let (fast, _) = teller.claim_one().await;
    let before = teller.view(id).await;
    teller.settle(id, slow, due.after(teller.harness.now(), down())).await;
    teller.settle(id, slow, EventSettledAs::Failed { error: "400".to_owned() }).await;
    assert_eq!(teller.view(id).await, before);
    teller.settle(id, slow, taken()).await;
    teller.settle(id, fast, due.after(teller.harness.now(), down())).await;
    teller.settle(id, fast, taken()).await;
    let view = teller.view(id).await;
    assert_eq!((view.state, view.attempts), (EventState::Sent, 1));
}

/// After a 410 nothing is published, and nothing is lost, until an operator enables the endpoint.
pub async fn a_gone_endpoint_is_left_alone<F: LedgerFactory>(factory: &F) {
    let teller = teller(factory, 2).await;
    teller.harness.join(1).await;
    let (lease, due) = teller.claim_one().await;
    let gone_at = teller.harness.now();
    let gone = due.after(gone_at, Err(PublishError::Gone("410".to_owned())));
    teller.settle(due.event.id, lease, gone).await;
    let view = teller.view(due.event.id).await;
    assert_eq!((view.state, view.attempts, view.last_reply.as_deref()), (EventState::Due, 0, Some("410")));
    teller.harness.join(2).await;
    teller.harness.wait(Duration::from_hours(1));

    let ledger = &teller.harness.ledger;
    let now = teller.harness.now();
    let lease = Lease { id: lease, now, until: now + LEASE, horizon: now + LEASE };
    assert_eq!(ledger.claim_events(teller.endpoint.clone(), lease, 9).await.unwrap(), EventClaim::Disabled);
    let queue = ledger.event_queue(teller.endpoint.clone()).await.unwrap();
    assert_eq!((queue.due, queue.oldest_due), (2, Some(gone_at)));
    assert_eq!(queue.disabled, Some((gone_at, "410".to_owned())));
    let another = EndpointId::of_url("https://platform.example.com/moved");
    assert_eq!(ledger.event_queue(another.clone()).await.unwrap().disabled, None, "another address is not gone");
    assert!(!ledger.enable_endpoint(another, teller.harness.operator()).await.unwrap());
    assert!(ledger.enable_endpoint(teller.endpoint.clone(), teller.harness.operator()).await.unwrap());
    assert!(!ledger.enable_endpoint(teller.endpoint.clone(), teller.harness.operator()).await.unwrap());
    assert_eq!(teller.claim(9).await.1.len(), 2);
    assert_sound(&**ledger).await;
}

/// An event due beyond the horizon dates from before the clock was set back: it is due now.
pub async fn a_clock_set_back_delays_no_event<F: LedgerFactory>(factory: &F) {
    let teller = teller(factory, 1).await;
    teller.harness.join(1).await;
    teller.harness.clock.step_back(Duration::from_hours(24));
    teller.assert_nothing_due().await;
    teller.harness.clock.step_back(Duration::from_hours(2));
    teller.claim_one().await;
}

/// An operator can have any event published again, in any state, under the same id and with the same body.
pub async fn an_event_can_be_replayed<F: LedgerFactory>(factory: &F) {
    let teller = teller(factory, 1).await;
    teller.harness.join(1).await;
    let ledger = &teller.harness.ledger;
    let unknown = EventId::new(teller.harness.now(), teller.harness.entropy.draw());
    assert!(!ledger.replay_event(unknown, teller.harness.operator()).await.unwrap());
    assert_eq!(ledger.event(unknown).await.unwrap(), None);
    let (lease, due) = teller.claim_one().await;
    teller.settle(due.event.id, lease, taken()).await;
    teller.harness.wait(Duration::from_hours(30));
    assert!(ledger.replay_event(due.event.id, teller.harness.operator()).await.unwrap());
    let view = teller.view(due.event.id).await;
    assert_eq!((view.state, view.attempts, view.settled_at), (EventState::Due, 0, None));
    assert_eq!(view.next_attempt_at, teller.harness.now());
    let (lease, again) = teller.claim_one().await;
    assert_eq!(again, due);
    teller.settle(due.event.id, lease, EventSettledAs::Failed { error: "400".to_owned() }).await;
    assert!(ledger.replay_event(due.event.id, teller.harness.operator()).await.unwrap());
    let (old, _) = teller.claim_one().await;
    assert!(ledger.replay_event(due.event.id, teller.harness.operator()).await.unwrap(), "one under delivery");
    teller.settle(due.event.id, old, due.after(teller.harness.now(), down())).await;
    assert_eq!(teller.claim_one().await.1, due, "the earlier attempt no longer counts");
    assert_sound(&**ledger).await;
}

/// Events are listed newest first, page by page, by state.
pub async fn events_are_listed_newest_first<F: LedgerFactory>(factory: &F) {
    let teller = teller(factory, 3).await;
    let mut tenants = Vec::new();
    for n in 1..4 {
        tenants.push(teller.harness.join(n).await);
        teller.harness.wait(Duration::from_secs(1));
    }
    let (lease, due) = teller.claim(9).await;
    let of_second = due.iter().find(|due| due.event.tenant == tenants[1]).unwrap();
    teller.settle(of_second.event.id, lease, taken()).await;
    let list = async |state, before, limit| {
        let listed = teller.harness.ledger.events(EventPage { state, before, limit }).await.unwrap();
        listed.iter().map(|view| (view.event.tenant, view.event.id)).collect::<Vec<_>>()
    };
    let all = list(None, None, 9).await;
    assert_eq!(all.iter().map(|(tenant, _)| *tenant).collect::<Vec<_>>(), [tenants[2], tenants[1], tenants[0]]);
    assert_eq!(list(None, Some(all[0].1), 1).await, all[1..2]);
    assert_eq!(list(Some(EventState::Sent), None, 9).await, all[1..2]);
    assert_eq!(list(Some(EventState::Due), Some(all[0].1), 9).await, all[2..]);
    assert_eq!(list(Some(EventState::Failed), None, 9).await, []);
}
