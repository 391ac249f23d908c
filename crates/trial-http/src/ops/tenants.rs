//! Operations interface: tenants.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use serde::Serialize;
use trial_core::operators::Permission;
use trial_core::tenants::{TenantSearch, TenantStatus, TenantView};
use trial_core::values::{AccessCodeKind, TenantId};
use utoipa::ToSchema;

use super::applications::customer;
use super::failed;
use super::mails::Mail;
use super::operator::AuthenticatedOperator;
use super::reply::{Listing, json, one_more};
use super::reveal::Sight;
use crate::body::Payload;
use crate::parameters::{Query, segment};
use crate::problem::{Kind, Problem};
use crate::routes::nothing_here;
use crate::site::State;

/// A tenant with its access codes and mails.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Tenant)]
pub(super) struct TenantReply {
    id: String,
    /// trial, suspended, commercial or closed.
    status: &'static str,
    company_name: String,
    /// Masked unless `reveal` is true.
    phone: String,
    /// Masked unless `reveal` is true.
    email: String,
    created_at: DateTime<Utc>,
    trial_ends_at: DateTime<Utc>,
    /// Time of the owner's request for a conversion; null if there is none.
    #[schema(required)]
    conversion_asked_at: Option<DateTime<Utc>>,
    access_codes: HeldCodes,
    /// Oldest first.
    mails: Vec<Mail>,
}

/// Access codes of a tenant.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HeldCodes {
    #[schema(required)]
    voice: Option<String>,
    #[schema(required)]
    multimedia: Option<String>,
}

/// `GET /ops/v1/tenants`.
pub(super) async fn list(request: HttpRequest, _payload: Payload, state: Data<State>) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Permission::Look).await?;
    let mut query = Query::of(&request);
    let page = query.page::<TenantId>();
    let status = query.take("status", |text| {
        text.parse::<TenantStatus>().map_err(|_| "must be trial, suspended, commercial or closed")
    });
    let asks_conversion = query.flag("conversionAsked");
    let by = customer(&mut query, &state);
    let reveal = query.flag("reveal");
    query.end()?;
    caller.may_see(reveal)?;
    let by = by?.record(caller.ops, &caller.operator, "tenants").await?;
    let sight = Sight::of(&caller, reveal, "tenants.reveal", "tenants").await?;
    let asked = TenantSearch { by, status, asks_conversion, before: page.cursor, limit: one_more(&page) };
    let found = caller.ops.parts.operations.search_tenants(asked).await.map_err(failed)?;
    json(&Listing::of(&page, found, |view| view.tenant.id.to_string(), |view| TenantReply::new(view, sight)))
}

/// `GET /ops/v1/tenants/{id}`.
pub(super) async fn show(request: HttpRequest, _payload: Payload, state: Data<State>) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Permission::Look).await?;
    let mut query = Query::of(&request);
    let reveal = query.flag("reveal");
    query.end()?;
    let id: TenantId = segment(&request).await?.parse().map_err(|_| nothing_here())?;
    let found = caller.ops.parts.operations.tenant(id).await.map_err(failed)?;
    let view = found.ok_or_else(|| Problem::new(Kind::NotFound).detail("no tenant has this id"))?;
    let sight = Sight::of(&caller, reveal, "tenant.reveal", &id.to_string()).await?;
    json(&TenantReply::new(&view, sight))
}

impl TenantReply {
    fn new(view: &TenantView, sight: Sight) -> Self {
        let tenant = &view.tenant;
        let held = |kind| view.access_codes.get(&kind).map(ToString::to_string);
        Self {
            id: tenant.id.to_string(),
            status: tenant.status.as_str(),
            company_name: tenant.company.as_str().to_owned(),
            phone: sight.phone(&tenant.phone),
            email: sight.email(&tenant.email),
            created_at: tenant.created_at,
            trial_ends_at: tenant.trial_ends_at,
            conversion_asked_at: tenant.conversion_asked_at,
            access_codes: HeldCodes {
                voice: held(AccessCodeKind::Voice),
                multimedia: held(AccessCodeKind::Multimedia),
            },
            mails: view.mails.iter().map(Mail::from).collect(),
        }
    }
}
