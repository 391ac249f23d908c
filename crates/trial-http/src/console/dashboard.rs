//! Console overview.

use askama::Template;
use chrono::TimeDelta;
use trial_core::mails::{MailPage, MailState};
use trial_core::ports::Dependency;
use trial_core::tenants::TenantSearch;
use trial_engine::operations::Operation;
use trial_engine::operations::access_codes::{self, KindStock};
use trial_engine::operations::quota::{self, QuotaDayReport};
use trial_engine::operations::warnings::{self, WarningReport};

use super::chart::Chart;
use super::visit::{Page, Visit};
use super::{Answer, Refused, failed, page as written};

/// Mails that are counted exactly; above, the page shows "more".
const COUNTED: u32 = 100;

#[derive(Template)]
#[template(path = "console/dashboard.html")]
struct Dashboard {
    page: Page,
    day: Chart,
    fortnight: Chart,
    pool: Vec<KindStock>,
    quota: QuotaDayReport,
    /// Percentage of the daily e-mail limit in use.
    taken: u64,
    due: String,
    failed: String,
    /// Number of tenants whose owners request a conversion.
    asking: String,
    dependencies: Vec<Dependency>,
    warnings: Vec<WarningReport>,
}

pub(super) async fn page(visit: &Visit<'_>) -> Answer {
    visit.may(Operation::Me)?;
    let parts = &visit.ops.parts;
    let now = visit.ops.clock.now();
    let hours = parts.operations.application_hours(now - TimeDelta::days(14), now).await.map_err(failed)?;
    let policy = parts.policy.now();
    let policies = (&*policy, &**parts.policy.configured());
    let quota = quota::show(&*parts.operations, &*parts.settings, policies, now, 1).await.map_err(failed)?.today;
    let count = async |state| {
        let page = MailPage { state: Some(state), tenant: None, before: None, limit: COUNTED + 1 };
        Ok::<_, Refused>(counted(parts.operations.mails(page).await.map_err(failed)?.len()))
    };
    let asking = TenantSearch { by: None, status: None, asks_conversion: true, before: None, limit: COUNTED + 1 };
    let asking = counted(parts.operations.search_tenants(asking).await.map_err(failed)?.len());
    written(&Dashboard {
        page: visit.page.clone(),
        day: Chart::of(&hours, now, 24, 1, "%H"),
        fortnight: Chart::of(&hours, now, 14, 24, "%d"),
        pool: access_codes::stock(&*parts.operations, &policy, now).await.map_err(failed)?.stock,
        taken: u64::from(quota.reserved) * 100 / u64::from(quota.threshold.max(1)),
        warnings: warnings::list(&*parts.upkeep, quota.day).await.map_err(failed)?.items,
        quota,
        asking,
        due: count(MailState::Due).await?,
        failed: count(MailState::Failed).await?,
        dependencies: visit.state.health.dependencies().await,
    })
}

fn counted(found: usize) -> String {
    let most = usize::try_from(COUNTED).unwrap_or(usize::MAX);
    if found > most { format!("> {COUNTED}") } else { found.to_string() }
}
