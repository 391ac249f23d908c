//! The portal's page of the tenant.

use actix_web::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use trial_core::tenants::{Tenant, TenantStatus};
use trial_core::values::AccessCodeKind;

use super::pages::{Course, TenantPage};
use super::visit::Visit;
use super::{Answer, Refused, failed, html};

pub(super) async fn page(visit: &Visit<'_>) -> Answer {
    let tenant = &visit.account.tenant;
    let view = visit.state.ops.parts.operations.tenant(tenant.id).await.map_err(failed)?.ok_or(Refused::SignIn)?;
    let page = &visit.page;
    let kind = |kind: &AccessCodeKind| match kind {
        AccessCodeKind::Voice => page.t("Voice", "语音"),
        AccessCodeKind::Multimedia => page.t("Multimedia", "多媒体"),
    };
    let status = match tenant.status {
        TenantStatus::Trial => page.t("On trial", "试用中"),
        TenantStatus::Commercial => page.t("In commercial use", "正式使用"),
        TenantStatus::Suspended => page.t("Suspended", "已暂停"),
        TenantStatus::Closed => page.t("Closed", "已关闭"),
    };
    let shown = TenantPage {
        page,
        status,
        company: tenant.company.as_str(),
        phone: tenant.phone.masked(),
        email: tenant.email.masked(),
        since: date(visit, tenant.created_at),
        access_codes: view.access_codes.iter().map(|(of, code)| (kind(of), code.to_string())).collect(),
        trial: (tenant.status == TenantStatus::Trial).then(|| course(visit, tenant)),
        asked: tenant.conversion_asked_at.map(|at| date(visit, at)),
    };
    html(StatusCode::OK, &shown)
}

fn course(visit: &Visit<'_>, tenant: &Tenant) -> Course {
    let now = visit.state.clock.now();
    let ends = tenant.trial_ends_at;
    let policy = visit.state.ops.parts.policy.now();
    let rules = &policy.trial;
    let mut reminders: Vec<_> = rules.reminders.iter().map(|before| ends - *before).filter(|at| now < *at).collect();
    reminders.sort_unstable();
    let left = (ends - now).max(TimeDelta::zero());
    Course {
        days_left: left.num_seconds().div_euclid(86_400) + i64::from(left.num_seconds() % 86_400 > 0),
        reminders: reminders.into_iter().map(|at| date(visit, at)).collect(),
        ends: date(visit, ends),
        closes: date(visit, ends + rules.grace),
    }
}

/// In the service's time zone, with its name.
fn date(visit: &Visit<'_>, at: DateTime<Utc>) -> String {
    let timezone = visit.state.ops.parts.policy.configured().quota.timezone;
    let local = at.with_timezone(&timezone);
    let (name, is_chinese) = (timezone.name(), visit.page.is_chinese());
    let zone = match name {
        "UTC" => name.to_owned(),
        "Asia/Shanghai" if is_chinese => "北京时间".to_owned(),
        _ => format!("{name}, UTC{}", local.format("%:z")),
    };
    let time = local.format("%Y-%m-%d %H:%M");
    if is_chinese { format!("{time}（{zone}）") } else { format!("{time} ({zone})") }
}
