//! Operations interface: the operator of the token.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use serde::Serialize;
use trial_core::operators::{Permission, Role};
use utoipa::ToSchema;

use super::operator::AuthenticatedOperator;
use super::reply::json;
use crate::body::Payload;
use crate::parameters::Query;
use crate::problem::Problem;
use crate::site::State;

/// The operator of the token.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Me {
    /// Name of the operator in the audit.
    name: String,
    /// viewer, operator or admin.
    role: &'static str,
    /// Permissions of the role.
    permissions: Vec<&'static str>,
    /// Expiry of the token; null if it is valid until revoked.
    #[schema(required)]
    expires_at: Option<DateTime<Utc>>,
}

/// `GET /ops/v1/me`.
pub(super) async fn show(request: HttpRequest, _payload: Payload, state: Data<State>) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Permission::Look).await?;
    Query::of(&request).end()?;
    json(&Me {
        name: caller.operator.name.to_string(),
        role: caller.operator.role.as_str(),
        permissions: allowed(caller.operator.role),
        expires_at: caller.operator.expires_at,
    })
}

fn allowed(role: Role) -> Vec<&'static str> {
    Permission::ALL.iter().filter(|permission| role.may(**permission)).map(|permission| permission.as_str()).collect()
}
