//! Applications, with the decision and the fact behind it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use trial_core::applications::{ApplicationSearch, ApplicationView, ApplyOutcome};
use trial_core::error::LedgerError;
use trial_core::ports::Operations;
use trial_core::return_codes::{ApplyCode, ApplyReply};
use trial_core::timeline::remediation;
use trial_core::values::ApplicationId;
use utoipa::ToSchema;

use super::disclosure::Disclosure;
use super::mails::MailReport;
use super::page::{Page, one_more};
use super::timeline::{TimelineEvent, TimelineParts};

/// An application, with the decision and the fact behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Application)]
pub struct ApplicationReport {
    /// Its id.
    pub id: String,
    /// Request id of the exchange.
    pub request_id: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Masked unless `reveal` is true.
    pub phone: String,
    /// Masked unless `reveal` is true.
    pub email: String,
    /// The company.
    pub company_name: String,
    /// The published return code that was answered.
    #[schema(value_type = String)]
    pub return_code: ApplyCode,
    /// The decision and the fact behind it, in words.
    pub outcome: String,
    /// Remediation.
    pub what_to_do: &'static str,
    /// The tenant that was created, or existed before.
    #[schema(required)]
    pub tenant: Option<String>,
    /// The tenant's mails, if the application was accepted.
    pub mails: Vec<MailReport>,
}

/// An application with its timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ApplicationStory)]
pub struct ApplicationTimeline {
    /// The application.
    pub application: ApplicationReport,
    /// Requests of the phone from the day before on, replies of gateways and providers, attempts, the tenant's mails
    /// with the mail server's replies, and changes of the tenant; oldest first.
    pub timeline: Vec<TimelineEvent>,
}

/// A page of applications, newest first.
///
/// # Errors
/// [`LedgerError`] if the query fails.
pub async fn list(
    operations: &dyn Operations,
    search: ApplicationSearch,
    disclosure: Disclosure,
) -> Result<Page<ApplicationReport>, LedgerError> {
    let limit = search.limit;
    let found = operations.search_applications(ApplicationSearch { limit: one_more(limit), ..search }).await?;
    Ok(Page::of(limit, found, |view| view.id.to_string(), |view| ApplicationReport::new(view, disclosure)))
}

/// Returns `true` if there is an application of this id.
///
/// # Errors
/// [`LedgerError`] if the query fails.
pub async fn exists(operations: &dyn Operations, id: ApplicationId) -> Result<bool, LedgerError> {
    Ok(operations.application(id).await?.is_some())
}

/// One application with its timeline.
///
/// # Errors
/// [`LedgerError`] if a query fails.
pub async fn show(
    parts: TimelineParts<'_>,
    id: ApplicationId,
    disclosure: Disclosure,
) -> Result<Option<ApplicationTimeline>, LedgerError> {
    let Some(view) = parts.operations.application(id).await? else { return Ok(None) };
    let application = ApplicationReport::new(&view, disclosure);
    let mut requests = parts.around(&view.phone, view.at).await?;
    if requests.applications.iter().all(|other| other.id != view.id) {
        requests.applications.push(view);
    }
    Ok(Some(ApplicationTimeline { application, timeline: parts.events(requests, disclosure).await? }))
}

impl ApplicationReport {
    fn new(view: &ApplicationView, disclosure: Disclosure) -> Self {
        Self {
            id: view.id.to_string(),
            request_id: view.request_id.to_string(),
            at: view.at,
            phone: disclosure.phone(&view.phone),
            email: disclosure.email(&view.email),
            company_name: view.company.clone(),
            return_code: ApplyReply::from(&view.outcome).code,
            outcome: view.outcome.to_string(),
            what_to_do: remediation::about_application(&view.outcome, &view.mails),
            tenant: tenant_of(&view.outcome),
            mails: view.mails.iter().map(MailReport::from).collect(),
        }
    }
}

/// The tenant that was created, or was created by the same application before.
pub(super) fn tenant_of(outcome: &ApplyOutcome) -> Option<String> {
    match outcome {
        ApplyOutcome::Accepted { tenant } | ApplyOutcome::Replayed { tenant } => Some(tenant.to_string()),
        ApplyOutcome::Refused(_) => None,
    }
}
