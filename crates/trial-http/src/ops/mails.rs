//! Operations interface: mails.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use trial_core::mails::{MailPage, MailRetried, MailState};
use trial_core::values::{MailId, TenantId};
use trial_engine::operations::Operation;
use trial_engine::operations::mails;
use utoipa::ToSchema;

use super::failed;
use super::operator::AuthenticatedOperator;
use super::reply::json;
use crate::body::Payload;
use crate::parameters::{Query, segment};
use crate::problem::{FieldError, Kind, Problem};
use crate::routes::nothing_here;
use crate::site::State;

/// Result of a retry.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Retried {
    id: String,
    /// Always `due`: the mail is sent next.
    state: &'static str,
}

/// `GET /ops/v1/mails`.
pub(super) async fn list(request: HttpRequest, _payload: Payload, state: Data<State>) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Operation::ListMails).await?;
    let mut query = Query::of(&request);
    let page = query.page::<MailId>();
    let wanted =
        query.take("state", |text| text.parse::<MailState>().map_err(|_| "must be due, sent, failed or overtaken"));
    let tenant = query.take("tenant", |text| text.parse::<TenantId>().map_err(|_| "must be the id of a tenant"));
    let reveal = query.flag("reveal");
    query.end()?;
    let disclosure = caller.disclosure(reveal, "mails.reveal", "mails").await?;
    let asked = MailPage { state: wanted, tenant, before: page.cursor, limit: page.limit };
    json(&mails::list(&*caller.ops.parts.operations, asked, disclosure).await.map_err(failed)?)
}

/// Failed mails to retry.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RetryAll {
    /// Mails that failed at this time or later.
    since: DateTime<Utc>,
}

/// Result of retrying failed mails.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AllRetried {
    /// Number of mails that are due now.
    retried: u64,
    since: DateTime<Utc>,
}

/// `POST /ops/v1/mails/retry`.
pub(super) async fn retry_all(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Operation::RetryMails).await?;
    Query::of(&request).end()?;
    let body = payload.json(&request).await?;
    let RetryAll { since } = serde_json::from_slice(&body).map_err(|_| {
        let wrong = "since must be a time, such as 2026-11-30T08:00:00Z, and the only field".to_owned();
        let error = FieldError::in_body("#/since".to_owned(), "since", wrong);
        Problem::new(Kind::InvalidFields).errors(vec![error])
    })?;
    let retried = caller.ops.parts.operations.retry_mails(since, caller.changes()).await.map_err(failed)?;
    json(&AllRetried { retried, since })
}

/// `POST /ops/v1/mails/{id}/retry`.
pub(super) async fn retry(
    request: HttpRequest,
    _payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Operation::RetryMail).await?;
    Query::of(&request).end()?;
    let id: MailId = segment(&request).await?.parse().map_err(|_| nothing_here())?;
    match caller.ops.parts.operations.retry_mail(id, caller.changes()).await.map_err(failed)? {
        MailRetried::Due => json(&Retried { id: id.to_string(), state: MailState::Due.as_str() }),
        MailRetried::Refused(state) => {
            Err(Problem::new(Kind::Conflict).detail(format!("this mail is {state}; only a failed mail can be retried")))
        }
        MailRetried::Unknown => Err(Problem::new(Kind::NotFound).detail("no mail has this id")),
    }
}
