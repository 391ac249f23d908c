//! JSON replies.

use actix_web::HttpResponse;
use actix_web::http::header::HeaderValue;
use serde::Serialize;

use crate::problem::{Kind, Problem};

/// 200 with this body.
pub(super) fn json(body: &impl Serialize) -> Result<HttpResponse, Problem> {
    let body = serde_json::to_vec(body).map_err(|error| {
        tracing::error!(%error, "a reply cannot be serialised");
        Problem::new(Kind::Unexpected)
    })?;
    Ok(HttpResponse::Ok().content_type(HeaderValue::from_static("application/json")).body(body))
}
