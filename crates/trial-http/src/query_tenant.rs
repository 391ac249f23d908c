//! `GET queryTenant`: the status of a trial, for its website and its owner. The phone is always masked.

use std::time::Duration;

use actix_web::http::header::AUTHORIZATION;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use trial_core::applications::ApplicationQuery;
use trial_core::clients::Scope;
use trial_core::error::LedgerError;
use trial_core::operators::CLIENT_MISSES_PER_HOUR;
use trial_core::tenants::{Tenant, TenantSearch, TenantStatus};
use trial_core::values::{Email, MailHosts, Phone};

use crate::body::Payload;
use crate::ops::Unrecorded;
use crate::parameters::Query;
use crate::portal::{self, NotIn};
use crate::problem::{FieldError, Kind, Problem};
use crate::signed::{Barred, stranger};
use crate::site::State;
use crate::unauthenticated::malformed;

/// Most tenants of one person that are searched.
const TENANTS: u32 = 50;

/// Status of a tenant. Dates are milliseconds since the epoch.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TrialStatus {
    create_date: i64,
    /// `None` for a commercial tenant.
    expiry_date: Option<i64>,
    company: String,
    email: String,
    mobile_phone: String,
    tenant_space_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    portal_url: Option<String>,
}

/// Origin of the query: only what the client gave, or what is the owner's, is shown in full.
#[derive(Debug, Clone, Copy)]
enum Asked {
    ByPhone,
    ByEmail,
    AsOwner,
}

/// `GET queryTenant`.
pub(crate) async fn show(request: HttpRequest, payload: Payload, state: Data<State>) -> HttpResponse {
    match answer(&request, payload, &state).await {
        Ok(status) => HttpResponse::Ok().json(status),
        Err(problem) => problem.response(&request),
    }
}

async fn answer(request: &HttpRequest, payload: Payload, state: &State) -> Result<TrialStatus, Problem> {
    if !request.headers().contains_key(AUTHORIZATION)
        && let Some(owner) = portal::owner(request, state).await
    {
        Query::of(request).end()?;
        return owner.map(|tenant| TrialStatus::of(&tenant, state, Asked::AsOwner)).map_err(not_in);
    }
    let Some(signing) = &state.signing else {
        let detail = "only API clients that sign their requests and owners who are signed in to the portal may query; \
            `http.callers` is not \"signed\"";
        return Err(Problem::new(Kind::SignatureRefused).detail(detail));
    };
    let barred = |barred| match barred {
        Barred::With(problem) => problem,
        Barred::Unknown => unavailable(),
    };
    signing.may_be_signed(request, state).await.map_err(barred)?;
    let body = payload.any().await.map_err(|problem| malformed(request, state, problem))?;
    let signed = signing.let_in(request, &body, Scope::Query, || stranger(request, state)).await.map_err(barred)?;
    let by = whose(signed.query, state)?;
    let asked = if matches!(by, ApplicationQuery::Email(_)) { Asked::ByEmail } else { Asked::ByPhone };
    signing.misses.peek(signed.id).map_err(too_many_misses)?;
    let by = Unrecorded::new(by).record_for(&state.ops, &signed.caller, "queryTenant").await?;
    let search = TenantSearch { by: Some(by), status: None, asks_conversion: false, before: None, limit: TENANTS };
    let found = state.ops.parts.operations.search_tenants(search).await.map_err(|error| failed(&error))?;
    let tenant = Tenant::foremost(found.into_iter().map(|view| view.tenant));
    let Some(tenant) = tenant else {
        signing.misses.take(signed.id).map_err(too_many_misses)?;
        return Err(Problem::new(Kind::NotFound).detail("no tenant found"));
    };
    Ok(TrialStatus::of(&tenant, state, asked))
}

fn too_many_misses(wait: Duration) -> Problem {
    let detail = format!(
        "the API client has made {CLIENT_MISSES_PER_HOUR} queries without a result within an hour, which is the limit"
    );
    Problem::new(Kind::RateLimited).detail(detail).retry_after(wait)
}

fn not_in(reason: NotIn) -> Problem {
    match reason {
        NotIn::SignIn => Problem::new(Kind::NotEntitled).detail("sign in to the portal, and choose a password there"),
        NotIn::Failed => unavailable(),
    }
}

fn whose(query: Vec<(String, String)>, state: &State) -> Result<ApplicationQuery, Problem> {
    let mut query = Query::from(query);
    let phone = query.take("phone", |text| Phone::parse(text, &state.settings.phone));
    let email = query.take("email", |text| Email::parse_at(MailHosts::Any, text));
    query.end()?;
    match (phone, email) {
        (Some(phone), None) => Ok(ApplicationQuery::Phone(phone)),
        (None, Some(email)) => Ok(ApplicationQuery::Email(email.key().clone())),
        _ => {
            let wrong = "give either phone or email, as in the application".to_owned();
            Err(Problem::new(Kind::InvalidQuery).errors(vec![FieldError::in_query(None, wrong)]))
        }
    }
}

impl TrialStatus {
    fn of(tenant: &Tenant, state: &State, asked: Asked) -> Self {
        let (company, email) = match asked {
            Asked::AsOwner => (tenant.company.as_str().to_owned(), tenant.email.as_str().to_owned()),
            Asked::ByEmail => (tenant.company.masked(), tenant.email.as_str().to_owned()),
            Asked::ByPhone => (tenant.company.masked(), tenant.email.masked()),
        };
        let expires = (tenant.status != TenantStatus::Commercial).then_some(tenant.trial_ends_at);
        Self {
            create_date: tenant.created_at.timestamp_millis(),
            expiry_date: expires.map(|at| at.timestamp_millis()),
            company,
            email,
            mobile_phone: tenant.phone.masked(),
            tenant_space_status: tenant.status.as_str(),
            portal_url: state.settings.portal_url.clone(),
        }
    }
}

fn failed(error: &LedgerError) -> Problem {
    let source = std::error::Error::source(error).map(ToString::to_string);
    tracing::error!(%error, source, "a tenant cannot be looked up");
    match error {
        LedgerError::Corrupt(_) => Problem::new(Kind::Unexpected),
        _ => unavailable(),
    }
}

fn unavailable() -> Problem {
    let again = Duration::from_secs(5);
    Problem::new(Kind::Unavailable).detail("the database is unavailable").retry_after(again)
}
