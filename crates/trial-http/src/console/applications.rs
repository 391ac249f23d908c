//! Console pages of applications: search, and one with its timeline.

use askama::Template;
use trial_core::applications::{ApplicationQuery, ApplicationSearch};
use trial_core::operators::Permission;
use trial_core::return_codes::ApplyCode;
use trial_core::values::{ApplicationId, CompanyName, Email, MailHosts, Phone, RequestId};
use trial_engine::operations::Disclosure;
use trial_engine::operations::applications::{self, ApplicationReport, ApplicationTimeline};
use trial_engine::operations::page::{PAGE, Page as Listing};
use trial_engine::operations::timeline::TimelineEvent;

use super::visit::{Page, Visit};
use super::{Answer, Refused, failed, page as written};
use crate::ops::Unrecorded;

#[derive(Template)]
#[template(path = "console/applications.html")]
struct List {
    page: Page,
    find: String,
    code: String,
    wrong: Option<String>,
    rows: Vec<ApplicationReport>,
    more: Option<String>,
    codes: [ApplyCode; ApplyCode::ALL.len()],
}

#[derive(Template)]
#[template(path = "console/application.html")]
struct One {
    page: Page,
    row: ApplicationReport,
    is_revealed: bool,
    timeline: Vec<TimelineEvent>,
}

/// The query of the search box; the search is recorded before it runs.
pub(super) fn query(text: &str, visit: &Visit<'_>) -> Result<Unrecorded<Option<ApplicationQuery>>, String> {
    let typed = if text.is_empty() { None } else { Some(customer(text, visit)?) };
    Ok(Unrecorded::new(typed))
}

/// A phone, an e-mail address, a request id, or else a company name.
fn customer(text: &str, visit: &Visit<'_>) -> Result<ApplicationQuery, String> {
    if text.contains(['@', '＠', '﹫']) {
        let email = Email::parse_at(MailHosts::Any, text);
        return email.map(|email| ApplicationQuery::Email(email.key().clone())).map_err(|error| error.to_string());
    }
    if let Ok(phone) = Phone::parse(text, &visit.state.settings.phone) {
        return Ok(ApplicationQuery::Phone(phone));
    }
    let is_id = text.len() >= 32 && !text.contains(' ');
    if let Some(id) = RequestId::from_caller(text).filter(|_| is_id) {
        return Ok(ApplicationQuery::RequestId(id));
    }
    CompanyName::parse(text).map(|company| ApplicationQuery::Company(company.key().clone())).map_err(|e| e.to_string())
}

pub(super) async fn list(visit: &Visit<'_>) -> Answer {
    visit.may(Permission::Look)?;
    let find = visit.query.text("find");
    let code = visit.query.text("code");
    let (wrong, found) = match query(&find, visit) {
        Err(wrong) => (Some(wrong), Listing { items: Vec::new(), next_cursor: None }),
        Ok(by) => {
            let search = ApplicationSearch {
                by: by.record(visit.ops, &visit.operator, "applications").await?,
                return_code: code.parse().ok(),
                since: None,
                until: None,
                before: visit.query.parsed("before"),
                limit: PAGE,
            };
            let operations = &visit.ops.parts.operations;
            (None, applications::list(&**operations, search, Disclosure::Masked).await.map_err(failed)?)
        }
    };
    written(&List {
        page: visit.page.clone(),
        find,
        code,
        wrong,
        rows: found.items,
        more: found.next_cursor,
        codes: ApplyCode::ALL,
    })
}

pub(super) async fn show(visit: &Visit<'_>, id: &str, reveal: bool) -> Answer {
    visit.may(Permission::Look)?;
    let id: ApplicationId = id.parse().map_err(|_| Refused::NotFound)?;
    let disclosure = visit.disclosure(reveal, "application.reveal", &id.to_string()).await?;
    let policy = visit.ops.parts.policy.now();
    let shown = applications::show(visit.ops.timeline_parts(&policy), id, disclosure).await.map_err(failed)?;
    let ApplicationTimeline { application: row, timeline } = shown.ok_or(Refused::NotFound)?;
    written(&One { page: visit.page.clone(), row, is_revealed: disclosure == Disclosure::Revealed, timeline })
}
