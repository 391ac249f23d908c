//! Operations interface: operators.

use std::time::Duration;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use trial_core::operators::{Operator, OperatorAdded, OperatorName, OperatorToken, Role};
use trial_core::values::OperatorId;
use trial_engine::operations::Operation;
use trial_engine::operations::operators::{self, OperatorReport};
use utoipa::ToSchema;

use super::failed;
use super::operator::AuthenticatedOperator;
use super::reply::json;
use crate::body::Payload;
use crate::parameters::{Query, segment};
use crate::problem::{FieldError, Kind, Problem};
use crate::site::State;

/// Longest lifetime of an expiring token, in days.
pub(super) const MAX_DAYS: u16 = 3_650;
const DAY: Duration = Duration::from_hours(24);

/// An operator to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewOperator {
    /// 1 to 64 letters, digits, '.', '_' and '-', beginning with a letter or digit.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", example = "ada")]
    name: String,
    /// viewer, operator or admin.
    #[schema(pattern = "^(viewer|operator|admin)$", example = "viewer")]
    role: String,
    /// Lifetime of the token in days; without it, the token is valid until revoked.
    #[schema(minimum = 1, maximum = 3650, example = 90)]
    expires_in_days: Option<u16>,
}

/// A new operator.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AddedOperator {
    #[serde(flatten)]
    operator: OperatorReport,
    /// The token; it is not shown again.
    token: String,
}

/// `GET /ops/v1/operators`.
pub(super) async fn list(request: HttpRequest, _payload: Payload, state: Data<State>) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Operation::ListOperators).await?;
    Query::of(&request).end()?;
    json(&operators::list(&*caller.ops.parts.operators, caller.ops.clock.now()).await.map_err(failed)?)
}

/// `POST /ops/v1/operators`.
pub(super) async fn add(request: HttpRequest, payload: Payload, state: Data<State>) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Operation::AddOperator).await?;
    Query::of(&request).end()?;
    let body = payload.json(&request).await?;
    let asked: NewOperator = serde_json::from_slice(&body)
        .map_err(|_| Problem::malformed("give an object with name, role and, optionally, expiresInDays"))?;
    let (name, role) = parse(&asked)?;
    let by = caller.changes();
    let (mut secret, mut id) = ([0; 32], [0; 10]);
    caller.ops.entropy.fill(&mut secret);
    caller.ops.entropy.fill(&mut id);
    let token = OperatorToken::new(&secret);
    let operator = Operator {
        id: OperatorId::new(by.at, id),
        name,
        role,
        token: token.hash(),
        created_at: by.at,
        created_by: by.actor.clone(),
        expires_at: asked.expires_in_days.map(|days| by.at + DAY * u32::from(days)),
        revoked_at: None,
    };
    let shown = OperatorReport::new(&operator, by.at);
    match caller.ops.parts.operators.add_operator(operator, by).await.map_err(failed)? {
        OperatorAdded::Done => json(&AddedOperator { operator: shown, token: token.as_str().to_owned() }),
        OperatorAdded::NameTaken => Err(Problem::new(Kind::Conflict)
            .detail("another operator has this name; revoke that operator first, or choose another name")),
    }
}

/// `POST /ops/v1/operators/{name}/revoke`.
pub(super) async fn revoke(
    request: HttpRequest,
    _payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Operation::RevokeOperator).await?;
    Query::of(&request).end()?;
    let nobody = || Problem::new(Kind::NotFound).detail("no active operator has this name");
    let name = OperatorName::parse(&segment(&request).await?).map_err(|_| nobody())?;
    if !caller.ops.parts.operators.revoke_operator(name, caller.changes()).await.map_err(failed)? {
        return Err(nobody());
    }
    Ok(HttpResponse::NoContent().finish())
}

fn parse(asked: &NewOperator) -> Result<(OperatorName, Role), Problem> {
    let wrong = |field: &'static str, detail: String| FieldError::in_body(format!("#/{field}"), field, detail);
    let name = OperatorName::parse(&asked.name).map_err(|error| wrong("name", format!("name {error}")));
    let role = asked.role.parse().map_err(|_| wrong("role", "role must be viewer, operator or admin".to_owned()));
    let days = match asked.expires_in_days {
        Some(days) if !(1..=MAX_DAYS).contains(&days) => {
            Err(wrong("expiresInDays", format!("expiresInDays must be from 1 to {MAX_DAYS}")))
        }
        _ => Ok(()),
    };
    match (name, role, days) {
        (Ok(name), Ok(role), Ok(())) => Ok((name, role)),
        (name, role, days) => {
            let errors = [name.err(), role.err(), days.err()].into_iter().flatten().collect();
            Err(Problem::new(Kind::InvalidFields).errors(errors))
        }
    }
}
