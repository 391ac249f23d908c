//! The port of API clients, which sign their requests.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::ChangedBy;
use crate::clients::{ApiClient, ApiClientAdded, ApiClientChange, ApiClientChanged, ApiClientName, SeenSignature};
use crate::error::LedgerError;

/// The store of API clients and of accepted signatures.
///
/// # Errors
/// All methods: [`LedgerError::Unavailable`] if the database cannot be reached, [`LedgerError::Contended`] if it stays
/// busy.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ApiClients: Send + Sync {
    /// Adds an API client and records that in the audit trail, unless one that is not removed has the name.
    async fn add_caller(&self, caller: ApiClient, by: ChangedBy) -> Result<ApiClientAdded, LedgerError>;

    /// Lists API clients, removed ones too, at most the newest `limit`, newest first.
    async fn callers(&self, limit: u32) -> Result<Vec<ApiClient>, LedgerError>;

    /// Finds the API client of an access key, removed or not.
    async fn caller_by_key(&self, access_key: String) -> Result<Option<ApiClient>, LedgerError>;

    /// Applies [`ApiClient::changed`] to the API client of this name that is not removed, and records that in the audit
    /// trail.
    async fn change_caller(
        &self,
        name: ApiClientName,
        change: ApiClientChange,
        by: ChangedBy,
    ) -> Result<ApiClientChanged, LedgerError>;

    /// Returns `true` if a signature is stored. Changes nothing.
    async fn knows_signature(&self, signature: [u8; 32]) -> Result<bool, LedgerError>;

    /// Stores signatures, shared by all instances, and removes some that are too old. Returns `true` for each that is
    /// new; of two equal ones, one is.
    async fn remember_signatures(&self, seen: Vec<SeenSignature>, now: DateTime<Utc>)
    -> Result<Vec<bool>, LedgerError>;
}

/// Accepts each signature once, over all instances.
///
/// # Errors
/// All methods: [`LedgerError::Unavailable`] if the database cannot be reached, [`LedgerError::Contended`] if it stays
/// busy.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ReplayGuard: Send + Sync {
    /// Returns `true` if a signature was accepted before. Changes nothing; of two at once, [`Self::is_new`] decides.
    async fn is_known(&self, seen: SeenSignature) -> Result<bool, LedgerError>;

    /// Stores a signature durably. Returns `true` if it is new.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`] if the database cannot be reached; the signature may be stored nevertheless.
    async fn is_new(&self, seen: SeenSignature) -> Result<bool, LedgerError>;
}
