//! Operations interface: the audit.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use trial_core::audit::AuditQuery;
use trial_core::values::AuditId;
use trial_engine::operations::Operation;
use trial_engine::operations::audit;

use super::failed;
use super::operator::AuthenticatedOperator;
use super::reply::json;
use super::search::Unrecorded;
use crate::body::Payload;
use crate::parameters::Query;
use crate::problem::Problem;
use crate::site::State;

/// `GET /ops/v1/audit`.
pub(super) async fn list(request: HttpRequest, _payload: Payload, state: Data<State>) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Operation::ListAudit).await?;
    let mut query = Query::of(&request);
    let page = query.page::<AuditId>();
    let asked = AuditQuery {
        actor: query.text("actor"),
        action: query.text("action"),
        subject: query.text("subject"),
        since: query.time("since"),
        until: query.time("until"),
        before: page.cursor,
        limit: page.limit,
    };
    let reveal = query.flag("reveal");
    query.end()?;
    caller.may_see(reveal)?;
    let asked = Unrecorded::new(asked).record(caller.ops, &caller.operator, "audit").await?;
    let disclosure = caller.disclosure(reveal, "audit.reveal", "audit").await?;
    json(&audit::list(&*caller.ops.parts.audit, asked, disclosure).await.map_err(failed)?)
}
