//! The ports of operators, their sessions and the audit trail.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::{AuditEntry, AuditQuery, AuditRecord, ChangedBy};
use crate::error::LedgerError;
use crate::operators::{Operator, OperatorAdded, OperatorName, PersonSearch, SearchOutcome, SecretHash, Session};

/// The store of operators and their sessions. The engine authenticates and authorises
/// (`trial_engine::operations::Access`).
///
/// # Errors
/// All methods: [`LedgerError::Unavailable`] if the database cannot be reached, [`LedgerError::Contended`] if it stays
/// busy.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Operators: Send + Sync {
    /// Adds an operator and records that in the audit trail, unless one who is not revoked has the name.
    async fn add_operator(&self, operator: Operator, by: ChangedBy) -> Result<OperatorAdded, LedgerError>;

    /// Lists operators, revoked ones too, at most the newest `limit`, newest first.
    async fn operators(&self, limit: u32) -> Result<Vec<Operator>, LedgerError>;

    /// Revokes the operator of this name, ends every session of theirs, and records that in the audit trail. Returns
    /// `false` if there was none who was not revoked.
    async fn revoke_operator(&self, name: OperatorName, by: ChangedBy) -> Result<bool, LedgerError>;

    /// Finds the operator whose token has this hash, revoked or not.
    async fn operator_by_token(&self, token: SecretHash) -> Result<Option<Operator>, LedgerError>;

    /// Stores a session, removes expired ones and all but the newest [`crate::operators::SESSIONS_PER_OPERATOR`] of its
    /// operator, and records the sign-in in the audit trail. Returns `false`, and changes nothing, if the operator is
    /// revoked.
    async fn begin_session(&self, session: Session, by: ChangedBy) -> Result<bool, LedgerError>;

    /// Finds the session whose secret has this hash, with its operator.
    async fn session(&self, secret: SecretHash) -> Result<Option<(Session, Operator)>, LedgerError>;

    /// Records that a session is used now, if there is one. The time never goes back.
    async fn note_session(&self, secret: SecretHash, now: DateTime<Utc>) -> Result<(), LedgerError>;

    /// Removes a session, if there is one, and records the sign-out in the audit trail.
    async fn end_session(&self, secret: SecretHash, by: ChangedBy) -> Result<(), LedgerError>;
}

/// The audit trail. Each change writes its entry in its own transaction; this port is for queries, and for entries
/// alone.
///
/// # Errors
/// All methods: [`LedgerError::Unavailable`] if the database cannot be reached, [`LedgerError::Contended`] if it stays
/// busy.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait AuditTrail: Send + Sync {
    /// Finds entries, newest first.
    async fn audit(&self, query: AuditQuery) -> Result<Vec<AuditEntry>, LedgerError>;

    /// Writes an entry that comes with no change, such as one for revealed data. It is durable when this returns.
    async fn append_entry(&self, record: AuditRecord) -> Result<(), LedgerError>;

    /// Records a search by personal data if [`PersonSearch::decide`] allows it, in one small transaction: searches of
    /// one operator are counted one after another, over all instances. The entry is durable when this returns.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`] if the database cannot be reached: nothing is recorded then, and the search is not
    /// allowed.
    async fn record_search(&self, search: PersonSearch) -> Result<SearchOutcome, LedgerError>;
}
