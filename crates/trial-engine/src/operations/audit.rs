//! The audit trail.

use chrono::{DateTime, Utc};
use serde::Serialize;
use trial_core::audit::{AuditEntry, AuditQuery};
use trial_core::error::LedgerError;
use trial_core::ports::AuditTrail;
use utoipa::ToSchema;

use super::disclosure::Disclosure;
use super::page::{Page, one_more};

/// An entry of the audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuditEntry)]
pub struct AuditReport {
    /// Its id.
    pub id: String,
    /// When.
    pub at: DateTime<Utc>,
    /// The actor: an operator's name, `cli:` and a user's name, `applicant`, or `trialgate` for scheduled tasks.
    pub actor: String,
    /// The action, such as `setting.set`.
    pub action: String,
    /// The subject; a phone or an address is masked unless `reveal` is true.
    pub subject: String,
    /// Values before and after, in words.
    pub detail: String,
}

/// A page of the audit, newest first.
///
/// # Errors
/// [`LedgerError`] if the query fails.
pub async fn list(
    audit: &dyn AuditTrail,
    query: AuditQuery,
    disclosure: Disclosure,
) -> Result<Page<AuditReport>, LedgerError> {
    let limit = query.limit;
    let found = audit.audit(AuditQuery { limit: one_more(limit), ..query }).await?;
    Ok(Page::of(limit, found, |entry| entry.id.to_string(), |entry| AuditReport::new(entry, disclosure)))
}

impl AuditReport {
    fn new(entry: &AuditEntry, disclosure: Disclosure) -> Self {
        Self {
            id: entry.id.to_string(),
            at: entry.at,
            actor: entry.actor.clone(),
            action: entry.action.clone(),
            subject: disclosure.subject(entry),
            detail: entry.detail.clone(),
        }
    }
}
