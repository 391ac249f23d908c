//! The port of the portal.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::{
    AuditRecord, LedgerError, PasswordChange, PortalAccount, PortalSession, PortalTries, PortalTry, SecretHash,
    TenantId,
};

/// Where passwords of tenants' owners and their sessions are kept. It only keeps them: who is let in, [`PortalAccount`] says.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Portal: Send + Sync {
    /// Counts a try to sign in, and forgets those of earlier hours; durable when this returns. The count is shared by all
    /// instances.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is counted then.
    async fn count_portal_try(&self, tried: PortalTry) -> Result<PortalTries, LedgerError>;

    /// The account of a tenant, of whatever status.
    ///
    /// # Errors
    /// Whatever stands in the way.
    async fn portal_account(&self, tenant: TenantId) -> Result<Option<PortalAccount>, LedgerError>;

    /// Keeps a session, forgets those whose time is over, and writes the entry of the audit.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn begin_portal_session(&self, session: PortalSession, entry: AuditRecord) -> Result<(), LedgerError>;

    /// Finds the session whose secret has this hash, with its account.
    ///
    /// # Errors
    /// Whatever stands in the way.
    async fn portal_session(&self, secret: SecretHash) -> Result<Option<(PortalSession, PortalAccount)>, LedgerError>;

    /// Writes down that a session is used now, if there is one. Never goes back.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn note_portal_session(&self, secret: SecretHash, now: DateTime<Utc>) -> Result<(), LedgerError>;

    /// Forgets a session of a tenant, or all of them if none is named, and writes the entry of the audit.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn end_portal_sessions(
        &self,
        tenant: TenantId,
        secret: Option<SecretHash>,
        entry: AuditRecord,
    ) -> Result<(), LedgerError>;

    /// Keeps a password of the owner's choice, whose issue becomes the account's, puts its session in the place of every
    /// other of the tenant, the mail that tells the owner into the outbox, and writes the entry of the audit: all of it in one
    /// transaction that is serial with every decision. Says whether it may be changed so, by [`PasswordChange::notice`]; else
    /// nothing is changed. Until a threshold is set, the first of the policy holds.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn set_own_password(&self, change: PasswordChange) -> Result<bool, LedgerError>;
}
