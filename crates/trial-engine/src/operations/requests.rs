//! Requests of both public interfaces, with one timeline.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Serialize;
use trial_core::applications::{ApplicationQuery, ApplicationView, TimelineView};
use trial_core::error::LedgerError;
use trial_core::ports::Operations;
use trial_core::return_codes::{ApplyReply, CodeReply, ReturnCode};
use trial_core::sms::Delivery;
use trial_core::timeline::{PublicInterface, RequestSearch, RequestView, remediation};
use trial_core::values::{AnyRequestId, Phone};
use trial_core::verification::CodeRequestView;
use utoipa::ToSchema;

use super::applications::tenant_of;
use super::disclosure::Disclosure;
use super::mails::MailReport;
use super::page::{Page, one_more};
use super::timeline::{TimelineEvent, TimelineParts};

/// A request of one of the public interfaces, with the decision and the fact behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Request)]
pub struct RequestReport {
    /// Its id.
    pub id: String,
    /// generateverifycode or applyTenant.
    pub interface: &'static str,
    /// Request id of the exchange.
    pub request_id: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Masked unless `reveal` is true.
    pub phone: String,
    /// Masked unless `reveal` is true; null for a request for a code.
    #[schema(required)]
    pub email: Option<String>,
    /// The company; null for a request for a code.
    #[schema(required)]
    pub company_name: Option<String>,
    /// The published return code that was answered.
    #[schema(value_type = String)]
    pub return_code: ReturnCode,
    /// The decision and the fact behind it, in words.
    pub outcome: String,
    /// Remediation.
    pub what_to_do: &'static str,
    /// The tenant that was created, or existed before.
    #[schema(required)]
    pub tenant: Option<String>,
    /// The tenant's mails, if the application was accepted.
    pub mails: Vec<MailReport>,
    /// The gateway that answered; null if no message was sent.
    #[schema(required)]
    pub gateway: Option<String>,
    /// The gateway's reply: the provider's id of the message, or the reason of its refusal.
    #[schema(required)]
    pub gateway_reply: Option<String>,
    /// The provider's delivery receipt; null if there is none.
    #[schema(required)]
    pub delivery: Option<DeliveryReport>,
}

/// The provider's delivery receipt of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Delivery)]
pub struct DeliveryReport {
    /// sent, delivered or failed.
    pub state: &'static str,
    /// The provider's reason.
    #[schema(required)]
    pub reason: Option<String>,
    /// When it was reported.
    pub at: DateTime<Utc>,
}

/// A request with its timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = RequestStory)]
pub struct RequestTimeline {
    /// The request.
    pub request: RequestReport,
    /// Requests of the phone from the day before on, replies of gateways and providers, attempts, the tenant's mails
    /// with the mail server's replies, and changes of the tenant; oldest first.
    pub timeline: Vec<TimelineEvent>,
}

/// The requests of the applicants that were searched, with their timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FoundRequests {
    /// Newest first.
    pub requests: Vec<RequestReport>,
    /// The requests, the attempts to deliver their mails, and the changes of their tenants; oldest first.
    pub timeline: Vec<TimelineEvent>,
}

/// A page of requests, newest first.
///
/// # Errors
/// [`LedgerError`] if the query fails.
pub async fn list(
    operations: &dyn Operations,
    search: RequestSearch,
    disclosure: Disclosure,
) -> Result<Page<RequestReport>, LedgerError> {
    let limit = search.limit;
    let found = operations.search_requests(RequestSearch { limit: one_more(limit), ..search }).await?;
    Ok(Page::of(limit, found, |view| view.id().to_string(), |view| RequestReport::new(view, disclosure)))
}

