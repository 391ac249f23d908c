//! Operators: their names, roles, tokens and sessions.

mod name;
mod role;
mod search;
mod secret;
mod session;

use chrono::{DateTime, Utc};

pub use name::{OperatorName, OperatorNameError};
pub use role::{Permission, Role};
pub use search::{CLIENT_MISSES_PER_HOUR, Filter, PERSON_SEARCHED, PersonSearch, PersonalFilter, SearchOutcome};
pub use secret::{CsrfToken, OperatorToken, PortalSecret, SecretHash, SessionSecret};
pub use session::{
    FAILED_SIGN_INS_PER_HOUR, REVEALS_PER_HOUR, SESSION_IDLE, SESSION_LIFETIME, SESSIONS_PER_OPERATOR,
    SIGN_INS_PER_HOUR, Session,
};

use crate::values::OperatorId;

/// A person with a token. Only the hash of the token is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// The id, which is never given again.
    pub id: OperatorId,
    /// The name, unique among operators that are not revoked; the actor in the audit trail.
    pub name: OperatorName,
    /// The role.
    pub role: Role,
    /// The hash of the token.
    pub token: SecretHash,
    /// Creation time.
    pub created_at: DateTime<Utc>,
    /// The operator who added the person.
    pub created_by: String,
    /// The expiry of the token; `None` for one that is valid until it is revoked.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// The validity of an operator's token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Valid.
    Active,
    /// The token has expired.
    Expired,
    /// The token was revoked.
    Revoked,
}

crate::values::named!(Standing, "state of an operator", {
    Active => "active", Expired => "expired", Revoked => "revoked",
});

impl Operator {
    /// The validity of the token at this instant. A revocation is final, whatever the expiry.
    pub fn standing(&self, now: DateTime<Utc>) -> Standing {
        if self.revoked_at.is_some() {
            Standing::Revoked
        } else if self.expires_at.is_some_and(|end| end <= now) {
            Standing::Expired
        } else {
            Standing::Active
        }
    }

    /// Returns `true` if the token is valid at this instant and the role has this permission.
    pub fn may(&self, permission: Permission, now: DateTime<Utc>) -> bool {
        self.standing(now) == Standing::Active && self.role.may(permission)
    }
}

/// The outcome of adding an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperatorAdded {
    /// It was added.
    Done,
    /// An operator who is not revoked has this name, in any case of its letters.
    NameTaken,
}
