//! The port of number ranges: blocks, and the safe list.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::ChangedBy;
use crate::error::LedgerError;
use crate::fraud_guard::{RangeBlockRecord, SafeOutcome, SafeRange};
use crate::values::NumberRange;

/// Queries and changes of number ranges by operations. The core decides by them.
///
/// # Errors
/// All methods: [`LedgerError::Unavailable`] if the database cannot be reached, [`LedgerError::Contended`] if it stays
/// busy.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait NumberRanges: Send + Sync {
    /// The blocks that have not expired, at most `limit`, those that last the longest first. Their effect depends on
    /// the mode of the fraud guard and on the safe list.
    async fn prefix_blocks(&self, now: DateTime<Utc>, limit: u32) -> Result<Vec<RangeBlockRecord>, LedgerError>;

    /// The entries that operations put on the safe list, in the order of their prefixes.
    async fn safe_prefixes(&self) -> Result<Vec<SafeRange>, LedgerError>;

    /// Ends the block of a number range and restarts the count of its codes. Returns the former block; `None` if none
    /// is in force.
    async fn release_prefix(&self, prefix: NumberRange, by: ChangedBy)
    -> Result<Option<RangeBlockRecord>, LedgerError>;

    /// Puts a number range on the safe list, in force from the next decision of every instance.
    async fn add_safe_prefix(&self, safe: SafeRange, by: ChangedBy) -> Result<SafeOutcome, LedgerError>;

    /// Removes a number range from the safe list. Returns `false` if it was not on it.
    async fn remove_safe_prefix(&self, prefix: NumberRange, by: ChangedBy) -> Result<bool, LedgerError>;
}
