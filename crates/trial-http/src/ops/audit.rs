//! Operations interface: the audit.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use serde::Serialize;
use trial_core::audit::{AuditEntry, AuditQuery};
use trial_core::operators::Permission;
use trial_core::values::AuditId;
use utoipa::ToSchema;

use super::failed;
use super::operator::AuthenticatedOperator;
use super::reply::{Listing, json, one_more};
use super::reveal::Sight;
use super::search::Unrecorded;
use crate::body::Payload;
use crate::parameters::Query;
use crate::problem::Problem;
use crate::site::State;

/// An entry of the audit.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuditEntry)]
pub(super) struct Entry {
    id: String,
    at: DateTime<Utc>,
    /// The actor: an operator's name, `cli:` and a user's name, `applicant`, or `trialgate` for scheduled tasks.
    actor: String,
    /// The action, such as `setting.set`.
    action: String,
    /// The subject; a phone or an address is masked unless `reveal` is true.
    subject: String,
    /// Values before and after, in words.
    detail: String,
}

/// `GET /ops/v1/audit`.
pub(super) async fn list(request: HttpRequest, _payload: Payload, state: Data<State>) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Permission::Look).await?;
    let mut query = Query::of(&request);
    let page = query.page::<AuditId>();
    let asked = AuditQuery {
        actor: query.text("actor"),
        action: query.text("action"),
        subject: query.text("subject"),
        since: query.time("since"),
        until: query.time("until"),
        before: page.cursor,
        limit: one_more(&page),
    };
    let reveal = query.flag("reveal");
    query.end()?;
    caller.may_see(reveal)?;
    let asked = Unrecorded::new(asked).record(caller.ops, &caller.operator, "audit").await?;
    let sight = Sight::of(&caller, reveal, "audit.reveal", "audit").await?;
    let found = caller.ops.parts.audit.audit(asked).await.map_err(failed)?;
    json(&Listing::of(&page, found, |entry| entry.id.to_string(), |entry| Entry::new(entry, sight)))
}

impl Entry {
    fn new(entry: &AuditEntry, sight: Sight) -> Self {
        Self {
            id: entry.id.to_string(),
            at: entry.at,
            actor: entry.actor.clone(),
            action: entry.action.clone(),
            subject: match sight {
                Sight::Masked => entry.masked_subject(),
                Sight::Plain => entry.subject.clone(),
            },
            detail: entry.detail.clone(),
        }
    }
}