/// One request with its timeline.
///
/// # Errors
/// [`LedgerError`] if a query fails.
pub async fn show(
    parts: TimelineParts<'_>,
    id: AnyRequestId,
    disclosure: Disclosure,
) -> Result<Option<RequestTimeline>, LedgerError> {
    let Some(view) = parts.operations.request(id).await? else { return Ok(None) };
    let request = RequestReport::new(&view, disclosure);
    let (RequestView::Code(CodeRequestView { phone, at, .. })
    | RequestView::Application(ApplicationView { phone, at, .. })) = &view;
    let mut around = parts.around(phone, *at).await?;
    match view {
        RequestView::Code(view) if around.code_requests.iter().all(|other| other.id != view.id) => {
            around.code_requests.push(view);
        }
        RequestView::Application(view) if around.applications.iter().all(|other| other.id != view.id) => {
            around.applications.push(view);
        }
        RequestView::Code(_) | RequestView::Application(_) => {}
    }
    Ok(Some(RequestTimeline { request, timeline: parts.events(around, disclosure).await? }))
}

/// The requests of both interfaces that a query finds, at most the newest `limit` of each, with their timeline. A
/// request for a code has neither address nor company: it is found by the phones of the applications.
///
/// # Errors
/// [`LedgerError`] if a query fails.
pub async fn find(
    parts: TimelineParts<'_>,
    query: ApplicationQuery,
    limit: u32,
    disclosure: Disclosure,
) -> Result<FoundRequests, LedgerError> {
    let lacks_codes = matches!(query, ApplicationQuery::Email(_) | ApplicationQuery::Company(_));
    let mut found = parts.operations.find_applications(query, limit).await?;
    if lacks_codes {
        let phones: BTreeSet<Phone> = found.applications.iter().map(|application| application.phone.clone()).collect();
        for phone in phones {
            let of_phone = parts.operations.find_applications(ApplicationQuery::Phone(phone), limit).await?;
            found.code_requests.extend(of_phone.code_requests);
        }
    }
    let requests = RequestReport::newest_first(&found, disclosure);
    Ok(FoundRequests { requests, timeline: parts.events(found, disclosure).await? })
}

impl RequestReport {
    fn new(view: &RequestView, disclosure: Disclosure) -> Self {
        match view {
            RequestView::Code(view) => Self::of_code(view, disclosure),
            RequestView::Application(view) => Self::of_application(view, disclosure),
        }
    }

    fn newest_first(found: &TimelineView, disclosure: Disclosure) -> Vec<Self> {
        let codes = found.code_requests.iter().map(|view| Self::of_code(view, disclosure));
        let applications = found.applications.iter().map(|view| Self::of_application(view, disclosure));
        let mut all: Vec<_> = codes.chain(applications).collect();
        all.sort_by(|one, other| other.id.cmp(&one.id));
        all
    }

    fn of_code(view: &CodeRequestView, disclosure: Disclosure) -> Self {
        Self {
            id: view.id.to_string(),
            interface: PublicInterface::SendCode.as_str(),
            request_id: view.request_id.to_string(),
            at: view.at,
            phone: disclosure.phone(&view.phone),
            email: None,
            company_name: None,
            return_code: CodeReply::from(&view.outcome).code.into(),
            outcome: view.outcome.to_string(),
            what_to_do: remediation::about_code(&view.outcome, view.delivery.as_ref().map(|delivery| delivery.state)),
            tenant: None,
            mails: Vec::new(),
            gateway: view.gateway.clone(),
            gateway_reply: view.reply.clone(),
            delivery: view.delivery.as_ref().map(DeliveryReport::from),
        }
    }

    fn of_application(view: &ApplicationView, disclosure: Disclosure) -> Self {
        Self {
            id: view.id.to_string(),
            interface: PublicInterface::Apply.as_str(),
            request_id: view.request_id.to_string(),
            at: view.at,
            phone: disclosure.phone(&view.phone),
            email: Some(disclosure.email(&view.email)),
            company_name: Some(view.company.clone()),
            return_code: ApplyReply::from(&view.outcome).code.into(),
            outcome: view.outcome.to_string(),
            what_to_do: remediation::about_application(&view.outcome, &view.mails),
            tenant: tenant_of(&view.outcome),
            mails: view.mails.iter().map(MailReport::from).collect(),
            gateway: None,
            gateway_reply: None,
            delivery: None,
        }
    }
}

impl From<&Delivery> for DeliveryReport {
    fn from(delivery: &Delivery) -> Self {
        Self { state: delivery.state.as_str(), reason: delivery.reason.clone(), at: delivery.at }
    }
}
