//! The port of those who sign their requests.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::ChangedBy;
use crate::clients::{Caller, CallerAdded, CallerChange, CallerChanged, CallerName, SeenSignature};
use crate::error::LedgerError;

/// Where callers are kept, and the signatures that were accepted.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Callers: Send + Sync {
    /// Adds a caller, and says so in the audit, unless one that is not removed has the name.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn add_caller(&self, caller: Caller, by: ChangedBy) -> Result<CallerAdded, LedgerError>;

    /// Lists callers, removed ones too, at most the newest `limit`, newest first.
    ///
    /// # Errors
    /// Whatever stands in the way.
    async fn callers(&self, limit: u32) -> Result<Vec<Caller>, LedgerError>;

    /// Finds the caller of an access key, removed or not.
    ///
    /// # Errors
    /// Whatever stands in the way.
    async fn caller_by_key(&self, access_key: String) -> Result<Option<Caller>, LedgerError>;

    /// Changes the caller of this name that is not removed as [`Caller::changed`] says, and says so in the audit.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn change_caller(
        &self,
        name: CallerName,
        change: CallerChange,
        by: ChangedBy,
    ) -> Result<CallerChanged, LedgerError>;

    /// Looks up whether a signature is remembered, and changes nothing.
    ///
    /// # Errors
    /// `LedgerError::Unavailable` if the database cannot be reached.
    async fn knows_signature(&self, signature: [u8; 32]) -> Result<bool, LedgerError>;

    /// Remembers signatures, whichever instance they came to, and forgets some that are too old. Says of each whether it is
    /// new; of two equal ones, one is.
    ///
    /// # Errors
    /// Whatever stands in the way; none is remembered then.
    async fn remember_signatures(&self, seen: Vec<SeenSignature>, now: DateTime<Utc>)
    -> Result<Vec<bool>, LedgerError>;
}

/// Whether a signature comes for the first time, at whatever instance.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ReplayGuard: Send + Sync {
    /// Looks up whether a signature has come before, and changes nothing. Of two that come at once, [`Self::is_new`] decides.
    ///
    /// # Errors
    /// `LedgerError::Unavailable` if the database cannot be reached.
    async fn is_known(&self, seen: SeenSignature) -> Result<bool, LedgerError>;

    /// Remembers a signature; says whether it is new. It is remembered durably when this returns.
    ///
    /// # Errors
    /// Whatever stands in the way; it may be remembered all the same.
    async fn is_new(&self, seen: SeenSignature) -> Result<bool, LedgerError>;
}
