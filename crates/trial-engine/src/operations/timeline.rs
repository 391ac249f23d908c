//! The records of a timeline, collected from the ledger.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use trial_core::applications::{ApplicationQuery, ApplicationView};
use trial_core::audit::AuditQuery;
use trial_core::error::LedgerError;
use trial_core::policy::Policy;
use trial_core::ports::{AuditTrail, Operations};
use trial_core::timeline::TimelineSources;

use super::outlook::pool_outlook;

/// The time before an application in which its codes were requested.
const BEFORE: TimeDelta = TimeDelta::hours(24);
/// Requests of each kind in a timeline, at most: the newest.
const MOST: u32 = 200;

/// Collects everything about an application: the requests of its phone from a day before it, and its tenant's
/// history.
///
/// # Errors
/// [`LedgerError`] if a query fails.
pub async fn timeline_sources(
    operations: &dyn Operations,
    audit: &dyn AuditTrail,
    policy: &Policy,
    application: &ApplicationView,
    now: DateTime<Utc>,
) -> Result<TimelineSources, LedgerError> {
    let by = ApplicationQuery::Phone(application.phone.clone());
    let mut timeline = operations.find_applications(by, MOST).await?;
    timeline.code_requests.retain(|request| request.at >= application.at - BEFORE);
    timeline.applications.retain(|other| other.at >= application.at - BEFORE);
    if timeline.applications.iter().all(|other| other.id != application.id) {
        timeline.applications.push(application.clone());
    }
    let mut attempts = BTreeMap::new();
    for mail in timeline.applications.iter().flat_map(|application| &application.mails) {
        attempts.insert(mail.id, operations.mail_attempts(mail.id).await?);
    }
    let changes = match application.tenant() {
        Some(tenant) => {
            let query = AuditQuery { subject: Some(tenant.to_string()), limit: MOST, ..AuditQuery::default() };
            audit.audit(query).await?
        }
        None => Vec::new(),
    };
    let pool = pool_outlook(operations, policy, now).await?;
    Ok(TimelineSources { timeline, attempts, audit: changes, pool })
}
