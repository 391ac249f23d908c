//! API clients, without their secrets.

use chrono::{DateTime, Utc};
use serde::Serialize;
use trial_core::clients::{ApiClient, ApiClientStatus};
use trial_core::error::LedgerError;
use trial_core::ports::ApiClients;
use trial_core::values::Keyring;
use utoipa::ToSchema;

use super::page::List;

/// Most API clients in the list.
const LISTED: u32 = 1_000;

/// An API client, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Caller)]
pub struct ApiClientReport {
    /// Name in the audit.
    pub name: String,
    /// Its access key.
    pub access_key: String,
    /// active, suspended or removed.
    pub state: &'static str,
    /// Allowed requests: verify-codes, apply, query.
    pub scopes: Vec<&'static str>,
    /// Requests per minute at each instance; 0 for no limit.
    pub rate: u32,
    /// Number of secrets that sign: two during a rotation.
    pub secrets: usize,
    /// Ids of the keys that encrypt its secrets.
    pub sealed_by: Vec<String>,
    /// current: the current key encrypts its secrets. older: another key encrypts one, and is needed until `trialgate
    /// callers reseal`. lost: the key of a secret is missing, so it cannot sign. null if the client is removed.
    #[schema(required)]
    pub seal: Option<&'static str>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// The operator who added it.
    pub created_by: String,
    /// When it was suspended; null unless it is suspended.
    #[schema(required)]
    pub suspended_at: Option<DateTime<Utc>>,
    /// When it was removed; null if it was not.
    #[schema(required)]
    pub removed_at: Option<DateTime<Utc>>,
}

/// The newest 1,000 API clients, newest first, removed ones included.
///
/// # Errors
/// [`LedgerError`] if the query fails.
pub async fn list(clients: &dyn ApiClients, keyring: &Keyring) -> Result<List<ApiClientReport>, LedgerError> {
    let found = clients.callers(LISTED).await?;
    Ok(List { items: found.iter().map(|client| ApiClientReport::new(client, keyring)).collect() })
}

impl ApiClientReport {
    /// The API client, with the state of its secrets by this keyring.
    pub fn new(client: &ApiClient, keyring: &Keyring) -> Self {
        let status = client.status();
        let seal = (status != ApiClientStatus::Removed).then(|| client.seal_state(keyring).as_str());
        Self {
            name: client.name.to_string(),
            access_key: client.access_key.clone(),
            state: status.as_str(),
            scopes: client.scopes.iter().map(|scope| scope.as_str()).collect(),
            rate: client.rate,
            secrets: client.secrets().count(),
            sealed_by: client.secrets().map(|secret| secret.key_id.clone()).collect(),
            seal,
            created_at: client.created_at,
            created_by: client.created_by.clone(),
            suspended_at: client.suspended_at,
            removed_at: client.removed_at,
        }
    }
}
