//! The admission of API clients whose signature is valid.

use super::{ApiClient, ApiClientStatus, Scope};

/// The reason why an API client is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntranceRefusal {
    /// It is unknown or removed, even if the signature is valid.
    Unknown,
    /// It is suspended.
    Suspended,
    /// It has not subscribed to this.
    NotSubscribed(Scope),
}

impl ApiClient {
    /// Checks that the API client, once authenticated, may use this scope.
    ///
    /// # Errors
    /// [`EntranceRefusal`] if it was removed, is suspended or has not subscribed to the scope.
    pub fn let_in(&self, scope: Scope) -> Result<(), EntranceRefusal> {
        match self.status() {
            ApiClientStatus::Removed => Err(EntranceRefusal::Unknown),
            ApiClientStatus::Suspended => Err(EntranceRefusal::Suspended),
            ApiClientStatus::Active if !self.scopes.contains(&scope) => Err(EntranceRefusal::NotSubscribed(scope)),
            ApiClientStatus::Active => Ok(()),
        }
    }
}
