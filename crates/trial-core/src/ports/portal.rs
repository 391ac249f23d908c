//! The port of the portal.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::AuditRecord;
use crate::error::LedgerError;
use crate::operators::SecretHash;
use crate::portal::{PortalAccount, PortalSession, PortalTries, PortalTry};
use crate::values::TenantId;

/// Where passwords of tenants' owners and their sessions are kept. It only keeps them: who is let in, [`PortalAccount`] says.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Portal: Send + Sync {
    /// Counts a try against its address, then against its account if [`PortalTry::counts_for_account`] says so, and forgets
    /// those of earlier hours; durable when this returns. The count is shared by all instances.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is counted then.
    async fn count_portal_try(&self, tried: PortalTry) -> Result<PortalTries, LedgerError>;

    /// The account of a tenant, of whatever status.
    ///
    /// # Errors
    /// Whatever stands in the way.
    async fn portal_account(&self, tenant: TenantId) -> Result<Option<PortalAccount>, LedgerError>;

    /// Keeps a session, removes expired ones, and writes the entry of the audit.
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

    /// Forgets a session of a tenant, and writes the entry of the audit.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn end_portal_session(
        &self,
        tenant: TenantId,
        secret: SecretHash,
        entry: AuditRecord,
    ) -> Result<(), LedgerError>;
}
