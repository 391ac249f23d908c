//! Operations interface: mails.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use trial_core::mails::{MailPage, MailRetried, MailState, MailView, OutboxMail};
use trial_core::operators::Permission;
use trial_core::values::{MailId, TenantId};
use utoipa::ToSchema;

use super::failed;
use super::operator::AuthenticatedOperator;
use super::reply::{Listing, json, one_more};
use super::reveal::Sight;
use crate::body::Payload;
use crate::parameters::{Query, segment};
use crate::problem::{FieldError, Kind, Problem};
use crate::routes::nothing_here;
use crate::site::State;

/// A mail of the outbox.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OutboxEntry {
    /// Id of the tenant; null for a warning to operations.
    #[schema(required)]
    tenant: Option<String>,
    /// Recipient; masked unless `reveal` is true.
    to: String,
    #[serde(flatten)]
    mail: Mail,
}

/// A mail and its delivery state.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Mail {
    id: String,
    /// Kind of the mail, such as `account` or `reminder`.
    kind: &'static str,
    /// due, sent, failed or overtaken.
    state: &'static str,
    /// Attempts so far.
    attempts: u32,
    created_at: DateTime<Utc>,
    /// Time of the next attempt; null unless due.
    #[schema(required)]
    next_attempt_at: Option<DateTime<Utc>>,
    /// The mail server's last reply, or the fault.
    #[schema(required)]
    last_reply: Option<String>,
}

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
    let caller = AuthenticatedOperator::let_in(&request, &state, Permission::Look).await?;
    let mut query = Query::of(&request);
    let page = query.page::<MailId>();
    let wanted =
        query.take("state", |text| text.parse::<MailState>().map_err(|_| "must be due, sent, failed or overtaken"));
    let tenant = query.take("tenant", |text| text.parse::<TenantId>().map_err(|_| "must be the id of a tenant"));
    let reveal = query.flag("reveal");
    query.end()?;
    let sight = Sight::of(&caller, reveal, "mails.reveal", "mails").await?;
    let asked = MailPage { state: wanted, tenant, before: page.cursor, limit: one_more(&page) };
    let mails = caller.ops.parts.operations.mails(asked).await.map_err(failed)?;
    json(&Listing::of(&page, mails, |entry| entry.mail.id.to_string(), |entry| OutboxEntry::new(entry, sight)))
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
    let caller = AuthenticatedOperator::let_in(&request, &state, Permission::SendMail).await?;
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
    let caller = AuthenticatedOperator::let_in(&request, &state, Permission::SendMail).await?;
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

impl OutboxEntry {
    fn new(entry: &OutboxMail, sight: Sight) -> Self {
        let to = match sight {
            Sight::Masked => entry.masked_to(),
            Sight::Plain => entry.to.clone(),
        };
        Self { tenant: entry.tenant.map(|tenant| tenant.to_string()), to, mail: Mail::from(&entry.mail) }
    }
}

impl From<&MailView> for Mail {
    fn from(view: &MailView) -> Self {
        Self {
            id: view.id.to_string(),
            kind: view.kind.as_str(),
            state: view.state.as_str(),
            attempts: view.attempts,
            created_at: view.created_at,
            next_attempt_at: (view.state == MailState::Due).then_some(view.next_attempt_at),
            last_reply: view.last_reply.clone(),
        }
    }
}
