//! Platform events in memory.

use async_trait::async_trait;
use trial_core::audit::ChangedBy;
use trial_core::error::LedgerError;
use trial_core::mails::Lease;
use trial_core::platform::{
    DueEvent, EndpointId, EventClaim, EventPage, EventQueue, EventSettledAs, EventSettlement, EventState, EventView,
    PlatformEvent,
};
use trial_core::ports::{EventOperations, EventOutbox};
use trial_core::values::EventId;

use super::operations::audit;
use super::{KeptEvent, MemoryLedger, MemoryState};

#[async_trait]
impl EventOutbox for MemoryLedger {
    async fn claim_events(&self, endpoint: EndpointId, lease: Lease, limit: u32) -> Result<EventClaim, LedgerError> {
        let mut state = self.lock();
        if state.gone.contains_key(&endpoint) {
            return Ok(EventClaim::Disabled);
        }
        let heads = state.heads(&lease, limit);
        Ok(EventClaim::Due(heads.into_iter().map(|place| state.events[place].claim(&lease)).collect()))
    }

    async fn settle_events(&self, endpoint: EndpointId, settlements: Vec<EventSettlement>) -> Result<(), LedgerError> {
        let mut state = self.lock();
        for settlement in settlements {
            if let EventSettledAs::Gone { reply } = &settlement.settled_as {
                state.gone.entry(endpoint.clone()).or_insert((settlement.at, reply.clone()));
            }
            if let Some(kept) = state.events.iter_mut().find(|kept| kept.view.event.id == settlement.event) {
                kept.settle(settlement);
            }
        }
        Ok(())
    }
}

#[async_trait]
impl EventOperations for MemoryLedger {
    async fn events(&self, page: EventPage) -> Result<Vec<EventView>, LedgerError> {
        let state = self.lock();
        let mut newest: Vec<_> = state.events.iter().map(|kept| kept.view.clone()).collect();
        newest.retain(|view| page.state.is_none_or(|of| view.state == of));
        newest.retain(|view| page.before.is_none_or(|before| view.event.id < before));
        newest.sort_by_key(|view| std::cmp::Reverse(view.event.id));
        newest.truncate(usize::try_from(page.limit).expect("fits"));
        Ok(newest)
    }

    async fn event(&self, id: EventId) -> Result<Option<EventView>, LedgerError> {
        let state = self.lock();
        let found = state.events.iter().find(|kept| kept.view.event.id == id);
        Ok(found.map(|kept| kept.view.clone()))
    }

    async fn replay_event(&self, id: EventId, by: ChangedBy) -> Result<bool, LedgerError> {
        let mut state = self.lock();
        let Some(kept) = state.events.iter_mut().find(|kept| kept.view.event.id == id) else { return Ok(false) };
        let before = kept.view.state;
        kept.lease = None;
        kept.view = EventView {
            state: EventState::Due,
            attempts: 0,
            next_attempt_at: by.at,
            settled_at: None,
            ..kept.view.clone()
        };
        state.audit.push(audit(by, "platform.replay", &id.to_string(), format!("before {before}, after due")));
        Ok(true)
    }

    async fn enable_endpoint(&self, endpoint: EndpointId, by: ChangedBy) -> Result<bool, LedgerError> {
        let mut state = self.lock();
        let was_disabled = state.gone.remove(&endpoint).is_some();
        if was_disabled {
            let detail = "before disabled, after enabled".to_owned();
            state.audit.push(audit(by, "platform.enable", "platform", detail));
        }
        Ok(was_disabled)
    }

    async fn event_queue(&self, endpoint: EndpointId) -> Result<EventQueue, LedgerError> {
        let state = self.lock();
        let of = |wanted| state.events.iter().map(|kept| &kept.view).filter(move |view| view.state == wanted);
        let count = |wanted| u64::try_from(of(wanted).count()).expect("fits");
        Ok(EventQueue {
            due: count(EventState::Due),
            oldest_due: of(EventState::Due).map(|view| view.event.at).min(),
            failed: count(EventState::Failed),
            disabled: state.gone.get(&endpoint).cloned(),
        })
    }
}

impl MemoryState {
    pub(super) fn insert_event(&mut self, event: PlatformEvent) {
        assert!(self.events.iter().all(|kept| kept.view.event.id != event.id), "{:?} is used twice", event.id);
        let view = EventView {
            state: EventState::Due,
            attempts: 0,
            next_attempt_at: event.at,
            settled_at: None,
            last_reply: None,
            event,
        };
        self.events.push(KeptEvent { view, lease: None });
    }

    /// The places of the oldest event of each tenant, if that is due; the longest due first.
    fn heads(&self, lease: &Lease, limit: u32) -> Vec<usize> {
        let mut waiting = std::collections::BTreeSet::new();
        let mut heads = Vec::new();
        for (place, KeptEvent { view, .. }) in self.events.iter().enumerate() {
            let is_first = view.state == EventState::Due && waiting.insert(view.event.tenant);
            if is_first && (view.next_attempt_at <= lease.now || view.next_attempt_at > lease.horizon) {
                heads.push((view.next_attempt_at, place));
            }
        }
        heads.sort_unstable();
        heads.into_iter().take(usize::try_from(limit).expect("fits")).map(|(_, place)| place).collect()
    }
}

impl KeptEvent {
    fn claim(&mut self, lease: &Lease) -> DueEvent {
        self.view.next_attempt_at = lease.until;
        self.lease = Some(lease.id);
        DueEvent { event: self.view.event.clone(), attempts: self.view.attempts }
    }

    fn settle(&mut self, EventSettlement { lease, at, settled_as, .. }: EventSettlement) {
        let holds = self.view.state == EventState::Due && self.lease == Some(lease);
        match settled_as {
            EventSettledAs::Sent { reply } if self.view.state != EventState::Sent => {
                self.attempted(EventState::Sent, reply);
                self.view.settled_at = Some(at);
            }
            EventSettledAs::Retry { next_attempt_at, error } if holds => {
                self.attempted(EventState::Due, error);
                self.view.next_attempt_at = next_attempt_at;
            }
            EventSettledAs::Failed { error } if holds => {
                self.attempted(EventState::Failed, error);
                self.view.settled_at = Some(at);
            }
            EventSettledAs::Gone { reply } if holds => {
                self.lease = None;
                self.view.next_attempt_at = at;
                self.view.last_reply = Some(reply);
            }
            _ => {}
        }
    }

    fn attempted(&mut self, state: EventState, reply: String) {
        self.view.state = state;
        self.view.attempts += 1;
        self.view.last_reply = Some(reply);
        self.lease = None;
    }
}
