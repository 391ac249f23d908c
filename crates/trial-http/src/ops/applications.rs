use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use serde::Serialize;
use trial_core::{
    ApplicationId, ApplicationQuery, ApplicationSearch, ApplicationView, ApplyCode, ApplyOutcome, ApplyReply,
    CodeOutcome, CodeReply, CodeRequestView, CompanyName, Email, Permission, Phone, RequestId, advice,
};
use utoipa::ToSchema;

use super::caller::Caller;
use super::failed;
use super::mails::Mail;
use super::query::{Query, segment};
use super::reply::{Listing, json, one_more};
use super::reveal::Sight;
use crate::problem::{FieldError, Kind, Problem};
use crate::routes::nothing_here;
use crate::site::State;

/// Requests of each kind that a timeline shows.
const TIMELINE: u32 = 50;

/// An application, with what was decided and by which fact.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Application)]
pub(super) struct ApplicationReply {
    id: String,
    /// The exchange.
    request_id: String,
    at: DateTime<Utc>,
    /// Masked, unless it is to be revealed.
    phone: String,
    /// Masked, unless it is to be revealed.
    email: String,
    company_name: String,
    /// The published return code that was answered.
    return_code: &'static str,
    /// What was decided, and by which fact, in words.
    outcome: String,
    /// What to do about it.
    what_to_do: &'static str,
    /// The tenant that came of it, or was there before.
    #[schema(required)]
    tenant: Option<String>,
    /// The tenant's mails, if the application was accepted.
    mails: Vec<Mail>,
}

/// An application, and what else happened to its phone.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ApplicationStory {
    application: ApplicationReply,
    /// What happened to the phone, oldest first; of each kind of request the newest 50.
    timeline: Vec<Event>,
}

/// Something that happened to a phone.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    at: DateTime<Utc>,
    /// `codeRequest` or `application`.
    kind: &'static str,
    /// The exchange.
    request_id: String,
    /// The published return code that was answered.
    return_code: &'static str,
    /// What was decided, and by which fact, in words.
    outcome: String,
    /// What to do about it.
    what_to_do: &'static str,
    /// The gateway that answered; null unless a message was handed over.
    #[schema(required)]
    gateway: Option<String>,
    /// What the gateway said.
    #[schema(required)]
    gateway_reply: Option<String>,
    /// What its provider has told of the message since: sent, delivered or failed.
    #[schema(required)]
    delivery: Option<&'static str>,
}

/// Whom a search is about, by at most one of `phone`, `email`, `company` and `requestId`.
pub(super) fn customer(query: &mut Query, state: &State) -> Result<Option<ApplicationQuery>, Problem> {
    let phone = query.take("phone", |text| Phone::parse(text, &state.settings.phone)).map(ApplicationQuery::Phone);
    let email = query.take("email", Email::parse).map(|email| ApplicationQuery::Email(email.key().clone()));
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
    Ok(one)
}

/// `GET /ops/v1/applications`.
pub(super) async fn list(request: HttpRequest, _payload: Payload, state: Data<State>) -> Result<HttpResponse, Problem> {
    let caller = Caller::let_in(&request, &state, Permission::Look).await?;
    let mut query = Query::of(&request);
    let page = query.page::<ApplicationId>();
    let return_code = query.take("returnCode", |text| {
        ApplyCode::ALL.into_iter().find(|code| code.as_str() == text).ok_or("must be a return code of applyTenant")
    });
    let (since, until) = (query.time("since"), query.time("until"));
    let by = customer(&mut query, &state);
    let reveal = query.flag("reveal");
    query.end()?;
    let by = by?;
    let sight = Sight::of(&caller, reveal, "applications.reveal", "applications").await?;
    let search = ApplicationSearch { by, return_code, since, until, before: page.cursor, limit: one_more(&page) };
    let found = caller.ops.parts.operations.search_applications(search).await.map_err(failed)?;
    json(&Listing::of(&page, found, |view| view.id.to_string(), |view| ApplicationReply::new(view, sight)))
}

/// `GET /ops/v1/applications/{id}`.
pub(super) async fn show(request: HttpRequest, _payload: Payload, state: Data<State>) -> Result<HttpResponse, Problem> {
    let caller = Caller::let_in(&request, &state, Permission::Look).await?;
    let mut query = Query::of(&request);
    let reveal = query.flag("reveal");
    query.end()?;
    let id: ApplicationId = segment(&request).await?.parse().map_err(|_| nothing_here())?;
    let operations = &caller.ops.parts.operations;
    let found = operations.application(id).await.map_err(failed)?;
    let view = found.ok_or_else(|| Problem::new(Kind::NotFound).detail("there is no such application"))?;
    let sight = Sight::of(&caller, reveal, "application.reveal", &id.to_string()).await?;
    let of_phone = ApplicationQuery::Phone(view.phone.clone());
    let all = operations.find_applications(of_phone, TIMELINE).await.map_err(failed)?;
    let mut timeline: Vec<Event> = all.code_requests.iter().map(Event::from).collect();
    timeline.extend(all.applications.iter().map(Event::from));
    timeline.sort_by_key(|event| event.at);
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
            what_to_do: advice::about_application(&view.outcome, &view.mails),
            tenant,
            mails: view.mails.iter().map(Mail::from).collect(),
        }
    }
}

fn in_words(outcome: &ApplyOutcome) -> String {
    match outcome {
        ApplyOutcome::Accepted { tenant } => format!("tenant {tenant} was created"),
        ApplyOutcome::Replayed { tenant } => format!("the same as before, tenant {tenant}"),
        ApplyOutcome::Refused(refusal) => refusal.to_string(),
    }
}

impl From<&ApplicationView> for Event {
    fn from(view: &ApplicationView) -> Self {
        Self {
            at: view.at,
            kind: "application",
            request_id: view.request_id.to_string(),
            return_code: ApplyReply::from(&view.outcome).code.as_str(),
            outcome: in_words(&view.outcome),
            what_to_do: advice::about_application(&view.outcome, &view.mails),
            gateway: None,
            gateway_reply: None,
            delivery: None,
        }
    }
}

impl From<&CodeRequestView> for Event {
    fn from(view: &CodeRequestView) -> Self {
        let told = view.delivery.as_ref().map(|delivery| delivery.state);
        let (reply, outcome) = match &view.outcome {
            CodeOutcome::Send { state, .. } => (CodeReply::from(*state), format!("the message is {state}")),
            CodeOutcome::Refused(refusal) => (CodeReply::from(refusal), refusal.to_string()),
        };
        Self {
            at: view.at,
            kind: "codeRequest",
            request_id: view.request_id.to_string(),
            return_code: reply.code.as_str(),
            outcome,
            what_to_do: advice::about_code(&view.outcome, told),
            gateway: view.gateway.clone(),
            gateway_reply: view.reply.clone(),
            delivery: told.map(trial_core::DeliveryState::as_str),
        }
    }
}
