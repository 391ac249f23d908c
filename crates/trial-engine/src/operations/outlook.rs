//! The outlook of the pool and of number ranges.

use chrono::{DateTime, TimeDelta, Utc};
use trial_core::access_codes::{PoolOutlook, USE_DAYS};
use trial_core::error::LedgerError;
use trial_core::fraud_guard::{MOST_BLOCKS, RangeOutlook};
use trial_core::policy::{BreakerMode, Policy};
use trial_core::ports::{NumberRanges, Operations};
use trial_core::values::NumberRange;

/// The stock and the outlook of the pool, by kind.
///
/// # Errors
/// [`LedgerError::Unavailable`] if the database cannot be reached.
pub async fn pool_outlook(
    operations: &dyn Operations,
    policy: &Policy,
    now: DateTime<Utc>,
) -> Result<Vec<PoolOutlook>, LedgerError> {
    let stock = operations.access_code_stock().await?;
    let hours = operations.application_hours(now - TimeDelta::days(USE_DAYS.into()), now).await?;
    let taken = hours.iter().map(|hour| hour.tenants).sum();
    let rests = operations.resting_since().await?;
    let ends = |kind| rests.iter().find(|(of, _)| *of == kind).map(|(_, since)| *since + policy.trial.quarantine);
    Ok(stock.into_iter().map(|stock| PoolOutlook { taken, next_rest_ends_at: ends(stock.kind), stock }).collect())
}

/// Returns the blocked and the safe prefixes as of now.
///
/// # Errors
/// [`LedgerError`] if a query fails.
pub async fn range_outlook(
    prefixes: &dyn NumberRanges,
    policy: &Policy,
    now: DateTime<Utc>,
) -> Result<RangeOutlook, LedgerError> {
    let rules = &policy.abuse;
    let safe = prefixes.safe_prefixes().await?;
    let added: Vec<NumberRange> = safe.iter().map(|safe| safe.prefix).collect();
    let mut blocked = match rules.breaker.mode {
        BreakerMode::Off => Vec::new(),
        BreakerMode::Shadow | BreakerMode::On => prefixes.prefix_blocks(now, MOST_BLOCKS).await?,
    };
    blocked.retain(|record| record.block.is_in_force(now) && !rules.is_safe(record.prefix, &added));
    Ok(RangeOutlook { mode: rules.breaker.mode, blocked, configured: rules.safe_prefixes.clone(), safe })
}
