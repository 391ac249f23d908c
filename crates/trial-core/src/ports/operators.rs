//! The ports of those who operate the service.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::{AuditEntry, AuditQuery, AuditRecord, ChangedBy};
use crate::error::LedgerError;
use crate::operators::{Operator, OperatorAdded, OperatorName, PersonSearch, SearchOutcome, SecretHash, Session};
use crate::policy::ThresholdChange;

/// Where operators and their sessions are kept. It only keeps them: whether one is let in, [`trial_engine::operations::Access`] says.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Operators: Send + Sync {
    /// Adds an operator, and says so in the audit, unless one who is not revoked has the name.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn add_operator(&self, operator: Operator, by: ChangedBy) -> Result<OperatorAdded, LedgerError>;

    /// Lists operators, revoked ones too, at most the newest `limit`, newest first.
    ///
    /// # Errors
    /// Whatever stands in the way.
    async fn operators(&self, limit: u32) -> Result<Vec<Operator>, LedgerError>;

    /// Revokes the operator of this name, ends every session of theirs, and says so in the audit. Says whether there was one
    /// who was not revoked.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn revoke_operator(&self, name: OperatorName, by: ChangedBy) -> Result<bool, LedgerError>;

    /// Finds the operator whose token has this hash, revoked or not.
    ///
    /// # Errors
    /// Whatever stands in the way.
    async fn operator_by_token(&self, token: SecretHash) -> Result<Option<Operator>, LedgerError>;

    /// Keeps a session, removes expired ones and all but the newest [`crate::operators::SESSIONS_PER_OPERATOR`] of its operator, and says in the audit that somebody signed in. Says whether the
    /// operator was there and not revoked; else nothing is changed.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn begin_session(&self, session: Session, by: ChangedBy) -> Result<bool, LedgerError>;

    /// Finds the session whose secret has this hash, with its operator.
    ///
    /// # Errors
    /// Whatever stands in the way.
    async fn session(&self, secret: SecretHash) -> Result<Option<(Session, Operator)>, LedgerError>;

    /// Writes down that a session is used now, if there is one. Never goes back.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn note_session(&self, secret: SecretHash, now: DateTime<Utc>) -> Result<(), LedgerError>;

    /// Forgets a session, and says in the audit that somebody signed out, if there is one.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn end_session(&self, secret: SecretHash, by: ChangedBy) -> Result<(), LedgerError>;
}

/// What was changed, by whom. Whatever changes something writes its entry in its own transaction; this is for looking, and for
/// what changes nothing else.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait AuditTrail: Send + Sync {
    /// Finds entries, newest first.
    ///
    /// # Errors
    /// Whatever stands in the way.
    async fn audit(&self, query: AuditQuery) -> Result<Vec<AuditEntry>, LedgerError>;

    /// The e-mail thresholds that were set, at most the newest `limit`, newest first.
    ///
    /// # Errors
    /// Whatever stands in the way.
    async fn thresholds(&self, limit: u32) -> Result<Vec<ThresholdChange>, LedgerError>;

    /// Writes an entry for what leaves no other trace, such as a look at what is masked otherwise. It is durable when this
    /// returns.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is written then.
    async fn write_down(&self, record: AuditRecord) -> Result<(), LedgerError>;

    /// Records a search by personal data if [`PersonSearch::decide`] allows it, in one small transaction: searches of one
    /// operator are counted one after another, over all instances. The entry is durable when this returns.
    ///
    /// # Errors
    /// `LedgerError::Unavailable` if the database cannot be reached: then nothing is recorded, and nothing may be searched.
    async fn record_search(&self, search: PersonSearch) -> Result<SearchOutcome, LedgerError>;
}
