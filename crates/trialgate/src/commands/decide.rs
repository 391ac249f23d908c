//! Orders that commands give through the planner, as the service does.

use std::sync::Arc;

use trial_core::ports::TenantOrders;
use trial_core::{LifeOutcome, Planner, TenantOrder};
use trial_engine::Orders;

use crate::compose::{OsEntropy, SystemClock};
use crate::config::Config;
use crate::ledger::Ledger;

/// The planner that the configuration makes.
///
/// # Errors
/// A secret is missing.
pub(super) fn planner(config: &Config) -> anyhow::Result<Arc<Planner>> {
    Ok(Arc::new(Planner::new(Arc::new(config.policy.clone()), Arc::new(config.keyring()?))))
}

/// Has an order decided, in a turn of its own.
///
/// # Errors
/// A secret is missing, or the database cannot be used.
pub(super) async fn tenant_order(config: &Config, ledger: &Ledger, order: TenantOrder) -> anyhow::Result<LifeOutcome> {
    let orders = Orders {
        ledger: ledger.decisions(),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(OsEntropy),
        planner: planner(config)?,
    };
    Ok(orders.order(order).await?)
}
