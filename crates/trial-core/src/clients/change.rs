//! The changes that operations make to an API client.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, Utc};

use super::{ApiClient, EncryptedSecret, MAX_CLIENT_RATE, Scope};

/// A change to an API client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiClientChange {
    /// Blocks it until it is resumed.
    Suspend,
    /// Resumes it.
    Resume,
    /// Gives it a second secret; both sign.
    Rotate(EncryptedSecret),
    /// Removes the older of two secrets.
    RetireSecret,
    /// Changes its limits.
    Set(ApiClientLimits),
    /// Removes it for good.
    Remove,
    /// Re-encrypts its secrets with another key; the secrets themselves stay.
    Reseal {
        /// The encrypted secrets that are replaced, so that a rotation in between is not undone.
        before: Vec<EncryptedSecret>,
        /// The secrets that replace them, in the same order.
        after: Vec<EncryptedSecret>,
    },
}

/// Changes to the scopes and the rate of an API client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiClientLimits {
    /// The new scopes; `None` leaves them as they are.
    pub scopes: Option<BTreeSet<Scope>>,
    /// Requests a minute from now on, 0 for no limit; `None` leaves that as it is.
    pub rate: Option<u32>,
}

/// The outcome of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiClientChanged {
    /// The API client after the change.
    Done(Box<ApiClient>),
    /// Nothing was changed.
    Refused(ApiClientRefusal),
}

/// The reason for which nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiClientRefusal {
    /// No API client that is not removed has this name.
    Unknown,
    /// It is suspended already.
    Suspended,
    /// It is not suspended.
    Active,
    /// It has two secrets already.
    TwoSecrets,
    /// It has one secret alone.
    OneSecret,
    /// Its secrets are other ones by now.
    Overtaken,
    /// It would have no scope.
    NoScope,
    /// The rate exceeds [`MAX_CLIENT_RATE`].
    Rate,
}

impl ApiClientChange {
    /// The name of the change in the audit trail.
    pub const fn action(&self) -> &'static str {
        match self {
            Self::Suspend => "caller.suspend",
            Self::Resume => "caller.resume",
            Self::Rotate(_) => "caller.rotate",
            Self::RetireSecret => "caller.retire_secret",
            Self::Set(_) => "caller.set",
            Self::Remove => "caller.remove",
            Self::Reseal { .. } => "caller.reseal",
        }
    }

    /// The text of the change in the audit trail. Nothing in it is secret.
    pub fn detail(&self, before: &ApiClient, after: &ApiClient) -> String {
        let sealed_by =
            |caller: &ApiClient| caller.secrets().map(|secret| secret.key_id.as_str()).collect::<Vec<_>>().join(", ");
        let limits = |caller: &ApiClient| format!("scopes {}, {} requests a minute", caller.scope_names(), caller.rate);
        match self {
            Self::Suspend | Self::Resume | Self::Remove => {
                format!("before {}; after {}", before.status(), after.status())
            }
            Self::Rotate(_) | Self::RetireSecret => {
                format!("before {} of 2 secrets; after {}", before.secrets().count(), after.secrets().count())
            }
            Self::Set(_) => format!("before {}; after {}", limits(before), limits(after)),
            Self::Reseal { .. } => {
                format!("before encrypted with {}; after with {}", sealed_by(before), sealed_by(after))
            }
        }
    }
}

impl ApiClient {
    /// The API client after a change.
    ///
    /// # Errors
    /// [`ApiClientRefusal`] if the state of the API client does not allow the change.
    pub fn changed(&self, change: &ApiClientChange, now: DateTime<Utc>) -> Result<Self, ApiClientRefusal> {
        if self.removed_at.is_some() {
            return Err(ApiClientRefusal::Unknown);
        }
        let mut changed = self.clone();
        match change {
            ApiClientChange::Suspend if self.suspended_at.is_some() => return Err(ApiClientRefusal::Suspended),
            ApiClientChange::Suspend => changed.suspended_at = Some(now),
            ApiClientChange::Resume if self.suspended_at.is_none() => return Err(ApiClientRefusal::Active),
            ApiClientChange::Resume => changed.suspended_at = None,
            ApiClientChange::Rotate(_) if self.next_secret.is_some() => return Err(ApiClientRefusal::TwoSecrets),
            ApiClientChange::Rotate(secret) => changed.next_secret = Some(secret.clone()),
            ApiClientChange::RetireSecret => {
                changed.secret = changed.next_secret.take().ok_or(ApiClientRefusal::OneSecret)?;
            }
            ApiClientChange::Set(ApiClientLimits { scopes: Some(scopes), .. }) if scopes.is_empty() => {
                return Err(ApiClientRefusal::NoScope);
            }
            ApiClientChange::Set(ApiClientLimits { rate: Some(rate), .. }) if *rate > MAX_CLIENT_RATE => {
                return Err(ApiClientRefusal::Rate);
            }
            ApiClientChange::Set(ApiClientLimits { scopes, rate }) => {
                changed.scopes = scopes.clone().unwrap_or(changed.scopes);
                changed.rate = rate.unwrap_or(changed.rate);
            }
            ApiClientChange::Remove => changed.removed_at = Some(now),
            ApiClientChange::Reseal { before, after } => {
                if !self.secrets().eq(before) || before.len() != after.len() {
                    return Err(ApiClientRefusal::Overtaken);
                }
                let mut after = after.iter().cloned();
                changed.secret = after.next().ok_or(ApiClientRefusal::Overtaken)?;
                changed.next_secret = after.next();
            }
        }
        Ok(changed)
    }
}

/// The reason and the remedy.
impl fmt::Display for ApiClientRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rate => return write!(f, "the rate must be from 0 to {MAX_CLIENT_RATE} requests per minute"),
            Self::Unknown => "there is no such API client; `trialgate callers list` shows all",
            Self::Suspended => "the API client is suspended already",
            Self::Active => "the API client is not suspended",
            Self::TwoSecrets => "the API client has two secrets already; retire the older one first",
            Self::OneSecret => "the API client has only one secret; rotate it first, or remove the client",
            Self::Overtaken => "the secrets of the API client were changed meanwhile; try again",
            Self::NoScope => "an API client without a scope cannot send requests; suspend it instead",
        })
    }
}
