//! Console pages of tenants and the commands on them.

use actix_web::http::StatusCode;
use askama::Template;
use trial_core::mails::MailView;
use trial_core::operators::Permission;
use trial_core::tenants::{
    TenantAction, TenantCommand, TenantOutcome, TenantRefusal, TenantSearch, TenantStatus, TenantView,
};
use trial_core::values::TenantId;

use super::applications::query;
use super::visit::{Page, Visit};
use super::{Answer, Refused, failed, html, page as written, see};
use crate::fields::Fields;
use crate::ops::Sight;

/// Rows of a page.
const ROWS: u32 = 50;
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
    rows: Vec<Row>,
    more: Option<String>,
    statuses: &'static [TenantStatus],
}

struct Row {
    id: String,
    status: &'static str,
    company: String,
    phone: String,
    email: String,
    created_at: String,
    trial_ends_at: String,
    /// Time of the owner's request for a conversion; empty if there is none.
    asked_at: String,
}

#[derive(Template)]
#[template(path = "console/tenant.html")]
struct One {
    page: Page,
    row: Row,
    wrong: Option<String>,
    dates: Vec<(&'static str, String)>,
    codes: Vec<(&'static str, String)>,
    mails: Vec<MailView>,
    is_plain: bool,
}

impl Row {
    fn of(view: &TenantView, sight: Sight) -> Self {
        let tenant = &view.tenant;
        let time = |at: chrono::DateTime<chrono::Utc>| at.format("%Y-%m-%d %H:%M").to_string();
        Self {
            id: tenant.id.to_string(),
            status: tenant.status.as_str(),
            company: tenant.company.as_str().to_owned(),
            phone: sight.phone(&tenant.phone),
            email: sight.email(&tenant.email),
            created_at: time(tenant.created_at),
            trial_ends_at: time(tenant.trial_ends_at),
            asked_at: tenant.conversion_asked_at.map(time).unwrap_or_default(),
        }
    }
}

pub(super) async fn list(visit: &Visit<'_>) -> Answer {
    visit.may(Permission::Look)?;
    let find = visit.query.text("find");
    let status = visit.query.text("status");
    let asks_conversion = visit.query.given("asking").is_some();
    let (wrong, mut found) = match query(&find, visit) {
        Err(wrong) => (Some(wrong), Vec::new()),
        Ok(by) => {
            let by = by.record(visit.ops, &visit.operator, "tenants").await?;
            let before = visit.query.parsed("before");
            let search = TenantSearch { by, status: status.parse().ok(), asks_conversion, before, limit: ROWS + 1 };
            (None, visit.ops.parts.operations.search_tenants(search).await.map_err(failed)?)
        }
    };
    let most = usize::try_from(ROWS).unwrap_or(usize::MAX);
    let has_more = found.len() > most;
    found.truncate(most);
    let more = found.last().filter(|_| has_more).map(|last| last.tenant.id.to_string());
    let rows = found.iter().map(|view| Row::of(view, Sight::Masked)).collect();
    written(&List {
        page: visit.page.clone(),
        find,
        status,
        asking: asks_conversion,
        wrong,
        rows,
        more,
        statuses: TenantStatus::ALL,
    })
}

pub(super) async fn show(visit: &Visit<'_>, id: &str, reveal: bool, wrong: Option<String>) -> Answer {
    visit.may(Permission::Look)?;
    let id: TenantId = id.parse().map_err(|_| Refused::NotFound)?;
    let view = visit.ops.parts.operations.tenant(id).await.map_err(failed)?.ok_or(Refused::NotFound)?;
    let sight = visit.sight(reveal, "tenant.reveal", &id.to_string()).await?;
    let tenant = &view.tenant;
    let dates = [
        ("conversion requested", tenant.conversion_asked_at),
        ("converted", tenant.converted_at),
        ("suspended", tenant.suspended_at),
        ("closes", tenant.closes_at),
        ("closed", tenant.closed_at),
    ];
    let dates = dates.into_iter().filter_map(|(name, at)| Some((name, at?.format("%Y-%m-%d %H:%M").to_string())));
    let status = if wrong.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    html(
        status,
        &One {
            page: visit.page.clone(),
            row: Row::of(&view, sight),
            wrong,
            dates: dates.collect(),
            codes: view.access_codes.iter().map(|(kind, code)| (kind.as_str(), code.to_string())).collect(),
            mails: view.mails,
            is_plain: sight == Sight::Plain,
        },
    )
}

pub(super) async fn order(visit: &Visit<'_>, id: &str, action: &str, form: &Fields) -> Answer {
    let tenant: TenantId = id.parse().map_err(|_| Refused::NotFound)?;
    let order = match action {
        "convert" => TenantAction::Convert,
        "extend" => {
            let days: u64 = form.parsed("days").filter(|days| *days <= MOST_DAYS).unwrap_or(0);
            TenantAction::Extend(std::time::Duration::from_hours(24 * days))
        }
        "suspend" => TenantAction::Suspend,
        "resume" => TenantAction::Resume,
        "close" => TenantAction::Close,
        "reopen" => TenantAction::Reopen,
        "resend-mail" => TenantAction::ResendMail,
        _ => return Err(Refused::NotFound),
    };
    let is_mail = order == TenantAction::ResendMail;
    visit.may(if is_mail { Permission::SendMail } else { Permission::ChangeTenant })?;
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
