//! The port of number prefixes: which are blocked, and which never are.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::operations::ChangedBy;
use crate::{LedgerError, PhonePrefix, PrefixBlockRecord, SafeOutcome, SafePrefix};

/// What operations ask and change of number prefixes. What is decided by them is decided in the core.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Prefixes: Send + Sync {
    /// The blocks that are not over now, at most so many, those first that last the longest. Whether they block depends on
    /// the breaker's mode and on the safe list.
    ///
    /// # Errors
    /// Whatever stands in the way.
    async fn prefix_blocks(&self, now: DateTime<Utc>, limit: u32) -> Result<Vec<PrefixBlockRecord>, LedgerError>;

    /// The safe list as operations made it, in the order of its prefixes.
    ///
    /// # Errors
    /// Whatever stands in the way.
    async fn safe_prefixes(&self) -> Result<Vec<SafePrefix>, LedgerError>;

    /// Ends the block of a prefix, and has its codes counted anew; says what the block was. `None` if there is none in force.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn release_prefix(
        &self,
        prefix: PhonePrefix,
        by: ChangedBy,
    ) -> Result<Option<PrefixBlockRecord>, LedgerError>;

    /// Puts a prefix on the safe list, in force from the next decision of every instance on.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn add_safe_prefix(&self, safe: SafePrefix, by: ChangedBy) -> Result<SafeOutcome, LedgerError>;

    /// Takes a prefix off the safe list; says whether it was on it.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn remove_safe_prefix(&self, prefix: PhonePrefix, by: ChangedBy) -> Result<bool, LedgerError>;
}
