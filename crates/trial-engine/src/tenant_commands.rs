//! Commands about tenants: each is a batch of its own.

use std::sync::Arc;

use async_trait::async_trait;
use trial_core::error::LedgerError;
use trial_core::planner::{Batch, FreshIds, Outcome, Planner, Request};
use trial_core::ports::{Clock, Entropy, TenantCommands, TrialLedger};
use trial_core::tenants::{TenantCommand, TenantOutcome};

/// Has commands decided on this ledger.
#[derive(Clone)]
pub struct Orders {
    /// The ledger that decides.
    pub ledger: Arc<dyn TrialLedger>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness for ids.
    pub entropy: Arc<dyn Entropy>,
    /// The rules.
    pub planner: Arc<Planner>,
}

/// The planner answered a command with another kind of outcome.
#[derive(Debug, thiserror::Error)]
#[error("a command got the outcome of another request, by a fault of the program")]
struct Mistaken;

#[async_trait]
impl TenantCommands for Orders {
    async fn order(&self, order: TenantCommand) -> Result<TenantOutcome, LedgerError> {
        let now = self.clock.now();
        let mut entropy = [0; FreshIds::ENTROPY];
        self.entropy.fill(&mut entropy);
        let batch = Batch { now, requests: vec![(FreshIds::new(now, &entropy), Request::Tenant(order))] };
        let outcomes = self.ledger.commit(Arc::new(batch), Arc::clone(&self.planner)).await?;
        match outcomes.into_iter().next() {
            Some(Outcome::Tenant(outcome)) => Ok(outcome),
            _ => Err(LedgerError::Corrupt(Box::new(Mistaken))),
        }
    }
}
