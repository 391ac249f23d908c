//! `/healthz` and `/readyz`.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use trial_core::ports::Dependency;

use crate::ops;
use crate::site::{Face, State};

#[derive(Serialize)]
struct Readiness<'a> {
    ready: bool,
    dependencies: Vec<DependencyView<'a>>,
}

#[derive(Serialize)]
struct DependencyView<'a> {
    name: &'a str,
    ready: bool,
    vital: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'a str>,
}

/// Answers 200 as long as the process serves requests.
pub(crate) async fn healthz() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(r#"{"status":"ok"}"#)
}

/// Reports which dependencies are usable; 503 if a vital one is not. Reasons are shown to administrators and operators
/// only.
pub(crate) async fn readyz(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let dependencies = state.health.dependencies().await;
    let ready = !dependencies.iter().any(|dependency| dependency.is_vital && dependency.problem.is_some());
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let is_told =
        request.app_data() == Some(&Face::Admin) || state.inbox.is_some() || ops::is_operator(&request, &state).await;
    let dependencies = dependencies.iter().map(|dependency| view(dependency, is_told)).collect();
    HttpResponse::build(status).json(Readiness { ready, dependencies })
}

/// Hides the reason from others: it may quote a provider's reply.
fn view(dependency: &Dependency, is_told: bool) -> DependencyView<'_> {
    DependencyView {
        name: dependency.name,
        ready: dependency.problem.is_none(),
        vital: dependency.is_vital,
        problem: dependency.problem.as_deref().filter(|_| is_told),
    }
}
