//! Console page of the daily e-mail limit, runtime settings and operators.

use actix_web::http::StatusCode;
use askama::Template;
use trial_core::policy::{SettingCommand, SettingKey, SettingRefusal, SettingValue};
use trial_engine::operations::Operation;
use trial_engine::operations::operators::{self, OperatorReport};
use trial_engine::operations::quota::{self, QuotaDayReport, ThresholdReport};
use trial_engine::operations::settings::{self, SettingsReport};

use super::visit::{Page, Visit};
use super::{Answer, Refused, failed, html, see};
use crate::fields::Fields;
use crate::ops::settings::made;

#[derive(Template)]
#[template(path = "console/settings.html")]
struct Settings {
    page: Page,
    quota: QuotaDayReport,
    thresholds: Vec<ThresholdReport>,
    list: SettingsReport,
    operators: Vec<OperatorReport>,
    wrong: Option<String>,
}

pub(super) async fn page(visit: &Visit<'_>, wrong: Option<String>) -> Answer {
    visit.may(Operation::ListSettings)?;
    let parts = &visit.ops.parts;
    let now = visit.ops.clock.now();
    let (policy, configured) = (parts.policy.now(), parts.policy.configured());
    let policies = (&*policy, &**configured);
    let quota = quota::show(&*parts.operations, &*parts.settings, policies, now, 1).await.map_err(failed)?;
    let operators = if Operation::ListOperators.is_allowed(visit.operator.role) {
        operators::list(&*parts.operators, now).await.map_err(failed)?.items
    } else {
        Vec::new()
    };
    let settings = Settings {
        page: visit.page.clone(),
        quota: quota.today,
        thresholds: quota.thresholds,
        list: settings::list(&*parts.settings, configured).await.map_err(failed)?,
        operators,
        wrong: wrong.clone(),
    };
    html(if wrong.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK }, &settings)
}

pub(super) async fn set_quota(visit: &Visit<'_>, form: &Fields) -> Answer {
    visit.may(Operation::SetEmailQuota)?;
    let Some(threshold) = form.parsed("threshold") else {
        let wrong = visit.page.t("The limit must be a whole number of 0 or more.");
        return page(visit, Some(wrong.to_owned())).await;
    };
    let value = Some(SettingValue::Count(threshold));
    change(visit, SettingCommand { key: SettingKey::Threshold, value, seen: None }, "threshold").await
}

/// Sets a setting, or resets it to the configured value.
pub(super) async fn set(visit: &Visit<'_>, action: &str, form: &Fields) -> Answer {
    visit.may(if action == "reset" { Operation::ResetSetting } else { Operation::SetSetting })?;
    let key: SettingKey = form.text("key").parse().map_err(|_| Refused::NotFound)?;
    let value = match action {
        "reset" => None,
        "set" => match key.parse(form.text("value").trim()) {
            Ok(value) => Some(value),
            Err(error) => return page(visit, Some(format!("{key}: {error}"))).await,
        },
        _ => return Err(Refused::NotFound),
    };
    change(visit, SettingCommand { key, value, seen: form.parsed("seen") }, "setting").await
}

async fn change(visit: &Visit<'_>, order: SettingCommand, said: &str) -> Answer {
    match made(visit.ops, order, visit.changes()).await.map_err(failed)? {
        Ok(_) => see(&format!("/console/settings?said={said}")),
        Err(SettingRefusal::Faulty(fault)) => page(visit, Some(fault.to_string())).await,
        Err(SettingRefusal::Unseen(_)) => {
            let wrong = visit.page.t("Settings were changed by somebody else meanwhile. Check them and save again.");
            page(visit, Some(wrong.to_owned())).await
        }
    }
}
