//! Console pages of tenants and the commands on them.

use actix_web::http::StatusCode;
use askama::Template;
use chrono::{DateTime, Utc};
use trial_core::tenants::{TenantAction, TenantCommand, TenantOutcome, TenantRefusal, TenantSearch, TenantStatus};
use trial_core::values::TenantId;
use trial_engine::operations::Disclosure;
use trial_engine::operations::Operation;
use trial_engine::operations::page::{PAGE, Page as Listing};
use trial_engine::operations::tenants::{self, TenantReport};

use super::applications::query;
use super::visit::{Page, Visit};
use super::{Answer, Refused, failed, html, page as written, see};
use crate::fields::Fields;

/// Longest extension of a trial, in days.
const MOST_DAYS: u64 = 366;

#[derive(Template)]
#[template(path = "console/tenants.html")]
struct List {
    page: Page,
    find: String,
    status: String,
    asking: bool,
    wrong: Option<String>,
    rows: Vec<TenantReport>,
    more: Option<String>,
    statuses: &'static [TenantStatus],
}

#[derive(Template)]
#[template(path = "console/tenant.html")]
struct One {
    page: Page,
    row: TenantReport,
    wrong: Option<String>,
    dates: Vec<(&'static str, DateTime<Utc>)>,
    is_revealed: bool,
}

pub(super) async fn list(visit: &Visit<'_>) -> Answer {
    visit.may(Operation::ListTenants)?;
    let find = visit.query.text("find");
    let status = visit.query.text("status");
    let asks_conversion = visit.query.given("asking").is_some();
    let (wrong, found) = match query(&find, visit) {
        Err(wrong) => (Some(wrong), Listing { items: Vec::new(), next_cursor: None }),
        Ok(by) => {
            let by = by.record(visit.ops, &visit.operator, "tenants").await?;
            let before = visit.query.parsed("before");
            let search = TenantSearch { by, status: status.parse().ok(), asks_conversion, before, limit: PAGE };
            let operations = &visit.ops.parts.operations;
            (None, tenants::list(&**operations, search, Disclosure::Masked).await.map_err(failed)?)
        }
    };
    written(&List {
        page: visit.page.clone(),
        find,
        status,
        asking: asks_conversion,
        wrong,
        rows: found.items,
        more: found.next_cursor,
        statuses: TenantStatus::ALL,
    })
}

pub(super) async fn show(visit: &Visit<'_>, id: &str, reveal: bool, wrong: Option<String>) -> Answer {
    visit.may(Operation::ShowTenant)?;
    let id: TenantId = id.parse().map_err(|_| Refused::NotFound)?;
    let disclosure = visit.disclosure(reveal, "tenant.reveal", &id.to_string()).await?;
    let found = tenants::show(&*visit.ops.parts.operations, id, disclosure).await.map_err(failed)?;
    let row = found.ok_or(Refused::NotFound)?;
    let dates = [
        ("conversion requested", row.conversion_asked_at),
        ("converted", row.converted_at),
        ("suspended", row.suspended_at),
        ("closes", row.closes_at),
        ("closed", row.closed_at),
    ];
    let dates = dates.into_iter().filter_map(|(name, at)| Some((name, at?))).collect();
    let status = if wrong.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    let is_revealed = disclosure == Disclosure::Revealed;
    html(status, &One { page: visit.page.clone(), row, wrong, dates, is_revealed })
}

pub(super) async fn order(visit: &Visit<'_>, id: &str, action: &str, form: &Fields) -> Answer {
    let tenant: TenantId = id.parse().map_err(|_| Refused::NotFound)?;
    let (operation, order) = match action {
        "convert" => (Operation::ConvertTenant, TenantAction::Convert),
        "extend" => {
            let days: u64 = form.parsed("days").filter(|days| *days <= MOST_DAYS).unwrap_or(0);
            (Operation::ExtendTrial, TenantAction::Extend(std::time::Duration::from_hours(24 * days)))
        }
        "suspend" => (Operation::SuspendTenant, TenantAction::Suspend),
        "resume" => (Operation::ResumeTenant, TenantAction::Resume),
        "close" => (Operation::CloseTenant, TenantAction::Close),
        "reopen" => (Operation::ReopenTenant, TenantAction::Reopen),
        "resend-mail" => (Operation::ResendMail, TenantAction::ResendMail),
        _ => return Err(Refused::NotFound),
    };
    let is_mail = order == TenantAction::ResendMail;
    visit.may(operation)?;
    let order_given = TenantCommand { tenant, order, actor: visit.changes().actor };
    match visit.ops.parts.orders.order(order_given).await.map_err(failed)? {
        TenantOutcome::Done(_) => {
            let said = if is_mail { "resent" } else { "changed" };
            see(&format!("/console/tenants/{tenant}?said={said}"))
        }
        TenantOutcome::Refused(TenantRefusal::Unknown) => Err(Refused::NotFound),
        TenantOutcome::Refused(refusal) => show(visit, id, false, Some(refusal.to_string())).await,
    }
}
