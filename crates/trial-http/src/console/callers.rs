//! Console page of API clients. No secret is shown: clients and secrets are added on the command line.

use actix_web::http::StatusCode;
use askama::Template;
use trial_core::clients::{
    ApiClientChange, ApiClientChanged, ApiClientLimits, ApiClientName, ApiClientRefusal, MAX_CLIENT_RATE, Scope,
};
use trial_engine::operations::Operation;
use trial_engine::operations::clients::{self, ApiClientReport};

use super::visit::{Page, Visit};
use super::{Answer, Refused, failed, html, see};
use crate::fields::Fields;

#[derive(Template)]
#[template(path = "console/callers.html")]
struct Callers {
    page: Page,
    rows: Vec<ApiClientReport>,
    scopes: &'static [Scope],
    most: u32,
    wrong: Option<String>,
}

pub(super) async fn page(visit: &Visit<'_>, wrong: Option<String>) -> Answer {
    visit.may(Operation::ListCallers)?;
    let parts = &visit.ops.parts;
    let known = clients::list(&*parts.callers, &parts.keyring).await.map_err(failed)?;
    let callers = Callers {
        page: visit.page.clone(),
        rows: known.items,
        scopes: Scope::ALL,
        most: MAX_CLIENT_RATE,
        wrong: wrong.clone(),
    };
    html(if wrong.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK }, &callers)
}

pub(super) async fn suspend(visit: &Visit<'_>, name: &str) -> Answer {
    visit.may(Operation::SuspendCaller)?;
    change(visit, name, ApiClientChange::Suspend, "caller-suspended").await
}

pub(super) async fn resume(visit: &Visit<'_>, name: &str) -> Answer {
    visit.may(Operation::ResumeCaller)?;
    change(visit, name, ApiClientChange::Resume, "caller-resumed").await
}

pub(super) async fn set_limits(visit: &Visit<'_>, name: &str, form: &Fields) -> Answer {
    visit.may(Operation::SetCallerLimits)?;
    let Some(rate) = form.parsed("rate") else {
        let wrong = visit.page.t("The rate must be a whole number of 0 or more.");
        return page(visit, Some(wrong.to_owned())).await;
    };
    let scopes = Scope::ALL.iter().copied().filter(|scope| form.given(scope.as_str()).is_some());
    let limits = ApiClientLimits { scopes: Some(scopes.collect()), rate: Some(rate) };
    change(visit, name, ApiClientChange::Set(limits), "caller-limited").await
}

/// Requires the ticked confirmation; a removal cannot be undone.
pub(super) async fn remove(visit: &Visit<'_>, name: &str, form: &Fields) -> Answer {
    visit.may(Operation::RemoveCaller)?;
    if form.given("sure").is_none() {
        let wrong = visit.page.t("Confirm the permanent removal of the API client.");
        return page(visit, Some(wrong.to_owned())).await;
    }
    change(visit, name, ApiClientChange::Remove, "caller-removed").await
}

async fn change(visit: &Visit<'_>, name: &str, change: ApiClientChange, said: &str) -> Answer {
    let name = ApiClientName::parse(name).map_err(|_| Refused::NotFound)?;
    match visit.ops.parts.callers.change_caller(name, change, visit.changes()).await.map_err(failed)? {
        ApiClientChanged::Done(_) => see(&format!("/console/callers?said={said}")),
        ApiClientChanged::Refused(ApiClientRefusal::Unknown) => Err(Refused::NotFound),
        ApiClientChanged::Refused(refusal) => page(visit, Some(refusal.to_string())).await,
    }
}
