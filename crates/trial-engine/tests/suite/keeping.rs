//! A sweep does what time has brought, whatever stands in its way.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use trial_core::ports::TrialLedger;
use trial_core::{Batch, LedgerError, Outcome, Planner, Request, TenantId, TenantStatus};
use trial_engine::{Keeper, Kept};
use trial_testkit::{Desk, MemoryLedger, data};

/// A ledger in which the rows of one tenant make no sense.
struct WithBadRow {
    ledger: Arc<MemoryLedger>,
    bad: TenantId,
}

#[async_trait]
impl TrialLedger for WithBadRow {
    async fn commit(&self, batch: Arc<Batch>, planner: Arc<Planner>) -> Result<Vec<Outcome>, LedgerError> {
        let is_bad = |request: &Request| matches!(request, Request::Tenant(order) if order.tenant == self.bad);
        if batch.requests.iter().any(|(_, request)| is_bad(request)) {
            return Err(LedgerError::Corrupt("tenants.created_at holds what it should not".into()));
        }
        self.ledger.commit(batch, planner).await
    }

    async fn check(&self) -> Result<(), LedgerError> {
        Ok(())
    }
}

#[tokio::test]
async fn a_tenant_that_cannot_be_read_stands_in_no_others_way() {
    let desk = Desk::new(MemoryLedger::default()).with_access_codes(3).await;
    let tenants = [desk.join(1).await, desk.join(2).await, desk.join(3).await];
    desk.wait(Duration::from_hours(31 * 24));
    let ledger = Arc::new(WithBadRow { ledger: Arc::clone(&desk.ledger), bad: tenants[1] });
    let upkeep = Arc::clone(&desk.ledger);
    let clock = Arc::new(desk.clock.clone());
    let entropy = Arc::new(trial_testkit::SeededEntropy::new(9));
    let keeper = Keeper::new(ledger, upkeep, clock, entropy, data::planner());
    let mut swept = Vec::new();
    let tell = |kept| {
        if let Kept::Tenant(tenant, change) = kept {
            swept.push((tenant, change.after));
        }
    };
    keeper.sweep(false, tell).await.unwrap();
    swept.sort_unstable_by_key(|(tenant, _)| *tenant);
    let mut expected = [(tenants[0], TenantStatus::Suspended), (tenants[2], TenantStatus::Suspended)];
    expected.sort_unstable_by_key(|(tenant, _)| *tenant);
    assert_eq!(swept, expected);
}
