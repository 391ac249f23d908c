//! Console pages of applications: search, and one with its timeline.

use askama::Template;
use trial_core::applications::{ApplicationQuery, ApplicationSearch};
use trial_core::return_codes::ApplyCode;
use trial_core::values::ApplicationId;
use trial_engine::operations::Operation;
use trial_engine::operations::applications::{self, ApplicationReport, ApplicationTimeline};
use trial_engine::operations::page::{PAGE, Page as Listing};
use trial_engine::operations::timeline::TimelineEvent;
use trial_engine::operations::{Disclosure, SearchField};

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
    let phones = &visit.state.settings.phone;
    let typed = match text {
        "" => None,
        text => Some(SearchField::of(text, phones).parse(text, phones)?),
    };
    Ok(Unrecorded::new(typed))
}

pub(super) async fn list(visit: &Visit<'_>) -> Answer {
    visit.may(Operation::ListApplications)?;
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
    visit.may(Operation::ShowApplication)?;
    let id: ApplicationId = id.parse().map_err(|_| Refused::NotFound)?;
    let disclosure = visit.disclosure(reveal, "application.reveal", &id.to_string()).await?;
    let policy = visit.ops.parts.policy.now();
    let shown = applications::show(visit.ops.timeline_parts(&policy), id, disclosure).await.map_err(failed)?;
    let ApplicationTimeline { application: row, timeline } = shown.ok_or(Refused::NotFound)?;
    written(&One { page: visit.page.clone(), row, is_revealed: disclosure == Disclosure::Revealed, timeline })
}
