//! Console page of number ranges: blocked ones and the safe list.

use actix_web::http::StatusCode;
use askama::Template;
use trial_core::fraud_guard::{SafeOutcome, SafeRange, SafeReason};
use trial_core::policy::BreakerMode;
use trial_core::values::NumberRange;
use trial_engine::operations::Operation;
use trial_engine::operations::number_ranges::{self, NumberRangesReport};

use super::visit::{Page, Visit};
use super::{Answer, Refused, failed, html, see};
use crate::fields::Fields;

#[derive(Template)]
#[template(path = "console/prefixes.html")]
struct Prefixes {
    page: Page,
    what: &'static str,
    ranges: NumberRangesReport,
    wrong: Option<String>,
}

/// Explains the mode.
fn what(mode: BreakerMode) -> &'static str {
    match mode {
        BreakerMode::Off => "The fraud guard is off: no number range is checked or blocked.",
        BreakerMode::Shadow => {
            "The fraud guard is in shadow mode: the listed number ranges would be blocked, but are not."
        }
        BreakerMode::On => "The fraud guard is on: the listed number ranges are blocked.",
    }
}

pub(super) async fn page(visit: &Visit<'_>, wrong: Option<String>) -> Answer {
    visit.may(Operation::ListPrefixes)?;
    let parts = &visit.ops.parts;
    let policy = parts.policy.now();
    let ranges = number_ranges::list(&*parts.prefixes, &policy, visit.ops.clock.now()).await.map_err(failed)?;
    let status = if wrong.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    html(status, &Prefixes { page: visit.page.clone(), what: what(policy.abuse.breaker.mode), ranges, wrong })
}

pub(super) async fn release(visit: &Visit<'_>, prefix: &str) -> Answer {
    visit.may(Operation::ReleasePrefix)?;
    let prefix: NumberRange = prefix.parse().map_err(|_| Refused::NotFound)?;
    let released = visit.ops.parts.prefixes.release_prefix(prefix, visit.changes()).await.map_err(failed)?;
    if released.is_some() { see("/console/prefixes?said=released") } else { Err(Refused::NotFound) }
}

pub(super) async fn add_safe(visit: &Visit<'_>, form: &Fields) -> Answer {
    visit.may(Operation::AddSafePrefix)?;
    let prefix: NumberRange = match form.text("prefix").parse() {
        Ok(prefix) => prefix,
        Err(error) => return page(visit, Some(format!("The number range {error}."))).await,
    };
    let reason = match SafeReason::parse(&form.text("reason")) {
        Ok(reason) => reason,
        Err(error) => return page(visit, Some(format!("The reason {error}."))).await,
    };
    let by = visit.changes();
    let safe = SafeRange::added_by(&by, prefix, reason);
    let wrong = match visit.ops.parts.prefixes.add_safe_prefix(safe, by).await.map_err(failed)? {
        SafeOutcome::Added => return see("/console/prefixes?said=safe"),
        SafeOutcome::AlreadySafe => visit.page.t("This number range is on the safe list already."),
        SafeOutcome::Full => visit.page.t("The safe list is full. Remove a number range first."),
    };
    page(visit, Some(wrong.to_owned())).await
}

pub(super) async fn remove_safe(visit: &Visit<'_>, prefix: &str) -> Answer {
    visit.may(Operation::RemoveSafePrefix)?;
    let prefix: NumberRange = prefix.parse().map_err(|_| Refused::NotFound)?;
    let was_safe = visit.ops.parts.prefixes.remove_safe_prefix(prefix, visit.changes()).await.map_err(failed)?;
    if was_safe { see("/console/prefixes?said=unsafe") } else { Err(Refused::NotFound) }
}
