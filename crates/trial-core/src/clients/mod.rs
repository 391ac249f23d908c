//! API clients: back ends that sign their requests, with their permissions and the storage of their secrets.

mod admission;
mod change;
mod reencryption;
mod secret;
mod signature;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

pub use admission::EntranceRefusal;
pub use change::{ApiClientChange, ApiClientChanged, ApiClientLimits, ApiClientRefusal};
pub use reencryption::EncryptionState;
pub use secret::{ApiClientCredentials, ApiClientSecret, EncryptedSecret};
pub use signature::{SIGNATURE_KEEPS, SeenSignature};

use crate::operators::OperatorName;
use crate::values::{ApiClientId, named};

/// An API client's name, of the same form as an operator's: both are actors in the audit trail.
pub type ApiClientName = OperatorName;

/// The default rate of an API client, in requests per minute.
pub const DEFAULT_CLIENT_RATE: u32 = 600;
/// The highest rate of an API client, in requests per minute.
pub const MAX_CLIENT_RATE: u32 = 1_000_000;

/// An operation that an API client may request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Requests for verification codes.
    VerifyCodes,
    /// Applications for trials.
    Apply,
    /// Queries of a trial's status.
    Query,
}

named!(Scope, "scope", { VerifyCodes => "verify-codes", Apply => "apply", Query => "query" });

/// A back end with an access key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiClient {
    /// The id, which is never given again.
    pub id: ApiClientId,
    /// The name, unique among API clients that are not removed.
    pub name: ApiClientName,
    /// The public half of the key.
    pub access_key: String,
    /// The secret that signs.
    pub secret: EncryptedSecret,
    /// The newer secret during a rotation: both sign.
    pub next_secret: Option<EncryptedSecret>,
    /// The operations that it may request.
    pub scopes: BTreeSet<Scope>,
    /// Requests per minute; 0 for no limit.
    pub rate: u32,
    /// Creation time.
    pub created_at: DateTime<Utc>,
    /// The operator who added it.
    pub created_by: String,
    /// The time of its suspension, if it is suspended.
    pub suspended_at: Option<DateTime<Utc>>,
    /// When it was removed.
    pub removed_at: Option<DateTime<Utc>>,
}

/// The state of an API client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ApiClientStatus {
    /// Its requests are accepted.
    Active,
    /// It is known, but its requests are rejected for now.
    Suspended,
    /// It is not known any more.
    Removed,
}

named!(ApiClientStatus, "status of an API client", {
    Active => "active", Suspended => "suspended", Removed => "removed",
});

impl ApiClient {
    /// The state of the API client. Removal is final.
    pub fn status(&self) -> ApiClientStatus {
        match (self.removed_at, self.suspended_at) {
            (Some(_), _) => ApiClientStatus::Removed,
            (None, Some(_)) => ApiClientStatus::Suspended,
            (None, None) => ApiClientStatus::Active,
        }
    }

    /// The secrets that sign, the one that signs for longest first.
    pub fn secrets(&self) -> impl Iterator<Item = &EncryptedSecret> {
        std::iter::once(&self.secret).chain(&self.next_secret)
    }

    /// The scopes as they are stored and shown: their names, sorted, between spaces.
    pub fn scope_names(&self) -> String {
        self.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" ")
    }
}

/// The outcome of adding an API client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiClientAdded {
    /// It was added.
    Done,
    /// An API client that is not removed has this name.
    NameTaken,
}
