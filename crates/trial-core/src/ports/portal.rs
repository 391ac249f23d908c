//! The port of the portal.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::AuditRecord;
use crate::error::LedgerError;
use crate::operators::SecretHash;
use crate::portal::{PortalAccount, PortalAttempt, PortalAttempts, PortalSession};
use crate::values::TenantId;

/// The store of owners' passwords and sessions; [`PortalAccount`] decides on sign-ins.
///
/// # Errors
/// All methods: [`LedgerError::Unavailable`] if the database cannot be reached, [`LedgerError::Contended`] if it stays
/// busy.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Portal: Send + Sync {
    /// Counts an attempt against its address, then against its account if [`PortalAttempt::counts_for_account`] allows, and
    /// removes those of earlier hours; durable when this returns. All instances share the count.
    async fn count_portal_try(&self, tried: PortalAttempt) -> Result<PortalAttempts, LedgerError>;

    /// The account of a tenant, in any status.
    async fn portal_account(&self, tenant: TenantId) -> Result<Option<PortalAccount>, LedgerError>;

    /// Stores a session, removes expired ones, and writes the audit entry.
    async fn begin_portal_session(&self, session: PortalSession, entry: AuditRecord) -> Result<(), LedgerError>;

    /// Finds the session whose secret has this hash, with its account.
    async fn portal_session(&self, secret: SecretHash) -> Result<Option<(PortalSession, PortalAccount)>, LedgerError>;

    /// Records that a session is used now, if there is one. The time never goes back.
    async fn note_portal_session(&self, secret: SecretHash, now: DateTime<Utc>) -> Result<(), LedgerError>;

    /// Removes a session of a tenant, and writes the audit entry.
    async fn end_portal_session(
        &self,
        tenant: TenantId,
        secret: SecretHash,
        entry: AuditRecord,
    ) -> Result<(), LedgerError>;
}
