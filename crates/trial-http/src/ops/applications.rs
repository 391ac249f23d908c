//! Operations interface: applications and their timelines.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use serde::Serialize;
use trial_core::applications::{ApplicationQuery, ApplicationSearch, ApplicationView, ApplyOutcome};
use trial_core::operators::Permission;
use trial_core::return_codes::{ApplyCode, ApplyReply};
use trial_core::timeline::{TimelineEntry, remediation};
use trial_core::values::{ApplicationId, CompanyName, Email, MailHosts, Phone, RequestId};
use trial_engine::operations::timeline_sources;
use utoipa::ToSchema;

use super::failed;
use super::mails::Mail;
use super::operator::AuthenticatedOperator;
use super::reply::{Listing, json, one_more};
use super::reveal::Sight;
use super::search::Unrecorded;
use crate::body::Payload;
use crate::parameters::{Query, segment};
use crate::problem::{FieldError, Kind, Problem};
use crate::routes::nothing_here;
use crate::site::State;

/// An application, with the decision and the fact behind it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Application)]
pub(super) struct ApplicationReply {
    id: String,
    /// Request id of the exchange.
    request_id: String,
    at: DateTime<Utc>,
    /// Masked unless `reveal` is true.
    phone: String,
    /// Masked unless `reveal` is true.
    email: String,
    company_name: String,
    /// The published return code that was answered.
    return_code: &'static str,
    /// The decision and the fact behind it, in words.
    outcome: String,
    /// Remediation.
    what_to_do: &'static str,
    /// The tenant that was created, or existed before.
    #[schema(required)]
    tenant: Option<String>,
    /// The tenant's mails, if the application was accepted.
    mails: Vec<Mail>,
}

/// An application with its timeline.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ApplicationStory {
    application: ApplicationReply,
    /// Requests of the phone from the day before on, replies of gateways and providers, attempts, the tenant's mails
    /// with the mail server's replies, and changes of the tenant; oldest first.
    timeline: Vec<Event>,
}

/// An event.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    at: DateTime<Utc>,
    /// `code_request`, `receipt`, `application`, `mail` or `change`.
    kind: &'static str,
    /// Request id of the exchange, if there was one.
    #[schema(required)]
    request_id: Option<String>,
    /// The published return code, if one was answered.
    #[schema(required)]
    return_code: Option<&'static str>,
    /// The event in words.
    words: String,
    /// The facts behind it, in words.
    facts: Vec<String>,
    /// Remediation, if any.
    #[schema(required)]
    what_to_do: Option<&'static str>,
}

/// Search key of a person: at most one of `phone`, `email`, `company` and `requestId`.
pub(super) fn customer(query: &mut Query, state: &State) -> Result<Unrecorded<Option<ApplicationQuery>>, Problem> {
    let phone = query.take("phone", |text| Phone::parse(text, &state.settings.phone)).map(ApplicationQuery::Phone);
    let email = query
        .take("email", |text| Email::parse_at(MailHosts::Any, text))
        .map(|email| ApplicationQuery::Email(email.key().clone()));
    let company =
        query.take("company", CompanyName::parse).map(|company| ApplicationQuery::Company(company.key().clone()));
    let exchange = query
        .take("requestId", |text| RequestId::from_caller(text).ok_or("must be 1 to 64 letters, digits and -_.:"))
        .map(ApplicationQuery::RequestId);
    let mut given = [phone, email, company, exchange].into_iter().flatten();
    let (one, None) = (given.next(), given.next()) else {
        let wrong = "give at most one of phone, email, company and requestId".to_owned();
        return Err(Problem::new(Kind::InvalidQuery).errors(vec![FieldError::in_query(None, wrong)]));
    };
    Ok(Unrecorded::new(one))
}

/// `GET /ops/v1/applications`.
pub(super) async fn list(request: HttpRequest, _payload: Payload, state: Data<State>) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Permission::Look).await?;
    let mut query = Query::of(&request);
    let page = query.page::<ApplicationId>();
    let return_code = query.take("returnCode", |text| {
        ApplyCode::ALL.into_iter().find(|code| code.as_str() == text).ok_or("must be a return code of applyTenant")
    });
    let (since, until) = (query.time("since"), query.time("until"));
    let by = customer(&mut query, &state);
    let reveal = query.flag("reveal");
    query.end()?;
    caller.may_see(reveal)?;
    let by = by?.record(caller.ops, &caller.operator, "applications").await?;
    let sight = Sight::of(&caller, reveal, "applications.reveal", "applications").await?;
    let search = ApplicationSearch { by, return_code, since, until, before: page.cursor, limit: one_more(&page) };
    let found = caller.ops.parts.operations.search_applications(search).await.map_err(failed)?;
    json(&Listing::of(&page, found, |view| view.id.to_string(), |view| ApplicationReply::new(view, sight)))
}

/// `GET /ops/v1/applications/{id}`.
pub(super) async fn show(request: HttpRequest, _payload: Payload, state: Data<State>) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Permission::Look).await?;
    let mut query = Query::of(&request);
    let reveal = query.flag("reveal");
    query.end()?;
    let id: ApplicationId = segment(&request).await?.parse().map_err(|_| nothing_here())?;
    let operations = &caller.ops.parts.operations;
    let found = operations.application(id).await.map_err(failed)?;
    let view = found.ok_or_else(|| Problem::new(Kind::NotFound).detail("no application has this id"))?;
    let sight = Sight::of(&caller, reveal, "application.reveal", &id.to_string()).await?;
    let parts = &caller.ops.parts;
    let policy = parts.policy.now();
    let sources = timeline_sources(&**operations, &*parts.audit, &policy, &view, caller.ops.clock.now());
    let timeline = sources.await.map_err(failed)?.tell().into_iter().map(Event::from).collect();
    json(&ApplicationStory { application: ApplicationReply::new(&view, sight), timeline })
}

impl ApplicationReply {
    fn new(view: &ApplicationView, sight: Sight) -> Self {
        let tenant = match &view.outcome {
            ApplyOutcome::Accepted { tenant } | ApplyOutcome::Replayed { tenant } => Some(tenant.to_string()),
            ApplyOutcome::Refused(_) => None,
        };
        Self {
            id: view.id.to_string(),
            request_id: view.request_id.to_string(),
            at: view.at,
            phone: sight.phone(&view.phone),
            email: sight.email(&view.email),
            company_name: view.company.clone(),
            return_code: ApplyReply::from(&view.outcome).code.as_str(),
            outcome: in_words(&view.outcome),
            what_to_do: remediation::about_application(&view.outcome, &view.mails),
            tenant,
            mails: view.mails.iter().map(Mail::from).collect(),
        }
    }
}

fn in_words(outcome: &ApplyOutcome) -> String {
    match outcome {
        ApplyOutcome::Accepted { tenant } => format!("tenant {tenant} was created"),
        ApplyOutcome::Replayed { tenant } => format!("repeat of the accepted application, tenant {tenant}"),
        ApplyOutcome::Refused(refusal) => refusal.to_string(),
    }
}

impl From<TimelineEntry> for Event {
    fn from(entry: TimelineEntry) -> Self {
        let TimelineEntry { at, kind, code, words, facts, advice, request_id } = entry;
        let request_id = request_id.map(|id| id.to_string());
        Self { at, kind, request_id, return_code: code, words, facts, what_to_do: advice }
    }
}
