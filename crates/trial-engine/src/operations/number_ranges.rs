//! Number ranges of the fraud guard: blocked ones, and the safe list.

use chrono::{DateTime, Utc};
use serde::Serialize;
use trial_core::error::LedgerError;
use trial_core::fraud_guard::{MOST_BLOCKS, RangeBlock, RangeBlockRecord, SafeRange};
use trial_core::policy::{BreakerMode, Policy};
use trial_core::ports::NumberRanges;
use trial_core::values::NumberRange;
use utoipa::ToSchema;

/// Blocked number ranges and the safe list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = PrefixList)]
pub struct NumberRangesReport {
    /// off; shadow: ranges listed as blocked would be, but are not; or on.
    pub mode: &'static str,
    /// Current blocks, at most 1,000, the longest lasting first.
    pub blocked: Vec<BlockedRangeReport>,
    /// Number ranges that are never blocked, with all numbers that begin with them.
    pub safe: Vec<SafeRangeReport>,
}

/// A number range that is blocked, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = BlockedRange)]
pub struct BlockedRangeReport {
    /// A phone without its last four digits, such as +861667328.
    #[schema(value_type = String)]
    pub prefix: NumberRange,
    /// Begin of the block.
    pub since: DateTime<Utc>,
    /// End of the block.
    pub until: DateTime<Utc>,
    /// Codes sent before the decision.
    pub sent: u32,
    /// Codes that were used.
    pub used: u32,
    /// Requests since the block that were refused, or would have been.
    pub met: u32,
    /// `true` if requests are refused: the mode is on.
    pub enforced: bool,
}

/// A number range that is never blocked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SafeRange)]
pub struct SafeRangeReport {
    /// First digits of phone numbers with the country calling code, such as +861667328 or +86.
    #[schema(value_type = String)]
    pub prefix: NumberRange,
    /// `true` if it is in the configuration; it cannot be removed here.
    pub configured: bool,
    /// Reason; null if it is in the configuration.
    #[schema(required)]
    pub reason: Option<String>,
    /// Time of the entry; null if it is in the configuration.
    #[schema(required)]
    pub at: Option<DateTime<Utc>>,
    /// Author of the entry; null if it is in the configuration.
    #[schema(required)]
    pub actor: Option<String>,
}

/// The blocked and the safe number ranges as of now.
///
/// # Errors
/// [`LedgerError`] if a query fails.
pub async fn list(
    ranges: &dyn NumberRanges,
    policy: &Policy,
    now: DateTime<Utc>,
) -> Result<NumberRangesReport, LedgerError> {
    let rules = &policy.abuse;
    let mode = rules.breaker.mode;
    let safe = ranges.safe_prefixes().await?;
    let added: Vec<NumberRange> = safe.iter().map(|safe| safe.prefix).collect();
    let mut blocked = match mode {
        BreakerMode::Off => Vec::new(),
        BreakerMode::Shadow | BreakerMode::On => ranges.prefix_blocks(now, MOST_BLOCKS).await?,
    };
    blocked.retain(|record| record.block.is_in_force(now) && !rules.is_safe(record.prefix, &added));
    let block = |RangeBlockRecord { prefix, block }| {
        let RangeBlock { since, until, sent, used, met, .. } = block;
        BlockedRangeReport { prefix, since, until, sent, used, met, enforced: mode == BreakerMode::On }
    };
    let configured = rules.safe_prefixes.iter().copied().map(SafeRangeReport::configured);
    Ok(NumberRangesReport {
        mode: mode.as_str(),
        blocked: blocked.into_iter().map(block).collect(),
        safe: configured.chain(safe.into_iter().map(SafeRangeReport::from)).collect(),
    })
}

impl SafeRangeReport {
    fn configured(prefix: NumberRange) -> Self {
        Self { prefix, configured: true, reason: None, at: None, actor: None }
    }
}

impl From<SafeRange> for SafeRangeReport {
    fn from(safe: SafeRange) -> Self {
        Self {
            prefix: safe.prefix,
            configured: false,
            reason: Some(safe.reason.as_str().to_owned()),
            at: Some(safe.at),
            actor: Some(safe.actor),
        }
    }
}
