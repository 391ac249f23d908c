//! Operations interface: applications and their timelines.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use trial_core::applications::{ApplicationQuery, ApplicationSearch};
use trial_core::return_codes::ApplyCode;
use trial_core::values::ApplicationId;
use trial_engine::operations::Operation;
use trial_engine::operations::{SearchField, applications};

use super::failed;
use super::operator::AuthenticatedOperator;
use super::reply::json;
use super::search::Unrecorded;
use crate::body::Payload;
use crate::parameters::{Query, segment};
use crate::problem::{FieldError, Kind, Problem};
use crate::routes::nothing_here;
use crate::site::State;

/// Search key of a person: at most one of `phone`, `email`, `company` and `requestId`.
pub(super) fn customer(query: &mut Query, state: &State) -> Result<Unrecorded<Option<ApplicationQuery>>, Problem> {
    let phones = &state.settings.phone;
    let fields = [
        ("phone", SearchField::Phone),
        ("email", SearchField::Email),
        ("company", SearchField::Company),
        ("requestId", SearchField::RequestId),
    ];
    let given = fields.map(|(name, field)| query.take(name, |text| field.parse(text, phones)));
    let mut given = given.into_iter().flatten();
    let (one, None) = (given.next(), given.next()) else {
        let wrong = "give at most one of phone, email, company and requestId".to_owned();
        return Err(Problem::new(Kind::InvalidQuery).errors(vec![FieldError::in_query(None, wrong)]));
    };
    Ok(Unrecorded::new(one))
}

/// `GET /ops/v1/applications`.
pub(super) async fn list(request: HttpRequest, _payload: Payload, state: Data<State>) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Operation::ListApplications).await?;
    let mut query = Query::of(&request);
    let page = query.page::<ApplicationId>();
    let return_code =
        query.take("returnCode", |text| text.parse::<ApplyCode>().map_err(|_| "must be a return code of applyTenant"));
    let (since, until) = (query.time("since"), query.time("until"));
    let by = customer(&mut query, &state);
    let reveal = query.flag("reveal");
    query.end()?;
    caller.may_see(reveal)?;
    let by = by?.record(caller.ops, &caller.operator, "applications").await?;
    let disclosure = caller.disclosure(reveal, "applications.reveal", "applications").await?;
    let search = ApplicationSearch { by, return_code, since, until, before: page.cursor, limit: page.limit };
    json(&applications::list(&*caller.ops.parts.operations, search, disclosure).await.map_err(failed)?)
}

/// `GET /ops/v1/applications/{id}`.
pub(super) async fn show(request: HttpRequest, _payload: Payload, state: Data<State>) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Operation::ShowApplication).await?;
    let mut query = Query::of(&request);
    let reveal = query.flag("reveal");
    query.end()?;
    let id: ApplicationId = segment(&request).await?.parse().map_err(|_| nothing_here())?;
    let disclosure = caller.disclosure(reveal, "application.reveal", &id.to_string()).await?;
    let policy = caller.ops.parts.policy.now();
    let found = applications::show(caller.ops.timeline_parts(&policy), id, disclosure).await.map_err(failed)?;
    json(&found.ok_or_else(|| Problem::new(Kind::NotFound).detail("no application has this id"))?)
}
