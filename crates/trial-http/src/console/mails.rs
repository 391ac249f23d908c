//! Console page of the outbox.

use std::time::Duration;

use actix_web::http::StatusCode;
use askama::Template;
use trial_core::mails::{MailPage, MailRetried, MailState};
use trial_core::values::{MailId, SettingDuration};
use trial_engine::operations::Disclosure;
use trial_engine::operations::Operation;
use trial_engine::operations::mails::{self, OutboxMailReport};
use trial_engine::operations::page::PAGE;

use super::visit::{Page, Visit};
use super::{Answer, Refused, failed, html, see};
use crate::fields::Fields;

/// Windows within which failed mails can be retried together.
const WINDOWS: [&str; 4] = ["1h", "6h", "24h", "7d"];
/// Longest accepted window.
const MAX_WINDOW: Duration = Duration::from_hours(30 * 24);

#[derive(Template)]
#[template(path = "console/mails.html")]
struct Mails {
    page: Page,
    state: String,
    rows: Vec<OutboxMailReport>,
    more: Option<String>,
    states: &'static [MailState],
    windows: [&'static str; 4],
    wrong: Option<String>,
}

pub(super) async fn page(visit: &Visit<'_>, wrong: Option<String>) -> Answer {
    visit.may(Operation::ListMails)?;
    let state: Option<MailState> = visit.query.parsed("state");
    let asked = MailPage { state, tenant: None, before: visit.query.parsed("before"), limit: PAGE };
    let found = mails::list(&*visit.ops.parts.operations, asked, Disclosure::Masked).await.map_err(failed)?;
    let (rows, more) = (found.items, found.next_cursor);
    let status = if wrong.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    let state = state.map(|state| state.to_string()).unwrap_or_default();
    html(
        status,
        &Mails { page: visit.page.clone(), state, rows, more, states: MailState::ALL, windows: WINDOWS, wrong },
    )
}

pub(super) async fn retry_all(visit: &Visit<'_>, form: &Fields) -> Answer {
    visit.may(Operation::RetryMails)?;
    let by = visit.changes();
    let within = form.text("within").parse::<SettingDuration>().ok().filter(|within| within.0 <= MAX_WINDOW);
    let Some(SettingDuration(within)) = within else {
        return page(visit, Some(visit.page.t("Enter a duration such as 24h, at most 30d.").to_owned())).await;
    };
    visit.ops.parts.operations.retry_mails(by.at - within, by).await.map_err(failed)?;
    see("/console/mails?said=all-retried")
}

pub(super) async fn retry(visit: &Visit<'_>, id: &str) -> Answer {
    visit.may(Operation::RetryMail)?;
    let id: MailId = id.parse().map_err(|_| Refused::NotFound)?;
    match visit.ops.parts.operations.retry_mail(id, visit.changes()).await.map_err(failed)? {
        MailRetried::Due => see("/console/mails?said=retried"),
        MailRetried::Refused(_) => {
            page(visit, Some(visit.page.t("Only a failed mail can be retried.").to_owned())).await
        }
        MailRetried::Unknown => Err(Refused::NotFound),
    }
}
