//! Commands that are decided by the planner, as in the service.

use std::sync::Arc;

use trial_core::planner::Planner;
use trial_core::ports::TenantCommands;
use trial_core::tenants::{TenantCommand, TenantOutcome};
use trial_engine::{Orders, follow_once};

use crate::ambient::OsEntropy;
use crate::config::Config;
use crate::ledger::Ledger;

/// The planner of this configuration, under the settings in force.
///
/// # Errors
/// A secret is missing, or the database cannot be used.
pub(super) async fn planner(config: &Config, ledger: &Ledger) -> anyhow::Result<Arc<Planner>> {
    let planner = Planner::new(Arc::new(config.policy.clone()), Arc::new(config.keyring()?));
    follow_once(&*ledger.settings(), planner.in_force()).await?;
    Ok(Arc::new(planner))
}

/// Submits one command to the planner.
///
/// # Errors
/// A secret is missing, or the database cannot be used.
pub(super) async fn tenant_order(
    config: &Config,
    ledger: &Ledger,
    order: TenantCommand,
) -> anyhow::Result<TenantOutcome> {
    let orders = Orders {
        ledger: ledger.decisions(),
        clock: ledger.clock(),
        entropy: Arc::new(OsEntropy),
        planner: planner(config, ledger).await?,
    };
    Ok(orders.order(order).await?)
}
