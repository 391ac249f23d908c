use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use serde::Serialize;
use trial_core::{Permission, Role};
use utoipa::ToSchema;

use super::caller::Caller;
use super::reply::json;
use crate::body::Payload;
use crate::parameters::Query;
use crate::problem::Problem;
use crate::site::State;

/// Whose token this is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Me {
    /// The name that the audit knows the person by.
    name: String,
    /// viewer, operator or admin.
    role: &'static str,
    /// What the role allows.
    permissions: Vec<&'static str>,
    /// When the token ends; null if it lasts until it is revoked.
    #[schema(required)]
    expires_at: Option<DateTime<Utc>>,
}

/// `GET /ops/v1/me`.
pub(super) async fn show(request: HttpRequest, _payload: Payload, state: Data<State>) -> Result<HttpResponse, Problem> {
    let caller = Caller::let_in(&request, &state, Permission::Look).await?;
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
