//! People who operate the service: who they are, what their roles let them do, and how they are known again.

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

/// A person with a token. Of the token, only its hash is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// The id, which is never given again.
    pub id: OperatorId,
    /// The name, one of a kind among operators that are not revoked; the audit knows the person by it.
    pub name: OperatorName,
    /// What the person may do.
    pub role: Role,
    /// The hash of the token.
    pub token: SecretHash,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// Who added the person.
    pub created_by: String,
    /// When the token ends; `None` for one that lasts until it is revoked.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// Whether an operator is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Let in.
    Active,
    /// The token has ended.
    Expired,
    /// The token was taken back.
    Revoked,
}

crate::values::named!(Standing, "standing of an operator", {
    Active => "active", Expired => "expired", Revoked => "revoked",
});

impl Operator {
    /// Whether the operator is let in at this instant. What was revoked stays so, whatever its expiry says.
    pub fn standing(&self, now: DateTime<Utc>) -> Standing {
        if self.revoked_at.is_some() {
            Standing::Revoked
        } else if self.expires_at.is_some_and(|end| end <= now) {
            Standing::Expired
        } else {
            Standing::Active
        }
    }

    /// Whether the operator is let in at this instant and may do this.
    pub fn may(&self, permission: Permission, now: DateTime<Utc>) -> bool {
        self.standing(now) == Standing::Active && self.role.may(permission)
    }
}

/// What became of the wish to add an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperatorAdded {
    /// It is there now.
    Done,
    /// An operator who is not revoked has this name, in whatever spelling of its letters.
    NameTaken,
}
