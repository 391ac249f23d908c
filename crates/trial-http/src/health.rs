use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use serde::Serialize;
use trial_core::ports::Dependency;

use crate::site::State;

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

/// The process serves, or this would not be answered.
pub(crate) async fn healthz() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(r#"{"status":"ok"}"#)
}

/// Whether applications can be taken: 503 while something vital stands in the way.
pub(crate) async fn readyz(state: Data<State>) -> HttpResponse {
    let dependencies = state.health.dependencies().await;
    let ready = !dependencies.iter().any(|dependency| dependency.is_vital && dependency.problem.is_some());
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    HttpResponse::build(status).json(Readiness { ready, dependencies: dependencies.iter().map(view).collect() })
}

fn view(dependency: &Dependency) -> DependencyView<'_> {
    DependencyView {
        name: dependency.name,
        ready: dependency.problem.is_none(),
        vital: dependency.is_vital,
        problem: dependency.problem.as_deref(),
    }
}
