//! The one ledger, as one instance meets it: every call can be cut off before and after, and fail in every way.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use trial_core::access_codes::{FreedCode, RestOver};
use trial_core::audit::ChangedBy;
use trial_core::error::LedgerError;
use trial_core::mails::{DueMail, Lease, Settlement};
use trial_core::planner::{Batch, Outcome, Planner};
use trial_core::platform::{EndpointId, EventClaim, EventSettlement};
use trial_core::ports::{Clock, EventOutbox, Gather, Outbox, Screen, TrialLedger, Upkeep};
use trial_core::tenants::DueTenant;
use trial_core::values::LeaseId;
use trial_core::warnings::{NewWarning, Warning};
use trial_engine::TimeServer;

use super::gate::Gate;
use super::mutation::Mutation;
use super::session::Session;
use super::step::Call;
use super::world::World;

#[derive(Clone)]
pub(super) struct Storage {
    pub(super) world: Arc<World>,
    pub(super) gate: Arc<Gate>,
    pub(super) on: usize,
    pub(super) session: Arc<Session>,
}

impl Storage {
    async fn call<T>(&self, call: Call, done: impl FnOnce() -> Result<T, LedgerError> + Send) -> Result<T, LedgerError>
    where
        T: Send,
    {
        self.gate.pass().await;
        let fault = self.world.fault(self.on, call);
        fault.before()?;
        let answer = done()?;
        self.gate.pass().await;
        fault.after()?;
        Ok(answer)
    }
}

#[async_trait]
impl TrialLedger for Storage {
    async fn commit(&self, batch: Arc<Batch>, planner: Arc<Planner>) -> Result<Vec<Outcome>, LedgerError> {
        self.gate.pass().await;
        let fault = self.world.fault(self.on, Call::Commit);
        if let Err(error) = fault.before() {
            self.world.cut_off(&batch, &planner);
            return Err(error);
        }
        let (outcomes, stored) = self.world.decide(&batch, &planner, &self.session)?;
        self.gate.pass().await;
        if let Err(error) = fault.after() {
            return self.world.unknown(&batch, &planner, &self.session, error);
        }
        self.session.memory().acknowledge(stored);
        Ok(outcomes)
    }

    async fn commit_next(&self, gather: Gather, planner: Arc<Planner>) -> Result<Vec<Outcome>, LedgerError> {
        self.gate.pass().await;
        let batch = gather();
        self.session.form(&batch, self.world.real.now());
        self.commit(batch, planner).await
    }

    async fn check(&self) -> Result<(), LedgerError> {
        self.gate.pass().await;
        self.world.judge(&mut self.world.seen(), &self.session)
    }
}

#[async_trait]
impl TimeServer for Storage {
    async fn time(&self) -> Result<DateTime<Utc>, LedgerError> {
        let now = self.world.clock.now();
        self.gate.pass().await;
        Ok(now)
    }
}

#[async_trait]
impl Screen for Storage {
    async fn screen(&self, batch: Arc<Batch>, planner: Arc<Planner>) -> Result<Vec<Option<Outcome>>, LedgerError> {
        self.call(Call::Screen, || Ok(self.world.ledger.screen_out(&batch, &planner))).await
    }
}

#[async_trait]
impl Outbox for Storage {
    async fn claim(&self, lease: Lease, limit: u32) -> Result<Vec<DueMail>, LedgerError> {
        self.call(Call::Claim, || Ok(self.world.claim(lease, limit))).await
    }

    async fn renew(&self, leases: Vec<LeaseId>, until: DateTime<Utc>) -> Result<(), LedgerError> {
        self.call(Call::Settle, || {
            self.world.renew(&leases, until);
            Ok(())
        })
        .await
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), LedgerError> {
        self.call(Call::Settle, || {
            self.world.settle(settlements);
            Ok(())
        })
        .await
    }
}

#[async_trait]
impl EventOutbox for Storage {
    async fn claim_events(&self, endpoint: EndpointId, lease: Lease, limit: u32) -> Result<EventClaim, LedgerError> {
        self.call(Call::Claim, || Ok(())).await?;
        self.world.ledger.claim_events(endpoint, lease, limit).await
    }

    async fn settle_events(&self, endpoint: EndpointId, settlements: Vec<EventSettlement>) -> Result<(), LedgerError> {
        self.call(Call::Settle, || Ok(())).await?;
        self.world.ledger.settle_events(endpoint, settlements).await
    }
}

#[async_trait]
impl Upkeep for Storage {
    async fn due_tenants(
        &self,
        now: DateTime<Utc>,
        after: Option<DueTenant>,
        limit: u32,
    ) -> Result<Vec<DueTenant>, LedgerError> {
        self.gate.pass().await;
        self.world.works_for_good_at(now);
        self.world.ledger.due_tenants(now, after, limit).await
    }

    async fn rehearse(&self, batch: Arc<Batch>, planner: Arc<Planner>) -> Result<Vec<Outcome>, LedgerError> {
        self.world.ledger.rehearse(batch, planner).await
    }

    async fn end_rests(&self, rest: RestOver, limit: u32, dry_run: bool) -> Result<Vec<FreedCode>, LedgerError> {
        self.gate.pass().await;
        self.world.works_for_good_at(rest.now);
        let freed = self.world.ledger.end_rests(self.world.rest(rest), limit, dry_run).await?;
        self.world.seen().monitor.freed(&rest, &freed);
        self.gate.pass().await;
        Ok(freed)
    }

    async fn clock_mark(&self) -> Result<Option<DateTime<Utc>>, LedgerError> {
        self.gate.pass().await;
        if self.world.has(Mutation::LeapIgnored) {
            return Ok(None);
        }
        self.world.ledger.clock_mark().await
    }

    async fn mark_clock(&self, now: DateTime<Utc>) -> Result<(), LedgerError> {
        self.world.ledger.mark_clock(now).await
    }

    async fn confirm_clock(&self, by: ChangedBy) -> Result<(), LedgerError> {
        self.world.ledger.confirm_clock(by).await
    }

    async fn count_hours(&self, until: DateTime<Utc>) -> Result<bool, LedgerError> {
        self.world.ledger.count_hours(until).await
    }

    async fn warn(&self, warning: NewWarning) -> Result<bool, LedgerError> {
        self.gate.pass().await;
        self.world.ledger.warn(warning).await
    }

    async fn warnings(&self, day: NaiveDate) -> Result<Vec<Warning>, LedgerError> {
        self.world.ledger.warnings(day).await
    }
}
