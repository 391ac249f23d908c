//! The pool of access codes: its stock, and single codes.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use trial_core::access_codes::{AccessCodePage, AccessCodeStock, AccessCodeView, PoolOutlook, USE_DAYS};
use trial_core::error::LedgerError;
use trial_core::policy::Policy;
use trial_core::ports::Operations;
use utoipa::ToSchema;

use super::page::{Page, one_more};

/// Access codes by kind and state.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Stock)]
pub struct StockReport {
    /// One entry per kind.
    pub stock: Vec<KindStock>,
}

/// Access codes of one kind by state.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KindStock {
    /// voice or multimedia.
    pub kind: &'static str,
    /// Available.
    pub free: u64,
    /// Leased to tenants.
    pub leased: u64,
    /// In quarantine after their release.
    pub quarantined: u64,
    /// Taken out of use.
    pub retired: u64,
    /// Days until none is free, by the use of the last 14 days; null if none was used.
    #[schema(required)]
    pub days_until_empty: Option<f64>,
    /// End of the next quarantine; null if no code is in quarantine.
    #[schema(required)]
    pub next_rest_ends_at: Option<DateTime<Utc>>,
}

/// An access code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PoolCode)]
pub struct AccessCodeReport {
    /// The code.
    pub code: String,
    /// voice or multimedia.
    pub kind: &'static str,
    /// free, leased, quarantined or retired.
    pub state: &'static str,
    /// Time of the last change of state.
    pub since: DateTime<Utc>,
    /// The tenant that holds the code, or held it before the quarantine.
    #[schema(required)]
    pub tenant: Option<String>,
}

/// The stock of the pool, by kind.
///
/// # Errors
/// [`LedgerError`] if a query fails.
pub async fn stock(
    operations: &dyn Operations,
    policy: &Policy,
    now: DateTime<Utc>,
) -> Result<StockReport, LedgerError> {
    let pool = outlook(operations, policy, now).await?;
    Ok(StockReport { stock: pool.iter().map(KindStock::from).collect() })
}

/// A page of the codes of one kind and state, in their own order.
///
/// # Errors
/// [`LedgerError`] if the query fails.
pub async fn list(operations: &dyn Operations, page: AccessCodePage) -> Result<Page<AccessCodeReport>, LedgerError> {
    let limit = page.limit;
    let found = operations.access_codes(AccessCodePage { limit: one_more(limit), ..page }).await?;
    Ok(Page::of(limit, found, |view| view.code.to_string(), |view| AccessCodeReport::from(view)))
}

/// The stock and the outlook of the pool, by kind.
///
/// # Errors
/// [`LedgerError`] if a query fails.
pub(crate) async fn outlook(
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

impl From<&PoolOutlook> for KindStock {
    fn from(pool: &PoolOutlook) -> Self {
        let AccessCodeStock { kind, free, leased, quarantined, retired } = pool.stock;
        let (days_until_empty, next_rest_ends_at) = (pool.days_until_empty(), pool.next_rest_ends_at);
        Self { kind: kind.as_str(), free, leased, quarantined, retired, days_until_empty, next_rest_ends_at }
    }
}

impl From<&AccessCodeView> for AccessCodeReport {
    fn from(view: &AccessCodeView) -> Self {
        Self {
            code: view.code.to_string(),
            kind: view.kind.as_str(),
            state: view.state.as_str(),
            since: view.since,
            tenant: view.tenant.map(|tenant| tenant.to_string()),
        }
    }
}
