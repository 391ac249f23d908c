//! Operations interface: the operator of the token.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use trial_engine::operations::Operation;
use trial_engine::operations::operators::OwnReport;

use super::operator::AuthenticatedOperator;
use super::reply::json;
use crate::body::Payload;
use crate::parameters::Query;
use crate::problem::Problem;
use crate::site::State;

/// `GET /ops/v1/me`.
pub(super) async fn show(request: HttpRequest, _payload: Payload, state: Data<State>) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Operation::Me).await?;
    Query::of(&request).end()?;
    json(&OwnReport::from(&caller.operator))
}
