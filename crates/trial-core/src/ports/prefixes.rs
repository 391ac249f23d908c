//! The port of number prefixes: which are blocked, and which never are.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::ChangedBy;
use crate::error::LedgerError;
use crate::fraud_guard::{PrefixBlockRecord, SafeOutcome, SafePrefix};
use crate::values::PhonePrefix;

/// Queries and changes of number prefixes by operations. The decisions based on them are taken in the core.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Prefixes: Send + Sync {
    /// The blocks that have not expired, at most `limit`, those that last the longest first. Their effect depends on
    /// the mode of the fraud guard and on the safe list.
    ///
    /// # Errors
    /// [`LedgerError`] if the query fails.
    async fn prefix_blocks(&self, now: DateTime<Utc>, limit: u32) -> Result<Vec<PrefixBlockRecord>, LedgerError>;

    /// The entries that operations put on the safe list, in the order of their prefixes.
    ///
    /// # Errors
    /// [`LedgerError`] if the query fails.
    async fn safe_prefixes(&self) -> Result<Vec<SafePrefix>, LedgerError>;

    /// Ends the block of a prefix and restarts the count of its codes. Returns the former block; `None` if none is in
    /// force.
    ///
    /// # Errors
    /// [`LedgerError`] if it fails. Nothing is changed then, except perhaps after `CommitUnknown`.
    async fn release_prefix(
        &self,
        prefix: PhonePrefix,
        by: ChangedBy,
    ) -> Result<Option<PrefixBlockRecord>, LedgerError>;

    /// Puts a prefix on the safe list, in force from the next decision of every instance.
    ///
    /// # Errors
    /// [`LedgerError`] if it fails. Nothing is changed then, except perhaps after `CommitUnknown`.
    async fn add_safe_prefix(&self, safe: SafePrefix, by: ChangedBy) -> Result<SafeOutcome, LedgerError>;

    /// Removes a prefix from the safe list. Returns `false` if it was not on it.
    ///
    /// # Errors
    /// [`LedgerError`] if it fails. Nothing is changed then, except perhaps after `CommitUnknown`.
    async fn remove_safe_prefix(&self, prefix: PhonePrefix, by: ChangedBy) -> Result<bool, LedgerError>;
}
